"""Micro-kernels of the generated matmul: LLVM IR text, and machine code called by address.

Enters: a Tile (rows x vectors of a width, a dtype). Leaves: the address of

    micro(a, row_stride, k_stride, b, b_stride, c, c_row_stride, k, accumulate, lanes,
          runs, a_run, b_run)

    C[rows, columns] (+)= the sum over r < runs of A_r[rows, k] @ B_r[k, columns]

all int64, strides in elements; A_r begins r * a_run behind A_0. A is broadcast from any strides (a
transposed A needs no packing), the rows of B are vectors b_stride apart, C is a row-major scratch
tile. Of the last vector of a masked tile only `lanes` elements are read. A dot tile has one run and
reads vectors along k from both, so that the columns of B are b_stride apart.
"""

import pathlib
from collections.abc import Callable
from functools import cache

from graphc.runtime.cache import load_ir
from graphc.runtime.ir_text import IRFunction, Values
from graphc.runtime.machine import host
from graphc.schedule.blocking import Core, Tile

MICRO_ARGUMENTS = (
    *("a", "rs", "cs", "b", "bs", "c", "ldc", "k", "accumulate", "lanes"),
    *("runs", "a_run", "b_run"),
)
UNROLL = 2


def _rank_one(
    f: IRFunction, tile: Tile, rows: Values, strides: Values, b: str, mask: str, sums: Values
) -> Values:
    """sums[i, j] + A[i] * B[j] for one k; rows: pointers to the first of every group of rows."""
    vectors, group = [], len(strides)
    for j in range(tile.vectors):
        place = f.at(b, j * tile.width * f.size)
        last = tile.masked and j == tile.vectors - 1
        vectors.append(f.masked_load(place, mask) if last else f.load(place, f.vector))
    new = []
    for i in range(tile.rows):
        factor = f.splat(f.load(f.at(rows[i // group], strides[i % group]), f.scalar))
        for j, vector in enumerate(vectors):
            new.append(f.multiply_add(factor, vector, sums[i * tile.vectors + j]))
    return new


def _store_tile(f: IRFunction, tile: Tile, sums: Values, add: bool) -> None:
    row = "%c.0"
    for i in range(tile.rows):
        for j in range(tile.vectors):
            place, value = f.at(row, j * tile.width * f.size), sums[i * tile.vectors + j]
            if add:
                value = f.value(f"fadd {f.vector} {f.load(place, f.vector)}, {value}")
            f.store(f.vector, value, place)
        row = f.at(row, "%ldc.bytes")
    f.do("ret void")


def _pointers(f: IRFunction, tile: Tile, rs: str, group: int) -> Values:
    """To the first row of every group. Each is hidden from LLVM, which else computes one from the
    other: rows would wait for a chain of additions, one a cycle, where two a cycle can be read.
    """
    step, pointers = f.value(f"mul i64 {rs}, {group}"), [f.value("inttoptr i64 %a to ptr")]
    while len(pointers) < -(-tile.rows // group):
        pointers.append(f.at(pointers[-1], step))
    return [f.hidden(pointer) for pointer in pointers]


def micro_ir(tile: Tile) -> str:
    """The module of a tile's kernel as LLVM IR text."""
    f = IRFunction(tile.dtype, tile.width)
    rs, cs, bs = f.bytes("%rs"), f.bytes("%cs"), f.bytes("%bs")
    f.do(f"%ldc.bytes = mul i64 %ldc, {f.size}")
    f.do("%c.0 = inttoptr i64 %c to ptr")
    group = 8 if tile.vectors == 1 and tile.rows > 8 else 4  # measured: more pointers, fewer spills
    strides = ["0", *(f.value(f"mul i64 {rs}, {row}") for row in range(1, group))]
    mask = f.first_lanes("%lanes") if tile.masked else ""
    pointers = [*_pointers(f, tile, rs, group), f.value("inttoptr i64 %b to ptr")]
    # from the end of a run to the start of the next
    next_a = f.value(f"sub i64 {f.bytes('%a_run')}, {f.value(f'mul i64 %k, {cs}')}")
    next_b = f.value(f"sub i64 {f.bytes('%b_run')}, {f.value(f'mul i64 %k, {bs}')}")

    def steps(rounds: int) -> Callable[[str, Values], Values]:
        def body(index: str, values: Values) -> Values:
            for _ in range(rounds):
                *rows, b = values[: len(pointers)]
                sums = _rank_one(f, tile, rows, strides, b, mask, values[len(pointers) :])
                values = [f.at(row, cs) for row in rows] + [f.at(b, bs)] + sums
            return values

        return body

    kinds = ["ptr"] * len(pointers) + [f.vector] * (tile.rows * tile.vectors)
    whole, rest = f.value(f"sdiv i64 %k, {UNROLL}"), f.value(f"srem i64 %k, {UNROLL}")

    def run(index: str, values: Values) -> Values:
        values = f.loop(whole, list(zip(kinds, values, strict=True)), steps(UNROLL))
        values = f.loop(rest, list(zip(kinds, values, strict=True)), steps(1))
        *rows, b = values[: len(pointers)]
        return [f.at(row, next_a) for row in rows] + [f.at(b, next_b)] + values[len(pointers) :]

    first = pointers + ["zeroinitializer"] * (tile.rows * tile.vectors)
    sums = f.loop("%runs", list(zip(kinds, first, strict=True)), run)[len(pointers) :]
    f.branch(f.value("icmp ne i64 %accumulate, 0"), "add", "store")
    for name in ("add", "store"):
        f.label(name)
        _store_tile(f, tile, sums, name == "add")
    return f.text("micro", MICRO_ARGUMENTS)


def _dot_step(f: IRFunction, rows: Values, columns: Values, mask: str, sums: Values) -> Values:
    """sums[i, j] + A[i] * B[j], lane by lane; rows, columns: pointers to a vector of each."""

    def load(place: str) -> str:
        return f.masked_load(place, mask) if mask else f.load(place, f.vector)

    left, right = [load(place) for place in rows], [load(place) for place in columns]
    products = [(x, y) for x in left for y in right]
    return [f.multiply_add(x, y, z) for (x, y), z in zip(products, sums, strict=True)]


def dot_ir(tile: Tile) -> str:
    """micro_ir of a dot tile: k runs along the lanes, which are added up at the end.

    Both operands have unit stride along k; b_row_stride is here the stride along the columns of B.
    """
    f = IRFunction(tile.dtype, tile.width)
    places = []
    for operand, stride, count in (
        ("a", f.bytes("%rs"), tile.rows),
        ("b", f.bytes("%bs"), tile.vectors),
    ):
        places.append(f.value(f"inttoptr i64 %{operand} to ptr"))
        for _ in range(count - 1):
            places.append(f.at(places[-1], stride))

    def step(index: str, sums: Values, mask: str = "") -> Values:
        offset = f.value(f"mul i64 {index}, {tile.width * f.size}")
        here = [f.at(place, offset) for place in places]
        return _dot_step(f, here[: tile.rows], here[tile.rows :], mask, sums)

    whole = f.value(f"sdiv i64 %k, {tile.width}")
    sums = f.loop(whole, [(f.vector, "zeroinitializer")] * (tile.rows * tile.vectors), step)
    sums = step(whole, sums, f.first_lanes(f.value(f"srem i64 %k, {tile.width}")))
    row = f.value("inttoptr i64 %c to ptr")
    add = f.value("icmp ne i64 %accumulate, 0")
    for i in range(tile.rows):
        for j in range(tile.vectors):
            place = f.at(row, j * f.size)
            old = f.value(f"select i1 {add}, {f.scalar} {f.load(place, f.scalar)}, {f.scalar} 0.0")
            f.store(f.scalar, f.add_lanes(sums[i * tile.vectors + j], old), place)
        row = f.at(row, f.bytes("%ldc"))
    f.do("ret void")
    return f.text("micro", MICRO_ARGUMENTS)


@cache
def micro_address(tile: Tile) -> int:
    """The compiled kernel of a tile."""
    return load_ir(dot_ir(tile) if tile.dot else micro_ir(tile), "micro")


def _cache_bytes(index: int, usual: int) -> int:
    """The size of a cache of the first core, where Linux tells: "48K" -> 49152."""
    place = pathlib.Path(f"/sys/devices/system/cpu/cpu0/cache/index{index}/size")
    text = place.read_text().strip() if place.exists() else ""
    return int(text[:-1]) << 10 if text[-1:] == "K" else usual


@cache
def host_core() -> Core:
    """This computer's vectors, registers and caches."""
    features = {feature for feature in host().features.split(",") if feature[:1] == "+"}
    many = "+avx512f" in features or "+neon" in features
    vector_bytes = 64 if "+avx512f" in features else 32 if "+avx" in features else 16
    return Core(
        vector_bytes=vector_bytes,
        registers=32 if many else 16,
        l1=_cache_bytes(0, 32 << 10),
        l2=_cache_bytes(2, 512 << 10),
    )

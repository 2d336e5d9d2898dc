"""The micro-kernel of a matmul whose operands both lie along the sum, as an LLVM function.

Enters: a dot Tile: `rows` rows of A against `vectors` columns of B. Leaves: the function that
`graphc.runtime.micro.columns` describes, with its differences: A and B have unit stride along k,
b_stride is that along the columns of B, and there is one run. Every sum runs in the lanes of a
vector, which are added up at the end. Columns behind `columns` repeat the last one; rows that no
whole tile covers go one by one. The tile of a single row goes along its columns, as many at once as
a vector has lanes; where a sum fits half a vector, two columns share one: half the lanes are to be
added.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

from graphc.runtime.language.ir_text import IRFunction, Values
from graphc.schedule.tiles import Tile

GROUP = 8  # columns that share a pointer, in the tile of a single row

Columns = list[tuple[str, str]]  # of each a pointer, and how far from it the column begins


@dataclass(frozen=True, slots=True)
class _Depth:
    """How many whole vectors a sum has, and the mask of what is left; where two columns share a
    vector, the mask of its `half`."""

    whole: str
    mask: str
    half: str = ""


def dot_function(tile: Tile) -> IRFunction:
    """The kernel of a dot tile."""
    f = IRFunction(tile.dtype, tile.width)
    f.scaled("rs", "bs", "ldc")
    whole, rest = (f.value(f"{op} i64 %k, {tile.width}") for op in ("sdiv", "srem"))
    depth = _Depth(whole, f.first_lanes(rest))
    places = [f.value(f"inttoptr i64 %{name} to ptr") for name in "bc"]
    together = min(tile.vectors, tile.width)
    if together == tile.vectors:
        _down(f, tile, depth, _clamped(f, together, places[0], "%columns"), places[1], "%columns")
    else:
        _along(f, tile, depth, together, places)
    f.do("ret void")
    return f


def _along(f: IRFunction, tile: Tile, depth: _Depth, together: int, places: Values) -> None:
    """All columns, so many at once."""
    half = tile.width // 2
    pairs = replace(depth, half=f.first_lanes("%k", half))
    strides, group = f.multiples("%bs.bytes", GROUP), f.value(f"mul i64 %bs.bytes, {GROUP}")
    onward = f.value(f"mul i64 {together}, %bs.bytes")

    def whole(depth: _Depth, _: str, values: Values) -> Values:
        b, c = values
        first = [b, *(f.at(b, group) for _ in range(GROUP, together, GROUP))]
        columns = [(first[n // GROUP], strides[n % GROUP]) for n in range(together)]
        _down(f, tile, depth, columns, c, "")
        return [f.at(b, onward), f.at(c, together * f.size)]

    def rest(_: str, values: Values) -> Values:
        b, c = values
        _down(f, tile, depth, _clamped(f, together, b, left), c, left)
        return values

    groups, left = (f.value(f"{op} i64 %columns, {together}") for op in ("sdiv", "srem"))
    short = f.value(f"icmp sle i64 %k, {half}")
    paired = f.value(f"select i1 {short}, i64 {groups}, i64 0")
    single = f.value(f"sub i64 {groups}, {paired}")
    parts = (paired, partial(whole, pairs)), (single, partial(whole, depth))
    for count, body in (*parts, (f.least(left, "1"), rest)):
        places = f.loop(count, [("ptr", place) for place in places], body)


def _clamped(f: IRFunction, count: int, b: str, left: str) -> Columns:
    """So many columns of B, of which only some are left."""
    last = f.value(f"sub i64 {left}, 1")
    columns = [f.least(str(column), last) for column in range(count)]
    return [(f.at(b, f.value(f"mul i64 {column}, %bs.bytes")), "0") for column in columns]


def _down(f: IRFunction, tile: Tile, depth: _Depth, columns: Columns, c: str, left: str) -> None:
    """All rows of some columns; of a row `left` are stored, "": all."""
    sums_of, length = (_pair_sums, tile.width // 2) if depth.half else (_sums, tile.width)

    def tiles(count: int) -> Callable[[str, Values], Values]:
        def body(_: str, values: Values) -> Values:
            a, c = values
            rows = [a]
            while len(rows) < count:
                rows.append(f.at(rows[-1], "%rs.bytes"))
            for sums in sums_of(f, tile, rows, columns, depth):
                _store_row(f, tile, c, left, sums, length)
                c = f.at(c, "%ldc.bytes")
            return [f.at(rows[-1], "%rs.bytes"), c]

        return body

    places = [("ptr", f.value("inttoptr i64 %a to ptr")), ("ptr", c)]
    after = f.loop(f.value(f"sdiv i64 %m, {tile.rows}"), places, tiles(tile.rows))
    if tile.rows > 1:
        places = [("ptr", place) for place in after]
        f.loop(f.value(f"srem i64 %m, {tile.rows}"), places, tiles(1))


def _sums(f: IRFunction, tile: Tile, rows: Values, columns: Columns, depth: _Depth) -> list[Values]:
    """For each row the sums of its columns, in lanes."""
    kinds = [f.vector] * (len(rows) * len(columns))

    def step(index: str, sums: Values, masked: bool = False) -> Values:
        offset = f.value(f"mul i64 {index}, {tile.width * f.size}")

        def read(place: str) -> str:
            return f.masked_load(place, depth.mask if masked else "")

        # rows first, and a column at a time: else there are not registers enough for the sums
        left, new = [read(f.at(row, offset)) for row in rows], list(sums)
        here = {first: f.at(first, offset) for first, _ in columns}
        if len(here) < len(columns):  # LLVM would add the strides before the loop
            here = {first: f.hidden(place) for first, place in here.items()}
        for j, (first, stride) in enumerate(columns):
            right = read(f.at(here[first], stride))
            for i, x in enumerate(left):
                at = i * len(columns) + j
                new[at] = f.multiply_add(x, right, sums[at])
        return new

    sums = f.loop(depth.whole, [(kind, "zeroinitializer") for kind in kinds], step)
    nothing = f.value(f"icmp eq i64 {f.value(f'mul i64 {depth.whole}, {tile.width}')}, %k")
    sums = f.chain(kinds, sums, [(nothing, lambda values: step(depth.whole, values, masked=True))])
    return [sums[i : i + len(columns)] for i in range(0, len(sums), len(columns))]


def _pair_sums(
    f: IRFunction, tile: Tile, rows: Values, columns: Columns, depth: _Depth
) -> list[Values]:
    """The same where a sum fits half a vector: of two columns in one."""
    lanes = tile.width // 2

    def pair(first: str, second: str) -> str:  # two short loads: a long one ends a line further on
        x, y = (f.masked_load(place, depth.half, lanes) for place in (first, second))
        return f.shuffle(x, y, range(2 * lanes), lanes)

    places = [f.at(f.hidden(first), stride) for first, stride in columns]
    right = [pair(*two) for two in zip(places[::2], places[1::2], strict=True)]
    left = [pair(row, row) for row in rows]
    return [[f.value(f"fmul {f.vector} {x}, {y}") for y in right] for x in left]


def _store_row(f: IRFunction, tile: Tile, c: str, left: str, sums: Values, length: int) -> None:
    """The sums of a row, each in so many lanes, to C, or added to it."""
    lanes, values = _added_lanes(f, sums, length)
    kind = f"<{lanes} x {f.scalar}>"
    add = f.value("icmp ne i64 %accumulate, 0")
    for n, value in enumerate(values):
        place, mask = f.at(c, n * lanes * f.size), ""
        if tile.exact and left:
            mask = f.first_lanes(f.value(f"sub i64 {left}, {n * lanes}"), lanes)
        before = f.masked_load(place, mask, lanes)
        old = f.value(f"select i1 {add}, {kind} {before}, {kind} zeroinitializer")
        f.masked_store(f.value(f"fadd {kind} {old}, {value}"), place, mask, lanes)


def _added_lanes(f: IRFunction, vectors: Values, length: int) -> tuple[int, Values]:
    """The sums of every `length` lanes of the vectors, as vectors of so many lanes.

    The halves of two vectors become those of one, and so on; a single one is folded.
    """
    lanes = f.width
    while length > 1:
        before, lanes = lanes, lanes if len(vectors) > 1 else lanes // 2
        pairs = list(zip(vectors[::2], vectors[1::2] or ["poison"], strict=True))
        vectors = [_halves_added(f, x, y, (before, lanes), length) for x, y in pairs]
        length //= 2
    return lanes, vectors


def _halves_added(f: IRFunction, x: str, y: str, lanes: tuple[int, int], length: int) -> str:
    """Of parts of `length`, one after the other in x and y, the sums of their halves; how many
    lanes those have, and the result."""
    before, after = lanes
    half = length // 2
    first = [lane // half * length + lane % half for lane in range(after)]
    low, high = (f.shuffle(x, y, at, before) for at in (first, [lane + half for lane in first]))
    return f.value(f"fadd <{after} x {f.scalar}> {low}, {high}")

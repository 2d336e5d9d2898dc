"""The micro-kernel of a matmul whose operands both lie along the sum, as an LLVM function.

Enters: a dot Tile: `rows` rows of A against `vectors` columns of B. Leaves: the function that
`graphc.runtime.micro` describes, with its differences: A and B have unit stride along k, b_stride
is that along the columns of B, and there is one run. Every sum runs in the lanes of a vector, which
are added up at the end. Columns behind `columns` repeat the last one; rows that no whole tile
covers go one by one.
"""

from collections.abc import Callable

from graphc.runtime.ir_text import IRFunction, Values
from graphc.schedule.tiles import Tile


def dot_function(tile: Tile) -> IRFunction:
    """The kernel of a dot tile."""
    f = IRFunction(tile.dtype, tile.width)
    f.scaled("rs", "bs", "ldc")
    last = f.value("sub i64 %columns, 1")
    b = f.value("inttoptr i64 %b to ptr")
    clamped = [f.least(str(column), last) for column in range(tile.vectors)]
    columns = [f.at(b, f.value(f"mul i64 {column}, %bs.bytes")) for column in clamped]
    whole, rest = (f.value(f"{op} i64 %k, {tile.width}") for op in ("sdiv", "srem"))
    mask = f.first_lanes(rest)
    places = [("ptr", f.value(f"inttoptr i64 %{name} to ptr")) for name in "ac"]

    def tiles(count: int) -> Callable[[str, Values], Values]:
        def body(_: str, values: Values) -> Values:
            a, c = values
            rows = [a]
            while len(rows) < count:
                rows.append(f.at(rows[-1], "%rs.bytes"))
            for sums in _sums(f, tile, rows, columns, whole, mask):
                _store_row(f, tile, c, sums)
                c = f.at(c, "%ldc.bytes")
            return [f.at(rows[-1], "%rs.bytes"), c]

        return body

    after = f.loop(f.value(f"sdiv i64 %m, {tile.rows}"), places, tiles(tile.rows))
    places = [("ptr", place) for place in after]
    f.loop(f.value(f"srem i64 %m, {tile.rows}"), places, tiles(1))
    f.do("ret void")
    return f


def _sums(
    f: IRFunction, tile: Tile, rows: Values, columns: Values, whole: str, mask: str
) -> list[Values]:
    """For each row the sums of its columns, in lanes."""
    kinds = [f.vector] * (len(rows) * len(columns))

    def step(index: str, sums: Values, masked: bool = False) -> Values:
        offset = f.value(f"mul i64 {index}, {tile.width * f.size}")

        def read(place: str) -> str:
            here = f.at(place, offset)
            return f.masked_load(here, mask) if masked else f.load(here, f.vector)

        # rows first, and a column at a time: else there are not registers enough for the sums
        left, new = [read(row) for row in rows], list(sums)
        for j, column in enumerate(columns):
            right = read(column)
            for i, x in enumerate(left):
                at = i * len(columns) + j
                new[at] = f.multiply_add(x, right, sums[at])
        return new

    sums = f.loop(whole, [(kind, "zeroinitializer") for kind in kinds], step)
    nothing = f.value(f"icmp eq i64 {f.value(f'mul i64 {whole}, {tile.width}')}, %k")
    sums = f.chain(kinds, sums, [(nothing, lambda values: step(whole, values, masked=True))])
    return [sums[i : i + len(columns)] for i in range(0, len(sums), len(columns))]


def _store_row(f: IRFunction, tile: Tile, c: str, sums: Values) -> None:
    """The sums of a row to C, or added to it."""
    lanes, values = _added_lanes(f, sums)
    kind = f"<{lanes} x {f.scalar}>"
    add = f.value("icmp ne i64 %accumulate, 0")
    for n, value in enumerate(values):
        place = f.at(c, n * lanes * f.size)
        old = f.value(f"select i1 {add}, {kind} {f.load(place, kind)}, {kind} zeroinitializer")
        f.store(kind, f.value(f"fadd {kind} {old}, {value}"), place)


def _added_lanes(f: IRFunction, vectors: Values) -> tuple[int, Values]:
    """The sum of every vector's lanes, as vectors of so many lanes.

    The halves of two vectors become those of one, and so on; a single one is folded.
    """
    lanes, length = f.width, f.width
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

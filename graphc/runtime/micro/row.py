"""The micro-kernel of one long row against a matrix that no cache holds, as an LLVM function.

Enters: a long Tile. Leaves: the function that `graphc.runtime.micro.columns` describes: of C the
whole row is added to, a few rows of B at a time, which are read from end to end: memory comes
fastest in few long streams, asked for some lines ahead. Behind `columns` nothing is written.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from graphc.runtime.language.ir_text import IRFunction, Values
from graphc.schedule.tiles import Tile

TOGETHER = 8  # rows of B for each access to C
AHEAD = 1024  # bytes


@dataclass(frozen=True, slots=True)
class _Row:
    """How many whole vectors the row has, how many lanes are left, and the mask of these."""

    whole: str
    rest: str
    mask: str


def row_function(tile: Tile) -> IRFunction:
    """The kernel of a long tile."""
    f = IRFunction(tile.dtype, tile.width)
    f.scaled("rs", "cs", "bs", "ldc", "a_run", "b_run")
    whole, rest = (f.value(f"{op} i64 %columns, {tile.width}") for op in ("sdiv", "srem"))
    row, nothing = _Row(whole, rest, f.first_lanes(rest)), f.value("icmp eq i64 %accumulate, 0")
    clears = f.value(f"zext i1 {nothing} to i64")
    a, b, c = (f.value(f"inttoptr i64 %{name} to ptr") for name in "abc")

    def one(_: str, values: Values) -> Values:
        a, c = values
        f.loop(clears, [], lambda *_: _clear(f, row, c))
        f.loop("%runs", [("ptr", a), ("ptr", b)], lambda _, places: _run(f, row, c, *places))
        return [f.at(a, "%rs.bytes"), f.at(c, "%ldc.bytes")]

    f.loop("%m", [("ptr", a), ("ptr", c)], one)
    f.do("ret void")
    return f


def _clear(f: IRFunction, row: _Row, c: str) -> Values:
    def put(place: str, mask: str) -> None:
        f.masked_store("zeroinitializer", f.at(c, place), mask)

    _along(f, row, put)
    return []


def _along(f: IRFunction, row: _Row, body: Callable[[str, str], None]) -> None:
    """body(offset, mask) for every vector of the row."""

    def whole(index: str, _: Values) -> Values:
        body(f.value(f"mul i64 {index}, {f.width * f.size}"), "")
        return []

    def rest(_: str, __: Values) -> Values:
        body(f.value(f"mul i64 {row.whole}, {f.width * f.size}"), row.mask)
        return []

    f.loop(row.whole, [], whole)
    f.loop(f.least(row.rest, "1"), [], rest)


def _run(f: IRFunction, row: _Row, c: str, a: str, b: str) -> Values:
    """Adds all rows of B of a run; gives where the next run begins."""
    places = [a, b]
    for op, count in (("sdiv", TOGETHER), ("srem", 1)):
        times, add = f.value(f"{op} i64 %k, {TOGETHER}"), partial(_add_rows, f, row, c, count)
        places = f.loop(times, [("ptr", place) for place in places], add)
    return [f.at(a, "%a_run.bytes"), f.at(b, "%b_run.bytes")]


def _add_rows(f: IRFunction, row: _Row, c: str, count: int, _: str, places: Values) -> Values:
    """Adds so many rows of B, each times its element of A; gives where the next ones begin."""
    a, b = places
    factors, rows = list[str](), list[str]()
    while len(rows) < count:
        factors.append(f.splat(f.load(a, f.scalar)))
        rows.append(f.hidden(b))
        a, b = f.at(a, "%cs.bytes"), f.at(b, "%bs.bytes")

    def vector(offset: str, mask: str) -> None:
        total = f.masked_load(f.at(c, offset), mask)
        for factor, start in zip(factors, rows, strict=True):
            place = f.at(start, offset)
            f.prefetch(f.at(place, AHEAD))
            total = f.multiply_add(factor, f.masked_load(place, mask), total)
        f.masked_store(total, f.at(c, offset), mask)

    _along(f, row, vector)
    return [a, b]

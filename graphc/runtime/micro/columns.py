"""Micro-kernels of the generated matmul whose vectors lie along the columns, as LLVM functions.

Enters: a Tile (its vectors; how many rows fit the registers). Leaves: the function

    micro(m, rows, columns, a, row_stride, k_stride, b, b_stride, c, c_row_stride, k, accumulate,
          runs, a_run, b_run, b_tap, soon)

    C[m, columns] (+)= the sum over r < runs of A_r[m, k] @ B_r[k, columns]

all int64, strides in elements; A_r begins r * a_run behind A_0. It goes down the m rows in tiles of
`rows`, a number up to the tile's that is known at run time: after each row a branch may leave the
step, which costs nothing that can be measured (every exit is predicted). In a tile of one vector it
would cost a fifth: there every number of rows has a loop. A is broadcast from any strides (a
transposed A needs no packing), the rows of B are vectors b_stride apart, C is row-major; behind
`columns` anything is written, up to a whole tile, but by exact tiles nothing. Of the last vector of
B only what `columns` leaves is read, where masks are quick. A tile of one row goes along as many
vectors as `columns` fill: there the branches stand after vectors. A tile with groups has all its
rows: side by side in a group, and row_stride from one group to the next.

`soon` is the address of a table that `graphc.codegen.asked` describes: lines of memory that tiles
of several groups of rows ask for.

A tile of several taps is for windows that slide along the rows: row i + t of A, which is tap t of
row i, meets the row of B that is t * b_tap further on. An element of A is read once for all taps:
in a tile of one vector every multiply-add would else wait for a read of its own, 17 of them for 16
sums, where two a cycle can be read and two a cycle be added. Such a tile leaves by branches.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple

from graphc.runtime.language.ir_text import IRFunction, Values
from graphc.schedule.contraction_prefetch import ENTRY
from graphc.schedule.tiles import Tile

MICRO_ARGUMENTS = (
    *("m", "rows", "columns", "a", "rs", "cs", "b", "bs", "c", "ldc", "k", "accumulate"),
    *("runs", "a_run", "b_run", "b_tap", "soon"),
)
GROUP = 4  # rows that share a pointer
NARROW_GROUP = 8  # the same in a tile of one vector
SECOND_CACHE = 2  # where a line that is asked for goes, in LLVM's terms
AHEAD = 12  # steps along k: a transposed A has every step in another line, which comes late


class Moving(NamedTuple):
    """A pointer: where it starts, and by how many bytes it moves a step along k, and from the end
    of a run to the start of the next."""

    first: str
    step: str
    jump: str


def micro_function(tile: Tile) -> IRFunction:
    """The kernel of a tile."""
    f = IRFunction(tile.dtype, tile.width)
    f.scaled("rs", "cs", "bs", "ldc", "a_run", "b_run", "b_tap")
    f.do("%b.0 = inttoptr i64 %b to ptr")
    narrow = tile.vectors == 1
    apart = 1 if tile.group > 1 else NARROW_GROUP if narrow else GROUP
    f.do(f"%rs.group = mul i64 %rs.bytes, {apart}")
    f.do(f"%ahead = mul i64 %cs.bytes, {AHEAD}")
    # from the end of a run to the start of the next
    for name, step in (("a_run", "cs"), ("b_run", "bs")):
        f.do(f"%{name}.next = sub i64 %{name}.bytes, {f.value(f'mul i64 %k, %{step}.bytes')}")
    masks, behind = _masks(f, tile), _compared(f, "%columns", tile.width, tile.vectors)
    strides = _strides(f, tile)

    def tile_of_rows(_: str, values: Values) -> Values:
        a, c, left, soon = values
        rows = f.least(left, "%rows")
        entry, following = _entry(f, soon)

        def stored(leave: Values) -> None:
            if narrow:
                sums = _narrow_sums(f, tile, leave, a, strides, masks)
            else:
                sums = _sums(f, tile, leave, a, strides, masks, entry)
            _store_tile(f, tile, leave, c, sums, masks)

        if tile.group > 1:
            stored([""] * tile.rows)
        elif narrow and tile.taps == 1:
            f.switch(rows, {n: partial(stored, [""] * n) for n in range(1, tile.rows + 1)})
        else:
            stored(behind if tile.rows == 1 else _compared(f, rows, 1, tile.rows))
        down = [f.value(f"mul i64 %{name}.bytes, %rows") for name in ("rs", "ldc")]
        return [f.at(a, down[0]), f.at(c, down[1]), f.value(f"sub i64 {left}, {rows}"), following]

    first = [f.value(f"inttoptr i64 %{name} to ptr") for name in ("a", "c", "soon")]
    above = f.value(f"add i64 {f.value('add i64 %m, %rows')}, -1")
    tiles = f.value(f"sdiv i64 {above}, %rows")
    carried = [("ptr", first[0]), ("ptr", first[1]), ("i64", "%m"), ("ptr", first[2])]
    f.loop(tiles, carried, tile_of_rows)
    f.do("ret void")
    return f


def _entry(f: IRFunction, soon: str) -> tuple[Values, str]:
    """The words of the entry at `soon`, for a tile, and the next entry."""
    entry = [f.load(f.at(soon, 8 * n), "i64") for n in range(ENTRY)]
    ends = f.value(f"icmp eq i64 {entry[0]}, 0")
    return [ends, *entry], f.value(f"select i1 {ends}, ptr {soon}, ptr {f.at(soon, 8 * ENTRY)}")


def _asked(f: IRFunction, entry: Values, usual: str) -> tuple[Moving, Values]:
    """The first line that a tile asks for, that of its entry or else A's `usual` one; how far that
    moves, every how many steps, and whether to write there."""
    ends, line, step, how = entry
    line = f.value(f"inttoptr i64 {line} to ptr")
    first = f.value(f"select i1 {ends}, ptr {usual}, ptr {line}")
    jump = f.value(f"select i1 {ends}, i64 %a_run.bytes, i64 0")
    step = f.value(f"select i1 {ends}, i64 %cs.bytes, i64 {step}")
    how = f.value(f"select i1 {ends}, i64 0, i64 {how}")
    pace, written = f.value(f"lshr i64 {how}, 1"), f.value(f"trunc i64 {how} to i1")
    return Moving(first, "0", jump), [step, pace, written]


def _ask(f: IRFunction, n: str, line: str, how: Values) -> None:
    """Asks in step n. Other cores keep what is read; of what is written they lose it in time: else
    a store waits for them (26.8 and 24.6 ms a step of `mlp_large` on two cores)."""
    move, pace, written = how
    place = f.at(line, f.value(f"mul i64 {f.value(f'lshr i64 {n}, {pace}')}, {move}"))
    write, read, on = (f.fresh(name) for name in ("write", "read", "on"))
    f.branch(written, write, read)
    for name in (write, read):
        f.label(name)
        f.prefetch(place, SECOND_CACHE, name == write)
        f.do(f"br label %{on}")
    f.label(on)


def _strides(f: IRFunction, tile: Tile) -> Values:
    """From the first row that has a pointer to each of those that share it."""
    if tile.group > 1:
        return [str(n * f.size) for n in range(tile.group)]
    if tile.vectors == 1:
        return f.multiples("%rs.bytes", NARROW_GROUP)
    return ["0", *(f.value(f"mul i64 %rs.bytes, {row}") for row in range(1, GROUP))]


def _compared(f: IRFunction, count: str, step: int, most: int) -> Values:
    """Is `count` at most 0, step, 2 step, ...?"""
    return [f.value(f"icmp sle i64 {count}, {n * step}") for n in range(most)]


def _masks(f: IRFunction, tile: Tile) -> Values:
    """Of every vector of B which lanes are read; "" for all."""
    if not tile.masked:
        return [""] * tile.vectors
    first = 0 if tile.rows == 1 else tile.vectors - 1
    lanes = [f.value(f"sub i64 %columns, {j * tile.width}") for j in range(first, tile.vectors)]
    return [""] * first + [f.first_lanes(count) for count in lanes]


def _sums(
    f: IRFunction,
    tile: Tile,
    leave: Values,
    a: str,
    strides: Values,
    masks: Values,
    entry: Values,
) -> Values:
    """The sums of a tile whose first row of A is at `a`."""
    rows = _pointers(f, tile.rows, GROUP, a)
    moving = [Moving(row, "%cs.bytes", "%a_run.next") for row in rows]
    how: Values = []
    if len(rows) > 1:
        line, how = _asked(f, entry, f.at(rows[-1], "%ahead"))
        moving.append(line)

    def step(n: str, places: Values, b: str, sums: Values) -> Values:
        f.prefetch(f.at(places[0], "%ahead"))
        if how:
            _ask(f, n, places[-1], how)
        return _rank_one(f, tile, leave, places[: len(rows)], strides, b, masks, sums)

    return _along_depth(f, moving, tile.rows * tile.vectors, step)


def _narrow_sums(
    f: IRFunction, tile: Tile, leave: Values, a: str, strides: Values, masks: Values
) -> Values:
    """The same of one vector, and of all taps; as many rows as `leave` has entries.

    The pointers are hidden in every step: LLVM else adds the strides before the loop, more sums
    than there are registers.
    """
    taps = f.multiples("%b_tap.bytes", tile.taps)

    def step(_: str, pointers: Values, b: str, sums: Values) -> Values:
        pointers = [f.hidden(pointer) for pointer in pointers]
        if tile.taps == 1 and tile.group == 1:
            f.prefetch(f.at(pointers[0], "%ahead"))
        vectors = [f.masked_load(f.at(b, tap), masks[0]) for tap in taps]
        read = [_factor(f, pointers, strides, n) for n in range(tile.taps - 1)]

        def row(i: int) -> Values:
            read.append(_factor(f, pointers, strides, i + tile.taps - 1))
            total = sums[i]
            for x, vector in zip(read[i:], vectors, strict=True):
                total = f.multiply_add(x, vector, total)
            return [total]

        return _chained(f, leave, sums, row)

    pointers = _pointers(f, len(leave) + tile.taps - 1, len(strides), a)
    moving = [Moving(pointer, "%cs.bytes", "%a_run.next") for pointer in pointers]
    return _along_depth(f, moving, len(leave), step)


def _along_depth(
    f: IRFunction,
    moving: Sequence[Moving],
    count: int,
    step: Callable[[str, Values, str, Values], Values],
) -> Values:
    """`count` sums after step(its number, pointers, that to a row of B, sums) -> sums."""
    moving = [*moving, Moving("%b.0", "%bs.bytes", "%b_run.next")]
    first = len(moving)

    def one(index: str, values: Values) -> Values:
        *places, b = values[:first]
        sums = step(index, places, b, values[first:])
        return [*map(f.at, values[:first], (m.step for m in moving)), *sums]

    kinds = ["ptr"] * first + [f.vector] * count

    def run(_: str, values: Values) -> Values:
        values = f.loop("%k", list(zip(kinds, values, strict=True)), one)
        return [*map(f.at, values[:first], (m.jump for m in moving)), *values[first:]]

    start = [*(m.first for m in moving), *["zeroinitializer"] * count]
    return f.loop("%runs", list(zip(kinds, start, strict=True)), run)[first:]


def _pointers(f: IRFunction, rows: int, group: int, a: str) -> Values:
    """To the first row of every group. Each is hidden from LLVM, which else computes one from the
    other: rows would wait for a chain of additions, one a cycle, where two a cycle can be read.
    """
    pointers = [a]
    while len(pointers) < -(-rows // group):
        pointers.append(f.at(pointers[-1], "%rs.group"))
    return [f.hidden(pointer) for pointer in pointers]


def _rank_one(
    f: IRFunction,
    tile: Tile,
    leave: Values,
    rows: Values,
    strides: Values,
    b: str,
    masks: Values,
    sums: Values,
) -> Values:
    """sums[i, j] + A[i] * B[j] for one k; rows: pointers to the first of every group of rows."""

    def vector(j: int) -> str:
        return f.masked_load(f.at(b, j * tile.width * f.size), masks[j])

    if tile.rows == 1:
        only = _factor(f, rows, strides, 0)
        return _chained(f, leave, sums, lambda n: [f.multiply_add(only, vector(n), sums[n])])
    vectors = [vector(j) for j in range(tile.vectors)]

    def row(i: int) -> Values:
        x, first = _factor(f, rows, strides, i), i * tile.vectors
        return [f.multiply_add(x, y, sums[first + j]) for j, y in enumerate(vectors)]

    return _chained(f, leave, sums, row)


def _factor(f: IRFunction, rows: Values, strides: Values, i: int) -> str:
    """The element of row i of A, in all lanes; rows: pointers to the first of every group."""
    group = len(strides)
    return f.splat(f.load(f.at(rows[i // group], strides[i % group]), f.scalar))


def _chained(f: IRFunction, leave: Values, sums: Values, part: Callable[[int], Values]) -> Values:
    """The sums after part(0), part(1), ...: each gives the next, unless it is time to leave."""

    def step(n: int, values: Values) -> Values:
        new = part(n)
        return [*values[: n * len(new)], *new, *values[(n + 1) * len(new) :]]

    steps = [(leave[n], partial(step, n)) for n in range(1, len(leave))]
    return f.chain([f.vector] * len(sums), step(0, sums), steps)


def _store_tile(
    f: IRFunction, tile: Tile, leave: Values, c: str, sums: Values, masks: Values
) -> None:
    """To C, or added to it."""
    add, store, done = (f.fresh(name) for name in ("add", "store", "done"))
    share = len(sums) // len(leave)  # a row, or of one row a vector
    down = f.width * f.size if tile.rows == 1 else "%ldc.bytes"

    def part(n: int, adds: bool, values: Values) -> Values:
        for j, value in enumerate(sums[n * share : (n + 1) * share]):
            place = f.at(values[0], j * f.width * f.size)
            mask = (masks[n] if tile.rows == 1 else masks[j]) if tile.exact else ""
            _store(f, value, place, mask, adds)
        return [f.at(values[0], down)]

    f.branch(f.value("icmp ne i64 %accumulate, 0"), add, store)
    for name, adds in ((add, True), (store, False)):
        f.label(name)
        steps: list[tuple[str, Callable[[Values], Values]]] = [
            (leave[n], partial(part, n, adds)) for n in range(1, len(leave))
        ]
        f.chain(["ptr"], part(0, adds, [c]), steps)
        f.do(f"br label %{done}")
    f.label(done)


def _store(f: IRFunction, value: str, place: str, mask: str, adds: bool) -> None:
    if adds:
        value = f.value(f"fadd {f.vector} {f.masked_load(place, mask)}, {value}")
    f.masked_store(value, place, mask)

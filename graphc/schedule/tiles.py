"""The tiles of a contraction: what a micro-kernel computes at once. Pure data.

Enters: sizes and strides of the operands as a Matmul, the core. Leaves: the cheapest tile, e.g.

    >>> core = Core(vector_bytes=64, registers=32, l1=48 << 10, l2=1 << 20)
    >>> layer = dense("float32", 1, 32, 64, 64, (0, 64, 1), (0, 64, 1))
    >>> tile, cycles = choose_tile(layer, core)
    >>> tile.rows, tile.columns
    (14, 32)

Which tiles there are follows from the core alone (`tiles_of`), so that sizes never need another
one; the tile is the cheapest by a count of cycles (`_cycles`), within a few per cent of what was
measured on Zen 5.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from math import gcd, prod

from graphc.schedule.walk import ONCE, Loop, in_place

SIZES = {"float32": 4, "float64": 8}
LINE = 64
CALL_CYCLES = 20
LONG_SUM = 128  # what one so long reads leaves the first cache
SHORT_SUM = 64  # products: a sum so short waits for the stores of the last one
CACHE_SETS, CACHE_WAYS = 64, 8  # of the first cache: ways that a tile can count on
SET_BYTES = CACHE_SETS * LINE  # what is so far apart shares a set
MOST_VECTORS, MOST_ROWS, FEWEST_ROWS = 4, 16, 4  # of a tile
SLID = (2, 3)  # taps of windows whose inputs are read once for all of them
GROUPS = ((3, 3), (3, 9), (5, 5))  # how many, of how many rows: taps of images of 1 or 3 channels
MASK_BYTES = 32  # vectors from here on can be loaded in part at no cost
EXACT_BYTES = 64  # and from here on stored
FEW_COLUMNS = 8  # are copied, for dot tiles to go along them
WIDE_VECTORS, LONG_VECTORS = 8, 256  # of the tiles of a single row: a long one stays in L1
MANY = 128  # rows and columns from which on a packed B is read in blocks of k
EXIT_CYCLES = 0.08  # of a row that a step may end after, where B comes without waiting
SWEEP = 1.02  # where few rows read a B that no cache holds twice: 8 x 4096 x 4096 330, not 500
ROW_OF_DOTS = 256  # columns that one call of the dot tile of a single row computes


@dataclass(frozen=True, slots=True)
class Core:
    """What blocks depend on: bytes of a vector register, how many there are, a core's caches; how
    many rows repay a copy of a B whose rows lie far apart (0: on this core none do)."""

    vector_bytes: int
    registers: int
    l1: int
    l2: int
    copy_rows: int = 0


@dataclass(frozen=True, slots=True)
class Matmul:
    """C[outer..., i, j] = the sum over the depth loops of A * B; strides in elements.

    Of `outer`, the first `shared` stand in the grid before the blocks of columns, the others behind
    them: those along which B does not move. Sums that are `plain` are stored as they are. Where
    `group` is not 1, rows are groups of so many elements side by side, and a_row is the step from
    one group to the next.
    """

    dtype: str
    outer: tuple[Loop, ...]
    shared: int
    rows: int
    columns: int
    depth: tuple[Loop, ...]
    a_row: int
    b_column: int
    plain: bool = False
    group: int = 1

    @property
    def count(self) -> int:
        """How many matrices the outer loops go over."""
        return prod(loop.extent for loop in self.outer)

    @property
    def panels(self) -> int:
        """How many B there are."""
        return prod(loop.extent for loop in self.outer[: self.shared])

    @property
    def others(self) -> int:
        """How many matrices have the same B, but for those of the last loop."""
        return prod(loop.extent for loop in self.outer[self.shared : -1])

    @property
    def lines(self) -> int:
        """How many steps of the last loop have the same B."""
        return self.outer[-1].extent if len(self.outer) > self.shared else 1

    @property
    def readers(self) -> int:
        """How many matrices read the same packed B."""
        return max(self.others * self.lines, 1)

    @property
    def k(self) -> int:
        """The length of a sum."""
        return prod(loop.extent for loop in self.depth)


def dense(
    dtype: str,
    batch: int,
    rows: int,
    columns: int,
    depth: int,
    a: tuple[int, int, int],
    b: tuple[int, int, int],
) -> Matmul:
    """C[batch, i, j] = A @ B. a: strides along batch, i and depth; b: along batch, depth and j."""
    outer, inner = Loop(batch, a[0], b[0]), Loop(depth, a[2], b[1])
    return Matmul(dtype, (outer,), 1, rows, columns, (inner,), a[1], b[2])


def transposed(matmul: Matmul) -> Matmul:
    """C^T = B^T @ A^T."""
    return replace(
        matmul,
        rows=matmul.columns,
        columns=matmul.rows,
        outer=tuple(loop.swapped for loop in matmul.outer),
        depth=tuple(loop.swapped for loop in matmul.depth),
        a_row=matmul.b_column,
        b_column=matmul.a_row,
    )


def in_shares(matmul: Matmul, parts: int) -> Matmul:
    """With a loop over shares of the depth in front: equal shares of its first loop that allows
    them, `parts`, or else one."""
    found = (n for n, loop in enumerate(matmul.depth) if loop.extent % parts == 0)
    at = next(found, None)
    share, depth = ONCE, list(matmul.depth)
    if at is not None:
        extent, a, b = depth[at].extent // parts, depth[at].a, depth[at].b
        share, depth[at] = Loop(parts, extent * a, extent * b), Loop(extent, a, b)
    outer = (share, *matmul.outer)
    return replace(matmul, outer=outer, shared=matmul.shared + 1, depth=tuple(depth))


def in_groups(matmul: Matmul, core: Core) -> Matmul | None:
    """With the last outer loop, along which B does not move, in the rows; None if no tile is so.

    One tile then has all sums of few channels, which else fill a third of the registers.
    """
    if matmul.shared == len(matmul.outer) or matmul.a_row != 1:
        return None
    *outer, last = matmul.outer
    rows = last.extent * matmul.rows
    if all((t.rows, t.group) != (rows, matmul.rows) for t in tiles_of(core, matmul.dtype)):
        return None
    return replace(matmul, outer=(*outer, ONCE), rows=rows, a_row=last.a, group=matmul.rows)


@dataclass(frozen=True, slots=True)
class Tile:
    """The register block of a micro-kernel: up to `rows` x `vectors` sums of `width` elements.

    Of the last vector of a masked tile any number of lanes is read. In a dot tile every sum is one
    element of C, its lanes run along k. Tiles of one row and dot tiles take fewer columns as well;
    a dot tile of one row goes along its columns, a vector of sums at a time. A tile of several taps
    is for a depth loop of so many, a step of which is a row of A.
    Where `group` is not 1, a tile has just its rows, in groups as those of a Matmul are.
    """

    rows: int
    vectors: int
    width: int
    dtype: str
    masked: bool = False
    dot: bool = False
    taps: int = 1
    group: int = 1

    @property
    def columns(self) -> int:
        return self.vectors if self.dot else self.vectors * self.width

    @property
    def wide(self) -> bool:
        """Whether it is for a single row."""
        return self.rows == 1

    @property
    def long(self) -> bool:
        """Whether it goes along a single row as a whole, a few steps of k at a time."""
        return self.wide and not self.dot and self.vectors > WIDE_VECTORS

    @property
    def for_windows(self) -> bool:
        """Whether it is for sums along several loops alone."""
        return self.taps > 1 or self.group > 1

    @property
    def step(self) -> int:
        """What the columns of a block are a multiple of; along a row there may be fewer."""
        if self.dot and self.wide:
            return self.width
        return WIDE_VECTORS * self.width if self.long else self.columns

    @property
    def exact(self) -> bool:
        """Whether nothing is stored behind the columns: where stores of some lanes are quick."""
        return self.width * SIZES.get(self.dtype, 0) >= EXACT_BYTES


@lru_cache(64)
def tiles_of(core: Core, dtype: str) -> tuple[Tile, ...]:
    """All tiles there are: those of 1, 2, ... vectors, the wide one of one row, the dot tiles,
    those of windows, those of rows in groups.

    Sums, a row of B and one broadcast of a tile fit the registers, both for every tap.
    """
    width, masked = core.vector_bytes // SIZES[dtype], core.vector_bytes >= MASK_BYTES
    most = {v: (core.registers - 1 - v) // v for v in range(1, MOST_VECTORS + 1)}
    wide = [Tile(1, v, width, dtype, masked) for v in (WIDE_VECTORS, LONG_VECTORS)]
    shapes = (*_dots(core), (1, ROW_OF_DOTS))
    dots = [Tile(rows, v, width, dtype, masked=True, dot=True) for rows, v in shapes]
    grouped = [(n, group) for n, group in GROUPS if n * group <= most[1]]
    slid = [(taps, min(core.registers - 2 * taps, MOST_ROWS)) for taps in SLID]
    return (
        *(
            Tile(min(rows, MOST_ROWS), v, width, dtype, masked)
            for v, rows in most.items()
            if rows >= FEWEST_ROWS
        ),
        *wide,
        *dots,
        *(Tile(rows, 1, width, dtype, masked, taps=taps) for taps, rows in slid),
        *(Tile(n * group, 1, width, dtype, masked, group=group) for n, group in grouped),
    )


def _dots(core: Core) -> Sequence[tuple[int, int]]:
    """Rows and columns of the dot tiles: many columns, and few."""
    return ((3, 8), (6, 4)) if core.registers >= 32 else ((3, 4),)


def in_vectors(matmul: Matmul) -> bool:
    """Can the rows of B be loaded as vectors, or one lane of them?"""
    return matmul.b_column == 1 or matmul.columns <= 1


def _pack_cycles(matmul: Matmul) -> float:
    """Packing all of B: squares through registers, or element by element."""
    size, units = SIZES[matmul.dtype], [loop.extent for loop in matmul.depth if loop.b == 1]
    an_element = size / 12 if matmul.b_column == 1 or max(units, default=0) > 1 else 1.1
    return matmul.k * matmul.columns * an_element


def _cycles(matmul: Matmul, tile: Tile, runs: int, readers: int, exits: float) -> float:
    """One matrix by this tile; so many read what it packs.

    A cycle does two multiply-adds, two broadcasts or half a vector from the second cache; a sum
    waits four for the last. Measured, outer products: rows of four vectors are stored in 3.6 cycles
    a vector, of two in 4.6, of one in 7.
    """
    depth, enter, leave, size = matmul.k, 15.0 + 5 * (runs - 1), 1.5, SIZES[matmul.dtype]
    if tile.dot and tile.wide:
        return _row_of_dots(matmul, tile)
    if tile.dot:
        depth, enter = -(-depth // tile.width), 12.0
        leave = 0.5 if tile.vectors >= tile.width // 2 else 1.3  # lanes are added by whole vectors
    depth //= tile.taps
    step_rows = shared_rows(matmul.rows, tile)
    row_tail = matmul.rows % step_rows
    down = [(matmul.rows // step_rows, step_rows), (min(row_tail, 1), row_tail)]
    if tile.dot:
        down = [(matmul.rows // step_rows, step_rows), (row_tail, 1)]
    total = 0.0
    for panels, vectors in _panels(matmul.columns, tile):
        stores = leave * vectors + (0 if tile.dot or depth > SHORT_SUM else 4)
        if matmul.plain and matmul.columns * size % SET_BYTES == 0:
            stores += max(step_rows - CACHE_WAYS, 0) / 2 * vectors  # they drive each other out
        for tiles, rows in down:
            sums = rows * vectors * tile.taps / 2
            step = max(sums, _loads(matmul, tile, rows, vectors), 4) + exits * rows
            total += panels * tiles * (depth * step + enter + rows * stores)
        total += panels * CALL_CYCLES
    vectors = matmul.depth[0].b == 1 if tile.dot else in_vectors(matmul)
    return total if vectors else total + _pack_cycles(matmul) / readers


def _row_of_dots(matmul: Matmul, tile: Tile) -> float:
    """Sums of as many columns as a vector has lanes: a load each, and then its lanes are added;
    half as many where two sums share a vector."""
    sums = -(-matmul.columns // tile.width)
    adding = (0.75 if matmul.k <= tile.width // 2 else 1.5) * tile.width
    a_sum = -(-matmul.k // tile.width) * (tile.width + 1) / 2 + adding
    calls = -(-matmul.columns // tile.columns)
    return matmul.rows * (sums * a_sum + calls * 2 * CALL_CYCLES)


def _panels(columns: int, tile: Tile) -> Iterator[tuple[int, int]]:
    """How many panels of how many vectors there are."""
    whole, tail = divmod(columns, tile.columns)
    yield whole, tile.vectors
    if tail:
        yield 1, tile.vectors if tile.dot else -(-tail // tile.width)


def shared_rows(rows: int, tile: Tile) -> int:
    """Even shares of the rows; a dot tile has its own."""
    if tile.dot:
        return tile.rows
    return max(-(-rows // max(-(-rows // tile.rows), 1)), 1)


def _loads(matmul: Matmul, tile: Tile, rows: int, vectors: int) -> float:
    """Cycles to read what a step needs."""
    if tile.dot:
        return (rows + vectors) / 2
    if tile.wide:
        return 1.6 * vectors  # it reads long rows of B, which the processor foresees
    reads = _row_cycles(matmul, rows + tile.taps - 1)
    if _reads_afar(matmul):
        return reads + 2 * (vectors + 1)
    return max(reads, 2 * vectors * tile.taps)


def _reads_afar(matmul: Matmul) -> bool:
    """Whether every step along a long sum takes its elements of A from another line: out of the
    second cache, as the rows of B."""
    size = SIZES[matmul.dtype]
    long = len(matmul.depth) == 1 and matmul.k >= LONG_SUM
    return long and matmul.a_row == 1 and matmul.depth[0].a * size >= LINE and matmul.group == 1


def _row_cycles(matmul: Matmul, rows: int) -> float:
    """To read one element of each row of A: nearly two a cycle, but for rows a power of two apart:
    they share so few sets of the first cache that they drive each other out. Groups lie in one or
    two lines each."""
    if matmul.group > 1:
        return rows * 0.52
    lines, rest = divmod(matmul.a_row * SIZES[matmul.dtype], LINE)
    sets = CACHE_SETS // gcd(CACHE_SETS, lines) if rest == 0 else CACHE_SETS
    return rows * (2 if rows > CACHE_WAYS * sets else 0.55)


def slid_loop(matmul: Matmul, tile: Tile) -> Loop | None:
    """The loop over the taps of a tile: where a tap sees what the row before saw at the next."""
    if tile.taps == 1:
        return None
    return next((w for w in matmul.depth if (w.extent, w.a) == (tile.taps, matmul.a_row)), None)


def candidates(matmul: Matmul, core: Core) -> Iterator[Tile]:
    """The tiles that can compute it, and are not wider than it."""
    if matmul.group > 1:
        same = (matmul.rows, matmul.group)
        yield from (t for t in tiles_of(core, matmul.dtype) if (t.rows, t.group) == same)
        return
    unit = len(matmul.depth) == 1 and matmul.depth[0].a == 1
    unit = unit and (matmul.depth[0].b == 1 or matmul.columns <= FEW_COLUMNS)
    for tile in (t for t in tiles_of(core, matmul.dtype) if t.group == 1):
        fits = matmul.columns > tile.columns - tile.width or tile.vectors == 1
        slides = tile.taps == 1 or slid_loop(matmul, tile) is not None
        if tile.wide and matmul.rows != 1:
            continue
        if tile.dot and min(matmul.rows, matmul.columns) >= MANY:
            continue  # they go along all of k, and read it again from afar for every few rows
        if tile.wide and not tile.dot and tile.long != _is_streamed(matmul, tile, core):
            continue
        if unit if tile.dot else tile.wide or (fits and slides):
            yield tile


def _is_streamed(matmul: Matmul, tile: Tile, core: Core) -> bool:
    """Whether B comes through the second cache, and rows of it can be read in vectors."""
    size = matmul.k * matmul.columns * SIZES[matmul.dtype]
    return size > core.l2 and tile.masked and matmul.b_column == 1


def choose_tile(
    matmul: Matmul, core: Core, readers: int = 1, copied: bool = False
) -> tuple[Tile, float]:
    """The cheapest tile, and the cycles that it takes, where so many matrices read a packed B.

    Where B is `copied` to be read in time, steps of few rows are faster: 512 x 512 x 512 with 14, 9
    and 6 rows 141, 151 and 156 GFLOP/s of 178 on an Intel server.
    """
    if matmul.dtype not in SIZES:
        return Tile(1, 1, 1, matmul.dtype), 1.0 * matmul.rows * matmul.columns * matmul.k
    runs = in_place(matmul.depth, 1 << 60).run.extent
    exits = EXIT_CYCLES if copied else 0.0
    costs = {t: _cycles(matmul, t, runs, readers, exits) for t in candidates(matmul, core)}
    if core.l2 < matmul.k * matmul.columns * SIZES[matmul.dtype] and matmul.rows <= MOST_ROWS:
        costs = {t: cost if t.rows >= matmul.rows else SWEEP * cost for t, cost in costs.items()}
    best = min(costs, key=costs.__getitem__)
    return best, costs[best]

"""How a contraction of known sizes is cut into blocks and tiles: decided at binding, pure data.

Enters: sizes and strides of the operands, the core. Leaves: a Blocking, e.g.

    >>> core = Core(vector_bytes=64, registers=32, l1=48 << 10, l2=1 << 20)
    >>> layer = dense("float32", 1, 32, 64, 64, (0, 64, 1), (0, 64, 1))
    >>> blocking = choose_blocking(layer, core, parts=1)
    >>> blocking.whole, blocking.extent, blocking.packed_b
    (Tile(rows=8, vectors=2, width=16, dtype='float32', masked=False, dot=False), 1, 0)

The tile is the cheapest one by a count of cycles (`_cycles`), within a few per cent of what was
measured on Zen 5. Blocks matter little once C's block stays in the first-level cache: 128 columns,
and rows to fill half of it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from math import ceil, gcd, prod

from graphc.schedule.walk import Loop, Walk, in_place, packed

SIZES = {"float32": 4, "float64": 8}
LINE = 64
BLOCK_COLUMN_BYTES = 512
CACHE_SETS, CACHE_WAYS = 64, 8  # of the first cache: ways that a tile can count on
DOT_TILES = ((4, 4), (3, 6), (4, 2), (2, 8), (2, 4), (1, 8), (1, 6), (8, 1), (4, 1), (2, 1), (1, 1))


@dataclass(frozen=True, slots=True)
class Core:
    """What blocks depend on: bytes of a vector register, how many there are, a core's caches."""

    vector_bytes: int
    registers: int
    l1: int
    l2: int


@dataclass(frozen=True, slots=True)
class Matmul:
    """C[outer..., i, j] = the sum over the depth loops of A * B; strides in elements.

    Of `outer`, the first `shared` stand in the grid before the blocks of columns, the others behind
    them: those along which B does not move.
    """

    dtype: str
    outer: tuple[Loop, ...]
    shared: int
    rows: int
    columns: int
    depth: tuple[Loop, ...]
    a_row: int
    b_column: int

    @property
    def count(self) -> int:
        """How many matrices the outer loops go over."""
        return prod(loop.extent for loop in self.outer)

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


@dataclass(frozen=True, slots=True)
class Tile:
    """The register block of a micro-kernel: `rows` x `vectors` accumulators of `width` elements.

    Of the last vector of a masked tile only some lanes are read. In a dot tile every accumulator is
    one element of C, its lanes run along k.
    """

    rows: int
    vectors: int
    width: int
    dtype: str
    masked: bool = False
    dot: bool = False

    @property
    def columns(self) -> int:
        return self.vectors if self.dot else self.vectors * self.width


@dataclass(frozen=True, slots=True)
class Blocking:
    """Blocks of the grid, tiles inside a block, the scratch of one part.

    The parts of a team split the grid (shared outer loops, column blocks, other outer loops, row
    blocks): `extent` blocks. What tiles compute is `matmul`: the one asked for, or its transpose,
    B^T @ A^T. `walk` is their way along the depth. The scratch holds a block of C, then one turned
    round if the matmul is the transpose (`turned` is its offset, else 0), then a packed block of B
    (`packed_b`; 0: B is read in place), good for `pack_period` blocks. `cycles` is an estimate.
    """

    matmul: Matmul
    whole: Tile
    fewer_rows: Tile
    fewer_columns: Tile
    corner: Tile
    lanes: int
    walk: Walk
    block_rows: int
    block_columns: int
    row_blocks: int
    column_blocks: int
    extent: int
    turned: int
    packed_b: int
    pack_period: int
    scratch_bytes: int
    cycles: int


def _round_up(value: int, step: int) -> int:
    return -(-value // step) * step


# ---- which tile ---------------------------------------------------------------------------------


def _in_vectors(matmul: Matmul) -> bool:
    """Can the rows of B be loaded as vectors, or one lane of them?"""
    return matmul.b_column == 1 or matmul.columns <= 1


def _pack_cycles(matmul: Matmul) -> float:
    """Packing all of B once: squares through registers, or element by element."""
    size, units = SIZES[matmul.dtype], [loop.extent for loop in matmul.depth if loop.b == 1]
    an_element = size / 12 if matmul.b_column == 1 or max(units, default=0) > 1 else 1.1
    return matmul.k * matmul.columns * an_element


def _cycles(matmul: Matmul, tile: Tile, runs: int) -> float:
    """One matrix by this tile.

    A cycle does two multiply-adds, two broadcasts or half a vector from the second cache; a sum
    waits four for the last.
    """
    depth, enter, leave = matmul.k, 15.0 + 5 * (runs - 1), 1.5
    if tile.dot:
        depth, enter, leave = -(-depth // tile.width), 20.0, 6.0
    width = tile.columns // tile.vectors
    row_tail, column_tail = matmul.rows % tile.rows, -(-(matmul.columns % tile.columns) // width)
    total = 0.0
    for row_tiles, rows in ((matmul.rows // tile.rows, tile.rows), (row_tail > 0, row_tail)):
        for tiles, vectors in (
            (matmul.columns // tile.columns, tile.vectors),
            (column_tail > 0, column_tail),
        ):
            loads = (
                (rows + vectors) / 2 if tile.dot else max(_row_cycles(matmul, rows), 2 * vectors)
            )
            step = max(rows * vectors / 2, loads, 4)
            total += row_tiles * tiles * (depth * step + enter + leave * rows * vectors)
    total += 40 * ((row_tail > 0) + (column_tail > 0))
    return total if tile.dot or _in_vectors(matmul) else total + _pack_cycles(matmul)


def _row_cycles(matmul: Matmul, rows: int) -> float:
    """To read one element of each row of A: nearly two a cycle, but for rows a power of two apart:
    they share so few sets of the first cache that they drive each other out."""
    lines, rest = divmod(matmul.a_row * SIZES[matmul.dtype], LINE)
    sets = CACHE_SETS // gcd(CACHE_SETS, lines) if rest == 0 else CACHE_SETS
    return rows * (2 if rows > CACHE_WAYS * sets else 0.55)


def _vector_tiles(matmul: Matmul, core: Core, width: int) -> Iterator[Tile]:
    """Tiles whose sums, one row of B and one broadcast fit the registers; rows in even shares."""
    for vectors in (1, 2, 3, 4, 6, 8):
        most = (core.registers - 1 - vectors) // vectors
        if most < 1 or (vectors > 1 and matmul.columns <= (vectors - 1) * width):
            continue
        fewest = -(-matmul.rows // most)
        shares = {-(-matmul.rows // tiles) for tiles in range(fewest, fewest + 3)}
        for rows in shares if matmul.rows <= 4 * most else {most & (-4 if most >= 8 else -2) or 1}:
            yield Tile(rows, vectors, width, matmul.dtype)


def _dot_tiles(matmul: Matmul, core: Core, width: int) -> Iterator[Tile]:
    if len(matmul.depth) != 1 or (matmul.depth[0].a, matmul.depth[0].b) != (1, 1):
        return
    for rows, columns in DOT_TILES:
        fits = rows * columns + rows + columns <= core.registers
        if fits and rows <= matmul.rows and columns <= matmul.columns:
            yield Tile(rows, columns, width, matmul.dtype, dot=True)


def _choose_tile(matmul: Matmul, core: Core) -> tuple[Tile, float]:
    if matmul.dtype not in SIZES:
        return Tile(1, 1, 1, matmul.dtype), 1.0 * matmul.rows * matmul.columns * matmul.k
    width = core.vector_bytes // SIZES[matmul.dtype]
    if matmul.rows == 0 or matmul.columns == 0:
        return Tile(1, 1, width, matmul.dtype), 0.0
    runs = in_place(matmul.depth, 1 << 60).run.extent
    tiles = [*_vector_tiles(matmul, core, width), *_dot_tiles(matmul, core, width)]
    costs = {tile: _cycles(matmul, tile, runs) for tile in tiles}
    best = min(tiles, key=costs.__getitem__)
    return best, costs[best]


# ---- which blocks -------------------------------------------------------------------------------


def _packs(matmul: Matmul, tile: Tile, core: Core) -> bool:
    """Is B copied into panels: where it has no vectors, is large, or masks are slow?"""
    if tile.dot or matmul.dtype not in SIZES:
        return False
    size = SIZES[matmul.dtype]
    # measured: a matrix whose rows are pages apart is slow to read in place
    large = matmul.rows >= 128 and matmul.k * matmul.columns * size > 2 * core.l2
    slow_masks = core.vector_bytes < 32 and matmul.columns % tile.width != 0
    return large or slow_masks or not _in_vectors(matmul)


def _block_sizes(matmul: Matmul, tile: Tile, core: Core, parts: int) -> tuple[int, int, int]:
    """Rows and columns of a block, and how much depth one call of a micro-kernel goes along."""
    size = SIZES.get(matmul.dtype, 8)
    wanted = BLOCK_COLUMN_BYTES // size
    columns = matmul.columns if matmul.columns <= 2 * wanted else wanted
    columns = max(_round_up(columns, tile.columns), tile.columns)
    grid = max(matmul.count * -(-matmul.columns // columns), 1)
    most = max(core.l1 // 2 // (columns * size), tile.rows)
    row_blocks = max(-(-matmul.rows // most), 1)
    if grid * row_blocks < 8 * parts:
        row_blocks = _round_up(row_blocks, parts // gcd(parts, grid))
    rows = _round_up(max(-(-matmul.rows // row_blocks), 1), tile.rows)
    return rows, columns, max(core.l2 // 8 // (tile.columns * size), 64)


def make_blocking(
    matmul: Matmul,
    tile: Tile,
    block: tuple[int, int, int],
    pack: bool = False,
    turn: bool = False,
    cycles: float = 0.0,
) -> Blocking:
    """The Blocking of chosen sizes; rows and columns of a block are multiples of the tile."""
    block_rows, block_columns, most_depth = block
    row_tail = matmul.rows % tile.rows or tile.rows
    column_tail = matmul.columns % tile.columns or tile.columns
    width = tile.columns // tile.vectors
    lanes = (column_tail - 1) % width + 1
    edge = replace(tile, vectors=-(-column_tail // width), masked=lanes != width and not pack)
    size = SIZES.get(matmul.dtype, 8)
    c_bytes = _round_up(block_rows * block_columns * size, LINE)
    turned_bytes = _round_up((block_rows * block_columns + tile.width) * size, LINE) if turn else 0
    b_bytes = _round_up(block_columns * matmul.k * size, LINE) if pack else 0
    row_blocks = -(-matmul.rows // block_rows)
    column_blocks = -(-matmul.columns // block_columns)
    most_depth = 1 << 60 if tile.dot else most_depth
    walk = in_place(matmul.depth, most_depth)
    if pack:
        walk = packed(matmul.depth, most_depth, tile.columns)
    return Blocking(
        matmul=matmul,
        whole=tile,
        fewer_rows=replace(tile, rows=row_tail),
        fewer_columns=edge,
        corner=replace(edge, rows=row_tail),
        lanes=lanes,
        walk=walk,
        block_rows=block_rows,
        block_columns=block_columns,
        row_blocks=row_blocks,
        column_blocks=column_blocks,
        extent=matmul.count * row_blocks * column_blocks,
        turned=c_bytes if turn else 0,
        packed_b=c_bytes + turned_bytes if pack else 0,
        pack_period=max(_period(matmul, turn) * row_blocks, 1),
        scratch_bytes=c_bytes + turned_bytes + b_bytes,
        cycles=ceil(cycles * matmul.count),
    )


def _period(matmul: Matmul, turn: bool) -> int:
    """How many matrices in turn have the same B: of a transpose, whose B is A, each has its own."""
    return 1 if turn else prod(loop.extent for loop in matmul.outer[matmul.shared :])


@lru_cache(4096)
def choose_blocking(matmul: Matmul, core: Core, parts: int) -> Blocking:
    """Tiles, blocks and packing for these sizes and strides; at least `parts` blocks if it can."""
    tile, cycles = _choose_tile(matmul, core)
    turn = False
    if 0 < matmul.columns < min(matmul.rows, 64) and matmul.dtype in SIZES:
        transpose = transposed(matmul)
        other, other_cycles = _choose_tile(transpose, core)
        other_cycles += 50 + matmul.rows * matmul.columns * SIZES[matmul.dtype] / 12
        if other_cycles < cycles and not other.dot:
            turn, matmul, tile, cycles = True, transpose, other, other_cycles
    block = _block_sizes(matmul, tile, core, parts)
    return make_blocking(matmul, tile, block, _packs(matmul, tile, core), turn, cycles)

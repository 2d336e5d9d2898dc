"""How a contraction of known sizes is cut into blocks and tiles: decided at binding, pure data.

Enters: sizes and strides of the operands, the core. Leaves: a Blocking, e.g.

    >>> from graphc.schedule.tiles import dense
    >>> core = Core(vector_bytes=64, registers=32, l1=48 << 10, l2=1 << 20)
    >>> layer = dense("float32", 1, 32, 64, 64, (0, 64, 1), (0, 64, 1))
    >>> blocking = choose_blocking(layer, core, parts=1)
    >>> blocking.tile_rows, blocking.whole.columns, blocking.extent, blocking.packed_b
    (11, 32, 1, 0)

`graphc.schedule.tiles` chooses the tile. Blocks matter little once C's block stays in the
first-level cache: 128 columns, and rows to fill half of it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from math import ceil, gcd

from graphc.schedule.contraction_prefetch import Ahead, choose_ahead
from graphc.schedule.slots import STATE_BYTES
from graphc.schedule.spread import is_thin, spread
from graphc.schedule.tiles import (
    CACHE_WAYS,
    LINE,
    SIZES,
    Core,
    Matmul,
    Tile,
    choose_tile,
    in_vectors,
    shared_rows,
    slid_loop,
    tiles_of,
    transposed,
)
from graphc.schedule.walk import Walk, in_place, packed, packed_columns

BLOCK_COLUMN_BYTES = 512
FEW_ROWS = 8
COPY_CYCLES = 8  # of a row of C, short as it may be
WIDE, MOST_PACKED = 448, 16  # columns a part that repay a copy of A, second caches that hold it


@dataclass(frozen=True, slots=True)
class Blocking:
    """Blocks of the grid, tiles inside a block, the scratch of one part.

    The parts of a team split the grid (shared outer loops, column blocks, other outer loops, row
    blocks): `extent` blocks. Of the last of the other outer loops a block has `block_lines`. What
    tiles compute is `matmul`: the one asked for, or its transpose, B^T @ A^T. A block is cut into
    `tile_rows`, and into the columns of `whole`, but what is left for `edge`. `walk` is their way
    along the depth. The scratch holds a state, a block of C, then one turned round if the matmul is
    the transpose (`turned` is its offset from C, else 0), then a packed block of B (`packed_b`; 0:
    B is read in place), good for `pack_period` blocks, then all of A, packed (`packed_a`; 0: in
    place). `ahead` says which memory is asked for while tiles are computed. `cycles` is an
    estimate.
    """

    matmul: Matmul
    tile_rows: int
    whole: Tile
    edge: Tile
    walk: Walk
    block_lines: int
    block_rows: int
    block_columns: int
    line_blocks: int
    row_blocks: int
    column_blocks: int
    extent: int
    turned: int
    packed_a: int
    packed_b: int
    pack_period: int
    ahead: Ahead
    scratch_bytes: int
    cycles: int


def _round_up(value: int, step: int) -> int:
    return -(-value // step) * step


def _packs(matmul: Matmul, tile: Tile, core: Core, parts: int) -> bool:
    """Is B copied into panels: where it has no vectors, many read it, or masks are slow?"""
    if matmul.dtype not in SIZES:
        return False
    if tile.dot:
        return matmul.depth[0].b != 1
    large = matmul.rows >= 128 and (
        matmul.k * matmul.columns * SIZES[matmul.dtype] > 2 * core.l2 or _collides(matmul, core)
    )
    large = large or (not tile.wide and _repays_copy(matmul, core, parts))
    partial = not tile.masked and matmul.columns % tile.width != 0
    return large or partial or not in_vectors(matmul)


def _repays_copy(matmul: Matmul, core: Core, parts: int) -> bool:
    """Does a part read a block of columns, which lie in rows far apart, for so many rows of A that
    it had better copy them? Panels of a large B do not stay in the first cache, and not every
    core looks far enough ahead to hide how long the second one takes: on an Intel server products
    of 256 x 256 x 256 and 512 x 512 x 512 go from 140 and 123 to 160 and 155 GFLOP/s, and a copy
    for 32 rows would cost a tenth. That of a transposed A waits for A, and copies that several
    parts make for it do not pay: `mlp_mid` with 16 threads would take 7 % longer."""
    size = SIZES.get(matmul.dtype)
    if size is None or core.copy_rows == 0 or _reads_much(matmul, core, parts):
        return False
    if matmul.outer or len(matmul.depth) != 1 or matmul.b_column != 1 or matmul.group > 1:
        return False
    row, b = matmul.columns * size, matmul.k * matmul.columns * size
    if row <= BLOCK_COLUMN_BYTES or b <= core.l1 // 2:
        return False
    sharing = max(parts // -(-row // BLOCK_COLUMN_BYTES), 1)  # parts that read the same columns
    if sharing > 1 and matmul.a_row == 1:
        return False
    return matmul.rows // sharing >= core.copy_rows


def _packs_a(matmul: Matmul, core: Core, parts: int) -> bool:
    """Does a part copy the rows of A into panels, the first time that it needs them? Measured: of a
    transposed A larger than the second cache a tile reads from a page of its own every step, 175
    GFLOP/s of 260. A copy is worth its time for many columns."""
    if matmul.dtype not in SIZES or matmul.count != 1 or len(matmul.depth) != 1:
        return False
    columns_first = matmul.a_row == 1 and matmul.depth[0].a >= matmul.rows
    large = core.l2 <= matmul.rows * matmul.k * SIZES[matmul.dtype] <= MOST_PACKED * core.l2
    return columns_first and large and matmul.columns >= WIDE * parts


def _collides(matmul: Matmul, core: Core) -> bool:
    """Measured: rows of B that are a large power of two apart share so few sets of the second cache
    that they drive each other out, 190 GFLOP/s of 260."""
    apart = gcd(*(loop.b * SIZES[matmul.dtype] for loop in matmul.depth), core.l2 // CACHE_WAYS)
    return matmul.k > core.l2 // max(apart, LINE)


def _block_columns(matmul: Matmul, tile: Tile, core: Core, parts: int) -> int:
    """A single row is one block a part, as far as it fits half of the first cache; of a few rows
    one part has blocks as large, for each costs 0.02 us."""
    size, columns = SIZES.get(matmul.dtype, 8), matmul.columns
    wanted = BLOCK_COLUMN_BYTES // size
    if parts == 1 and 0 < matmul.rows <= FEW_ROWS and in_vectors(matmul):
        wanted = max(wanted, core.l1 // 2 // (size * matmul.rows))
    if tile.wide and matmul.dtype in SIZES:
        columns = min(-(-columns // parts), core.l1 // 2 // size)
    elif columns > 2 * wanted:
        columns = wanted
    step = tile.step
    if tile.wide and tile.exact and not tile.dot and not tile.long and in_vectors(matmul):
        step = min(step, max(_round_up(columns, tile.width), tile.width))  # a block for every part
    return max(_round_up(columns, step), step)


def _in_whole_rows(matmul: Matmul, tile: Tile, core: Core, parts: int) -> bool:
    """Are blocks rows of one tile, from end to end? Where the sums are short, what an epilogue
    reads and writes of a large C counts, and B stays in the second cache.

    Measured on cores that share no cache, Adam of 512 x 512 for 128 images: 165 us for 280. A core
    fetches a few lines more than it is asked for: at the end of half a row those of the other one,
    which then waits for them.
    """
    whole = tile.rows * matmul.columns * SIZES.get(matmul.dtype, 8) <= core.l1 * 5 // 8
    return whole and not tile.wide and not tile.dot and _reads_much(matmul, core, parts)


def _reads_much(matmul: Matmul, core: Core, parts: int) -> bool:
    """Does an epilogue of several parts take long, next to the sums?"""
    size = SIZES.get(matmul.dtype)
    if size is None or parts == 1 or matmul.outer or matmul.plain:
        return False
    wide = matmul.columns * size > 2 * BLOCK_COLUMN_BYTES
    large = wide and matmul.rows * matmul.columns * size > core.l2 // 2
    return large and matmul.k * matmul.columns * size <= core.l2 // 2


def _room(matmul: Matmul, core: Core, columns: int, pack: bool) -> int:
    """Bytes for a block of C: half of the first cache. Where every block of rows reads packed
    columns that fill much of the second cache, more rows are worth more: 5 % of 256 x 2048 x 2048.
    But rows that are packed too are to stay in the second cache, side by side in few lines: 237
    GFLOP/s of a transposed 1024 x 1024 x 1024, and 207 with 256 rows.
    """
    large = pack and matmul.k * columns * SIZES[matmul.dtype] >= core.l2 // 2
    return core.l2 // 8 if large else core.l1 // 2


def _block_rows(matmul: Matmul, tile: Tile, parts: int, columns: int, room: int) -> int:
    """C fills the room for it, and every part finds a block; groups of rows are one."""
    if tile.group > 1:
        return tile.rows
    grid = max(matmul.count * -(-matmul.columns // columns), 1)
    most = max(room // (columns * SIZES.get(matmul.dtype, 8)), tile.rows)
    blocks = max(-(-matmul.rows // most), 1)
    if grid * blocks < 8 * parts:
        blocks = _round_up(blocks, parts // gcd(parts, grid))
    rows = max(-(-matmul.rows // blocks), 1)
    return _line_rows(matmul, parts, grid, rows) if matmul.a_row == 1 else rows


def _block(matmul: Matmul, tile: Tile, core: Core, parts: int, pack: bool) -> tuple[int, int]:
    """Its rows and columns; pack: whether those of B are copied, and no rows of A."""
    if _in_whole_rows(matmul, tile, core, parts):
        return _even_rows(matmul.rows, tile.rows, parts), _round_up(matmul.columns, tile.step)
    columns = _block_columns(matmul, tile, core, parts)
    room = _room(matmul, core, columns, pack)
    return _block_rows(matmul, tile, parts, columns, room), columns


def _even_rows(rows: int, most: int, parts: int) -> int:
    """The most rows of which every part has as many."""
    even = (n for n in range(most, most // 2, -1) if -(-rows // n) % parts == 0)
    return next(even, most)


def _line_rows(matmul: Matmul, parts: int, grid: int, rows: int) -> int:
    """Of a transposed A blocks read whole lines, in pairs, where parts stay even: lines that blocks
    share come twice. Measured: 4 to 7 % of a cold 512 x 1024 x 128."""
    lines = min(_round_up(rows, 2 * LINE // SIZES.get(matmul.dtype, 8)), max(matmul.rows, 1))
    blocks = grid * -(-matmul.rows // lines)
    even = matmul.rows % lines == 0 and blocks % parts == 0
    return lines if even or blocks >= 8 * parts else rows


def _block_lines(matmul: Matmul, core: Core, parts: int, block: int, column_blocks: int) -> int:
    """Lines of so many elements that fill half of the first cache; every part finds blocks."""
    lines = max(matmul.lines, 1)
    most = max(core.l1 // 2 // max(block * SIZES.get(matmul.dtype, 8), 1), 1)
    grid = max(matmul.panels * column_blocks * matmul.others, 1)
    return -(-lines // max(-(-lines // most), min(-(-8 * parts // grid), lines)))


def _scratch(c_size: int, packed: tuple[int, int], tile: Tile, turn: bool) -> tuple[int, ...]:
    """Bytes of a block of C, of the same turned round, of packed elements of B and of A."""
    turned = c_size + tile.width if turn else 0
    return tuple(
        _round_up(count * SIZES.get(tile.dtype, 8), LINE) for count in (c_size, turned, *packed)
    )


def make_blocking(
    matmul: Matmul,
    tile: Tile,
    core: Core,
    parts: int,
    turn: bool = False,
    cycles: float = 0.0,
) -> Blocking:
    """The Blocking of a matmul by a tile."""
    pack, pack_a = _packs(matmul, tile, core, parts), _packs_a(matmul, core, parts)
    rows, columns = _block(matmul, tile, core, parts, pack and not pack_a)
    if is_thin(matmul, tile, parts, rows) and not _in_whole_rows(matmul, tile, core, parts):
        tile, rows, columns = spread(matmul, tile, core, parts, (rows, columns))
        pack = _packs(matmul, tile, core, parts)
    row_blocks, column_blocks = -(-matmul.rows // rows), -(-matmul.columns // columns)
    pitch = _round_up(columns, tile.columns)  # from row to row of a block of C
    lines, line_blocks = 1, matmul.lines
    if row_blocks == 1 and not turn and matmul.dtype in SIZES:
        lines = _block_lines(matmul, core, parts, rows * pitch, column_blocks)
        line_blocks = -(-line_blocks // lines)
    blocks = matmul.others * line_blocks * row_blocks
    walk = _walk(matmul, tile, core, pack, columns)
    long = walk.copy.pitch if walk.copy and walk.copy.pitch else matmul.k
    packed = pack * columns * long, pack_a * row_blocks * rows * matmul.k
    c, turned, b, a = _scratch((lines * rows - 1) * pitch + columns, packed, tile, turn)
    return Blocking(
        matmul=matmul,
        tile_rows=shared_rows(rows, tile),
        whole=tile,
        edge=_edge(matmul, tile, core),
        walk=walk,
        block_lines=lines,
        block_rows=rows,
        block_columns=columns,
        line_blocks=line_blocks,
        row_blocks=row_blocks,
        column_blocks=column_blocks,
        extent=matmul.panels * column_blocks * blocks,
        turned=c if turn else 0,
        packed_a=c + turned + b if pack_a else 0,
        packed_b=c + turned if pack else 0,
        pack_period=max(row_blocks if turn else blocks, 1),
        ahead=Ahead()
        if turn
        else choose_ahead(matmul, tile, core, parts, walk, (rows, columns), pack),
        scratch_bytes=STATE_BYTES + c + turned + b + a,
        cycles=ceil(cycles * matmul.count),
    )


def _edge(matmul: Matmul, tile: Tile, core: Core) -> Tile:
    """The tile of the last columns: one of fewer vectors."""
    tail = matmul.columns % tile.columns
    if tile.wide or tail == 0 or tile.taps > 1 or tile.group > 1:
        return tile
    if tile.dot:
        same = (t for t in tiles_of(core, matmul.dtype) if t.dot and t.vectors >= tail)
        return min(same, key=lambda t: t.vectors)
    return tiles_of(core, matmul.dtype)[-(-tail // tile.width) - 1]


def _walk(matmul: Matmul, tile: Tile, core: Core, pack: bool, columns: int) -> Walk:
    """Along the depth: a block of a panel of B is good for the second cache; all of it, if it is
    not much longer, saves 2 to 5 % of 1024 x 1024 x 1024."""
    size = SIZES.get(matmul.dtype, 8)
    across, least = tile.columns, 64
    if tile.wide and matmul.k * matmul.columns * size > 2 * core.l2:
        across, least = columns, 8  # memory is read row by row
    most = 1 << 60 if tile.dot or tile.long else max(core.l2 // 8 // (across * size), least)
    if matmul.k * across * size <= core.l2 // 4:
        most = max(most, matmul.k)  # C is written once, and where it belongs
    if pack and tile.dot:
        return packed_columns(matmul.depth[0], most, _round_up(matmul.k, tile.width))
    tap, most = slid_loop(matmul, tile), max(most // tile.taps, 1)
    if pack:
        return packed(matmul.depth, most, tile.columns, tap)
    return in_place(matmul.depth, most, tap)


def _of_part(matmul: Matmul, parts: int) -> Matmul:
    """What one part has of a long single row: its share of B may fit the second cache."""
    share = -(-matmul.columns // parts)
    return replace(matmul, columns=share) if matmul.rows == 1 and share >= LINE else matmul


@lru_cache(4096)
def choose_blocking(matmul: Matmul, core: Core, parts: int) -> Blocking:
    """Tiles, blocks and packing for these sizes and strides; at least `parts` blocks if it can."""
    copied = _repays_copy(matmul, core, parts)
    tile, cycles = choose_tile(_of_part(matmul, parts), core, matmul.readers, copied)
    turn = False
    if 0 < matmul.columns < min(matmul.rows, 64) and matmul.dtype in SIZES and matmul.group == 1:
        transpose = transposed(matmul)
        other, other_cycles = choose_tile(transpose, core)  # each packs its own
        other_cycles += 50 + matmul.rows * matmul.columns * SIZES[matmul.dtype] / 12
        if matmul.plain and tile.exact:  # which need no copy
            other_cycles += COPY_CYCLES * matmul.rows
        if other_cycles < cycles:
            turn, matmul, tile, cycles = True, transpose, other, other_cycles
    return make_blocking(matmul, tile, core, parts, turn, cycles)

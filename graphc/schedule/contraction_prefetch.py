"""Which memory a contraction asks for ahead, while its tiles are computed: pure data.

Enters: a matmul and how it is cut. Leaves: an `Ahead`, whose numbers `graphc.codegen.asked` reads.
"""

from typing import NamedTuple

from graphc.schedule.tiles import LINE, SIZES, Core, Matmul, Tile, shared_rows
from graphc.schedule.walk import Walk

ENTRY = 3  # words: address, step, twice the pace and 1 if it is to be written
MOST_ARRAYS, MOST_ENTRIES = 4, 256
MOST_ROWS = 512  # with more, the time to pack columns counts little
MOST_PACE = 3


class Ahead(NamedTuple):
    """Of the epilogue's `rows`, or else of the columns that are packed next, `lines` are asked for,
    `across` bytes apart, and of columns that `depths` times, `down` bytes apart; each moves `step`
    bytes every 2 ** `pace` steps of a tile, or if that is 0 from row to row of an array. Columns
    are asked for in the last row `blocks` of those before them. Arrays that are `written` are asked
    for to write there.
    """

    rows: int = 0
    lines: int = 0
    across: int = 0
    depths: int = 0
    down: int = 0
    step: int = 0
    pace: int = 0
    blocks: int = 0
    written: int = 0


def choose_ahead(
    matmul: Matmul,
    tile: Tile,
    core: Core,
    parts: int,
    walk: Walk,
    block: tuple[int, int],
    pack: bool,
) -> Ahead:
    """What is too large for the second cache; of a block of so many rows and columns."""
    rows, columns = block
    size = SIZES.get(matmul.dtype)
    if size is None or matmul.outer or tile.wide or tile.dot or len(matmul.depth) != 1:
        return Ahead()
    few = matmul.plain or matmul.rows <= MOST_ROWS
    if pack and few and matmul.k * matmul.columns * size > 2 * core.l2:
        tiles = walk.blocks * -(-columns // tile.columns) * -(-rows // shared_rows(rows, tile))
        return _columns(matmul, walk, columns, (-(-matmul.rows // rows), tiles))
    large, shared = matmul.rows * matmul.columns * size > core.l2 // 2, int(parts > 1)
    if large and columns >= matmul.columns and walk.block_k > 0:  # rows one behind the other
        lines = -(-rows * matmul.columns * size // (walk.block_k * LINE))
        return Ahead(1, lines, walk.block_k * LINE, 0, 0, LINE, 0, 0, shared)
    if large and walk.block_k >= rows:
        lines = -(-columns * size // LINE) + (matmul.columns * size % LINE != 0)
        pace = min((walk.block_k // rows).bit_length() - 1, MOST_PACE)
        return Ahead(1, lines, LINE, 0, 0, 0, pace, 0, shared)
    return Ahead()


def _columns(matmul: Matmul, walk: Walk, columns: int, grid: tuple[int, int]) -> Ahead:
    """A block of columns over the time of the last row blocks; grid: how many there are, the tiles
    of each, all of block_k steps."""
    size, (loop,), k = SIZES[matmul.dtype], matmul.depth, walk.block_k
    blocks, tiles = grid
    most = min(blocks * tiles, MOST_ENTRIES)
    if matmul.b_column != 1:  # a row of memory for each of the columns
        step, last = -(-matmul.k * size // k), -(-columns // tiles)
        ahead = Ahead(0, columns, matmul.b_column * size, 1, 0, step, 0, last)
        return ahead if columns <= most else Ahead()
    lines, row = columns * size // LINE, loop.b * size
    fitting = [n for n in range(MOST_PACE + 1) if lines * walk.blocks << n <= most]
    if not fitting:
        return Ahead()
    pace = fitting[-1]
    times = walk.blocks << pace
    last = -(-lines * times // tiles)
    return Ahead(0, lines, LINE, times, (k >> pace) * row, row, pace, last)

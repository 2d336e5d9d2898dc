"""Blocks of a contraction so small that many parts have but a few rows each.

Enters: a matmul, what its blocks would be, how many parts there are. Leaves: the tile, the rows and
the columns of blocks that suit what a part has.

Rows alone, shared out over 16 parts, would leave each of them two of 32 and all of B to read: both
rows and columns are cut. Measured on a server with 16 threads, 32 x 784 x 128: 44 us with 2 rows of
128 columns a part, which is what one thread takes.
"""

from dataclasses import replace

from graphc.schedule.tiles import SIZES, Core, Matmul, Tile, choose_tile

# What a part reads costs, next to the sums: of A, that other cores have just computed, more.
ROW_COST, COLUMN_COST = 16, 6
BLOCK_COST = 4096  # of a block, over the length of its sums


def is_thin(matmul: Matmul, tile: Tile, parts: int, rows: int) -> bool:
    """Have blocks of so many rows fewer than a tile, for the sake of the parts alone?"""
    if parts == 1 or matmul.dtype not in SIZES or matmul.group > 1:
        return False
    return rows < min(tile.rows, matmul.rows) and not tile.for_windows


def spread(
    matmul: Matmul, tile: Tile, core: Core, parts: int, block: tuple[int, int]
) -> tuple[Tile, int, int]:
    """The tile, rows and columns of blocks with at most so many columns: the first, by cost, which
    whole tiles fill."""
    step = max(tile.width // 4, 1) if tile.dot else tile.width
    sizes = _sizes(matmul, parts, range(step, block[1] + 1, step))
    for rows, columns in sorted(sizes, key=lambda size: _cost(matmul, parts, *size)):
        of_part = replace(matmul, rows=max(rows, 2), columns=min(columns, matmul.columns))
        chosen, _ = choose_tile(of_part, core, matmul.readers)
        if columns % chosen.step == 0:
            return chosen, rows, columns
    return tile, *block


def _sizes(matmul: Matmul, parts: int, widths: range) -> set[tuple[int, int]]:
    """Equal shares of the rows, by widths."""
    shares = {-(-matmul.rows // count) for count in range(1, min(matmul.rows, parts) + 1)}
    return {(rows, width) for rows in shares for width in widths}


def _cost(matmul: Matmul, parts: int, rows: int, columns: int) -> float:
    """Of the part that has most to do, a step of its sums."""
    blocks = matmul.count * -(-matmul.rows // rows) * -(-matmul.columns // columns)
    reads = ROW_COST * rows + COLUMN_COST * columns
    return -(-blocks // parts) * (rows * columns + reads + BLOCK_COST / max(matmul.k, 1))

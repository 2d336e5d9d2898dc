"""Equal shares of blocks that are not equally large: the last ones of a matmul's rows and columns
are smaller.

Enters: the blocking of a matmul. Leaves: where each part begins, for the runner: with blocks of
144, 144, 144 and 80 columns the first of two parts has 256 columns and not 288.
"""

import numpy as np

from graphc.schedule.blocking import Blocking
from graphc.types import int64

MANY = 4096  # blocks, of which halves are equal enough


def bounds_of(blocking: Blocking, parts: int) -> np.ndarray | None:
    """The first block of each part, and the end of the last; None if equal numbers of blocks are
    as good."""
    if parts == 1 or not 1 < blocking.extent <= MANY:
        return None
    done = np.concatenate([[0], np.cumsum(_work(blocking))])
    wanted = done[-1] * np.arange(parts + 1) // parts
    behind = np.searchsorted(done, wanted)
    before = np.maximum(behind - 1, 0)
    nearer = wanted - done[before] < done[behind] - wanted
    bounds = np.where(nearer, before, behind).astype(int64.numpy)
    even = blocking.extent * np.arange(parts + 1) // parts
    return None if (bounds == even).all() else bounds


def _work(blocking: Blocking) -> np.ndarray:
    """That of each block, in the order of the grid."""
    matmul, width = blocking.matmul, blocking.whole.width
    lines = _sizes(matmul.lines, blocking.block_lines, blocking.line_blocks)
    rows = _sizes(matmul.rows, blocking.block_rows, blocking.row_blocks)
    columns = _sizes(matmul.columns, blocking.block_columns, blocking.column_blocks)
    vectors = -(-columns // width)
    inner = np.tile(np.outer(lines, rows).ravel(), matmul.others)
    return np.tile(np.outer(vectors, inner).ravel(), matmul.panels)


def _sizes(extent: int, block: int, count: int) -> np.ndarray:
    sizes = np.full(count, block)
    sizes[-1:] = extent - block * (count - 1)
    return sizes

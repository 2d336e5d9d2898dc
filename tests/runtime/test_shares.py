"""Shares of a matmul's blocks: the same work for every part."""

from itertools import pairwise

import numpy as np
import pytest

from graphc.runtime.family import host_core
from graphc.runtime.shares import bounds_of
from graphc.schedule.blocking import Blocking, choose_blocking
from graphc.schedule.tiles import Matmul
from graphc.schedule.walk import Loop


def blocking_of(rows: int, columns: int, outer: tuple[Loop, ...] = (), shared: int = 0) -> Blocking:
    depth = (Loop(128, 1, columns),)
    matmul = Matmul("float32", outer, shared, rows, columns, depth, 128, 1)
    return choose_blocking(matmul, host_core(), 2)


def work(blocking: Blocking, first: int, end: int) -> int:
    """Elements of C, block by block as the grid counts them."""
    matmul, total = blocking.matmul, 0
    for block in range(first, end):
        i = block % blocking.row_blocks
        j = block // (blocking.pack_period) % blocking.column_blocks
        rows = min(blocking.block_rows, matmul.rows - i * blocking.block_rows)
        total += rows * min(blocking.block_columns, matmul.columns - j * blocking.block_columns)
    return total


@pytest.mark.parametrize("parts", [1, 2, 3, 8])
@pytest.mark.parametrize("outer", [((), 0), ((Loop(3, 9, 9),), 1), ((Loop(3, 9, 0),), 0)])
@pytest.mark.parametrize(("rows", "columns"), [(1024, 512), (1000, 380), (9, 700), (64, 64)])
def test_parts_do_the_same_work(
    rows: int, columns: int, outer: tuple[tuple[Loop, ...], int], parts: int
) -> None:
    blocking = blocking_of(rows, columns, *outer)
    bounds = bounds_of(blocking, parts)
    if bounds is None:
        bounds = blocking.extent * np.arange(parts + 1) // parts
    assert (bounds[0], bounds[-1]) == (0, blocking.extent)
    assert (np.diff(bounds) >= 0).all()
    shares = [work(blocking, a, b) for a, b in pairwise(bounds.tolist())]
    assert sum(shares) == rows * columns * max(1, 3 * len(outer[0]))
    largest = blocking.block_rows * (blocking.block_columns + blocking.whole.width)
    assert max(shares) <= sum(shares) / parts + largest


def test_equal_blocks_have_no_bounds() -> None:
    assert bounds_of(blocking_of(64, 64), 2) is None
    assert bounds_of(blocking_of(1024, 512), 1) is None

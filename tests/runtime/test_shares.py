"""Shares of a matmul's blocks: the same work for every part."""

from itertools import pairwise
from math import prod

import numpy as np
import pytest

from graphc.runtime.binding.shares import bounds_of
from graphc.runtime.micro.family import host_core
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
        line = block // blocking.row_blocks % blocking.line_blocks * blocking.block_lines
        j = block // (blocking.pack_period) % blocking.column_blocks
        rows = min(blocking.block_rows, matmul.rows - i * blocking.block_rows)
        rows *= min(blocking.block_lines, matmul.lines - line)
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
    assert sum(shares) == rows * columns * prod(loop.extent for loop in outer[0])
    whole = blocking.block_columns + blocking.whole.width
    largest = blocking.block_lines * blocking.block_rows * whole
    assert max(shares) <= sum(shares) / parts + largest


@pytest.mark.parametrize("parts", [2, 3, 8])
@pytest.mark.parametrize("outer", [(Loop(31, 9, 0),), (Loop(5, 9, 0), Loop(9, 9, 0))])
def test_blocks_of_lines_are_shared_by_their_lines(outer: tuple[Loop, ...], parts: int) -> None:
    """The last lines of an image are fewer than a block has."""
    blocking = blocking_of(40, 64, outer)
    assert 1 < blocking.block_lines < outer[-1].extent
    assert outer[-1].extent % blocking.block_lines != 0
    bounds = bounds_of(blocking, parts)
    if bounds is None:
        bounds = blocking.extent * np.arange(parts + 1) // parts
    shares = [work(blocking, a, b) for a, b in pairwise(bounds.tolist())]
    assert sum(shares) == 40 * 64 * prod(loop.extent for loop in outer)
    assert max(shares) <= sum(shares) / parts + blocking.block_lines * 40 * 64


def test_equal_blocks_have_no_bounds() -> None:
    assert bounds_of(blocking_of(64, 64), 2) is None
    assert bounds_of(blocking_of(1024, 512), 1) is None

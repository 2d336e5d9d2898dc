"""Memory of results: lent to one array at a time, and as much the user's as any array's."""

import sys
import threading
from collections.abc import Callable
from types import FrameType
from typing import Any

import numpy as np
import pytest

from graphc.runtime.calls.pool import Pool

F4 = np.dtype("f4")
LINES = range(1, 16)  # more than a loan of two free blocks runs


def at_line(number: int, act: Callable[[], None]) -> Callable[[FrameType, str, Any], Any]:
    """A trace function: `act` runs in a thread of its own ahead of a line of the pool's code."""
    seen = 0

    def trace(frame: FrameType, event: str, _: Any) -> Any:
        nonlocal seen
        if frame.f_globals.get("__name__") != "graphc.runtime.calls.pool":
            return None
        seen += event == "line"
        if event == "line" and seen == number:
            worker = threading.Thread(target=act)
            worker.start()
            worker.join()
        return trace

    return trace


def lend_while(pool: Pool, number: int, act: Callable[[], None]) -> tuple[np.ndarray, int]:
    before = sys.gettrace()
    sys.settrace(at_line(number, act))
    try:
        return pool.lend((300_000,), F4)
    finally:
        sys.settrace(before)


@pytest.mark.parametrize("line", LINES)
@pytest.mark.parametrize("free", [(300_000, 200_000), (200_000, 300_000), (200_000,), (300_000,)])
def test_an_array_may_be_dropped_while_another_is_lent(free: tuple[int, ...], line: int) -> None:
    pool = Pool()
    waiting = [pool.lend((count,), F4)[0] for count in free]
    held = [pool.lend((300_000,), F4)[0]]
    del waiting
    array, address = lend_while(pool, line, held.clear)
    other, _ = pool.lend((300_000,), F4)
    assert array.ctypes.data == address
    assert array.base is not None
    assert array.nbytes <= array.base.nbytes
    assert not np.shares_memory(array, other)


def test_a_result_can_be_made_read_only_and_writable_again() -> None:
    pool = Pool()
    array, address = pool.lend((20, 30), F4)
    for view in (array, array[3:].T):
        view.flags.writeable = False
        with pytest.raises(ValueError, match="read-only"):
            view[0] = 1
        view.flags.writeable = True
        view[0] = 1
    del array
    kept, other = pool.lend((20, 30), F4)
    assert other != address  # the view holds the memory
    del view
    assert pool.lend((20, 30), F4)[1] == address
    assert kept.shape == (20, 30)
    assert pool.lend((0, 3), F4)[0].shape == (0, 3)


def test_memory_is_used_again_for_other_arrays_of_its_size() -> None:
    pool, shape = Pool(), (20, 30)
    first, address = pool.lend(shape, F4)
    del first
    whole, again = pool.lend(shape, np.dtype("i4"))  # the same shape, another dtype
    assert (whole.dtype, again) == (np.dtype("i4"), address)
    del whole
    assert pool.lend((600,), F4)[1] == address
    assert pool.lend((300,), F4)[1] == address  # half of it
    assert pool.lend((149,), F4)[1] != address

"""Memory for the arrays that programs return: used again once nobody holds the array any more.

Enters: shapes and dtypes. Leaves: fresh arrays, 64-byte aligned, and their addresses. Memory that
is new to the process costs a page fault every 4 KB, more than the arithmetic of most kernels that
fill it.

    >>> pool = Pool()
    >>> first, place = pool.lend((2, 300), np.dtype("f4"))
    >>> row = first[1]                      # a view keeps the memory, too
    >>> del first
    >>> second, other = pool.lend((2, 300), np.dtype("f4"))
    >>> del row
    >>> third, again = pool.lend((500,), np.dtype("f4"))
    >>> other == place, again == place
    (False, True)
"""

import ctypes
import weakref
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from math import prod

import numpy as np

from graphc.state import aligned_empty
from graphc.types import uint8

KEPT = 2  # free blocks: a loop holds the last result while it asks for the next
SLACK = 2  # a block is lent to arrays that fill at least this part of it


@dataclass(frozen=True, slots=True, eq=False)
class _Block:
    """Memory and its address; `export` makes the base of a lent array and of all its views.

    The base dies with the last of them. It is no array, for NumPy would make the views of a view
    refer to the array that owns the memory; and it exports a buffer that can be written, for NumPy
    asks it when a user wants a read-only array to be writable again.
    """

    memory: memoryview
    address: int
    export: Callable[[memoryview], ctypes.Array[ctypes.c_uint8]]


@dataclass(frozen=True, slots=True, eq=False)
class _Loan:
    """A block and what tells that its base has died."""

    block: _Block
    end: weakref.ref[ctypes.Array[ctypes.c_uint8]]


def _new_block(size: int) -> _Block:
    memory = aligned_empty((size,), uint8)
    return _Block(memory.data, memory.ctypes.data, (ctypes.c_uint8 * size).from_buffer)


@dataclass(slots=True, eq=False)
class Pool:
    """Blocks of memory, of which `KEPT` wait for the next array.

    One thread at a time may call `lend`. The last reference to an array may go in any thread and
    between any two instructions, those of `lend` too: what then runs must neither lock nor be torn.
    """

    free: deque[_Block] = field(default_factory=lambda: deque(maxlen=KEPT))
    lent: dict[int, _Loan] = field(default_factory=dict)

    def lend(self, shape: tuple[int, ...], dtype: np.dtype) -> tuple[np.ndarray, int]:
        """An array that shares memory with no other that anyone can reach, and its address."""
        block = self._taken(prod(shape) * dtype.itemsize)
        base = block.export(block.memory)
        end = weakref.ref(base, self._take_back)
        self.lent[id(end)] = _Loan(block, end)
        return np.ndarray(shape, dtype, memoryview(base)), block.address

    def _taken(self, size: int) -> _Block:
        """A block that is taken out before its size is read: no other thread reaches it."""
        for _ in range(len(self.free)):  # or more, if one is given back meanwhile; never fewer
            block = self.free.popleft()
            if size <= len(block.memory) <= SLACK * size:
                return block
            self.free.append(block)
        return _new_block(size)

    def _take_back(self, end: weakref.ref[ctypes.Array[ctypes.c_uint8]]) -> None:
        """One atomic step on each collection: the oldest free block makes room."""
        self.free.append(self.lent.pop(id(end)).block)

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

import weakref
from collections import deque
from dataclasses import dataclass, field
from math import prod
from typing import Any

import numpy as np

from graphc.state import aligned_empty
from graphc.types import uint8

KEPT = 2  # free blocks: a loop holds the last result while it asks for the next
SLACK = 2  # a block is lent to arrays that fill at least this part of it


@dataclass(frozen=True, slots=True, eq=False)
class _Block:
    """Memory and its address."""

    memory: np.ndarray
    address: int


@dataclass(slots=True, eq=False, weakref_slot=True)
class _Loan:
    """The base of a lent array and of all its views: it dies with the last of them.

    It is no array, for NumPy makes the views of a view refer to the innermost array.
    """

    block: _Block
    __array_interface__: dict[str, Any]


@dataclass(slots=True, eq=False)
class Pool:
    """Blocks of memory, of which `KEPT` wait for the next array.

    One thread at a time may call `lend`. The last reference to an array may go in any thread and
    between any two instructions, those of `lend` too: what then runs must neither lock nor be torn.
    """

    free: deque[_Block] = field(default_factory=lambda: deque(maxlen=KEPT))
    lent: dict[weakref.ref[_Loan], _Block] = field(default_factory=dict)

    def lend(self, shape: tuple[int, ...], dtype: np.dtype) -> tuple[np.ndarray, int]:
        """An array that shares memory with no other that anyone can reach, and its address."""
        block = self._taken(prod(shape) * dtype.itemsize)
        data = (block.address, False)
        interface = {"shape": shape, "typestr": dtype.str, "data": data, "version": 3}
        loan = _Loan(block, interface)
        self.lent[weakref.ref(loan, self._take_back)] = block
        return np.asarray(loan), block.address

    def _taken(self, size: int) -> _Block:
        """A block that is taken out before its size is read: no other thread reaches it."""
        for _ in range(len(self.free)):  # or more, if one is given back meanwhile; never fewer
            block = self.free.popleft()
            if size <= len(block.memory) <= SLACK * size:
                return block
            self.free.append(block)
        memory = aligned_empty((size,), uint8)
        return _Block(memory, memory.ctypes.data)

    def _take_back(self, loan: weakref.ref[_Loan]) -> None:
        """One atomic step on each collection: the oldest free block makes room."""
        self.free.append(self.lent.pop(loan))

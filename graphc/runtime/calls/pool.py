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
import sysconfig
from collections.abc import Callable
from dataclasses import dataclass, field
from math import prod
from sys import getrefcount
from typing import Any

import numpy as np

from graphc.types import int64, uint8

KEPT = 2  # blocks: a loop holds the last result while it asks for the next
SLACK = 2  # a block is lent to arrays that fill at least this part of it


@dataclass(frozen=True, slots=True, eq=False)
class _Block:
    """Memory, `size` bytes from `start` on, its address, and what makes arrays of the kind that was
    asked for last: NumPy makes such arrays, and all views of them, refer to the array that owns the
    memory, `owner`.
    """

    owner: np.ndarray
    start: int
    size: int
    address: int
    shape: tuple[int, ...]
    dtype: np.dtype
    view: Callable[[], np.ndarray]

    @property
    def words(self) -> tuple[int, ...]:
        """What machine code lends by: see `lending.py`."""
        return id(self.shape), id(self.dtype), id(self.owner), self.address, id(self.view)


def _new_block(shape: tuple[int, ...], dtype: np.dtype) -> _Block:
    size = prod(shape) * dtype.itemsize
    owner: Any = np.empty(size + 64, uint8.numpy)
    address = ctypes.addressof(ctypes.c_char.from_buffer(owner))  # the quickest way to know it
    start = -address % 64
    array = np.ndarray(shape, dtype, owner, start)
    return _Block(owner, start, size, address + start, shape, dtype, array.view)


def _reshaped(old: _Block, shape: tuple[int, ...], dtype: np.dtype) -> _Block:
    array = np.ndarray(shape, dtype, old.owner, old.start)
    return _Block(old.owner, old.start, old.size, old.address, shape, dtype, array.view)


# The references to the memory of a block of which no array is lent. Where other threads run at the
# same time as this one their number says nothing.
_FREE_THREADS = bool(sysconfig.get_config_var("Py_GIL_DISABLED"))
_idle = _new_block((1,), uint8.numpy)
_OWN = -1 if _FREE_THREADS else getrefcount(_idle.owner)


def references(place: int) -> int:
    """How often the object at an address is referred to, as it says itself: machine code reads
    that, and refers to nothing."""
    return ctypes.c_int32.from_address(place).value


OWN_REFERENCES = references(id(_idle.owner))


@dataclass(frozen=True, slots=True, eq=False)
class Pool:
    """The `KEPT` blocks of memory that were made or changed last; all others are the user's.

    One thread at a time may call `lend`. The last reference to an array may go in any thread and
    between any two instructions, those of `lend` too: a block that nobody else holds stays so.
    """

    blocks: list[_Block] = field(default_factory=list[_Block])
    words: np.ndarray = field(default_factory=lambda: np.zeros(1 + 5 * KEPT, int64.numpy))

    def lend(self, shape: tuple[int, ...], dtype: np.dtype) -> tuple[np.ndarray, int]:
        """An array that shares memory with no other that anyone can reach, and its address."""
        for block in self.blocks:
            # a loop asks with the same objects: they are quicker to compare than what they say
            same = block.shape is shape and block.dtype is dtype
            if same and getrefcount(block.owner) == _OWN:
                return block.view(), block.address
        block = self.empty(shape, dtype)
        return block.view(), block.address

    def empty(self, shape: tuple[int, ...], dtype: np.dtype) -> _Block:
        """A block of which no array is lent: from now on the first one."""
        block = self._fitted(shape, dtype)
        words = self.words.data  # a word is written in half of the array's time
        words[0] = 0
        self.blocks[:] = block, *self.blocks[: KEPT - 1]
        for n, word in enumerate((word for b in self.blocks for word in b.words), 1):
            words[n] = word
        words[0] = len(self.blocks)
        return block

    def _fitted(self, shape: tuple[int, ...], dtype: np.dtype) -> _Block:
        """A free block of about the size, which leaves the pool, else a new one."""
        size = prod(shape) * dtype.itemsize
        for n, block in enumerate(self.blocks):
            if size <= block.size <= SLACK * size and getrefcount(block.owner) == _OWN:
                del self.blocks[n]
                return _reshaped(block, shape, dtype)
        return _new_block(shape, dtype)

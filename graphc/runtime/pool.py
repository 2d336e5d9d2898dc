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

import sysconfig
from dataclasses import dataclass, field
from math import prod
from sys import getrefcount

import numpy as np

from graphc.state import aligned_empty
from graphc.types import uint8

KEPT = 2  # blocks: a loop holds the last result while it asks for the next
SLACK = 2  # a block is lent to arrays that fill at least this part of it


@dataclass(frozen=True, slots=True, eq=False)
class _Block:
    """Memory and its address, as bytes and as an array of the kind that was asked for last.

    What is lent are views of `array`: NumPy makes them, and all views of them, refer to the array
    that owns the memory, `owner`.
    """

    owner: np.ndarray
    bytes: np.ndarray
    address: int
    shape: tuple[int, ...]
    dtype: np.dtype
    array: np.ndarray


def _block(bytes: np.ndarray, shape: tuple[int, ...], dtype: np.dtype) -> _Block:
    assert bytes.base is not None
    array = bytes[: prod(shape) * dtype.itemsize].view(dtype).reshape(shape)
    return _Block(bytes.base, bytes, bytes.ctypes.data, shape, dtype, array)


def _new_block(shape: tuple[int, ...], dtype: np.dtype) -> _Block:
    return _block(aligned_empty((prod(shape) * dtype.itemsize,), uint8), shape, dtype)


# The references to the memory of a block of which no array is lent. Where other threads run at the
# same time as this one their number says nothing.
_FREE_THREADS = bool(sysconfig.get_config_var("Py_GIL_DISABLED"))
_idle = _new_block((1,), uint8.numpy)
_OWN = -1 if _FREE_THREADS else getrefcount(_idle.owner)


@dataclass(frozen=True, slots=True, eq=False)
class Pool:
    """The `KEPT` blocks of memory that were made or changed last; all others are the user's.

    One thread at a time may call `lend`. The last reference to an array may go in any thread and
    between any two instructions, those of `lend` too: a block that nobody else holds stays so.
    """

    blocks: list[_Block] = field(default_factory=list[_Block])

    def lend(self, shape: tuple[int, ...], dtype: np.dtype) -> tuple[np.ndarray, int]:
        """An array that shares memory with no other that anyone can reach, and its address."""
        for block in self.blocks:
            # a loop asks with the same objects: they are quicker to compare than what they say
            same = block.shape is shape and block.dtype is dtype
            if same and getrefcount(block.owner) == _OWN:
                return block.array.view(), block.address
        block = self._reshaped(shape, dtype)
        self.blocks[:] = block, *self.blocks[: KEPT - 1]
        return block.array.view(), block.address

    def _reshaped(self, shape: tuple[int, ...], dtype: np.dtype) -> _Block:
        """A free block of about the size, which leaves the pool, else a new one."""
        size = prod(shape) * dtype.itemsize
        for n, block in enumerate(self.blocks):
            if size <= block.bytes.nbytes <= SLACK * size and getrefcount(block.owner) == _OWN:
                del self.blocks[n]
                return _block(block.bytes, shape, dtype)
        return _new_block(shape, dtype)

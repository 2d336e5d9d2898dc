"""State: the arrays that outlive programs, and the lock that guards them.

Enters: a name, a value, a type. Leaves: a cell that owns an aligned copy of the value.

>>> from graphc.types import float32
>>> State("w", np.ones(2), TensorType(float32, (2,)), trainable=True)
State('w', f32[2])
"""

import threading
from collections.abc import Sequence
from typing import Any

import numpy as np

from graphc.types import DType, TensorType

# Held while a program runs, and by whoever reads or writes the arrays that programs share.
STATE_LOCK = threading.RLock()


class State:
    """A named array that outlives programs: a parameter (trainable) or other state.

    The array is aligned to 64 bytes, contiguous, and owned by this cell alone.
    """

    __slots__ = ("__weakref__", "array", "name", "trainable", "type")

    name: str
    type: TensorType
    trainable: bool
    array: np.ndarray[Any, Any]

    def __init__(self, name: str, value: np.ndarray, type: TensorType, trainable: bool) -> None:
        self.name, self.type, self.trainable = name, type, trainable
        self.array = aligned_empty(value.shape, type.dtype)
        self.array[...] = value

    def __repr__(self) -> str:
        return f"State({self.name!r}, {self.type})"


def aligned_empty(shape: Sequence[int], dtype: DType) -> np.ndarray:
    """An uninitialised C-contiguous array whose first byte is at a multiple of 64."""
    count = int(np.prod(shape, dtype=np.int64))
    raw = np.empty(count * dtype.itemsize + 64, np.uint8)
    start = -raw.ctypes.data % 64
    return raw[start : start + count * dtype.itemsize].view(dtype.numpy).reshape(tuple(shape))

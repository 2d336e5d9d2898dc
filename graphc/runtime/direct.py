"""Calls without Python in between: a binding's entry as a function that CPython calls directly.

Enters: a binding in memory. Leaves: a function of the program's arguments: True if the program ran,
False if it failed, None if the arguments are no arrays of the binding's sizes and dtypes.

How objects lie in memory is no promise of CPython and NumPy: it is compared with what they say of
an array, and where it is something else there are no such functions, and calls go the long way.
"""

import ctypes
import functools
import struct
import sys
import sysconfig
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from graphc.runtime.binding import Slot
from graphc.runtime.cache import load_kernels
from graphc.runtime.entry import enter, takes, takes_array, takes_float
from graphc.runtime.machine import process_address
from graphc.runtime.team import native_runner, source_of

ENTRY = source_of(enter, takes, takes_array, takes_float, result="i64")
Enter = Callable[..., bool | None]
_FASTCALL = 0x80  # of CPython: a function gets an array of its arguments, and their number


class _Method(ctypes.Structure):
    _fields_ = (
        ("name", ctypes.c_char_p),
        ("function", ctypes.c_void_p),
        ("flags", ctypes.c_int),
        ("doc", ctypes.c_char_p),
    )


@dataclass(frozen=True, slots=True, eq=False)
class Fed:
    """An input of a binding: its slot, the address where it is copied to, or 0, and the words that
    point into it, by address."""

    slot: Slot
    home: int
    words: Sequence[int]


def entry_of(table: int, threads: int, inputs: Sequence[Fed]) -> Enter | None:
    """The function that feeds a table and runs it; None where objects lie otherwise in memory."""
    if not is_known_layout():
        return None
    make, method = _maker()
    return make(ctypes.byref(method), block_of(table, threads, inputs), None)


def block_of(table: int, threads: int, inputs: Sequence[Fed]) -> np.ndarray:
    """The words that `enter` reads."""
    native = native_runner()
    head = table, threads, native.services, native.address, *_addresses(), len(inputs)
    return np.array([*head, *(word for fed in inputs for word in _entry(fed))], np.int64)


def _entry(fed: Fed) -> list[int]:
    slot = fed.slot
    single = slot.dtype == np.float32 and not slot.shape
    pairs = [] if fed.home else zip(fed.words, slot.ahead, strict=True)
    words = [id(slot.dtype), len(slot.shape), slot.bytes, fed.home, single, *slot.shape]
    words += [word for pair in pairs for word in pair]
    return [1 + len(words), *words]


@functools.cache
def _addresses() -> tuple[int, ...]:
    names = "PyEval_SaveThread", "PyEval_RestoreThread", "Py_IncRef"
    of_python = (ctypes.cast(getattr(ctypes.pythonapi, n), ctypes.c_void_p).value for n in names)
    objects = np.ndarray, float, None, True, False
    return (*(a or 0 for a in of_python), process_address("memcpy"), *map(id, objects))


@functools.cache
def _maker() -> tuple[Callable[..., Any], _Method]:
    """CPython's maker of functions, and what they all share."""
    (function,) = load_kernels([ENTRY])
    make = ctypes.pythonapi.PyCFunction_NewEx
    make.restype = ctypes.py_object
    make.argtypes = ctypes.c_void_p, ctypes.py_object, ctypes.c_void_p
    return make, _Method(b"enter", function, _FASTCALL, None)


@functools.cache
def is_known_layout() -> bool:
    """Whether objects lie in memory as `entry.py` says."""
    if sys.implementation.name != "cpython" or sysconfig.get_config_var("Py_GIL_DISABLED"):
        return False
    if struct.calcsize("P") != 8:
        return False
    samples = np.zeros((2, 3), np.float32), np.zeros((4, 1, 2), np.int64).T
    return all(map(_lies_as_told, samples)) and _words(1.5, 3)[2] == _bits(1.5)


def _lies_as_told(array: np.ndarray) -> bool:
    words = _words(array, 9)
    told = id(np.ndarray), array.ctypes.data, array.ndim, id(array.dtype), array.flags.num
    seen = words[1], words[2], words[3] & 0xFFFFFFFF, words[7], words[8] & 0xFFFFFFFF
    if seen != told:
        return False
    return [*(ctypes.c_int64 * array.ndim).from_address(words[4])] == [*array.shape]


def _words(value: object, count: int) -> list[int]:
    return [*(ctypes.c_int64 * count).from_address(id(value))]


def _bits(value: float) -> int:
    return struct.unpack("q", struct.pack("d", value))[0]

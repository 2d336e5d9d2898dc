"""Calls without Python in between: a binding's entry as a function that CPython calls directly.

Enters: a binding in memory. Leaves: a function of the program's arguments: a tuple of its outputs
if the program ran, False if it failed, None if the arguments are no arrays of the binding's sizes
and dtypes.

How objects lie in memory is no promise of CPython and NumPy: it is compared with what they say of
an array, and where it is something else there are no such functions, and calls go the long way.
"""

import ctypes
import functools
import struct
import sys
import sysconfig
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from graphc.runtime.binding.binding import Slot
from graphc.runtime.calls.entry import enter, takes, takes_array, takes_float
from graphc.runtime.calls.lending import (
    drops,
    emptied_block,
    idle_block,
    lend_block,
    lends,
    results,
)
from graphc.runtime.calls.pool import OWN_REFERENCES, Pool, references
from graphc.runtime.language.machine import process_address
from graphc.runtime.objects.cache import load_kernels
from graphc.runtime.threads.team import get_threads, native_runner, source_of

TAKES = takes, takes_array, takes_float
LENDS = lends, idle_block, emptied_block, lend_block, drops, results
ENTRY = source_of(enter, *TAKES, *LENDS, result="i64")
Enter = Callable[..., tuple[Any, ...] | Literal[False] | None]
OUTPUTS_AT = 18  # word of a block
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


@dataclass(frozen=True, slots=True, eq=False)
class Made:
    """An output of a binding: its slot, and what is called for its array or scalar; or, where it is
    lent memory, so that the pool has idle memory. An array is copied from its `home`. Words that
    point into lent memory, by address."""

    slot: Slot
    call: Callable[[], object]
    home: int = 0
    pool: Pool | None = None
    words: Sequence[int] = ()


def entry_of(
    table: int, threads: int, inputs: Sequence[Fed], outputs: Sequence[Made]
) -> Enter | None:
    """The function that feeds a table and runs it, good while inputs and outputs live; None where
    objects lie otherwise in memory."""
    if not is_known_layout():
        return None
    make, method = _maker()
    return make(ctypes.byref(method), block_of(table, threads, inputs, outputs), None)


def block_of(
    table: int, threads: int, inputs: Sequence[Fed], outputs: Sequence[Made]
) -> np.ndarray:
    """The words that `enter` reads."""
    native = native_runner()
    head = table, threads, native.services, native.address, *_addresses()
    read = [word for fed in inputs for word in _read(fed)]
    made = [word for output in outputs for word in _lent(output)]
    words = [*head, OWN_REFERENCES, len(outputs), 0, get_threads(), len(inputs), *read]
    block = np.array([*words, *made], np.int64)
    block[OUTPUTS_AT] = block.ctypes.data + 8 * len(words)
    return block


def _read(fed: Fed) -> list[int]:
    slot = fed.slot
    single = slot.dtype == np.float32 and not slot.shape
    words = [id(slot.dtype), len(slot.shape), slot.bytes, fed.home, single, *slot.shape]
    return _entry([*words, *([] if fed.home else _pairs(slot, fed.words))])


def _lent(made: Made) -> list[int]:
    slot, pool = made.slot, made.pool
    if pool is None:
        return _entry([0, 0, id(made.call), made.home, slot.bytes])
    words = [0, pool.words.ctypes.data, id(made.call), id(slot.shape), id(slot.dtype)]
    return _entry([*words, *_pairs(slot, made.words)])


def _entry(words: Sequence[int]) -> list[int]:
    return [1 + len(words), *words]


def _pairs(slot: Slot, words: Sequence[int]) -> Iterator[int]:
    return (word for pair in zip(words, slot.ahead, strict=False) for word in pair)


@functools.cache
def _addresses() -> tuple[int, ...]:
    ahead = map(_function, ("PyEval_SaveThread", "PyEval_RestoreThread", "Py_IncRef"))
    objects = map(id, (np.ndarray, float, None, False))
    names = "Py_DecRef", "PyObject_CallNoArgs", "PyTuple_New", "PyTuple_SetItem"
    return (*ahead, process_address("memcpy"), *objects, *map(_function, names))


def _function(name: str) -> int:
    return ctypes.cast(getattr(ctypes.pythonapi, name), ctypes.c_void_p).value or 0


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
    if not _counts_references():
        return False
    samples = np.zeros((2, 3), np.float32), np.zeros((4, 1, 2), np.int64).T
    return all(map(_lies_as_told, samples)) and _words(1.5, 3)[2] == _bits(1.5)


def _counts_references() -> bool:
    thing = object()
    before = references(id(thing))
    held = [thing] * 3
    return references(id(thing)) - before == len(held)


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

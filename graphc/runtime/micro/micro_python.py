"""Micro-kernels and packing in NumPy on raw memory: what an un-jitted matmul calls.

Enters: a Tile. Leaves: a Python function of the same int64 arguments, or its address.

    >>> a, b, c = np.ones((2, 3)), np.ones((3, 8)), np.zeros((2, 8))
    >>> places = (x.ctypes.data for x in (a, b, c))
    >>> at_a, at_b, at_c = places
    >>> micro = micro_python(Tile(8, 1, 8, "float64"))
    >>> micro(2, 2, 8, at_a, 3, 1, at_b, 8, at_c, 8, 3, 0, 1, *(0, 0, 0, 0))
    >>> c[1, :2]
    array([3., 3.])
"""

import ctypes
from collections.abc import Callable, Sequence
from functools import cache
from itertools import product
from types import SimpleNamespace

import numpy as np

from graphc.runtime.micro.columns import MICRO_ARGUMENTS
from graphc.runtime.micro.packing import PACK_ARGUMENTS
from graphc.schedule.tiles import Tile


def _matrix(
    address: int, dtype: str, shape: tuple[int, int], strides: tuple[int, int]
) -> np.ndarray:
    """A matrix on raw memory; strides in elements."""
    number = np.dtype(dtype)
    interface = {
        "version": 3,
        "data": (address, False),
        "typestr": number.str,
        "shape": shape,
        "strides": tuple(stride * number.itemsize for stride in strides),
    }
    return np.asarray(SimpleNamespace(__array_interface__=interface))


def _rows(tile: Tile, address: int, shape: tuple[int, int], strides: tuple[int, int]) -> np.ndarray:
    """The rows of A, which may be in groups."""
    if tile.group == 1:
        return _matrix(address, tile.dtype, shape, strides)
    step = strides[0] * np.dtype(tile.dtype).itemsize
    groups = range(shape[0] // tile.group)
    near = (tile.group, shape[1]), (1, strides[1])
    return np.concatenate([_matrix(address + n * step, tile.dtype, *near) for n in groups])


def micro_python(tile: Tile) -> Callable[..., None]:
    """What the kernel of a tile does, in NumPy."""

    def micro(*words: int) -> None:
        m, _, columns, a, rs, cs, b, bs, c, ldc, k, accumulate, runs, a_run, b_run, b_tap, _ = words
        size = np.dtype(tile.dtype).itemsize
        target = _matrix(c, tile.dtype, (m, columns), (ldc, 1))
        total = target.copy() if accumulate else np.zeros_like(target)
        for run, tap in product(range(runs), range(tile.taps)):
            at_a, at_b = a + (run * a_run + tap * rs) * size, b + (run * b_run + tap * b_tap) * size
            strides = (1, bs) if tile.dot else (bs, 1)
            left = _rows(tile, at_a, (m, k), (rs, cs))
            total += left @ _matrix(at_b, tile.dtype, (k, columns), strides)
        target[:] = total

    return micro


def pack_python(dtype: str) -> Callable[..., None]:
    """What the packing kernel does, in NumPy."""

    def pack(*words: int) -> None:
        source, vs, ks, target, row, v, k = words
        _matrix(target, dtype, (k, v), (row, 1))[:] = _matrix(source, dtype, (k, v), (ks, vs))

    return pack


def callback(body: Callable[..., None], arguments: Sequence[str]) -> int:
    """The address of a Python function; it lives as long as the process."""
    function = ctypes.CFUNCTYPE(None, *[ctypes.c_int64] * len(arguments))(body)
    _CALLBACKS.append(function)
    address = ctypes.cast(function, ctypes.c_void_p).value
    assert address is not None
    return address


_CALLBACKS: list[object] = []


@cache
def micro_python_address(tile: Tile) -> int:
    """The NumPy twin as something to be called by address: for kernels that run un-jitted."""
    return callback(micro_python(tile), MICRO_ARGUMENTS)


@cache
def pack_python_address(dtype: str) -> int:
    """The NumPy twin of the packing kernel."""
    return callback(pack_python(dtype), PACK_ARGUMENTS)

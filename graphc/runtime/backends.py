"""The two ways to run a program: machine code, or the same text as Python.

Enters: the text of kernels. Leaves: addresses; those of Python mode only stand for functions.
"""

from collections.abc import Callable

from graphc.runtime.binding import Backend
from graphc.runtime.cache import load_kernel
from graphc.runtime.micro import micro_address
from graphc.runtime.micro_python import micro_python_address, pack_python_address
from graphc.runtime.packing import pack_address
from graphc.runtime.python_mode import PythonKernel, python_kernel, run_table_python
from graphc.runtime.team import run_table
from graphc.schedule.blocking import Tile

NATIVE = Backend(load_kernel, micro_address, pack_address)

_python_kernels: dict[int, PythonKernel] = {}
_python_addresses: dict[str, int] = {}


def _python_address(source: str, name: str) -> int:
    if source not in _python_addresses:
        address = len(_python_addresses) + 1
        _python_addresses[source] = address
        _python_kernels[address] = python_kernel(source, name)
    return _python_addresses[source]


def _pack_python(width: int, dtype: str) -> int:
    return pack_python_address(dtype)


def _micro_python(tile: Tile) -> int:
    return micro_python_address(tile)


PYTHON = Backend(_python_address, _micro_python, _pack_python)


def run_python(table: int, threads: int) -> int:
    """Runs a table whose kernels are Python; returns its error word."""
    return run_table_python(table, _python_kernels)


def runner(backend: Backend) -> Callable[[int, int], int]:
    """What runs the tables of a backend."""
    return run_table if backend is NATIVE else run_python

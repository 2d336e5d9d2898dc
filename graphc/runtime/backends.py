"""The two ways to run a program: machine code, or the same text as Python.

Enters: the text of kernels. Leaves: addresses; those of Python mode only stand for functions.
"""

from collections.abc import Callable

from graphc.runtime.binding import Backend
from graphc.runtime.cache import load_kernel
from graphc.runtime.family import host_core, micro_address, pack_address
from graphc.runtime.micro_python import micro_python_address, pack_python_address
from graphc.runtime.python_mode import PythonKernel, python_kernel, run_table_python
from graphc.runtime.team import run_table

NATIVE = Backend(
    load_kernel,
    lambda tile: micro_address(host_core(), tile),
    lambda dtype: pack_address(host_core(), dtype),
)

_python_kernels: dict[int, PythonKernel] = {}
_python_addresses: dict[str, int] = {}


def _python_address(source: str, name: str) -> int:
    if source not in _python_addresses:
        address = len(_python_addresses) + 1
        _python_addresses[source] = address
        _python_kernels[address] = python_kernel(source, name)
    return _python_addresses[source]


PYTHON = Backend(_python_address, micro_python_address, pack_python_address)


def run_python(table: int, threads: int) -> int:
    """Runs a table whose kernels are Python; returns its error word."""
    return run_table_python(table, _python_kernels)


def runner(backend: Backend) -> Callable[[int, int], int]:
    """What runs the tables of a backend."""
    return run_table if backend is NATIVE else run_python

"""The two ways to run a program: machine code, or the same text as Python.

Enters: the text of kernels. Leaves: addresses; those of Python mode only stand for functions.
"""

from collections.abc import Callable, Sequence

from graphc.runtime.binding import Backend
from graphc.runtime.cache import load_kernels
from graphc.runtime.family import host_core, micro_address, pack_address
from graphc.runtime.intrinsics import cycles
from graphc.runtime.jit import Source
from graphc.runtime.micro_python import micro_python_address, pack_python_address
from graphc.runtime.python_mode import PythonKernel, python_kernel, run_table_python
from graphc.runtime.team import RUNNER, cycles_in, run_table

NAME = "kernel"  # of the function in every generated source


def _native_kernels(texts: Sequence[str]) -> list[int]:
    """The runner is compiled together with the first kernels."""
    return load_kernels([*(Source(text, NAME) for text in texts), *RUNNER])[: len(texts)]


NATIVE = Backend(
    _native_kernels,
    lambda tile: micro_address(host_core(), tile),
    lambda dtype: pack_address(host_core(), dtype),
    cycles_in,
)

_python_kernels: dict[int, PythonKernel] = {}
_python_addresses: dict[str, int] = {}


def _python_address(source: str) -> int:
    if source not in _python_addresses:
        address = len(_python_addresses) + 1
        _python_addresses[source] = address
        _python_kernels[address] = python_kernel(source, NAME)
    return _python_addresses[source]


def _python_kernels_at(texts: Sequence[str]) -> list[int]:
    return [_python_address(text) for text in texts]


def _later_python(seconds: float) -> int:
    return cycles() + int(seconds * 1e9)


PYTHON = Backend(_python_kernels_at, micro_python_address, pack_python_address, _later_python)


def run_python(table: int, threads: int) -> int:
    """Runs a table whose kernels are Python; returns its error word."""
    return run_table_python(table, _python_kernels)


def runner(backend: Backend) -> Callable[[int, int], int]:
    """What runs the tables of a backend."""
    return run_table if backend is NATIVE else run_python

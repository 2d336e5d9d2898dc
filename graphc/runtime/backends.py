"""The two ways to run a program: machine code, or the same text as Python.

Enters: the text of kernels. Leaves: addresses; those of Python mode only stand for functions.
"""

from collections.abc import Callable, Sequence
from functools import cache

from graphc.codegen.macro import NAME as SUMS
from graphc.codegen.words import ContractWords
from graphc.runtime.binding.sources import Backend
from graphc.runtime.calls.direct import ENTRY
from graphc.runtime.language.intrinsics import cycles
from graphc.runtime.language.jit import Source
from graphc.runtime.micro.family import family_sources, host_core, micro_address, pack_address
from graphc.runtime.micro.micro_python import callback, micro_python_address, pack_python_address
from graphc.runtime.objects.cache import load_kernel, load_kernels
from graphc.runtime.python_mode import PythonKernel, python_kernel, run_table_python
from graphc.runtime.threads.team import RUNNER, cycles_in, run_table
from graphc.schedule.tiles import SIZES

NAME = "kernel"  # of the function in every generated source


def _native_kernels(texts: Sequence[str], contractions: Sequence[ContractWords]) -> list[int]:
    """What contractions call, and the runner, is compiled together with the first kernels."""
    families = {(words.dtype, words.windows) for words in contractions if words.dtype in SIZES}
    sources = [Source(text, NAME) for text in texts]
    sources += [Source(words.sums, SUMS) for words in contractions]
    for dtype, windows in sorted(families):
        sources += family_sources(host_core(), dtype, windows)
    return load_kernels([*sources, *RUNNER, ENTRY])[: len(texts)]


@cache
def _sums(text: str) -> int:
    """Of a macro-kernel: every contraction of a program asks again."""
    return load_kernel(text, SUMS)


NATIVE = Backend(
    _native_kernels,
    _sums,
    micro_address,
    lambda dtype: pack_address(host_core(), dtype),
    cycles_in,
)

_python_kernels: dict[int, PythonKernel] = {}
_python_addresses: dict[str, int] = {}


def _python_address(source: str) -> int:
    if source not in _python_addresses:
        address = len(_python_addresses) + 1
        _python_addresses[source] = address
        _python_kernels[address] = python_kernel(source, NAME, _python_kernels)
    return _python_addresses[source]


def _python_kernels_at(texts: Sequence[str], _: Sequence[ContractWords]) -> list[int]:
    return [_python_address(text) for text in texts]


@cache
def _sums_python(source: str) -> int:
    """Of a macro-kernel in Python, to be called by address."""
    return callback(python_kernel(source, SUMS), ("block", "base", "args"))


def _later_python(seconds: float) -> int:
    return cycles() + int(seconds * 1e9)


PYTHON = Backend(
    _python_kernels_at, _sums_python, micro_python_address, pack_python_address, _later_python
)


def run_python(table: int, threads: int) -> int:
    """Runs a table whose kernels are Python; returns its error word."""
    return run_table_python(table, _python_kernels)


def runner(backend: Backend) -> Callable[[int, int], int]:
    """What runs the tables of a backend."""
    return run_table if backend is NATIVE else run_python

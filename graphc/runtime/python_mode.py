"""Generated kernels, and whole programs, run as plain Python: what to step through, and what tests
compare with.

Enters: the text of a kernel, or the address of a table with Python kernels for its addresses.
Leaves: the same stores to memory that the machine code makes (up to the contraction of a*b + c).

    add = python_kernel(source, "add")
    add(0, 1024, 0, args.ctypes.data)
    error = run_table_python(table.ctypes.data, {1: add})     # rows with kernel address 1 run `add`
"""

import functools
import types
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import numpy as np

from graphc.runtime.language.intrinsics import call_micro
from graphc.runtime.language.names import LANGUAGE, LOOPS
from graphc.runtime.language.vecmath import FUNCTIONS
from graphc.runtime.threads import runner

PythonKernel = Callable[..., None]


@functools.cache
def _namespace() -> dict[str, Any]:
    return {name: entry.python for name, entry in LANGUAGE.items()} | FUNCTIONS | LOOPS


def python_kernel(
    source: str, name: str, kernels: Mapping[int, PythonKernel] = MappingProxyType({})
) -> PythonKernel:
    """A function of integers of a generated source, such as `name(begin, end, part, args)`.

    What it calls by an address of `kernels` is that kernel, else machine code.
    """
    namespace = dict(_namespace()) | {"call_micro": _calling(kernels)}
    exec(compile(source, f"<{name}>", "exec"), namespace)
    body = namespace[name]

    def kernel(*arguments: int) -> None:
        with np.errstate(all="ignore"):
            body(*arguments)

    return kernel


def _calling(kernels: Mapping[int, PythonKernel]) -> Callable[..., None]:
    def call(address: Any, *arguments: Any) -> None:
        known = kernels.get(int(address))
        known(*map(int, arguments)) if known else call_micro(address, *arguments)

    return call


def run_table_python(table: int, kernels: Mapping[int, PythonKernel]) -> int:
    """Run a program serially, part by part; returns its error word.

    Kernels whose address is missing from the map are machine code.
    """
    services = np.zeros(runner.SERVICES, np.int64)
    services[3] = _ROWS

    def call(address: Any, *arguments: Any) -> None:
        known = run_rows if int(address) == _ROWS else kernels.get(int(address))
        known(*map(int, arguments)) if known else call_micro(address, *arguments)

    functions = _runner_functions(call)
    run_rows = functions["run_rows"]
    return int(functions["start"](table, 1, services.ctypes.data))


_FUNCTIONS = (
    *(runner.start, runner.run_rows, runner.run_parts, runner.first_of, runner.leaves_barrier),
    *(runner.is_last, runner.awaited, runner.ends, runner.another_step),
)
_ROWS = -1  # stands for the address of run_rows: the runner calls it through its services


def _runner_functions(call: Callable[..., None]) -> dict[str, Any]:
    """Copies of the functions of the runner whose calls by address go through `call`."""
    namespace = vars(runner) | {"call_micro": call}
    for function in _FUNCTIONS:
        namespace[function.__name__] = types.FunctionType(function.__code__, namespace)
    return namespace

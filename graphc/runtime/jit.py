"""Generated source to machine code. The one place that loads Numba, when the first kernel is
compiled.

Enters: the text of a kernel in the kernel language. Leaves: an object file, its symbol and the C
functions that it needs. Numba turns the text into LLVM IR, which is linked with the vector math
that it names (always inlined, so that loops vectorise) and then optimised by `machine.py`.

    kernel = compile_kernel(source, "add")
    address, handle = load(kernel.code, kernel.symbol, kernel.imports)
"""

import functools
import importlib
import re
import types
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from graphc.errors import CompileError
from graphc.runtime import machine
from graphc.runtime.fingerprint import digest
from graphc.runtime.intrinsics_llvm import VALUE_TYPES, call_external
from graphc.runtime.language import CASTS, LANGUAGE, VOID, Intrinsic, scalar
from graphc.runtime.store import Entry, Store
from graphc.runtime.symbols import imports
from graphc.runtime.vecmath import FUNCTIONS

NO_STORE = Store(None)


@dataclass(frozen=True, slots=True)
class CompiledKernel:
    """An object file, ready to be stored or loaded."""

    symbol: str
    code: bytes
    imports: tuple[str, ...]


def symbol_of(kind: str, text: str, name: str) -> str:
    """The symbol of compiled text, and its key in the object cache: a digest of what it depends on.

    The kind is that of a kernel's result (void, i64), or llvm.
    """
    return f"graphc_{digest(kind, f'{name}:{text}')}"


def compile_kernel(
    source: str, name: str, result: str = VOID, store: Store = NO_STORE
) -> CompiledKernel:
    """Compile the function `name` of a source text: int64 arguments, a result of the given kind.

    The LLVM IR of the vector math that it calls is kept in the store. Raises CompileError.
    """
    symbol = symbol_of(result, source, name)
    return _finish(kernel_module(source, name, symbol, result, store), symbol)


def compile_ir(text: str, name: str) -> CompiledKernel:
    """Compile the function `name` of an LLVM IR text as it is, with LLVM alone.

    Raises CompileError.
    """
    symbol = symbol_of("llvm", text, name)
    return _finish(machine.link([text], name, symbol), symbol)


def _finish(module: Any, symbol: str) -> CompiledKernel:
    declared = machine.declared(module)
    code = machine.emit(module)
    return CompiledKernel(symbol, code, imports(code, declared, symbol))


def kernel_module(
    source: str, name: str, symbol: str, result: str = VOID, store: Store = NO_STORE
) -> Any:
    """The optimised LLVM module of a kernel; str() of it is what to read when a loop is slow."""
    with machine.LOCK:
        namespace = dict(_taught())
        exec(compile(source, f"<{name}>", "exec"), namespace)
        function = _with_helpers(namespace, name)
        arguments = ("i64",) * function.__code__.co_argcount
        try:
            texts = _bridge().to_llvm(function, symbol, arguments, result, _bridge().KERNEL)
        except CompileError as error:
            raise CompileError(
                f"kernel {name} does not compile", got=error.got, fix=source
            ) from error
        linked = machine.link([*texts, *_vector_math(texts, store)], symbol, symbol)
        return machine.optimise(linked)


def _with_helpers(namespace: dict[str, Any], name: str) -> Any:
    """The function `name`; the others of its source are copied into it."""
    functions = {n: f for n, f in namespace.items() if isinstance(f, types.FunctionType)}
    helpers = {n: _bridge().inlined(f) for n, f in functions.items() if n != name}
    namespace.update(helpers)
    return functions[name]


# ---- the language and the vector math, as Numba sees them -------------------------------------


@functools.cache
def _bridge() -> Any:
    return importlib.import_module("graphc.runtime.numba_bridge")


@functools.cache
def _taught() -> dict[str, Any]:
    """For each name of the language what stands for it while Numba reads a kernel."""
    table = LANGUAGE | {name: _vector_function(name) for name in FUNCTIONS}
    return {name: _bridge().teach(name, entry, name in CASTS) for name, entry in table.items()}


def _precision(name: str) -> str:
    return name[-3:]


def _vector_function(name: str) -> Intrinsic:
    """A call to a function that is linked in afterwards: Numba sees it once, not once a kernel."""
    precision = _precision(name)

    def result(*kinds: Any) -> str | None:
        return precision if all(scalar(kind) == precision for kind in kinds) else None

    def call(b: Any, kinds: Any, *values: Any) -> Any:
        return call_external(b, name, VALUE_TYPES[precision], values)

    return Intrinsic(FUNCTIONS[name], result, call)


_DECLARED = re.compile(r"""^declare [^@\n]*@"?(\w+)"?\(""", re.MULTILINE)
_SEPARATOR = "\n; next module\n"


def _vector_math(texts: list[str], store: Store) -> list[str]:
    """The modules of the vector functions that some modules call, and of those that these call."""
    found: dict[str, list[str]] = {}
    waiting = list(texts)
    while waiting:
        for name in _DECLARED.findall(waiting.pop()):
            if name in FUNCTIONS and name not in found:
                found[name] = _vector_modules(name, store)
                waiting += found[name]
    return [text for modules in found.values() for text in modules]


_vector_modules_made: dict[str, list[str]] = {}


def _vector_modules(name: str, store: Store) -> list[str]:
    """The LLVM IR of a vector function: from memory, from the store, or made by Numba."""
    if name not in _vector_modules_made:
        key = f"vecmath_{digest('vecmath', name)}"
        entry = store.get(key) or Entry(_SEPARATOR.join(_vector_llvm(name)).encode())
        store.put(key, entry)
        _vector_modules_made[name] = entry.data.decode().split(_SEPARATOR)
    return _vector_modules_made[name]


def _vector_llvm(name: str) -> list[str]:
    precision = _precision(name)
    function = _for_numba(FUNCTIONS[name])
    arguments = (precision,) * function.__code__.co_argcount
    return _bridge().to_llvm(function, name, arguments, precision, _bridge().VECTOR_MATH)


@functools.cache
def _for_numba(function: Callable[..., Any]) -> Any:
    """A copy of a plain function, whose globals are what Numba must see."""
    names = function.__code__.co_names
    known = function.__globals__
    seen = {name: _global_for_numba(name, known[name]) for name in names if name in known}
    return types.FunctionType(function.__code__, seen, function.__name__, function.__defaults__)


def _global_for_numba(name: str, value: Any) -> Any:
    if name in _taught():
        return _taught()[name]
    return _bridge().inlined(_for_numba(value)) if isinstance(value, types.FunctionType) else value

"""Generated source to machine code. The one place that loads Numba, when the first kernel is
compiled.

Enters: the text of a kernel in the kernel language. Leaves: an object file, its symbol and the C
functions that it needs. Numba turns the text into LLVM IR, which is linked with the vector math
that it names (always inlined, so that loops vectorise) and then optimised by `machine.py`.

    kernel = compile_kernel(Source(text, "add"))
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


LLVM = "llvm"  # the kind of a source that is LLVM IR


@dataclass(frozen=True, slots=True)
class Source:
    """The function `name` of a text: int64 arguments, a result of a kind (void, i64).

    Of kind LLVM the text is LLVM IR.
    """

    text: str
    name: str
    kind: str = VOID

    @property
    def symbol(self) -> str:
        """Of its machine code, and its key in the object cache: a digest of all it depends on."""
        return f"graphc_{digest(self.kind, f'{self.name}:{self.text}')}"


@dataclass(frozen=True, slots=True)
class Translated:
    """LLVM IR modules that call each other; `name` is the one function that stays visible.

    What was written as LLVM IR is `ready`: it is not optimised.
    """

    texts: tuple[str, ...]
    name: str
    symbol: str
    ready: bool = False


@dataclass(frozen=True, slots=True)
class CompiledKernel:
    """An object file, ready to be stored or loaded."""

    symbol: str
    code: bytes
    imports: tuple[str, ...]


def compile_kernel(source: Source, store: Store = NO_STORE) -> CompiledKernel:
    """An object file of a source. Raises CompileError."""
    with machine.LOCK:
        return finish(translate(source, store))


def finish(translated: Translated) -> CompiledKernel:
    """The object file of translated text. Raises CompileError.

    LLVM alone is called, so that other threads may run meanwhile: who holds `machine.LOCK` may
    have it done by one.
    """
    module = optimised(translated)
    declared = machine.declared(module)
    code = machine.emit(module)
    needed = imports(code, declared, translated.symbol)
    return CompiledKernel(translated.symbol, code, needed)


def optimised(translated: Translated) -> Any:
    """The optimised LLVM module; str() of it is what to read when a loop is slow."""
    module = machine.link(translated.texts, translated.name, translated.symbol)
    return module if translated.ready else machine.optimise(module)


def translate(source: Source, store: Store = NO_STORE) -> Translated:
    """A source as LLVM IR. That of the vector math it calls is kept in the store.

    Raises CompileError.
    """
    if source.kind == LLVM:
        return Translated((source.text,), source.name, source.symbol, ready=True)
    with machine.LOCK:
        namespace = dict(_taught())
        exec(compile(source.text, f"<{source.name}>", "exec"), namespace)
        function = _with_helpers(namespace, source.name)
        arguments = ("i64",) * function.__code__.co_argcount
        to_llvm, options = _bridge().to_llvm, _bridge().KERNEL
        try:
            texts = to_llvm(function, source.symbol, arguments, source.kind, options)
        except CompileError as error:
            raise CompileError(
                f"kernel {source.name} does not compile",
                got=error.got,
                fix=f"this is a fault of graphc: please report it, with the source\n{source.text}",
            ) from error
        return Translated((*texts, *_vector_math(texts, store)), source.symbol, source.symbol)


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

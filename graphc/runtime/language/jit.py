"""Generated source to machine code.

Enters: the text of a kernel in the kernel language. Leaves: an object file, its symbol and the C
functions that it needs. `frontend.py` turns the text into LLVM IR, which is linked with the vector
math that it names (always inlined, so that loops vectorise) and then optimised by `machine.py`.

    kernel = compile_kernel(Source(text, "add"))
    address, handle = load(kernel.code, kernel.symbol, kernel.imports)
"""

import ast
import functools
import inspect
import re
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from graphc.errors import CompileError
from graphc.runtime.language import machine, roots_llvm
from graphc.runtime.language.fingerprint import digest
from graphc.runtime.language.frontend import Dialect, Function, functions_of, to_llvm
from graphc.runtime.language.intrinsics_llvm import VALUE_TYPES, call_external
from graphc.runtime.language.names import LANGUAGE, VOID, Intrinsic, scalar
from graphc.runtime.language.operators import KERNEL, VECTOR_MATH, Operators
from graphc.runtime.language.symbols import imports
from graphc.runtime.language.vecmath import FUNCTIONS

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


def compile_kernel(source: Source) -> CompiledKernel:
    """An object file of a source. Raises CompileError."""
    with machine.LOCK:
        return finish(translate(source))


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
    if translated.ready:
        return module
    machine.optimise(module)
    if any(name.startswith(roots_llvm.NAME) for name in machine.declared(module)):
        machine.inline(module, roots_llvm.DEFINED)
    return module


def translate(source: Source) -> Translated:
    """A source as LLVM IR. Raises CompileError."""
    if source.kind == LLVM:
        return Translated((source.text,), source.name, source.symbol, ready=True)
    try:
        function = functions_of(source.text)[source.name]
        arguments = ("i64",) * len(function.definition.args.args)
        text = to_llvm(function, source.symbol, arguments, source.kind, _dialect(KERNEL))
    except CompileError as error:
        raise CompileError(
            f"kernel {source.name} does not compile",
            got=f"{error.what}: {error.got}",
            fix=f"this is a fault of graphc: please report it, with the source\n{source.text}",
        ) from error
    texts = (text, *_vector_math(text))
    if any(roots_llvm.NAME in _DECLARED.findall(one) for one in texts):
        texts = (roots_llvm.DECLARED, *texts)  # of two declarations the first is kept
    return Translated(texts, source.symbol, source.symbol)


# ---- the vector math ----------------------------------------------------------------------------


def _dialect(operators: Operators) -> Dialect:
    """All that a function may name, with one of the two sets of operators."""
    return Dialect(_names(), operators)


@functools.cache
def _names() -> dict[str, Intrinsic]:
    return LANGUAGE | {name: _vector_function(name) for name in FUNCTIONS}


def _precision(name: str) -> str:
    return name[-3:]


def _vector_function(name: str) -> Intrinsic:
    """A call to a function that is linked in afterwards: it is translated once a process."""
    precision = _precision(name)

    def result(*kinds: Any) -> str | None:
        return precision if all(scalar(kind) == precision for kind in kinds) else None

    def call(b: Any, kinds: Any, *values: Any) -> Any:
        return call_external(b, name, VALUE_TYPES[precision], values)

    return Intrinsic(FUNCTIONS[name], result, call)


_DECLARED = re.compile(r"""^declare [^@\n]*@"?(\w+)"?\(""", re.MULTILINE)


def _vector_math(text: str) -> list[str]:
    """The modules of the vector functions that a module calls, and of those that these call."""
    found: dict[str, str] = {}
    waiting = [text]
    while waiting:
        for name in _DECLARED.findall(waiting.pop()):
            if name in FUNCTIONS and name not in found:
                found[name] = _vector_module(name)
                waiting.append(found[name])
    return list(found.values())


@functools.cache
def _vector_module(name: str) -> str:
    """The LLVM IR of a vector function, whose arithmetic is left as it is written."""
    precision, function = _precision(name), _from_python(FUNCTIONS[name])
    arguments = (precision,) * len(function.definition.args.args)
    return to_llvm(function, name, arguments, precision, _dialect(VECTOR_MATH))


def _from_python(function: Callable[..., Any]) -> Function:
    """A Python function, which may call others that its module knows."""
    known = function.__globals__

    def find(name: str) -> Function | float | None:
        value = known.get(name)
        return _from_python(value) if inspect.isfunction(value) else value

    return Function(_definitions(function.__module__)[function.__name__], find)


@functools.cache
def _definitions(module: str) -> dict[str, ast.FunctionDef]:
    tree = ast.parse(inspect.getsource(sys.modules[module]))
    return {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef)}

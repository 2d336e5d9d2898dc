"""The kernel language taught to Numba, and Numba used for one thing: Python functions to LLVM IR
text.

Enters: a Python function whose globals name the language. Leaves: LLVM IR text with a C entry
point, for `machine.py` to optimise. Only `jit.py` imports this module, when the first kernel
compiles. Of Numba's passes those run that a kernel needs (no arrays, closures or rewrites), in
contexts that know numbers and the language. Its optimiser, code generator and wrappers stay unused:
they would compile every function a second time, and import symbols of CPython.

    to_llvm(function, "kernel_1", ("i64",) * 4, "void", KERNEL)
"""

import operator
from dataclasses import dataclass
from functools import cache
from typing import Any

import numba
from llvmlite import ir
from numba.core import compiler, types
from numba.core import typed_passes as typed
from numba.core import untyped_passes as untyped
from numba.core.codegen import CodeLibrary, CPUCodeLibrary
from numba.core.compiler_lock import global_compiler_lock
from numba.core.compiler_machinery import LoweringPass, PassManager, register_pass
from numba.core.cpu import CPUContext
from numba.core.datamodel.models import PrimitiveModel
from numba.core.errors import NumbaError
from numba.core.fastmathpass import rewrite_module
from numba.core.funcdesc import PythonFunctionDescriptor
from numba.core.imputils import lower_builtin
from numba.core.lowering import Lower
from numba.core.registry import cpu_target
from numba.core.typing.context import BaseContext
from numba.core.typing.templates import (
    AbstractTemplate,
    Registry,
    builtin_registry,
    infer_global,
    signature,
)
from numba.cpython import builtins, numbers, rangeobj, tupleobj
from numba.extending import register_model

from graphc.errors import CompileError
from graphc.runtime import intrinsics_llvm as llvm
from graphc.runtime.collector import without_collector
from graphc.runtime.language import VOID, Dtype, Intrinsic, Literal, Memory, scalar

# The one place of Numba's flags. Division by zero must not raise. Kernels may contract a*b + c
# everywhere; vector math says itself where it wants fma.
_OPTIONS: dict[str, Any] = {"nopython": True, "error_model": "numpy", "boundscheck": False}
KERNEL = _OPTIONS | {"fastmath": {"contract"}}
VECTOR_MATH = _OPTIONS | {"fastmath": False}

CAN_RAISE = "graphc_kernel_can_raise"

_NUMBA_TYPES: dict[str, Any] = {
    "f32": types.float32,
    "f64": types.float64,
    "b1": types.boolean,
    VOID: types.void,
} | {
    f"{name[0]}{bits}": getattr(types, f"{name}{bits}")
    for name in ("int", "uint")
    for bits in (8, 16, 32, 64)
}
_KINDS = {numba_type: kind for kind, numba_type in _NUMBA_TYPES.items()}


# Numba's decorators have no types.
_lowers: Any = lower_builtin
_infers: Any = infer_global


class Pointer(types.Type):
    """Numba's type of a typed pointer with an alias class."""

    def __init__(self, memory: Memory) -> None:
        self.memory = memory
        types.Type.__init__(self, name=f"Pointer({memory.dtype}, {memory.scope})")


@register_model(Pointer)
class _PointerModel(PrimitiveModel):
    def __init__(self, manager: Any, numba_type: Pointer) -> None:
        element = llvm.memory_type(numba_type.memory.dtype)
        PrimitiveModel.__init__(self, manager, numba_type, element)


@dataclass(frozen=True, eq=False)
class Name:
    """What a name of the language is while Numba reads a kernel."""

    name: str


_dtype_of_cast: dict[Name, str] = {}


def _kind(numba_type: Any) -> Any:
    """What the language calls a Numba type; None for types that it does not have."""
    if isinstance(numba_type, types.IntegerLiteral):
        return Literal(numba_type.literal_value)
    if isinstance(numba_type, types.BooleanLiteral):
        return "b1"
    if isinstance(numba_type, Pointer):
        return numba_type.memory
    if isinstance(numba_type, types.Function):
        key: Any = numba_type.typing_key
        dtype = _dtype_of_cast.get(key)
        return Dtype(dtype) if dtype else None
    return _KINDS.get(numba_type)


def _numba_type(kind: Any) -> Any:
    return Pointer(kind) if isinstance(kind, Memory) else _NUMBA_TYPES[kind]


def teach(name: str, entry: Intrinsic, is_cast: bool) -> Name:
    """Register an entry of the language; what is returned stands for it in what Numba compiles."""
    handle = Name(name)

    class Template(AbstractTemplate):
        key = handle

        def generic(self, args: Any, kws: Any) -> Any:
            kinds = tuple(map(_kind, args))
            result = None if kws or None in kinds else entry.result(*kinds)
            return None if result is None else signature(_numba_type(result), *args)

    def body(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        value = entry.llvm(builder, tuple(map(_kind, sig.args)), *args)
        return context.get_dummy_value() if sig.return_type == types.void else value

    _infers(handle, types.Function(Template))
    _lowers(handle, types.VarArg(types.Any))(body)
    if is_cast:
        _dtype_of_cast[handle] = name
    return handle


# ---- p[i] and p[i] = value ----------------------------------------------------------------------


@_infers(operator.getitem)
class _Load(AbstractTemplate):
    def generic(self, args: Any, kws: Any) -> Any:
        memory, index = args
        if isinstance(memory, Pointer) and isinstance(index, types.Integer):
            return signature(_NUMBA_TYPES[memory.memory.dtype], memory, types.int64)
        return None


@_infers(operator.setitem)
class _Store(AbstractTemplate):
    def generic(self, args: Any, kws: Any) -> Any:
        memory, index, value = args
        if not (isinstance(memory, Pointer) and isinstance(index, types.Integer)):
            return None
        if scalar(_kind(value)) != memory.memory.dtype:
            return None
        return signature(types.none, memory, types.int64, _NUMBA_TYPES[memory.memory.dtype])


@_lowers(operator.getitem, Pointer, types.int64)
def _lower_load(context: Any, builder: Any, sig: Any, args: Any) -> Any:
    memory = sig.args[0].memory
    return llvm.load(builder, memory.dtype, memory.scope, *args)


@_lowers(operator.setitem, Pointer, types.int64, types.Any)
def _lower_store(context: Any, builder: Any, sig: Any, args: Any) -> Any:
    memory = sig.args[0].memory
    llvm.store(builder, memory.dtype, memory.scope, *args)
    return context.get_dummy_value()


# ---- Python function -> LLVM IR -----------------------------------------------------------------

_BUILT_IN = builtins, numbers, rangeobj, tupleobj
# What can be called. Kernels look up no attribute: to load those takes longer than a kernel.
_FUNCTIONS: Any = Registry()
_FUNCTIONS.functions, _FUNCTIONS.globals = builtin_registry.functions, builtin_registry.globals


class _Typing(BaseContext):
    """The types of numbers and of the language. Equal questions are looked up once: kernels ask
    over and over for the sum of two int64.
    """

    def __init__(self) -> None:
        BaseContext.__init__(self)
        self._answers: dict[Any, Any] = {}

    def _load_builtins(self) -> None:
        self.install_registry(_FUNCTIONS)

    def resolve_function_type(self, func: Any, args: Any, kws: Any) -> Any:
        key = func, tuple(args), tuple(kws)
        if key not in self._answers:
            self._answers[key] = BaseContext.resolve_function_type(self, func, args, kws)
        return self._answers[key]


class _Target(CPUContext):
    """The code of numbers, tuples and ranges; Numba's own context loads all of its NumPy too."""

    def load_additional_registries(self) -> None:
        """The modules in _BUILT_IN have registered their code where it is looked up."""

    def get_abi_sizeof(self, ty: Any) -> int:
        """Asked for debug information alone, which is not made; LLVM would be asked in turn."""
        return 8

    def post_lowering(self, mod: Any, library: Any) -> None:
        """Without linking Numba's runtime, which counts references."""
        if self.fastmath:
            rewrite_module(mod, self.fastmath)


class _Text(CPUCodeLibrary):
    """A library that keeps LLVM IR as text, and calls nothing of LLVM."""

    def __init__(self, name: str) -> None:
        CodeLibrary.__init__(self, None, name)  # type: ignore[arg-type]
        self.text = ""

    def create_ir_module(self, name: str) -> Any:
        return ir.Module(name)

    def add_ir_module(self, ir_module: Any) -> None:
        self.text = str(ir_module)

    def add_linking_library(self, library: Any) -> None:
        """What is not linked is undefined, and refused where an object's imports are checked."""


@register_pass(mutates_CFG=True, analysis_only=False)
class _Lowering(LoweringPass):
    """Typed code to LLVM IR; its result is the descriptor of the function."""

    _name = "graphc_lowering"

    def __init__(self) -> None:
        LoweringPass.__init__(self)

    def run_pass(self, state: Any) -> Any:
        context = state.targetctx
        described = PythonFunctionDescriptor.from_specialized_function(
            state.func_ir,
            state.typemap,
            state.return_type,
            state.calltypes,
            mangler=context.mangler,
            inline=False,
            noalias=False,
            abi_tags=(),
        )
        with context.push_code_library(state.library):
            Lower(context, state.library, described, state.func_ir, state.metadata).lower()
        state.cr = described
        return True


class _Pipeline(compiler.Compiler):
    """The passes that a kernel needs."""

    def define_pipelines(self) -> Any:
        manager: Any = PassManager("kernel")
        for one in _PASSES:
            manager.add_pass(one, one.__name__)
        manager.finalize()
        return [manager]


_PASSES = (
    untyped.TranslateByteCode,
    untyped.FixupArgs,
    untyped.IRProcessing,
    untyped.InlineInlinables,
    untyped.ReconstructSSA,
    typed.NopythonTypeInference,
    typed.PreLowerStripPhis,
    typed.IRLegalization,
    _Lowering,
)


@cache
def _contexts() -> tuple[Any, Any]:
    typing = _Typing()
    return typing, _Target(typing)


def to_llvm(
    function: Any, symbol: str, arguments: tuple[str, ...], result: str, options: dict[str, Any]
) -> list[str]:
    """The LLVM IR modules of a function and its C entry point `symbol`. Raises CompileError."""
    flags: Any = compiler.Flags()
    cpu_target.options.parse_as_flags(flags, options)
    flags.no_cpython_wrapper = flags.no_cfunc_wrapper = flags.no_compile = True
    flags.nrt = False
    typing, target = _contexts()
    passed = tuple(_NUMBA_TYPES[kind] for kind in arguments)
    library = _Text(symbol)
    try:
        with global_compiler_lock, without_collector():
            described: Any = compiler.compile_extra(
                typing,
                target,
                function,
                passed,
                _NUMBA_TYPES[result],
                flags,
                {},
                library,
                _Pipeline,
            )
    except NumbaError as error:
        raise CompileError(f"{symbol} does not compile", got=str(error)) from error
    return [_c_entry(symbol, described.llvm_func_name, arguments, result), library.text]


def _c_entry(symbol: str, native: str, arguments: tuple[str, ...], result: str) -> str:
    """A C function around Numba's, which returns a status and has places for result and exception.

    A kernel that can raise calls a function that does not exist: it is refused before it is loaded.
    """
    module = ir.Module(symbol)
    inputs = [llvm.VALUE_TYPES[kind] for kind in arguments]
    place = ir.IntType(8).as_pointer() if result == VOID else llvm.VALUE_TYPES[result]
    output = ir.VoidType() if result == VOID else place
    status = ir.FunctionType(llvm.I32, [place.as_pointer(), place.as_pointer(), *inputs])
    callee = ir.Function(module, status, native)
    entry = ir.Function(module, ir.FunctionType(output, inputs), symbol)
    b = ir.IRBuilder(entry.append_basic_block())
    returned, exception = b.alloca(place), b.alloca(place)
    failed = b.call(callee, [returned, exception, *entry.args])
    with b.if_then(b.icmp_signed("!=", failed, ir.Constant(llvm.I32, 0)), likely=False):
        llvm.call_external(b, CAN_RAISE, ir.VoidType(), [])
    b.ret_void() if result == VOID else b.ret(b.load(returned))
    return str(module)


def inlined(function: Any) -> Any:
    """A function that Numba copies into those that call it: it takes their options."""
    return numba.njit(inline="always")(function)

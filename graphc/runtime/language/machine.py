"""LLVM IR text to machine code of this computer, with llvmlite alone.

Enters: LLVM IR text, and later the bytes of an object file. Leaves: the bytes of an object file,
and later addresses. One place owns the flags of the optimiser and of the code generator, for
kernels and for hand-written IR alike.

    module = link(["define void @nothing(i64 %n) { ret void }"], "nothing", "nothing_1")
    optimise(module)
    code = emit(module)
    address, handle = load(code, "nothing_1", imports=())
"""

import contextlib
import ctypes
import functools
import itertools
import os
import threading
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import llvmlite.binding as llvm

from graphc.errors import CompileError

OPTIMISATION = 3


@dataclass(frozen=True, slots=True)
class Host:
    """The CPU that code is made for."""

    cpu: str
    features: str


@functools.cache
def host() -> Host:
    """This computer's CPU. Vectors have 512 bits where it can; LLVM's default is often 256."""
    features = llvm.get_host_cpu_features()
    wide = ",-prefer-256-bit" if features.get("avx512f") else ""
    return Host(llvm.get_host_cpu_name(), features.flatten() + wide)


# What compiles beside the thread that holds LOCK. Its module has a lock of its own around a fork,
# which it takes to start threads: so under LOCK. Hooks run last first, so that one's stands here.
Workers = ThreadPoolExecutor

# One lock for all that compiles or loads: who calls a function of this module holds it, or works
# for one who does and waits. It is taken around a fork: no child starts with it held.
LOCK = threading.RLock()
if os.name == "posix":
    os.register_at_fork(
        before=LOCK.acquire, after_in_parent=LOCK.release, after_in_child=LOCK.release
    )

_numbers = itertools.count()  # a library's name may not be used twice


@functools.cache
def _target() -> Any:
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    return llvm.Target.from_default_triple()


def _target_machine() -> Any:
    """One for each use (0.1 ms): threads may not share it."""
    return _target().create_target_machine(
        cpu=host().cpu, features=host().features, opt=OPTIMISATION, reloc="pic", codemodel="small"
    )


@functools.cache
def _linker() -> Any:
    return llvm.create_lljit_compiler(_target_machine())


def _unlocked(function: Any) -> Any:
    """A function of LLVM, for several threads at once. llvmlite lets in one at a time, which two
    cores would wait for; LLVM asks no more than that none shares its context and target machine."""
    return getattr(function, "_cfn", function)


@functools.cache
def _data_layout() -> str:
    return str(_target_machine().target_data)


def link(texts: Sequence[str], name: str, symbol: str) -> Any:
    """One module of some IR texts that call each other.

    Their function `name` becomes the one visible `symbol`; all else is inlined into it.
    """
    context = llvm.create_context()
    try:
        module = llvm.parse_assembly(texts[0], context)
        for text in texts[1:]:
            module.link_in(llvm.parse_assembly(text, context))
        module.get_function(name).name = symbol
        module.verify()
    except (RuntimeError, NameError) as error:
        raise CompileError(f"LLVM rejects the code of {symbol}", got=str(error)) from error
    module.triple, module.data_layout = llvm.get_default_triple(), _data_layout()
    _hide_all_but(module, symbol)
    return module


def optimise(module: Any) -> None:
    """LLVM's passes. IR that is written as it shall run is better off without: they take longer
    than all else, and their vectoriser tears dot products apart."""
    machine = _target_machine()
    options = llvm.create_pipeline_tuning_options(speed_level=OPTIMISATION)
    options.loop_vectorization = options.slp_vectorization = True
    options.loop_interleaving = options.loop_unrolling = True
    passes = llvm.create_pass_builder(machine, options)
    _run(passes.getModulePassManager(), module, passes)


def inline(module: Any, text: str) -> None:
    """Puts functions that an optimised module declares where it calls them."""
    module.link_in(llvm.parse_assembly(text, module._context))
    passes = llvm.create_new_module_pass_manager()
    passes.add_always_inliner_pass()
    passes.add_instruction_combine_pass()
    options = llvm.create_pipeline_tuning_options(speed_level=OPTIMISATION)
    _run(passes, module, llvm.create_pass_builder(_target_machine(), options))


def _run(manager: Any, module: Any, passes: Any) -> None:
    _unlocked(llvm.ffi.lib.LLVMPY_RunNewModulePassManager)(manager, module, passes)


def _hide_all_but(module: Any, symbol: str) -> None:
    for function in module.functions:
        if not function.is_declaration and function.name != symbol:
            function.linkage = "internal"
            function.add_function_attribute("alwaysinline")
    for variable in module.global_variables:
        if not (variable.is_declaration or variable.name.startswith("llvm.")):
            variable.linkage = "internal"


def emit(module: Any) -> bytes:
    """The object file of a module."""
    library, machine = llvm.ffi.lib, _target_machine()
    with emitting(), llvm.ffi.OutputString() as error:
        run = _unlocked(library.LLVMPY_TargetMachineEmitToMemory)
        memory = run(machine, module, 1, error)
        if not memory:
            raise CompileError("LLVM makes no machine code", got=str(error))
    try:
        start, size = library.LLVMPY_GetBufferStart(memory), library.LLVMPY_GetBufferSize(memory)
        return ctypes.string_at(start, size)
    finally:
        library.LLVMPY_DisposeMemoryBuffer(memory)


def assembly(module: Any) -> str:
    """The instructions of a module, to read."""
    with emitting():
        return _target_machine().emit_assembly(module)


_emitting = set[object]()
_turn = threading.Lock()


@contextlib.contextmanager
def emitting() -> Iterator[None]:
    """Without loop strength reduction, as long as anyone is inside: it takes two thirds of the time
    of code generation, for loops with this many run-time strides, and what it makes is a little
    slower. The option is one of the process, which may hold others that use LLVM: it is set back.
    """
    mine = object()
    with _turn:
        if not _emitting:
            llvm.set_option("", "--disable-lsr")
        _emitting.add(mine)
    try:
        yield
    finally:
        with _turn:
            _emitting.discard(mine)
            if not _emitting:
                llvm.set_option("", "--disable-lsr=false")


def declared(module: Any) -> list[str]:
    """What a module expects from elsewhere, LLVM's own intrinsics aside."""
    named = (*module.functions, *module.global_variables)
    return [x.name for x in named if x.is_declaration and not x.name.startswith("llvm.")]


def load(code: bytes, symbol: str, imports: Iterable[str]) -> tuple[int, Any]:
    """The address of `symbol` in an object file, and the handle that keeps it in memory."""
    with LOCK:
        library = llvm.JITLibraryBuilder().add_object_img(code).export_symbol(symbol)
        for name in imports:
            library.import_symbol(name, process_address(name))
        try:
            handle = library.link(_linker(), f"{symbol} {next(_numbers)}")
        except RuntimeError as error:
            raise CompileError(f"{symbol} does not link", got=str(error)) from error
        return handle[symbol], handle


def process_address(name: str) -> int:
    """The address of a C function of this process."""
    # LLVM finds nothing before something has loaded the process's own symbols for it.
    address = llvm.address_of_symbol(name) or _c_address(name)
    if address is None:
        raise CompileError(f"this process has no C function {name}")
    return address


def _c_address(name: str) -> int | None:
    library = ctypes.CDLL(None if os.name == "posix" else "ucrtbase")
    try:
        return ctypes.cast(library[name], ctypes.c_void_p).value
    except AttributeError:
        return None

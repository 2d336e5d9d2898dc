"""Source text to object files: what is refused, what an object needs, and how errors read."""

import ctypes

import numpy as np
import pytest

from graphc.errors import CompileError
from graphc.runtime.language import jit, machine
from graphc.runtime.language.jit import LLVM, Source
from graphc.runtime.language.symbols import ALLOWED, imports, undefined_symbols

FILL = """
def fill(begin, end, part, args):
    x = pointer(args, f64, 0)
    for i in range(begin, end):
        x[i] = {}
"""


def test_a_kernel_compiles_loads_and_runs() -> None:
    kernel = jit.compile_kernel(Source(FILL.format("f64(i)"), "fill"))
    address, handle = machine.load(kernel.code, kernel.symbol, kernel.imports)
    x = np.zeros(5)
    ctypes.CFUNCTYPE(None, *[ctypes.c_int64] * 4)(address)(1, 4, 0, x.ctypes.data)
    assert x.tolist() == [0, 1, 2, 3, 0]
    assert kernel.symbol in str(handle.name)


def test_symbols_are_digests_of_the_text() -> None:
    first = Source("text", "name")
    assert first.symbol == Source("text", "name").symbol
    others = [Source("text", "name", "i64"), Source("texT", "name"), Source("text", "namE")]
    assert first.symbol not in {other.symbol for other in others}


def test_an_object_names_the_c_functions_that_it_needs() -> None:
    kernel = jit.compile_kernel(Source(FILL.format("mod(x[i], f64(3.0))"), "fill"))
    if undefined_symbols(kernel.code) is not None:
        assert kernel.imports == ("fmod",)
    clean = jit.compile_kernel(Source(FILL.format("exp_f64(x[i])"), "fill"))
    assert set(clean.imports) <= ALLOWED


def test_a_kernel_that_can_raise_is_refused() -> None:
    source = FILL.format("x[i]").replace("(begin, end)", "(begin, end, part)")  # a step may be 0
    with pytest.raises(CompileError, match="does not compile"):
        jit.compile_kernel(Source(source, "fill"))
    source = FILL.format("x[i]") + "        if x[i] > f64(1.0):\n            raise ValueError\n"
    with pytest.raises(CompileError, match="does not compile"):
        jit.compile_kernel(Source(source, "fill"))


def test_an_object_that_imports_anything_else_is_refused() -> None:
    text = "declare void @PyErr_Clear()\ndefine void @f() { call void @PyErr_Clear() ret void }"
    with pytest.raises(CompileError, match="PyErr_Clear"):
        jit.compile_kernel(Source(text, "f", LLVM))
    with pytest.raises(CompileError, match="system"):
        imports(b"not an ELF file", ["system"], "f")
    assert imports(b"not an ELF file", ["expf"], "f") == tuple(sorted(ALLOWED))


def test_errors_carry_the_source() -> None:
    source = FILL.format("maximum(x[i], f32(0.0))")
    with pytest.raises(CompileError) as caught:
        jit.compile_kernel(Source(source, "fill"))
    assert "maximum(x[i], f32(0.0))" in str(caught.value)
    assert "kernel fill does not compile" in str(caught.value)
    assert "please report it, with the source\n" in str(caught.value)
    with pytest.raises(CompileError, match="LLVM rejects"):
        jit.compile_kernel(Source("define void @f() { nonsense }", "f", LLVM))
    with pytest.raises(CompileError, match="LLVM rejects"):
        jit.compile_kernel(Source("define void @f() { ret void }", "g", LLVM))


def test_ir_of_the_same_name_is_not_confused() -> None:
    texts = [f"define i64 @f() {{ ret i64 {n} }}" for n in (1, 2)]
    kernels = [jit.compile_kernel(Source(text, "f", LLVM)) for text in texts]
    loaded = [machine.load(k.code, k.symbol, k.imports) for k in kernels]
    results = [ctypes.CFUNCTYPE(ctypes.c_int64)(address)() for address, _ in loaded]
    assert results == [1, 2]


def test_helpers_of_a_source_are_copied_into_its_kernel() -> None:
    source = "def twice(v):\n    return v + v\n" + FILL.format("twice(x[i])")
    module = jit.optimised(jit.translate(Source(source, "fill")))
    assert machine.declared(module) == []
    assert "call" not in machine.assembly(module)

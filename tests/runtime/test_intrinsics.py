"""Each name of the kernel language: its LLVM body gives the bits of its Python body."""

import ctypes
import itertools
import re
from typing import Any

import numpy as np
import pytest

from graphc.errors import CompileError
from graphc.runtime.language import jit, ldexp_llvm, machine, roots_llvm
from graphc.runtime.language.jit import Source
from graphc.runtime.language.names import CASTS, LANGUAGE
from graphc.runtime.objects.cache import load_kernel
from graphc.runtime.python_mode import python_kernel

NUMPY = {"f32": np.float32, "f64": np.float64, "b1": np.bool_} | {
    f"{sign[0]}{bits}": np.dtype(f"{sign}{bits}").type
    for sign in ("int", "uint")
    for bits in (8, 16, 32, 64)
}
SIGNED, UNSIGNED, FLOATS = ("i8", "i16", "i32", "i64"), ("u8", "u16", "u32", "u64"), ("f32", "f64")
FLOAT_VALUES = (0.0, -0.0, 0.5, 1.5, -1.5, 2.5, 3.0, -7.25, 127.6, -1e3, 3e9, -2e19, 1e30)
SPECIAL = (*FLOAT_VALUES, np.inf, -np.inf, np.nan, 5e-324)


def samples(dtype: str) -> np.ndarray:
    """Values that include every kind of edge."""
    if dtype in FLOATS:
        return np.array(SPECIAL, NUMPY[dtype])
    if dtype == "b1":
        return np.array([False, True])
    limits = np.iinfo(NUMPY[dtype])
    small = [limits.min, limits.min + 1, limits.max - 1, limits.max, 0, 1, 2, 3, 7, 65]
    return np.array(small + ([-1, -2, -9] if limits.min else []), NUMPY[dtype])


def both_ways(expression: str, inputs: list[np.ndarray], kinds: list[str], result: str) -> Any:
    """The expression over all elements, from machine code and from plain Python."""
    loads = "".join(
        f"    p{k} = pointer(w[{k}], {kind}, {k})\n" for k, kind in enumerate([*kinds, result])
    )
    values = ", ".join(f"p{k}[i]" for k in range(len(kinds)))
    source = (
        f"def kernel(begin, end, part, args):\n    w = words(args)\n{loads}"
        f"    for i in range(begin, end):\n        p{len(kinds)}[i] = {expression.format(values)}\n"
    )
    compiled = ctypes.CFUNCTYPE(None, *[ctypes.c_int64] * 4)(load_kernel(source, "kernel"))
    outputs = []
    for run in (compiled, python_kernel(source, "kernel")):
        output = np.zeros(len(inputs[0]), NUMPY[result])
        args = np.array([a.ctypes.data for a in (*inputs, output)], np.int64)
        run(0, len(output), 0, args.ctypes.data)
        outputs.append(output)
    return outputs


def pairs(dtype: str) -> list[np.ndarray]:
    """All pairs of samples, as two arrays."""
    grid = np.meshgrid(samples(dtype), samples(dtype))
    return [np.ascontiguousarray(g.ravel()) for g in grid]


def bits(a: np.ndarray) -> np.ndarray:
    """Bits, with one nan for all: the payload of a nan is nobody's business."""
    return np.where(a != a, -1, a.view(f"i{a.itemsize}")) if a.dtype.kind == "f" else a


@pytest.mark.parametrize(
    ("source", "target"), [(s, t) for s, t in itertools.product(CASTS, CASTS) if s != t]
)
def test_casts(source: str, target: str) -> None:
    compiled, python = both_ways(f"{target}({{}})", [samples(source)], [source], target)
    np.testing.assert_array_equal(bits(compiled), bits(python))


def test_casts_of_floats_saturate_and_casts_of_integers_wrap() -> None:
    x = np.array([300.0, -300.0, np.nan, 1.9], np.float32)
    assert both_ways("i8({})", [x], ["f32"], "i8")[0].tolist() == [127, -128, 0, 1]
    assert both_ways("u8({})", [x], ["f32"], "u8")[0].tolist() == [255, 0, 0, 1]
    y = np.array([300, -1], np.int32)
    assert both_ways("u8({})", [y], ["i32"], "u8")[0].tolist() == [44, 255]


TWO = {
    "maximum": CASTS,
    "minimum": CASTS,
    "reduce_max": (*SIGNED, *UNSIGNED),
    "reduce_min": (*SIGNED, *UNSIGNED),
    "floordiv": (*SIGNED, *UNSIGNED, *FLOATS),
    "mod": (*SIGNED, *UNSIGNED, *FLOATS),
    "shl": (*SIGNED, *UNSIGNED),
    "shr": (*SIGNED, *UNSIGNED),
    "ipow": (*SIGNED, *UNSIGNED),
    "copysign": FLOATS,
    "accumulate": FLOATS,
    "accumulate_mul": FLOATS,
}


@pytest.mark.parametrize(("name", "dtype"), [(n, d) for n, ds in TWO.items() for d in ds])
def test_two_operands(name: str, dtype: str) -> None:
    compiled, python = both_ways(f"{name}({{}})", pairs(dtype), [dtype, dtype], dtype)
    np.testing.assert_array_equal(bits(compiled), bits(python))


@pytest.mark.parametrize("dtype", [*SIGNED, *UNSIGNED, *FLOATS])
def test_division_and_shifts_are_numpys(dtype: str) -> None:
    x, y = pairs(dtype)
    names = {"floordiv": np.floor_divide, "mod": np.mod}
    if dtype not in FLOATS:
        names |= {"shl": np.left_shift, "shr": np.right_shift}
    for name, function in names.items():
        compiled, _ = both_ways(f"{name}({{}})", [x, y], [dtype, dtype], dtype)
        with np.errstate(all="ignore"):
            np.testing.assert_array_equal(bits(compiled), bits(function(x, y)))


ONE = ("floor", "ceil", "trunc", "rint", "sqrt", "fabs")


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("name", [*ONE, "isnan", "isinf", "isfinite"])
def test_one_operand(name: str, dtype: str) -> None:
    result = dtype if name in ONE else "b1"
    compiled, python = both_ways(f"{name}({{}})", [samples(dtype)], [dtype], result)
    np.testing.assert_array_equal(bits(compiled), bits(python))


@pytest.mark.parametrize("dtype", FLOATS)
def test_fma_rounds_once(dtype: str) -> None:
    x = NUMPY[dtype](1) + np.finfo(NUMPY[dtype]).eps * np.arange(1, 9, dtype=NUMPY[dtype])
    inputs = [x, x[::-1].copy(), -(x * x)]
    compiled, python = both_ways("fma({})", inputs, [dtype] * 3, dtype)
    np.testing.assert_array_equal(compiled, python)
    assert (compiled != 0).any()


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("wide", [True, False])
def test_ldexp_rounds_once(dtype: str, wide: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """By an instruction of the CPU where it has one, and by two factors."""
    integer, limit = ("i32", 254) if dtype == "f32" else ("i64", 2046)
    y = np.array([1.0, -1.5, 0.7, 1.9999999, 1.3333333, 0.0, -0.0, np.nan], NUMPY[dtype])
    k = np.array([*range(-limit, -limit // 2), -3, 0, 5, *range(limit // 2 - 9, limit)])
    k = k.astype(NUMPY[integer])
    inputs = [np.repeat(y, len(k)), np.tile(k, len(y))]
    if not wide:
        monkeypatch.setattr(ldexp_llvm, "host", lambda: machine.Host("", ""))
    text = "ldexp({})" if wide else "(ldexp({}))"  # another kernel
    compiled, python = both_ways(text, inputs, [dtype, integer], dtype)
    np.testing.assert_array_equal(bits(compiled), bits(python))
    subnormal = np.abs(python) < np.finfo(NUMPY[dtype]).tiny
    assert (subnormal & (python != 0)).any()


@pytest.mark.parametrize("picks", [True, False])
def test_roots_of_two(picks: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """From registers where a vector of them can be picked, and from memory."""
    if not picks:
        monkeypatch.setattr(roots_llvm, "host", lambda: machine.Host("", ""))
    n = np.concatenate([np.arange(32, 8160), 0x48C00000 + np.arange(32, 99)]).astype(np.int32)
    text = "exp2_32nds({})" if picks else "(exp2_32nds({}))"  # another kernel
    compiled, python = both_ways(text, [n], ["i32"], "f32")
    np.testing.assert_array_equal(bits(compiled), bits(python))
    exact = np.exp2((n & 0x1FFF) / 32 - 127)
    np.testing.assert_allclose(python, exact, rtol=2.0**-24)


def test_select_and_bits() -> None:
    x = np.array([1.0, -2.0, 3.5], np.float32)
    for outputs in (
        both_ways("select({0} > f32(0.0), {0}, f32(9.0))", [x], ["f32"], "f32"),
        both_ways("bits_f32(float_bits_f32({}))", [x], ["f32"], "f32"),
        both_ways("f32(bits_f64(float_bits_f64(f64({}))))", [x], ["f32"], "f32"),
    ):
        np.testing.assert_array_equal(*outputs)
    assert both_ways("real({}, f64)", [np.array([2.5]).view("i8")], ["i64"], "f64")[0][0] == 2.5


MEMORY = """
def kernel(begin, end, part, args):
    w = words(args)
    x = pointer(w[0], f32, 0)
    y = pointer(w[0] + 16, f32, 0)
    t = tile(4, f32)
    b = tile(1, b1)
    for i in range(4):
        t[i] = x[i] + y[-4 + i]
    call_micro(w[1], address_of(t, 1), address_of(x, 6))
    prefetch(x, 1 << 40, 1)
    b[0] = x[0] > f32(0.0)
    if b[0]:
        store_error(w[2], 7)
    x[7] = f32(mod(address_of(t, 0), 64))
"""
COPY = """
def copy(source, target):
    pointer(target, f32, 0)[0] = pointer(source, f32, 1)[0]
"""


def test_memory() -> None:
    """Negative indices, tiles, calls through an address and the error word."""
    compiled = ctypes.CFUNCTYPE(None, *[ctypes.c_int64] * 4)(load_kernel(MEMORY, "kernel"))
    for run in (compiled, python_kernel(MEMORY, "kernel")):
        x, error = np.arange(1, 9, dtype=np.float32), np.zeros(1, np.int64)
        addresses = [x.ctypes.data, load_kernel(COPY, "copy"), error.ctypes.data]
        args = np.array(addresses, np.int64)
        run(0, 0, 0, args.ctypes.data)
        assert x.tolist() == [1, 2, 3, 4, 5, 6, 4, 0]
        assert error[0] == 7


def test_bool_memory_is_a_byte_that_is_not_zero() -> None:
    x = np.array([0, 1, 2, 255], np.uint8)
    compiled, python = both_ways("{}", [x.view(np.bool_)], ["b1"], "b1")
    assert compiled.view(np.uint8).tolist() == python.view(np.uint8).tolist() == [0, 1, 1, 1]


@pytest.mark.parametrize(
    ("statement", "python_error"),
    [
        ("x[0] = f64(1.0)", TypeError),
        ("x[0] = 1.0", TypeError),
        ("x[0] = 1", TypeError),
        ("x[0] = no_such_name(x[1])", NameError),
    ],
)
def test_strict_stores_fail_both_ways(statement: str, python_error: type[Exception]) -> None:
    source = (
        "def kernel(begin, end, part, args):\n"
        f"    x = pointer(args, f32, 0)\n    {statement}\n    y = x[0]\n"
    )
    with pytest.raises(CompileError, match="kernel does not compile"):
        load_kernel(source, "kernel")
    args = np.zeros(8, np.int64)
    with pytest.raises(python_error):
        python_kernel(source, "kernel")(0, 1, 0, args.ctypes.data)


CHECKS = re.compile("memcheck|diff.check|found.conflict")


def test_twelve_pointers_vectorise_without_run_time_checks() -> None:
    pointers = "".join(f"    p{k} = pointer(w[{k}], f32, {k})\n" for k in range(12))
    total = " + ".join(f"p{k}[i]" for k in range(11))
    source = (
        f"def kernel(begin, end, part, args):\n    w = words(args)\n{pointers}"
        f"    for i in range(begin, end):\n        p11[i] = {total}\n"
    )
    text = str(jit.optimised(jit.translate(Source(source, "kernel"))))
    assert "x float>" in text
    assert not CHECKS.search(text)
    one_class = source.replace("f32, 11)", "f32, 10)")
    assert CHECKS.search(str(jit.optimised(jit.translate(Source(one_class, "kernel")))))


def test_sums_regroup_only_where_they_accumulate() -> None:
    source = (
        "def kernel(begin, end, part, args):\n    w = words(args)\n"
        "    x = pointer(w[0], f32, 0)\n    total = f32(0.0)\n"
        "    for i in range(begin, end):\n        total = {}\n    x[0] = total\n"
    )
    regrouped = source.format("accumulate(total, x[i])")
    in_order = source.format("total + x[i]")
    assert "reassoc" in str(jit.optimised(jit.translate(Source(regrouped, "kernel"))))
    assert "reassoc" not in str(jit.optimised(jit.translate(Source(in_order, "kernel"))))


def test_vector_math_is_inlined_and_vectorises() -> None:
    source = (
        "def kernel(begin, end, part, args):\n    w = words(args)\n"
        "    x = pointer(w[0], f32, 0)\n    y = pointer(w[1], f32, 1)\n"
        "    for i in range(begin, end):\n        y[i] = exp_f32(x[i])\n"
    )
    module = jit.optimised(jit.translate(Source(source, "kernel")))
    assert machine.declared(module) == []
    assert "x float>" in str(module)
    if "+avx512f" in machine.host().features:
        assert "zmm" in machine.assembly(module)


def test_every_name_has_both_bodies_and_a_rule() -> None:
    for name, entry in LANGUAGE.items():
        assert callable(entry.python), name
        assert callable(entry.result), name
        assert callable(entry.llvm), name


def test_ask_calls_a_c_function() -> None:
    address = machine.process_address("labs")
    source = "def kernel(begin, end, part, args):\n    return ask(begin, end)\n"
    native = load_kernel(source, "kernel", "i64")
    function = ctypes.CFUNCTYPE(*[ctypes.c_int64] * 5)(native)
    assert function(address, -(2**40), 0, 0) == LANGUAGE["ask"].python(address, -(2**40)) == 2**40

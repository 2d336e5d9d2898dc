"""Generated contractions, run on arrays: their kernels around sums that are checked.

Enters: operands, or a Matmul with the memory of its operands; a core, how many parts, whether in
Python. Leaves: the result, once nothing is written behind it.
"""

from dataclasses import replace

import numpy as np

from graphc.codegen.contract import (
    ContractSpec,
    contract_values,
    emit_contract,
)
from graphc.codegen.macro import CASTS, NAME, SumsSpec, contract_words, sums_source
from graphc.codegen.writer import Writer
from graphc.runtime.backends import PYTHON
from graphc.runtime.language.intrinsics import call_micro
from graphc.runtime.micro.family import host_core, micro_address, pack_address
from graphc.runtime.micro.micro_python import micro_python_address, pack_python_address
from graphc.runtime.objects.cache import load_kernel
from graphc.runtime.python_mode import python_kernel
from graphc.schedule.blocking import Blocking, choose_blocking
from graphc.schedule.tiles import SIZES, Core, Matmul, dense

TINY = Core(64, 32, l1=2048, l2=8192)  # caches so small that everything is blocked
CORES = (host_core(), TINY, Core(32, 16, l1=32 << 10, l2=256 << 10), Core(16, 16, 4096, 16384))
GUARD, GAP = 64, 3


def sums_spec(dtype: str, unit: bool = False) -> SumsSpec:
    return SumsSpec(dtype, outer=1, shared=1, unit_column=unit)


def kernel_text(dtype: str, unit: bool = False, plain: bool = False) -> str:
    """out[b, i, j] = sum + bias[j], or the sum alone"""
    sums = sums_spec(dtype, unit)
    writer, first, cast = Writer(), len(contract_words(sums)), CASTS[dtype]
    target = (f"w[{first}]", "out_columns", "out_rows * out_columns") if plain else ()
    spec = ContractSpec(sums, outer=("at",), target=target)
    added = "" if plain else " + bias[j]"

    def store(writer: Writer, value: str) -> None:
        writer.line(f"out[(at * out_rows + i) * out_columns + j] = {cast}({value}{added})")

    with writer.block("def contract(begin, end, part, args):"):
        writer.line("w = words(args)")
        writer.line(f"out = pointer(w[{first}], {cast}, 3)")
        writer.line(f"bias = pointer(w[{first + 1}], {cast}, 4)")
        writer.line(f"out_rows = w[{first + 2}]")
        writer.line(f"out_columns = w[{first + 3}]")
        emit_contract(writer, spec, store)
    return writer.text()


def strides(x: np.ndarray) -> tuple[int, int, int]:
    batch, row, column = (stride // x.itemsize for stride in x.strides)
    return batch, row, column


def run(
    a: np.ndarray,
    b: np.ndarray,
    bias: np.ndarray,
    core: Core = CORES[0],
    parts: int = 1,
    python: bool = False,
    plain: bool = False,
    blocking: Blocking | None = None,
) -> np.ndarray:
    """A @ B + bias by the generated kernel; with nothing added if it is `plain`."""
    dtype, (batch, rows, depth), columns = str(a.dtype), a.shape, b.shape[2]
    matmul = dense(dtype, batch, rows, columns, depth, strides(a), strides(b))
    matmul = replace(matmul, plain=plain)
    blocking = blocking or choose_blocking(matmul, core, parts)
    scratch = np.full(blocking.scratch_bytes * parts + GUARD, 0xA5, np.uint8)
    whole = np.full((batch, rows + GAP, columns + GAP), GUARD, dtype)
    out = whole[:, :rows, :columns]
    places = (a.ctypes.data, b.ctypes.data, scratch.ctypes.data)
    unit = dtype not in SIZES and strides(b)[2] == 1
    values = contract_values(blocking, places, *calls(sums_spec(dtype, unit), core, python))
    words = (out.ctypes.data, bias.ctypes.data, *whole.shape[1:])
    args = np.array([*values, *words], np.int64)
    text = kernel_text(dtype, unit, plain)
    for part in range(parts):
        begin, end = (n * blocking.extent // parts for n in (part, part + 1))
        if python:
            python_kernel(text, "contract")(begin, end, part, args.ctypes.data)
        else:
            call_micro(load_kernel(text, "contract"), begin, end, part, args.ctypes.data)
    assert (scratch[-GUARD:] == 0xA5).all()
    assert (whole[:, rows:] == np.array(GUARD, dtype)).all()
    assert (whole[:, :, columns:] == np.array(GUARD, dtype)).all()
    return out


def run_general(
    matmul: Matmul, blocking: Blocking, core: Core, a: np.ndarray, b: np.ndarray, python: bool
) -> np.ndarray:
    names = tuple(f"at{n}" for n in range(len(matmul.outer)))
    sums = SumsSpec(matmul.dtype, len(names), matmul.shared, len(matmul.depth))
    spec = ContractSpec(sums, names)
    writer, first, cast = Writer(), len(contract_words(sums)), CASTS[matmul.dtype]
    place = "0"
    for loop, name in zip(matmul.outer, names, strict=True):
        place = f"({place}) * {loop.extent} + {name}"

    def store(writer: Writer, value: str) -> None:
        index = f"(({place}) * {matmul.rows} + i) * {matmul.columns} + j"
        writer.line(f"out[{index}] = {value}")

    with writer.block("def contract(begin, end, part, args):"):
        writer.line("w = words(args)")
        writer.line(f"out = pointer(w[{first}], {cast}, 3)")
        emit_contract(writer, spec, store)
    out = np.zeros((*(loop.extent for loop in matmul.outer), matmul.rows, matmul.columns), a.dtype)
    scratch = np.zeros(blocking.scratch_bytes + GUARD, np.uint8)
    places = (a.ctypes.data, b.ctypes.data, scratch.ctypes.data)
    values = contract_values(blocking, places, *calls(sums, core, python))
    args = np.array([*values, out.ctypes.data], np.int64)
    if python:
        python_kernel(writer.text(), "contract")(0, blocking.extent, 0, args.ctypes.data)
    else:
        address = load_kernel(writer.text(), "contract")
        call_micro(address, 0, blocking.extent, 0, args.ctypes.data)
    return out


def calls(sums: SumsSpec, core: Core, python: bool):
    """Where the kernel finds its macro-kernel and its micro-kernels."""
    text, dtype = sums_source(sums), sums.dtype
    macro = PYTHON.sums(text) if python else load_kernel(text, NAME)
    if dtype not in SIZES:
        return macro, (lambda tile: 0), 0
    if python:
        return macro, micro_python_address, pack_python_address(dtype)
    return macro, micro_address, pack_address(core, dtype)


def operand(rng: np.random.Generator, shape: tuple[int, int, int], turned: bool, dtype: str):
    batch, rows, columns = shape
    x = rng.standard_normal((batch, columns, rows) if turned else shape).astype(dtype)
    return x.swapaxes(1, 2) if turned else x


def assert_close(got: np.ndarray, a: np.ndarray, b: np.ndarray, bias: np.ndarray) -> None:
    """Within the bound of any order of summation, which grows with k only."""
    wide_a, wide_b = a.astype("d"), b.astype("d")
    bound = np.abs(wide_a) @ np.abs(wide_b) + np.abs(bias.astype("d"))
    epsilon = np.finfo(a.dtype).eps
    expected = wide_a @ wide_b + bias.astype("d")
    assert (np.abs(got - expected) <= (a.shape[2] + 2) * epsilon * bound).all()

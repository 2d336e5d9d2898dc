"""Generated matmuls against NumPy: transposes, odd sizes, blocks, parts, dtypes, modes."""

import itertools
from dataclasses import replace

import numpy as np
import pytest

from graphc.codegen.contract import (
    LOCALS,
    ContractSpec,
    contract_values,
    emit_contract,
)
from graphc.codegen.macro import CASTS, NAME, SumsSpec, contract_words, sums_source
from graphc.codegen.writer import Writer
from graphc.runtime.backends import PYTHON
from graphc.runtime.cache import load_kernel
from graphc.runtime.family import host_core, micro_address, pack_address
from graphc.runtime.intrinsics import call_micro
from graphc.runtime.micro_python import micro_python_address, pack_python_address
from graphc.runtime.python_mode import python_kernel
from graphc.schedule.blocking import Blocking, choose_blocking, make_blocking
from graphc.schedule.tiles import SIZES, Core, Matmul, candidates, dense, in_groups, in_shares
from graphc.schedule.walk import Loop

SIDES = (1, 2, 3, 7, 15, 17, 31, 33, 63, 65, 100, 129)
TRANSPOSES = tuple(itertools.product((False, True), repeat=2))
INTEGERS = ("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64")
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


def sample(seed: int, dtype: str, batch: int = 1):
    """Operands of random odd sizes and one of the transpose cases."""
    rng = np.random.default_rng(seed)
    rows, depth, columns = rng.choice(SIDES, 3)
    left, right = TRANSPOSES[seed % 4]
    a = operand(rng, (batch, rows, depth), left, dtype)
    b = operand(rng, (batch, depth, columns), right, dtype)
    return a, b, rng.standard_normal(columns).astype(dtype)


@pytest.mark.parametrize("dtype", SIZES)
@pytest.mark.parametrize("core", CORES, ids=["host", "tiny", "avx2", "sse"])
def test_sizes_and_transposes(dtype: str, core: Core) -> None:
    for seed in range(24):
        a, b, bias = sample(seed, dtype)
        assert_close(run(a, b, bias, core), a, b, bias)


@pytest.mark.parametrize("dtype", SIZES)
def test_thin_matmuls(dtype: str) -> None:
    """One side is short: dot tiles, copied columns, and C computed as its transpose."""
    rng = np.random.default_rng(0)
    for (left, right), shape in itertools.product(
        TRANSPOSES,
        [
            *((1, 130, 70), (70, 130, 1), (2, 40, 300), (90, 64, 2), (128, 50, 10), (1, 99, 1)),
            *((67, 7, 7), (67, 7, 1), (1, 7, 67), (130, 131, 7), (33, 300, 8), (150, 1, 7)),
        ],
    ):
        rows, depth, columns = shape
        a = operand(rng, (2, rows, depth), left, dtype)
        b = operand(rng, (2, depth, columns), right, dtype)
        bias = rng.standard_normal(columns).astype(dtype)
        assert_close(run(a, b, bias), a, b, bias)
        assert_close(run(a, b, 0 * bias, python=True), a, b, 0 * bias)
        assert_close(run(a, b, 0 * bias, plain=True, parts=2), a, b, 0 * bias)


@pytest.mark.parametrize("dtype", SIZES)
@pytest.mark.parametrize("core", CORES)
def test_every_tile_computes_narrow_matmuls(dtype: str, core: Core) -> None:
    """Whichever is the cheapest: sums go straight to memory, which has nothing behind a row."""
    rng = np.random.default_rng(0)
    for rows, depth, columns in ((1, 7, 30), (20, 7, 5), (9, 40, 8), (5, 70, 37), (33, 5, 1)):
        a = operand(rng, (1, rows, depth), False, dtype)
        for right in (False, True):
            b = operand(rng, (1, depth, columns), right, dtype)
            matmul = dense(dtype, 1, rows, columns, depth, strides(a), strides(b))
            for tile in candidates(matmul, core):
                blocking = make_blocking(matmul, tile, core, 1)
                bias = np.zeros(columns, dtype)
                assert_close(run(a, b, bias, core, 1, False, True, blocking), a, b, bias)


@pytest.mark.parametrize("dtype", SIZES)
@pytest.mark.parametrize("core", CORES[:2], ids=["host", "tiny"])
def test_python_and_compiled_agree(dtype: str, core: Core) -> None:
    for seed in range(8):
        a, b, bias = sample(seed, dtype, batch=2)
        a, b, bias = a[:, :33], b[:, :, :40], bias[:40]
        compiled, plain = run(a, b, bias, core), run(a, b, bias, core, python=True)
        assert_close(compiled, a, b, bias)
        assert_close(plain, a, b, bias)


@pytest.mark.parametrize("python", [False, True])
@pytest.mark.parametrize("core", CORES, ids=["host", "tiny", "avx2", "sse"])
def test_sums_alone_go_straight_to_memory(core: Core, python: bool) -> None:
    """With the same bits, whether whole tiles fill their blocks or not."""
    rng = np.random.default_rng(0)
    for rows, depth, columns in ((7, 1, 64), (20, 9, 200), (33, 3, 128), (5, 90, 32), (1, 9, 256)):
        a, b = (rng.standard_normal((2, *s)).astype("f") for s in ((rows, depth), (depth, columns)))
        bias = np.zeros(columns, "f")
        got = run(a, b, bias, core, 2, python, plain=True)
        assert np.array_equal(got, run(a, b, bias, core, 2, python))


@pytest.mark.parametrize("dtype", SIZES)
@pytest.mark.parametrize("python", [False, True])
def test_a_transposed_a_is_packed_once_a_part(dtype: str, python: bool) -> None:
    """Three parts begin amid a column of blocks; the last rows are few, sums are cut."""
    rng = np.random.default_rng(0)
    for parts, (rows, depth) in itertools.product((1, 2, 3), ((37, 150), (50, 90), (16, 130))):
        a = operand(rng, (1, rows, depth), True, dtype)
        b = operand(rng, (1, depth, 448 * parts + 11), False, dtype)
        bias = rng.standard_normal(b.shape[2]).astype(dtype)
        matmul = dense(dtype, 1, rows, b.shape[2], depth, strides(a), strides(b))
        blocking = choose_blocking(matmul, TINY, parts)
        assert blocking.packed_a > 0
        assert blocking.walk.blocks > 1
        assert_close(run(a, b, bias, TINY, parts, python), a, b, bias)


@pytest.mark.parametrize("parts", [1, 2, 3])
def test_parts_repeat_bitwise(parts: int) -> None:
    for seed in range(8):
        a, b, bias = sample(seed, "float32", batch=3)
        for core in CORES[:2]:
            first = run(a, b, bias, core, parts)
            assert_close(first, a, b, bias)
            assert np.array_equal(first, run(a, b, bias, core, parts))


def test_any_strides() -> None:
    """Steps, reversed axes, operands without a batch, broadcast rows."""
    rng = np.random.default_rng(0)
    x = rng.standard_normal((3, 90, 80)).astype("float32")
    bias = np.zeros(100, "float32")
    cases = [
        (x[:, ::2, ::3], x[:, :27, ::2]),
        (x[:, ::-1, :30], x[:, 29::-1, ::-1]),
        (np.broadcast_to(x[0], x.shape), x[:, :80, :50]),
        (x[:, :, :20], np.broadcast_to(x[0, :20], (3, 20, 80))),
        (np.broadcast_to(x[:, :1], x.shape), np.broadcast_to(x[:, :80, :1], (3, 80, 33))),
    ]
    for (a, b), core in itertools.product(cases, CORES[:2]):
        used = bias[: b.shape[2]]
        assert_close(run(a, b, used, core), a, b, used)


def general(rng: np.random.Generator, dtype: str) -> tuple[Matmul, np.ndarray, np.ndarray]:
    """Random loops over a buffer each, and operands as arrays (outer..., i, k...), (..., k, j)."""
    outer, depth = (tuple(rng.integers(1, 5, rng.integers(0, 4))) for _ in range(2))
    rows, columns = rng.integers(1, 40, 2)
    shared = int(rng.integers(0, len(outer) + 1))
    buffers = [rng.standard_normal(4000).astype(dtype) for _ in range(2)]

    def steps(count: int) -> list[int]:
        return [int(step) for step in rng.integers(0, 60, count)]

    a_outer, a_depth, a_row = steps(len(outer)), steps(len(depth)), int(rng.integers(1, 60))
    b_outer = [*steps(shared), *(0 for _ in outer[shared:])]
    b_depth, b_column = steps(len(depth)), int(rng.choice([1, 1, 7]))
    matmul = Matmul(
        dtype,
        tuple(Loop(int(n), x, y) for n, x, y in zip(outer, a_outer, b_outer, strict=True)),
        shared,
        int(rows),
        int(columns),
        tuple(Loop(int(n), x, y) for n, x, y in zip(depth, a_depth, b_depth, strict=True)),
        a_row,
        b_column,
    )
    a = np.lib.stride_tricks.as_strided(
        buffers[0],
        (*outer, rows, *depth),
        [step * buffers[0].itemsize for step in (*a_outer, a_row, *a_depth)],
    )
    b = np.lib.stride_tricks.as_strided(
        buffers[1],
        (*outer, *depth, columns),
        [step * buffers[1].itemsize for step in (*b_outer, *b_depth, b_column)],
    )
    return matmul, a, b


@pytest.mark.parametrize("python", [False, True])
@pytest.mark.parametrize("dtype", ["float64", "int64"])
def test_any_loops_around_and_along(dtype: str, python: bool) -> None:
    """Outer loops, several of depth, overlapping rows: what a convolution is made of."""
    for seed in range(24 if not python else 6):
        rng = np.random.default_rng(seed)
        matmul, a, b = general(rng, dtype)
        core = CORES[seed % 2]
        blocking = choose_blocking(matmul, core, 1 + seed % 3)
        outer = [loop.extent for loop in matmul.outer]
        left = a.reshape(*outer, matmul.rows, matmul.k)
        expected = left @ b.reshape(*outer, matmul.k, matmul.columns)
        got = run_general(matmul, blocking, core, a, b, python)
        np.testing.assert_allclose(got, expected, rtol=1e-9, atol=1e-9)


def windows(seed: int, dtype: str) -> tuple[Matmul, np.ndarray, np.ndarray]:
    """Windows of 2 to 4 taps along rows and lines; B in vectors, flipped, or packed."""
    rng = np.random.default_rng(seed)
    taps, channels, wide = 2 + seed % 3, int(rng.integers(1, 9)), int(rng.integers(1, 20))
    rows, lines = (int(n) for n in rng.integers(1, 40, 2))
    image = rng.standard_normal((2, lines + taps - 1, rows + taps - 1, channels)).astype(dtype)
    weights = rng.standard_normal((taps, taps, channels, wide)).astype(dtype)
    if seed % 2:
        weights = weights.transpose(0, 1, 3, 2).copy().transpose(0, 1, 3, 2)[::-1, ::-1]
    a_image, a_line, a_row, a_channel = (s // image.itemsize for s in image.strides)
    b_line, b_row, b_channel, b_column = (s // image.itemsize for s in weights.strides)
    depth = (
        Loop(taps, a_line, b_line),
        Loop(taps, a_row, b_row),
        Loop(channels, a_channel, b_channel),
    )
    outer = Loop(2, a_image, 0), Loop(lines, a_line, 0)
    a = np.lib.stride_tricks.sliding_window_view(image, (taps, taps), (1, 2))
    matmul = Matmul(dtype, outer, 0, rows, wide, depth, a_row, b_column)
    return matmul, a.transpose(0, 1, 2, 4, 5, 3), weights


@pytest.mark.parametrize("python", [False, True])
@pytest.mark.parametrize("dtype", SIZES)
def test_windows_slide_along_rows(dtype: str, python: bool) -> None:
    """Two and three taps have tiles of their own."""
    for seed in range(24 if not python else 6):
        matmul, a, b = windows(seed, dtype)
        core = CORES[seed % 4]
        blocking = choose_blocking(matmul, core, 1 + seed % 2)
        got = run_general(matmul, blocking, core, a, b, python)
        expected = np.einsum("nyxklc,klcj->nyxj", a.astype("d"), b.astype("d"))
        np.testing.assert_allclose(got, expected, rtol=1e-4, atol=1e-4)


def test_windows_that_slide_are_read_once() -> None:
    """Where sums fill one vector; not where taps are apart, or rows."""
    core = Core(64, 32, l1=48 << 10, l2=1 << 20)
    taps = Loop(3, 34 * 16, 9 * 256), Loop(3, 16, 256), Loop(16, 1, 16)
    layer = Matmul("float32", (Loop(32, 34 * 16, 0),), 0, 32, 16, taps, 16, 1)
    assert choose_blocking(layer, core, 1).whole.taps == 3
    assert choose_blocking(replace(layer, a_row=32), core, 1).whole.taps == 1
    assert choose_blocking(replace(layer, columns=64), core, 1).whole.taps == 1
    two = replace(layer, depth=(taps[0], Loop(2, 16, 256), taps[2]))
    assert choose_blocking(two, core, 1).whole.taps == 2


@pytest.mark.parametrize("python", [False, True])
@pytest.mark.parametrize("core", CORES, ids=["host", "tiny", "avx2", "sse"])
@pytest.mark.parametrize(("taps", "wide"), [(3, 1), (3, 3), (5, 1)])
def test_shares_of_the_depth_and_groups_of_rows(
    taps: int, wide: int, core: Core, python: bool
) -> None:
    """A gradient by weights: its taps downwards are an outer loop, or groups of rows of a tile."""
    rng = np.random.default_rng(taps)
    count, side, narrow, away = 4, 6, 21, 6 + taps - 1
    images = rng.standard_normal((count, away, away, wide))
    g = rng.standard_normal((count, side, side, narrow))
    seen = np.lib.stride_tricks.sliding_window_view(images, (taps, taps), (1, 2))
    expected = np.einsum("nyxckl,nyxo->klco", seen, g)
    depth = (
        Loop(count, away * away * wide, side * side * narrow),
        Loop(side, away * wide, side * narrow),
        Loop(side, wide, narrow),
    )
    outer = (Loop(taps, away * wide, 0),)
    matmul = in_shares(Matmul("float64", outer, 0, taps * wide, narrow, depth, 1, 1), 2)
    assert [loop.extent for loop in matmul.outer] == [2, taps]
    grouped = in_groups(matmul, core)
    assert (grouped is not None) == (core.registers > taps * taps * wide + 2)
    for form in (matmul, *([] if grouped is None else [grouped])):
        got = run_general(form, choose_blocking(form, core, 2), core, images, g, python)
        shape = (2, taps, taps, wide, narrow)
        np.testing.assert_allclose(got.reshape(shape).sum(axis=0), expected, rtol=1e-9, atol=1e-9)


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


@pytest.mark.parametrize("shape", [(0, 3, 4), (3, 0, 4), (3, 4, 0), (0, 0, 0)])
@pytest.mark.parametrize("dtype", ["float32", "float64", "int32"])
def test_zero_sizes(shape: tuple[int, int, int], dtype: str) -> None:
    """An empty sum is 0."""
    rows, depth, columns = shape
    a, b = np.ones((2, rows, depth), dtype), np.ones((2, depth, columns), dtype)
    bias = np.arange(columns).astype(dtype)
    expected = np.broadcast_to(depth + bias, (2, rows, columns))
    assert np.array_equal(run(a, b, bias), expected)
    assert run(a[:0], b[:0], bias).size == 0


@pytest.mark.parametrize("dtype", INTEGERS)
def test_integers_are_exact_and_wrap(dtype: str) -> None:
    rng = np.random.default_rng(0)
    limits = np.iinfo(dtype)
    for rows, depth, columns in ((1, 1, 1), (7, 33, 17), (40, 3, 300)):
        a = rng.integers(limits.min, limits.max, (2, rows, depth), dtype, endpoint=True)
        b = rng.integers(limits.min, limits.max, (2, depth, columns), dtype, endpoint=True)
        bias = rng.integers(limits.min, limits.max, columns, dtype, endpoint=True)
        expected = a @ b + bias
        turned = np.ascontiguousarray(b.swapaxes(1, 2)).swapaxes(1, 2)
        for parts in (1, 2):
            assert np.array_equal(run(a, b, bias, parts=parts), expected)
            assert np.array_equal(run(a, turned, bias, parts=parts), expected)
        few = (a[:, :3], b[:, :, :9], bias[:9])
        assert np.array_equal(run(*few, python=True), run(*few))


def test_nan_and_inf_stay_in_their_places() -> None:
    """What a panel is padded with reaches no element."""
    a, b = np.ones((1, 17, 19), "float32"), np.ones((1, 19, 35), "float32")
    a[0, 3, 5], b[0, 7, 11] = np.nan, np.inf
    expected = a @ b
    for core in CORES:
        for right in (b, np.ascontiguousarray(b.swapaxes(1, 2)).swapaxes(1, 2)):
            got = run(a, right, np.zeros(35, "float32"), core)
            assert np.array_equal(got, expected, equal_nan=True)


def test_bools() -> None:
    """A sum of bools is their or."""
    a, b = (np.random.default_rng(0).random((1, 20, 20)) < 0.1 for _ in range(2))
    assert np.array_equal(run(a, b, np.zeros(20, bool)), a @ b)
    assert np.array_equal(run(a, b, np.zeros(20, bool), python=True), a @ b)


def test_names_of_the_text_are_known() -> None:
    for dtype in ("float32", "int32"):
        namespace: dict = {}
        exec(kernel_text(dtype), namespace)
        assigned = set(namespace["contract"].__code__.co_varnames)
        mine = {"begin", "end", "part", "args", "w", "out", "bias", "out_rows", "out_columns", "at"}
        assert assigned <= {*LOCALS, *mine}


def test_parts_find_blocks() -> None:
    """A split that is asked for is possible where the result has several tiles."""
    for rows, columns in ((32, 64), (1, 1024), (100, 10), (512, 512)):
        matmul = dense("float32", 1, rows, columns, 64, (0, 64, 1), (0, columns, 1))
        assert choose_blocking(matmul, CORES[0], 2).extent >= 2


def test_blocks_of_a_transposed_a_are_whole_lines_where_parts_stay_even() -> None:
    core = Core(64, 32, l1=48 << 10, l2=1 << 20)
    for rows, columns, parts, expected in (
        (512, 128, 2, 64),
        (784, 512, 2, 64),
        (96, 128, 2, 48),  # not 64 and 32
        (32, 128, 2, 16),  # not one block
        (20, 2048, 1, 20),  # no more than there are
    ):
        matmul = dense("float32", 1, rows, columns, 200, (0, 1, rows), (0, columns, 1))
        assert choose_blocking(matmul, core, parts).block_rows == expected


def test_matmuls_and_convolutions_share_their_sums() -> None:
    texts = {sums_source(SumsSpec("float32", outer=1, depth=depth)) for depth in (1, 2, 3)}
    assert len(texts) == 1

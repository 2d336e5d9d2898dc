"""Generated matmuls against NumPy: transposes, odd sizes, blocks, parts, dtypes, modes."""

import itertools

import numpy as np
import pytest

from graphc.codegen.contract import (
    LOCALS,
)
from graphc.codegen.macro import SumsSpec, sums_source
from graphc.schedule.blocking import choose_blocking, make_blocking
from graphc.schedule.tiles import SIZES, Core, candidates, dense
from tests.codegen.contracting import (
    CORES,
    TINY,
    assert_close,
    kernel_text,
    operand,
    run,
    strides,
)

SIDES = (1, 2, 3, 7, 15, 17, 31, 33, 63, 65, 100, 129)
TRANSPOSES = tuple(itertools.product((False, True), repeat=2))
INTEGERS = ("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64")


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

"""One compiled program, many sizes: none, one, below a vector, odd, above a tile, above a team's
threshold, in one, two and three parts."""

from collections.abc import Callable, Sequence
from itertools import product

import numpy as np
import pytest

import graphc as gx
from graphc.graph import Graph
from graphc.runtime.backends import NATIVE
from graphc.runtime.program import Program
from graphc.runtime.threads.team import set_threads
from tests.compiled.checking import Case, assert_close, expected, program_of, ran

EDGES = (1, 3, 37, 129)
SHAPES = (*product((1, 3, 37), (1, 3, 129), (1, 5, 130)), (0, 3, 5), (3, 0, 5), (3, 5, 0))
LARGE = (70, 129, 65)
AXES = ((0,), (1,), (2,), (0, 1), (0, 2), (1, 2), (0, 1, 2))


def case(
    inputs: Sequence[gx.Tensor], outputs: Sequence[gx.Tensor], arrays: Sequence[np.ndarray]
) -> Case:
    graph = Graph(tuple(x.node for x in inputs), tuple(y.node for y in outputs))
    return Case(graph, tuple(arrays))


def agree(found: Case, program: Program, exact: bool, name: str) -> None:
    """Floats within a share of the largest element that grows with the square root of the input."""
    for got, wanted in zip(ran(found, program), expected(found), strict=True):
        top = np.max(np.abs(wanted[np.isfinite(wanted)]), initial=1) if wanted.size else 1
        terms = max((array.size for array in found.arrays), default=1)
        eps = np.finfo(wanted.dtype).eps if wanted.dtype.kind == "f" else 0
        assert_close(got, wanted, 0.0 if exact else 8 * float(np.sqrt(terms + 1) * eps * top), name)


def some(dtype: str, shape: Sequence[int], seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng([seed, *shape])
    if dtype == "bool":
        return rng.random(shape) < 0.5
    if dtype in ("float32", "float64"):
        return rng.standard_normal(shape).astype(dtype)
    info = np.iinfo(dtype)
    return rng.integers(info.min, info.max, shape, dtype=dtype)


def reductions(x: gx.Tensor, axes: tuple[int, ...]) -> list[gx.Tensor]:
    """All reductions over the axes that one kernel can hold."""
    if x.dtype is gx.bool:
        return [gx.any(x, axis=axes), gx.all(x, axis=axes)]
    found = [
        gx.sum(x, axis=axes),
        gx.prod(x, axis=axes),
        gx.max(x, axis=axes),
        gx.min(x, axis=axes),
    ]
    if len(axes) == 1:
        found += [gx.argmax(x, axis=axes[0]), gx.argmin(x, axis=axes[0])]
    return found


@pytest.mark.parametrize("axes", AXES, ids=str)
@pytest.mark.parametrize("dtype", ["float32", "float64", "int32", "uint8", "bool"])
def test_reductions(dtype: str, axes: tuple[int, ...], split: Callable[[int], None]) -> None:
    x = gx.input("x", ("a", "b", "c"), dtype)
    outputs = reductions(x, axes)
    program = program_of(case([x], outputs, []).graph, NATIVE)
    for number, shape in enumerate((*SHAPES, LARGE, LARGE, LARGE)):
        if any(shape[axis] == 0 for axis in axes) and dtype != "bool":
            continue
        split(1 + number % 3)
        agree(case([x], outputs, [some(dtype, shape)]), program, dtype[0] != "f", f"{shape}")


def rows(x: gx.Tensor, axis: int) -> list[gx.Tensor]:
    mean = gx.mean(x, axis=axis, keepdims=True)
    normal = (x - mean) / gx.sqrt(gx.mean((x - mean) ** 2, axis=axis, keepdims=True) + 0.1)
    return [gx.nn.softmax(x, axis=axis), gx.nn.log_softmax(x * 2, axis=axis), normal]


@pytest.mark.parametrize("axis", [0, 1])
def test_rows_and_columns(axis: int, split: Callable[[int], None]) -> None:
    x = gx.input("x", ("a", "b"))
    outputs = rows(x, axis)
    program = program_of(case([x], outputs, []).graph, NATIVE)
    for parts, shape in product((1, 2, 3), product((1, 3, 37, 129, 300), repeat=2)):
        split(parts)
        agree(case([x], outputs, [some("float32", shape)]), program, False, f"{shape} {parts}")


TALL = ((1, 16), (7, 16), (9, 1), (33, 3), (129, 64), (65, 130), (20, 1300), (0, 5), (5, 0))


def columns(x: gx.Tensor) -> list[gx.Tensor]:
    """Reductions over rows, what waits for them along the columns and at each point."""
    mean = gx.mean(x, axis=0)
    away = x - mean
    normal = away * gx.rsqrt(gx.mean(away * away, axis=0) + 0.1)
    return [normal, gx.sum(x * x, axis=0) + 1, gx.max(x, axis=0) * 2, gx.argmin(x, axis=0)]


@pytest.mark.parametrize("count", [1, 2, 4])
def test_columns(count: int, split: Callable[[int], None]) -> None:
    x = gx.input("x", ("a", "b"))
    outputs = columns(x)[:count]
    program = program_of(case([x], outputs, []).graph, NATIVE)
    for parts, shape in product((1, 2, 3), TALL):
        if count == 4 and shape[0] == 0:
            continue  # an extremum of nothing
        split(parts)
        found = case([x], outputs, [some("float32", shape)])
        agree(found, program, False, f"{shape} {parts}")
        for one, again in zip(ran(found, program), ran(found, program), strict=True):
            np.testing.assert_array_equal(one, again)


def test_columns_of_images(split: Callable[[int], None]) -> None:
    """Rows that are no single loop, for they are read from within a border."""
    x = gx.input("x", ("n", "h", "w", 5))
    inside = x[:, 1:-1, 1:-1]
    outputs = [gx.sum(inside, axis=(0, 1, 2)), gx.mean(inside * inside, axis=(0, 1, 2))]
    program = program_of(case([x], outputs, []).graph, NATIVE)
    for parts, shape in product((1, 2, 3), ((1, 3, 3, 5), (2, 4, 13, 5), (5, 11, 6, 5))):
        split(parts)
        agree(case([x], outputs, [some("float32", shape)]), program, False, f"{shape} {parts}")


@pytest.mark.parametrize("window", [(2, 2), (3, 1), (4, 4), (2, 3)], ids=str)
@pytest.mark.parametrize("dtype", ["float32", "int32", "bool"])
def test_windows(dtype: str, window: tuple[int, int], split: Callable[[int], None]) -> None:
    """Reductions over a few points, which are written out one by one."""
    x = gx.input("x", ("n", window[0], "w", window[1], "c"), dtype)
    outputs = reductions(x, (1, 3))
    if window == (3, 1) and dtype != "bool":
        outputs += [gx.argmax(x, axis=1), gx.argmin(x, axis=1)]
    program = program_of(case([x], outputs, []).graph, NATIVE)
    for parts, (n, w, c) in product((1, 3), ((1, 1, 1), (3, 2, 5), (2, 7, 37), (0, 1, 2))):
        split(parts)
        arrays = [some(dtype, (n, window[0], w, window[1], c))]
        agree(case([x], outputs, arrays), program, dtype[0] != "f", f"{n} {w} {c} {parts}")


@pytest.mark.parametrize("classes", [2, 4, 10, 33])
def test_rows_of_few_elements(classes: int, split: Callable[[int], None]) -> None:
    x, y = gx.input("x", ("n", classes)), gx.input("y", ("n",), "int64")
    loss = gx.nn.cross_entropy(x, y)
    outputs = [*rows(x, 1), gx.argmax(x, axis=1), loss, *gx.grad(loss, [x])]
    program = program_of(case([x, y], outputs, []).graph, NATIVE)
    for parts, n in product((1, 2, 3), (1, 7, 130, 300)):
        split(parts)
        arrays = [some("float32", (n, classes)), np.arange(n) % classes]
        agree(case([x, y], outputs, arrays), program, False, f"{n} {parts}")


TURNED = {
    "rows of columns": lambda x: gx.sum(gx.permute_dims(x, (2, 0, 1)) ** 2, axis=1),
    "the first": lambda x: gx.max(gx.permute_dims(x, (2, 1, 0)), axis=2),
    "two inner": lambda x: gx.sum(gx.permute_dims(x, (1, 2, 0)), axis=(1, 2)),
    "the last": lambda x: gx.nn.softmax(gx.permute_dims(x, (2, 0, 1)), axis=2),
}


@pytest.mark.parametrize("name", TURNED)
def test_reductions_of_turned_arrays(name: str, split: Callable[[int], None]) -> None:
    x = gx.input("x", ("a", "b", "c"))
    outputs = [TURNED[name](x)]
    program = program_of(case([x], outputs, []).graph, NATIVE)
    for parts, shape in product((1, 3), ((1, 1, 1), (3, 5, 7), (37, 5, 130), (5, 129, 20))):
        split(parts)
        agree(case([x], outputs, [some("float32", shape)]), program, False, f"{shape} {parts}")


def test_errors_of_long_sums_do_not_grow_with_their_length(split: Callable[[int], None]) -> None:
    x = gx.input("x", ("n",))
    program = program_of(case([x], [gx.sum(x), gx.mean(x * x), gx.max(x)], []).graph, NATIVE)
    for parts, n in product((1, 3), (4095, 4097, 3_000_001)):
        split(parts)
        array = np.random.default_rng(n).random(n, np.float32)
        exact = array.astype(np.float64)
        got = [float(y) for y in program(array)]
        np.testing.assert_allclose(got, [exact.sum(), np.mean(exact**2), exact.max()], rtol=1e-6)


def test_errors_of_long_columns_do_not_grow_with_their_length(split: Callable[[int], None]) -> None:
    x = gx.input("x", ("n", "c"))
    program = program_of(case([x], [gx.sum(x, axis=0), gx.max(x, axis=0)], []).graph, NATIVE)
    for parts, (n, c) in product((1, 3), ((8191, 17), (300_001, 5), (20_001, 140))):
        split(parts)
        array = np.random.default_rng(n).random((n, c), np.float32)
        exact = array.astype(np.float64)
        for got, wanted in zip(program(array), (exact.sum(axis=0), exact.max(axis=0)), strict=True):
            np.testing.assert_allclose(got, wanted, rtol=1e-6)


def test_teams_by_the_measured_thresholds() -> None:
    """Nothing forced: sizes at which kernels are shared out by themselves."""
    x = gx.input("x", ("a", "b"))
    outputs = [gx.exp(x) + 1, gx.sum(x), gx.sum(x, axis=0), *rows(x, 1), x @ x.T]
    program = program_of(case([x], outputs, []).graph, NATIVE)
    results = []
    for threads in (1, 2, 3):
        set_threads(threads)
        found = case([x], outputs, [some("float32", (301, 517))])
        agree(found, program, False, f"{threads} threads")
        results.append(ran(found, program))
    for one, three in zip(results[0][:1], results[2][:1], strict=True):
        np.testing.assert_array_equal(one, three)


DOTS = {
    "matrices": (("n", "k"), ("k", "m"), lambda a, b: a @ b),
    "transposed": (("k", "n"), ("m", "k"), lambda a, b: a.T @ b.T),
    "batched": (("b", "n", "k"), ("b", "k", "m"), lambda a, b: a @ b),
    "shared": (("b", "n", "k"), ("k", "m"), lambda a, b: a @ b),
    "heads": (("n", "b", "k"), ("m", "b", "k"), lambda a, b: gx.einsum("nbk,mbk->bnm", a, b)),
    "two depths": (("n", "b", "k"), ("b", "k", "m"), lambda a, b: gx.tensordot(a, b, axes=2)),
    "columns of two": (("n", "k"), ("k", "m", "b"), lambda a, b: gx.tensordot(a, b, axes=1)),
    "vectors": (("k",), ("k",), lambda a, b: a @ b),
    "outer": (("n",), ("m",), lambda a, b: gx.outer(a, b)),
}
WIDTHS = (
    (3, 37, 5, 2),
    (37, 129, 17, 3),
    (1, 5, 1, 1),
    (129, 1, 65, 2),
    (5, 0, 3, 2),
    (3, 4, 2, 0),
)


@pytest.mark.parametrize("name", DOTS)
@pytest.mark.parametrize("dtype", ["float32", "float64", "int32"])
def test_contractions(dtype: str, name: str, split: Callable[[int], None]) -> None:
    left, right, function = DOTS[name]
    a, b = gx.input("a", left, dtype), gx.input("b", right, dtype)
    y = function(a, b)
    outputs = [gx.maximum(y * 2 + 1, 0 if dtype == "int32" else 0.5), y]
    program = program_of(case([a, b], outputs, []).graph, NATIVE)
    for parts, sizes in product((1, 3), WIDTHS):
        split(parts)
        known = dict(zip("nkmb", sizes, strict=True))
        arrays = [some(dtype, [known[d] for d in s], n) for n, s in enumerate((left, right))]
        found = case([a, b], outputs, arrays)
        agree(found, program, dtype == "int32", f"{sizes} {parts}")


@pytest.mark.parametrize("parts", [1, 3])
def test_gathers_and_scatters(parts: int, split: Callable[[int], None]) -> None:
    table, index = gx.input("table", ("v", "d")), gx.input("index", ("n",), "int64")
    read = gx.take(table, index, axis=0)
    loss = gx.sum(read * read * 0.5)
    outputs = [read, *gx.grad(loss, [table]), table.at[index].set(read * 2)]
    program = program_of(case([table, index], outputs, []).graph, NATIVE)
    split(parts)
    for v, d, n in product((1, 5, 130), (1, 3, 129), (0, 1, 200)):
        rng = np.random.default_rng(n)
        arrays = [some("float32", (v, d)), rng.integers(-v, v, n)]
        agree(case([table, index], outputs, arrays), program, False, f"{v} {d} {n}")


BOTH_ROWS = {
    "norm": lambda a, b: gx.nn.layer_norm(a) + b,
    "softmax": lambda a, b: gx.nn.softmax(a) * b,
    "largest": lambda a, b: gx.max(a, axis=1, keepdims=True) * b + gx.min(b, axis=1, keepdims=True),
    "loss": lambda a, b: gx.sum(b * gx.nn.log_softmax(a)),
}


@pytest.mark.parametrize("width", [2, 3, 7, 10, 16, 32, 33])
@pytest.mark.parametrize("name", BOTH_ROWS)
def test_rows_of_two_arrays_of_known_width(name: str, width: int) -> None:
    """Several operands that are turned through tiles, beside reductions of them."""
    a, b = (gx.input(x, ("n", width)) for x in "ab")
    found = BOTH_ROWS[name](a, b)
    outputs = [found, *gx.grad(gx.sum(found * found), [a, b])]
    program = program_of(case([a, b], outputs, []).graph, NATIVE)
    for n in (1, 40, 300):
        arrays = [some("float32", (n, width), seed) for seed in (0, 1)]
        agree(case([a, b], outputs, arrays), program, False, f"{n}")


def test_products_and_sums_of_no_rows() -> None:
    a, b = gx.input("a", ("m", "n")), gx.input("b", ("m", "p"))
    product = gx.compile([a, b], a.T @ b)
    assert product(np.ones((4, 0)), np.ones((4, 3))).shape == (0, 3)
    np.testing.assert_array_equal(product(np.ones((0, 2)), np.ones((0, 3))), np.zeros((2, 3)))
    x, w = gx.input("x", ("b", 8, 8, 1)), gx.input("w", (1, 1, 1, 16))
    image = gx.compile([x, w], gx.nn.conv(x, w, padding=0))
    assert image(np.zeros((0, 8, 8, 1)), np.ones((1, 1, 1, 16))).shape == (0, 8, 8, 16)
    away = b - gx.mean(b, axis=0)
    summed = gx.compile([b], gx.sum(b + away / gx.sqrt(gx.mean(b * b, axis=0)), axis=0))
    np.testing.assert_array_equal(summed(np.zeros((0, 3))), np.zeros(3))

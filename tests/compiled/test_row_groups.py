"""Rows swept in groups: the interpreter, the generated Python and the compiled kernels agree."""

from collections.abc import Callable

import numpy as np
import pytest

import graphc as gx
from graphc.codegen.row_groups import ROWS
from graphc.graph import Graph
from graphc.runtime.backends import NATIVE
from graphc.schedule.kernel import GROUP
from tests.compiled.checking import BOTH, Case, assert_close, expected, program_of, ran

Tensors = list[gx.Tensor]


def softmax(x: gx.Tensor) -> Tensors:
    return [gx.nn.softmax(x)]


def gradient(x: gx.Tensor) -> Tensors:
    return [gx.grad(gx.sum(gx.nn.softmax(x) * gx.cos(x)), x)]


def layer_norm(x: gx.Tensor) -> Tensors:
    y = gx.nn.layer_norm(gx.tanh(x))
    return [y, *gx.grad(gx.sum(y * y * x), [x])]


def positions(x: gx.Tensor) -> Tensors:
    labels = gx.astype(gx.sum(x > 9, axis=1) + 2, "int64")
    loss = gx.nn.cross_entropy(x, labels)
    return [loss, gx.grad(loss, x), gx.argmax(x, axis=1), gx.any(x > 2, axis=1)]


def best(x: gx.Tensor) -> Tensors:
    x = x + gx.tanh(x)
    at = gx.argmax(x, axis=1, keepdims=True)
    return [x * gx.astype(at, x.dtype), gx.astype(x == gx.max(x, axis=1, keepdims=True), "int64")]


MAKERS = [softmax, gradient, layer_norm, positions, best]


def agree(make: Callable[..., Tensors], dtype: str, rows: int, columns: int, python: bool) -> None:
    x = gx.input("x", ("rows", "columns"), dtype)
    graph = Graph((x.node,), tuple(y.node for y in make(x)))
    array = np.random.default_rng(rows).standard_normal((rows, columns)).astype(dtype)
    case = Case(graph, (array,))
    wanted = expected(case)
    for backend in BOTH if python else (NATIVE,):
        program = program_of(graph, backend)
        assert "for group in" in program.source
        for got, value in zip(ran(case, program), wanted, strict=True):
            bound = float(np.finfo(dtype).eps) * 64 * columns**0.5
            assert_close(got, value, bound * np.abs(value).max(initial=1), make.__name__)


@pytest.mark.parametrize("make", MAKERS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("rows", [1, ROWS - 1, ROWS + 1, 2 * ROWS + 3])
def test_few_columns(make: Callable[..., Tensors], dtype: str, rows: int) -> None:
    agree(make, dtype, rows, 5, True)


@pytest.mark.parametrize("make", MAKERS)
@pytest.mark.parametrize("columns", [GROUP // 3 + 1, GROUP // 2, GROUP, GROUP + 1])
def test_groups_of_few_rows_and_rows_of_more_than_a_group(
    make: Callable[..., Tensors], columns: int
) -> None:
    agree(make, "float32", 7, columns, False)


def test_rows_of_several_axes() -> None:
    x = gx.input("x", (3, "rows", 2, "columns"))
    y = gx.nn.softmax(x, axis=(2, 3))
    graph = Graph((x.node,), (y.node,))
    for rows, columns in ((5, 3), (40, 70), (2, GROUP)):
        array = np.random.default_rng(rows).standard_normal((3, rows, 2, columns))
        case = Case(graph, (array.astype(np.float32),))
        (wanted,) = expected(case)
        for backend in BOTH if columns < GROUP else (NATIVE,):
            (got,) = ran(case, program_of(graph, backend))
            assert_close(got, wanted, 1e-6, "rows")


def test_parts_do_not_change_bits() -> None:
    x = gx.input("x", ("rows", "columns"))
    program = gx.compile([x], gx.nn.layer_norm(gx.nn.softmax(x)))
    data = np.random.default_rng(0).standard_normal((1000, 300)).astype(np.float32)
    results = []
    for threads in (1, 2, 3):
        gx.set_threads(threads)
        results.append(program(data))
    gx.set_threads(1)
    assert results[0].tobytes() == results[1].tobytes() == results[2].tobytes()
    assert results[0][17:40].tobytes() == program(data[17:40]).tobytes()

"""Rows swept in groups: the interpreter, the generated Python and the compiled kernels agree."""

from collections.abc import Callable

import numpy as np
import pytest

import graphc as gx
from graphc.codegen.row_groups import ROWS
from graphc.codegen.row_prefetch import LONG_GUESSED, LONG_RESULT, LONG_ROW
from graphc.graph import Graph
from graphc.passes import simplify
from graphc.runtime.backends import NATIVE
from graphc.schedule.guessed import LONG
from graphc.schedule.kernel import GROUP
from graphc.schedule.schedule import build_schedule
from tests.compiled.checking import BOTH, Case, assert_close, expected, program_of, ran

Tensors = list[gx.Tensor]


def logarithms(x: gx.Tensor) -> Tensors:
    return [gx.nn.log_softmax(x)]


def gradient(x: gx.Tensor) -> Tensors:
    return [gx.grad(gx.sum(gx.nn.log_softmax(x) * gx.cos(x)), x)]


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


MAKERS = [logarithms, gradient, layer_norm, positions, best]


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


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_long_rows_are_fetched_ahead(dtype: str) -> None:
    agree(logarithms, dtype, 3, LONG_ROW + 5, True)
    x = gx.input("x", ("rows", "columns"), dtype)
    assert "prefetch(a0, " in gx.compile([x], gx.nn.log_softmax(x)).source


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_long_rows_of_softmax_are_fetched_ahead(dtype: str) -> None:
    x = gx.input("x", ("rows", "columns"), dtype)
    graph = Graph((x.node,), (gx.nn.softmax(x).node,))
    array = np.random.default_rng(0).standard_normal((3, LONG_GUESSED + 5)).astype(dtype)
    case = Case(graph, (array,))
    for backend in BOTH:
        program = program_of(graph, backend)
        assert "prefetch(a0, " in program.source
        (got,), (wanted,) = ran(case, program), expected(case)
        assert_close(got, wanted, 1e-5 if dtype == "float32" else 1e-13, "softmax")


def evened(x: gx.Tensor) -> gx.Tensor:
    """Three sweeps: for the mean, for how far elements are from it, for the results."""
    away = x - gx.mean(x, axis=1, keepdims=True)
    return away / gx.mean(abs(away), axis=1, keepdims=True)


def test_rows_that_are_known_to_be_short_are_not_fetched_ahead() -> None:
    limits = (
        (LONG_ROW, gx.nn.log_softmax),
        (LONG, gx.nn.softmax),  # shorter ones wait for the next
        (LONG_RESULT, evened),
    )
    for least, makes in limits:
        columns = least - 1
        x = gx.input("x", ("rows", columns))
        assert "prefetch(" not in gx.compile([x], makes(x)).source
        longer = gx.input("x", ("rows", columns + 1))
        assert "prefetch(" in gx.compile([longer], makes(longer)).source


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_long_rows_of_results_are_fetched_ahead(dtype: str) -> None:
    x = gx.input("x", ("rows", "columns"), dtype)
    graph = Graph((x.node,), (evened(x).node,))
    array = np.random.default_rng(0).standard_normal((3, LONG_RESULT + 5)).astype(dtype)
    case = Case(graph, (array,))
    for backend in BOTH:
        program = program_of(graph, backend)
        assert "prefetch(out1, " in program.source
        (got,), (wanted,) = ran(case, program), expected(case)
        assert_close(got, wanted, 1e-5 if dtype == "float32" else 1e-13, "evened")


def scratch_rows(make: Callable[[gx.Tensor], gx.Tensor]) -> int:
    x = gx.input("x", ("rows", "columns"))
    schedule = build_schedule(simplify(Graph((x.node,), (make(x).node,))))
    operands = [o for step in schedule.steps for o in step.kernel.operands]
    return sum(o.buffer.kind == "scratch" for o in operands)


def test_rows_are_kept_where_their_results_go_if_those_fit() -> None:
    assert scratch_rows(gx.nn.softmax) == 0
    assert scratch_rows(lambda x: gx.astype(gx.nn.softmax(x), "float64")) == 1
    assert scratch_rows(lambda x: gx.max(gx.nn.softmax(x) - x, axis=1)) == 1


def test_a_state_is_read_to_the_end_before_it_is_overwritten() -> None:
    value = np.random.default_rng(0).standard_normal((5, 70)).astype(np.float32)
    state = gx.state("state", value)
    step = gx.compile([], [], updates={state: gx.nn.softmax(state) * state})
    step()
    e = np.exp(value - value.max(axis=1, keepdims=True))
    wanted = e / e.sum(axis=1, keepdims=True) * value
    np.testing.assert_allclose(state.value, wanted, rtol=1e-5, atol=1e-7)


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

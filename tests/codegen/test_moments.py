"""Sums of squares without a sweep of their own: every way agrees, and no digits are lost."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

import graphc as gx
from graphc.codegen.moments import LONG, moments
from graphc.graph import Graph
from tests.compiled.checking import Case, check_text, loop_kernels

Make = Callable[[gx.Tensor], gx.Tensor]


def total(x: gx.Tensor) -> gx.Tensor:
    return gx.sum(x, axis=1, keepdims=True)


def row_mean(x: gx.Tensor) -> gx.Tensor:
    return gx.mean(x, axis=1, keepdims=True)


def centred(x: gx.Tensor) -> gx.Tensor:
    return x - row_mean(x)


SPARED: dict[str, Make] = {
    "layer_norm": gx.nn.layer_norm,
    "var": lambda x: gx.var(x, axis=1),
    "std of a sum": lambda x: gx.std(x + gx.sqrt(abs(x)), axis=1),
    "mean beside": lambda x: gx.var(x, axis=1) * gx.mean(x, axis=1),
}
SWEPT: dict[str, Make] = {
    "about the maximum": lambda x: gx.sum((x - gx.max(x, axis=1, keepdims=True)) ** 2, axis=1),
    "about half the sum": lambda x: gx.sum((x - 0.5 * gx.sum(x, 1, keepdims=True)) ** 2, axis=1),
    "no squares": lambda x: gx.sum(abs(centred(x)), axis=1),
    "of functions": lambda x: gx.var(gx.tanh(x), axis=1),
    "sums beside": lambda x: gx.var(x, axis=1) + gx.max(x, axis=1),
    "another sum about the mean": lambda x: gx.var(x, axis=1) + gx.sum(abs(centred(x)), axis=1),
    "about minus the mean": lambda x: gx.mean((x + row_mean(x)) ** 2, axis=1),
    "about the mean of squares": lambda x: gx.mean((x - row_mean(x * x)) ** 2, axis=1),
    "about a share of the row": lambda x: gx.mean((x - total(x) * x[:, 0][:, None]) ** 2, axis=1),
    "about the sum and more": lambda x: gx.mean((x - (total(x) + 0.001)) ** 2, axis=1),
    "products": lambda x: gx.mean(centred(x) * abs(x), axis=1),
}


def rows(columns: int) -> np.ndarray:
    """Of all sorts: with good guesses and with bad ones, and such as are not finite."""
    rng = np.random.default_rng(columns)
    base = rng.standard_normal(columns)
    found = [base, base + 10, np.full(columns, 2.0), np.linspace(-1, 1, columns), 1e-25 * base]
    for value in (50.0, 1e15, 1e30, np.inf, -np.inf, np.nan):
        for at in ([0], [columns // 2], slice(None, 8), slice(None, columns // 2)):
            row = base.copy()
            row[at] = value
            found.append(row)
    return np.array(found)


def normal_rows(x: np.ndarray) -> np.ndarray:
    d = x.astype(np.float64)
    return (d - d.mean(1, keepdims=True)) / np.sqrt(d.var(1, keepdims=True) + 1e-5)


def agree(make: Make, dtype: str, data: np.ndarray, spared: bool) -> None:
    x = gx.input("x", ("rows", "columns"), dtype)
    graph = Graph((x.node,), (make(x).node,))
    case = Case(graph, (data.astype(dtype),))
    check_text(case, "bad", spared, 1e-4 if dtype == "float32" else 1e-11)


@pytest.mark.parametrize("name", SPARED | SWEPT)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("columns", [9, LONG - 1, LONG, LONG + 33])
@pytest.mark.filterwarnings("ignore:.*:RuntimeWarning")
def test_every_way_agrees(name: str, dtype: str, columns: int) -> None:
    agree((SPARED | SWEPT)[name], dtype, rows(columns), name in SPARED)


@pytest.mark.parametrize("name", SPARED)
@pytest.mark.filterwarnings("ignore:.*:RuntimeWarning")
def test_rows_of_nothing(name: str) -> None:
    agree(SPARED[name], "float32", np.zeros((3, 0)), True)


@pytest.mark.parametrize("mean", [0.0, 1e2, 1e4, 1e6])
@pytest.mark.parametrize("first", [0.0, 1.0, 1.7, 1.8, 3.0, 1e3, 1e6])
def test_no_digits_are_lost(mean: float, first: float) -> None:
    """Where the row begins elsewhere than it goes on, too: the variance is right to 3e-6, and to
    the square of the digits that a mean has."""
    x = gx.input("x", ("rows", "columns"))
    data = np.random.default_rng(0).standard_normal((20, 4 * LONG))
    data[:, :16] = first
    data = (data + mean).astype(np.float32)
    wanted = data.astype(np.float64).var(axis=1)
    np.testing.assert_allclose(
        gx.compile([x], gx.var(x, axis=1))(data), wanted, 3e-6 + (1e-7 * mean) ** 2
    )


def test_rows_that_are_known_to_be_short_are_swept_as_they_are_written() -> None:
    for columns in (LONG - 1, LONG):
        x = gx.input("x", ("rows", columns))
        assert ("bad" in gx.compile([x], gx.nn.layer_norm(x)).source) == (columns == LONG)


def test_what_a_sweep_stores_is_stored_once_or_twice_the_same() -> None:
    x, y = (gx.input(name, ("rows", "columns")) for name in "xy")
    program = gx.compile([x, y], [h := x + y, gx.nn.layer_norm(h)])
    a, b = np.random.default_rng(0).standard_normal((2, 3, 2 * LONG)).astype(np.float32)
    a[1, :8] = 1e4
    total, normal = program(a, b)
    assert "bad" in program.source
    np.testing.assert_array_equal(total, a + b)
    np.testing.assert_allclose(normal, normal_rows(a + b), rtol=1e-4, atol=1e-5)


def test_what_an_earlier_sweep_adds_to_is_added_to_once() -> None:
    (kernel,) = loop_kernels(gx.nn.layer_norm(gx.input("x", ("rows", 2 * LONG))))
    (moment,) = moments(kernel)
    (store,) = kernel.stages[-1].stores
    for adds in (False, True):
        earlier = replace(moment.earlier, stores=(replace(store, value=moment.element, add=adds),))
        stages = tuple(earlier if s is moment.earlier else s for s in kernel.stages)
        assert bool(moments(replace(kernel, stages=stages))) != adds


def test_a_state_is_normalised_in_its_place() -> None:
    value = np.random.default_rng(0).standard_normal((5, LONG + 3)).astype(np.float32)
    value[2, :8] = 100.0
    state = gx.state("state", value)
    gx.compile([], [], updates={state: gx.nn.layer_norm(state)})()
    np.testing.assert_allclose(state.value, normal_rows(value), rtol=1e-4, atol=1e-5)

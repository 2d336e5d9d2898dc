"""Maxima that need not see nan: the results of every way are nan in the same places."""

from collections.abc import Callable

import numpy as np
import pytest

import graphc as gx
from graphc.graph import Graph
from tests.compiled.checking import BOTH, Case, expected, program_of, ran

Tensors = list[gx.Tensor]


def largest(x: gx.Tensor) -> gx.Tensor:
    return gx.max(x, axis=1, keepdims=True)


def powers(x: gx.Tensor) -> gx.Tensor:
    return gx.exp(x - largest(x))


def shares(x: gx.Tensor) -> gx.Tensor:
    return powers(x) / gx.sum(powers(x), axis=1, keepdims=True)


def logsumexp(x: gx.Tensor) -> gx.Tensor:
    shift = gx.where(gx.isfinite(largest(x)), largest(x), 0.0)
    return gx.log(gx.sum(gx.exp(x - shift), axis=1, keepdims=True)) + shift


UNSEEN: dict[str, Callable[[gx.Tensor], Tensors]] = {
    "log_softmax": lambda x: [gx.nn.log_softmax(x)],
    "logsumexp": lambda x: [logsumexp(x)],
    "of a weighted sum": lambda x: [gx.sum(shares(x) * x, axis=1), gx.sum(powers(x) * x, axis=1)],
    "two in a row": lambda x: [shares(shares(x))],
}
SEEN: dict[str, Callable[[gx.Tensor], Tensors]] = {
    "stored": lambda x: [shares(x), largest(x)],
    "powers stored": lambda x: [powers(x), gx.sum(powers(x), axis=1)],
    "compared": lambda x: [gx.astype(x == largest(x), "float32"), shares(x)],
    "chosen": lambda x: [gx.where(gx.isfinite(shares(x)), largest(x), 0.0)],
    "no sum of it": lambda x: [powers(x) * gx.sum(gx.where(x > 0, x, 0.0), axis=1, keepdims=True)],
    "maximum of it": lambda x: [shares(x), gx.max(powers(x), axis=1)],
}


def rows(columns: int) -> np.ndarray:
    """Of all sorts: nan, inf and -inf at the beginning, in the middle, at the end, everywhere."""
    found = [np.linspace(-1, 3, columns), np.full(columns, -np.inf)]
    for value in (np.nan, -np.nan, np.inf, -np.inf, 1e30, -1e30, 1e36):
        for at in ([0], [columns // 2], [columns - 1], [0, columns - 1], slice(None)):
            row = np.linspace(-1, 3, columns)
            row[at] = value
            found.append(row)
            both = row.copy()
            both[columns // 3] = np.inf
            found.append(both)
    return np.array(found, np.float32)


def check(make: Callable[[gx.Tensor], Tensors], columns: int, blind: bool) -> None:
    x = gx.input("x", ("rows", columns))
    graph = Graph((x.node,), tuple(y.node for y in make(x)))
    case = Case(graph, (rows(columns),))
    for backend in BOTH:
        program = program_of(graph, backend)
        assert ("blind_max(" in program.source) == blind
        for got, wanted in zip(ran(case, program), expected(case), strict=True):
            np.testing.assert_allclose(got, wanted, rtol=2e-5, atol=1e-6)


@pytest.mark.parametrize("name", UNSEEN)
@pytest.mark.parametrize("columns", [67, 100, 259])
def test_a_sum_sees_nan_for_the_maximum(name: str, columns: int) -> None:
    check(UNSEEN[name], columns, True)


@pytest.mark.parametrize("name", SEEN)
@pytest.mark.parametrize("columns", [100])
def test_a_maximum_whose_nan_nothing_else_shows_sees_it(name: str, columns: int) -> None:
    check(SEEN[name], columns, False)

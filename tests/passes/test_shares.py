"""Gradients of shares of a sum: what they are made of, and what only looks like one."""

import numpy as np
import pytest

import graphc as gx
from graphc.evaluate import evaluate
from graphc.graph import INPUT, Graph, order
from graphc.passes.pipeline import simplify


def test_the_gradient_of_softmax_divides_and_exponentiates_nothing() -> None:
    x, g = gx.input("x", ("n", 5)), gx.input("g", ("n", 5))
    y = gx.nn.softmax(x)
    (dx,) = gx.grad(gx.sum(y * g), [x])
    graph = simplify(Graph((x.node, g.node), (y.node, dx.node)))
    names = [node.op.name for node in graph.nodes]
    assert (names.count("div"), names.count("exp")) == (1, 1)


def test_shares_of_a_sum_along_another_axis_are_none_of_softmax() -> None:
    x, g = gx.input("x", (4, 4)), gx.input("g", (4, 4))
    e = gx.exp(x)
    (dx,) = gx.grad(gx.sum(e / gx.sum(e, axis=1) * g), [x])
    fed = {x.node: np.linspace(-1, 1, 16).reshape(4, 4).astype(np.float32)}
    fed[g.node] = fed[x.node][::-1].copy()
    graph = Graph((x.node, g.node), (dx.node,))
    (got,), (wanted,) = (evaluate(one.outputs, fed) for one in (simplify(graph), graph))
    np.testing.assert_allclose(got, wanted, rtol=1e-5, atol=1e-6)


def test_one_division_a_row_is_left_of_softmax() -> None:
    x = gx.input("x", ("n", 5))
    graph = simplify(Graph((x.node,), (gx.nn.softmax(x).node,)))
    (division,) = (node for node in graph.nodes if node.op.name == "div")
    assert division.type.shape == x.shape[:1]


def divided(e: gx.Tensor, s: gx.Tensor) -> bool:
    """Whether e / s is divided element by element."""
    y = e / s
    inputs = tuple(node for node in order([y.node]) if node.op is INPUT)
    (output,) = simplify(Graph(inputs, (y.node,))).outputs
    return output.op.name == "div"


def test_sums_that_may_be_less_than_one_divide_each_element() -> None:
    x, other = gx.input("x", (4, 4)), gx.input("other", (4, 4))
    top = gx.max(x, axis=1, keepdims=True)
    e = gx.exp(x - top)
    total = gx.sum(e, axis=1, keepdims=True)
    assert not divided(e, total)
    assert not divided(e, gx.sum(e, axis=1))  # of other rows, but 1 at least
    assert divided(e, gx.sum(e, axis=0))
    assert divided(e, total + other)
    assert divided(gx.exp(x), gx.sum(gx.exp(x), axis=1, keepdims=True))
    for shift in (gx.max(x, axis=1), gx.max(other, axis=1, keepdims=True), gx.max(x), gx.min(x)):
        e = gx.exp(x - shift)
        assert divided(e, gx.sum(e, axis=1, keepdims=True))
        assert divided(e, gx.sum(e, axis=1))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_infinities_and_nans_in_a_row_make_all_of_it_nan(dtype: str) -> None:
    x = gx.input("x", (5, 3), dtype)
    inf, nan = np.inf, np.nan
    rows = [[1, inf, 2], [-inf, -inf, -inf], [nan, 1, 2], [-inf, 0, 1], [-1e30, 1e30, 1e30]]
    wanted = [[nan] * 3] * 3 + [[0, 1 / (1 + np.e), np.e / (1 + np.e)], [0, 0.5, 0.5]]
    program = gx.compile([x], gx.nn.softmax(x))
    np.testing.assert_allclose(program(np.array(rows, dtype)), wanted, rtol=1e-6)

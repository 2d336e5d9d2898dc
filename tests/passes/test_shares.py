"""Gradients of shares of a sum: what they are made of, and what only looks like one."""

import numpy as np

import graphc as gx
from graphc.evaluate import evaluate
from graphc.graph import Graph
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

"""Sums of products over the steps of a loop: which become one product, and what they add up to."""

from collections.abc import Iterable
from functools import reduce
from operator import add
from typing import Any

import numpy as np
import pytest

import graphc as gx
from graphc.evaluate import evaluate
from graphc.graph import Graph, Node
from graphc.passes.pipeline import simplify

RNG = np.random.default_rng(0)
W, V = gx.parameter("w", RNG.uniform(-1, 1, (6, 24))), gx.parameter("v", RNG.uniform(-1, 1, (6, 6)))


def simplified(inputs: list[gx.Tensor], outputs: list[gx.Tensor]) -> Graph:
    return simplify(Graph(tuple(i.node for i in inputs), tuple(o.node for o in outputs)))


def products(graph: Graph) -> list[Node]:
    return [node for node in graph.nodes if node.op.name == "dot"]


def added(terms: Iterable[gx.Tensor]) -> gx.Tensor:
    return reduce(add, terms)


def gated(x: gx.Tensor, steps: int) -> gx.Tensor:
    """The states of a recurrent net whose projection of inputs is one product."""
    fed = x @ W
    h = gx.zeros((x.shape[0], 6))
    hidden = []
    for step in range(steps):
        gates = gx.split(fed[:, step] + h @ W, 4, axis=1)
        h = gx.tanh(gates[0] * gates[1] + gates[2]) * gates[3]
        hidden.append(h)
    return gx.stack(hidden, axis=1)


def test_the_gradient_by_a_recurrent_weight_is_one_product() -> None:
    x = gx.input("x", (3, 5, 6))
    loss = gx.sum(gated(x, 5) ** 2)
    (dw,) = gx.grad(loss, [W])
    graph = simplified([x], [dw])
    weights = [node for node in products(graph) if node.type.shape == (6, 24)]
    assert [len(node.params["contract"][0]) for node in weights] == [2, 2]
    fed = {x.node: RNG.uniform(-1, 1, (3, 5, 6)).astype(np.float32)}
    (got,), (wanted,) = (evaluate(outputs, fed) for outputs in (graph.outputs, [dw.node]))
    np.testing.assert_allclose(got, wanted, rtol=1e-4, atol=1e-5)


def test_what_lies_in_steps_is_not_copied() -> None:
    x, g = gx.input("x", ("n", 4, 100)), gx.input("g", (4, "n", 100))
    total = added(x[:, step].T @ g[step] for step in range(4))
    graph = simplified([x, g], [total])
    (node,) = products(graph)
    assert node.inputs == (x.node, g.node)
    assert node.params["contract"] == ((1, 0), (0, 1))


@pytest.mark.parametrize("order", [(0, 1, 2, 3), (3, 1, 0, 2), (0, 1, 3, 4)])
@pytest.mark.parametrize("axis", [0, 1])
def test_any_order_of_steps_adds_up(order: tuple[int, ...], axis: int) -> None:
    x, g = gx.input("x", (5, 5, 7)), gx.input("g", (5, 5, 7))
    pick: Any = (lambda t, n: t[n]) if axis == 0 else (lambda t, n: t[:, n])
    total = added(gx.tanh(pick(x, n)).T @ pick(g, n) for n in order)
    graph = simplified([x, g], [total])
    assert len(products(graph)) == 1
    fed = {t.node: RNG.uniform(-1, 1, (5, 5, 7)).astype(np.float32) for t in (x, g)}
    (got,), (wanted,) = (evaluate(outputs, fed) for outputs in (graph.outputs, [total.node]))
    np.testing.assert_allclose(got, wanted, rtol=1e-5, atol=1e-5)


def test_products_stay_that_would_be_copied_or_are_read_apart() -> None:
    x, g = gx.input("x", ("n", 8)), gx.input("g", ("n", 8))
    terms = [(gx.tanh(x * n)).T @ gx.tanh(g * n) for n in range(1, 5)]
    assert len(products(simplified([x, g], [added(terms)]))) == 4  # n is larger than 8
    y = gx.input("y", (4, 2, 8))
    terms = [gx.tanh(y[n]).T @ y[n] for n in range(4)]
    assert len(products(simplified([y], [added(terms)]))) == 1
    assert len(products(simplified([y], [added(terms), terms[0]]))) == 4
    assert len(products(simplified([y], [added(terms), gx.exp(terms[0])]))) == 4
    assert len(products(simplified([y], [added(terms[:3])]))) == 3  # few


@pytest.mark.parametrize("order", [(0, 1, 2, 3), (2, 0, 3, 1)])
@pytest.mark.parametrize("axis", [0, 1, 2])
def test_what_is_stacked_for_somebody_else_is_not_stacked_again(
    axis: int, order: tuple[int, ...]
) -> None:
    y = gx.input("y", (4, 2, 8))
    total = added(gx.tanh(y[n]).T @ y[n] for n in range(4))
    stacked = gx.exp(gx.stack([gx.tanh(y[n]) for n in order], axis=axis))
    graph = simplified([y], [total, stacked])
    assert len(products(graph)) == 1
    if order == (0, 1, 2, 3):  # in the order of the slices; else these are stacked in that one
        assert [node.params["axis"] for node in graph.nodes if node.op.name == "concat"] == [axis]
    fed = {y.node: RNG.uniform(-1, 1, (4, 2, 8)).astype(np.float32)}
    wanted = evaluate([total.node, stacked.node], fed)
    for got, one in zip(evaluate(graph.outputs, fed), wanted, strict=True):
        np.testing.assert_allclose(got, one, rtol=1e-5, atol=1e-5)


def test_a_sum_that_is_read_apart_is_gathered_apart() -> None:
    y = gx.input("y", (4, 2, 8))
    part = added(gx.tanh(y[n]).T @ y[n] for n in range(4))
    total = part + added(gx.sin(y[n]).T @ y[n] for n in range(4))
    for outputs in ([gx.exp(part), total], [total, gx.exp(part)], [total, part]):
        graph = simplified([y], outputs)
        assert [node.inputs[0].type.shape for node in products(graph)] == [(4, 2, 8)] * 2
    named = added((gx.tanh(y[n]).T @ y[n]).named(f"part{n}") for n in range(4))
    assert len(products(simplified([y], [named]))) == 4


def test_products_of_batches_stay() -> None:
    y = gx.input("y", (4, 3, 2, 8))
    total = added(gx.tanh(y[n]).mT @ y[n] for n in range(4))
    assert len(products(simplified([y], [total]))) == 4

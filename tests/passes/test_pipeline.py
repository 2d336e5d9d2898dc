"""The whole pipeline: random graphs keep their values, depth is no problem, golden texts."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graphc.autodiff import grad
from graphc.dims import dim
from graphc.evaluate import evaluate
from graphc.functions.creation import input, parameter
from graphc.functions.tensor import Tensor
from graphc.graph import Graph, order, verify
from graphc.ops import (
    PRIMITIVES,
    broadcast_to,
    concat,
    exp,
    log,
    maximum,
    mul,
    neg,
    sigmoid,
    sin,
    slice_,
    sqrt,
    stop_gradient,
    tanh,
    where,
)
from graphc.passes import PIPELINE, apply, simplify, stabilise
from graphc.text import parse, text
from tests import golden

X, Y, Z = input("x", (2, 3), "float64"), input("y", (3,), "float64"), input("z", (), "float64")
RNG = np.random.default_rng(7)
FED = {t.node: RNG.uniform(-2, 2, t.node.type.shape) for t in (X, Y, Z)}

# Steps that keep values small: the point is how rules meet, not how floats overflow.
UNARY: tuple[Callable[[Tensor], Tensor], ...] = (
    neg,
    tanh,
    sin,
    sigmoid,
    stop_gradient,
    lambda t: log(t * t + 1.0),
    lambda t: log(1.0 + exp(tanh(t))) - 1.0,
    lambda t: exp(tanh(t)) - 1.0,
    lambda t: 1.0 / sqrt(t * t + 0.5),
    lambda t: t**2 / 4.0,
    lambda t: t * 1.0 + 0.0,
    lambda t: t / -1.0 - 0.0,
    lambda t: t.astype("float32").astype("float64"),
    lambda t: t.astype("float32").astype("float32").astype("float64"),
    lambda t: t.T,
    lambda t: t.reshape((-1,)).reshape(t.shape),
    lambda t: t.sum(axis=0, keepdims=True) if t.ndim else t,
    lambda t: t.max(axis=-1) if t.ndim else t,
    lambda t: t.mean(),
    lambda t: t[..., None].sum(axis=-1),
    lambda t: t[::-1][::-1] if t.ndim else t,
    lambda t: slice_(t, starts=(0,), sizes=(1,), steps=(2,)) if t.ndim == 1 else t,
    lambda t: concat(t, t, axis=0)[: t.shape[0]] if t.ndim else t,
    lambda t: tanh(t @ t.T) if t.ndim == 2 else t,
)
BINARY: tuple[Callable[[Tensor, Tensor], Tensor], ...] = (
    lambda a, b: a + b,
    lambda a, b: a - -b,
    lambda a, b: a * b,
    lambda a, b: -a / (b * b + 1.0),
    lambda a, b: where(~(a > b), a, b),
    maximum,
)


def compatible(a: Tensor, b: Tensor) -> bool:
    return a.shape == b.shape or () in (a.shape, b.shape)


@st.composite
def graphs(draw: st.DrawFn) -> list[Tensor]:
    pool = [X, Y, Z]
    for _ in range(draw(st.integers(1, 12))):
        a = draw(st.sampled_from(pool))
        partners = [b for b in pool if b.shape == a.shape]
        if draw(st.booleans()):
            pool.append(draw(st.sampled_from(UNARY))(a))
        else:
            pool.append(tanh(draw(st.sampled_from(BINARY))(a, draw(st.sampled_from(partners)))))
    return pool[-2:]


def simplified(graph: Graph) -> Graph:
    """The graph after the pipeline, well formed after every step."""
    after = graph
    for step in PIPELINE:
        after = apply(step, after)
        verify(after)
    assert after == simplify(graph)
    return after


def same_values(graph: Graph) -> None:
    after = simplified(graph)
    before_values, after_values = evaluate(graph.roots, FED), evaluate(after.roots, FED)
    for wanted, got in zip(before_values, after_values, strict=True):
        np.testing.assert_allclose(got, wanted, rtol=1e-6, atol=1e-6)
    assert simplify(after) == after
    assert parse(text(after), PRIMITIVES) == after


@settings(max_examples=200)
@given(graphs())
def test_random_graphs_and_their_gradients_keep_their_values(outputs: list[Tensor]) -> None:
    inputs = (X.node, Y.node, Z.node)
    same_values(Graph(inputs, tuple(y.node for y in outputs)))
    loss = sum((y.sum() for y in outputs), Z)
    same_values(Graph(inputs, tuple(g.node for g in grad(loss, [X, Y, Z]))))


def test_updates_and_order_are_kept() -> None:
    w = parameter("w", np.ones(3))
    graph = Graph((Y.node, X.node), (neg(neg(X)).node, X.node), ((w.node, (w * 1.0).node),))
    assert simplify(graph) == Graph((Y.node, X.node), (X.node, X.node), ((w.node, w.node),))


@pytest.mark.parametrize(
    ("naive", "slopes"),
    [
        (lambda x: log(sigmoid(x)), [1.0, 0.5, 0.0]),
        (lambda x: log(1.0 + exp(x)), [0.0, 0.5, 1.0]),
        (lambda x: 1.0 / (1.0 + exp(-x)), [0.0, 0.25, 0.0]),
        (lambda x: log(exp(x) / exp(x).sum()), [1.0, 1.0, -2.0]),
    ],
)
def test_gradients_are_those_of_the_stabilised_graph(
    naive: Callable[[Tensor], Tensor], slopes: list[float]
) -> None:
    x = input("far", (3,), "float64")
    far = {x.node: np.array([-1000.0, 0.0, 1000.0])}
    (value,) = evaluate([grad(naive(x).sum(), x).node], far)
    np.testing.assert_allclose(value, slopes)


def test_what_is_differentiated_by_stays_when_stabilised() -> None:
    x = input("far", (3,), "float64")
    inner = sigmoid(x)
    loss = log(inner).sum()
    assert stabilise([loss.node], frozenset({inner.node})) == [loss.node]
    (slope,) = evaluate([grad(loss, inner).node], {x.node: np.zeros(3)})
    np.testing.assert_allclose(slope, 2.0)


def test_log_of_a_sum_of_exp_along_axes_that_may_be_empty() -> None:
    x = input("far", ("n", 2, "m"), "float64")
    graph = Graph((x.node,), (log(exp(x).sum(axis=(0, 2))).node,))
    after = simplify(graph)
    (value,) = evaluate(after.roots, {x.node: np.full((3, 2, 2), 1000.0)})
    np.testing.assert_allclose(value, 1000.0 + np.log(6.0))
    (nothing,) = evaluate(after.roots, {x.node: np.ones((0, 2, 3))})
    np.testing.assert_array_equal(nothing, -np.inf)


def test_a_broadcast_through_a_size_that_a_guard_holds_equal_stays() -> None:
    x = input("guarded", ("n",), "float64")
    for size in (5, dim("m")):
        twice = broadcast_to(broadcast_to(x[:1], shape=(1,)), shape=(size,))
        (after,) = simplify(Graph((x.node,), (twice.node,))).outputs
        assert after is twice.node


def test_stabilised_values_reach_where_the_naive_ones_break() -> None:
    x = input("far", (2, 2), "float64")
    e = exp(x)
    outputs = [
        log(e / e.sum(axis=1, keepdims=True)),
        log(e.sum(axis=1)),
        log(1.0 + e),
        log(1.0 - sigmoid(x)),
    ]
    after = simplify(Graph((x.node,), tuple(y.node for y in outputs)))
    far = {x.node: np.array([[1000.0, 0.0], [-1000.0, 1000.0]])}
    for y in evaluate(after.roots, far):
        assert np.isfinite(y).all()
    assert "log_softmax" not in text(after)


def test_x_minus_x_and_x_times_zero_stay() -> None:
    x = input("x", ("n",))
    graph = Graph((x.node,), ((x - x).node, (x * 0.0).node, (x + 0.0).node))
    assert simplify(graph) == graph


def chain(length: int, link: Callable[[Tensor], Tensor]) -> Tensor:
    h: Tensor = input("deep", (2,))
    for _ in range(length):
        h = link(h)
    return h.sum()


@pytest.mark.parametrize(
    ("length", "link"),
    [(50_000, lambda h: h + input("deep", (2,))), (5_000, lambda h: sin(h) * 0.5)],
)
def test_depth_is_no_problem(length: int, link: Callable[[Tensor], Tensor]) -> None:
    x = input("deep", (2,))
    loss = chain(length, link)
    assert len(order([loss.node])) > length
    graph = simplify(Graph((x.node,), (loss.node, grad(loss, x).node)))
    assert parse(text(graph), PRIMITIVES) == graph
    value, slope = evaluate(graph.roots, {x.node: np.ones(2, np.float32)})
    assert np.isfinite(value)
    assert np.isfinite(slope).all()


# ---- goldens ----


def mlp() -> tuple[Graph, Graph, Graph]:
    """A perceptron of one hidden layer: its loss, its gradient, a step of gradient descent."""
    x, y = input("x", ("batch", 4)), input("y", ("batch", 3))
    p: dict[str, Any] = {
        "w1": parameter("w1", np.zeros((4, 8))),
        "b1": parameter("b1", np.zeros(8)),
        "w2": parameter("w2", np.zeros((8, 3))),
    }
    hidden = tanh(x @ p["w1"] + p["b1"])
    e = exp(hidden @ p["w2"])
    loss = -mul(y, log(e / e.sum(axis=1, keepdims=True))).sum() / 32.0
    grads = grad(loss, p)
    updates = tuple((p[k].node, (p[k] - 0.1 * grads[k]).node) for k in sorted(p))
    inputs = (x.node, y.node)
    gradient = tuple(grads[k].node for k in sorted(p))
    return (
        Graph(inputs, (loss.node,)),
        Graph(inputs, gradient),
        Graph(inputs, (loss.node,), updates),
    )


def test_golden_texts(pytestconfig: pytest.Config) -> None:
    forward, gradient, step = mlp()
    golden.check("graph/mlp.txt", text(forward), pytestconfig)
    golden.check("graph/mlp_gradient.txt", text(gradient), pytestconfig)
    golden.check("graph/mlp_step_simplified.txt", text(simplify(step)), pytestconfig)

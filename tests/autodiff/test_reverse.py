"""Reverse mode: values, structure, provenance, what is visited, and errors."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from graphc.autodiff import check_gradient, grad, value_and_grad, vjp
from graphc.dims import dim
from graphc.errors import GradientError, ShapeError
from graphc.evaluate import evaluate
from graphc.functions.creation import input, parameter
from graphc.functions.tensor import Tensor
from graphc.graph import order
from graphc.ops import add, argmax, cast, exp, log, mul, sin, stop_gradient, take, tanh, where
from graphc.types import float64

RNG = np.random.default_rng(0)
X = input("x", ("n", 3), "float64")
DATA = RNG.standard_normal((4, 3))


def value(y: Tensor, fed: dict[Tensor, Any]) -> np.ndarray:
    return evaluate([y.node], {x.node: array for x, array in fed.items()})[0]


def test_the_gradient_of_a_chain() -> None:
    loss = sin(X * X).sum()
    np.testing.assert_allclose(value(grad(loss, X), {X: DATA}), 2 * DATA * np.cos(DATA * DATA))


@dataclass
class Layer:
    w: Tensor
    b: Tensor | None


def test_the_result_has_the_structure_of_wrt() -> None:
    w, b = parameter("w", np.ones((3, 2))), parameter("b", np.zeros(2))
    x = input("xf", ("n", 3))
    loss = (x @ w + b).sum()
    both = {"layer": Layer(w, None), "b": (b, [w])}
    found = grad(loss, both)
    assert isinstance(found["layer"], Layer)
    assert found["layer"].b is None
    assert found["b"][1][0] is found["layer"].w
    assert found["b"][0].shape == (2,)
    same, again = value_and_grad(loss, both)
    assert same is loss
    assert again["b"][0] is found["b"][0]


def test_what_the_loss_does_not_reach_gets_zeros() -> None:
    other = input("other", (2, 2), "float64")
    np.testing.assert_array_equal(value(grad(X.sum(), other), {}), np.zeros((2, 2)))
    np.testing.assert_array_equal(
        value(grad(stop_gradient(other).sum(), other), {}), np.zeros((2, 2))
    )


def test_integers_on_the_way_end_a_path() -> None:
    picked = take(X, argmax(X, axes=(1,)), axis=1)
    loss = picked.sum() + cast(X > 0, dtype=float64).sum()
    assert grad(loss, X).shape == X.shape


def test_a_tensor_on_the_way_counts_too() -> None:
    h = tanh(X)
    dh, dx = grad((h * h).sum(), [h, X])
    np.testing.assert_allclose(value(dh, {X: DATA}), 2 * np.tanh(DATA))
    np.testing.assert_allclose(value(dx, {X: DATA}), 2 * np.tanh(DATA) / np.cosh(DATA) ** 2)


def test_many_uses_add_up_in_a_balanced_tree() -> None:
    loss = sum((mul(X, X * float(i)) for i in range(64)), X).sum()
    g = grad(loss, X)
    np.testing.assert_allclose(value(g, {X: DATA}), 1 + 2 * 2016 * DATA)
    depth = dict.fromkeys(order([g.node]), 0)
    for n in depth:
        depth[n] = max((depth[i] + (n.op is add) for i in n.inputs), default=0)
    assert depth[g.node] <= 9


def test_only_what_lies_between_is_visited() -> None:
    constant_part = exp(log(X * 2.0 + 9.0)).sum()
    w = input("w", (), "float64")
    loss = constant_part * w
    g = grad(loss, w)
    assert g.node.op is mul
    assert {n.source for n in order([g.node])} <= {None, loss.node}


def test_nodes_of_a_gradient_know_their_line_and_their_forward_node() -> None:
    y = tanh(input("fresh", (3,)) * 3.0)
    g = grad((y * y).sum(), input("fresh", (3,)))
    made = [n for n in order([g.node]) if n.source is not None]
    assert {n.source for n in made} >= {y.node, y.node.inputs[0]}
    for n in made:
        assert n.where is not None
        assert n.source is not None
        assert n.where == n.source.where


def test_the_branch_not_taken_makes_no_nan() -> None:
    safe = where(X > 0, log(X), X * 0.0)
    g = value(grad(safe.sum(), X), {X: np.array([[-1.0, 0.0, 2.0]])})
    np.testing.assert_array_equal(g, [[0.0, 0.0, 0.5]])


def test_vjp_takes_trees() -> None:
    a, b = vjp({"s": sin(X), "t": [X * 2.0]}, (X, X), {"s": X, "t": [X]})
    assert a is b
    np.testing.assert_allclose(value(a, {X: DATA}), DATA * np.cos(DATA) + 2 * DATA)


def test_sizes_that_a_guard_holds_equal() -> None:
    two = input("two", (dim("n") * 2,), "float64")
    eight = input("eight", (8,), "float64")
    one = input("one", ("n",), "float64")
    da, db = grad((two * eight).sum() + one.sum(), [two, eight])
    assert (da.shape, db.shape) == (two.shape, eight.shape)
    arrays = {two: np.arange(8.0), eight: np.ones(8), one: np.ones(4)}
    np.testing.assert_array_equal(value(db, arrays), np.arange(8.0))


@pytest.mark.parametrize(
    ("loss", "wrt", "message"),
    [
        (X, X, "not a scalar(.|\n)*loss.sum()"),
        ((X > 0).sum(), X, "not floating"),
        (3.0, X, "not a tensor"),
        (X.sum(), [3.0], "wrt is a tensor, or a dict"),
        (X.sum(), X > 0, "a tensor of bool has no gradient"),
    ],
)
def test_errors(loss: Any, wrt: Any, message: str) -> None:
    with pytest.raises(GradientError, match=message):
        grad(loss, wrt)


def test_cotangents_have_the_types_of_their_outputs() -> None:
    with pytest.raises(ShapeError, match="a cotangent has the shape"):
        vjp(X, X, X.sum())
    with pytest.raises(GradientError, match="no tree like the outputs"):
        vjp([X], X, X)


def test_compositions_to_second_order() -> None:
    def softmax_loss(x: Tensor, w: Tensor) -> Tensor:
        logits = tanh(x @ w)
        shifted = logits - logits.max(axis=1, keepdims=True)
        e = exp(shifted)
        return -log(e / e.sum(axis=1, keepdims=True))[:, 0].mean()

    check_gradient(softmax_loss, [RNG.standard_normal((3, 2)), RNG.standard_normal((2, 3))])

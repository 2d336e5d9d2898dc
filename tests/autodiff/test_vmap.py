"""vmap: a batch is what a loop over examples would give."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from graphc.autodiff import grad, vmap
from graphc.errors import ShapeError
from graphc.evaluate import evaluate
from graphc.functions.creation import input
from graphc.functions.tensor import Tensor
from graphc.graph import order
from graphc.ops import dot, exp, max_, sin, tanh

RNG = np.random.default_rng(1)
A, B = RNG.standard_normal((5, 3, 2)), RNG.standard_normal((2, 4))
XA, XB = input("a", ("n", 3, 2), "float64"), input("b", (2, 4), "float64")


def value(y: Tensor) -> np.ndarray:
    return evaluate([y.node], {XA.node: A, XB.node: B})[0]


def normalised(x: Tensor) -> Tensor:
    e = exp(x - x.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


@pytest.mark.parametrize(
    ("f", "reference"),
    [
        (lambda x, w: tanh(x @ w), lambda x, w: np.tanh(x @ w)),
        (lambda x, w: (x @ w).sum(), lambda x, w: np.sum(x @ w)),
        (lambda x, w: x.T.reshape((3, 2))[1:], lambda x, w: x.T.reshape(3, 2)[1:]),
        (lambda x, w: w * 2.0, lambda x, w: w * 2.0),
    ],
)
def test_a_batch_is_a_loop(f: Callable[..., Any], reference: Callable[..., Any]) -> None:
    got = value(vmap(f, in_axes=(0, None))(XA, XB))
    np.testing.assert_allclose(got, np.stack([reference(x, B) for x in A]), rtol=1e-12)


def test_axes_in_and_out() -> None:
    y = vmap(lambda x: x * 2.0, in_axes=1, out_axes=-1)(XA)
    assert y.shape == (XA.shape[0], 2, 3)
    np.testing.assert_array_equal(value(y), 2 * A.transpose(0, 2, 1))


def test_trees_in_and_out() -> None:
    def f(p: dict[str, Tensor], x: Tensor) -> dict[str, Tensor]:
        return {"sum": p["w"] + x, "twice": x * 2.0}

    result = vmap(f, in_axes=({"w": None}, 0), out_axes={"sum": 0, "twice": 1})(
        {"w": XB[:, :2]}, XA[:, :2, :]
    )
    np.testing.assert_allclose(value(result["sum"]), A[:, :2] + B[:, :2])
    np.testing.assert_allclose(value(result["twice"]), np.moveaxis(2 * A[:, :2], 0, 1))


def test_vmap_of_vmap_is_an_outer_product() -> None:
    row, column = XA[0, :, 0], XA[0, :, 1]
    outer = vmap(lambda x: vmap(lambda y: x * y)(column))(row)
    np.testing.assert_allclose(value(outer), np.outer(A[0, :, 0], A[0, :, 1]))


def test_a_gradient_for_each_example() -> None:
    def loss(x: Tensor) -> Tensor:
        return (normalised(x) * sin(x)).sum()

    each = vmap(lambda x: grad(loss(x), x))(XA)
    np.testing.assert_allclose(value(each), value(grad(loss(XA), XA)), rtol=1e-10)


def test_the_graph_does_not_grow_with_the_batch() -> None:
    y = vmap(
        lambda x, w: max_(dot(x, w, contract=((1,), (0,)), batch=((), ())), axes=(0,)), (0, None)
    )(XA, XB)
    assert len(order([y.node])) <= 6


def test_a_result_that_is_a_number_is_the_same_for_all() -> None:
    np.testing.assert_array_equal(value(vmap(lambda x: 2.0)(XA)), np.full(len(A), 2.0))


def test_errors() -> None:
    with pytest.raises(ShapeError, match="no argument has a batch axis"):
        vmap(lambda x: x, in_axes=None)(XA)
    with pytest.raises(ShapeError, match="the batch axes differ in size"):
        vmap(lambda x, y: x)(XA, XB)
    with pytest.raises(ShapeError, match="there is no axis 3"):
        vmap(lambda x: x, in_axes=3)(XA)
    with pytest.raises(ShapeError, match="no tree like the values"):
        vmap(lambda x, y: x, in_axes=(0,))(XA, XB)
    with pytest.raises(ShapeError, match="every result has a batch axis"):
        vmap(lambda x: x, out_axes=None)(XA)

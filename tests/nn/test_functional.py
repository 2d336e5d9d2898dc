"""Activations, softmax and embedding against formulas in float64; gradients to second order."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import graphc as gx

Array = np.ndarray[Any, Any]
A = np.random.default_rng(0).standard_normal((3, 5))
X = gx.input("x", ("n", 5), "float64")


def erf(x: Array) -> Array:
    return np.vectorize(math.erf)(x)


def softmax(x: Array, axis: Any = -1) -> Array:
    powers = np.exp(x - x.max(axis, keepdims=True))
    return powers / powers.sum(axis, keepdims=True)


CASES: dict[Callable[[gx.Tensor], gx.Tensor], Array] = {
    gx.nn.relu: np.maximum(A, 0),
    gx.nn.leaky_relu: np.where(A > 0, A, 0.01 * A),
    gx.nn.elu: np.where(A > 0, A, np.expm1(A)),
    gx.nn.gelu: A * (1 + erf(A / np.sqrt(2))) / 2,
    gx.nn.sigmoid: 1 / (1 + np.exp(-A)),
    gx.nn.silu: A / (1 + np.exp(-A)),
    gx.nn.tanh: np.tanh(A),
    gx.nn.softplus: np.log1p(np.exp(A)),
    gx.nn.selu: 1.0507009873554805 * np.where(A > 0, A, 1.6732632423543772 * np.expm1(A)),
    gx.nn.relu6: np.clip(A, 0, 6),
    gx.nn.hardsigmoid: np.clip(A / 6 + 0.5, 0, 1),
    gx.nn.hardswish: A * np.clip(A / 6 + 0.5, 0, 1),
    gx.nn.mish: A * np.tanh(np.log1p(np.exp(A))),
    gx.nn.log_sigmoid: -np.log1p(np.exp(-A)),
    gx.nn.softsign: A / (1 + abs(A)),
    gx.nn.softmax: softmax(A),
    gx.nn.log_softmax: np.log(softmax(A)),
    gx.nn.logsumexp: np.log(np.exp(A).sum()),
}
ids = [f.__name__ for f in CASES]


@pytest.mark.parametrize(("function", "expected"), CASES.items(), ids=ids)
def test_values_and_dtypes(function: Callable[[gx.Tensor], gx.Tensor], expected: Array) -> None:
    np.testing.assert_allclose(function(X).eval({X: A}), expected, rtol=1e-9)
    assert function(X).dtype == "float64"
    narrow = gx.input("y", (3, 5))
    np.testing.assert_allclose(function(narrow).eval({narrow: A}), expected, rtol=1e-5, atol=1e-6)
    assert function(narrow).dtype == "float32"


@pytest.mark.parametrize("function", CASES, ids=ids)
def test_gradients(function: Callable[[gx.Tensor], gx.Tensor]) -> None:
    gx.check_gradient(function, (A,), order=2)


def test_axes() -> None:
    for axis in (0, 1, -1, (0, 1), None):
        np.testing.assert_allclose(
            gx.nn.softmax(X, axis=axis).eval({X: A}), softmax(A, axis), rtol=1e-12
        )
        np.testing.assert_allclose(
            gx.nn.log_softmax(X, axis=axis).eval({X: A}), np.log(softmax(A, axis)), rtol=1e-12
        )


def test_large_numbers_do_not_overflow() -> None:
    big = [[1e4, 0.0], [-1e4, -1e4]]
    np.testing.assert_array_equal(gx.nn.softmax(big).eval(), [[1, 0], [0.5, 0.5]])
    np.testing.assert_allclose(gx.nn.log_softmax(big).eval()[0], [0, -1e4])
    assert gx.nn.softplus(1e4).item() == 1e4


def test_approximate_gelu() -> None:
    inner = math.sqrt(2 / math.pi) * (A + 0.044715 * A**3)
    expected = A / 2 * (1 + np.tanh(inner))
    np.testing.assert_allclose(gx.nn.gelu(X, approximate=True).eval({X: A}), expected, rtol=1e-12)


def test_relu_at_the_kink_and_at_nan() -> None:
    x = gx.input("v", (3,))
    at = {x: np.array([0.0, np.nan, 2.0], np.float32)}
    np.testing.assert_array_equal(gx.nn.relu(x).eval(at), [0, np.nan, 2])
    np.testing.assert_array_equal(gx.grad(gx.sum(gx.nn.relu(x)), x).eval(at)[[0, 2]], [0, 1])


def test_embedding_and_linear() -> None:
    table = gx.parameter("table", A)
    index = gx.input("i", ("b", "t"), "int32")
    value = gx.nn.embedding(table, index).eval({index: [[0, 2], [2, 1]]})
    np.testing.assert_array_equal(value, A.astype(np.float32)[[[0, 2], [2, 1]]])
    for wrong in (3, -1):  # which is a mistake, and does not stand for the last row
        with pytest.raises(gx.errors.IndexRangeError, match=rf"i\[0, 0\] is {wrong}"):
            gx.nn.embedding(table, index).eval({index: [[wrong]]})
    w, b = gx.parameter("w", A.T), gx.parameter("b", np.ones(3))
    x = gx.input("x", ("n", 5))
    np.testing.assert_allclose(gx.nn.linear(x, w, b).eval({x: A}), A @ A.T + 1, rtol=1e-5)


def test_stop_gradient() -> None:
    x = gx.input("v", (3,))
    assert gx.grad(gx.sum(x * gx.stop_gradient(x)), x).eval({x: [1, 2, 3]}).tolist() == [1, 2, 3]


def test_glu_and_clipped_activations_at_their_ends() -> None:
    half = gx.nn.glu(gx.constant(A[:, :4], "float64"))
    np.testing.assert_allclose(half.eval(), A[:, :2] / (1 + np.exp(-A[:, 2:4])), rtol=1e-12)
    gx.check_gradient(gx.nn.glu, (A[:, :4],), order=2)
    with pytest.raises(gx.errors.ShapeError, match="2 equal"):
        gx.nn.glu(A)
    x = gx.input("v", (4,))
    at = {x: np.array([-10.0, 0.0, 10.0, np.nan], np.float32)}
    np.testing.assert_array_equal(gx.nn.relu6(x).eval(at), [0, 0, 6, np.nan])
    np.testing.assert_array_equal(gx.grad(gx.sum(gx.nn.relu6(x)), x).eval(at)[:3], 0)


@pytest.mark.parametrize("shape", [(3, 0), (0, 0), (0, 3)])
def test_softmax_of_nothing_is_nothing(shape: tuple[int, int]) -> None:
    x = gx.input("none", shape)
    loss = gx.sum(gx.nn.softmax(x) * 2) + gx.sum(gx.nn.log_softmax(x))
    made = [gx.nn.softmax(x), gx.nn.log_softmax(x), gx.grad(loss, x), gx.logsumexp(x, axis=1)]
    *rows, total = gx.compile([x], made)(np.ones(shape))
    assert [array.shape for array in rows] == [shape] * 3
    assert total.tolist() == [-np.inf if shape[1] == 0 else np.float32(np.log(3) + 1)] * shape[0]
    for y in made:
        assert y.eval({x: np.ones(shape)}).shape == y.shape
    whole = gx.logsumexp(x, axis=(0, 1), keepdims=True)
    assert whole.eval({x: np.ones(shape)}).tolist() == [[-np.inf]]
    assert gx.nn.softmax(gx.zeros(shape, dtype="int32")).dtype == "float32"

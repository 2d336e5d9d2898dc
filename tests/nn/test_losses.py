"""Losses against formulas in float64: values, gradients, what they refuse."""

from typing import Any

import numpy as np
import pytest

import graphc as gx

RNG = np.random.default_rng(1)
LOGITS = RNG.standard_normal((4, 3))
CLASSES = np.array([0, 2, 1, 2])


def log_softmax(x: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    return x - np.log(np.exp(x).sum(-1, keepdims=True))


def test_cross_entropy_is_the_mean_over_rows() -> None:
    x, y = gx.input("x", ("n", 3), "float64"), gx.input("y", ("n",), "int64")
    loss = gx.nn.cross_entropy(x, y)
    expected = -log_softmax(LOGITS)[np.arange(4), CLASSES].mean()
    assert loss.shape == ()
    np.testing.assert_allclose(loss.eval({x: LOGITS, y: CLASSES}), expected)
    gradient = np.exp(log_softmax(LOGITS)) - np.eye(3)[CLASSES]
    np.testing.assert_allclose(
        gx.grad(loss, x).eval({x: LOGITS, y: CLASSES}), gradient / 4, rtol=1e-9
    )


def test_cross_entropy_of_sequences() -> None:
    x, y = gx.input("x", ("b", "t", 3), "float64"), gx.input("y", ("b", "t"), "int32")
    logits, classes = LOGITS.reshape(2, 2, 3), CLASSES.reshape(2, 2)
    np.testing.assert_allclose(
        gx.nn.cross_entropy(x, y).eval({x: logits, y: classes}),
        -log_softmax(LOGITS)[np.arange(4), CLASSES].mean(),
    )


def test_cross_entropy_is_exact_for_large_logits() -> None:
    loss = gx.nn.cross_entropy([[1e6, 1e6 + 1], [0.0, -1e6]], [0, 0])
    np.testing.assert_allclose(loss.item(), np.log1p(np.e) / 2, rtol=1e-6)
    assert gx.nn.cross_entropy([[0.0, -np.inf]], [0]).item() == 0


def test_ignored_rows_do_not_count() -> None:
    x, y = gx.input("x", ("n", 3), "float64"), gx.input("y", ("n",), "int64")
    classes = np.array([0, -100, 1, 2])
    at, kept = {x: LOGITS, y: classes}, [0, 2, 3]
    loss = gx.nn.cross_entropy(x, y, ignore_index=-100)
    without = {x: LOGITS[kept], y: classes[kept]}
    np.testing.assert_allclose(loss.eval(at), gx.nn.cross_entropy(x, y).eval(without))
    gradient = gx.grad(loss, x).eval(at)
    np.testing.assert_array_equal(gradient[1], 0)
    np.testing.assert_allclose(
        gradient[kept], gx.grad(gx.nn.cross_entropy(x, y), x).eval(without), rtol=1e-12
    )
    with pytest.raises(gx.errors.IndexRangeError, match=r"\[y\[2\] is -1\]"):
        loss.eval({x: LOGITS, y: np.array([0, -100, -1, 0])})


def test_nll_is_the_second_half_of_cross_entropy() -> None:
    x, y = gx.input("x", ("n", 3), "float64"), gx.input("y", ("n",), "int32")
    loss = gx.nn.nll(gx.nn.log_softmax(x), y, ignore_index=2)
    expected = gx.nn.cross_entropy(x, y, ignore_index=2).eval({x: LOGITS, y: CLASSES})
    np.testing.assert_allclose(loss.eval({x: LOGITS, y: CLASSES}), expected)


def test_cross_entropy_refuses() -> None:
    x = gx.input("x", ("n", 3))
    with pytest.raises(gx.errors.DTypeError, match="integer classes"):
        gx.nn.cross_entropy(x, gx.input("y", ("n",)))
    for shape in (("n", 3), ("m",), ()):
        with pytest.raises(gx.errors.ShapeError, match="without their last axis") as caught:
            gx.nn.cross_entropy(x, gx.input("y", shape, "int64"))
        assert "test_losses.py" in str(caught.value)
    y = gx.input("y", ("n",), "int64")
    with pytest.raises(gx.errors.IndexRangeError):
        gx.nn.cross_entropy(x, y).eval({x: LOGITS, y: [0, 1, 3, 0]})


@pytest.mark.parametrize("name", ["cross_entropy", "nll"])
@pytest.mark.parametrize("ignored", [-1, 256])
def test_ignore_index_is_a_number_that_targets_can_hold(name: str, ignored: int) -> None:
    x, y = gx.input("x", ("n", 3)), gx.input("y", ("n",), "uint8")
    message = rf"{name}: .*uint8.*ignore_index.*  \[ignore_index={ignored}; uint8 holds 0 to 255\]"
    with pytest.raises(gx.errors.DTypeError, match=message):
        getattr(gx.nn, name)(x, y, ignore_index=ignored)


def test_regression_losses() -> None:
    p, t = RNG.standard_normal((2, 4, 3))
    away = abs(p - t)
    for loss, expected in (
        (gx.nn.mse, away**2),
        (gx.nn.mae, away),
        (gx.nn.huber, np.where(away <= 1, away**2 / 2, away - 0.5)),
        (gx.nn.hinge, np.maximum(1 - p * t, 0)),
    ):
        x, y = gx.input("p", ("n", 3), "float64"), gx.input("t", ("n", 3), "float64")
        np.testing.assert_allclose(loss(x, y).eval({x: p, y: t}), expected.mean())
        gx.check_gradient(loss, (p, t), order=2)
        with pytest.raises(gx.errors.ShapeError, match="differ in shape"):
            loss(x, y[:, 0])
    assert gx.nn.mse([1.0, 3.0], 0).item() == 5


def test_binary_cross_entropy_with_logits() -> None:
    logits, targets = RNG.standard_normal(5), np.array([0, 1, 1, 0, 1])
    x, y = gx.input("x", ("n",), "float64"), gx.input("y", ("n",), "int64")
    p = 1 / (1 + np.exp(-logits))
    expected = -(targets * np.log(p) + (1 - targets) * np.log(1 - p)).mean()
    loss = gx.nn.binary_cross_entropy_with_logits(x, y)
    np.testing.assert_allclose(loss.eval({x: logits, y: targets}), expected)
    np.testing.assert_allclose(
        gx.grad(loss, x).eval({x: logits, y: targets}), (p - targets) / 5, rtol=1e-9
    )
    assert gx.nn.binary_cross_entropy_with_logits([1000.0, -1000.0], [True, False]).item() == 0


def test_kl_div_is_zero_where_the_distributions_are_equal() -> None:
    q, p = log_softmax(LOGITS), np.exp(log_softmax(LOGITS[::-1]))
    p[0] = 0, 0.25, 0.75  # an event that does not happen adds nothing
    x, t = gx.input("x", ("n", 3), "float64"), gx.input("t", ("n", 3), "float64")
    loss = gx.nn.kl_div(x, t)
    logs = np.log(p, where=p > 0, out=np.zeros_like(p))
    np.testing.assert_allclose(loss.eval({x: q, t: p}), (p * (logs - q)).sum(1).mean())
    np.testing.assert_allclose(loss.eval({x: q, t: np.exp(q)}), 0, atol=1e-15)
    np.testing.assert_allclose(gx.grad(loss, x).eval({x: q, t: p}), -p / 4)
    assert np.isfinite(gx.grad(loss, t).eval({x: q, t: p})).all()

"""Normalisation against formulas in float64: values, axes, gradients to second order."""

from typing import Any

import numpy as np
import pytest

import graphc as gx

RNG = np.random.default_rng(2)
A = RNG.standard_normal((4, 3, 5))
SCALE, SHIFT = RNG.standard_normal((2, 5))
X = gx.input("x", ("n", 3, 5), "float64")


def normal(a: np.ndarray[Any, Any], axis: Any) -> np.ndarray[Any, Any]:
    return (a - a.mean(axis, keepdims=True)) / np.sqrt(a.var(axis, keepdims=True) + 1e-5)


@pytest.mark.parametrize("axis", [-1, 1, (1, 2), None])
def test_layer_norm(axis: Any) -> None:
    y = gx.nn.layer_norm(X, SCALE, SHIFT, axis=axis)
    np.testing.assert_allclose(y.eval({X: A}), normal(A, axis) * SCALE + SHIFT, rtol=1e-9)
    plain = gx.nn.layer_norm(X, axis=axis).eval({X: A})
    np.testing.assert_allclose(plain, normal(A, axis), rtol=1e-9)


def test_rms_norm() -> None:
    expected = A / np.sqrt((A * A).mean(-1, keepdims=True) + 1e-5) * SCALE
    np.testing.assert_allclose(gx.nn.rms_norm(X, SCALE).eval({X: A}), expected, rtol=1e-9)


def test_batch_norm_of_a_batch_and_of_given_statistics() -> None:
    y = gx.nn.batch_norm(X, SCALE, SHIFT)
    np.testing.assert_allclose(y.eval({X: A}), normal(A, (0, 1)) * SCALE + SHIFT, rtol=1e-9)
    mean, variance = A.mean((0, 1)), A.var((0, 1))
    given = gx.nn.batch_norm(X, SCALE, SHIFT, mean, variance)
    np.testing.assert_allclose(given.eval({X: A}), y.eval({X: A}), rtol=1e-9)
    with pytest.raises(gx.errors.ShapeError, match="together"):
        gx.nn.batch_norm(X, mean=mean)


def test_batch_norm_of_channels_that_come_first() -> None:
    turned = gx.permute_dims(X, (0, 2, 1))
    mean, variance = A.mean((0, 1)), A.var((0, 1))
    for statistics in ({}, {"mean": mean, "variance": variance}):
        y = gx.nn.batch_norm(turned, SCALE, SHIFT, axis=1, **statistics)
        expected = gx.nn.batch_norm(X, SCALE, SHIFT, **statistics).eval({X: A})
        np.testing.assert_allclose(y.eval({X: A}), expected.transpose(0, 2, 1), rtol=1e-9)


def test_gradients() -> None:
    a = A[:2, :2]
    gx.check_gradient(gx.nn.layer_norm, (a, SCALE, SHIFT), order=2)
    gx.check_gradient(gx.nn.rms_norm, (a, SCALE), order=2)
    gx.check_gradient(gx.nn.batch_norm, (a, SCALE, SHIFT), order=2)

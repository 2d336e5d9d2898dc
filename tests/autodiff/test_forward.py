"""Forward mode and Jacobians against closed forms and finite differences."""

from typing import Any

import numpy as np
import pytest

from graphc.autodiff import hessian, jacobian, jvp
from graphc.errors import GradientError, ShapeError
from graphc.evaluate import evaluate
from graphc.functions.creation import input
from graphc.functions.tensor import Tensor
from graphc.graph import order
from graphc.ops import exp, maximum, sin, tanh

RNG = np.random.default_rng(2)
X, V = input("x", ("n",), "float64"), input("v", ("n",), "float64")
M = input("m", (3, "n"), "float64")
ARRAYS = {X: RNG.standard_normal(4), V: RNG.standard_normal(4), M: RNG.standard_normal((3, 4))}


def value(y: Tensor) -> np.ndarray:
    return evaluate([y.node], {t.node: array for t, array in ARRAYS.items()})[0]


def test_a_jvp_follows_the_tangent() -> None:
    got = jvp({"y": sin(X), "z": M @ X, "free": V * 2.0}, X, V)
    np.testing.assert_allclose(value(got["y"]), np.cos(ARRAYS[X]) * ARRAYS[V])
    np.testing.assert_allclose(value(got["z"]), ARRAYS[M] @ ARRAYS[V])
    np.testing.assert_array_equal(value(got["free"]), np.zeros(4))


def test_a_jvp_is_a_directional_difference() -> None:
    def f(x: Any) -> Any:
        e = exp(maximum(x, -x) - x * 0.5) * tanh(x)
        return e / e.sum()

    step = 1e-6
    x, v = ARRAYS[X], ARRAYS[V]
    (far, near) = (evaluate([f(X).node], {X.node: x + s * v})[0] for s in (step, -step))
    np.testing.assert_allclose(value(jvp(f(X), X, V)), (far - near) / (2 * step), rtol=1e-5)


def test_no_placeholder_is_left() -> None:
    y = jvp(tanh(M @ X).sum(), (X, M), (V, M))
    assert {n.params["name"] for n in order([y.node]) if n.op.name == "input"} == {"x", "v", "m"}


def test_jacobians() -> None:
    y = M @ sin(X)
    dx, dm = jacobian(y, [X, M])
    np.testing.assert_allclose(value(dx), ARRAYS[M] * np.cos(ARRAYS[X]))
    wanted = np.einsum("ij,k->ijk", np.eye(3), np.sin(ARRAYS[X]))
    np.testing.assert_allclose(value(dm), wanted)
    assert value(jacobian(sin(X).sum(), X)).shape == (4,)
    assert value(jacobian(V * 2.0, X)).shape == (4, 4)


def test_hessians() -> None:
    loss = (X * X * X).sum() + (M @ X).sum()
    np.testing.assert_allclose(value(hessian(loss, X)), np.diag(6 * ARRAYS[X]))
    mixed = hessian(loss, {"x": X, "m": M})
    assert value(mixed["x"]["m"]).shape == (4, 3, 4)
    np.testing.assert_allclose(value(mixed["m"]["x"]), np.broadcast_to(np.eye(4), (3, 4, 4)))


def test_errors() -> None:
    with pytest.raises(ShapeError, match="a tangent has the shape"):
        jvp(sin(X), X, M)
    with pytest.raises(GradientError, match="not a scalar"):
        hessian(X, X)

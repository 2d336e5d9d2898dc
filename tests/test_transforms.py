"""Derivatives of Python functions: of arrays, of tensors, of each other."""

from typing import Any

import numpy as np
import pytest

import graphc as gx
from graphc import errors

RNG = np.random.default_rng(0)
P = {"w": RNG.standard_normal((3, 2)), "b": (RNG.standard_normal(2), None)}
X = RNG.standard_normal((5, 3))


def objective(p: Any, x: Any) -> Any:
    return gx.mean(gx.tanh(x @ p["w"] + p["b"][0]) ** 2)


def by_hand() -> tuple[float, np.ndarray, np.ndarray]:
    h = np.tanh(X @ P["w"] + P["b"][0])
    g = 2 * h * (1 - h**2) / h.size
    return float((h**2).mean()), X.T @ g, g.sum(axis=0)


def test_of_arrays() -> None:
    value, dw, db = by_hand()
    for function in (gx.value_and_grad(objective), gx.jit(gx.value_and_grad(objective))):
        got, grads = function(P, X)
        np.testing.assert_allclose(got, value, rtol=1e-12)
        np.testing.assert_allclose(grads["w"], dw, rtol=1e-10)
        np.testing.assert_allclose(grads["b"][0], db, rtol=1e-10)
        assert grads["b"][1] is None
    np.testing.assert_allclose(gx.grad(objective)(P, X)["w"], dw, rtol=1e-10)


def test_of_tensors() -> None:
    x, w = gx.input("x", ("n", 3), "float64"), gx.parameter("w", P["w"], "float64")
    gradient = gx.grad(objective)({"w": w, "b": (P["b"][0], None)}, x)
    assert isinstance(gradient["w"], gx.Tensor)
    np.testing.assert_allclose(gradient["w"].eval({x: X}), by_hand()[1], rtol=1e-10)


def test_arguments_and_more_results() -> None:
    def f(x: Any, y: Any) -> Any:
        return x * y * y, {"sum": x + y, "none": None}

    assert gx.grad(f, 1, has_aux=True)(2.0, 3.0) == (12, {"sum": 5, "none": None})
    (value, more), (dx, dy) = gx.value_and_grad(f, argnums=(0, -1), has_aux=True)(2.0, 3.0)
    assert (value, more["sum"], dx, dy) == (18, 5, 9, 12)
    with pytest.raises(errors.GradientError, match="there is no argument 2"):
        gx.grad(f, 2)(1.0, 2.0)


@pytest.mark.parametrize("argnums", [(0, 0), (1, -1), [0, -2]])
def test_an_argument_named_twice(argnums: Any) -> None:
    with pytest.raises(errors.GradientError, match="names an argument twice"):
        gx.grad(lambda a, b: a * b, argnums)(3.0, 4.0)


@pytest.mark.parametrize("argnums", [0.5, (0, 1.0), "a", None, True])
def test_argnums_are_integers(argnums: Any) -> None:
    with pytest.raises(errors.GradientError, match="takes argnums, an int or a tuple of ints"):
        gx.grad(lambda a, b: a * b, argnums)
    last: Any = (np.int64(-1),)
    assert gx.grad(lambda a, b: a * b, last)(3.0, 4.0) == (3,)


@pytest.mark.parametrize(
    ("f", "slope"),
    [
        (lambda x: gx.log(gx.sigmoid(x)), 1.0),
        (lambda x: gx.log(1 + gx.exp(-x)), -1.0),
        (lambda x: 1 / (1 + gx.exp(-x)), 0.0),
    ],
)
def test_derivatives_are_those_of_the_stable_form(f: Any, slope: float) -> None:
    assert gx.grad(f)(-1000.0) == slope
    assert gx.value_and_grad(f)(-1000.0)[1] == slope
    assert gx.vjp(f)(-1000.0, cotangents=1.0) == slope
    assert gx.jvp(f)(-1000.0, tangents=1.0) == slope
    assert gx.jacobian(f)(-1000.0) == slope
    assert gx.hessian(f)(-1000.0) == 0


def test_what_a_function_reads_elsewhere_is_constant() -> None:
    x = gx.input("x", ())
    assert gx.grad(lambda y: x * y)(x).eval({x: 5.0}) == 5
    nested = gx.grad(lambda y: y * gx.grad(lambda z: z * y)(2.0))
    assert nested(3.0) == 6
    assert gx.grad(lambda y: y * 0.0 + 3.0)(1.0) == 0
    assert gx.grad(lambda y: 3.0)(1.0) == 0


def test_gradients_of_gradients() -> None:
    def cube(x: Any) -> Any:
        return x**3

    assert gx.grad(gx.grad(cube))(2.0) == 12
    assert gx.grad(gx.grad(gx.grad(cube)))(2.0) == 6
    assert gx.hessian(lambda x: gx.sum(x**3))(np.array([1.0, 2.0])).tolist() == [[6, 0], [0, 12]]


def test_jacobians_and_directions() -> None:
    x, v = RNG.standard_normal(4), RNG.standard_normal(4)

    def f(x: Any) -> dict[str, Any]:
        return {"a": gx.sin(x), "b": gx.sum(x * x)}

    jacobian = gx.jacobian(lambda x: f(x)["a"])(x)
    np.testing.assert_allclose(jacobian, np.diag(np.cos(x)), atol=1e-14)
    moved = gx.jvp(f)(x, tangents=v)
    np.testing.assert_allclose(moved["a"], np.cos(x) * v)
    np.testing.assert_allclose(moved["b"], 2 * x @ v)
    pulled = gx.vjp(f)(x, cotangents={"a": v, "b": 2.0})
    np.testing.assert_allclose(pulled, np.cos(x) * v + 4 * x)
    with pytest.raises(errors.MissingInputError, match="tangents were not given"):
        gx.jvp(f)(x)


def test_batches() -> None:
    a, b = RNG.standard_normal((5, 3)), RNG.standard_normal((3, 5))
    dots = gx.vmap(lambda x, y: gx.sum(x * y), in_axes=(0, 1))(a, b)
    np.testing.assert_allclose(dots, (a * b.T).sum(axis=1))
    each = gx.vmap(gx.grad(lambda w, x: gx.sum(w * x) ** 2), in_axes=(None, 0))(b[:, 0], a)
    np.testing.assert_allclose(each, 2 * (a @ b[:, 0])[:, None] * a)
    rows = gx.vmap(gx.vmap(lambda x: x * 2))(a)
    np.testing.assert_array_equal(rows, a * 2)


@pytest.mark.parametrize(
    ("function", "argument", "message"),
    [
        (lambda x: x * 2, np.ones(3), "not a scalar"),
        (lambda x: gx.sum(x) > 0, np.ones(3), "not floating"),
        (lambda x: gx.sum(x), np.arange(3), "has no gradient"),
        (lambda x: gx.sum(x["a"]), {"a": np.ones(3), "b": True}, "has no gradient"),
    ],
)
def test_what_has_no_gradient(function: Any, argument: Any, message: str) -> None:
    with pytest.raises(errors.GradientError, match=message) as caught:
        gx.grad(function)(argument)
    assert "test_transforms.py" in str(caught.value)


def test_a_step_of_training() -> None:
    @gx.jit
    def step(p: Any, x: Any, rate: Any) -> Any:
        loss, grads = gx.value_and_grad(objective)(p, x)
        new = {"w": p["w"] - rate * grads["w"], "b": (p["b"][0] - rate * grads["b"][0], None)}
        return loss, new

    p, losses = P, []
    for _ in range(20):
        loss, p = step(p, X, 0.5)
        losses.append(float(loss))
    assert losses == sorted(losses, reverse=True)
    assert losses[-1] < 0.5 * losses[0]
    assert len(step._programs) == 1

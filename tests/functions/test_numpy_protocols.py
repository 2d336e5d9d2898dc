"""NumPy's functions on tensors: those of the table build what NumPy computes, no others."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import graphc as gx
from graphc.functions.numpy_table import FUNCTIONS, UFUNCS

A = np.array([[0.25, 0.5, 0.75], [0.1, 0.2, 0.9]], np.float32)
INTEGERS = np.array([[1, 5, 3], [4, 0, 2]])
X = gx.input("x", (2, 3))
K = gx.input("k", (2, 3), "int64")
NEEDS_INTEGERS = {
    np.bitwise_and,
    np.bitwise_or,
    np.bitwise_xor,
    np.invert,
    np.left_shift,
    np.right_shift,
}


@pytest.mark.parametrize("ufunc", UFUNCS, ids=lambda f: f.__name__)
def test_ufuncs(ufunc: Any) -> None:
    a, x = (INTEGERS, K) if ufunc in NEEDS_INTEGERS else (A, X)
    a = a + 1 if ufunc is np.arccosh else a
    if ufunc is np.matmul:
        np.testing.assert_allclose(ufunc(x, a.T).eval({x: a}), a @ a.T)
        return
    value = (ufunc(x) if ufunc.nin == 1 else ufunc(a, x)).eval({x: a})
    expected = ufunc(a) if ufunc.nin == 1 else ufunc(a, a)
    np.testing.assert_allclose(value, expected, rtol=2e-6)
    assert value.dtype == expected.dtype


CALLS: dict[Any, Any] = {
    np.allclose: lambda f, x: f(x, x + 1e-9),
    np.broadcast_arrays: lambda f, x: f(x, x[0])[1],
    np.broadcast_to: lambda f, x: f(x, (4, *x.shape)),
    np.clip: lambda f, x: f(x, 0.2, 0.6),
    np.concatenate: lambda f, x: f((x, x), 1),
    np.diff: lambda f, x: f(x, 2),
    np.dot: lambda f, x: f(x, x.T),
    np.einsum: lambda f, x: f("ij,kj->ik", x, x),
    np.expand_dims: lambda f, x: f(x, 1),
    np.full_like: lambda f, x: f(x, 3),
    np.hstack: lambda f, x: f([x, x]),
    np.inner: lambda f, x: f(x, x),
    np.isclose: lambda f, x: f(x, x[0]),
    np.moveaxis: lambda f, x: f(x, 0, 1),
    np.outer: lambda f, x: f(x, x),
    np.pad: lambda f, x: f(x, ((1, 0), (0, 2)), constant_values=1),
    np.repeat: lambda f, x: f(x, 2, 1),
    np.reshape: lambda f, x: f(x, (3, -1)),
    np.roll: lambda f, x: f(x, 1, axis=1),
    np.split: lambda f, x: f(x, 3, 1)[2],
    np.round: lambda f, x: f(x, 1),
    np.squeeze: lambda f, x: f(x[:, None], 1),
    np.stack: lambda f, x: f([x, x], 1),
    np.swapaxes: lambda f, x: f(x, 0, 1),
    np.take: lambda f, x: f(x, [1, 0], axis=0),
    np.take_along_axis: lambda f, x: f(x, np.array([[1], [0]]), 1),
    np.tensordot: lambda f, x: f(x, x, axes=(1, 1)),
    np.tile: lambda f, x: f(x, (2, 1)),
    np.trace: lambda f, x: f(x[:, :, None], axis1=2, axis2=1),
    np.transpose: lambda f, x: f(x, (1, 0)),
    np.vecdot: lambda f, x: f(x, x),
    np.vstack: lambda f, x: f([x, x[0]]),
    np.where: lambda f, x: f(x > 0.3, x, 0),
}


@pytest.mark.parametrize("function", FUNCTIONS, ids=lambda f: f.__name__)
def test_functions(function: Any) -> None:
    call = CALLS.get(function, lambda f, x: f(x))
    built, expected = call(function, X), call(function, A)
    if not isinstance(built, gx.Tensor):
        assert built == (X.shape if function is np.shape else X.size if function is np.size else 2)
        return
    value = built.eval({X: A})
    np.testing.assert_allclose(value, expected, rtol=2e-6)
    assert value.shape == np.shape(expected)


def test_numpy_comes_first_or_second() -> None:
    for built in (np.ones(3) * X, X * np.ones(3), np.float64(1) * X, np.multiply(A[:1], X)):
        assert isinstance(built, gx.Tensor)
        assert built.dtype == "float32"
    assert isinstance(np.ones((2, 2)) @ gx.input("m", (2, 2)), gx.Tensor)
    y = A.copy()
    with pytest.raises(TypeError, match="out="):
        y += X


def test_axes_and_keepdims_by_numpys_names() -> None:
    np.testing.assert_allclose(
        np.sum(X, axis=0, keepdims=True).eval({X: A}), A.sum(0, keepdims=True)
    )
    np.testing.assert_allclose(np.mean(X, 1).eval({X: A}), A.mean(1))
    np.testing.assert_allclose(np.var(X, axis=1, correction=1).eval({X: A}), A.var(1, ddof=1))
    np.testing.assert_allclose(np.std(X, ddof=1).eval({X: A}), A.std(ddof=1), rtol=1e-6)
    assert np.mean(X, dtype=np.float64).dtype == "float64"
    assert np.transpose(X).shape == (3, 2)


def test_diagonals_are_of_the_first_two_axes_and_matrices_of_vectors() -> None:
    cube = np.arange(24.0).reshape(2, 3, 4)
    x = gx.input("cube", (2, 3, 4))
    for function in (np.diagonal, np.trace):
        for given in ({}, {"offset": 1}, {"axis1": -1, "axis2": 0}):
            np.testing.assert_array_equal(
                function(x, **given).eval({x: cube}), function(cube, **given)
            )
    v, values = gx.input("v", ("n",)), np.array([1, np.nan, np.inf], np.float32)
    for k in (0, 2, -1):
        np.testing.assert_array_equal(np.diag(v, k).eval({v: values}), np.diag(values, k))
    for a in (A[0], A, cube):
        y = gx.constant(a)
        np.testing.assert_allclose(np.hstack([y, y]).eval(), np.hstack([a, a]))


def test_what_is_not_there_says_what_is() -> None:
    for function, words in ((np.cumsum, "graphc.tril"), (np.sort, "no sorting"), (np.i0, "eval")):
        with pytest.raises(TypeError, match=rf"np\.{function.__name__} needs(.|\n)*{words}"):
            function(X)
    with pytest.raises(TypeError, match=r"np\.add\.reduce"):
        np.add.reduce(X)
    with pytest.raises(TypeError, match="out="):
        np.add(X, 1, out=A)
    with pytest.raises(TypeError, match="mode"):
        np.pad(X, 1, mode="edge")


def test_constants_become_arrays_where_numpy_asks() -> None:
    np.testing.assert_array_equal(np.asarray(gx.constant([1.0, 2.0]) * 2), [2, 4])
    with pytest.raises(gx.errors.ConcretenessError):
        np.asarray(X)


def test_the_array_api_namespace() -> None:
    xp = X.__array_namespace__()
    assert xp is gx
    assert xp.asarray(X) is X


MEETINGS: dict[str, Callable[[gx.Tensor], gx.Tensor]] = {
    "vstack": lambda x: np.vstack([x, TENTHS]),
    "hstack": lambda x: np.hstack([TENTHS, x]),
    "inner": lambda x: np.inner(x, TENTHS),
    "conv": lambda x: gx.nn.conv(x[:, :, None], TENTHS[:, :1, None]),
    "conv of an array": lambda x: gx.nn.conv(TENTHS[:, :, None], x[:, :1, None]),
    "conv_transpose": lambda x: gx.nn.conv_transpose(x[:, :, None], TENTHS[:, :1, None]),
    "attention": lambda x: gx.nn.attention(x, TENTHS, TENTHS),
    "attention of an array": lambda x: gx.nn.attention(TENTHS, x, x),
}
TENTHS = np.full((2, 3), 0.1)


@pytest.mark.parametrize("name", MEETINGS)
def test_an_array_keeps_its_digits_beside_a_tensor_of_float64(name: str) -> None:
    x = gx.input("x", (2, 3), "float64")
    y = MEETINGS[name](x)
    assert y.dtype == "float64"
    assert "f32" not in gx.text(y)

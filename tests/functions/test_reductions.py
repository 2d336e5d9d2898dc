"""Reductions against NumPy: any axes, keepdims, dtypes, symbolic sizes."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import graphc as gx

A = np.random.default_rng(0).standard_normal((2, 3, 4)).astype(np.float32)
REDUCTIONS: dict[Any, Callable[..., Any]] = {
    gx.sum: np.sum,
    gx.prod: np.prod,
    gx.mean: np.mean,
    gx.var: np.var,
    gx.std: np.std,
    gx.max: np.max,
    gx.min: np.min,
    gx.any: np.any,
    gx.all: np.all,
    gx.count_nonzero: np.count_nonzero,
    gx.logsumexp: lambda x, **how: np.log(np.sum(np.exp(x), **how)),
}


@given(
    st.sampled_from(list(REDUCTIONS)),
    hnp.array_shapes(max_dims=4, max_side=4),
    st.booleans(),
    st.data(),
)
def test_any_axes(
    reduce: Callable[..., gx.Tensor], shape: tuple[int, ...], keepdims: bool, data: st.DataObject
) -> None:
    axis = data.draw(
        st.none()
        | st.integers(-len(shape), len(shape) - 1)
        | hnp.valid_tuple_axes(len(shape), min_size=1)
    )
    a = np.random.default_rng(len(shape)).integers(-3, 4, shape).astype(np.float32)
    expected = REDUCTIONS[reduce](a, axis=axis, keepdims=keepdims)
    for sizes in (shape, tuple("abcd"[: len(shape)])):
        x = gx.input("x", sizes)
        value = reduce(x, axis=axis, keepdims=keepdims).eval({x: a})
        np.testing.assert_allclose(value, expected, rtol=2e-5, atol=1e-6)
        assert value.shape == np.shape(expected)


@pytest.mark.parametrize("reduce", [gx.argmax, gx.argmin])
@pytest.mark.parametrize("axis", [None, 0, 1, -1])
@pytest.mark.parametrize("keepdims", [False, True])
def test_positions(reduce: Any, axis: int | None, keepdims: bool) -> None:
    a = A.copy()
    a[0, 1, 2] = a[1, 1, 2] = np.nan
    a[1, 0] = 5
    expected = getattr(np, reduce.__name__)(a, axis=axis, keepdims=keepdims)
    for sizes in (a.shape, ("a", "b", "c")):
        x = gx.input("x", sizes)
        value = reduce(x, axis=axis, keepdims=keepdims).eval({x: a})
        np.testing.assert_array_equal(value, expected)
        assert value.dtype == np.int64


@pytest.mark.parametrize(
    ("dtype", "total"),
    [
        ("int8", "int64"),
        ("int32", "int64"),
        ("uint8", "uint64"),
        ("bool", "int64"),
        ("float32", "float32"),
        ("float64", "float64"),
    ],
)
def test_dtypes(dtype: str, total: str) -> None:
    x = gx.input("x", (3,), dtype)
    a = np.array([1, 0, 1]).astype(dtype)
    assert gx.sum(x).dtype == gx.prod(x).dtype == total
    assert gx.mean(x).dtype == (dtype if dtype.startswith("float") else "float32")
    assert gx.max(x).dtype == gx.min(x).dtype == dtype
    assert gx.max(x).eval({x: a}) == a.max()
    assert gx.sum(x).eval({x: a}) == 2
    assert gx.sum(x, dtype="float64").dtype == "float64"
    assert gx.mean(x).eval({x: a}) == np.float32(2 / 3) or dtype == "float64"


def test_correction() -> None:
    x = gx.input("x", ("n", 3, 4))
    for correction in (0, 1, 1.5):
        np.testing.assert_allclose(
            gx.var(x, (0, 2), correction=correction).eval({x: A}),
            A.var((0, 2), ddof=correction),
            rtol=1e-5,
        )
        np.testing.assert_allclose(
            gx.std(x, 0, correction=correction).eval({x: A}),
            A.std(0, ddof=correction),
            rtol=1e-5,
        )


def test_logsumexp_at_the_ends() -> None:
    inf = np.inf
    rows = np.array([[1000, 1000], [-1000, -1000], [-inf, -inf], [inf, 0], [-inf, 1]])
    expected = [1000 + np.log(2), -1000 + np.log(2), -inf, inf, 1]
    np.testing.assert_allclose(gx.logsumexp(rows, axis=1).eval(), expected, rtol=1e-6)
    assert gx.isnan(gx.logsumexp([np.nan, 1.0])).item()


def test_scalars_and_nothing() -> None:
    assert gx.sum(3.0).item() == 3.0
    assert gx.argmax(3.0).item() == 0
    assert gx.sum(gx.zeros((0, 2)), axis=0).eval().tolist() == [0, 0]
    assert np.isnan(gx.mean(gx.zeros((0,))).item())
    with pytest.raises(gx.errors.ShapeError):
        gx.max(gx.zeros((0,)))
    x = gx.input("x", ("n",))
    with pytest.raises(gx.errors.GuardError, match="max"):
        gx.max(x).eval({x: np.zeros(0, np.float32)})


@pytest.mark.parametrize(
    ("axis", "message"), [(3, "axis 3 is out of range"), ((0, -3), "named twice"), (-4, "-4")]
)
def test_wrong_axes(axis: Any, message: str) -> None:
    with pytest.raises(gx.errors.ShapeError, match=message) as caught:
        gx.sum(gx.input("x", A.shape), axis=axis)
    assert "test_reductions.py" in str(caught.value)

"""Arithmetic, logic and elementary functions against NumPy: values, dtypes, shapes."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import graphc as gx

DTYPES = ("float32", "float64", "int8", "int32", "int64", "uint8", "bool")
ELEMENTARY = {
    gx.exp: np.exp,
    gx.exp2: np.exp2,
    gx.expm1: np.expm1,
    gx.log: np.log,
    gx.log2: np.log2,
    gx.log10: np.log10,
    gx.log1p: np.log1p,
    gx.sqrt: np.sqrt,
    gx.rsqrt: lambda x: 1 / np.sqrt(x),
    gx.sin: np.sin,
    gx.cos: np.cos,
    gx.tan: np.tan,
    gx.asin: np.arcsin,
    gx.acos: np.arccos,
    gx.atan: np.arctan,
    gx.sinh: np.sinh,
    gx.cosh: np.cosh,
    gx.tanh: np.tanh,
    gx.asinh: np.arcsinh,
    gx.acosh: np.arccosh,
    gx.atanh: np.arctanh,
    gx.sigmoid: lambda x: 1 / (1 + np.exp(-x)),
    gx.reciprocal: lambda x: 1 / x,
}
KEEPING = {
    gx.negative: np.negative,
    gx.positive: np.positive,
    gx.abs: np.abs,
    gx.sign: np.sign,
    gx.square: np.square,
    gx.floor: np.floor,
    gx.ceil: np.ceil,
    gx.trunc: np.trunc,
    gx.round: np.round,
}
PAIRS = {
    gx.add: np.add,
    gx.subtract: np.subtract,
    gx.multiply: np.multiply,
    gx.floor_divide: np.floor_divide,
    gx.remainder: np.remainder,
    gx.maximum: np.maximum,
    gx.minimum: np.minimum,
    gx.equal: np.equal,
    gx.not_equal: np.not_equal,
    gx.less: np.less,
    gx.less_equal: np.less_equal,
    gx.greater: np.greater,
    gx.greater_equal: np.greater_equal,
    gx.logical_and: np.logical_and,
    gx.logical_or: np.logical_or,
    gx.logical_xor: np.logical_xor,
}
FLOAT_PAIRS = {
    gx.divide: np.divide,
    gx.atan2: np.arctan2,
    gx.hypot: np.hypot,
    gx.logaddexp: np.logaddexp,
    gx.copysign: np.copysign,
    gx.pow: np.power,
}
BITS = {
    gx.bitwise_and: np.bitwise_and,
    gx.bitwise_or: np.bitwise_or,
    gx.bitwise_xor: np.bitwise_xor,
    gx.bitwise_left_shift: np.left_shift,
    gx.bitwise_right_shift: np.right_shift,
}
Function = Callable[..., Any]


def names(table: dict[Function, Function]) -> Any:
    return pytest.mark.parametrize(
        ("ours", "numpys"), table.items(), ids=[f.__name__ for f in table]
    )


def column(dtype: str) -> np.ndarray[Any, Any]:
    return np.array([[1], [3], [2]]).astype(dtype)


@names(ELEMENTARY)
@pytest.mark.parametrize("dtype", DTYPES)
def test_elementary(ours: Function, numpys: Function, dtype: str) -> None:
    a = np.array([0.1, 0.5, 0.9, 1.0, 2.5, -3.0]).astype(dtype)
    x = gx.input("x", a.shape, dtype)
    y = ours(x)
    exact = dtype if dtype.startswith("float") else "float32"
    assert y.dtype == exact
    with np.errstate(all="ignore"):
        expected = numpys(a.astype(exact))
    np.testing.assert_allclose(y.eval({x: a}), expected, rtol=2e-6)


@names(KEEPING)
@pytest.mark.parametrize("dtype", DTYPES[:-1])
def test_functions_that_keep_the_dtype(ours: Function, numpys: Function, dtype: str) -> None:
    a = np.array([0.5, 1.5, -1.5, 2.0, 100.0]).astype(dtype)
    value = ours(gx.constant(a, dtype)).eval()
    np.testing.assert_array_equal(value, numpys(a))
    assert value.dtype == dtype


@names(PAIRS)
@pytest.mark.parametrize("dtype", DTYPES[:-1])
def test_pairs(ours: Function, numpys: Function, dtype: str) -> None:
    a, b = np.array([1, 2, 3]).astype(dtype), column(dtype)
    value = ours(gx.constant(a, dtype), gx.constant(b, dtype)).eval()
    expected = numpys(a, b)
    np.testing.assert_array_equal(value, expected)
    assert value.dtype == expected.dtype
    np.testing.assert_array_equal(ours(gx.constant(a, dtype), 2).eval(), numpys(a, a.dtype.type(2)))


@names(FLOAT_PAIRS)
def test_float_pairs(ours: Function, numpys: Function) -> None:
    a, b = np.array([1.0, -2.0, 3.0], np.float32), column("float32")
    x = gx.input("x", a.shape)
    np.testing.assert_allclose(ours(x, b).eval({x: a}), numpys(a, b), rtol=1e-6)
    np.testing.assert_allclose(ours(b, x).eval({x: a}), numpys(b, a), rtol=1e-6)


@names(BITS)
@pytest.mark.parametrize("dtype", DTYPES[2:-1])
def test_bits(ours: Function, numpys: Function, dtype: str) -> None:
    a, b = np.array([1, 2, 3]).astype(dtype), column(dtype)
    value = ours(gx.constant(a), gx.constant(b)).eval()
    np.testing.assert_array_equal(value, numpys(a, b))
    assert value.dtype == dtype


def test_booleans() -> None:
    a, b = gx.constant([True, True, False]), gx.constant([True, False, False])
    assert gx.maximum(a, b).eval().tolist() == [True, True, False]
    assert gx.minimum(a, b).eval().tolist() == [True, False, False]
    assert (a & b).eval().tolist() == gx.logical_and(a, b).eval().tolist()
    assert (~a).eval().tolist() == gx.bitwise_invert(a).eval().tolist() == [False, False, True]
    assert gx.logical_not([0, 2]).eval().tolist() == [True, False]
    assert gx.isfinite([1, 2]).eval().tolist() == [True, True]
    assert gx.isnan([1, 2]).eval().tolist() == [False, False]


def test_divisions_of_integers() -> None:
    a = gx.constant([7, -7, 7], "int32")
    assert (a / 2).dtype == "float32"
    assert (a // 0).eval().tolist() == [0, 0, 0]
    assert (a % gx.constant(0, "int32")).eval().tolist() == [0, 0, 0]
    assert gx.pow(a, 2).eval().tolist() == [49, 49, 49]


def test_where_and_clip() -> None:
    x = gx.input("x", ("n", 3))
    a = np.array([[1.0, -2.0, 3.0]], np.float32)
    np.testing.assert_array_equal(gx.where(x > 0, x, 0).eval({x: a}), np.where(a > 0, a, 0))
    np.testing.assert_array_equal(gx.where(x > 0, 1, x[0]).eval({x: a}), np.where(a > 0, 1, a[0]))
    assert gx.where(True, gx.constant(1, "int8"), 0.5).dtype == "float32"
    assert gx.where([True, False], 1, 2).eval().tolist() == [1, 2]
    with pytest.raises(gx.errors.DTypeError, match="condition"):
        gx.where(x, x, x)
    np.testing.assert_array_equal(gx.clip(x, -1, 2).eval({x: a}), a.clip(-1, 2))
    np.testing.assert_array_equal(gx.clip(x, max=0).eval({x: a}), a.clip(max=0))


def test_shape_errors_name_the_function_the_sizes_and_the_line() -> None:
    x, y = gx.input("x", ("n", 3)), gx.input("y", ("m", 3))
    with pytest.raises(gx.errors.ShapeError) as caught:
        gx.multiply(x, y)
    assert str(caught.value).startswith("mul: shapes do not broadcast: (n, 3) and (m, 3)  [n != m]")
    assert "test_elementwise.py" in str(caught.value)


def test_signbit_and_isclose() -> None:
    a = np.array([0.0, -0.0, 1.0, -2.5, np.inf, -np.inf, np.nan, -np.nan], np.float32)
    np.testing.assert_array_equal(gx.signbit(a).eval(), np.signbit(a))
    np.testing.assert_array_equal(gx.signbit(np.array([-1, 0, 3])).eval(), [True, False, False])
    b = a * np.float32(1 + 2e-6)
    for given in ({}, {"equal_nan": True}, {"rtol": 1e-7}, {"rtol": 0.0, "atol": 1e-5}):
        for left, right in ((a, b), (a, b[::-1]), (a[:, None], b), (a, np.roll(a, 1))):
            np.testing.assert_array_equal(
                gx.isclose(left, right, **given).eval(), np.isclose(left, right, **given)
            )

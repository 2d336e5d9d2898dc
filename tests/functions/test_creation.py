"""Inputs, constants, patterns and questions about dtypes."""

from typing import Any

import numpy as np
import pytest

import graphc as gx


def test_inputs_intern_by_name_and_type() -> None:
    assert gx.input("x", ("n", 3)) is gx.input("x", (gx.dim("n"), 3), "float32")
    assert gx.input("x", ("n", 3)) is not gx.input("x", ("n", 3), "float64")
    assert gx.input("x", "n").shape == (gx.dim("n"),)
    assert gx.input("x", 3).shape == (3,)
    with pytest.raises(gx.errors.ShapeError, match="negative"):
        gx.input("x", (-1,))
    with pytest.raises(gx.errors.DTypeError, match="complex"):
        gx.input("x", (), "complex64")


@pytest.mark.parametrize(
    ("value", "dtype"),
    [
        (1, "int64"),
        (1.5, "float32"),
        (True, "bool"),
        (np.float64(2), "float32"),
        (np.ones(2), "float32"),
        (np.ones(2, np.float16), "float32"),
        (np.ones(2, np.int8), "int8"),
        ([[1, 2], [3, 4]], "int64"),
        ([], "float32"),
    ],
)
def test_constants(value: Any, dtype: str) -> None:
    c = gx.constant(value)
    assert c.dtype == dtype
    np.testing.assert_array_equal(c.eval(), np.asarray(value))
    assert gx.asarray(c) is c
    assert gx.asarray(value, dtype="float64").dtype == "float64"


def test_constants_are_copies() -> None:
    a = np.zeros(2, np.float32)
    c = gx.constant(a)
    a[:] = 1
    assert c.eval().tolist() == [0, 0]
    value = c.eval()
    value[:] = 5
    assert c.eval().tolist() == [0, 0]


@pytest.mark.parametrize(
    "args",
    [(5,), (2, 7), (2, 9, 3), (5, 0, -2), (0,), (3, 1), (1.0,), (0.0, 1.0, 0.3), (-1, 1, 0.5)],
)
def test_arange(args: tuple[Any, ...]) -> None:
    expected = np.arange(*args)
    value = gx.arange(*args).eval()
    np.testing.assert_allclose(value, expected, rtol=1e-6)
    assert value.dtype == (np.int64 if expected.dtype == np.int64 else np.float32)


def test_arange_of_symbolic_sizes() -> None:
    x = gx.input("x", ("n",))
    n = x.shape[0]
    for build, expected in (
        (gx.arange(n), np.arange(7)),
        (gx.arange(2, n), np.arange(2, 7)),
        (gx.arange(0, n, 3), np.arange(0, 7, 3)),
        (gx.arange(n, n * 2), np.arange(7, 14)),
        (gx.arange(n, dtype="float32"), np.arange(7, dtype=np.float32)),
    ):
        value = (build + gx.sum(x).astype(build.dtype) * 0).eval({x: np.zeros(7)})
        np.testing.assert_array_equal(value, expected)
    with pytest.raises(gx.errors.ShapeError, match="step"):
        gx.arange(n, 0, -1)


def test_patterns() -> None:
    for ours, expected in (
        (gx.zeros((2, 3)), np.zeros((2, 3), np.float32)),
        (gx.ones(2, "int8"), np.ones(2, np.int8)),
        (gx.full((2,), 3), np.full(2, 3)),
        (gx.full((), 0.5), np.float32(0.5)),
        (gx.full(2, gx.constant(4.0), "float64"), np.full(2, 4.0)),
        (gx.empty((2,)), np.zeros(2, np.float32)),
        (gx.empty_like([1.0], dtype="int8"), np.zeros(1, np.int8)),
        (gx.zeros_like([[1, 2]]), np.zeros((1, 2), np.int64)),
        (gx.full_like([1.0], 2), np.full(1, 2, np.float32)),
        (gx.eye(3), np.eye(3, dtype=np.float32)),
        (gx.eye(2, 4, k=-1, dtype="int32"), np.eye(2, 4, -1, np.int32)),
        (gx.linspace(0, 1, 4), np.linspace(0, 1, 4, dtype=np.float32)),
        (gx.linspace(0, 1, 4, endpoint=False, dtype="float64"), np.linspace(0, 1, 4, False)),
    ):
        np.testing.assert_array_equal(ours.eval(), expected)
        assert (ours.dtype, ours.shape) == (expected.dtype, expected.shape)
    grids = gx.meshgrid([1, 2], [3, 4, 5])
    for ours, expected in zip(grids, np.meshgrid([1, 2], [3, 4, 5]), strict=True):
        np.testing.assert_array_equal(ours.eval(), expected)


def test_dtypes_are_objects_that_name_themselves() -> None:
    assert gx.input("x", (), gx.float64).dtype is gx.float64
    assert gx.input("x", (), np.float64).dtype is gx.float64
    assert gx.input("x", (), bool).dtype is gx.bool
    assert gx.finfo(gx.float32).bits == 32
    assert gx.iinfo(gx.int8).min == -128
    assert gx.result_type(gx.constant(1), "float32", "int8") is gx.float32
    assert gx.isdtype(gx.float32, "numeric")
    assert not gx.isdtype(gx.float32, (gx.float64, "bool"))
    assert gx.can_cast(gx.constant(1), "float32")


def test_a_float64_value_keeps_its_digits() -> None:
    for tensor in (
        gx.full(2, 0.1, "float64"),
        gx.full_like(gx.zeros(2, "float64"), 0.1),
        gx.linspace(0.1, 0.1, 2, dtype="float64"),
    ):
        assert tensor.eval().tolist() == [0.1, 0.1]

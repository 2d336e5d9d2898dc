"""x[key] and x.at[key] against NumPy, with int and symbolic sizes; take and take_along_axis."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import graphc as gx

A = np.arange(2 * 3 * 4 * 5, dtype=np.float32).reshape(2, 3, 4, 5)
NAMED = gx.input("x", ("a", "b", "c", "d"))
FIXED = gx.input("x", A.shape)
R, C = np.array([0, -1, 1]), np.array([[2], [0]])

KEYS: tuple[Any, ...] = (
    0,
    -1,
    ...,
    None,
    (slice(None), 1),
    (..., -2),
    (0, ..., 3),
    (None, 1, None, ..., None),
    (slice(1, None), slice(None, -1), slice(None, None, 2), slice(None, None, -1)),
    (slice(-2, None), slice(5, 1, -1), slice(3, 0, -2), slice(-100, 100, 3)),
    (slice(0, 0), slice(2, 1)),
    (slice(None), slice(None, None, -2), slice(-1, -4, -1)),
    R,
    (slice(None), R),
    (slice(None), R, R),
    (R, slice(None), R),
    (R, ..., R),
    (slice(None), R, ..., R),
    (R, C),
    (slice(None), C, R),
    (slice(None), C, None, R),
    (0, slice(None), R),
    (slice(None), 1, R),
    (slice(None, None, -1), R, slice(1, 3), C),
    (1, 2, 3, 4),
    (1, np.array(2), 3, [4, 0]),
    [1, 0],
    ([0, 1], [2, 0], [3, 3], [4, 1]),
    np.array([], dtype=np.int64),
)


@pytest.mark.parametrize("x", [FIXED, NAMED], ids=["ints", "names"])
@pytest.mark.parametrize("key", KEYS, ids=repr)
def test_reading(key: Any, x: gx.Tensor) -> None:
    expected = A[key]
    value = x[key].eval({x: A})
    np.testing.assert_array_equal(value, expected)
    assert value.shape == expected.shape


@pytest.mark.parametrize("x", [FIXED, NAMED], ids=["ints", "names"])
@pytest.mark.parametrize("key", KEYS, ids=repr)
def test_writing(key: Any, x: gx.Tensor) -> None:
    expected, added = A.copy(), A.copy()
    expected[key] = -7
    np.add.at(added, key, 0.5)
    np.testing.assert_array_equal(x.at[key].set(-7).eval({x: A}), expected)
    np.testing.assert_array_equal(x.at[key].add(0.5).eval({x: A}), added)
    np.testing.assert_array_equal(x.at[key].subtract(-0.5).eval({x: A}), added)
    np.testing.assert_array_equal(x.at[key].get().eval({x: A}), A[key])


@given(
    hnp.arrays(np.int32, hnp.array_shapes(max_dims=3, max_side=5)),
    st.data(),
)
def test_any_basic_key(a: np.ndarray, data: st.DataObject) -> None:
    key = data.draw(hnp.basic_indices(a.shape, allow_newaxis=True, max_dims=5))
    for shape in (a.shape, tuple("abc"[: a.ndim])):
        x = gx.input("i", shape, "int32")
        np.testing.assert_array_equal(x[key].eval({x: a}), a[key])
        expected = a.copy()
        expected[key] = 7
        np.testing.assert_array_equal(x.at[key].set(7).eval({x: a}), expected)


@given(hnp.array_shapes(min_dims=2, max_dims=4, max_side=4), st.data())
def test_any_integer_arrays(shape: tuple[int, ...], data: st.DataObject) -> None:
    a = np.arange(np.prod(shape), dtype=np.float32).reshape(shape)
    key = data.draw(hnp.integer_array_indices(shape))
    many = data.draw(st.integers(1, len(key)))
    for sizes in (shape, tuple("abcd"[: len(shape)])):
        x = gx.input("f", sizes)
        np.testing.assert_array_equal(x[key[:many]].eval({x: a}), a[key[:many]])


@pytest.mark.parametrize("start", [None, -9, -3, -1, 0, 1, 3, 9])
@pytest.mark.parametrize("stop", [None, -9, -3, -1, 0, 1, 3, 9])
@pytest.mark.parametrize("step", [1, 2, 3, -1, -2, -3])
def test_slices_of_symbolic_sizes(start: int | None, stop: int | None, step: int) -> None:
    x = gx.input("v", ("n",))
    y = x[start:stop:step]
    for n in (0, 1, 2, 3, 4, 7):
        a = np.arange(n, dtype=np.float32)
        np.testing.assert_array_equal(y.eval({x: a}), a[start:stop:step])


def test_symbolic_sizes_print_as_expected() -> None:
    x = gx.input("v", ("n", 3))
    n = gx.dim("n")
    assert str(x[:10].shape[0]) == "min(n, 10)"
    assert x[1:].shape == x[:-1].shape
    assert x[::-1].shape == (n, 3)
    assert str(x[::2].shape[0]) == "(n + 1)//2"
    assert (x[1:] - x[:-1]).ndim == 2


def test_rows_and_targets_read_along_the_rows() -> None:
    x, y = gx.input("x", ("n", 5)), gx.input("y", ("n",), "int64")
    picked = x[gx.arange(x.shape[0]), y]
    a, k = np.arange(15.0).reshape(3, 5).astype(np.float32), np.array([4, -1, 0])
    np.testing.assert_array_equal(picked.eval({x: a, y: k}), a[np.arange(3), k])
    assert "take_along" in gx.text(picked)


def test_tensors_as_indices_are_checked_when_they_run() -> None:
    x, i, j = NAMED, gx.input("i", (2,), "int32"), gx.input("j", (2,), "int64")
    y = x[i, j]
    np.testing.assert_array_equal(y.eval({x: A, i: [0, -1], j: [2, -3]}), A[[0, -1], [2, -3]])
    for bad in ([0, 2], [-3, 0]):
        with pytest.raises(gx.errors.IndexRangeError):
            y.eval({x: A, i: bad, j: [0, 0]})
    with pytest.raises(gx.errors.IndexRangeError):
        y.eval({x: A, i: [0, 0], j: [3, 0]})


@pytest.mark.parametrize(
    ("key", "error", "message"),
    [
        (2, gx.errors.IndexRangeError, "2 for an axis of size 2"),
        ((0, -4), gx.errors.IndexRangeError, "-4 for an axis of size 3"),
        (np.array([0, 5]), gx.errors.IndexRangeError, r"5 at \[1\] for an axis of size 2"),
        ((0, 0, 0, 0, 0), gx.errors.ShapeError, "5 for shape"),
        ((..., ...), gx.errors.ShapeError, "only one"),
        (True, gx.errors.DTypeError, "where"),
        (1.0, gx.errors.DTypeError, "float: 1.0"),
        (np.ones(2), gx.errors.DTypeError, "integers"),
        (slice(None, None, 0), gx.errors.ShapeError, "step"),
        (slice(FIXED.sum(), None), gx.errors.DTypeError, "arange"),
        (FIXED > 0, gx.errors.DTypeError, "where"),
    ],
)
def test_wrong_keys(key: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message) as caught:
        _ = FIXED[key]
    assert "test_indexing.py" in str(caught.value)


def test_an_index_of_a_symbolic_size_is_guarded() -> None:
    with pytest.raises(gx.errors.GuardError, match="slice"):
        NAMED[7].eval({NAMED: A})


def test_repeated_places_add_up_and_the_last_set_wins() -> None:
    x = gx.constant([0.0, 0.0, 0.0])
    np.testing.assert_array_equal(x.at[[1, 1, 2]].add([1.0, 2.0, 4.0]).eval(), [0, 3, 4])
    np.testing.assert_array_equal(x.at[[1, 1]].set([1.0, 2.0]).eval(), [0, 2, 0])


def test_updates_keep_the_dtype() -> None:
    x = gx.constant([1, 2], "int32")
    assert x.at[0].set(7).dtype == "int32"
    with pytest.raises(gx.errors.DTypeError, match="int32"):
        x.at[0].set(gx.constant(0.5))
    with pytest.raises(gx.errors.ShapeError):
        x.at[0].set([1, 2])


@pytest.mark.parametrize("axis", [0, 1, -1, None])
def test_take(axis: int | None) -> None:
    np.testing.assert_array_equal(
        gx.take(FIXED, C - 1, axis=axis).eval({FIXED: A}), np.take(A, C - 1, axis=axis)
    )


def test_take_along_axis_broadcasts() -> None:
    a = np.arange(12.0).reshape(3, 4).astype(np.float32)
    for index, axis in ((np.array([[1, -1]]), 1), (np.array([[0, 2, 1, -1]]), 0)):
        x = gx.constant(a)
        np.testing.assert_array_equal(
            gx.take_along_axis(x, index, axis=axis).eval(), np.take_along_axis(a, index, axis)
        )
    with pytest.raises(gx.errors.ShapeError, match="rank"):
        gx.take_along_axis(gx.constant(a), [0], axis=0)
    with pytest.raises(gx.errors.DTypeError):
        gx.take(gx.constant(a), [0.5])


def test_one_hot() -> None:
    y = gx.input("y", ("n",), "uint8")
    value = gx.one_hot(y, 3, dtype="bool").eval({y: np.array([2, 0, 9], "uint8")})
    np.testing.assert_array_equal(value, [[0, 0, 1], [1, 0, 0], [0, 0, 0]])


HALF = np.arange(2 * 3).reshape(2, 3) % 2 == 0
MASKS: tuple[Any, ...] = (
    A % 3 == 0,
    HALF,
    np.zeros(2, bool),
    [True, False],
    (HALF, 1),
    (None, HALF, slice(1, 3)),
    (slice(None), HALF[0], R[:2]),
    (1, HALF[1], ..., 0),
    (slice(None), slice(None), np.array([True, False, False, True])),
)


@pytest.mark.parametrize("key", MASKS, ids=repr)
def test_constant_masks_read_and_write_where_they_hold(key: Any) -> None:
    np.testing.assert_array_equal(FIXED[key].eval({FIXED: A}), A[key])
    expected = A.copy()
    expected[key] = -1
    np.testing.assert_array_equal(FIXED.at[key].set(-1).eval({FIXED: A}), expected)


def test_masks_that_do_not_fit() -> None:
    for key in (np.ones(3, bool), np.ones((2, 2), bool), (slice(None), [True, False])):
        with pytest.raises(gx.errors.ShapeError, match="a mask has the sizes"):
            FIXED[key]
    with pytest.raises(gx.errors.ShapeError, match="a mask has the sizes"):
        NAMED[np.ones(2, bool)]
    for key in (True, (..., np.ones(5, bool)), FIXED > 0):
        with pytest.raises(gx.errors.DTypeError, match="depends on values"):
            FIXED[key]

"""Shapes against NumPy: reshape with what is left over, joining, reordering, padding."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import graphc as gx

A = np.arange(24, dtype=np.float32).reshape(2, 3, 4)
FIXED = gx.input("x", A.shape)
NAMED = gx.input("x", ("a", "b", "c"))
Build = Callable[[gx.Tensor], gx.Tensor]

CASES: tuple[tuple[Build, Any], ...] = (
    (lambda x: gx.flip(x), np.flip(A)),
    (lambda x: gx.flip(x, axis=(0, -1)), np.flip(A, (0, -1))),
    (lambda x: gx.roll(x, 2), np.roll(A, 2)),
    (lambda x: gx.roll(x, -1, axis=1), np.roll(A, -1, 1)),
    (lambda x: gx.roll(x, (1, 2), axis=(0, 2)), np.roll(A, (1, 2), (0, 2))),
    (lambda x: gx.roll(x, 0, axis=0), A),
    (lambda x: gx.roll(x, np.int64(1), axis=2), np.roll(A, 1, 2)),
    (lambda x: gx.permute_dims(x, (2, 0, 1)), A.transpose(2, 0, 1)),
    (lambda x: gx.permute_dims(x, (-1, 0, 1)), A.transpose(-1, 0, 1)),
    (lambda x: gx.matrix_transpose(x), A.swapaxes(1, 2)),
    (lambda x: gx.swapaxes(x, 0, -1), A.swapaxes(0, -1)),
    (lambda x: gx.moveaxis(x, 0, -1), np.moveaxis(A, 0, -1)),
    (lambda x: gx.moveaxis(x, (0, 1), (-1, 0)), np.moveaxis(A, (0, 1), (-1, 0))),
    (lambda x: gx.expand_dims(x, 1), np.expand_dims(A, 1)),
    (lambda x: gx.expand_dims(x, (0, -1)), np.expand_dims(A, (0, -1))),
    (lambda x: gx.squeeze(gx.expand_dims(x, (0, 2))), A),
    (lambda x: gx.squeeze(gx.expand_dims(x, (0, 2)), axis=2), A[None]),
    (lambda x: gx.flatten(x), A.ravel()),
    (lambda x: gx.reshape(x, (-1,)), A.ravel()),
    (lambda x: gx.reshape(x, -1), A.ravel()),
    (lambda x: gx.reshape(x, (x.shape[0], -1)), A.reshape(2, -1)),
    (lambda x: gx.reshape(x, (-1, x.shape[2])), A.reshape(-1, 4)),
    (lambda x: gx.reshape(x, (x.shape[2], -1, 3)), A.reshape(4, -1, 3)),
    (lambda x: gx.concat([x, x], axis=1), np.concatenate([A, A], 1)),
    (lambda x: gx.concat([x, x, x], axis=-1), np.concatenate([A, A, A], -1)),
    (lambda x: gx.concat([x, x[0]], axis=None), np.concatenate([A, A[0]], None)),
    (lambda x: gx.stack([x, x + 1]), np.stack([A, A + 1])),
    (lambda x: gx.stack([x, x + 1], axis=-1), np.stack([A, A + 1], -1)),
    (lambda x: gx.repeat(x, 2), np.repeat(A, 2)),
    (lambda x: gx.repeat(x, 3, axis=1), np.repeat(A, 3, 1)),
    (lambda x: gx.repeat(x, 2, 0), np.repeat(A, 2, 0)),
    (lambda x: gx.repeat(x, np.int64(2), 0), np.repeat(A, 2, 0)),
    (lambda x: gx.split(x, np.int64(2), 2)[1], np.split(A, 2, 2)[1]),
    (lambda x: gx.tile(x, 2), np.tile(A, 2)),
    (lambda x: gx.tile(x, np.int64(2)), np.tile(A, 2)),
    (lambda x: gx.concat([x, x], 1), np.concatenate([A, A], 1)),
    (lambda x: gx.diff(x, n=2), np.diff(A, 2)),
    (lambda x: gx.diff(x * x, axis=0), np.diff(A * A, axis=0)),
    (lambda x: gx.diff(x > 3, axis=1), np.diff(A > 3, axis=1)),
    (lambda x: x.transpose((2, 0, 1)), A.transpose((2, 0, 1))),
    (lambda x: x.transpose(1, 0, 2), A.transpose(1, 0, 2)),
    (lambda x: x.transpose(None), A.T),
    (lambda x: gx.tile(x, (2, 1, 3)), np.tile(A, (2, 1, 3))),
    (lambda x: gx.tile(x, (np.int64(2),)), np.tile(A, (2,))),
    (lambda x: gx.repeat(x, np.int64(2), axis=1), np.repeat(A, 2, axis=1)),
    (lambda x: gx.tile(x, (2, 1, 1, 2)), np.tile(A, (2, 1, 1, 2))),
    (lambda x: gx.pad(x, 1), np.pad(A, 1)),
    (lambda x: gx.pad(x, np.int64(1)), np.pad(A, 1)),
    (lambda x: gx.pad(x, (np.int64(1), 0)), np.pad(A, (1, 0))),
    (lambda x: gx.pad(x, (1, 2), 5), np.pad(A, (1, 2), constant_values=5)),
    (lambda x: gx.pad(x, ((0, 1), (2, 0), (0, 0))), np.pad(A, ((0, 1), (2, 0), (0, 0)))),
    (lambda x: gx.tril(x), np.tril(A)),
    (lambda x: gx.triu(x, k=1), np.triu(A, 1)),
    (lambda x: gx.tril(x, k=-1), np.tril(A, -1)),
    (lambda x: gx.split(x, 2, axis=2)[1], np.split(A, 2, 2)[1]),
    (lambda x: gx.split(x, [1, 3], axis=2)[1], np.split(A, [1, 3], 2)[1]),
    (lambda x: gx.split(x, 3, axis=1)[2], np.split(A, 3, 1)[2]),
    (lambda x: gx.broadcast_to(x, (5, *x.shape)), np.broadcast_to(A, (5, *A.shape))),
    (lambda x: gx.broadcast_arrays(x, x[0, 0])[1], np.broadcast_to(A[0, 0], A.shape)),
    (lambda x: gx.astype(x, "int8"), A.astype(np.int8)),
)


@pytest.mark.parametrize("x", [FIXED, NAMED], ids=["ints", "names"])
@pytest.mark.parametrize(("build", "expected"), CASES)
def test_against_numpy(build: Build, expected: np.ndarray[Any, Any], x: gx.Tensor) -> None:
    value = build(x).eval({x: A})
    np.testing.assert_array_equal(value, expected)
    assert (value.shape, value.dtype) == (expected.shape, expected.dtype)


def test_left_over_of_symbolic_sizes() -> None:
    x = gx.input("x", ("batch", "t", 64))
    batch, t = gx.dim("batch"), gx.dim("t")
    assert x.reshape(-1, 64).shape == (batch * t, 64)
    assert x.reshape(batch, t, 8, -1).shape == (batch, t, 8, 8)
    assert x.reshape(t, -1).shape == (t, batch * 64)
    assert x.reshape(-1, 4, 32).shape == (batch * t // 2, 4, 32)
    assert x.reshape("batch", -1).shape == (batch, t * 64)
    assert gx.zeros((0, 3)).reshape(0, -1).shape == (0, 3)


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: FIXED.reshape(5, -1), "does not divide"),
        (lambda: FIXED.reshape(-1, -1), "only one"),
        (lambda: FIXED.reshape(5, 5), "number of elements"),
        (lambda: FIXED.reshape(-2, 3), "negative"),
        (lambda: gx.squeeze(FIXED, axis=0), "not of size 1"),
        (lambda: gx.concat([]), "no tensors"),
        (lambda: gx.concat([FIXED, FIXED[:, :2]]), "concat along axis 0"),
        (lambda: gx.stack([FIXED, FIXED[0]]), "stack|concat"),
        (lambda: gx.permute_dims(FIXED, (0, 0, 1)), "once"),
        (lambda: gx.split(FIXED, 2, axis=1), "3 does not divide into 2"),
        (lambda: gx.broadcast_to(FIXED, (2, 3, 5)), "expand"),
        (lambda: gx.pad(FIXED, ((1, 1),)), "each axis"),
        (lambda: gx.tril(gx.constant([1.0])), "matrix"),
        (lambda: gx.moveaxis(FIXED, (0, 1), 0), "place"),
    ],
)
def test_errors(build: Callable[[], Any], message: str) -> None:
    with pytest.raises(gx.errors.ShapeError, match=message) as caught:
        build()
    assert "test_manipulation.py" in str(caught.value)


def test_what_cannot_be_known_is_guarded() -> None:
    x = gx.input("v", ("n",))
    halves = gx.split(x, 2)
    assert halves[0].shape == (gx.dim("n") // 2,)
    assert halves[1].eval({x: [1, 2, 3, 4]}).tolist() == [3, 4]
    with pytest.raises(gx.errors.GuardError, match="reshape"):
        halves[1].eval({x: [1, 2, 3]})
    with pytest.raises(gx.errors.GuardError, match="the size n - 4 is negative"):
        (gx.sum(x) * gx.ones(gx.dim("n") - 4)).eval({x: [1, 2, 3]})
    with pytest.raises(gx.errors.GuardError, match="slice"):
        gx.roll(x, 5, axis=0).eval({x: [1, 2, 3]})


@given(hnp.arrays(np.int64, hnp.array_shapes(max_dims=4, max_side=4)), st.data())
def test_any_permutation_and_reshape(a: np.ndarray[Any, Any], data: st.DataObject) -> None:
    order = data.draw(st.permutations(range(a.ndim)))
    x = gx.input("v", tuple("abcd"[: a.ndim]), "int64")
    moved = gx.permute_dims(x, order)
    np.testing.assert_array_equal(moved.eval({x: a}), a.transpose(order))
    at = data.draw(st.integers(0, a.ndim - 1))
    expected = a.transpose(order).reshape(*a.transpose(order).shape[:at], -1)
    np.testing.assert_array_equal(moved.reshape(*moved.shape[:at], -1).eval({x: a}), expected)


def test_concat_promotes_and_takes_arrays() -> None:
    ints, floats = gx.constant([1, 2], "int32"), gx.constant([0.5])
    assert gx.concat([ints, floats]).dtype == "float32"
    assert gx.concat([floats, np.ones(2)]).eval().tolist() == [0.5, 1, 1]


def test_unstack_and_repeats_of_different_numbers() -> None:
    for axis in (0, 1, -1):
        rows = gx.unstack(FIXED, axis)
        for ours, expected in zip(rows, np.moveaxis(A, axis, 0), strict=True):
            np.testing.assert_array_equal(ours.eval({FIXED: A}), expected)
    value = gx.repeat(FIXED, [2, 0, 1], axis=1).eval({FIXED: A})
    np.testing.assert_array_equal(value, np.repeat(A, [2, 0, 1], 1))
    with pytest.raises(gx.errors.ShapeError, match="a number for each"):
        gx.repeat(FIXED, [1, 2], axis=1)
    with pytest.raises(gx.errors.ShapeError, match="symbolic"):
        gx.unstack(NAMED)

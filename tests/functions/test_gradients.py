"""What functions compose differentiates: finite differences in float64, to second order."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import graphc as gx

A = np.random.default_rng(3).standard_normal((3, 4))
B = np.random.default_rng(4).standard_normal((4, 3))
ROWS, COLUMNS = np.array([0, 2, -1]), np.array([1, 1, 3])

CASES: tuple[Callable[[gx.Tensor, gx.Tensor], Any], ...] = (
    lambda a, b: a[1:, ::-2] * b[0, 1],
    lambda a, b: a[ROWS, COLUMNS] ** 2,
    lambda a, b: a[:, COLUMNS] * b[COLUMNS].T[:, :3],
    lambda a, b: a.at[ROWS].add(a * b.T),
    lambda a, b: a.at[1:, 0].set(b[0, :2] ** 2) * a,
    lambda a, b: a.at[ROWS[:2], COLUMNS[:2]].set(b[0, :2]) ** 2,
    lambda a, b: a @ b @ a,
    lambda a, b: a[None] @ gx.stack([b, b * b]),
    lambda a, b: a[0] @ b @ a[:, 0],
    lambda a, b: gx.einsum("ij,jk,ik->k", a, b, a @ b),
    lambda a, b: gx.einsum("ii->i", a @ b) ** 2,
    lambda a, b: gx.trace(a @ b) ** 2,
    lambda a, b: gx.tensordot(a, b * b, axes=([0, 1], [1, 0])),
    lambda a, b: gx.var(a, axis=1, correction=1),
    lambda a, b: gx.std(a * b.T, axis=(0, 1)),
    lambda a, b: gx.logsumexp(a, axis=0, keepdims=True) * a,
    lambda a, b: gx.max(a, axis=1) * gx.min(b),
    lambda a, b: gx.prod(a, axis=1),
    lambda a, b: gx.concat([a, a * b.T], axis=1)[:, 2:6] ** 2,
    lambda a, b: gx.stack([a, b.T], axis=1) ** 3,
    lambda a, b: gx.roll(a, 1, axis=0) * a,
    lambda a, b: gx.flip(a) * b.T,
    lambda a, b: gx.tile(a, (2, 1)) ** 2,
    lambda a, b: gx.repeat(a, 2, axis=1) ** 2,
    lambda a, b: gx.pad(a * a, ((1, 0), (0, 2)), 3.0),
    lambda a, b: gx.tril(a) * gx.triu(a),
    lambda a, b: gx.take_along_axis(a, np.array([[0, 3]]), axis=1) ** 2,
    lambda a, b: gx.where(a > 0, a, b.T) ** 2,
    lambda a, b: gx.where(a > 0, gx.log(a), 0.0),
    lambda a, b: gx.clip(a, -0.5, 0.5) * b.T,
    lambda a, b: gx.maximum(a, b.T) ** 2,
    lambda a, b: a.sum(0) / a.shape[0] * b[:, 0],
    lambda a, b: a.reshape(2, -1).T.reshape(-1, 3) * b,
)


@pytest.mark.parametrize("build", CASES, ids=range(len(CASES)))
def test_gradients(build: Callable[..., Any]) -> None:
    gx.check_gradient(build, (A, B), order=2)

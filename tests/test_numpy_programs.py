"""Small programs as users of NumPy write them: the interpreter and the compiled program against
NumPy itself."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest

import graphc as gx

Arrays = Sequence[np.ndarray]
Program = tuple[Sequence[gx.Tensor], Sequence[gx.Tensor], Arrays, Arrays]

RNG = np.random.default_rng(0)


def normal(*shape: int) -> np.ndarray:
    return RNG.standard_normal(shape).astype(np.float32)


def softmax(x: np.ndarray) -> np.ndarray:
    e = np.exp(x - x.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def causal_attention() -> Program:
    q, k, v = (gx.input(name, ("b", "h", "t", 4)) for name in "qkv")
    scores = q @ k.mT / np.sqrt(4)
    t = gx.arange(q.shape[2])
    masked = gx.where(t[:, None] >= t[None, :], scores, -np.inf)
    a, b, c = normal(2, 3, 5, 4), normal(2, 3, 5, 4), normal(2, 3, 5, 4)
    wanted = np.where(np.tri(5, dtype=bool), a @ b.swapaxes(-1, -2) / 2, -np.inf)
    return (q, k, v), (gx.nn.softmax(masked) @ v,), (a, b, c), (softmax(wanted) @ c,)


def softmax_regression() -> Program:
    x, y = gx.input("x", ("n", 4)), gx.input("y", ("n",), "int64")
    w, b = gx.parameter("w", normal(4, 3)), gx.parameter("b", np.zeros(3))
    picked = gx.nn.log_softmax(x @ w + b)[gx.arange(x.shape[0]), y]
    loss = -gx.mean(picked)
    data, labels = normal(5, 4), np.array([0, 2, 1, 1, 0])
    p = softmax(data @ w.value)
    error = (p - np.eye(3)[labels]) / 5
    wanted = (-np.log(p[np.arange(5), labels]).mean(), data.T @ error, error.sum(axis=0))
    return (x, y), (loss, *gx.grad(loss, [w, b])), (data, labels), wanted


def logistic_loss() -> Program:
    x, t, w = gx.input("x", ("n", 4)), gx.input("t", ("n",)), gx.input("w", (4,))
    z = x @ w
    loss = gx.mean(gx.logaddexp(0.0, z) - t * z)
    data, targets, weights = normal(6, 4), np.float32([0, 1, 1, 0, 1, 0]), normal(4)
    s = data @ weights
    wanted = (
        np.mean(np.logaddexp(0, s) - targets * s),
        data.T @ (1 / (1 + np.exp(-s)) - targets) / 6,
    )
    return (x, t, w), (loss, gx.grad(loss, w)), (data, targets, weights), wanted


def layer_norm() -> Program:
    x, scale = gx.input("x", ("n", 5)), gx.input("scale", (5,))
    away = x - x.mean(axis=-1, keepdims=True)
    y = away / gx.sqrt((away**2).mean(axis=-1, keepdims=True) + 1e-5) * scale
    a, s = normal(4, 5), normal(5)
    spread = np.sqrt(a.var(axis=-1, keepdims=True) + 1e-5)
    return (x, scale), (y,), (a, s), ((a - a.mean(axis=-1, keepdims=True)) / spread * s,)


def slices() -> Program:
    x = gx.input("x", ("n", 5))
    a = normal(4, 5)
    keys: list[Any] = [slice(1, None), np.s_[:, ::2], np.s_[::-1], -1, np.s_[..., None]]
    keys += [np.s_[1:3, 2:4], np.s_[5:], np.s_[-1:0:-1], np.array([3, 0, -1]), np.s_[:, [0, 0]]]
    return (x,), [x[key] for key in keys], (a,), [a[key] for key in keys]


def updates_of_parts() -> Program:
    x, row = gx.input("x", ("n", 5)), gx.input("row", (5,))
    a, r = normal(4, 5), normal(5)
    first, column, twice = a.copy(), a.copy(), a.copy()
    first[0], column[:, 1] = r, column[:, 1] + 2
    np.add.at(twice, [0, 0, 1], 1.0)
    results = (x.at[0].set(row), x.at[:, 1].add(2.0), x.at[np.array([0, 0, 1])].add(1.0))
    return (x, row), results, (a, r), (first, column, twice)


def numpy_functions() -> Program:
    x, y = gx.input("x", ("n", 5)), gx.input("y", (5,))
    a, b = normal(4, 5), normal(5)

    def results(x: Any, y: Any) -> list[Any]:
        return [
            np.sin(x),
            np.mean(x, axis=0),
            np.where(x > 0, x, y),
            np.concatenate([x, x]),
            np.dot(x, y),
            np.clip(x, -1, 1),
            np.exp(x).sum(),
            x // 0.5 + x % 0.7,
        ]

    return (x, y), results(x, y), (a, b), results(a, b)


def integers() -> Program:
    i = gx.input("i", ("n",), "int32")
    a = np.array([7, -7, 3, 0], np.int32)

    def results(i: Any) -> list[Any]:
        return [i // 2, i % 3, -i, i**2, i / 2, i & 3, i << 1, i == 3, ~(i > 0), i.sum(), i.mean()]

    return (i,), results(i), (a,), results(a)


def ties() -> Program:
    x = gx.input("x", (3,))
    losses = (gx.maximum(x, 0.0), gx.abs(x), gx.nn.relu(x), gx.where(x > 0, gx.log(x), 0.0))
    slopes = [np.float32(g) for g in ([1, 0, 0.5], [1, -1, 0], [1, 0, 0], [1, 0, 0])]
    return (x,), [gx.grad(y.sum(), x) for y in losses], (np.float32([1, -1, 0]),), slopes


def rows_of_a_table() -> Program:
    i, table = gx.input("i", ("b", "t"), "int64"), gx.parameter("table", normal(10, 4))
    bag = table[i].mean(axis=1)
    index = RNG.integers(0, 10, (3, 5))
    rows = table.value[index].mean(axis=1)
    slope = np.zeros((10, 4), np.float32)
    np.add.at(slope, index, np.repeat(2 * rows[:, None] / 5, 5, axis=1))
    return (i,), (bag, gx.grad((bag**2).sum(), table)), (index,), (rows, slope)


def nearest_centres() -> Program:
    x, c = gx.input("x", ("n", 2)), gx.input("c", ("k", 2))
    nearest = gx.argmin(((x[:, None] - c[None]) ** 2).sum(axis=-1), axis=1)
    member = (nearest[:, None] == gx.arange(c.shape[0])).astype("float32")
    moved = member.T @ x / gx.maximum(member.sum(axis=0), 1)[:, None]
    points, centres = normal(40, 2), normal(3, 2)
    of = ((points[:, None] - centres[None]) ** 2).sum(axis=-1).argmin(axis=1)
    means = [points[of == i].mean(axis=0) if (of == i).any() else np.zeros(2) for i in range(3)]
    return (x, c), (nearest, moved), (points, centres), (of, np.stack(means))


def correlation_by_hand() -> Program:
    x, k = gx.input("x", ("n",)), gx.input("k", (3,))
    y = sum(x[i : x.shape[0] - 2 + i] * k[i] for i in range(3))
    assert isinstance(y, gx.Tensor)
    a, b = normal(10), normal(3)
    return (x, k), (y,), (a, b), (np.correlate(a, b, "valid"),)


def derivatives() -> Program:
    u = gx.input("u", (3,), "float64")
    f = gx.stack([u[0] * u[1], gx.sin(u[2]), u[0] ** 2])
    hvp = gx.grad((gx.grad((u**4).sum(), u) * u).sum(), u)
    a = RNG.standard_normal(3)
    jacobian = np.array([[a[1], a[0], 0], [0, 0, np.cos(a[2])], [2 * a[0], 0, 0]])
    results = (gx.jacobian(f, u), gx.hessian((u**3).sum(), u), hvp)
    return (u,), results, (a,), (jacobian, np.diag(6 * a), 16 * a**3)


def rows_by_vmap() -> Program:
    x = gx.input("x", ("n", 5))
    a = normal(4, 5)
    y = gx.vmap(lambda row: gx.tanh(row).sum() * row)(x)
    return (x,), (y,), (a,), (np.tanh(a).sum(axis=1, keepdims=True) * a,)


PROGRAMS: tuple[Callable[[], Program], ...] = (
    causal_attention,
    softmax_regression,
    logistic_loss,
    layer_norm,
    slices,
    updates_of_parts,
    numpy_functions,
    integers,
    ties,
    rows_of_a_table,
    nearest_centres,
    correlation_by_hand,
    derivatives,
    rows_by_vmap,
)


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda p: p.__name__)
def test_numpy_agrees(program: Callable[[], Program]) -> None:
    inputs, outputs, arrays, wanted = program()
    interpreted = [y.eval(dict(zip(inputs, arrays, strict=True))) for y in outputs]
    compiled = gx.compile(inputs, list(outputs))(*arrays)
    for got in (interpreted, compiled):
        for value, expected in zip(got, wanted, strict=True):
            assert np.shape(value) == np.shape(expected)
            np.testing.assert_allclose(value, expected, rtol=2e-4, atol=2e-5)

"""Attention against its formula in float64: values, gradients, masks, what it refuses."""

import numpy as np
import pytest

import graphc as gx
from graphc.autodiff.check import check_gradient

RNG = np.random.default_rng(4)
Q, K, V = (RNG.standard_normal((2, 3, steps, size)) for steps, size in ((5, 4), (6, 4), (6, 7)))


def formula(seen: np.ndarray | bool = True, scale: float = 0.5) -> np.ndarray:
    scores = np.where(seen, Q @ K.swapaxes(-1, -2) * scale, -np.inf)
    weights = np.exp(scores - scores.max(-1, keepdims=True))
    return weights / weights.sum(-1, keepdims=True) @ V


def inputs(size: str | int) -> list[gx.Tensor]:
    shapes = ("b", "h", "t", size), ("b", "h", "s", size), ("b", "h", "s", 7)
    return [gx.input(name, shape, "float64") for name, shape in zip("qkv", shapes, strict=True)]


@pytest.mark.parametrize("size", [4, "d"])
def test_values(size: str | int) -> None:
    q, k, v = inputs(size)
    fed = {q: Q, k: K, v: V}
    np.testing.assert_allclose(gx.nn.attention(q, k, v).eval(fed), formula())
    causal = gx.nn.attention(q, k, v, causal=True, scale=2.0)
    np.testing.assert_allclose(causal.eval(fed), formula(np.tri(5, 6, dtype=bool), 2.0))
    seen = (RNG.random((5, 6)) < 0.8) | (np.arange(6) == 0)  # each sees one at least
    mask = gx.input("mask", ("t", "s"), "bool")
    both = gx.nn.attention(q, k, v, mask=mask, causal=True).eval({**fed, mask: seen})
    np.testing.assert_allclose(both, formula(seen & np.tri(5, 6, dtype=bool)))


def test_a_query_that_sees_nothing_sees_all_alike() -> None:
    got = gx.nn.attention(Q, K, V, mask=np.zeros((5, 6), bool)).eval()
    wanted = np.broadcast_to(V.mean(-2, keepdims=True), got.shape)
    np.testing.assert_allclose(got, wanted, rtol=1e-5)  # arrays meet as float32


def test_compiled_with_its_gradient() -> None:
    nodes = inputs(4)
    loss = gx.sum(gx.sin(gx.nn.attention(*nodes, causal=True)))
    step = gx.compile(nodes, [loss, *gx.grad(loss, nodes)])
    fed = dict(zip(nodes, (Q, K, V), strict=True))
    for got, wanted in zip(step(Q, K, V), [loss, *gx.grad(loss, nodes)], strict=True):
        np.testing.assert_allclose(got, wanted.eval(fed), rtol=1e-9, atol=1e-12)


def test_gradients() -> None:
    small = Q[0, 0, :2], K[0, 0, :3], V[0, 0, :3]
    check_gradient(lambda q, k, v: gx.sum(gx.nn.attention(q, k, v, causal=True) ** 2), small)


@pytest.mark.parametrize(
    ("shapes", "said"),
    [
        (((4,), (6, 4), (6, 7)), "axes"),
        (((5, 4), (6, 3), (6, 7)), "one size"),
        (((5, 4), (6, 4), (5, 7)), "one value"),
    ],
)
def test_refusals(shapes: tuple[tuple[int, ...], ...], said: str) -> None:
    with pytest.raises(gx.errors.ShapeError, match=said):
        gx.nn.attention(*(np.zeros(shape) for shape in shapes))


def test_a_mask_is_of_bools() -> None:
    with pytest.raises(gx.errors.DTypeError, match="bools"):
        gx.nn.attention(Q, K, V, mask=np.zeros((5, 6)))

"""Sums of what a condition zeroes: in windows the addition is masked, with the same bits."""

from collections.abc import Callable

import numpy as np
import pytest

import graphc as gx
from graphc.codegen.emit import emit
from graphc.graph import Graph
from tests.compiled.checking import Case, check
from tests.schedule.test_fusion import scheduled

X, G = gx.input("x", (2, 5, 6, 3)), gx.input("g", (2, 5, 6, 3))


def pooled(x: gx.Tensor) -> gx.Tensor:
    return gx.nn.max_pool(x, 3, 1, padding="same")


def signs(x: gx.Tensor) -> gx.Tensor:
    return gx.astype(x > 0, "int32")


MASKED: dict[str, Callable[[], gx.Tensor]] = {
    "ties and the gradient": lambda: gx.grad(gx.sum(pooled(X) * G), X),
    "positive ones": lambda: gx.sum(gx.where(X > 0, G, 0.0), axis=3),
    "how many": lambda: gx.sum(gx.astype(X > G, "float32"), axis=3),
}
PLAIN: dict[str, Callable[[], gx.Tensor]] = {
    "another number": lambda: gx.sum(gx.where(X > 0, G, 1.0), axis=3),
    "read twice": lambda: gx.sum((y := gx.where(X > 0, G, 0.0)), axis=3) + gx.max(y, axis=3),
    "another tensor": lambda: gx.sum(gx.where(X > 0, G, X), axis=3),
    "the largest": lambda: gx.max(gx.where(X > 0, G, 0.0), axis=3),
    "products": lambda: gx.sum(X * G, axis=3),
    "of whole numbers": lambda: gx.sum(gx.astype(signs(X) + signs(G), "float32"), axis=3),
    "integers": lambda: gx.sum(gx.astype(X > 0, "int32"), axis=3),
    "long rows": lambda: gx.sum(gx.where(X > 0, G, 0.0), axis=(2, 3)),
}


def is_masked(y: gx.Tensor) -> bool:
    texts = [emit(step.kernel).source for step in scheduled([y]).steps]
    return any(", accumulate(r" in text for text in texts)


@pytest.mark.parametrize("name", [*MASKED, *PLAIN])
def test_the_same_bits(name: str) -> None:
    y = (MASKED | PLAIN)[name]()
    assert is_masked(y) == (name in MASKED)
    rng = np.random.default_rng(0)
    x, g = (rng.integers(-2, 3, X.shape).astype(np.float32) for _ in range(2))
    x[0, :, 2:4], g[1, 1], g[0, 3] = np.nan, np.inf, -0.0
    x[1, 3], x[1, 4, 2] = -np.inf, -0.0
    check(Case(Graph((X.node, G.node), (y.node,)), (x, g)), tolerance=0.0)

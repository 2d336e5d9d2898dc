"""Single rows that share columns: lines of an image, or steps of a batch of one. What products keep
for themselves is the end of the arena here, and nothing behind it is written."""

from collections.abc import Callable
from itertools import product
from typing import Any

import numpy as np
import pytest

import graphc as gx
from graphc.runtime import bindings
from graphc.state import aligned_empty

BEHIND, MARK = 1 << 20, 0xA5
SIZES = (
    (1, 64, 1000, 300),
    (1, 1000, 1000, 300),
    (1, 500, 7, 3),
    (2, 500, 64, 100),
    (1, 9, 8, 2000),
)


@pytest.fixture
def arenas(monkeypatch: pytest.MonkeyPatch) -> list[np.ndarray[Any, Any]]:
    """The arenas made from now on, each with marked bytes behind it."""
    made: list[np.ndarray[Any, Any]] = []

    def marked(shape: tuple[int], dtype: gx.DType) -> np.ndarray[Any, Any]:
        made.append(aligned_empty((shape[0] + BEHIND,), dtype))
        made[-1][:] = MARK
        return made[-1][: shape[0]]

    monkeypatch.setattr(bindings, "aligned_empty", marked)
    return made


def steps_first(x: gx.Tensor, w: gx.Tensor) -> gx.Tensor:
    return gx.tanh(gx.permute_dims(x, (1, 0, 2)) @ w)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("parts", [1, 2])
@pytest.mark.parametrize("turned", [False, True])
def test_a_batch_of_one_with_its_steps_first(
    dtype: str,
    parts: int,
    turned: bool,
    arenas: list[np.ndarray[Any, Any]],
    split: Callable[[int], None],
) -> None:
    split(parts)
    rng = np.random.default_rng(0)
    for (batch, steps, depth, columns), named in product(SIZES, (False, True)):
        x = gx.input("x", ("batch", "steps", depth), dtype)
        shape = (columns, depth) if turned else (depth, columns)
        w = gx.input("w", ("c", depth) if turned and named else shape, dtype)
        program = gx.compile([x, w], steps_first(x, w.T if turned else w))
        a = rng.standard_normal((batch, steps, depth)).astype(dtype)
        b = (rng.standard_normal(shape) / depth**0.5).astype(dtype)
        wanted = np.tanh(a.transpose(1, 0, 2).astype("d") @ (b.T if turned else b))
        for _ in range(2):
            np.testing.assert_allclose(program(a, b), wanted, atol=1e-5)
        assert len(arenas[-1]) > BEHIND + 64  # there is something that could be too small
        assert all((arena[-BEHIND:] == MARK).all() for arena in arenas)

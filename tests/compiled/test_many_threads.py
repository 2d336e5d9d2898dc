"""More threads than this machine may have cores: what they compute, whatever the blocks."""

from collections.abc import Callable

import numpy as np
import pytest

import graphc as gx

SIZES = ((32, 784, 128), (10, 33, 65), (64, 320, 129), (7, 300, 500), (20, 257, 20))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize("size", SIZES)
def test_products_of_few_rows(
    size: tuple[int, int, int], turned: bool, dtype: str, split: Callable[[int], None]
) -> None:
    split(16)
    rows, depth, columns = size
    rng = np.random.default_rng(depth)
    a = rng.standard_normal((rows, depth)).astype(dtype)
    b = rng.standard_normal((columns, depth) if turned else (depth, columns)).astype(dtype)
    x, y = gx.input("x", ("m", depth), dtype), gx.input("y", b.shape, dtype)
    program = gx.compile([x, y], gx.nn.relu(x @ (y.T if turned else y)) + 1.0)
    found = program(a, b)
    exact = np.maximum(a.astype(float) @ (b.T if turned else b).astype(float), 0.0) + 1.0
    bound = np.finfo(dtype).eps * depth * np.sqrt(depth)
    np.testing.assert_allclose(found, exact, rtol=0, atol=bound)
    np.testing.assert_array_equal(found, program(a, b))

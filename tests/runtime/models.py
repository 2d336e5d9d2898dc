"""Models that tests of the runtime share."""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

import graphc as gx
from graphc.runtime.program import Program


def training_step(
    sizes: Sequence[int] = (4, 64, 64, 2), seed: int = 0
) -> tuple[Program, list[gx.Tensor]]:
    """step(x, y, rate) of an MLP by SGD with momentum, about 20 kernels, and its parameters."""
    rng = np.random.default_rng(seed)
    x, y = gx.input("x", ("batch", sizes[0])), gx.input("y", ("batch",), "int64")
    rate = gx.input("rate", ())
    parameters, h = [], x
    for n, (rows, columns) in enumerate(pairwise(sizes)):
        w = gx.parameter(f"w{n}", rng.standard_normal((rows, columns)) / np.sqrt(rows))
        b = gx.parameter(f"b{n}", np.zeros(columns))
        parameters += [w, b]
        h = gx.nn.relu(h) if n else h
        h = h @ w + b
    loss = gx.nn.cross_entropy(h, y)
    updates = {}
    for p, g in zip(parameters, gx.grad(loss, parameters), strict=True):
        momentum = gx.state("momentum", np.zeros(p.shape))
        updates[momentum] = 0.9 * momentum + g
        updates[p] = p - rate * updates[momentum]
    return gx.compile([x, y, rate], loss, updates=updates), parameters


def batch(count: int, sizes: Sequence[int] = (4, 64, 64, 2)) -> tuple[np.ndarray, np.ndarray]:
    """Images and labels."""
    rng = np.random.default_rng(count)
    x = rng.standard_normal((count, sizes[0])).astype(np.float32)
    return x, rng.integers(0, sizes[-1], count)

"""Layers of a residual network and their gradients: values inside padded copies, pooling in one
sweep, sums without their scales; the interpreter and both ways to run agree."""

from collections.abc import Callable, Sequence

import numpy as np
import pytest

import graphc as gx
from graphc.graph import Graph
from graphc.runtime.threads import team
from tests.compiled.checking import Case, check


def normalised(x: gx.Tensor, scale: gx.Tensor) -> gx.Tensor:
    return gx.nn.batch_norm(x, scale, scale * 0.5)


def residual(x: gx.Tensor, w: Sequence[gx.Tensor], scale: gx.Tensor, stride: int) -> gx.Tensor:
    """Relu and normalisation, a convolution that is added to what it reads, one with a stride."""
    inner = gx.nn.relu(normalised(gx.nn.conv(x, w[0]), scale))
    outer = gx.nn.relu(normalised(gx.nn.conv(inner, w[1]), scale) + inner)
    return gx.nn.conv(outer, w[2], stride=stride) + outer[:, ::stride, ::stride]


def pooled(x: gx.Tensor, w: Sequence[gx.Tensor], scale: gx.Tensor, size: int) -> gx.Tensor:
    inner = gx.nn.max_pool(gx.nn.relu(gx.nn.conv(x, w[0]) * scale), size)
    return gx.nn.conv(gx.nn.max_pool(gx.nn.relu(gx.nn.conv(inner, w[1])), size), w[2])


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize(("make", "step"), [(residual, 1), (residual, 2), (pooled, 2)])
def test_layers_and_their_gradients(
    make: Callable[..., gx.Tensor], step: int, threads: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(team._state, "threads", threads)
    x = gx.input("x", ("n", 8, 12, 4), "float64")
    weights = [gx.input(f"w{n}", (3, 3, 4, 4), "float64") for n in range(3)]
    scale, g = gx.input("scale", (4,), "float64"), gx.input("g", ("n",), "float64")
    y = make(x, weights, scale, step)
    loss = gx.sum(gx.sum(y * y, axis=(1, 2, 3)) * g)
    leaves = [x, *weights, scale]
    roots = [loss, *gx.grad(loss, leaves)]
    rng = np.random.default_rng(step)
    arrays = [rng.standard_normal((3, 8, 12, 4)), *rng.standard_normal((3, 3, 3, 4, 4))]
    arrays += [rng.random(4) + 0.5, rng.standard_normal(3)]
    graph = Graph(tuple(t.node for t in (*leaves, g)), tuple(t.node for t in roots))
    check(Case(graph, tuple(arrays)), tolerance=1e-7)

"""Convolutions that slide nowhere are products, and leave the order of what they read to others."""

import numpy as np
import pytest

import graphc as gx
from graphc.functions.tensor import Tensor
from graphc.graph import Graph
from graphc.nn.convolution import Padding
from graphc.ops import conv
from graphc.schedule.kernel import LoopKernel
from tests.compiled.checking import Case, check
from tests.schedule.test_fusion import scheduled
from tests.schedule.test_layout import POOLS


def checked(inputs: list[Tensor], outputs: list[Tensor]) -> None:
    rng = np.random.default_rng(0)
    arrays = tuple(rng.integers(-3, 4, t.shape).astype(np.float32) for t in inputs)
    graph = Graph(tuple(t.node for t in inputs), tuple(t.node for t in outputs))
    check(Case(graph, arrays), tolerance=1e-5)


@pytest.mark.parametrize(
    ("padding", "stride", "whole"), [("valid", 1, True), ("valid", 2, True), (1, 3, False)]
)
@pytest.mark.parametrize("groups", [1, 2])
def test_windows_as_long_as_their_axes(
    padding: Padding, stride: int, whole: bool, groups: int
) -> None:
    x, w = gx.input("x", (3, 4, 5, 6)), gx.input("w", (4, 5, 6 // groups, 8))
    y = gx.nn.conv(x, w, stride, padding, groups=groups)
    (slides,) = (
        n.params["windows"] != ((), ()) for n in scheduled([y]).graph.nodes if n.op is conv
    )
    assert slides is not whole
    g = gx.input("g", y.shape)
    checked([x, w, g], [y, *gx.grad(gx.sum(y * g), [x, w])])


@pytest.mark.parametrize("pool", POOLS)
def test_pools_behind_single_taps_go_along_images_as_they_lie(pool: str) -> None:
    x, w = gx.input("x", (2, 16, 8, 10)), gx.input("w", (1, 1, 16, 5))
    y = POOLS[pool](gx.nn.relu(gx.nn.conv(x, w, layout="NCHW")), 2, layout="NCHW")
    dw = gx.grad(gx.sum(y * y), w)
    loops = [s.kernel for s in scheduled([dw]).steps if isinstance(s.kernel, LoopKernel)]
    assert [kernel.extents for kernel in loops] == [(40, 5, 2, 2)]
    checked([x, w], [dw])

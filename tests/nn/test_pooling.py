"""Gradients of pooling: against loops over windows, and gathered in few sweeps."""

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import graphc as gx
from graphc import ops
from graphc.autodiff.check import check_gradient
from graphc.codegen.emit import emit
from graphc.compiler import compile
from graphc.functions.tensor import Tensor
from graphc.graph import order
from graphc.schedule.kernel import LoopKernel
from tests.schedule.test_fusion import scheduled

RNG = np.random.default_rng(0)


def shared_by_loops(x: np.ndarray, size: int, stride: int, g: np.ndarray) -> np.ndarray:
    """The gradient of max pooling as its definition reads: equal ones share what a window gets."""
    result = np.zeros_like(x)
    for n, i, j, c in np.ndindex(*g.shape):
        at = n, slice(i * stride, i * stride + size), slice(j * stride, j * stride + size), c
        hit = x[at] == x[at].max()
        result[at] += np.where(hit, g[n, i, j, c] / np.maximum(hit.sum(), 1), 0)
    return result


@pytest.mark.parametrize("layout", ["NHWC", "NCHW"])
@pytest.mark.parametrize(
    ("size", "stride", "height"),
    [(2, 1, 5), (3, 1, 6), (3, 2, 8), (3, 3, 7), (2, 3, 9), (4, 3, 11)],
)
def test_the_gradient_of_max_pooling(layout: str, size: int, stride: int, height: int) -> None:
    """With ties, which share, and with nan, which is the maximum but equal to nothing."""
    values = RNG.integers(-3, 3, (2, height, 9, 5)).astype("float32")
    values[0, :3, :3, 0] = np.nan
    x = gx.input("x", values.shape)
    inside = gx.permute_dims(x, (0, 3, 1, 2)) if layout == "NCHW" else x
    y = gx.nn.max_pool(inside, size, stride, layout=layout)
    last = gx.permute_dims(y, (0, 2, 3, 1)) if layout == "NCHW" else y
    g = RNG.integers(1, 9, last.shape).astype("float32")
    expected = shared_by_loops(values, size, stride, g)
    dx = gx.grad(gx.sum(last * g), x)
    for got in (dx.eval({x: values}), compile([x], dx)(values)):
        np.testing.assert_allclose(got, expected, rtol=1e-6)


def test_a_window_with_nan_hands_its_cotangent_to_nobody() -> None:
    """So the gradient does not depend on that cotangent, and its own gradient by it is 0."""
    values = RNG.standard_normal((1, 4, 6, 1)).astype("float32")
    values[0, 1, 1] = np.nan
    x, g = gx.input("x", values.shape), gx.input("g", (1, 2, 3, 1))
    dx = gx.grad(gx.sum(gx.nn.max_pool(x, 2) * g), x)
    dg = gx.grad(gx.sum(dx), g)
    wanted = np.array([0, 1, 1, 1, 1, 1], np.float32).reshape(g.shape)
    weights = RNG.standard_normal(g.shape).astype("float32")
    np.testing.assert_array_equal(dg.eval({x: values, g: weights}), wanted)
    np.testing.assert_array_equal(compile([x, g], dg)(values, weights), wanted)


def test_the_gradient_of_overlapping_windows_is_gathered() -> None:
    """One sweep for each phase of the strides, and no array with an axis of taps."""
    x = gx.input("x", (2, 16, 16, 4))
    for pool, stride in itertools.product((gx.nn.max_pool, gx.nn.avg_pool), (1, 2)):
        dx = gx.grad(gx.sum(pool(x, 3, stride) ** 2), x)
        pads = [node for node in order([dx.node]) if node.op is ops.pad]
        assert len(pads) <= 2
        assert sum(node.op is ops.interleave for node in order([dx.node])) == stride - 1
    dx = gx.grad(gx.sum(gx.nn.max_pool(x, 3, 2) ** 2), x)
    for step in scheduled([dx]).steps:
        assert all(o.buffer.type.rank <= 4 for o in step.kernel.operands)


@pytest.mark.parametrize("layout", ["NHWC", "NCHW"])
@pytest.mark.parametrize("pool", [gx.nn.max_pool, gx.nn.avg_pool])
def test_the_phases_of_a_stride_are_one_sweep(pool: Callable[..., Tensor], layout: str) -> None:
    """Where there are as many elements of each; no line of memory is written twice."""
    x = gx.input("x", (2, 8, 8, 8))
    schedule = scheduled([gx.grad(gx.sum(pool(x, 3, 2, 1, layout) ** 2), x)])
    (result,) = schedule.outputs
    writing = [
        step.kernel
        for step in schedule.steps
        if any(o.buffer is result and o.written for o in step.kernel.operands)
    ]
    (kernel,) = writing
    assert isinstance(kernel, LoopKernel)
    assert kernel.lanes == "window"
    text = emit(kernel).source
    assert ("i2 * 2] = " in text) == (layout == "NCHW")
    assert ("[1 + i0" in text) == (layout == "NCHW")


@pytest.mark.parametrize("reduce", [gx.max, gx.sum, gx.logsumexp])
def test_gradients_of_windows_to_second_order(reduce: Callable[..., Tensor]) -> None:
    """Where the taps of a window have one cotangent, and where they have not."""

    def through(x: Any) -> Any:
        seen = ops.windows(x, axes=(1, 0), sizes=(2, 3), strides=(1, 2), dilation=(2, 1))
        return reduce(seen, axis=(2, 3)) * 2

    check_gradient(through, [RNG.standard_normal((6, 5))])


@pytest.mark.parametrize("size", [2, 3])
def test_an_update_alone_stores_no_windows(size: int) -> None:
    """The comparison with each tap runs where the gradient does, behind the commit point."""
    values = RNG.integers(-3, 4, (2, 6, 6, 3)).astype("float32")
    image = gx.parameter("image", values)
    loss = gx.sum(gx.nn.max_pool(image, size, 1, padding="same") ** 2)
    dx = gx.grad(loss, image)
    wanted = values - 0.5 * dx.eval()
    new = image - 0.5 * dx
    steps = scheduled([loss], {image: new}).steps
    operands = [operand for step in steps for operand in step.kernel.operands]
    assert max(operand.buffer.type.rank for operand in operands) == 4
    compile([], loss, updates={image: new})()
    np.testing.assert_array_equal(image.value, wanted)

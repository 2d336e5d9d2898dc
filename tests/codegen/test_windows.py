"""Short rows: the strides of lanes across them are text where the rows are read whole."""

from collections.abc import Callable

import numpy as np
import pytest

import graphc as gx
from graphc.codegen.emit import emit
from graphc.graph import Graph
from graphc.schedule.kernel import LoopKernel
from tests.compiled.checking import Case, check
from tests.schedule.test_fusion import scheduled


def source(y: gx.Tensor) -> str:
    return "".join(emit(step.kernel).source for step in scheduled([y]).steps)


@pytest.mark.parametrize("columns", [2, 3, 4, 5])
@pytest.mark.parametrize("rows", [1, 7, 33, 200])
def test_rows_of_a_few_elements(columns: int, rows: int) -> None:
    x = gx.input("x", (rows, columns))
    y = gx.sum(x * x, axis=1)
    assert (f" * {columns} + " in source(y)) == (columns <= 4 and rows > 1)
    values = np.random.default_rng(0).integers(-4, 5, (rows, columns)).astype(np.float32)
    check(Case(Graph((x.node,), (y.node,)), (values,)))


@pytest.mark.parametrize(("size", "stride"), [(3, 2), (2, 3), (3, 4)])
def test_windows_in_steps(size: int, stride: int) -> None:
    x = gx.input("x", (2, 3, 11, 37))
    y = gx.nn.max_pool(x, size, stride, layout="NCHW")
    assert f" * {stride} + " in source(y)
    values = np.random.default_rng(0).standard_normal(x.shape).astype(np.float32)
    check(Case(Graph((x.node,), (y.node,)), (values,)))


ROWS: dict[str, Callable[[gx.Tensor], gx.Tensor]] = {
    "shares": gx.nn.softmax,
    "of length one": lambda x: x / gx.sqrt(gx.sum(x * x, axis=1, keepdims=True)),
    "the gradient of a maximum": lambda x: gx.grad(gx.sum(gx.max(x, axis=1) ** 2), x),
    "beside a lone element": lambda x: gx.sum(x, axis=1) * x[:, 1],
    "turned round": lambda x: (x * gx.sum(x, axis=1, keepdims=True))[:, ::-1] + 1,
    "within wider rows": lambda x: gx.concat([x - gx.mean(x, axis=1, keepdims=True), x], axis=1),
}


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("columns", [2, 3, 4])
@pytest.mark.parametrize("name", ROWS)
def test_rows_are_written_too(name: str, columns: int, dtype: str) -> None:
    x = gx.input("x", (77, columns), dtype)
    y = ROWS[name](x)
    values = np.random.default_rng(0).integers(-4, 5, (77, columns)).astype(dtype)
    values[5], values[7, 1] = 1, np.nan
    check(Case(Graph((x.node,), (y.node,)), (values,)), tolerance=1e-5)


def test_what_is_written_with_gaps_has_strides_that_arrive_at_run_time() -> None:
    x = gx.input("x", (50, 2))
    assert "out1[i0 * 2 + i1]" in source(gx.nn.softmax(x))
    text = source(gx.concat([gx.nn.softmax(x), x], axis=1))
    assert "out1[i0 * s1_0 + i1]" in text


LANES = {
    "channels that fill half a vector": ("NHWC", (2, 6, 10, 8), "i2 in lanes(n2)"),
    "channels that fill none": ("NHWC", (2, 6, 10, 3), "i2 in masked_lanes(n2)"),
    "half a vector and a few": ("NHWC", (2, 6, 10, 13), "i2 in masked_lanes(n2)"),
    "one and a few": ("NHWC", (2, 6, 10, 20), "first = minimum(block * 16, n2 - 16)"),
    "one and a half": ("NHWC", (2, 6, 10, 24), "i2 in lanes(n2)"),
    "any channels": ("NHWC", (2, 6, 10, "c"), "i2 in lanes(n2)"),
    "rows of images": ("NCHW", (2, 3, 6, 32), "i1 in lanes(n1)"),
    "vectors that overlap": ("NCHW", (2, 3, 6, 28), "first = minimum(block * 8, n1 - 8)"),
    "narrow images": ("NCHW", (2, 3, 6, 10), "first = minimum(block * 4, n1 - 4)"),
    "any number of images": ("NCHW", ("n", 3, 6, 28), "first = minimum(block * 8, n1 - 8)"),
}


@pytest.mark.parametrize("kind", ["max", "mean"])
@pytest.mark.parametrize("name", LANES)
def test_windows_side_by_side(name: str, kind: str) -> None:
    """Ties, nan and rests, for the pool, and in one kernel its gradient."""
    layout, shape, loop = LANES[name]
    x = gx.input("x", shape)
    pool = gx.nn.max_pool if kind == "max" else gx.nn.avg_pool
    y = pool(x, 2, layout=layout)
    g = gx.input("g", y.shape)
    dx = gx.grad(gx.sum(y * g), x)
    assert loop in source(dx)
    assert len(scheduled([dx]).steps) == 1
    sizes = [34 if isinstance(size, str) else size for size in shape]
    height = (1, 2) if layout == "NHWC" else (2, 3)
    rng = np.random.default_rng(0)
    values = rng.integers(-2, 3, sizes).astype(np.float32)
    values[0, 0, 0] = np.nan
    small = [size // 2 if axis in height else size for axis, size in enumerate(sizes)]
    weights = rng.integers(-9, 9, small).astype(np.float32)
    check(Case(Graph((x.node, g.node), (y.node, dx.node)), (values, weights)))


@pytest.mark.parametrize("layout", ["NHWC", "NCHW"])
def test_what_is_compared_is_computed_once(layout: str) -> None:
    """A product with a sum may be one operation here and two there; equal to the largest is it."""
    x, w, b = gx.input("x", (2, 6, 6, 8)), gx.input("w", (8,)), gx.input("b", (8,))
    last = (1, 8, 1, 1) if layout == "NCHW" else (8,)
    inside = gx.permute_dims(x, (0, 3, 1, 2)) if layout == "NCHW" else x
    inside = inside * gx.reshape(w, last) + gx.reshape(b, last)
    y = gx.nn.max_pool(gx.nn.relu(inside), 2, layout=layout)
    dx = gx.grad(gx.sum(y), x)
    rng = np.random.default_rng(0)
    arrays = (rng.standard_normal(t.shape).astype(np.float32) for t in (x, w, b))
    check(Case(Graph((x.node, w.node, b.node), (y.node, dx.node)), tuple(arrays)), tolerance=1e-5)


@pytest.mark.parametrize("width", [6, 28, 32])
def test_state_is_pooled_and_written_over(width: int) -> None:
    """Whatever lanes overlap, an element is changed once."""
    values = np.random.default_rng(0).standard_normal((2, 3, 4, width)).astype(np.float32)
    image = gx.parameter("image", values)
    dx = gx.grad(gx.sum(gx.nn.max_pool(image, 2, layout="NCHW") ** 2), image)
    new = image - 0.5 * dx
    wanted = new.eval()
    gx.compile([], None, updates={image: new})()
    np.testing.assert_allclose(image.value, wanted, rtol=1e-6)


def test_what_is_repeated_a_few_times_goes_around_each_element() -> None:
    x = gx.input("x", (5, 40))
    y = gx.reshape(gx.broadcast_to((gx.exp(x) * 3)[:, None, :, None], (5, 2, 40, 3)), (10, 120))
    (step,) = scheduled([y]).steps
    assert source(y).count("= a0[") == 1
    values = np.random.default_rng(0).standard_normal(x.shape).astype(np.float32)
    check(Case(Graph((x.node,), (y.node,)), (values,)), tolerance=1e-5)
    assert isinstance(step.kernel, LoopKernel)
    assert step.kernel.lanes == "window"

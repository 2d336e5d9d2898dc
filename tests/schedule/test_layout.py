"""In which order values lie in memory, and that it changes nothing but that."""

from collections.abc import Callable

import numpy as np
import pytest

import graphc as gx
from graphc.functions.tensor import Tensor
from graphc.graph import INPUT, Graph
from graphc.nn.convolution import Padding
from graphc.ops import conv
from graphc.schedule.kernel import ContractKernel, Load, LoopKernel, Schedule
from tests.compiled.checking import Case, check
from tests.schedule.test_fusion import kinds, scheduled

N, K, D = 70, 3, 5
X = gx.input("x", (N, D))
MEANS = gx.input("means", (K, D))
FACTORS = gx.input("factors", (K, D, D))
WIDE = gx.input("wide", (N, K, D))


def moved() -> Tensor:
    """The differences of all points and means, each through the factor of its mean."""
    return gx.einsum("kij,nkj->nki", FACTORS, X[:, None] - MEANS)


def mixture() -> Tensor:
    y = moved()
    return gx.sum(gx.logsumexp(-0.5 * gx.sum(y * y, axis=2), axis=1))


def shapes(schedule: Schedule) -> list[tuple[object, ...]]:
    """Of what kernels write to the arena."""
    operands = [operand for step in schedule.steps for operand in step.kernel.operands]
    return [o.buffer.type.shape for o in operands if o.written and o.buffer.kind == "arena"]


def products(schedule: Schedule) -> list[ContractKernel]:
    return [s.kernel for s in schedule.steps if isinstance(s.kernel, ContractKernel)]


def with_gradients(value: Tensor) -> list[Tensor]:
    return [value, *gx.grad(value, [MEANS, FACTORS])]


def test_what_follows_a_product_lies_as_the_product_does() -> None:
    found = shapes(scheduled(with_gradients(mixture())))
    assert (N, K, D) not in found
    assert (N, K) not in found
    assert found.count((K, D, N)) == 3  # the differences, the products and their gradient


def test_small_operands_are_turned_once() -> None:
    found = shapes(scheduled([mixture()]))
    assert (1, D, N) in found


def test_an_output_lies_in_the_order_of_its_axes() -> None:
    y = moved()
    schedule = scheduled([2 * y])
    assert shapes(schedule)[-1] == (N, K, D)
    assert kinds(schedule)[-2:] == ["contract", "map"]


def test_one_kernel_stays_one_where_orders_meet() -> None:
    y = moved()
    schedule = scheduled([gx.sum(gx.exp(y) + y * WIDE)])
    assert kinds(schedule)[-3:] == ["contract", "reduce", "reduce"]


def test_a_sum_of_a_product_is_a_product_of_sums() -> None:
    a, b = gx.input("a", (6, 7)), gx.input("b", (7, 8))
    (product,) = products(scheduled([gx.sum(a @ b, axis=0)]))
    assert [axis.extent for axis in product.axes] == [8]
    (kept,) = products(scheduled([gx.sum(a @ b, axis=0), a @ b]))
    assert [axis.extent for axis in kept.axes] == [6, 8]


def normalised() -> Tensor:
    y = moved()
    return gx.sum(gx.nn.softmax(gx.sum(y, axis=2), axis=1) * gx.max(y, axis=2))


def positions() -> Tensor:
    return gx.sum(gx.argmax(moved() + 0.5, axis=2))


def both_orders() -> Tensor:
    y = moved()
    return gx.sum(y * WIDE) + gx.sum(gx.permute_dims(y, (1, 0, 2)) ** 2)


def one_point() -> Tensor:
    y = gx.einsum("kij,nkj->nki", FACTORS, X[:1, None] - MEANS)
    return gx.sum(gx.exp(y) * y)


@pytest.mark.parametrize("build", [mixture, normalised, both_orders, one_point, positions])
def test_the_same_values(build: Callable[[], Tensor]) -> None:
    value = build()
    outputs = [value] if build is positions else with_gradients(value)
    leaves = [n for n in Graph((), tuple(o.node for o in outputs)).nodes if n.op is INPUT]
    rng = np.random.default_rng(0)
    arrays = [0.3 * rng.standard_normal(leaf.type.shape) for leaf in leaves]
    graph = Graph(tuple(leaves), tuple(output.node for output in outputs))
    case = Case(graph, tuple(array.astype(np.float32) for array in arrays))
    check(case, tolerance=1e-3)


def test_sums_of_products_along_any_axes() -> None:
    a, b = gx.input("a", (2, 3, 4)), gx.input("b", (2, 4, 5))
    y = a @ b
    sums = [gx.sum(2 * (a @ b), axis=0), *(gx.sum(y * 1, axis=axes) for axes in (1, 2, (1, 2)))]
    rng = np.random.default_rng(0)
    arrays = tuple(rng.integers(-4, 5, s).astype(np.float32) for s in ((2, 3, 4), (2, 4, 5)))
    for output in sums:
        check(Case(Graph((a.node, b.node), (output.node,)), arrays))


def test_what_jumps_in_memory_counts_as_more_work() -> None:
    along, across = (scheduled([x * 2]).steps[0].kernel.cost for x in (X, X.T))
    assert isinstance(along, int)
    assert isinstance(across, int)
    assert across > 5 * along


def stage(x: Tensor, layout: str, channels: int, number: int) -> Tensor:
    """Convolution, batch norm, relu and a residual, with the channels where the layout has them."""
    first = layout == "NCHW"
    axis, axes = (1, (0, 2, 3)) if first else (3, (0, 1, 2))
    w = gx.input(f"w{number}", (3, 3, x.shape[axis], channels))
    h = gx.nn.conv(x, w, layout=layout)
    mean = gx.mean(h, axis=axes, keepdims=True)
    h = (h - mean) / gx.sqrt(gx.mean((h - mean) ** 2, axis=axes, keepdims=True) + 1e-3)
    h = gx.nn.relu(h * gx.reshape(gx.input(f"s{number}", (channels,)), mean.shape[axis:]))
    return h + gx.nn.conv(h, gx.input(f"v{number}", (1, 1, channels, channels)), layout=layout)


def network(layout: str, pool: bool) -> tuple[list[Tensor], list[Tensor]]:
    """The inputs; the loss and its gradients by the weights."""
    x = gx.input("x", (4, 3, 8, 6) if layout == "NCHW" else (4, 8, 6, 3))
    h = stage(x, layout, 5, 0)
    if pool:
        h = gx.nn.max_pool(h, 2, layout=layout)
    h = stage(h, layout, 7, 1)[:, 1:, 1:]
    loss = gx.sum(gx.reshape(h, (4, -1)) ** 2)
    leaves = [Tensor(n) for n in Graph((), (loss.node,)).nodes if n.op is INPUT]
    return leaves, [loss, *gx.grad(loss, [leaf for leaf in leaves if leaf is not x])]


def jumps(schedule: Schedule) -> int:
    """How many loops read or write memory along another axis than their last one."""
    loops = [s.kernel for s in schedule.steps if isinstance(s.kernel, LoopKernel)]
    last = [len(k.outer) - 1 if k.lanes in ("outer", "window") else -1 for k in loops]
    return sum(map(_jumps, loops, last))


def _jumps(kernel: LoopKernel, last: int) -> bool:
    last %= len(kernel.extents)
    indices = [v.index for v in kernel.values if isinstance(v, Load)]
    indices += [store.index for stage in kernel.stages for store in stage.stores]
    return any(dict(index.terms).get(last, 0) not in (0, 1) for index in indices)


@pytest.mark.parametrize("pool", [True, False])
@pytest.mark.parametrize(("layout", "at_the_border"), [("NCHW", 2), ("NHWC", 0)])
def test_channels_are_last_inside(layout: str, at_the_border: int, pool: bool) -> None:
    leaves, outputs = network(layout, pool)
    assert jumps(scheduled(outputs)) <= at_the_border
    rng = np.random.default_rng(0)
    arrays = (0.3 * rng.standard_normal(leaf.shape) for leaf in leaves)
    graph = Graph(tuple(leaf.node for leaf in leaves), tuple(y.node for y in outputs))
    check(Case(graph, tuple(a.astype(np.float32) for a in arrays)), tolerance=1e-2)


def test_the_gradient_of_a_depthwise_convolution_goes_along_memory() -> None:
    x, w = gx.input("x", (2, 8, 9, 6)), gx.input("w", (3, 3, 1, 6))
    y = gx.nn.conv(x, w, groups=6)
    assert jumps(scheduled(gx.grad(gx.sum(y * y), [x, w]))) == 0


POOLS = {"max": gx.nn.max_pool, "mean": gx.nn.avg_pool}


@pytest.mark.parametrize("padding", ["same", "valid"])
@pytest.mark.parametrize("pool", POOLS)
def test_pools_go_along_images_as_they_lie(pool: str, padding: Padding) -> None:
    """Those of NCHW as those of NHWC, forward and backward: nothing is turned. (Borders on the left
    and right of an image are columns, which one kernel fills.)"""
    for layout, shape in (("NCHW", (2, 5, 8, 9)), ("NHWC", (2, 8, 9, 5))):
        x = gx.input("x", shape)
        y = POOLS[pool](x, 3, 1, padding, layout)
        g = gx.input("g", y.shape)
        schedule = scheduled([y, gx.grad(gx.sum(y * g), x)])
        assert jumps(schedule) == (layout == "NCHW" and padding == "same")
        rng = np.random.default_rng(0)
        arrays = tuple(rng.integers(-3, 4, t.shape).astype(np.float32) for t in (x, g))
        check(Case(schedule.graph, arrays), tolerance=1e-6)


@pytest.mark.parametrize("pool", POOLS)
def test_pools_of_tiles_go_along_images_as_they_lie(pool: str) -> None:
    """Their axes are split and merged on the way: one kernel forward, one backward, no copy."""
    x = gx.input("x", (2, 5, 8, 10))
    y = POOLS[pool](x, 2, layout="NCHW")
    g = gx.input("g", y.shape)
    schedule = scheduled([y, gx.grad(gx.sum(y * g), x)])
    assert len(schedule.steps) <= 2
    for step in schedule.steps:
        assert isinstance(step.kernel, LoopKernel)
        assert step.kernel.extents == (40, 5, 2, 2)
    rng = np.random.default_rng(0)
    arrays = tuple(rng.integers(-3, 4, t.shape).astype(np.float32) for t in (x, g))
    check(Case(schedule.graph, arrays), tolerance=1e-6)


def test_single_taps_read_and_write_images_as_they_lie() -> None:
    x, w, b = gx.input("x", ("n", 4, 5, 7)), gx.input("w", (1, 1, 4, 6)), gx.input("b", (6, 1, 1))
    y = gx.nn.relu(gx.nn.conv(x, w, layout="NCHW") + b)
    g = gx.input("g", y.shape)
    dx, dw = gx.grad(gx.sum(y * g), [x, w])
    assert "map" not in kinds(scheduled([y, dx, dw]))
    rng = np.random.default_rng(0)
    shapes = (3, 4, 5, 7), w.shape, b.shape, (3, 6, 5, 7)
    arrays = tuple(rng.integers(-3, 4, shape).astype(np.float32) for shape in shapes)
    graph = Graph(tuple(t.node for t in (x, w, b, g)), (y.node, dx.node, dw.node))
    check(Case(graph, arrays), tolerance=1e-5)


@pytest.mark.parametrize("channels", [3, 5])
@pytest.mark.parametrize("reader", ["the gradient alone", "a caller", "single taps", "a product"])
def test_what_few_channels_are_turned_to_lies_as_its_readers_want(
    channels: int, reader: str
) -> None:
    """Channels are last where only the gradient by the weights reads it."""
    x, w = gx.input("x", (2, channels, 6, 7)), gx.input("w", (1, 1, channels, 8))
    v, u = gx.input("v", (1, 1, 8, 9)), gx.input("u", (336, 2))
    y = gx.nn.relu(gx.nn.conv(x, w, layout="NCHW"))
    seen = {
        "single taps": lambda: gx.nn.conv(y, v, layout="NCHW"),
        "a product": lambda: gx.reshape(y, (2, -1)) @ u,
    }.get(reader, lambda: y)()
    dw = gx.grad(gx.sum(seen * seen), w)
    outputs = [y, dw] if reader == "a caller" else [dw]
    last = [node for node in scheduled(outputs).graph.nodes if node.type.shape[-1:] == (8,)]
    turned = any(n.op is conv and n.type.rank == 4 for n in last)
    assert turned is (channels == 3 and reader == "the gradient alone")
    rng = np.random.default_rng(0)
    inputs = (x, w, v, u)
    arrays = tuple(rng.integers(-3, 4, t.shape).astype(np.float32) for t in inputs)
    nodes = tuple(t.node for t in inputs), tuple(t.node for t in outputs)
    check(Case(Graph(*nodes), arrays), tolerance=1e-5)


def test_channels_stay_last_between_windows_that_slide() -> None:
    x, w, v = (
        gx.input(n, s) for n, s in (("x", (2, 4, 6, 6)), ("w", (1, 1, 4, 8)), ("v", (3, 3, 8, 5)))
    )
    y = gx.nn.conv(gx.nn.relu(gx.nn.conv(x, w, layout="NCHW")), v, layout="NCHW")
    found = shapes(scheduled([gx.sum(y * y)]))
    assert (2, 8, 6, 6) not in found
    assert (2, 8, 8, 8) in found  # the padded image


def test_axes_that_are_merged_where_they_do_not_lie_side_by_side_are_copied() -> None:
    x = gx.input("x", (3, 4, 5, 6))
    y = gx.reshape(
        gx.permute_dims(gx.exp(gx.permute_dims(x, (0, 3, 1, 2))), (0, 2, 1, 3)), (12, 30)
    )
    schedule = scheduled([gx.sum(y * y, axis=1)])
    values = np.random.default_rng(0).standard_normal(x.shape).astype(np.float32)
    check(Case(schedule.graph, (values,)), tolerance=1e-4)


def test_parts_of_channels_lie_as_convolutions_have_them() -> None:
    x, w = gx.input("x", (2, 3, 8, 6)), gx.input("w", (3, 3, 3, 5))
    both = gx.concat([gx.nn.conv(x, w, layout="NCHW"), gx.nn.conv(gx.exp(x), w, layout="NCHW")], 1)
    y = gx.nn.conv(gx.tanh(both), gx.input("v", (3, 3, 10, 4)), layout="NCHW")
    schedule = scheduled([gx.sum(y**2), gx.grad(gx.sum(y**2), w)])
    assert jumps(schedule) <= 2  # of the images alone
    rng = np.random.default_rng(0)
    arrays = [0.3 * rng.standard_normal(n.type.shape) for n in schedule.graph.inputs]
    check(Case(schedule.graph, tuple(a.astype(np.float32) for a in arrays)), tolerance=1e-2)

"""Factors that lie in different orders: which is copied, when, and that it changes nothing else."""

import numpy as np
import pytest

import graphc as gx
from graphc.functions.tensor import Tensor
from graphc.graph import Graph
from graphc.schedule.kernel import Load, LoopKernel, Schedule
from tests.compiled.checking import Case, check
from tests.schedule.test_fusion import kinds, scheduled


def sums(schedule: Schedule) -> list[LoopKernel]:
    """The kernels with a reduction."""
    loops = [s.kernel for s in schedule.steps if isinstance(s.kernel, LoopKernel)]
    return [k for k in loops if any(stage.reduces for stage in k.stages)]


def along_lanes(kernel: LoopKernel) -> list[object]:
    """How far each load moves along the loop that is vectorised."""
    last = len(kernel.outer) - 1 if kernel.lanes == "outer" else len(kernel.extents) - 1
    return [dict(v.index.terms).get(last, 0) for v in kernel.values if isinstance(v, Load)]


@pytest.mark.parametrize("batch", [1, 3, "n"])
@pytest.mark.parametrize(("stride", "size"), [(1, (7, 8)), (2, (13, 14))])
def test_the_gradient_by_depthwise_weights_goes_along_channels(
    batch: int | str, stride: int, size: tuple[int, int]
) -> None:
    """NCHW images lie channels last inside, and so does their cotangent."""
    x, w = gx.input("x", (batch, 20, *size)), gx.input("w", (3, 3, 1, 20))
    y = gx.nn.conv(x, w, stride, groups=20, layout="NCHW")
    g = gx.input("g", y.shape)
    outputs = [y, *gx.grad(gx.sum(y * g), [x, w])]
    schedule = scheduled(outputs)
    (by_weights,) = (k for k in sums(schedule) if k.lanes == "outer")
    assert by_weights.outer == (3, 3, 20)
    assert along_lanes(by_weights) == [1, 1]
    rng = np.random.default_rng(0)
    positions = [-(-length // stride) for length in size]
    count = batch if isinstance(batch, int) else 3
    shapes = (count, 20, *size), w.shape, (count, 20, *positions)
    arrays = tuple(rng.integers(-3, 4, shape).astype(np.float32) for shape in shapes)
    graph = Graph((x.node, w.node, g.node), tuple(t.node for t in outputs))
    check(Case(graph, arrays), tolerance=1e-5)


def products(repeats: int, length: int, order: tuple[int, int] = (1, 0)) -> tuple[Tensor, ...]:
    """x (repeats, length, 24), and y (length, 24), which lies in this order, times it."""
    x = gx.input("x", (repeats, length, 24))
    sizes = length, 24
    y = gx.input("y", tuple(sizes[axis] for axis in order))
    return x, y, x * gx.permute_dims(y, order)


def test_what_is_read_often_is_copied_once() -> None:
    x, y, both = products(9, 40)
    schedule = scheduled([gx.sum(both, axis=1)])
    assert kinds(schedule) == ["map", "reduce"]
    assert along_lanes(sums(schedule)[0]) == [1, 1]
    rng = np.random.default_rng(0)
    arrays = tuple(rng.integers(-3, 4, t.shape).astype(np.float32) for t in (x, y))
    check(Case(Graph((x.node, y.node), schedule.graph.outputs), arrays), tolerance=1e-5)


def test_a_factor_that_is_the_same_along_what_is_summed_is_copied_without_it() -> None:
    x, y = gx.input("x", (5, 40, 3, 24)), gx.input("y", (24, 40))
    total = gx.sum(x * gx.permute_dims(y, (1, 0))[:, None], axis=(1, 2))
    schedule = scheduled([total])
    assert along_lanes(sums(schedule)[0]) == [1, 1]
    rng = np.random.default_rng(0)
    arrays = tuple(rng.integers(-3, 4, t.shape).astype(np.float32) for t in (x, y))
    check(Case(Graph((x.node, y.node), schedule.graph.outputs), arrays), tolerance=1e-5)


REFUSED = {
    "reads that are few": products(3, 40),
    "sums that are short": products(9, 20),
    "the same order": products(9, 40, (0, 1)),
}


@pytest.mark.parametrize("case", REFUSED)
def test_others_are_read_where_they_are(case: str) -> None:
    assert kinds(scheduled([gx.sum(REFUSED[case][-1], axis=1)])) == ["reduce"]


def test_a_product_that_is_shown_is_not_computed_again() -> None:
    *_, both = products(9, 40)
    steps = scheduled([both, gx.sum(both, axis=1)]).steps
    read = {o.buffer.name for s in steps for o in s.kernel.operands if o.buffer.kind == "input"}
    assert read == {"x", "y"}
    assert sum("mul" in step.kernel.origin.title for step in steps) == 1

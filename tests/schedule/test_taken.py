"""Slices below what they alone read: what is computed then, and that it is the same."""

from collections.abc import Callable

import numpy as np
import pytest

import graphc as gx
from graphc import ops
from graphc.dims import product
from graphc.functions.tensor import Tensor
from graphc.graph import Graph
from graphc.schedule.kernel import LoopKernel, Schedule
from graphc.schedule.taken import taken_first
from tests.compiled.checking import Case, check
from tests.schedule.test_fusion import scheduled

X, Y = gx.input("x", (6, 8)), gx.input("y", (6, 8))


def points(schedule: Schedule) -> list[object]:
    """How many points each loop kernel has."""
    kernels = (step.kernel for step in schedule.steps)
    return [product(k.extents) for k in kernels if isinstance(k, LoopKernel)]


def pooled(stride: int, layout: str) -> Tensor:
    """The gradient of a padded pool."""
    x = gx.reshape(X * Y, (1, 2, 6, 4) if layout == "NCHW" else (1, 6, 4, 2))
    y = gx.nn.max_pool(x, 3, stride, padding="same", layout=layout)
    return gx.grad(gx.sum(y**2), X)


MOVED: dict[str, Callable[[], Tensor]] = {
    "a function": lambda: gx.tanh(X)[:, -1],
    "a chain": lambda: (gx.exp(X) + X * Y)[1:3, 2:],
    "a sum": lambda: gx.sum(gx.exp(X) * Y, axis=1)[2:5],
    "a best one": lambda: gx.argmax(gx.exp(X) * Y, axis=0)[3:],
    "one value twice": lambda: (lambda e: e * e + e)(gx.exp(X))[1:],
    "of a repeated row": lambda: (gx.exp(X) - Y[:1])[1:, 1:],
    "pooled": lambda: pooled(1, "NHWC"),
    "pooled in steps": lambda: pooled(2, "NHWC"),
    "pooled with channels first": lambda: pooled(2, "NCHW"),
}
WHOLE: dict[str, Callable[[], Tensor]] = {
    "two parts": lambda: (lambda e: e[1:] + e[:-1])(gx.exp(X)),
    "read whole too": lambda: (lambda e: e[1:] + gx.sum(e))(gx.exp(X)),
    "in steps": lambda: gx.exp(X)[::2],
}


@pytest.mark.parametrize("name", [*MOVED, *WHOLE])
def test_the_same_values(name: str) -> None:
    graph = Graph((X.node, Y.node), ((MOVED | WHOLE)[name]().node,))
    rng = np.random.default_rng(0)
    arrays = tuple(rng.integers(-3, 4, (6, 8)).astype(np.float32) for _ in range(2))
    check(Case(graph, arrays), tolerance=1e-4)
    assert (taken_first(graph).outputs != graph.outputs) == (name in MOVED)


def test_only_what_is_taken_is_computed() -> None:
    assert points(scheduled([gx.tanh(X)[:, -1]])) == [6]
    assert points(scheduled([gx.sum(gx.exp(X) * Y, axis=1)[2:5]])) == [24]


@pytest.mark.parametrize("stride", [1, 2])
def test_the_gradient_of_a_padded_pool_has_no_border(stride: int) -> None:
    x, g = gx.input("x", (2, 8, 10, 3)), gx.input("g", (2, 8 // stride, 10 // stride, 3))
    y = gx.nn.max_pool(x, 3, stride, padding="same")
    (dx,) = Graph((), (gx.grad(gx.sum(y * g), x).node,)).outputs
    schedule = scheduled([Tensor(dx)])
    written = [o for s in schedule.steps for o in s.kernel.operands if o.written]
    assert [o.buffer.type.shape for o in written].count((2, 8, 10, 3)) == stride**2
    assert schedule.steps[-1].kernel.origin.title.startswith("eq_where")


@pytest.mark.parametrize("first", range(4))
@pytest.mark.parametrize("size", [3, 4, 6])
@pytest.mark.parametrize("lengths", [(4, 3, 3), (4, 3)])
def test_a_part_of_what_is_interleaved(first: int, size: int, lengths: tuple[int, ...]) -> None:
    """Steps of three; where a part is left out, there are zeros."""
    x = gx.input("x", (sum(lengths),))
    starts = [sum(lengths[:n]) for n in range(len(lengths))]
    parts = (gx.exp(x[a : a + n]) for a, n in zip(starts, lengths, strict=True))
    whole = ops.interleave(
        *parts, shape=(10,), starts=((0,), (1,), (2,))[: len(lengths)], steps=(3,)
    )
    y = ops.slice_(whole, starts=(first,), sizes=(size,), steps=(1,))
    (taken,) = taken_first(Graph((x.node,), (y.node,))).outputs
    assert taken.op is ops.interleave  # of parts, no longer a slice
    values = np.arange(sum(lengths), dtype=np.float32)
    check(Case(Graph((x.node,), (y.node,)), (values,)), tolerance=1e-2)

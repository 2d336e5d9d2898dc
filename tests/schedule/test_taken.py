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
    assert [o.buffer.type.shape for o in written].count((2, 8, 10, 3)) == stride
    assert schedule.steps[-1].kernel.origin.title.startswith("eq_where")


def test_what_is_read_whole_by_the_caller_is_made_whole() -> None:
    y = gx.exp(X)
    graph = Graph((X.node,), (y.node, y[1:].node))
    assert taken_first(graph) == graph
    check(Case(graph, (np.ones((6, 8), np.float32),)), tolerance=1e-5)


@pytest.mark.parametrize("first", range(4))
@pytest.mark.parametrize("size", [1, 2, 3, 4, 6])
@pytest.mark.parametrize("lengths", [(4, 3, 3), (4, 3)])
@pytest.mark.parametrize("columns", [(), ("n",)])
def test_a_part_of_what_is_interleaved(
    first: int, size: int, lengths: tuple[int, ...], columns: tuple[str, ...]
) -> None:
    """Steps of three; where a part is left out, there are zeros. Each has to have an element."""
    count = sum(lengths)
    x = gx.input("x", (count, *columns))
    places = [sum(lengths[:n]) for n in range(len(lengths))]
    parts = (gx.exp(x[a : a + n]) for a, n in zip(places, lengths, strict=True))
    rest, none, one = x.shape[1:], (0,) * len(columns), (1,) * len(columns)
    starts = tuple((n, *none) for n in range(len(lengths)))
    whole = ops.interleave(*parts, shape=(10, *rest), starts=starts, steps=(3, *one))
    y = ops.slice_(whole, starts=(first, *none), sizes=(size, *rest), steps=(1, *one))
    (taken,) = taken_first(Graph((x.node,), (y.node,))).outputs
    has_one = [any(n in range(a, 10, 3) for n in range(first, first + size)) for (a, *_) in starts]
    assert taken.op is (ops.interleave if all(has_one) else ops.slice_)
    values = np.arange(count * 5 ** len(columns), dtype=np.float32) / 5 ** len(columns)
    values = values.reshape(count, *(5 for _ in columns))
    check(Case(Graph((x.node,), (y.node,)), (values,)), tolerance=1e-2)

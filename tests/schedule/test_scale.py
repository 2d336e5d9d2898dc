"""Large graphs: nothing recurses, and time grows with their size."""

import gc
import time
from collections.abc import Callable, Iterable
from random import Random
from unittest.mock import Mock

import numpy as np
import pytest

import graphc as gx
from graphc import ops
from graphc.graph import INPUT, Graph, Node, make
from graphc.passes.pipeline import simplify
from graphc.runtime.backends import NATIVE
from graphc.runtime.binding.code import emit_program
from graphc.schedule import memory, strips
from graphc.schedule.memory import Interval, plan_memory
from graphc.schedule.schedule import build_schedule
from graphc.types import TensorType, float32
from tests.compiled.checking import program_of

ROWS = TensorType(float32, (6, 8))


def leaf(name: str) -> Node:
    return make(INPUT, (), {"name": name, "type": ROWS})


def chain(count: int) -> Graph:
    """h = sin(h + y), again and again: no rule folds it."""
    x, y = leaf("x"), leaf("y")
    h = x
    for _ in range(count // 2):
        h = make(ops.sin, (make(ops.add, (h, y), {}),), {})
    return Graph((x, y), (h,))


def branching(count: int) -> Graph:
    """Every value is made of two of the last forty; one in ten less its sum over the rows."""
    rng, x = Random(0), leaf("x")
    values, nodes = [x], 0
    while nodes < count:
        a, b = rng.choice(values[-40:]), rng.choice(values[-40:])
        if rng.random() < 0.1:
            row = make(ops.sum_, (a,), {"axes": (1,)})
            column = make(ops.reshape, (row,), {"shape": (6, 1)})
            b = make(ops.broadcast_to, (column,), {"shape": (6, 8)})
            nodes += 3
        op = rng.choice([ops.add, ops.sub, ops.maximum, ops.mul])
        values.append(make(op, (a, b), {}))
        nodes += 1
    total = values[-1]
    for value in values[-40:]:
        total = make(ops.add, (total, value), {})
    return Graph((x,), (total,))


def training(count: int, size: Callable[[int], int]) -> list[Interval]:
    """One in three buffers waits for the way back, the others are for the next kernel."""
    saved = [Interval(size(n), n, count - 2 * n) for n in range(count // 3)]
    rest = range(count // 3, count)
    return saved + [Interval(size(n), n, n + 1) for n in rest]


def ratio(work: Callable[[], object], base: Callable[[], object]) -> float:
    """Of times of the processor: the best of five each, in turn: the machine has slow phases."""

    def once(work: Callable[[], object]) -> float:
        start = time.process_time()
        work()
        return time.process_time() - start

    gc.collect()
    gc.freeze()  # what other tests left alive is not scanned again and again
    try:
        times = [(once(work), once(base)) for _ in range(5)]
    finally:
        gc.unfreeze()
    return min(mine for mine, _ in times) / min(other for _, other in times)


@pytest.mark.parametrize(("make_graph", "count"), [(chain, 5_000), (branching, 2_500)])
def test_twice_the_nodes_take_twice_the_time(
    make_graph: Callable[[int], Graph], count: int
) -> None:
    one, two = make_graph(count), make_graph(2 * count)
    assert (
        ratio(lambda: emit_program(build_schedule(two)), lambda: emit_program(build_schedule(one)))
        <= 2.3
    )


@pytest.mark.parametrize("size", [lambda n: 4096 * (1 + n % 3), lambda n: 64 * (n * 7919 % 99_991)])
def test_twice_the_buffers_are_planned_in_twice_the_time(
    size: Callable[[int], int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The ranges looked at are counted; time, which caches add to, is told from a quadratic one."""
    one, two = training(10_000, size), training(20_000, size)
    assert ratio(lambda: plan_memory(two), lambda: plan_memory(one)) <= 2.7
    counts, best_gap = list[int](), memory._best_gap

    def counted(taken: Iterable[tuple[int, int]], size: int) -> int:
        ranges = list(taken)
        counts[-1] += 1 + len(ranges)
        return best_gap(ranges, size)

    monkeypatch.setattr(memory, "_best_gap", counted)
    for intervals in (one, two):
        counts.append(0)
        plan_memory(intervals)
    assert counts[1] <= 2.3 * counts[0]


def test_a_long_chain_is_a_few_distinct_kernels() -> None:
    program = program_of(chain(50_000), NATIVE, simplified=False)
    assert len({kernel.source for kernel in program.kernels}) <= 3
    rng = np.random.default_rng(0)
    x, y = (rng.standard_normal((6, 8)).astype(np.float32) for _ in range(2))
    (got,) = program(x, y)
    for _ in range(25_000):
        x = np.sin(x + y)
    np.testing.assert_allclose(got, x, rtol=1e-3, atol=1e-3)


def test_a_graph_of_ten_thousand_branches_is_scheduled() -> None:
    schedule = build_schedule(branching(10_000))
    assert len(schedule.steps) < 1_000


def unrolled(steps: int) -> Graph:
    """What trains a recurrent net: its hidden values are stacked, so are gradients of the steps."""
    x = gx.input("x", ("batch", steps, 8))
    w, b = (gx.parameter(name, np.zeros((8, 8))) for name in "wb")
    h, hidden = gx.zeros((x.shape[0], 8)), list[gx.Tensor]()
    for step in range(steps):
        h = gx.tanh(x[:, step] @ w + h @ b)
        hidden.append(h)
    loss = gx.mean(gx.square(gx.stack(hidden, axis=1)))
    return Graph((x.node,), tuple(value.node for value in gx.grad(loss, [w, b])))


def test_twice_the_steps_of_a_recurrent_net_take_twice_the_time() -> None:
    """Every step writes its piece of the same arrays."""
    one, two = simplify(unrolled(250)), simplify(unrolled(500))
    assert ratio(lambda: build_schedule(two), lambda: build_schedule(one)) <= 2.8


def gated(steps: int) -> Graph:
    """What trains an LSTM: each step's cell is made of that before."""
    x = gx.input("x", ("batch", steps, 32))
    w, b, out = (gx.parameter("w", np.zeros((32, size))) for size in (128, 128, 10))
    h = cell = gx.zeros((x.shape[0], 32))
    for step in range(steps):
        gates = x[:, step] @ w + h @ b
        keep, take, show, new = (gates[:, n : n + 32] for n in range(0, 128, 32))
        cell = gx.sigmoid(keep) * cell + gx.sigmoid(take) * gx.tanh(new)
        h = gx.sigmoid(show) * gx.tanh(cell)
    return Graph((x.node,), tuple(value.node for value in gx.grad(gx.sum(h @ out), [w, b])))


def test_twice_the_steps_of_an_lstm_are_looked_at_twice_for_strips(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What a set of steps would repeat is as long as the net: only one that pays looks for it."""
    looked = []
    for steps in (20, 40):
        asked = Mock(wraps=strips._repeats)
        with monkeypatch.context() as context:
            context.setattr(strips, "_repeats", asked)
            build_schedule(simplify(gated(steps)))
        looked.append(asked.call_count)
    assert looked[1] <= 2.2 * looked[0]

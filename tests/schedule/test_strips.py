"""Which kernels run on strips, and which do not."""

from collections.abc import Sequence

import pytest

import graphc as gx
from graphc.graph import Graph
from graphc.lowering import Index
from graphc.passes.pipeline import simplify
from graphc.runtime.binding.code import emit_program
from graphc.runtime.reports.explain import explain
from graphc.schedule.kernel import Schedule, StripKernel
from graphc.schedule.schedule import build_schedule
from graphc.schedule.strip_form import covered, wide_shape

Q, K, V, G = (gx.input(name, ("b", "t", 32)) for name in "qkvg")
W = gx.input("w", (32, 32))


def scheduled(outputs: Sequence[gx.Tensor]) -> Schedule:
    inputs = tuple(t.node for t in (Q, K, V, G, W))
    return build_schedule(simplify(Graph(inputs, tuple(t.node for t in outputs), ())))


def members(schedule: Schedule) -> list[list[str]]:
    loops = [s.kernel for s in schedule.steps if isinstance(s.kernel, StripKernel)]
    return [[m.kernel.origin.title for m in loop.members] for loop in loops]


def wide(schedule: Schedule) -> list[str]:
    """Arrays in memory that have a row of scores for each query."""
    heads, steps, _ = Q.node.type.shape
    found = {o.buffer for s in schedule.steps for o in s.kernel.operands}
    shape = (heads, steps, steps)
    return [b.name for b in found if b.kind == "arena" and wide_shape(b) == shape]


def test_by_hand_as_by_the_function() -> None:
    by_hand = gx.nn.softmax(Q @ K.mT) @ V
    (titles,) = members(scheduled([by_hand]))
    assert titles[0] == titles[-1] == "dot"
    assert len(titles) == 3


def test_the_gradient_computes_the_weights_again() -> None:
    loss = gx.sum(gx.sin(gx.nn.attention(Q, K, V) @ W) * G)
    schedule = scheduled(gx.grad(loss, [Q, K, V]))
    forward, backward = members(schedule)
    assert backward[: len(forward) - 1] == forward[:-1]
    assert wide(schedule) == []


def test_no_two_kernels_share_a_row_of_scratch() -> None:
    scores = gx.nn.softmax(gx.astype(Q @ K.mT, "float64"))  # kept where the results do not fit
    loss = gx.sum(gx.sin(gx.astype(scores, "float32") @ V @ W) * G)
    schedule = scheduled(gx.grad(loss, [Q, K, V]))
    operands = [o for s in schedule.steps for o in s.kernel.operands]
    rows = [o.buffer for o in operands if o.buffer.kind == "scratch"]
    assert len(rows) == len(set(rows)) >= 2


def test_a_causal_mask_is_made_on_strips() -> None:
    loss = gx.sum(gx.sin(gx.nn.attention(Q, K, V, causal=True) @ W) * G)
    schedule = scheduled(gx.grad(loss, [Q, K, V]))
    assert [titles[0] for titles in members(schedule)] == ["ge", "ge"]
    steps = Q.node.type.shape[1]
    found = {o.buffer for s in schedule.steps for o in s.kernel.operands}
    assert [b for b in found if b.kind == "arena" and wide_shape(b)[-2:] == (steps, steps)] == []


def test_what_runs_on_strips_is_explained() -> None:
    loss = gx.sum(gx.sin(gx.nn.attention(Q, K, V, causal=True) @ W) * G)
    schedule = scheduled(gx.grad(loss, [Q, K, V]))
    rows = explain(emit_program(schedule)).rows
    loops = [row for row in rows if row.members]
    assert [row.name for row in loops] == ["strips", "strips"]
    for row in loops:
        kernel = schedule.steps[row.number].kernel
        assert isinstance(kernel, StripKernel)
        names = [member.kernel.origin.title for member in kernel.members]
        assert [rows[n].name for n in row.members] == names
        assert f"kernels {row.number + 1} to {row.number + len(names)}" in str(row)
        for n in row.members:
            assert {a.kernel for a in rows[n].apart} <= {*range(n)}
    again = [
        rows[n] for n in loops[1].members if rows[n].of_role("again") and n < loops[1].number + 4
    ]
    assert {row.name for row in again} <= {rows[n].name for n in loops[0].members}


def test_no_step_writes_what_another_of_its_level_touches() -> None:
    loss = gx.sum(gx.sin(gx.nn.attention(Q, K, V, causal=True) @ W) * G)
    schedule = scheduled([loss, *gx.grad(loss, [Q, K, V, W])])
    loops = [s.kernel for s in schedule.steps if isinstance(s.kernel, StripKernel)]
    members = [member.kernel for loop in loops for member in loop.members]
    steps = [step for step in schedule.steps if step.kernel not in members]
    pairs = [(a, b) for a in steps for b in steps if a is not b and a.level == b.level]
    assert pairs
    for one, other in pairs:
        written = {o.buffer for o in one.kernel.operands if o.written}
        assert written.isdisjoint(o.buffer for o in other.kernel.operands)


def test_a_gradient_that_needs_no_other_layer_is_one_set() -> None:
    out = gx.nn.attention(Q, K, V)
    assert len(members(scheduled([out, *gx.grad(gx.sum(out * G), [Q, K, V])]))) == 1


@pytest.mark.parametrize("shown", [Q @ K.mT, gx.nn.softmax(Q @ K.mT)])
def test_scores_or_weights_that_are_asked_for_are_stored(shown: gx.Tensor) -> None:
    schedule = scheduled([gx.nn.softmax(Q @ K.mT) @ V, shown])
    assert members(schedule) == []
    assert len(wide(schedule)) == 2


@pytest.mark.parametrize(("steps", "count"), [(128, 0), (129, 1)])
def test_heads_that_are_known_to_be_short_are_stored(steps: int, count: int) -> None:
    q = gx.input("q", ("b", steps, 8))
    out = gx.nn.attention(q, q, q)
    schedule = build_schedule(simplify(Graph((q.node,), (out.node,), ())))
    assert len(members(schedule)) == count


def test_layers_and_gradients_without_heads_run_as_they_are() -> None:
    x, up, down = (
        gx.input("x", ("b", "n", 32)),
        gx.input("up", (32, 256)),
        gx.input("down", (256, 32)),
    )
    hidden = gx.nn.gelu(x @ up) @ down
    assert (
        members(build_schedule(simplify(Graph((x.node, up.node, down.node), (hidden.node,), ()))))
        == []
    )
    q, k = gx.input("q", ("t", 8)), gx.input("k", ("s", 8))
    out = gx.nn.softmax(q @ k.T) @ k
    (titles,) = members(build_schedule(simplify(Graph((q.node, k.node), (out.node,), ()))))
    assert len(titles) == 3
    gradient = gx.grad(gx.sum(gx.sin(out)), [k])[0]
    assert members(build_schedule(simplify(Graph((q.node, k.node), (gradient.node,), ())))) == []


def test_covered() -> None:
    rows = Index(0, ((0, 7), (1, 1)))
    assert covered(rows, (6, 7), (2, 3, 7)) == {0: range(2), 1: range(2, 3)}
    assert covered(Index(1, rows.terms), (6, 7), (2, 3, 7)) is None
    assert covered(rows, (5, 7), (2, 3, 7)) is None
    assert covered(Index(0, ((0, 7), (1, 2))), (6, 7), (2, 3, 7)) is None

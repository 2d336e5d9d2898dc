"""What a program says about its kernels: what is in each, and why nothing else is."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import graphc as gx
from benchmarks.graphc_runs import build
from benchmarks.workloads import WORKS, data, parameters
from graphc.graph import Graph
from graphc.passes.pipeline import simplify
from graphc.runtime.binding.code import emit_program
from graphc.runtime.reports.explain import Explanation, explain
from graphc.schedule.kernel import Kernel
from graphc.schedule.reasons import Reason
from graphc.schedule.schedule import build_schedule
from tests import golden

MODEL = """
import graphc as gx
import numpy as np

x = gx.input("x", ("n", 8))
w = gx.parameter("w", np.ones((8, 4)))
b = gx.parameter("b", np.ones(4))
t = gx.state("t", 0.0)
hidden = gx.nn.relu(x @ w + b).named("hidden")
loss = gx.mean(hidden * hidden).named("loss")
rate = 0.1 / (1 + t)
dw, db = gx.grad(loss, [w, b])
step = gx.compile([x], loss, updates={w: w - rate * dw, b: b - rate * db, t: t + 1})
"""

X = gx.input("x", ("n", 6))
SQUARE = gx.input("s", (6, 6))


def explained(model: str) -> Explanation:
    """Of the program `step` of a source text, whose lines do not move."""
    scope: dict[str, Any] = {}
    exec(compile(model, "model.py", "exec"), scope)
    return scope["step"].explain()


def test_a_training_step_reads_like_this(pytestconfig: pytest.Config) -> None:
    golden.check("explain/step.txt", str(explained(MODEL)), pytestconfig)


def test_an_update_is_shown_at_the_line_that_computes_it() -> None:
    """Not at that of the parameter, which a function of the model makes for all layers."""
    w = gx.parameter("w", np.ones(6))
    m = gx.state("m", np.zeros(6))
    change = 0.9 * m + 0.1 * gx.sin(w)
    new = w - 0.1 * change
    program = gx.compile([], [], updates={w: new, m: change})
    (row,) = program.explain().rows
    assert row.where == new.node.where
    assert [info.where for info in program.kernels] == [new.node.where]


def reasons(y: gx.Tensor, *others: gx.Tensor) -> set[Reason]:
    """All that keep the kernels of these tensors apart."""
    inputs = [x for x in (X, SQUARE, INDEX) if f"{x.node.params['name']}:" in gx.text([y, *others])]
    rows = gx.compile(inputs, [y, *others]).explain().rows
    found = [apart for row in rows for apart in row.apart]
    return {a.reason for a in found} | {a.stays for a in found if a.stays is not None}


INDEX = gx.input("i", ("m",), "int64")


@pytest.mark.parametrize(
    ("reason", "tensors"),
    [
        ("memory", lambda: [gx.exp(SQUARE) @ SQUARE]),
        ("memory", lambda: [gx.exp(X)[INDEX]]),
        ("contraction", lambda: [gx.max(X @ SQUARE, axis=1)]),
        ("pieces", lambda: [gx.exp(gx.concat([X, X]))]),
        ("moved", lambda: [gx.exp(SQUARE) + gx.exp(SQUARE).T]),
        ("axes", lambda: [gx.sum(dear(SQUARE - gx.sum(SQUARE, axis=1, keepdims=True)), axis=0)]),
        ("again", lambda: [gx.sum(SQUARE - gx.sum(SQUARE, axis=1, keepdims=True), axis=0)]),
        ("unfinished", lambda: [X - gx.sum(X)]),
        ("parts", lambda: [gx.sum(X)]),
        ("extents", lambda: [gx.exp(X), gx.exp(X)[:, :3] + 1]),
        ("size", lambda: [chain(80)]),
        ("readers", lambda: [dear(SQUARE)[:3] * 2, dear(SQUARE)[:2] * 3]),
        ("output", lambda: [gx.exp(SQUARE), gx.sum(gx.exp(SQUARE)[:2] * 2, axis=1)]),
    ],
)
def test_every_reason_is_met(reason: Reason, tensors: Callable[[], list[gx.Tensor]]) -> None:
    assert reason in reasons(*tensors())


def dear(x: gx.Tensor) -> gx.Tensor:
    """What is not computed twice."""
    return gx.sin(gx.asinh(x))


def chain(count: int) -> gx.Tensor:
    h = X
    for _ in range(count):
        h = gx.sin(h) + X
    return h


def test_state_is_written_behind_what_can_fail() -> None:
    w = gx.parameter("w", np.ones((6, 6)))
    h = X @ w
    step = gx.compile([X], h, updates={w: w - gx.sum(h)})
    assert "commit" in {a.reason for row in step.explain().rows for a in row.apart}


def edges(kernels: list[Kernel]) -> set[tuple[int, int]]:
    """Which kernel reads what which other one has written."""
    written = {
        o.buffer: n
        for n, kernel in enumerate(kernels)
        for o in kernel.operands
        if o.written and o.buffer.kind in ("arena", "partial")
    }
    operands = [(n, o) for n, kernel in enumerate(kernels) for o in kernel.operands]
    read = [(n, o.buffer) for n, o in operands if not o.written]
    return {(n, written[buffer]) for n, buffer in read if buffer in written}


@pytest.mark.parametrize("name", ["mlp_tiny", "lenet", "gmm"])
def test_every_edge_of_a_workload_has_a_reason(name: str) -> None:
    model = WORKS[name].model
    program, _ = build(WORKS[name], data(model), parameters(model))
    told = {(row.number, a.kernel) for row in program.explain().rows for a in row.apart}
    assert edges([step.kernel for step in program._code.steps]) == told


def test_every_edge_between_kernels_has_a_reason() -> None:
    w = gx.parameter("w", np.ones((6, 6)))
    hidden = gx.nn.softmax(gx.nn.relu(X @ w) @ w)
    loss = gx.nn.cross_entropy(gx.concat([hidden, gx.sin(hidden)])[INDEX], INDEX)
    update = w.node, (w - 0.1 * gx.grad(loss, w)).node
    graph = Graph((X.node, INDEX.node), (loss.node,), (update,))
    schedule = build_schedule(simplify(graph))
    told = {
        (row.number, a.kernel) for row in explain(emit_program(schedule)).rows for a in row.apart
    }
    assert edges([step.kernel for step in schedule.steps]) == told


def test_a_label_is_at_the_kernel_that_computes_it() -> None:
    labels = {label: row.name for row in explained(MODEL).rows for label in row.labels}
    assert labels.keys() == {"hidden", "loss"}
    assert labels["hidden"].startswith("dot")


def test_a_product_whose_result_is_arranged_is_told_of_as_a_product() -> None:
    q = gx.input("q", ("batch", 8, 4, 16))
    heads = [gx.permute_dims(q * n, (0, 2, 1, 3)) for n in (1.0, 2.0, 3.0)]
    y = gx.permute_dims(gx.nn.attention(*heads), (0, 2, 1, 3))
    program = gx.compile([q], y)
    assert any(node.op.name == "conv" for kernel in program.kernels for node in kernel.nodes)
    assert "conv" not in str(program.explain())
    assert [kernel.name for kernel in program.kernels if "conv" in kernel.name] == []


ROWS = gx.input("rows", ("n", 1024))
WAYS: dict[str, tuple[Callable[[], gx.Tensor], tuple[str, ...], str]] = {
    "softmax": (lambda: gx.nn.softmax(ROWS), ("guess", "late"), "late0"),
    "log_softmax": (lambda: gx.nn.log_softmax(ROWS), ("groups",), "start"),
    "layer_norm": (lambda: gx.nn.layer_norm(ROWS), ("moments",), "* (s"),
    "var": (lambda: gx.var(ROWS, axis=1), ("moments",), "* (s"),
    "sum": (lambda: gx.sum(ROWS, axis=1), (), "accumulate"),
    "columns": (lambda: gx.nn.softmax(ROWS, axis=0), (), "reduce_max"),
}


@pytest.mark.parametrize("name", WAYS)
def test_the_ways_of_a_kernel_are_told_as_they_were_written(name: str) -> None:
    make, ways, text = WAYS[name]
    program = gx.compile([ROWS], make())
    rows = program.explain().rows
    assert {way for row in rows for way in row.ways} == set(ways)
    assert text in program.source
    assert str(program.explain()).count("sweeps  ") == len(ways)


def test_copies_of_wide_rows_are_told() -> None:
    wide = gx.input("wide", ("n", 8192))
    program = gx.compile([wide], gx.nn.layer_norm(wide))
    assert [row.ways for row in program.explain().rows] == [("moments", "copied")]
    assert "if wide:" in program.source
    assert "64 KiB" in str(program.explain())


def test_positions_along_rows_are_told_by_their_name() -> None:
    best = gx.argmax(gx.exp(ROWS), axis=1)
    program = gx.compile([ROWS], [best, gx.argmin(ROWS, axis=1).named("coldest")])
    labels = [label for kernel in program.kernels for label in kernel.labels]
    assert sorted(labels) == ["argmax", "argmin", "coldest"]
    assert "'argmax'" in str(program.explain())
    assert gx.text(program.graph).count("argmax") == 1  # which is shown as it was written


def test_copies_are_at_the_line_of_what_they_copy() -> None:
    x = gx.input("x", ("n", 6))
    turned = gx.exp(x).T
    program = gx.compile([x], [turned, x])
    places = {(k.where.file, k.where.line) for k in program.kernels if k.where is not None}
    wanted = [turned.node.where, x.node.where]
    assert places == {(where.file, where.line) for where in wanted if where is not None}

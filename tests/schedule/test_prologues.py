"""What narrow products alone read is made strip by strip, and what is not."""

import pytest

import graphc as gx
from graphc.graph import INPUT, Graph, order
from graphc.passes.pipeline import simplify
from graphc.runtime.binding.code import emit_program
from graphc.runtime.reports.explain import explain
from graphc.schedule.kernel import Schedule, StripKernel
from graphc.schedule.schedule import build_schedule

IMAGES, IDS = gx.input("images", ("n", 64), "uint8"), gx.input("ids", ("n", "t"), "int64")
ROWS, TABLE = gx.input("rows", ("n", 64)), gx.input("table", ("v", 32))
LONG, NAMED = gx.input("long", ("n", 4096)), gx.input("named", ("n", "k"))
HEAD, W = gx.input("head", (64, 10)), gx.input("w", (32, 32))
SQUARES = gx.input("squares", ("n", 8, 8))
BRIGHT = gx.astype(IMAGES, "float32") / 255


def scheduled(*outputs: gx.Tensor) -> Schedule:
    roots = tuple(t.node for t in outputs)
    inputs = tuple(node for node in order(roots) if node.op is INPUT)
    return build_schedule(simplify(Graph(inputs, roots, ())))


def sets(schedule: Schedule) -> list[list[str]]:
    """The titles of the kernels of each set."""
    found = [s.kernel for s in schedule.steps if isinstance(s.kernel, StripKernel)]
    return [[m.kernel.origin.title for m in strips.members] for strips in found]


@pytest.mark.parametrize(
    ("outputs", "titles"),
    [
        ((BRIGHT @ HEAD,), ["cast_div", "dot"]),
        ((gx.tanh(ROWS) @ HEAD,), ["tanh", "dot"]),
        ((gx.reshape(gx.tanh(SQUARES), ("n", 64)) @ HEAD,), ["tanh", "dot"]),
        ((gx.tanh(LONG) @ gx.input("large", (4096, 128)),), ["tanh", "dot"]),
        ((gx.nn.relu(gx.take(TABLE, IDS, axis=0) @ W),), ["take", "dot_le_where"]),
        ((BRIGHT @ HEAD, gx.tanh(BRIGHT @ gx.sin(HEAD))), ["cast_div", "dot", "dot_tanh"]),
    ],
    ids=["cast", "pointwise", "reshape", "long", "gather", "two products"],
)
def test_strips(outputs: tuple[gx.Tensor, ...], titles: list[str]) -> None:
    assert sets(scheduled(*outputs)) == [titles]


def test_rows_that_are_normalised_are_made_in_strips_too() -> None:
    (titles,) = sets(scheduled(gx.nn.softmax(ROWS) @ HEAD))
    assert len(titles) == 2
    assert titles[1] == "dot"


@pytest.mark.parametrize(
    "outputs",
    [
        pytest.param((gx.tanh(ROWS) @ HEAD, gx.tanh(ROWS)), id="asked for"),
        pytest.param((gx.tanh(ROWS) @ gx.input("wide", (64, 513)),), id="wide"),
        pytest.param((gx.tanh(LONG) @ gx.input("large", (4096, 129)),), id="a large matrix"),
        pytest.param((gx.tanh(NAMED) @ gx.input("unknown", ("k", 129)),), id="perhaps large"),
        pytest.param((gx.tanh(ROWS) @ gx.input("free", (64, "m")),), id="perhaps wide"),
        pytest.param((gx.tanh(ROWS).T @ ROWS,), id="a sum over the rows"),
        pytest.param((gx.tanh(ROWS) @ HEAD, gx.sum(gx.tanh(ROWS), axis=0)), id="another reader"),
        pytest.param((gx.tanh(gx.input("few", (64, 64))) @ HEAD,), id="a cache holds it"),
        pytest.param((HEAD.T @ gx.tanh(ROWS.T),), id="the columns of a product"),
    ],
)
def test_no_strips(outputs: tuple[gx.Tensor, ...]) -> None:
    assert sets(scheduled(*outputs)) == []


def test_the_reason_names_what_is_never_in_memory() -> None:
    loop, *rows = explain(emit_program(scheduled(BRIGHT @ HEAD))).rows
    assert "div: never in memory whole" in str(loop)
    assert [row.number for row in rows] == [*loop.members]

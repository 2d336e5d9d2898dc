"""What is one kernel: the decisions of fusion, as facts about programs."""

from collections.abc import Callable

import numpy as np
import pytest

import graphc as gx
from graphc.codegen.emit import emit
from graphc.functions.tensor import Tensor
from graphc.graph import INPUT, Graph
from graphc.passes.pipeline import simplify
from graphc.schedule.group import CAP, LENGTH
from graphc.schedule.kernel import ContractKernel, LoopKernel, Schedule
from graphc.schedule.schedule import build_schedule


def scheduled(outputs: list[Tensor], updates: dict[Tensor, Tensor] | None = None) -> Schedule:
    nodes = tuple(output.node for output in outputs)
    new = tuple((state.node, value.node) for state, value in (updates or {}).items())
    leaves = tuple(n for n in Graph((), nodes, new).nodes if n.op is INPUT)
    return build_schedule(simplify(Graph(leaves, nodes, new)))


def kinds(schedule: Schedule) -> list[str]:
    """For each kernel what it does, in order."""
    found = []
    for step in schedule.steps:
        match step.kernel:
            case ContractKernel():
                found.append("contract")
            case LoopKernel(stages=stages) if any(stage.reduces for stage in stages):
                found.append("reduce")
            case _:
                found.append("map")
    return found


def arena_stores(schedule: Schedule) -> list[str]:
    """The buffers of the arena that kernels write."""
    operands = [operand for step in schedule.steps for operand in step.kernel.operands]
    return [o.buffer.name for o in operands if o.written and o.buffer.kind == "arena"]


X = gx.input("x", ("n", 10))
LABELS = gx.input("labels", ("n",), "int64")


def weight(*shape: int) -> Tensor:
    return gx.parameter("w", np.ones(shape))


def test_a_chain_is_one_map() -> None:
    assert kinds(scheduled([gx.exp(gx.sin(X) * 2 + 1)])) == ["map"]


def test_views_cost_nothing() -> None:
    turned = gx.flip(gx.permute_dims(X, (1, 0)), axis=0)[1:, :]
    assert kinds(scheduled([turned * 2])) == ["map"]


def test_axes_that_merge_behind_a_map_are_its_loops() -> None:
    turned = gx.reshape(gx.permute_dims(X, (1, 0)) * 2, (-1,))
    schedule = scheduled([gx.sin(turned) + 1])
    assert kinds(schedule) == ["map"]
    assert arena_stores(schedule) == ["add"]


def test_the_gradient_of_pooling_is_one_sweep() -> None:
    x = gx.input("x", ("n", 8, 8, 3))
    pooled = gx.nn.max_pool(gx.nn.relu(x * 2), 2)
    loss = gx.sum((gx.reshape(pooled, (-1, 48)) @ weight(48, 2)) ** 2)
    schedule = scheduled(gx.grad(loss, [x]))
    assert [k for k in kinds(schedule) if k != "contract"] == ["reduce", "map", "map"]
    assert arena_stores(schedule)[-2:] == ["div", "where"]


@pytest.mark.parametrize("function", [gx.nn.softmax, gx.nn.log_softmax])
def test_softmax_is_one_kernel_of_three_sweeps(function: gx.nn.softmax) -> None:
    schedule = scheduled([function(X)])
    assert kinds(schedule) == ["reduce"]
    (step,) = schedule.steps
    assert isinstance(step.kernel, LoopKernel)
    assert sum(stage.level == "inner" for stage in step.kernel.stages) == 3
    assert len(arena_stores(schedule)) == 1


def test_layer_norm_is_one_kernel() -> None:
    mean = gx.mean(X, axis=1, keepdims=True)
    variance = gx.mean((X - mean) ** 2, axis=1, keepdims=True)
    normal = (X - mean) / gx.sqrt(variance + 1e-5) * weight(10) + weight(10)
    assert kinds(scheduled([normal])) == ["reduce"]


def test_rows_of_cross_entropy_and_its_gradient_are_one_kernel() -> None:
    z = weight(5, 10)
    loss = gx.nn.cross_entropy(z, gx.input("labels", (5,), "int64"))
    schedule = scheduled([loss, *gx.grad(loss, [z])])
    rows = [step.kernel for step in schedule.steps if len(step.kernel.extents) == 2]
    assert len(rows) == 1
    assert len(schedule.steps) == 3  # and the mean over the rows, in two steps


def test_bias_and_activation_are_the_epilogue_of_a_matmul() -> None:
    schedule = scheduled([gx.nn.relu(X @ weight(10, 7) + weight(7))])
    assert kinds(schedule) == ["contract"]
    assert len(arena_stores(schedule)) == 1


def test_a_sum_of_everything_is_shared_out() -> None:
    first, second = (step.kernel for step in scheduled([gx.sum(X)]).steps)
    assert isinstance(first, LoopKernel)
    assert isinstance(second, LoopKernel)
    assert (first.split, second.split) == (0, None)


def test_a_sum_of_columns_is_shared_out_by_rows() -> None:
    first, second = (step.kernel for step in scheduled([gx.sum(X, axis=0)]).steps)
    assert isinstance(first, LoopKernel)
    assert isinstance(second, LoopKernel)
    assert (first.lanes, second.lanes) == ("outer", "outer")
    assert first.outer[0] == first.parts == second.inner[0]


@pytest.mark.parametrize("reduce", [gx.sum, gx.max])
def test_gathered_rows_are_reduced_row_by_row(reduce: Callable[..., gx.Tensor]) -> None:
    """The lanes are a row's elements: its neighbours in the sum lie anywhere."""
    table, ids = gx.input("table", ("v", 64)), gx.input("ids", ("n", "t"), "int64")
    (step,) = scheduled([reduce(table[ids], axis=1)]).steps
    assert isinstance(step.kernel, LoopKernel)
    assert step.kernel.lanes == "outer"
    (step,) = scheduled([reduce(gx.take_along_axis(X, ids, axis=1), axis=1)]).steps
    assert isinstance(step.kernel, LoopKernel)
    assert step.kernel.lanes == "inner"  # each lies anywhere


def test_columns_of_few_rows_are_one_kernel() -> None:
    few = gx.input("few", (100, "n"))
    assert kinds(scheduled([gx.nn.softmax(few, axis=0)])) == ["reduce"]


def test_sums_over_the_same_values_are_one_kernel() -> None:
    schedule = scheduled([gx.sum(X, axis=0), gx.sum(X * X, axis=0), gx.exp(X) * 2])
    first = schedule.steps[0].kernel
    assert isinstance(first, LoopKernel)
    assert kinds(schedule) == ["reduce", "reduce"]
    assert sum(len(stage.reduces) for stage in first.stages) == 2
    assert sum(operand.buffer.kind == "input" for operand in first.operands) == 1


def adam(w: Tensor, g: Tensor, t: Tensor) -> dict[Tensor, Tensor]:
    m, v = (gx.state(name, np.zeros(w.shape)) for name in "mv")
    new_m, new_v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g * g
    mean, square = new_m / (1 - 0.9**t), new_v / (1 - 0.999**t)
    return {m: new_m, v: new_v, w: w - 0.001 * mean / (gx.sqrt(square) + 1e-8)}


def test_adam_is_one_kernel_a_parameter_in_place() -> None:
    t = gx.state("t", 0.0)
    updates = {t: t + 1}
    for size in (10, 20, 30):
        updates |= adam(weight(size), gx.input(f"g{size}", (size,)), t + 1)
    schedule = scheduled([], updates)
    assert kinds(schedule) == ["map"] * 4
    assert arena_stores(schedule) == []
    assert all(len(step.kernel.origin.nodes) > 3 for step in schedule.steps[:3])


def test_an_update_starts_where_its_gradient_is_computed() -> None:
    w = weight(10, 7)
    schedule = scheduled([], {w: w - 0.1 * (X.T @ gx.input("g", ("n", 7)))})
    assert kinds(schedule) == ["contract"]
    assert arena_stores(schedule) == []


def test_states_that_swap_are_staged() -> None:
    a, b = weight(3), weight(3)
    schedule = scheduled([], {a: b, b: a})
    assert len(arena_stores(schedule)) >= 1


def test_no_kernel_is_longer_than_the_cap() -> None:
    h = X
    for _ in range(200):
        h = gx.sin(h) + X
    schedule = scheduled([h])
    sizes = [len(step.kernel.origin.nodes) for step in schedule.steps]
    assert max(sizes) <= CAP
    assert len(sizes) <= 400 // CAP + 1


def test_numbers_that_wait_for_a_reduction_count_as_length() -> None:
    c = gx.sum(X)
    for i in range(500):
        c = c * 1.0001 + i
    steps = scheduled([c]).steps
    lines = [len(emit(step.kernel).source.splitlines()) for step in steps]
    assert max(lines) <= 3 * LENGTH
    assert len(lines) <= 2 * 1000 // LENGTH + 1


def test_expensive_values_are_kept_between_sweeps_and_cheap_ones_computed_again() -> None:
    def kept(x: Tensor) -> int:
        (step,) = scheduled([x / gx.sum(x, axis=1, keepdims=True)]).steps
        assert isinstance(step.kernel, LoopKernel)
        return len(step.kernel.kept)

    wide = gx.input("wide", ("n", "m"))
    assert kept(gx.exp(wide)) == 1
    assert kept(wide + 1) == 0
    assert kept(wide * 2 + 1) == 0


def test_what_a_comparison_needs_to_the_bit_is_not_computed_again() -> None:
    a, b = gx.input("a", ("n", "m")), gx.input("b", ("n", "m"))
    x = a * b + a
    (step,) = scheduled([x == gx.max(x, axis=1, keepdims=True)]).steps
    assert isinstance(step.kernel, LoopKernel)
    assert len(step.kernel.kept) == 1


def test_a_product_of_vectors_is_a_sum() -> None:
    v, row = gx.input("v", ("n",)), gx.input("row", (1, "n"))
    assert kinds(scheduled([v @ v])) == ["reduce", "reduce"]  # by parts
    assert kinds(scheduled([row @ row.T])) == ["reduce", "reduce"]
    assert kinds(scheduled([row @ X])) == ["contract"]


def test_sums_of_one_product_are_computed_where_they_are_read() -> None:
    v, row = gx.input("v", ("n", 1)), gx.input("row", (1, "m"))
    assert kinds(scheduled([gx.exp(v @ row) + X[:1, :1]])) == ["map"]
    assert kinds(scheduled([gx.sum(v @ row, axis=0)])).count("contract") == 1  # of a sum


@pytest.mark.parametrize(
    ("size", "around", "fills"),
    [((8, 8), ((1, 1), (1, 1)), 1), ((8, 8), ((0, 1), (0, 1)), 1), ((8, 9), ((2, 2), (2, 2)), 2)],
)
def test_slabs_of_one_form_around_an_image_are_one_kernel(
    size: tuple[int, int], around: tuple[tuple[int, int], ...], fills: int
) -> None:
    images = gx.input("images", ("n", *size, 3))
    padded = gx.pad(gx.exp(images), ((0, 0), *around, (0, 0)))
    kernels = [step.kernel for step in scheduled([padded]).steps]
    assert sorted(k.origin.title for k in kernels) == ["exp_piece"] + ["fill"] * fills


def test_values_with_a_padded_copy_have_no_other_memory() -> None:
    """Where every reader is a contraction or comes behind one, as the sum around a layer does."""
    x, weights = gx.input("x", ("n", 8, 8, 3)), [weight(3, 3, 3, 3), weight(3, 3, 3, 3)]
    inner = gx.nn.relu(gx.nn.conv(x, weights[0]))
    y = gx.nn.conv(inner, weights[1]) + inner
    schedule = scheduled([y, *gx.grad(gx.sum(y * y), weights[1:])])
    assert "where" not in arena_stores(schedule)
    read_at_once = scheduled([gx.nn.conv(inner, weights[1]), gx.sum(inner)])
    assert "where" in arena_stores(read_at_once)

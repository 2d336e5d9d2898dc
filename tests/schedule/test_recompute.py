"""What is stored and what is computed again, as facts about programs; the cut against networkx."""

import networkx as nx
import pytest
from hypothesis import given
from hypothesis import strategies as st

import graphc as gx
from graphc.functions.tensor import Tensor
from graphc.schedule.cut import Network
from graphc.schedule.kernel import Schedule
from tests.schedule.test_fusion import arena_stores, kinds, scheduled, weight

X = gx.input("x", ("n", 10))
EDGES = st.lists(
    st.tuples(st.integers(0, 5), st.integers(0, 5), st.integers(0, 9)).filter(
        lambda e: e[0] != e[1]
    ),
    max_size=20,
)


@given(EDGES)
def test_the_cut_is_as_cheap_as_that_of_networkx(edges: list[tuple[int, int, int]]) -> None:
    network, graph = Network(), nx.DiGraph()
    graph.add_nodes_from(range(6))
    for tail, head, capacity in edges:
        network.connect(tail, head, capacity)
        known = graph.get_edge_data(tail, head, {"capacity": 0})["capacity"]
        graph.add_edge(tail, head, capacity=known + capacity)
    side = network.source_side(0, 5)
    assert 0 in side
    assert 5 not in side
    through = sum(capacity for tail, head, capacity in edges if tail in side and head not in side)
    assert through == nx.minimum_cut_value(graph, 0, 5)


def stores(schedule: Schedule) -> list[str]:
    """What is stored, but for the parts of shared reductions."""
    return [name for name in arena_stores(schedule) if not name.endswith("_parts")]


def step_of(function: gx.nn.gelu) -> Schedule:
    """A loss of two layers with a function between them, and the gradient of the weights."""
    first, second = weight(10, 12), weight(12, 3)
    loss = gx.sum(function(X @ first) @ second)
    return scheduled([loss, *gx.grad(loss, [first, second])])


@pytest.mark.parametrize("function", [gx.nn.gelu, gx.nn.silu, lambda z: z * z * z + z])
def test_a_layer_stores_its_product_and_its_result(function: gx.nn.gelu) -> None:
    schedule = step_of(function)
    (forward, *_) = schedule.steps
    assert sum(operand.written for operand in forward.kernel.operands) == 2


def normalised(x: Tensor) -> Tensor:
    centred = x - gx.mean(x, axis=1, keepdims=True)
    return centred / gx.sqrt(gx.mean(centred * centred, axis=1, keepdims=True) + 1e-5)


def test_a_norm_stores_no_more_than_its_rows_and_its_result() -> None:
    gain, w = weight(10), weight(10, 4)
    loss = gx.sum((normalised(X) * gain) @ w)
    schedule = scheduled([loss, *gx.grad(loss, [gain, w])])
    (forward, *_) = schedule.steps
    stored = [o.buffer.type.shape for o in forward.kernel.operands if o.written]
    assert sum(shape == X.shape for shape in stored) == 1


def test_what_nobody_reads_is_no_kernel() -> None:
    # Both reductions compute the sum again: the map that stored it for them has gone.
    value = X * 2 + 1
    schedule = scheduled([gx.max(value, axis=0), gx.max(value, axis=1)])
    assert "map" not in kinds(schedule)
    assert stores(schedule) == ["max", "max"]


def test_what_costs_much_is_stored() -> None:
    value = gx.atan2(gx.sin(X), gx.asinh(X))
    schedule = scheduled([gx.max(value, axis=0), gx.max(value, axis=1)])
    assert stores(schedule) == ["atan2", "max", "max"]


def test_outputs_are_stored_once() -> None:
    value = X * 2 + 1
    schedule = scheduled([value, gx.sum(value, axis=0), gx.sum(value, axis=1)])
    assert sorted(stores(schedule)) == ["add", "sum", "sum"]


def test_steps_see_the_same_bits() -> None:
    # Computed again, x might round otherwise, and be nowhere its own maximum.
    x = X * weight(10) + X
    top = gx.max(gx.max(x, axis=0) * 2)
    assert "add" not in arena_stores(scheduled([gx.sum(x - top, axis=1)]))
    assert "add" in arena_stores(scheduled([gx.sum(x == top, axis=1)]))


def test_a_step_computes_again_what_rounds_once() -> None:
    # A product might become one operation with what reads it, a difference of stored values not.
    mean = gx.mean(X, axis=0)
    spread = gx.sum((X - mean) ** 2, axis=0)
    positive = (X - mean) * gx.sqrt(spread) > 0
    assert stores(scheduled([gx.sum(positive, axis=1)])) == ["div", "sqrt", "sum"]


def test_new_state_is_not_computed_from_what_is_overwritten() -> None:
    """Behind the commit point state changes in place: values made of it come from memory there."""
    u, v = weight(10), weight(10)
    half = X * u
    loss = gx.sum(gx.exp(half * v))
    du, dv = gx.grad(loss, [u, v])
    stores = arena_stores(scheduled([loss], {u: u - du, v: v - dv}))
    assert "identity" not in stores


def test_elements_of_another_shape_come_from_memory() -> None:
    # Merged axes are no point of the loops that computed them.
    cube = gx.input("cube", ("n", 10, 3))
    turned = gx.reshape(gx.permute_dims(cube, (1, 0, 2)) * 2, (-1, 3))
    assert "mul" in arena_stores(scheduled([gx.max(turned, axis=1), gx.sum(cube)]))

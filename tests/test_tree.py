"""Trees: every container, order, structure, and the errors."""

from dataclasses import dataclass
from typing import Any, NamedTuple

import pytest

import graphc as gx
from graphc.errors import GraphError
from graphc.tree import LEAF, count, flatten, gatherer, tree_map, unflatten


class Pair(NamedTuple):
    left: Any
    right: Any


@dataclass
class Layer:
    w: Any
    b: Any


TREES = [
    3,
    None,
    [],
    {},
    (1, [2, None], {"b": 3, "a": (4,)}),
    Pair(1, Pair(2, 3)),
    {"layers": [Layer(1, None), Layer(2, {"c": 3})]},
]


@pytest.mark.parametrize("tree", TREES, ids=str)
def test_unflatten_undoes_flatten(tree: Any) -> None:
    leaves, structure = flatten(tree)
    assert unflatten(structure, leaves) == tree
    assert count(structure) == len(leaves)
    assert hash(structure) == hash(flatten(tree)[1])


@pytest.mark.parametrize("tree", TREES, ids=str)
def test_a_gatherer_takes_trees_of_its_structure(tree: Any) -> None:
    gather = gatherer(flatten(tree)[1])
    leaves: list[Any] = []
    assert gather(tree, leaves)
    assert leaves == flatten(tree)[0]
    others = [*TREES, (1, [2, 0], {"b": 3, "a": (4,)}), (1, [2, None], {"b": 3}), {"layers": 1}]
    for other in [t for t in others if t != tree and tree != 3]:
        assert not gather(other, [])


def test_dicts_are_sorted_and_none_is_no_leaf() -> None:
    leaves, structure = flatten({"b": 1, "a": [2, None]})
    assert leaves == [2, 1]
    assert str(structure) == "dict(a: list(*, None), b: *)"
    assert flatten(7) == ([7], LEAF)


def test_a_dict_keeps_its_order() -> None:
    tree = {"w": 1, "b": {"z": 2, "a": 3}}
    leaves, structure = flatten(tree)
    again = unflatten(structure, leaves)
    assert [*again] == ["w", "b"]
    assert [*again["b"]] == ["z", "a"]
    assert not gatherer(structure)({"b": {"z": 2, "a": 3}, "w": 1}, [])  # f may go through them
    assert [*tree_map(lambda a, b: a + b, tree, {"b": {"a": 0, "z": 0}, "w": 0})] == ["w", "b"]


def test_a_function_sees_a_dict_in_its_order() -> None:
    def f(p: Any) -> Any:
        y = 0.0
        for value in p.values():
            y = 10.0 * y + value
        return y

    jitted = gx.jit(f)
    for p in ({"w": 1.0, "b": 2.0}, {"b": 2.0, "w": 1.0}, {"w": 1.0, "b": 2.0}):
        assert jitted(p) == f(p)
        gradients = gx.grad(f)(p)
        assert [*gradients] == [*p]
        assert [*gradients.values()] == [10.0, 1.0]
    directions = gx.jvp(f)({"w": 1.0, "b": 2.0}, tangents={"b": 0.0, "w": 1.0})
    assert directions == 10.0


def test_structures_tell_containers_apart() -> None:
    structures = {
        flatten(tree)[1] for tree in ([1, 2], (1, 2), Pair(1, 2), Layer(1, 2), {0: 1, 1: 2})
    }
    assert len(structures) == 5


def test_tree_map_takes_several_trees() -> None:
    assert tree_map(lambda a, b: a - b, Layer([3], 5), Layer([1], 2)) == Layer([2], 3)
    with pytest.raises(GraphError, match="structures differ"):
        tree_map(lambda a, b: a, [1], (1,))


def test_errors() -> None:
    with pytest.raises(GraphError, match="has 2 leaves, got 1"):
        unflatten(flatten([1, 2])[1], [1])
    with pytest.raises(GraphError, match="no order"):
        flatten({1: 0, "a": 0})


def test_the_parameters_of_a_model_are_updated_as_a_tree() -> None:
    model = {"layers": [gx.parameter("a", [1.0, 2.0]), gx.parameter("b", 3.0)], "none": None}
    x = gx.input("x", ())
    loss = x * gx.sum(model["layers"][0] * model["layers"][1])
    changed = gx.tree.tree_map(lambda p, g: p - 0.5 * g, model, gx.grad(loss, model))
    pairs = zip(gx.tree.flatten(model)[0], gx.tree.flatten(changed)[0], strict=True)
    gx.compile([x], [], updates=dict(pairs))(1.0)
    assert [p.value.tolist() for p in gx.tree.flatten(model)[0]] == [[-0.5, 0.5], 1.5]


def test_a_dict_of_updates_is_no_tree() -> None:
    updates = {gx.state(f"s{n}", [0.0] * n): gx.zeros((n,)) for n in (3, 4)}
    with pytest.raises(GraphError, match=r"list\(updates.values\(\)\)"):
        gx.text(updates)
    assert "s0" not in gx.text(list(updates.values()))

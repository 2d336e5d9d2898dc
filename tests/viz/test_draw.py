"""Drawings of tensors: sides, kinds and labels."""

import numpy as np

from graphc.autodiff.reverse import grad
from graphc.functions.creation import input, parameter
from graphc.functions.tensor import Tensor
from graphc.viz import draw
from graphc.viz.draw import digraph


def kinds(forward: list[Tensor], gradient: list[Tensor]) -> list[tuple[str, str, str]]:
    graph = digraph([t.node for t in forward], [t.node for t in gradient])
    return sorted((d["label"], d["kind"], d["side"]) for _, d in graph.nodes(data=True))


def test_sides_and_kinds() -> None:
    x, w = input("x", ("n",)), parameter("w", np.ones(3))
    loss = x[0] * w[0]
    grad = loss - 1.0
    found = kinds([loss], [grad])
    assert ("x", "input", "forward") in found
    assert ("w", "parameter", "forward") in found
    assert ("1.0", "constant", "gradient") in found
    assert [kind for _, kind, side in found if side == "gradient"].count("output") == 1
    assert [kind for _, kind, side in found if side == "forward"].count("output") == 1


def test_a_scalar_constant_stands_beside_each_reader() -> None:
    x = input("x", ())
    found = kinds([(x + 2.0) * 2.0 - 2.0], [])
    assert found.count(("2.0", "constant", "forward")) == 3


def test_a_leaf_alone_is_drawn() -> None:
    x = input("x", ("n",))
    assert kinds([x], []) == [("x", "input", "forward")]
    assert kinds([x], [x]) == [("x", "input", "forward")]


def test_gradients_may_be_a_tree_and_tooltips_name_this_file() -> None:
    x = input("x", ())
    svg = draw(x * x, {"dx": x + x, "none": None}).svg
    assert "gradient" in svg
    assert "test_draw.py" in svg


def test_gradients_are_named_by_what_they_are_of() -> None:
    x, w = input("x", ("n", 3)), parameter("w", np.ones((3, 2)))
    loss = (x @ w).sum()
    dw, dx = grad(loss, [w, x])
    found = kinds([loss], [dw, dx.named("mine"), dw + 1.0])
    assert ("gradient of w: dot", "output", "gradient") in found
    assert ("mine", "output", "gradient") in found
    assert ("add", "output", "gradient") in found
    assert kinds([x @ w], [dw])  # no loss: nothing to name

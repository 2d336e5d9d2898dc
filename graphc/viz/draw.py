"""The public face of drawing: tensors to an SVG.

Enters: a loss, or several tensors, and the gradients derived from it. Leaves: a `Drawing`.

>>> from graphc.graph import INPUT, make
>>> from graphc.types import TensorType, float32
>>> x = make(INPUT, (), {"name": "x", "type": TensorType(float32, ("batch", 2))})
>>> digraph([x], []).nodes[x]["label"], digraph([x], []).nodes[x]["side"]
('x', 'forward')
"""

from collections.abc import Hashable, Sequence
from typing import Any

from graphc.autodiff.reverse import grad
from graphc.errors import GraphError
from graphc.functions.tensor import Tensor
from graphc.graph import CONSTANT, INPUT, STATE, Node, given_name, label_of, order
from graphc.tree import flatten
from graphc.viz.drawing import Drawing, draw_digraph
from graphc.viz.loader import networkx

TOLD_BY_TYPE = {"dtype", "shape", "type"}  # parameters that a node's type shows


def draw(loss: Any, grads: Any = None) -> Drawing:
    """A drawing of what computes `loss`, and beside it of what only `grads` need.

    Each is a tensor or a tree of tensors (dict, list, tuple, dataclass).
    Forward flows down on the left, gradient up on the right; a dashed line is a forward value
    that the gradient reads. What `grad` gave for an input or parameter of the loss is named so.
    Hovering over a node shows its type and the line that made it. `.save("step.svg")` writes it, a
    notebook shows it.
    """
    return draw_digraph(digraph(_nodes(loss), _nodes(grads)))


def digraph(forward: Sequence[Node], gradient: Sequence[Node]) -> Any:
    """A networkx DiGraph, from operand to reader, with what `draw_digraph` wants to know.

    A scalar constant stands beside each of its readers, as it does in the text of a graph.
    """
    graph = networkx().DiGraph()
    names = gradient_names(forward)
    before = set(order(forward))
    outputs = {*forward, *gradient}
    nodes = [n for n in order([*forward, *gradient]) if n in outputs or not _is_scalar(n)]
    for node in nodes:
        side = "forward" if node in before else "gradient"
        told = _attributes(node, _kind(node, outputs), side)
        if node in outputs and node in names and label_of(node) is None:
            told["label"] = f"gradient of {names[node]}: {node.op.name}"
        graph.add_node(node, **told)
        for operand in node.inputs:
            key: Hashable = operand
            if operand not in outputs and _is_scalar(operand):
                key = (operand, node)
                graph.add_node(key, **_attributes(operand, "constant", side))
            graph.add_edge(key, node)
    return graph


def gradient_names(forward: Sequence[Node]) -> dict[Node, str]:
    """The gradients of a loss by its leaves, which are the nodes that `grad` gave, and the names
    of these leaves; none if there is no loss."""
    if len(forward) != 1 or forward[0].type.rank or forward[0].type.dtype.kind != "f":
        return {}
    leaves = [n for n in order(forward) if given_name(n) and n.type.dtype.kind == "f"]
    gradients = grad(Tensor(forward[0]), [Tensor(leaf) for leaf in leaves])
    return {g.node: str(given_name(n)) for g, n in zip(gradients, leaves, strict=True)}


def _nodes(tensors: Any) -> list[Node]:
    try:
        return [tensor.node for tensor in flatten(tensors)[0]]
    except AttributeError as error:
        raise GraphError(
            "draw is of tensors", got=repr(tensors), fix="draw(loss, [dw, db])"
        ) from error


def _is_scalar(node: Node) -> bool:
    return node.op is CONSTANT and node.type.rank == 0


def _kind(node: Node, outputs: set[Node]) -> str:
    if node.op is INPUT:
        return "input"
    if node.op is STATE:
        return "parameter"
    if node.op is CONSTANT:
        return "constant"
    return "output" if node in outputs else "op"


def _attributes(node: Node, kind: str, side: str) -> dict[str, str]:
    where = "" if node.where is None else str(node.where)
    return {
        "label": _label(node),
        "kind": kind,
        "side": side,
        "type": str(node.type),
        "where": where,
    }


def _label(node: Node) -> str:
    name = label_of(node)
    if name is not None:
        return name
    if node.op is CONSTANT:
        return str(node.params["value"].array) if node.type.rank == 0 else "constant"
    told = [f"{k}={v}" for k, v in sorted(node.params.items()) if k not in TOLD_BY_TYPE]
    told = [words for words in told if any(map(str.isalnum, words.partition("=")[2]))]
    return " ".join((node.op.name, *told))

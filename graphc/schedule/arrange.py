"""Contractions that store their result in the order in which it is wanted.

Enters: a graph. Leaves: an equal one, in which a contraction that is only read transposed is one
whose result has that order. Attention merges its heads so without a copy:

    transpose(dot(p, v): f32[batch, head, t, d], axes=(0, 2, 1, 3))    ->    conv(p, v, order=...)
"""

from collections.abc import Mapping, Sequence

from graphc.graph import Graph, Node, make, mapped, provenance, rebuild, users
from graphc.ops import conv, dot, transpose


def arranged(graph: Graph) -> Graph:
    """The graph with transposed contractions in one node, if their last axis stays the last."""
    nodes = graph.nodes
    readers = users(nodes)
    kept = {*graph.outputs, *(value for _, value in graph.updates)}
    new: dict[Node, Node] = {}
    for node in nodes:
        if node.op is transpose and _folds(node, readers, kept):
            new[node] = _ordered(new[node.inputs[0]], node.params["axes"])
        else:
            new[node] = rebuild(node, tuple(new[i] for i in node.inputs))
    return mapped(graph, new)


def _folds(node: Node, readers: Mapping[Node, Sequence[Node]], kept: set[Node]) -> bool:
    (operand,), axes = node.inputs, node.params["axes"]
    alone = operand.op in (dot, conv) and len(readers[operand]) == 1 and operand not in kept
    # Memory lies along the last axis: in another order its columns would become rows.
    return alone and axes[-1:] == (len(axes) - 1,)


def _ordered(contraction: Node, axes: tuple[int, ...]) -> Node:
    params = {"windows": ((), ()), "strides": (), "dilation": (), "pads": (), **contraction.params}
    order = params.get("order", tuple(range(len(axes))))
    params["order"] = tuple(order[axis] for axis in axes)
    with provenance(contraction.where, contraction.source):
        return make(conv, contraction.inputs, params)

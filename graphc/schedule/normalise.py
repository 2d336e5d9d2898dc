"""The graph that is scheduled: with copies where a value needs memory of its own.

Enters: a simplified graph. Leaves: an equal one. Outputs are fresh arrays, and views of merged axes
look at memory:

    reshape(transposed x: f32[3, 4], (12,))    ->    reshape(identity(transposed x), (12,))
"""

from collections.abc import Callable, Iterable
from dataclasses import replace

import numpy as np

from graphc.functions.tensor import Tensor
from graphc.graph import Graph, Node, constant, make, mapped, provenance, rebuild
from graphc.lowering import Combine, Contract, Gather, Leaf, Reduce, Reshape, Source
from graphc.ops import broadcast_to, conv, identity, reshape, transpose
from graphc.ops.convolution import is_padded, padded, roles
from graphc.schedule.access import copied_views, is_view, own_coords, regroup, resolve
from graphc.schedule.alike import lying_alike
from graphc.schedule.arrange import arranged
from graphc.schedule.inside import look_inside
from graphc.schedule.layout import laid_out
from graphc.schedule.taken import taken_first
from graphc.schedule.whole import with_whole_windows
from graphc.schedule.winners import is_along_rows, winners
from graphc.types import TensorType


def normalise(graph: Graph) -> Graph:
    """The graph with copies: of views below merging reshapes, and of outputs that are views, leaves
    or constants. No reduction is of one element, or of positions along rows."""
    graph = _mapped(_told(laid_out(with_whole_windows(arranged(taken_first(graph))))), _changed)
    graph = lying_alike(graph)
    copied = copied_views(graph.nodes)

    def with_copies(node: Node, inputs: tuple[Node, ...]) -> Node:
        if isinstance(node.op.lower, Reshape) and node.inputs[0] in copied:
            inputs = (own_memory(inputs[0]),)
        match node.op.lower:
            case Contract():
                return _padded(rebuild(node, tuple(map(_in_memory, inputs))))
            case Gather():
                return rebuild(node, (_in_memory(inputs[0]), *inputs[1:]))
            case _:
                return rebuild(node, inputs)

    graph = look_inside(_mapped(graph, with_copies))
    return replace(graph, outputs=tuple(map(_fresh, graph.outputs)))


def _told(graph: Graph) -> Graph:
    """Positions along rows, which get another form, are known by their name."""
    found = tuple((node, node.op.name) for node in graph.nodes if is_along_rows(node))
    return replace(graph, labels=graph.labels + found)


def _mapped(graph: Graph, change: Callable[[Node, tuple[Node, ...]], Node]) -> Graph:
    """The graph with change(node, new operands) in the place of every node."""
    new: dict[Node, Node] = {}
    for node in graph.nodes:
        new[node] = change(node, tuple(new[i] for i in node.inputs))
    return mapped(graph, new)


def _fresh(output: Node) -> Node:
    leaf = isinstance(output.op.lower, Leaf | Source)
    return own_memory(output) if leaf or is_view(output) else output


def _changed(node: Node, inputs: tuple[Node, ...]) -> Node:
    match node.op.lower:
        case _ if node.op is transpose and inputs[0].op is reshape:
            return _turned_first(inputs[0], node.params["axes"])
        case Reduce(combine) if all(inputs[0].type.shape[a] == 1 for a in node.params["axes"]):
            return _of_one(node, inputs[0], combine)
        case Reduce() if is_along_rows(node):
            return winners(node, inputs[0])
        case _:
            return rebuild(node, inputs)


def _turned_first(merged: Node, axes: tuple[int, ...]) -> Node:
    """A transposed reshape; of repeated values whose axes it merges, which need a copy, a reshape
    of what is transposed: the copy lies in the order that is wanted."""
    (x,) = merged.inputs
    groups = regroup(x.type.shape, merged.type.shape)
    if x.op is not broadcast_to or groups is None:
        return make(transpose, (merged,), {"axes": axes})
    ones = [axis for axis, size in enumerate(x.type.shape) if size == 1]
    order = (*ones, *(part for axis in axes for part in groups[axis]))
    shape = tuple(merged.type.shape[axis] for axis in axes)
    return make(reshape, (make(transpose, (x,), {"axes": order}),), {"shape": shape})


def _padded(node: Node) -> Node:
    """The contraction of an operand that has its padding around it in memory."""
    if node.op is not conv:
        return node
    a, b = node.inputs
    r = roles(a.type.rank, b.type.rank, **node.params)
    if not is_padded(r):
        return node
    with provenance(node.where, node.source):
        wide = padded(Tensor(a), r).node
        return make(conv, (wide, b), {**node.params, "pads": ((0, 0),) * len(r.pads)})


def _in_memory(operand: Node) -> Node:
    """The operand, or a copy if it is a counter or a size, which no kernel stores."""
    return own_memory(operand) if isinstance(_base(operand).op.lower, Source) else operand


def _base(node: Node) -> Node:
    return resolve(node, own_coords(node.type.shape)[0], frozenset()).base


def addressed(nodes: Iterable[Node]) -> set[Node]:
    """Nodes that contractions and gathers read from memory, below any views."""
    result: set[Node] = set()
    for node in nodes:
        match node.op.lower:
            case Contract():
                result.update(map(_base, node.inputs))
            case Gather():
                result.add(_base(node.inputs[0]))
            case _:
                pass
    return result


def _of_one(node: Node, operand: Node, combine: Combine) -> Node:
    """A reduction of single elements: the elements themselves, or their positions, which are 0."""
    if combine not in ("argmax", "argmin"):
        return make(reshape, (operand,), {"shape": node.type.shape})
    zero = constant(np.asarray(0, node.type.dtype.numpy), TensorType(node.type.dtype, ()))
    return make(broadcast_to, (zero,), {"shape": node.type.shape})


def own_memory(node: Node) -> Node:
    """A copy of a node, of its line; a scope would be a label."""
    where = node.where and replace(node.where, scope="")
    with provenance(where, node.source):
        return make(identity, (node,), {})

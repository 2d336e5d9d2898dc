"""The graph that is scheduled: with copies where a value needs memory of its own.

Enters: a simplified graph. Leaves: an equal one. Outputs are fresh arrays, views of merged axes look
at memory, and the axes of a contraction's operands merge:

    (x: f32[3, 4, 5], transposed) @ w    ->    identity(transposed x) @ w
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace

import numpy as np

from graphc.graph import Graph, Node, constant, make, provenance, rebuild
from graphc.lowering import Combine, Contract, Gather, Leaf, Reduce, Reshape, Source
from graphc.ops import broadcast_to, identity, reshape, transpose
from graphc.schedule.access import copied_views, is_view, own_coords, resolve
from graphc.schedule.merge import contraction_axes, merged_strides
from graphc.types import TensorType

Axes = tuple[int, ...]
Pair = tuple[Axes, Axes]


def normalise(graph: Graph) -> Graph:
    """The graph with copies: of views below merging reshapes, of contraction operands whose axes do
    not merge, and of outputs that are views, leaves or constants. No reduction is of one element."""
    graph = _mapped(graph, _without_unit_reductions)
    copied = copied_views(graph.nodes)

    def with_copies(node: Node, inputs: tuple[Node, ...]) -> Node:
        if isinstance(node.op.lower, Reshape) and node.inputs[0] in copied:
            inputs = (_own_memory(inputs[0]),)
        match node.op.lower:
            case Contract():
                return _merging(node, tuple(map(_in_memory, inputs)))
            case Gather():
                return rebuild(node, (_in_memory(inputs[0]), inputs[1]))
            case _:
                return rebuild(node, inputs)

    graph = _mapped(graph, with_copies)
    return replace(graph, outputs=tuple(map(_fresh, graph.outputs)))


def _mapped(graph: Graph, change: Callable[[Node, tuple[Node, ...]], Node]) -> Graph:
    """The graph with change(node, new operands) in the place of every node."""
    new: dict[Node, Node] = {}
    for node in graph.nodes:
        new[node] = change(node, tuple(new[i] for i in node.inputs))
    updates = tuple((state, new[value]) for state, value in graph.updates)
    return Graph(graph.inputs, tuple(new[output] for output in graph.outputs), updates)


def _fresh(output: Node) -> Node:
    leaf = isinstance(output.op.lower, Leaf | Source)
    return _own_memory(output) if leaf or is_view(output) else output


def _without_unit_reductions(node: Node, inputs: tuple[Node, ...]) -> Node:
    match node.op.lower:
        case Reduce(combine) if all(inputs[0].type.shape[a] == 1 for a in node.params["axes"]):
            return _of_one(node, inputs[0], combine)
        case _:
            return rebuild(node, inputs)


def _in_memory(operand: Node) -> Node:
    """The operand, or a copy if it is a counter or a size, which no kernel stores."""
    return _own_memory(operand) if isinstance(_base(operand).op.lower, Source) else operand


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


def _own_memory(node: Node) -> Node:
    return make(identity, (node,), {})


def _merging(dot: Node, inputs: tuple[Node, ...]) -> Node:
    """The contraction over the pairs of axes in an order in which most operands need no copy."""
    variants = [_with(dot, inputs, contract) for contract in _orders(dot.params["contract"])]
    chosen = min(variants, key=lambda variant: sum(not merges(variant, side) for side in (0, 1)))
    for side in (0, 1):
        if not merges(chosen, side):
            chosen = _laid_out(chosen, side)
    return chosen


def _orders(contract: Pair) -> Iterator[Pair]:
    """The pairs of contracted axes as they stand, and sorted by either operand."""
    yield contract
    pairs = list(zip(*contract, strict=True))
    for side in (0, 1):
        ordered = sorted(pairs, key=lambda pair: pair[side])
        yield tuple(a for a, _ in ordered), tuple(b for _, b in ordered)


def merges(dot: Node, side: int) -> bool:
    """Whether an operand's axes merge to batch, free axis and depth where it lies in memory."""
    shape = dot.inputs[side].type.shape
    place = resolve(dot.inputs[side], own_coords(shape)[0], frozenset())
    return merged_strides(place.flat, dot, side) is not None


def _laid_out(dot: Node, side: int) -> Node:
    """The contraction with a copy of the operand in the order (batch, free, contracted)."""
    batch, free, contracted = contraction_axes(dot, side)
    inputs, rank = list(dot.inputs), len(dot.inputs[side].type.shape)
    axes = batch + free + contracted
    inputs[side] = _own_memory(make(transpose, (inputs[side],), {"axes": axes}))
    contract, batches = list(dot.params["contract"]), list(dot.params["batch"])
    batches[side] = tuple(range(len(batch)))
    contract[side] = tuple(range(rank - len(contracted), rank))
    return _with(dot, tuple(inputs), (contract[0], contract[1]), (batches[0], batches[1]))


def _with(dot: Node, inputs: tuple[Node, ...], contract: Pair, batch: Pair | None = None) -> Node:
    params = {"contract": contract, "batch": batch or dot.params["batch"]}
    with provenance(dot.where, dot.source):
        return make(dot.op, inputs, params)

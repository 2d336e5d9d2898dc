"""The graph that is scheduled: with copies where a value needs memory of its own.

Enters: a simplified graph. Leaves: an equal one. Outputs are fresh arrays, views of merged axes look
at memory, and the axes of a contraction's operands merge:

    (x: f32[3, 4, 5], transposed) @ w    ->    identity(transposed x) @ w
"""

from collections.abc import Iterator

from graphc.graph import Graph, Node, make, provenance, rebuild
from graphc.lowering import Contract, Leaf, Reshape, Source
from graphc.ops import identity, transpose
from graphc.schedule.access import copied_views, is_view, own_coords, resolve
from graphc.schedule.merge import contraction_axes, merged_strides

Axes = tuple[int, ...]
Pair = tuple[Axes, Axes]


def normalise(graph: Graph) -> Graph:
    """The graph with copies: of views below merging reshapes, of contraction operands whose axes do
    not merge, and of outputs that are views, leaves or constants."""
    nodes = graph.nodes
    copied = copied_views(nodes)
    new: dict[Node, Node] = {}
    for node in nodes:
        inputs = tuple(new[i] for i in node.inputs)
        if isinstance(node.op.lower, Reshape) and node.inputs[0] in copied:
            inputs = (_own_memory(inputs[0]),)
        contract = isinstance(node.op.lower, Contract)
        new[node] = _merging(node, inputs) if contract else rebuild(node, inputs)
    outputs: list[Node] = []
    for output in (new[o] for o in graph.outputs):
        leaf = isinstance(output.op.lower, Leaf | Source)
        outputs.append(_own_memory(output) if leaf or is_view(output) else output)
    return Graph(graph.inputs, tuple(outputs), tuple((s, new[v]) for s, v in graph.updates))


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

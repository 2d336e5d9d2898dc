"""Values that have a padded copy: who reads one later on looks inside the copy.

Enters: a graph whose contractions read padded operands. Leaves: an equal one, in which fewer values
have memory of their own:

    v = ...; p = pad(v); conv(p, w); conv(x, v)    ->    conv(p, w); conv(x, slice(p))

A reader is later if it is a contraction, which reads memory, or depends on one that reads the
value. Any other might run in the kernel that computes the value, and need no memory at all.
"""

from collections.abc import Mapping, Sequence

from graphc.graph import Graph, Node, make, mapped, provenance, rebuild, users
from graphc.lowering import Contract, Pointwise, Reshape, View
from graphc.ops import pad, slice_

Readers = Mapping[Node, Sequence[Node]]


def look_inside(graph: Graph) -> Graph:
    """The graph, whose later readers of padded values read the padded copies."""
    nodes = graph.nodes
    pads = {n.inputs[0]: n for n in nodes if n.op is pad and _is_around(n)}
    if not pads:
        return graph
    readers = users(nodes)
    kept = {*graph.outputs, *(value for _, value in graph.updates)}
    behind = _behind(nodes, pads)
    inside = {
        value: copy
        for number, (value, copy) in enumerate(pads.items())
        if value not in kept
        and sum(r.op is pad for r in readers[value]) == 1 < len(readers[value])
        and all(r is copy or _is_later(r, number, readers, behind) for r in readers[value])
    }
    new: dict[Node, Node] = {}
    for node in nodes:
        inputs = tuple(_seen(i, node, inside, new) for i in node.inputs)
        new[node] = rebuild(node, inputs)
    return mapped(graph, new)


def _is_around(node: Node) -> bool:
    """Whether a pad has a computed value in one piece inside."""
    return isinstance(node.inputs[0].op.lower, Pointwise) and set(node.params["steps"]) == {1}


def _behind(nodes: Sequence[Node], pads: Mapping[Node, Node]) -> dict[Node, int]:
    """For each node the padded values, as bits, that contractions read which it depends on."""
    bits = {node: 1 << n for n, pair in enumerate(pads.items()) for node in pair}
    found: dict[Node, int] = {}
    for node in nodes:
        result = 0
        for operand in node.inputs:
            result |= found[operand]
            if isinstance(node.op.lower, Contract):
                result |= bits.get(_below_views(operand), 0)
        found[node] = result
    return found


def _below_views(node: Node) -> Node:
    while isinstance(node.op.lower, View | Reshape):
        node = node.inputs[0]
    return node


def _is_later(reader: Node, number: int, readers: Readers, behind: Mapping[Node, int]) -> bool:
    """Whether a reader of a padded value, or all that read this view of it, are later."""
    waiting = [reader]
    for node in waiting:  # which grows meanwhile
        if isinstance(node.op.lower, View):
            waiting += readers[node]
        elif not isinstance(node.op.lower, Contract) and not behind[node] >> number & 1:
            return False
    return True


def _seen(operand: Node, reader: Node, inside: Mapping[Node, Node], new: dict[Node, Node]) -> Node:
    """What the reader reads in the place of an operand."""
    copy = inside.get(operand)
    if copy is None or reader is copy:
        return new[operand]
    with provenance(copy.where, copy.source):
        wide = make(pad, (new[operand],), copy.params)
        starts, sizes = copy.params["starts"], operand.type.shape
        return make(slice_, (wide,), {"starts": starts, "sizes": sizes, "steps": (1,) * len(sizes)})

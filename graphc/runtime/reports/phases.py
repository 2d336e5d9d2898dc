"""What a kernel is for: the forward computation, its gradient, or the update of a state.

Enters: a program's graph. Leaves: a `Phase` for each of its nodes, and of these one for a kernel.

    loss                 forward, and so is what it reads, whoever made it first
    dot(x.T, g)          gradient
    w - rate * dw        update
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Literal

from graphc.graph import INPUT, STATE, Graph, Node, order
from graphc.schedule.kernel import Part

Phase = Literal["forward", "gradient", "both", "update"]
PHASES: tuple[Phase, ...] = ("forward", "gradient", "both", "update")


def phases(graph: Graph, written: Graph) -> Mapping[Node, Phase]:
    """For each node of the graph that `written` was made into what it is for; not of those that
    follow from numbers and sizes alone, which stand wherever they are read.

    Whether `grad` made a node is not enough: equal nodes are one, so that a forward node may have
    been made for a gradient first. Forward is what gradients start from, and outputs that had no
    gradient in them as they were written; an update is what only a new state needs, and no gradient
    is.
    """
    nodes, wanted = graph.nodes, set(order(graph.outputs))
    pairs = zip(graph.outputs, written.outputs, strict=True)
    with_gradients = _with_gradients(written.nodes)
    ends = {node for node, as_written in pairs if as_written not in with_gradients}
    forward = _with_inputs(nodes, _before_gradients(nodes) | ends)
    late: dict[bool, Phase] = {True: "gradient", False: "update"}
    return {
        n: "forward" if n in forward else late[n.source is not None or n in wanted]
        for n in _varying(nodes)
    }


def _varying(nodes: Sequence[Node]) -> Iterable[Node]:
    found = dict[Node, None]()
    for node in nodes:
        if node.op in (INPUT, STATE) or any(i in found for i in node.inputs):
            found[node] = None
    return found


def _before_gradients(nodes: Sequence[Node]) -> set[Node]:
    """What gradients are taken of: no gradient itself, and read by one."""
    read = set[Node]()
    for node in reversed(nodes):
        if node in read or node.source is not None:
            read.update(node.inputs)
    return {node for node in read if node.source is None}


def _with_inputs(nodes: Sequence[Node], some: set[Node]) -> set[Node]:
    found = set(some)
    for node in reversed(nodes):
        if node in found:
            found.update(node.inputs)
    return found


def _with_gradients(nodes: Sequence[Node]) -> set[Node]:
    """Gradients, and what reads them."""
    forward = _with_inputs(nodes, _before_gradients(nodes))
    found = {node for node in nodes if node.source is not None and node not in forward}
    for node in nodes:
        if any(i in found for i in node.inputs):
            found.add(node)
    return found


def phase_of(parts: Sequence[Part], known: Mapping[Node, Phase]) -> Phase:
    """That of a kernel of these parts. Values that it computes again, and an update of what it has
    computed, do not count beside others."""
    own = [part for part in parts if part.role != "again"] or parts
    stored = [part.node for part in own if part.role != "update"]
    found: set[Phase] = {known[node] for node in stored if node in known}
    found = found - {"update"} or found
    if not found:
        return "update" if any(part.role == "update" for part in parts) else "forward"
    return "both" if len(found) > 1 else found.pop()

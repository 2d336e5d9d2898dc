"""A graph as a list of items: the smallest pieces of work that a kernel can take in.

Enters: a simplified graph. Leaves: `Item`s, operands first. Most are a primitive each; a pad or concat
is an item a piece, a scatter copies its base first, and each update is an item that stores state.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Literal, assert_never

from graphc.graph import CONSTANT, Graph, Node, users
from graphc.lowering import (
    Assemble,
    Contract,
    Gather,
    Leaf,
    Piece,
    Pointwise,
    Reduce,
    Reshape,
    Scatter,
    Shape,
    Source,
    View,
)

Role = Literal["compute", "fill", "piece", "base", "scatter", "state"]


@dataclass(frozen=True, slots=True, eq=False)
class Item:
    """Work on every point of `domain`: computes `node`, or stores `value` into it.

    The roles: "compute" a primitive; "fill" and "piece" write an assembled node; "base" copies what a
    "scatter" then adds to; "state" stores the new value of a state node. `order` is its place in the
    graph, `number` that of a piece.
    """

    role: Role
    node: Node
    value: Node
    domain: Shape
    order: int
    number: int = 0


def picks_one(node: Node) -> bool:
    """Whether a scatter has one position a row: it is then computed point by point, without writes
    that could meet, as where(counter == position, base + update, base)."""
    lower = node.op.lower
    if not isinstance(lower, Scatter) or not lower.along:
        return False
    return node.inputs[1].type.shape[node.params["axis"]] == 1


def host_scalars(nodes: Iterable[Node]) -> set[Node]:
    """Nodes of one element that only constants and sizes reach: numbers of a binding, not kernels."""
    result: set[Node] = set()
    for node in nodes:
        single = all(size == 1 for size in node.type.shape)
        known = node.op is CONSTANT or isinstance(node.op.lower, Source)
        if single and (known or (node.inputs and all(i in result for i in node.inputs))):
            result.add(node)
    return result


def committing(graph: Graph, skip: set[Node]) -> set[Node]:
    """Pointwise nodes that only new state needs: they run after the commit point, where the state
    they read is still old and can be overwritten in place."""
    nodes = graph.nodes
    readers = users(nodes)
    updated = {value for _, value in graph.updates}
    result: set[Node] = set()
    for node in reversed(nodes):
        simple = isinstance(node.op.lower, Pointwise | View | Reshape) and node not in skip
        needed = node in updated or bool(readers[node])
        if simple and needed and all(user in result for user in readers[node]):
            if node not in graph.outputs or node in updated:
                result.add(node)
    return result


def items_of(graph: Graph, skip: set[Node]) -> list[Item]:
    """The items of a normalised graph, in order; nodes of `skip` are host scalars."""
    result: list[Item] = []
    for node in graph.nodes:
        if node in skip:
            continue
        match node.op.lower:
            case Pointwise() | Gather() | Contract():
                result.append(Item("compute", node, node, node.type.shape, len(result)))
            case Reduce():
                shape = node.inputs[0].type.shape
                result.append(Item("compute", node, node, shape, len(result)))
            case Assemble(pieces):
                result.extend(_pieces(node, pieces, len(result)))
            case Scatter() if picks_one(node):
                result.append(Item("compute", node, node, node.type.shape, len(result)))
            case Scatter():
                base, _, updates = node.inputs
                result.append(Item("base", node, base, node.type.shape, len(result)))
                result.append(Item("scatter", node, updates, updates.type.shape, len(result)))
            case Leaf() | View() | Reshape() | Source():
                pass
            case _:
                assert_never(node.op.lower)
    for state, value in graph.updates:
        result.append(Item("state", state, value, state.type.shape, len(result)))
    return result


def _pieces(node: Node, pieces: Callable[..., tuple[Piece, ...]], order: int) -> Iterator[Item]:
    found = pieces(*(i.type for i in node.inputs), **node.params)
    for number, piece in enumerate(found):
        value = node if piece.source is None else node.inputs[piece.source]
        role: Role = "fill" if piece.source is None else "piece"
        yield Item(role, node, value, value.type.shape, order + number, number)

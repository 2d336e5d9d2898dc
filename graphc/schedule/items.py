"""A graph as a list of items: the smallest pieces of work that a kernel can take in.

Enters: a simplified graph. Leaves: `Item`s, operands first. Most are a primitive each; a pad or
concat is an item a piece (slabs of one form around a pad are one item), a scatter copies its base
first, and each update is an item that stores state.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, assert_never

from graphc.dims import DimLike, bounds, product
from graphc.graph import STATE, Graph, Node, users
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
from graphc.schedule.numbers import Numbers

CLOSE = 16  # values: reductions of which two are made have something in common to read

Role = Literal["compute", "fill", "piece", "base", "scatter", "state"]


@dataclass(frozen=True, slots=True, eq=False)
class Item:
    """Work on every point of `domain`: computes `node`, or stores `value` into it.

    The roles: "compute" a primitive; "fill" and "piece" write an assembled node; "base" copies what
    a "scatter" then adds to; "state" stores the new value of a state node. `order` is its place in
    the graph, `pieces` are those that it writes.
    """

    role: Role
    node: Node
    value: Node
    domain: Shape
    order: int
    pieces: tuple[Piece, ...] = ()


def picks_one(node: Node) -> bool:
    """Whether a scatter has one position a row: it is then computed point by point, without writes
    that could meet, as where(counter == position, base + update, base)."""
    lower = node.op.lower
    if not isinstance(lower, Scatter) or not lower.along:
        return False
    return node.inputs[1].type.shape[node.params["axis"]] == 1


def committing(graph: Graph, staged: set[Node]) -> set[Node]:
    """What only new state needs: pointwise nodes, and the contractions and reductions they start
    from. They run behind the commit point, where they can write over the old state in place.

    A reduction runs before it with a sibling that others need too: one kernel does both. One that
    runs behind it takes along what it alone reads if that is wide: memory it should never have.

    Values of `staged` run before it.
    """
    nodes = graph.nodes
    readers = users(nodes)
    updated = {value for _, value in graph.updates}
    outputs = set(graph.outputs)
    result: set[Node] = set()
    starts: set[Node] = set()
    for node in reversed(nodes):
        needed = node in updated or (bool(readers[node]) and node not in outputs)
        if node in staged or not needed or not all(user in result for user in readers[node]):
            continue
        match node.op.lower:
            case Pointwise() | View() | Reshape():
                result.add(node)
            case Contract() | Reduce():
                starts.add(node)
            case _:
                pass
    early = [n for n in nodes if isinstance(n.op.lower, Reduce) and n not in result | starts]
    found = result | {n for n in starts if not any(_siblings(n, other) for other in early)}
    wide = _wide(nodes) - outputs - staged
    for node in reversed([node for node in nodes if node in wide]):
        if all(u in found and not isinstance(u.op.lower, Contract) for u in readers[node]):
            found.add(node)
    return found


def _wide(nodes: Sequence[Node]) -> set[Node]:
    """Pointwise nodes with more elements than all that they are computed from, as of windows. Not
    of state: another kernel may have written over it."""
    found: set[Node] = set()
    for node in nodes:
        if isinstance(node.op.lower, Pointwise) and node.inputs:
            bases = [_memory(i) for i in node.inputs]
            if all(base in found or _is_smaller(base, node) for base in bases):
                found.add(node)
    return found


def _is_smaller(one: Node, other: Node) -> bool:
    if one.op is STATE:
        return False
    difference = product(other.type.shape) - product(one.type.shape)
    return difference != 0 and bounds(difference)[0] >= 0


def _memory(node: Node) -> Node:
    """What a view is a view of."""
    while isinstance(node.op.lower, View | Reshape):
        (node,) = node.inputs
    return node


def _siblings(node: Node, other: Node) -> bool:
    """Whether two reductions go along the same axes over what is made of the same values."""
    if not isinstance(node.op.lower, Reduce) or node.params["axes"] != other.params["axes"]:
        return False
    return bool(_made_of(node.inputs[0]) & _made_of(other.inputs[0]))


def _made_of(value: Node) -> set[Node]:
    """The pointwise values of one shape that this one is made of, so many at most."""
    found, waiting = {value: None}, [value]
    while waiting and len(found) < CLOSE:
        node = waiting.pop(0)
        if isinstance(node.op.lower, Pointwise):
            new = [i for i in node.inputs if i.type.shape == value.type.shape and i not in found]
            found.update(dict.fromkeys(new))
            waiting += new
    return set(found)


def items_of(graph: Graph, numbers: Numbers) -> list[Item]:
    """The items of a normalised graph, in order; single numbers need none."""
    result: list[Item] = []
    for node in graph.nodes:
        if node in numbers.host or node in numbers.inline:
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
    fills = {n: piece.sizes for n, piece in enumerate(found) if piece.source is None}
    for numbers in _of_one_form(fills):
        slabs = tuple([found[number] for number in numbers])
        yield Item("fill", node, node, slabs[0].sizes, order + numbers[0], slabs)
    for number, piece in enumerate(found):
        if piece.source is not None:
            value = node.inputs[piece.source]
            yield Item("piece", node, value, value.type.shape, order + number, (piece,))


def _of_one_form(slabs: Mapping[int, Shape]) -> list[tuple[int, ...]]:
    """The numbers of the slabs that have the same sizes in some order, together."""
    forms: dict[frozenset[tuple[DimLike, int]], list[int]] = {}
    for number, sizes in slabs.items():
        forms.setdefault(frozenset(Counter(sizes).items()), []).append(number)
    return [tuple(numbers) for numbers in forms.values()]

"""Slices before what they are taken of: only what is read is computed.

Enters: a graph. Leaves: an equal one. Pointwise work, reductions and interleaved parts that slices
alone read, all of them the same part, are computed on slices of their operands:

    sum(where(a, b, c), axes=(2,))[1:9]    ->    sum(where(a[1:9], b[1:9], c[1:9]), axes=(2,))

So the gradient of a padded pool has no border, and is stored where it is wanted.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from graphc.dims import DimLike
from graphc.graph import Graph, Node, make, mapped, provenance, rebuild, users
from graphc.lowering import Pointwise, Reduce
from graphc.ops import interleave, slice_
from graphc.types import Shape


@dataclass(frozen=True, slots=True)
class Part:
    """What is taken of a value: where it starts, and its shape."""

    starts: Shape
    sizes: Shape


Parts = dict[Node, Part]


def taken_first(graph: Graph) -> Graph:
    """The graph with slices below what they alone read."""
    nodes = graph.nodes
    if not any(map(_takes, nodes)):
        return graph
    readers = users(nodes)
    kept = {*graph.outputs, *(value for _, value in graph.updates)}
    parts: Parts = {}
    for node in reversed(nodes):
        if node not in kept and _is_made_in_parts(node):
            part = _wanted(node, readers[node], parts)
            if part is not None and _is_told(node, part):
                parts[node] = part
    new: dict[Node, Node] = {}
    for node in nodes:
        if node in parts:
            new[node] = _made(node, parts, new)
        elif _takes(node) and node.inputs[0] in parts:
            new[node] = new[node.inputs[0]]
        else:
            new[node] = rebuild(node, tuple(new[i] for i in node.inputs))
    return mapped(graph, new)


def _takes(node: Node) -> bool:
    return node.op is slice_ and all(step == 1 for step in node.params["steps"])


def _is_made_in_parts(node: Node) -> bool:
    return isinstance(node.op.lower, Pointwise | Reduce) or node.op is interleave


# ---- what is wanted -----------------------------------------------------------------------------


def _wanted(node: Node, readers: Sequence[Node], parts: Parts) -> Part | None:
    """The part of a node that all its readers want; None if they want different ones."""
    found: set[Part | None] = set()
    for reader in readers:
        if _takes(reader):
            found.add(Part(reader.params["starts"], reader.params["sizes"]))
        elif reader in parts:
            places = (n for n, i in enumerate(reader.inputs) if i is node)
            found.update(_of_operand(reader, number, parts[reader]) for number in places)
        else:
            return None
    return found.pop() if len(found) == 1 else None


def _is_told(node: Node, part: Part) -> bool:
    """Whether it can be told what a part of the node needs of every operand."""
    return all(_of_operand(node, number, part) is not None for number in range(len(node.inputs)))


def _of_operand(node: Node, number: int, part: Part) -> Part | None:
    """What a part of a node needs of its operand; None where that cannot be told."""
    if node.op is interleave:
        return _of_interleaved(node, number, part)
    if isinstance(node.op.lower, Pointwise):
        return part
    whole, axes = node.inputs[0].type.shape, node.params["axes"]
    places = iter(zip(part.starts, part.sizes, strict=True))
    pairs = [(0, size) if axis in axes else next(places) for axis, size in enumerate(whole)]
    return Part(*_columns(pairs))


def _of_interleaved(node: Node, number: int, part: Part) -> Part | None:
    """The elements of one of the interleaved parts that stand in a part of the whole."""
    start, steps = node.params["starts"][number], node.params["steps"]
    lengths = node.inputs[number].type.shape
    places = zip(part.starts, part.sizes, start, steps, lengths, strict=True)
    pairs = [_phase(*place) for place in places]
    known = [pair for pair in pairs if pair is not None]
    return Part(*_columns(known)) if len(known) == len(pairs) else None


def _phase(
    first: DimLike, size: DimLike, start: DimLike, step: int, length: DimLike
) -> tuple[DimLike, DimLike] | None:
    """Of `length` elements, `step` apart from `start` on: the first one in a range, and how many.

    >>> _phase(1, 6, 0, 2, 4)
    (1, 3)
    """
    if step == 1 and start == 0:
        return first, size
    numbers = first, size, start, length
    if not all(isinstance(number, int) for number in numbers):
        return None
    skipped = max(0, -((start - first) // step))
    behind = max(0, -((start - first - size) // step))
    count = min(behind, length) - skipped
    return (skipped, count) if count > 0 else None


def _columns(pairs: Sequence[tuple[DimLike, DimLike]]) -> tuple[Shape, Shape]:
    return tuple(first for first, _ in pairs), tuple(size for _, size in pairs)


# ---- a part, made -------------------------------------------------------------------------------


def _made(node: Node, parts: Parts, new: Mapping[Node, Node]) -> Node:
    """The wanted part of a node."""
    part, params = parts[node], dict(node.params)
    inputs = [_sliced(node, number, parts, new) for number in range(len(node.inputs))]
    if node.op is interleave:
        params["shape"] = part.sizes
        params["starts"] = tuple(_starts(node, number, part) for number in range(len(inputs)))
    with provenance(node.where, node.source):
        return make(node.op, tuple(inputs), params)


def _sliced(node: Node, number: int, parts: Parts, new: Mapping[Node, Node]) -> Node:
    """The part of an operand that the part of a node needs."""
    operand = node.inputs[number]
    part = _of_operand(node, number, parts[node])
    assert part is not None
    if operand in parts:
        return new[operand]
    steps = (1,) * operand.type.rank
    return make(
        slice_, (new[operand],), {"starts": part.starts, "sizes": part.sizes, "steps": steps}
    )


def _starts(node: Node, number: int, part: Part) -> Shape:
    """Where an interleaved part starts in a part of the whole."""
    inside = _of_interleaved(node, number, part)
    assert inside is not None
    start, steps = node.params["starts"][number], node.params["steps"]
    places = zip(start, steps, inside.starts, part.starts, strict=True)
    return tuple(s + step * first - cut for s, step, first, cut in places)

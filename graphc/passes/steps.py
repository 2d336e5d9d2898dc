"""Steps: a sum of products, one for each step of an unrolled loop, is one product.

Enters: a graph. Leaves: an equal one, in which

    dot(h0, g0) + dot(h1, g1) + ...  ->  dot(stack(h0, h1, ...), stack(g0, g1, ...))

where what is stacked is contracted too: so adds up the gradient by the weight of a recurrent net.
The sum is rounded in another order.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce

from graphc.dims import evaluate, names, product
from graphc.functions.tensor import Tensor
from graphc.graph import Graph, Node, mapped, provenance, rebuild, users
from graphc.ops import add, concat, dot, reshape, slice_
from graphc.ops.views import fitted
from graphc.passes.views import joined
from graphc.types import Shape

FEWEST = 4  # products that are worth a product of their own
NOMINAL = 256  # elements: what a named size counts as

Readers = Mapping[Node, Sequence[Node]]


@dataclass(frozen=True, slots=True)
class Home:
    """Where the operands of one side lie along `axis` of a larger array, in this order."""

    axis: int
    order: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class _Side:
    """The operands of one side, in order, and the axis along which they are stacked."""

    axis: int
    operands: tuple[Node, ...]


def gathered(graph: Graph) -> Graph:
    """The graph with sums of products gathered into products."""
    nodes = graph.nodes
    readers = users(nodes)
    kept = set(graph.roots) | {node for node, _ in graph.labels}
    new: dict[Node, Node] = {}
    for node in nodes:
        terms = [] if _is_part(node, readers, kept) else _terms(node, readers, kept)
        new[node] = _sum(terms, new, readers, kept) or rebuild(
            node, tuple([new[i] for i in node.inputs])
        )
    for node, _ in graph.labels:
        new.setdefault(node, node)
    return mapped(graph, new)


def _is_part(node: Node, readers: Readers, kept: set[Node]) -> bool:
    """Whether nothing but one larger sum reads a sum."""
    alone = len(readers[node]) == 1 and node not in kept
    return node.op is not add or (alone and readers[node][0].op is add)


def _terms(total: Node, readers: Readers, kept: set[Node]) -> list[Node]:
    """What a sum adds up, from left to right."""
    found, waiting = list[Node](), [total]
    while waiting:
        node = waiting.pop()
        if node is total or (node.op is add and _is_part(node, readers, kept)):
            waiting.extend(reversed(node.inputs))
        else:
            found.append(node)
    return found


def _sum(
    terms: Sequence[Node], new: Mapping[Node, Node], readers: Readers, kept: set[Node]
) -> Node | None:
    """The sum with its products gathered; None if there are none to be."""
    groups: dict[object, list[Node]] = {}
    for term in terms:
        form = None if term in kept else _form(term, readers)
        groups.setdefault(form, []).append(term)
    alike = [group for form, group in groups.items() if form is not None and len(group) >= FEWEST]
    found = {tuple(g): sides for g in alike if (sides := _sides(g, readers)) is not None}
    if not found:
        return None
    taken = {term for group in found for term in group}
    with provenance(terms[0].where, terms[0].source):
        every = [_product(group[0], sides, new) for group, sides in found.items()]
        every += [Tensor(new[term]) for term in terms if term not in taken]
        return reduce(add, every).node


def _form(term: Node, readers: Readers) -> object:
    """What products have in common that can be one; None for what is none or has other readers."""
    single = term.op is dot and len(readers[term]) == 1 and term.params["batch"] == ((), ())
    return (*(i.type for i in term.inputs), term.params["contract"]) if single else None


def _sides(terms: Sequence[Node], readers: Readers) -> list[_Side] | None:
    """Both sides of products in one order; None if more were copied than a term is large."""
    sides = list(zip(*(term.inputs for term in terms), strict=True))
    homes = [sliced(side) or _stacked(side, readers) for side in sides]
    order = next((home.order for home in reversed(homes) if home is not None), range(len(terms)))
    axes = [home.axis if home is not None and home.order == order else None for home in homes]
    copied = (_elements(side[0]) for side, axis in zip(sides, axes, strict=True) if axis is None)
    if sum(copied) > _elements(terms[0]):
        return None
    return [
        _Side(axis or 0, tuple(side[n] for n in order))
        for side, axis in zip(sides, axes, strict=True)
    ]


def _elements(node: Node) -> int:
    size = product(node.type.shape)
    return evaluate(size, dict.fromkeys(names(size), NOMINAL))


def _product(term: Node, sides: Sequence[_Side], new: Mapping[Node, Node]) -> Tensor:
    moved = zip(term.params["contract"], sides, strict=True)
    pairs = tuple((side.axis, *(c + (c >= side.axis) for c in axes)) for axes, side in moved)
    stacks = [_stack([new[node] for node in side.operands], side.axis) for side in sides]
    return dot(*stacks, contract=pairs, batch=((), ()))


def _stack(parts: Sequence[Node], axis: int) -> Tensor:
    shape = inserted(parts[0].type.shape, axis)
    return joined([fitted(Tensor(below(part)), shape) for part in parts], axis)


def inserted(shape: Shape, axis: int) -> Shape:
    """The shape with an axis of size 1 more."""
    return (*shape[:axis], 1, *shape[axis:])


# ---- where operands lie already -----------------------------------------------------------------


def sliced(side: Sequence[Node]) -> Home | None:
    """Operands x[:, 0], x[:, 1], ... of one array."""
    slices = [node.inputs[0] for node in side if node.op is reshape and node.inputs[0].op is slice_]
    if len(slices) != len(side) or len({s.inputs[0] for s in slices}) > 1:
        return None
    starts = [s.params["starts"] for s in slices]
    apart = [axis for axis, at in enumerate(zip(*starts, strict=True)) if len(set(at)) > 1]
    if len(apart) != 1 or inserted(side[0].type.shape, apart[0]) != slices[0].type.shape:
        return None
    at = {n: start[apart[0]] for n, start in enumerate(starts)}
    known = all(isinstance(start, int) for start in at.values())
    return Home(apart[0], tuple(sorted(at, key=at.__getitem__))) if known else None


def _stacked(side: Sequence[Node], readers: Readers) -> Home | None:
    """Operands that are stacked for somebody else."""
    at = {below(node): n for n, node in enumerate(side)}
    for axis, whole in _stacks(side[0], readers):
        found = [below(part) for part in whole.inputs]
        if len(found) == len(at) == len(side) and set(found) == set(at):
            return Home(axis, tuple(at[node] for node in found))
    return None


def _stacks(node: Node, readers: Readers) -> Iterator[tuple[int, Node]]:
    """Every concat of this operand and others, each along an axis of its own."""
    shape = node.type.shape
    for wide in readers[below(node)]:
        for whole in readers[wide]:
            axis = whole.params["axis"] if whole.op is concat else 0
            if whole.op is concat and wide.type.shape == inserted(shape, axis):
                yield axis, whole


def below(node: Node) -> Node:
    """The operand of a reshape; any other node itself."""
    return node.inputs[0] if node.op is reshape else node

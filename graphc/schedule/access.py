"""Views folded into indices: where in memory an element of a node really is.

Enters: a node and affine coordinates. Leaves: the node that has memory and the coordinates in it;
transposes, broadcasts, slices and most reshapes have disappeared on the way.
"""

from dataclasses import dataclass
from functools import lru_cache

from graphc.dims import DimLike, divide_exact
from graphc.graph import Node
from graphc.lowering import Index, Reshape, Shape, View, plus, scaled, variable

Coords = tuple[Index, ...]
MEMO = 1 << 14  # answers that are remembered: layers repeat shapes


@dataclass(frozen=True, slots=True)
class Place:
    """An element of `base`: its coordinates under `shape`, which has base's row-major order."""

    base: Node
    shape: Shape
    coords: Coords

    @property
    def flat(self) -> Index:
        """The element's number in row-major order."""
        return flat_index(self.coords, self.shape)


@lru_cache(MEMO)
def row_major(shape: Shape) -> Shape:
    """Strides in elements of a contiguous array.

    >>> row_major((2, 3, 4))
    (12, 4, 1)
    """
    strides: list[DimLike] = []
    step: DimLike = 1
    for size in reversed(shape):
        strides.append(step)
        step = step * size
    return tuple(reversed(strides))


@lru_cache(MEMO)
def flat_index(coords: Coords, shape: Shape) -> Index:
    """The row-major position of the element at these coordinates."""
    result = Index(0)
    for index, stride in zip(coords, row_major(shape), strict=True):
        result = plus(result, scaled(index, stride))
    return result


@lru_cache(MEMO)
def own_coords(shape: Shape) -> tuple[Coords, Shape]:
    """Coordinates of a loop nest over the shape, and its extents; axes of size 1 get no loop.

    >>> own_coords((5, 1, 3))[1]
    (5, 3)
    """
    coords, extents = [], []
    for size in shape:
        if size == 1:
            coords.append(Index(0))
        else:
            coords.append(variable(len(extents)))
            extents.append(size)
    return tuple(coords), tuple(extents)


@lru_cache(MEMO)
def regroup(out: Shape, inner: Shape) -> tuple[tuple[int, ...], ...] | None:
    """For each axis of `inner`, the axes of `out` that it splits into; None where axes merge.

    >>> regroup((4, 5, 6), (20, 6)), regroup((20, 6), (4, 5, 6)), regroup((4, 1), (4,))
    (((0, 1), (2,)), None, ((0,),))
    """
    groups: list[tuple[int, ...]] = []
    axes = [axis for axis, size in enumerate(out) if size != 1]
    at = 0
    for size in inner:
        group: list[int] = []
        rest: DimLike | None = size
        while rest is not None and rest != 1:
            if at == len(axes):
                return None
            rest = divide_exact(rest, out[axes[at]])
            group.append(axes[at])
            at += 1
        if rest is None:
            return None
        groups.append(tuple(group))
    return tuple(groups) if at == len(axes) else None


@lru_cache(MEMO)
def through_reshape(coords: Coords, out: Shape, inner: Shape) -> Coords | None:
    """The coordinates under `inner` of an element of `out`; None where axes merge."""
    groups = regroup(out, inner)
    if groups is None:
        return None
    result = []
    for group in groups:
        sizes = tuple(out[axis] for axis in group)
        result.append(flat_index(tuple(coords[axis] for axis in group), sizes))
    return tuple(result)


def is_view(node: Node) -> bool:
    """Whether the node is another look at its operand's memory."""
    return isinstance(node.op.lower, View | Reshape)


def folds(node: Node) -> bool:
    """Whether a view's coordinates in its operand are affine: every one but a merging reshape."""
    if isinstance(node.op.lower, View):
        return True
    return regroup(node.type.shape, node.inputs[0].type.shape) is not None


def memory_of(node: Node, stored: frozenset[Node] | set[Node]) -> Node:
    """The node whose memory a merging reshape shares: its operand below any reshapes."""
    while isinstance(node.op.lower, Reshape) and node not in stored:
        node = node.inputs[0]
    return node


def resolve(node: Node, coords: Coords, stored: frozenset[Node] | set[Node]) -> Place:
    """Follows views down to a node that computes, or to one in `stored`, which has its own
    memory."""
    while isinstance(lower := node.op.lower, View | Reshape) and node not in stored:
        source = node.inputs[0]
        if isinstance(lower, View):
            coords = lower.coords(coords, source.type.shape, **node.params)
        else:
            through = through_reshape(coords, node.type.shape, source.type.shape)
            if through is None:
                return Place(memory_of(node, stored), node.type.shape, coords)
            coords = through
        node = source
    return Place(node, node.type.shape, coords)


def copied_views(nodes: list[Node]) -> set[Node]:
    """Views that need memory of their own: those below a reshape that merges their axes."""
    result: set[Node] = set()
    for node in nodes:
        if isinstance(node.op.lower, Reshape) and not folds(node):
            base = memory_of(node.inputs[0], result)
            if isinstance(base.op.lower, View):
                result.add(base)
    return result

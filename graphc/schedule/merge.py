"""Axes merged: the strides of a contraction's operands, and loops that run as one.

Enters: affine indices over many axes. Leaves: fewer axes with the same elements in the same order.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from graphc.dims import DimLike
from graphc.graph import Node
from graphc.lowering import Index


@dataclass(frozen=True, slots=True)
class Strides:
    """An operand of a contraction as a (batch, free, depth) array: element strides, first element."""

    offset: DimLike
    batch: DimLike
    free: DimLike
    depth: DimLike


def coefficient(index: Index, variable: int) -> DimLike:
    """How far one step of the loop variable moves the index."""
    return dict(index.terms).get(variable, 0)


def group_stride(sizes: Sequence[DimLike], strides: Sequence[DimLike]) -> DimLike | None:
    """The one stride of a group of axes run as one loop, None where they do not merge.

    >>> group_stride((4, 5), (10, 2)), group_stride((4, 5), (1, 4)), group_stride((), ())
    (2, None, 0)
    """
    if not sizes:
        return 0
    for outer, inner, size in zip(strides, strides[1:], sizes[1:], strict=False):
        if outer != inner * size:
            return None
    return strides[-1]


def contraction_axes(dot: Node, side: int) -> tuple[tuple[int, ...], ...]:
    """The axes of an operand of `dot` as (batch, free, contracted), each in the result's order."""
    batch, contract = dot.params["batch"][side], dot.params["contract"][side]
    rank = len(dot.inputs[side].type.shape)
    free = tuple(axis for axis in range(rank) if axis not in batch and axis not in contract)
    return tuple(batch), free, tuple(contract)


def merged_strides(flat: Index, dot: Node, side: int) -> Strides | None:
    """The operand's strides over merged axes; `flat` is its position over its own axes' loops.

    None where a group of axes does not merge: the operand needs a copy.
    """
    shape = dot.inputs[side].type.shape
    numbers, count = {}, 0
    for axis, size in enumerate(shape):
        if size != 1:
            numbers[axis] = count
            count += 1
    strides = []
    for group in contraction_axes(dot, side):
        axes = [axis for axis in group if axis in numbers]
        steps = [coefficient(flat, numbers[axis]) for axis in axes]
        stride = group_stride([shape[axis] for axis in axes], steps)
        if stride is None:
            return None
        strides.append(stride)
    return Strides(flat.offset, *strides)


def mergeable(extents: Sequence[DimLike], indices: Sequence[Index], first: int) -> bool:
    """Whether variables `first` and `first + 1` run as one loop in every index."""
    size = extents[first + 1]
    return all(
        coefficient(index, first) == coefficient(index, first + 1) * size for index in indices
    )


def renumbered(index: Index, mapping: dict[int, int]) -> Index:
    """The index over new variable numbers; variables without one are dropped."""
    terms = tuple(sorted((mapping[v], c) for v, c in index.terms if v in mapping))
    return Index(index.offset, terms)


def merge_loops(
    extents: Sequence[DimLike], indices: Sequence[Index], boundaries: Collection[int]
) -> list[tuple[int, ...]]:
    """Groups of adjacent variables that run as one loop; a variable of `boundaries` starts a group.

    The coefficient of a merged loop is that of its group's last variable.

    >>> merge_loops((4, 5), [Index(0, ((0, 5), (1, 1)))], ())
    [(0, 1)]
    """
    groups: list[tuple[int, ...]] = []
    for v in range(len(extents)):
        if groups and v not in boundaries and mergeable(extents, indices, v - 1):
            groups[-1] = (*groups[-1], v)
        else:
            groups.append((v,))
    return groups

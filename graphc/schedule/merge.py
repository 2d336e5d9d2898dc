"""Loops that run as one.

Enters: affine indices over many axes. Leaves: fewer axes with the same elements in the same order.
"""

from collections.abc import Collection, Sequence

from graphc.dims import DimLike
from graphc.lowering import Index


def coefficient(index: Index, variable: int) -> DimLike:
    """How far one step of the loop variable moves the index."""
    return dict(index.terms).get(variable, 0)


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

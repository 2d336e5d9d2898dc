"""What slides along an axis, seen from its elements: by which taps each is seen, and from where.

Enters: sizes, strides and dilations, as in `window`; handles. Leaves: the `Phase`s of a stride, for
gradients, and parts of handles.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from graphc.dims import DimLike, bounds, dim_max
from graphc.ops.pieces import pad, slice_

Axes = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Phase:
    """Every stride-th element of an axis, from `start` on: those that the same taps see.

    These taps are first, first + step, ..., `taps` of them. Tap number t sees element number q from
    position q + shift - spread * t.
    """

    start: DimLike
    first: int
    step: int
    taps: DimLike
    shift: DimLike
    spread: int

    @property
    def reach(self) -> DimLike:
        """How far apart the positions are from which one element is seen; 0 where none sees it."""
        return self.spread * dim_max(self.taps - 1, 0)

    @property
    def before(self) -> DimLike:
        """How far before the first position the first element is looked for."""
        return self.reach - self.shift

    def count(self, length: DimLike, stride: int) -> DimLike:
        """How many elements an axis of this length has of the phase."""
        return (length - self.start + stride - 1) // stride


def phases(taps: DimLike, stride: int, dilation: int, padding: DimLike = 0) -> list[Phase]:
    """The phases of a stride that any tap reaches; `padding` stands before the first element.

    >>> [(p.start, p.first, p.taps, p.shift) for p in phases(3, 2, 1)]
    [(0, 0, 2, 0), (1, 1, 1, 0)]
    >>> [(p.start, p.first, p.taps, p.shift) for p in phases(3, 2, 1, padding=1)]
    [(1, 0, 2, 1), (0, 1, 1, 0)]
    """
    common = math.gcd(stride, dilation)
    step, found = stride // common, []
    for remainder in range(0, stride, common):
        first = next(k for k in range(step) if (k * dilation - remainder) % stride == 0)
        count = (taps - first + step - 1) // step
        if bounds(count)[1] > 0:
            start = (remainder - padding) % stride
            shift = (start + padding - first * dilation) // stride
            found.append(Phase(start, first, step, count, shift, dilation // common))
    return found


def reach(
    of_axis: Sequence[Phase], length: DimLike, positions: DimLike, stride: int
) -> tuple[DimLike, DimLike]:
    """How far before its first position a cotangent is read, and up to where behind that."""
    before: DimLike = 0
    behind = positions
    for p in of_axis:
        before = dim_max(before, p.before)
        behind = dim_max(behind, p.count(length, stride) + p.reach - p.before)
    return before, behind


def placed(rank: int, axes: Axes, values: Iterable[Any], other: Any) -> tuple[Any, ...]:
    """The values at their axes, `other` elsewhere."""
    known = dict(zip(axes, values, strict=True))
    return tuple(known.get(axis, other) for axis in range(rank))


def zero_padded(x: Any, axes: Axes, before: Sequence[DimLike], behind: Sequence[DimLike]) -> Any:
    """x with zeros around: so many before the axes, and from there on these lengths."""
    shape = list(x.shape)
    for axis, left, right in zip(axes, before, behind, strict=True):
        shape[axis] = left + right
    if tuple(shape) == x.shape:
        return x
    starts = placed(x.ndim, axes, before, 0)
    return pad(x, shape=tuple(shape), starts=starts, steps=(1,) * x.ndim, value=0.0)


def cut(x: Any, axes: Axes, starts: Iterable[DimLike], sizes: Sequence[DimLike]) -> Any:
    """The part of x that begins at `starts` and has those sizes along the axes."""
    shape = list(x.shape)
    for axis, size in zip(axes, sizes, strict=True):
        shape[axis] = size
    if tuple(shape) == x.shape:
        return x
    first = placed(x.ndim, axes, starts, 0)
    return slice_(x, starts=first, sizes=tuple(shape), steps=(1,) * x.ndim)


def flipped_taps(x: Any, axes: Axes, phase: Sequence[Phase]) -> Any:
    """The taps of a phase, the last one first."""
    sizes = list(x.shape)
    for axis, p in zip(axes, phase, strict=True):
        sizes[axis] = p.taps
    starts = placed(x.ndim, axes, [p.first + p.step * (p.taps - 1) for p in phase], 0)
    steps = placed(x.ndim, axes, [-p.step for p in phase], 1)
    return slice_(x, starts=starts, sizes=tuple(sizes), steps=steps)

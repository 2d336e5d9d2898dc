"""Windows that slide along axes: their positions, the view of what each sees, and its transpose.

Enters: handles; sizes, strides and dilations, one a window. A window of k taps, `dilation` apart,
moves in steps of `stride`, never outside: tap t at position i sees element i*stride + t*dilation.
`least` is the fewest positions that there may be: 0 in gradients, whose parts may be empty.
Leaves: handles.
"""

import functools
import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np

from graphc.dims import DimLike, Guard, bounds
from graphc.errors import ShapeError
from graphc.graph import Op
from graphc.lowering import Index, View, plus, scaled
from graphc.ops.constants import filled
from graphc.ops.phases import Phase, cut, phases, placed, reach, zero_padded
from graphc.ops.pieces import interleave, pad, slice_
from graphc.ops.pointwise import add
from graphc.ops.predicates import eq
from graphc.ops.selection import where, zeroed
from graphc.ops.views import broadcast_to, fitted, sum_
from graphc.types import Shape, TensorType

Axes = tuple[int, ...]
TAPS = 9  # so many comparisons, selections and sums are a part of one kernel


def positions(length: DimLike, taps: DimLike, stride: int, dilation: int) -> DimLike:
    """At how many places a window fits an axis.

    >>> positions(34, 3, 1, 1), positions(34, 3, 2, 1), positions(7, 3, 1, 2)
    (32, 16, 3)
    """
    return (length - (taps - 1) * dilation - 1) // stride + 1


def check_windows(
    name: str, lengths: Shape, sizes: Shape, strides: Axes, dilation: Axes, least: int = 1
) -> None:
    """ShapeError unless there is a stride and dilation a window, and each window fits its axis."""
    if not len(lengths) == len(sizes) == len(strides) == len(dilation):
        raise ShapeError(
            f"{name}: one size, stride and dilation is needed a window",
            got=f"sizes {sizes}, strides {strides}, dilation {dilation}",
        )
    if any(step < 1 for step in strides + dilation):
        raise ShapeError(
            f"{name}: strides and dilations are 1 or more", got=f"{strides} and {dilation}"
        )
    for length, taps, stride, d in zip(lengths, sizes, strides, dilation, strict=True):
        if any(bounds(c)[1] < 0 for c in _conditions(length, taps, stride, d, least)):
            raise ShapeError(
                f"{name}: the window is larger than the axis it slides along",
                got=f"{taps} taps, {d} apart, along {length}",
                fix="pad the axis",
            )


def _conditions(
    length: DimLike, taps: DimLike, stride: int, dilation: int, least: int
) -> tuple[DimLike, ...]:
    """What must be >= 0 so that there are as many taps and positions as there must be."""
    return taps - least, length - (taps - 1) * dilation - 1 + (1 - least) * stride


def window_guards(
    name: str, lengths: Shape, sizes: Shape, strides: Axes, dilation: Axes, least: int
) -> Iterator[Guard]:
    """What `check_windows` took on trust."""
    for length, taps, stride, d in zip(lengths, sizes, strides, dilation, strict=True):
        text = f"{name}: a window of {taps} taps, {d} apart, does not fit into {length}"
        for condition in _conditions(length, taps, stride, d, least):
            if bounds(condition)[0] < 0:
                yield Guard("at_least", condition, 0, text)


# ---- the view ----


def _infer_windows(
    x: TensorType, axes: Axes, sizes: Shape, strides: Axes, dilation: Axes, least: int = 1
) -> TensorType:
    if len(set(axes)) != len(axes) or any(not 0 <= axis < len(x.shape) for axis in axes):
        raise ShapeError(f"windows: no such axes of {x}", got=str(axes))
    lengths = tuple(x.shape[axis] for axis in axes)
    check_windows("windows", lengths, sizes, strides, dilation, least)
    shape = list(x.shape)
    for axis, taps, stride, d in zip(axes, sizes, strides, dilation, strict=True):
        shape[axis] = positions(x.shape[axis], taps, stride, d)
    return TensorType(x.dtype, (*shape, *sizes))


def eval_windows(
    x: np.ndarray,
    axes: Axes,
    sizes: tuple[int, ...],
    strides: Axes,
    dilation: Axes,
    least: int = 1,
) -> np.ndarray:
    """The positions of the windows in place of the axes, their taps as last axes: a NumPy view."""
    shape, steps = list(x.shape), list(x.strides)
    for axis, taps, stride, d in zip(axes, sizes, strides, dilation, strict=True):
        shape[axis] = (x.shape[axis] - (taps - 1) * d - 1) // stride + 1
        steps[axis] = x.strides[axis] * stride
    moves = [x.strides[axis] * d for axis, d in zip(axes, dilation, strict=True)]
    return np.lib.stride_tricks.as_strided(x, (*shape, *sizes), (*steps, *moves), writeable=False)


def _vjp_windows(
    g: Any,
    y: Any,
    x: Any,
    axes: Axes,
    sizes: Shape,
    strides: Axes,
    dilation: Axes,
    least: int = 1,
) -> tuple[Any, ...]:
    by_axis = list(map(phases, sizes, strides, dilation))
    lengths = tuple(x.shape[axis] for axis in axes)
    counts = tuple(y.shape[axis] for axis in axes)
    around = list(map(reach, by_axis, lengths, counts, strides))
    parts, starts = [], []
    for phase in product(*by_axis):
        part = _gathered(g, _Seen(x, y, axes, strides, phase, tuple(around)))
        if part is None:
            return (_spread_back(g, x, axes, sizes, strides, dilation),)
        parts.append(part)
        starts.append(placed(x.ndim, axes, [p.start for p in phase], 0))
    if all(stride == 1 for stride in strides):
        return (parts[0],)
    steps = placed(x.ndim, axes, strides, 1)
    return (interleave(*parts, shape=x.shape, starts=tuple(starts), steps=steps),)


@dataclass(frozen=True, slots=True)
class _Seen:
    """The elements of one phase of x, and the windows y that see them: for each element, one a tap.

    `around` is how far before its first position a cotangent is read, and up to where behind that.
    """

    x: Any
    y: Any
    axes: Axes
    strides: Axes
    phase: tuple[Phase, ...]
    around: tuple[tuple[DimLike, DimLike], ...]

    @property
    def shape(self) -> Shape:
        """Of the phase's elements, then of its taps."""
        counts = list(self.x.shape)
        for axis, stride, p in zip(self.axes, self.strides, self.phase, strict=True):
            counts[axis] = p.count(counts[axis], stride)
        return (*counts, *(p.taps for p in self.phase))

    @property
    def apart(self) -> bool:
        """Whether what the taps see is better added up one by one: by strides of a few taps, for
        the sums of all phases are one sweep then."""
        sizes = self.y.shape[self.x.ndim :]
        taps = math.prod(size for size in sizes if isinstance(size, int))
        named = any(not isinstance(size, int) for size in sizes)
        return any(stride > 1 for stride in self.strides) and not named and taps <= TAPS

    def elements(self) -> Any:
        """The elements of the phase."""
        rank = self.x.ndim
        starts = placed(rank, self.axes, [p.start for p in self.phase], 0)
        steps = placed(rank, self.axes, self.strides, 1)
        return slice_(self.x, starts=starts, sizes=self.shape[:rank], steps=steps)

    def of_elements(self) -> Any:
        """What every tap sees of x: the element itself."""
        part = self.elements()
        ones = fitted(part, (*part.shape, *(1,) * len(self.phase)))
        return broadcast_to(ones, shape=self.shape)

    def of_each(self, value: Any) -> Iterator[Any]:
        """The value of the window that sees an element by a tap, tap by tap; 0 where none does."""
        wide = zero_padded(value, self.axes, *zip(*self.around, strict=True))
        places = list(zip(self.axes, self.around, self.phase, strict=True))
        counts = [self.shape[axis] for axis in self.axes]
        for taps in product(*(range(_known(p.taps)) for p in self.phase)):
            moved = zip(places, taps, strict=True)
            first = [left - p.before + p.spread * tap for (_, (left, _), p), tap in moved]
            yield cut(wide, self.axes, first, counts)

    def of_windows(self, value: Any) -> Any:
        """The value of each window that sees an element; 0 where there is no window."""
        wide = zero_padded(value, self.axes, *zip(*self.around, strict=True))
        places = list(zip(self.axes, self.around, self.phase, strict=True))
        first = [left - p.before for _, (left, _), p in places]
        reached = [self.shape[axis] + p.reach for axis, _, p in places]
        return windows(
            cut(wide, self.axes, first, reached),
            axes=self.axes,
            sizes=self.shape[self.x.ndim :],
            strides=(1,) * len(self.axes),
            dilation=tuple(p.spread for p in self.phase),
            least=0,
        )


def _gathered(g: Any, seen: _Seen) -> Any:
    """The sum, for each element of a phase, of the cotangents of all taps that see it; None where
    these are not the same in a window, but for those that a comparison zeroes.

        where(windows(x) == repeated y, repeated g, 0)
        ->    sum(where(repeated x == windows(padded y), windows(padded g), 0), taps)
    """
    if not seen.axes:
        return None
    mask = zeroed(g)
    share = _repeated(g if mask is None else mask[0], seen)
    largest = share if mask is None else _compared(mask[1], seen)
    if share is None or largest is None:
        return None
    if seen.apart:
        return _added(share, None if mask is None else largest, seen)
    total = seen.of_windows(share)
    if mask is not None:
        total = where(eq(seen.of_elements(), seen.of_windows(largest)), total, filled(total, 0))
    return sum_(total, axes=tuple(range(seen.x.ndim, total.ndim)))


def _added(share: Any, largest: Any, seen: _Seen) -> Any:
    """The same tap by tap; `largest` is None for what no comparison zeroes."""
    terms = list(seen.of_each(share))
    if largest is not None:
        x = seen.elements()
        hits = [eq(x, other) for other in seen.of_each(largest)]
        terms = [where(hit, term, filled(term, 0)) for hit, term in zip(hits, terms, strict=True)]
    return functools.reduce(add, terms)


def _repeated(value: Any, seen: _Seen) -> Any:
    """What is repeated at all taps of a window, once a window; None where it is no such thing."""
    node, rank = value.node, seen.x.ndim
    if node.op is not broadcast_to:
        return None
    small = type(value)(node.inputs[0])
    if small.shape == ():
        return broadcast_to(small, shape=value.shape[:rank])
    if small.ndim != value.ndim or any(size != 1 for size in small.shape[rank:]):
        return None
    once = fitted(small, small.shape[:rank])
    return (
        once if once.shape == value.shape[:rank] else broadcast_to(once, shape=value.shape[:rank])
    )


def _compared(condition: Any, seen: _Seen) -> Any:
    """What such a condition compares a window's taps with, once a window; None for others."""
    if condition.node.op is not eq or condition.node.inputs[0] is not seen.y.node:
        return None
    return _repeated(type(condition)(condition.node.inputs[1]), seen)


def _spread_back(g: Any, x: Any, axes: Axes, sizes: Shape, strides: Axes, dilation: Axes) -> Any:
    """What every tap saw, put back to its places and added up."""
    steps = placed(x.ndim, axes, strides, 1)
    parts = []
    for taps in product(*(range(_known(size)) for size in sizes)):
        seen = slice_(
            g,
            starts=(*(0,) * x.ndim, *taps),
            sizes=(*g.shape[: x.ndim], *(1,) * len(taps)),
            steps=(1,) * g.ndim,
        )
        starts = placed(x.ndim, axes, [t * d for t, d in zip(taps, dilation, strict=True)], 0)
        flat = fitted(seen, g.shape[: x.ndim])
        parts.append(pad(flat, shape=x.shape, starts=starts, steps=steps, value=0.0))
    total = parts[0]
    for part in parts[1:]:
        total = total + part
    return total


def _known(size: DimLike) -> int:
    if isinstance(size, int):
        return size
    raise ShapeError("windows: the gradient needs sizes that are numbers", got=str(size))


def _batch_windows(size: DimLike, batched: Any, x: Any, axes: Axes, **params: Any) -> Any:
    return windows(x, axes=tuple(axis + 1 for axis in axes), **params)


def _coords_windows(
    coords: tuple[Index, ...],
    shape: Shape,
    axes: Axes,
    sizes: Shape,
    strides: Axes,
    dilation: Axes,
    least: int = 1,
) -> tuple[Index, ...]:
    result = list(coords[: len(shape)])
    taps = coords[len(shape) :]
    for axis, tap, stride, d in zip(axes, taps, strides, dilation, strict=True):
        result[axis] = plus(scaled(result[axis], stride), scaled(tap, d))
    return tuple(result)


def _guard_windows(
    x: TensorType, axes: Axes, sizes: Shape, strides: Axes, dilation: Axes, least: int = 1
) -> tuple[Guard, ...]:
    lengths = tuple(x.shape[axis] for axis in axes)
    return tuple(window_guards("windows", lengths, sizes, strides, dilation, least))


windows: Op = Op(
    "windows",
    infer=_infer_windows,
    eval=eval_windows,
    vjp=_vjp_windows,
    batch=_batch_windows,
    lower=View(_coords_windows),
    guards=_guard_windows,
)

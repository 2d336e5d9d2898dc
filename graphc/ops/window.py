"""Windows that slide along axes: their positions, the view of what each sees, and its transpose.

Enters: handles; sizes, strides and dilations, one a window. A window of k taps, `dilation` apart,
moves in steps of `stride`, never outside: tap t at position i sees element i*stride + t*dilation.
Leaves: handles, and for gradients the `Phase`s of a stride.
"""

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np

from graphc.dims import DimLike, Guard, bounds
from graphc.errors import ShapeError
from graphc.graph import Op
from graphc.lowering import Index, View, plus, scaled
from graphc.ops.pieces import pad, slice_
from graphc.ops.views import fitted
from graphc.types import Shape, TensorType

Axes = tuple[int, ...]


def positions(length: DimLike, taps: DimLike, stride: int, dilation: int) -> DimLike:
    """At how many places a window fits an axis.

    >>> positions(34, 3, 1, 1), positions(34, 3, 2, 1), positions(7, 3, 1, 2)
    (32, 16, 3)
    """
    return (length - (taps - 1) * dilation - 1) // stride + 1


def check_windows(name: str, lengths: Shape, sizes: Shape, strides: Axes, dilation: Axes) -> None:
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
    for length, taps, d in zip(lengths, sizes, dilation, strict=True):
        if taps == 0 or bounds(length - (taps - 1) * d)[1] < 1:
            raise ShapeError(
                f"{name}: the window is larger than the axis it slides along",
                got=f"{taps} taps, {d} apart, along {length}",
                fix="pad the axis",
            )


def window_guards(name: str, lengths: Shape, sizes: Shape, dilation: Axes) -> Iterator[Guard]:
    """What `check_windows` took on trust."""
    for length, taps, d in zip(lengths, sizes, dilation, strict=True):
        text = f"{name}: a window of {taps} taps, {d} apart, does not fit into {length}"
        for condition in (taps - 1, length - (taps - 1) * d - 1):
            if bounds(condition)[0] < 0:
                yield Guard("at_least", condition, 0, text)


# ---- the view ----


def _infer_windows(
    x: TensorType, axes: Axes, sizes: Shape, strides: Axes, dilation: Axes
) -> TensorType:
    if len(set(axes)) != len(axes) or any(not 0 <= axis < len(x.shape) for axis in axes):
        raise ShapeError(f"windows: no such axes of {x}", got=str(axes))
    check_windows("windows", tuple(x.shape[axis] for axis in axes), sizes, strides, dilation)
    shape = list(x.shape)
    for axis, taps, stride, d in zip(axes, sizes, strides, dilation, strict=True):
        shape[axis] = positions(x.shape[axis], taps, stride, d)
    return TensorType(x.dtype, (*shape, *sizes))


def eval_windows(
    x: np.ndarray, axes: Axes, sizes: tuple[int, ...], strides: Axes, dilation: Axes
) -> np.ndarray:
    """The positions of the windows in place of the axes, their taps as last axes: a NumPy view."""
    shape, steps = list(x.shape), list(x.strides)
    for axis, taps, stride, d in zip(axes, sizes, strides, dilation, strict=True):
        shape[axis] = (x.shape[axis] - (taps - 1) * d - 1) // stride + 1
        steps[axis] = x.strides[axis] * stride
    moves = [x.strides[axis] * d for axis, d in zip(axes, dilation, strict=True)]
    return np.lib.stride_tricks.as_strided(x, (*shape, *sizes), (*steps, *moves), writeable=False)


def _vjp_windows(
    g: Any, y: Any, x: Any, axes: Axes, sizes: Shape, strides: Axes, dilation: Axes
) -> tuple[Any, ...]:
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
    return (total,)


def _known(size: DimLike) -> int:
    if isinstance(size, int):
        return size
    raise ShapeError("windows: the gradient needs sizes that are numbers", got=str(size))


def _batch_windows(size: DimLike, batched: Any, x: Any, axes: Axes, **params: Any) -> Any:
    return windows(x, axes=tuple(axis + 1 for axis in axes), **params)


def _coords_windows(
    coords: tuple[Index, ...], shape: Shape, axes: Axes, sizes: Shape, strides: Axes, dilation: Axes
) -> tuple[Index, ...]:
    result = list(coords[: len(shape)])
    taps = coords[len(shape) :]
    for axis, tap, stride, d in zip(axes, taps, strides, dilation, strict=True):
        result[axis] = plus(scaled(result[axis], stride), scaled(tap, d))
    return tuple(result)


def _guard_windows(
    x: TensorType, axes: Axes, sizes: Shape, strides: Axes, dilation: Axes
) -> tuple[Guard, ...]:
    lengths = tuple(x.shape[axis] for axis in axes)
    return tuple(window_guards("windows", lengths, sizes, dilation))


windows: Op = Op(
    "windows",
    infer=_infer_windows,
    eval=eval_windows,
    vjp=_vjp_windows,
    batch=_batch_windows,
    lower=View(_coords_windows),
    guards=_guard_windows,
)


# ---- for gradients ----


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
        """How far apart the positions are from which one element is seen."""
        return self.spread * (self.taps - 1)

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

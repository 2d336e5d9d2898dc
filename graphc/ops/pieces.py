"""Parts of a whole: slices taken out of it, and wholes put together from parts.

Enters: handles; starts and sizes are ints or Dims, steps are ints and not 0. Element i of a part
stands at start + step * i of the whole. Leaves: handles. Each rule is the linear map's transpose:

    slice <-> pad    concat -> slices    interleave -> slices
"""

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from graphc.dims import DimLike, Guard, bounds
from graphc.errors import ShapeError
from graphc.graph import Op
from graphc.lowering import Assemble, Index, Piece, Shape, View, plus, scaled
from graphc.ops.checks import equal_guards, match_dtypes, match_shapes, size_guards
from graphc.ops.views import spread_all
from graphc.types import TensorType


def _conditions(
    large: Shape, small: Shape, starts: Shape, steps: tuple[int, ...]
) -> Iterator[DimLike]:
    """What must be >= 0 so that start + step * i is inside `large` for every i < size."""
    for length, size, start, step in zip(large, small, starts, steps, strict=True):
        if (start, size, step) == (0, length, 1):
            continue  # a whole axis, as most are
        last = start + step * (size - 1)
        low, high = (start, last) if step > 0 else (last, start)
        yield from (size, low, length - 1 - high)


def _check_places(
    name: str, large: Shape, small: Shape, starts: Shape, steps: tuple[int, ...]
) -> None:
    if not len(large) == len(small) == len(starts) == len(steps):
        wrong = "one start, size and step is needed an axis"
    elif 0 in steps:
        wrong = "a step cannot be 0"
    elif any(bounds(c)[1] < 0 for c in _conditions(large, small, starts, steps)):
        wrong = "reaches outside of its shape"
    else:
        return
    got = f"shape {large}, starts {starts}, sizes {small}, steps {steps}"
    raise ShapeError(f"{name}: {wrong}", got=got)


def _guard_places(
    name: str, large: Shape, small: Shape, starts: Shape, steps: tuple[int, ...]
) -> tuple[Guard, ...]:
    unproven = [c for c in _conditions(large, small, starts, steps) if bounds(c)[0] < 0]
    if not unproven:
        return ()
    text = f"{name}: {small} elements from {starts} in steps of {steps} reach outside of {large}"
    return tuple(Guard("at_least", c, 0, text) for c in unproven)


def _python_slices(starts: Any, sizes: Any, steps: Any) -> tuple[slice, ...]:
    ends = [start + step * size for start, size, step in zip(starts, sizes, steps, strict=True)]
    return tuple(
        slice(start, end if end >= 0 else None, step) if size else slice(0, 0)
        for start, size, step, end in zip(starts, sizes, steps, ends, strict=True)
    )


def _infer_slice(x: TensorType, starts: Shape, sizes: Shape, steps: tuple[int, ...]) -> TensorType:
    _check_places("slice", x.shape, sizes, starts, steps)
    return TensorType(x.dtype, sizes)


def _vjp_slice(
    g: Any, y: Any, x: Any, starts: Shape, sizes: Shape, steps: tuple[int, ...]
) -> tuple[Any, ...]:
    return (pad(g, shape=x.shape, starts=starts, steps=steps, value=0.0),)


def _batch_slice(
    size: DimLike, batched: Any, x: Any, starts: Shape, sizes: Shape, steps: tuple[int, ...]
) -> Any:
    return slice_(x, starts=(0, *starts), sizes=(size, *sizes), steps=(1, *steps))


def _coords_slice(
    coords: tuple[Index, ...], shape: Shape, starts: Shape, sizes: Shape, steps: tuple[int, ...]
) -> tuple[Index, ...]:
    return tuple(
        plus(Index(start), scaled(at, step))
        for at, start, step in zip(coords, starts, steps, strict=True)
    )


slice_: Op = Op(
    "slice",
    infer=_infer_slice,
    eval=lambda x, starts, sizes, steps: x[_python_slices(starts, sizes, steps)],
    vjp=_vjp_slice,
    batch=_batch_slice,
    lower=View(_coords_slice),
    guards=lambda x, starts, sizes, steps: _guard_places("slice", x.shape, sizes, starts, steps),
)


def _infer_pad(
    x: TensorType, shape: Shape, starts: Shape, steps: tuple[int, ...], value: float
) -> TensorType:
    _check_places("pad", shape, x.shape, starts, steps)
    return TensorType(x.dtype, shape)


def _eval_pad(
    x: np.ndarray, shape: Any, starts: Any, steps: tuple[int, ...], value: float
) -> np.ndarray:
    result = np.full(shape, value, x.dtype)
    result[_python_slices(starts, x.shape, steps)] = x
    return result


def _vjp_pad(
    g: Any, y: Any, x: Any, shape: Shape, starts: Shape, steps: tuple[int, ...], value: float
) -> tuple[Any, ...]:
    return (slice_(g, starts=starts, sizes=x.shape, steps=steps),)


def _batch_pad(
    size: DimLike,
    batched: Any,
    x: Any,
    shape: Shape,
    starts: Shape,
    steps: tuple[int, ...],
    value: float,
) -> Any:
    return pad(x, shape=(size, *shape), starts=(0, *starts), steps=(1, *steps), value=value)


def _pieces_pad(
    x: TensorType, shape: Shape, starts: Shape, steps: tuple[int, ...], value: float
) -> tuple[Piece, ...]:
    placed = Piece(0, starts, steps)
    if any(step != 1 for step in steps):
        return _filled(shape, value), placed
    return (*_border(x.shape, shape, starts, value), placed)


def _filled(shape: Shape, value: float) -> Piece:
    """The whole, before parts are put into it."""
    return Piece(None, (0,) * len(shape), (1,) * len(shape), shape, value)


def _border(inner: Shape, outer: Shape, starts: Shape, value: float) -> Iterator[Piece]:
    """What lies around a part: for each axis a slab before it and one behind it.

    Slabs meet in the corners: so those of a square have the same sizes, and one kernel fills them.
    """
    steps = (1,) * len(outer)
    for axis, (start, size) in enumerate(zip(starts, inner, strict=True)):
        behind = outer[axis] - start - size
        for first, thick in ((0, start), (start + size, behind)):
            if thick != 0:
                corner = tuple(first if n == axis else 0 for n in range(len(outer)))
                yield Piece(None, corner, steps, (*outer[:axis], thick, *outer[axis + 1 :]), value)


def _guard_pad(
    x: TensorType, shape: Shape, starts: Shape, steps: tuple[int, ...], value: float
) -> tuple[Guard, ...]:
    return (*size_guards("pad", shape), *_guard_places("pad", shape, x.shape, starts, steps))


pad: Op = Op(
    "pad",
    infer=_infer_pad,
    eval=_eval_pad,
    vjp=_vjp_pad,
    batch=_batch_pad,
    lower=Assemble(_pieces_pad),
    guards=_guard_pad,
)

# ---- concat ----


def _others(shape: Shape, axis: int) -> Shape:
    return shape[:axis] + shape[axis + 1 :]


def _infer_concat(*xs: TensorType, axis: int) -> TensorType:
    if not xs or not 0 <= axis < len(xs[0].shape):
        raise ShapeError(f"concat: there is no axis {axis}", got=", ".join(map(str, xs)))
    match_dtypes("concat", *xs)
    match_shapes(f"concat along axis {axis}", *[x.shape for x in xs], but=axis)
    total: DimLike = 0
    for x in xs:
        total = total + x.shape[axis]
    return TensorType(xs[0].dtype, (*xs[0].shape[:axis], total, *xs[0].shape[axis + 1 :]))


def _starts_concat(shapes: list[Shape], axis: int) -> Iterator[Shape]:
    """Where each part begins in the whole."""
    at: DimLike = 0
    for shape in shapes:
        yield tuple(at if i == axis else 0 for i in range(len(shape)))
        at = at + shape[axis]


def _vjp_concat(g: Any, y: Any, *xs: Any, axis: int) -> tuple[Any, ...]:
    starts = _starts_concat([x.shape for x in xs], axis)
    return tuple(
        slice_(g, starts=start, sizes=x.shape, steps=(1,) * len(start))
        for x, start in zip(xs, starts, strict=True)
    )


def _pieces_concat(*xs: TensorType, axis: int) -> tuple[Piece, ...]:
    starts = _starts_concat([x.shape for x in xs], axis)
    return tuple(Piece(i, start, (1,) * len(start)) for i, start in enumerate(starts))


concat: Op = Op(
    "concat",
    infer=_infer_concat,
    eval=lambda *xs, axis: np.concatenate(xs, axis=axis),
    vjp=_vjp_concat,
    batch=lambda size, batched, *xs, axis: concat(*spread_all(size, batched, xs), axis=axis + 1),
    lower=Assemble(_pieces_concat),
    guards=lambda *xs, axis: equal_guards("concat", *(_others(x.shape, axis) for x in xs)),
)

# ---- interleave ----


def _infer_interleave(
    *xs: TensorType, shape: Shape, starts: tuple[Shape, ...], steps: tuple[int, ...]
) -> TensorType:
    if not xs or len(starts) != len(xs):
        raise ShapeError(f"interleave: {len(xs)} parts", got=f"{len(starts)} starts")
    match_dtypes("interleave", *xs)
    for x, start in zip(xs, starts, strict=True):
        _check_places("interleave", shape, x.shape, start, steps)
    return TensorType(xs[0].dtype, shape)


def _eval_interleave(
    *xs: np.ndarray, shape: Any, starts: tuple[Any, ...], steps: tuple[int, ...]
) -> np.ndarray:
    result = np.zeros(shape, xs[0].dtype)
    for x, start in zip(xs, starts, strict=True):
        result[_python_slices(start, x.shape, steps)] = x
    return result


def _vjp_interleave(
    g: Any, y: Any, *xs: Any, shape: Shape, starts: tuple[Shape, ...], steps: tuple[int, ...]
) -> tuple[Any, ...]:
    return tuple(
        slice_(g, starts=start, sizes=x.shape, steps=steps)
        for x, start in zip(xs, starts, strict=True)
    )


def _batch_interleave(
    size: DimLike,
    batched: tuple[bool, ...],
    *xs: Any,
    shape: Shape,
    starts: tuple[Shape, ...],
    steps: tuple[int, ...],
) -> Any:
    return interleave(
        *spread_all(size, batched, xs),
        shape=(size, *shape),
        starts=tuple((0, *start) for start in starts),
        steps=(1, *steps),
    )


def _pieces_interleave(
    *xs: TensorType, shape: Shape, starts: tuple[Shape, ...], steps: tuple[int, ...]
) -> tuple[Piece, ...]:
    parts = tuple(Piece(i, start, steps) for i, start in enumerate(starts))
    return parts if len(parts) == math.prod(steps) else (_filled(shape, 0.0), *parts)


def _guard_interleave(
    *xs: TensorType, shape: Shape, starts: tuple[Shape, ...], steps: tuple[int, ...]
) -> tuple[Guard, ...]:
    places = zip(xs, starts, strict=True)
    return (
        *size_guards("interleave", shape),
        *(g for x, at in places for g in _guard_places("interleave", shape, x.shape, at, steps)),
    )


# The parts, each in `steps` from its own start, which is below the steps; zeros between them.
interleave: Op = Op(
    "interleave",
    infer=_infer_interleave,
    eval=_eval_interleave,
    vjp=_vjp_interleave,
    batch=_batch_interleave,
    lower=Assemble(_pieces_interleave),
    guards=_guard_interleave,
)

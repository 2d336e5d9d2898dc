"""x[key] and its inverse, x.at[key].set(values), on handles.

Enters: a handle and a key. Leaves: a slice and a `take` of it; for an update, a `pad` or a
`scatter` of the values, which leaves every other element as it was.
"""

from dataclasses import dataclass
from functools import reduce
from typing import TYPE_CHECKING, Any, Generic, Literal, NoReturn

import numpy as np

from graphc import missing, ops
from graphc.dims import DimLike, product
from graphc.errors import ArgumentError, DTypeError, ShapeError, UpdateError
from graphc.functions.lifting import (
    binary,
    dtype_of,
    filled,
    lift,
    literal,
    same_shape,
    shape_of,
    to_dtype,
    to_shape,
)
from graphc.functions.selection import Selection, Span, constant_array, select
from graphc.functions.shaping import permuted, to_reshaped
from graphc.graph import H, Handle
from graphc.refusals import explained
from graphc.types import Shape, bool_, can_cast_same_kind, int64

# ---- reading ----


def item(x: H, key: Any) -> H:
    """x[key], by NumPy's rules for ints, slices, integer arrays, None and ... ."""
    chosen = select(x, key)
    y = to_reshaped(_sliced(x, chosen.spans), chosen.shape)
    if not chosen.arrays:
        return y
    along = _along_rows(y, chosen)
    if along is not None:
        return along
    plan = _plan(y, chosen)
    return ops.take(plan.rows, plan.index, axis=plan.axis)


def _sliced(x: H, spans: tuple[Span, ...]) -> H:
    if _is_whole(shape_of(x), spans):
        return x
    starts, sizes, steps = zip(*spans, strict=True)
    return ops.slice_(x, starts=starts, sizes=sizes, steps=steps)


def _is_whole(shape: Shape, spans: tuple[Span, ...]) -> bool:
    return all(s == Span(0, d, 1) for s, d in zip(spans, shape, strict=True))


@dataclass(frozen=True, slots=True)
class _Plan(Generic[H]):
    """A tensor whose indexed axes are one axis, the index into it, and the way back."""

    rows: H
    index: H
    axis: int
    order: tuple[int, ...]
    shape: Shape


def _plan(y: H, chosen: Selection[H]) -> _Plan[H]:
    indexed = tuple(chosen.layout.index(axis) for axis, _ in chosen.arrays)
    rest = [i for i in range(len(chosen.layout)) if i not in indexed]
    axis = indexed[0] if chosen.adjacent else 0
    order = (*rest[:axis], *indexed, *rest[axis:])
    moved = permuted(y, order)
    shape = shape_of(moved)
    many = len(indexed)
    sizes = shape[axis : axis + many]
    merged = to_reshaped(moved, (*shape[:axis], product(sizes), *shape[axis + many :]))
    index = _flat_index([index for _, index in chosen.arrays], sizes)
    return _Plan(merged, index, axis, order, shape)


def _flat_index(indices: list[H], sizes: Shape) -> H:
    """One index into the merged axis. Where an index is out of range, so is the merged one."""
    if len(indices) == 1:
        return indices[0]
    ranged = [_within(index, size) for index, size in zip(indices, sizes, strict=True)]
    wrapped = same_shape("index", *(w for w, _ in ranged))
    flat = wrapped[0]
    for index, size in zip(wrapped[1:], sizes[1:], strict=True):
        flat = binary(ops.add, binary(ops.mul, flat, lift(size, flat)), index)
    checks = [valid for _, valid in ranged if valid is not None]
    if not checks:
        return flat
    valid = reduce(lambda a, b: binary(ops.logical_and, a, b), checks)
    outside = to_shape(lift(product(sizes), flat), shape_of(flat))
    return ops.where(to_shape(valid, shape_of(flat)), flat, outside)


def _within(index: H, size: DimLike) -> tuple[H, H | None]:
    """The index counted from the front, and where it is in range; None if it always is."""
    array = constant_array(index)
    if array is not None and isinstance(size, int):
        return type(index)(literal(np.where(array < 0, array + size, array), int64)), None
    if _counts(index, size):
        return index, None
    end, zero = lift(size, index), lift(0, index)
    negative = binary(ops.lt, index, zero)
    shape = shape_of(index)
    wrapped = ops.where(negative, binary(ops.add, index, end), index)
    low = binary(ops.ge, wrapped, to_shape(zero, shape))
    return wrapped, binary(ops.logical_and, low, binary(ops.lt, wrapped, end))


def _counts(index: Handle, size: DimLike) -> bool:
    """Whether the index is arange(size)."""
    return index.node.op is ops.iota and shape_of(index) == (size,)


def _along_rows(y: H, chosen: Selection[H]) -> H | None:
    """y[arange(n), k], an element of each row, reads along the rows: no merged index is needed."""
    if chosen.layout != (0, 1) or len(chosen.arrays) != 2:
        return None
    (_, rows), (_, columns) = chosen.arrays
    if not _counts(rows, shape_of(y)[0]) or shape_of(columns) != shape_of(rows):
        return None
    picked = ops.take_along(y, to_reshaped(columns, (*shape_of(columns), 1)), axis=1)
    return to_reshaped(picked, shape_of(columns))


# ---- updating ----

Combine = Literal["set", "add"]


def updated(x: H, key: Any, values: Any, combine: Combine) -> H:
    """x with the elements that x[key] reads set to the values, or the values added to them.

    Where a key names an element twice, `add` adds both, and of `set` the last one wins.
    Raises DTypeError for values of a higher kind than x's.
    """
    chosen = select(x, key)
    values = _of_dtype(values if isinstance(values, type(x)) else lift(values, x), x)
    part = _sliced(x, chosen.spans)
    if chosen.arrays:
        new = _scattered(to_reshaped(part, chosen.shape), chosen, values, combine)
        return _placed(x, chosen.spans, to_reshaped(new, chosen.sizes), "set")
    fitted = to_reshaped(_spread(values, chosen.shape), chosen.sizes)
    return _placed(x, chosen.spans, fitted, combine)


def _of_dtype(values: H, x: H) -> H:
    if not can_cast_same_kind(dtype_of(values), dtype_of(x)):
        raise DTypeError(
            f"at: the values do not fit into {dtype_of(x)}",
            got=str(dtype_of(values)),
            fix="cast one of them with .astype",
        )
    return to_dtype(values, dtype_of(x))


def _spread(values: H, shape: Shape) -> H:
    """The values broadcast to the shape that the key selects; extra leading ones are dropped."""
    own = shape_of(values)
    while len(own) > len(shape) and own[0] == 1:
        own = own[1:]
    try:
        return to_shape(to_reshaped(values, own), shape)
    except ShapeError as error:
        raise ShapeError(
            "at: the values do not broadcast to the shape of x[key]", got=error.got, fix=error.fix
        ) from None


def _scattered(y: H, chosen: Selection[H], values: H, combine: Combine) -> H:
    plan = _plan(y, chosen)
    rows, axis = shape_of(plan.rows), plan.axis
    wanted = (*rows[:axis], *shape_of(plan.index), *rows[axis + 1 :])
    spread = _spread(values, wanted)
    new = ops.scatter(plan.rows, plan.index, spread, axis=axis, combine=combine)
    back = tuple(plan.order.index(i) for i in range(len(plan.order)))
    return permuted(to_reshaped(new, plan.shape), back)


def _placed(x: H, spans: tuple[Span, ...], part: H, combine: Combine) -> H:
    """x with a part of it replaced, or added to."""
    shape = shape_of(x)
    if _is_whole(shape, spans):
        return part if combine == "set" else binary(ops.add, x, part)
    starts, _, steps = zip(*spans, strict=True)
    placed = ops.pad(part, shape=shape, starts=starts, steps=steps, value=0.0)
    if combine == "add":
        return binary(ops.add, x, placed)
    inside = filled(True, shape_of(part), bool_, type(x))
    mask = ops.pad(inside, shape=shape, starts=starts, steps=steps, value=0.0)
    return ops.where(mask, placed, x)


@dataclass(frozen=True, slots=True)
class At(Generic[H]):
    """x.at: takes a key in brackets."""

    tensor: H

    def __getitem__(self, key: Any) -> "Place[H]":
        return Place(self.tensor, key)

    def __setitem__(self, key: Any, values: Any) -> NoReturn:
        raise UpdateError("a tensor does not change", fix="x = x.at[key].set(values)")

    def __call__(self, *key: Any) -> NoReturn:
        raise ArgumentError("x.at takes its key in brackets", fix="x.at[key].set(values)")


@explained("x.at[key]")
@dataclass(frozen=True, slots=True)
class Place(Generic[H]):
    """x.at[key]: what can be done with the elements there."""

    tensor: H
    key: Any

    if not TYPE_CHECKING:  # a checker of types would take any name for a known one
        __getattr__ = missing.of_place

    def get(self) -> H:
        """x[key]."""
        return item(self.tensor, self.key)

    def set(self, values: Any) -> H:
        """x with the values at those places; broadcast to the shape of x[key]."""
        return updated(self.tensor, self.key, values, "set")

    def add(self, values: Any) -> H:
        """x with the values added there; a place that the key names twice gets both."""
        return updated(self.tensor, self.key, values, "add")

    def subtract(self, values: Any) -> H:
        """x with the values subtracted there; a place that the key names twice loses both."""
        lifted = values if isinstance(values, type(self.tensor)) else lift(values, self.tensor)
        return updated(self.tensor, self.key, ops.neg(lifted), "add")

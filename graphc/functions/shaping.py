"""Axes: which ones are meant, reductions over them, and the shapes of views.

Enters: handles, and axes and shapes as users write them (negative, None, with -1). Leaves: handles
of primitives with axes and shapes in normal form.

>>> normal_axis(-1, 3, "sum"), normal_axes(None, 2, "sum"), normal_axes((-1, 0), 3, "sum")
(2, (0, 1), (0, 2))
"""

import operator
from collections.abc import Sequence
from typing import SupportsIndex, TypeAlias

from graphc import ops
from graphc.dims import DimLike, product
from graphc.errors import ConcretenessError, DTypeError, ShapeError
from graphc.functions.lifting import divide, dtype_of, shape_of, size, to_dtype, to_float, to_shape
from graphc.graph import H, Handle, Node, Op
from graphc.types import Shape, Sizes, as_shape, bool_, int64, uint64

Axis: TypeAlias = int | Sequence[int] | None


# What was meant where something else than an axis is given.
_ELEMENTWISE = {
    "argmax": "one axis alone, or None for all elements",
    "argmin": "one axis alone, or None for all elements",
    "max": "graphc.maximum(x, y) is elementwise; several axes are a tuple of ints",
    "min": "graphc.minimum(x, y) is elementwise; several axes are a tuple of ints",
    "sum": "x + y is elementwise; several axes are a tuple of ints",
}


def normal_axis(axis: int, rank: int, what: str) -> int:
    """An axis counted from the front; ShapeError for one that is not there."""
    number = _index(axis)
    if number is None:
        fix = _ELEMENTWISE.get(what, "several axes are a tuple of ints")
        if isinstance(getattr(axis, "node", None), Node):
            fix = (
                "an argument of jit is a tensor: close over an int, or functools.partial(f, axis=1)"
            )
        raise DTypeError(f"{what}: an axis is an int", got=repr(axis), fix=fix)
    if not -rank <= number < rank:
        axes = f"axes go from -{rank} to {rank - 1}" if rank else "a scalar has no axes"
        raise ShapeError(f"{what}: axis {number} is out of range", got=f"rank {rank}", fix=axes)
    return number % rank


def _index(axis: object) -> int | None:
    """The int that an object stands for; arrays and tensors look like indices, and may be none."""
    if isinstance(axis, bool) or not isinstance(axis, SupportsIndex):
        return None
    try:
        return operator.index(axis)
    except (TypeError, ConcretenessError):
        return None


def normal_axes(axis: Axis, rank: int, what: str) -> tuple[int, ...]:
    """The axes meant, sorted and counted from the front: all of them for None."""
    if axis is None:
        return tuple(range(rank))
    listed = axis if isinstance(axis, Sequence) else (axis,)
    axes = sorted(normal_axis(a, rank, what) for a in listed)
    if len(set(axes)) < len(axes):
        raise ShapeError(f"{what}: an axis is named twice", got=str(axis), fix="name it once")
    return tuple(axes)


def is_empty(x: Handle, axes: Sequence[int]) -> bool:
    """Whether there is nothing along the axes, whatever the values of named sizes."""
    return any(shape_of(x)[axis] == 0 for axis in axes)


# ---- reductions ----


def reduced(op: Op, x: H, axis: Axis, keepdims: bool) -> H:
    """A reduction over the axes, which stay with size 1 where keepdims is set."""
    shape = shape_of(x)
    axes = normal_axes(axis, len(shape), op.name)
    y = op(x, axes=axes) if axes else x
    return restored(y, shape, axes) if keepdims else y


def restored(y: H, shape: Shape, axes: Sequence[int]) -> H:
    """The result of a reduction with its reduced axes back, of size 1."""
    return to_reshaped(y, tuple(1 if i in axes else d for i, d in enumerate(shape)))


def widened(x: H) -> H:
    """x in the dtype that it is summed in: integers in 64 bits, floats in their own."""
    kind = dtype_of(x).kind
    return x if kind == "f" else to_dtype(x, uint64 if kind == "u" else int64)


def summed(x: H, axis: Axis, keepdims: bool) -> H:
    """The sum; integers and booleans sum to 64 bits."""
    return reduced(ops.sum_, widened(x), axis, keepdims)


def mean(x: H, axis: Axis, keepdims: bool) -> H:
    """The mean, of floats; integers and booleans become float32."""
    x = to_float(x)
    shape = shape_of(x)
    count = size(product(shape[a] for a in normal_axes(axis, len(shape), "mean")), type(x))
    return divide(reduced(ops.sum_, x, axis, keepdims), to_dtype(count, dtype_of(x)))


def largest(x: H, axis: Axis, keepdims: bool) -> H:
    """The maximum; of booleans, whether one is true."""
    return reduced(ops.any_ if dtype_of(x).kind == "b" else ops.max_, x, axis, keepdims)


def smallest(x: H, axis: Axis, keepdims: bool) -> H:
    """The minimum; of booleans, whether all are true."""
    return reduced(ops.all_ if dtype_of(x).kind == "b" else ops.min_, x, axis, keepdims)


def truth(x: H) -> H:
    """x != 0."""
    return to_dtype(x, bool_)


# ---- views ----


def to_reshaped(x: H, shape: Shape) -> H:
    """x in a shape of as many elements."""
    return x if shape_of(x) == shape else ops.reshape(x, shape=shape)


def reshape(x: H, shape: Sizes) -> H:
    """x in a shape, where -1 once stands for what is left over."""
    wanted = shape if isinstance(shape, Sequence) and not isinstance(shape, str) else (shape,)
    free = [i for i, d in enumerate(wanted) if isinstance(d, int) and d == -1]
    if len(free) > 1:
        raise ShapeError(
            "reshape: only one size may be -1", got=str(wanted), fix="give the others: x.shape[i]"
        )
    known = as_shape([d for i, d in enumerate(wanted) if i not in free])
    if not free:
        return to_reshaped(x, known)
    left = _left_over(shape_of(x), known)
    return to_reshaped(x, (*known[: free[0]], left, *known[free[0] :]))


def _left_over(shape: Shape, known: Shape) -> DimLike:
    """The size that -1 stands for. Factors in common go first, so that sizes of 0 may be known.

    (batch, t, 64) -> (-1, 64): batch*t
    """
    have, need = list(shape), []
    for d in known:
        if d in have:
            have.remove(d)
        else:
            need.append(d)
    total, part = product(have), product(need)
    if isinstance(total, int) and isinstance(part, int) and (part == 0 or total % part):
        raise ShapeError(
            f"reshape: {shape} does not divide into {known}",
            got=f"{product(shape)} elements",
            fix="the product of the sizes but -1 must divide the number of elements",
        )
    return total // part


def permuted(x: H, axes: Sequence[int], what: str = "permute_dims") -> H:
    """x with its axes in another order: axis i of the result is axis axes[i] of x."""
    rank = len(shape_of(x))
    order = tuple(normal_axis(a, rank, what) for a in axes)
    if sorted(order) != list(range(rank)):
        exchange = f"; graphc.swapaxes(x, {order[0]}, {order[-1]}) exchanges two"
        raise ShapeError(
            f"{what}: each axis is given once, in the new order",
            got=f"{tuple(axes)} of {rank} axes",
            fix=f"an order of {tuple(range(rank))}"
            + (exchange if len(set(order)) == 2 == len(order) else ""),
        )
    return x if order == tuple(range(rank)) else ops.transpose(x, axes=order)


def matrix_transposed(x: H) -> H:
    """x with its last two axes exchanged."""
    shape = shape_of(x)
    if len(shape) < 2:
        fix = "a vector is one of a column: x[:, None], or of a row: x[None]"
        raise ShapeError("a transposed matrix has two axes", got=str(shape), fix=fix)
    return swapped(x, -1, -2)


def swapped(x: H, a: int, b: int) -> H:
    """x with two axes exchanged."""
    rank = len(shape_of(x))
    order = list(range(rank))
    a, b = normal_axis(a, rank, "swapaxes"), normal_axis(b, rank, "swapaxes")
    order[a], order[b] = b, a
    return permuted(x, order)


def expanded(x: H, axis: int | Sequence[int]) -> H:
    """x with axes of size 1 put in, at those places of the result."""
    shape = shape_of(x)
    listed = axis if isinstance(axis, Sequence) else (axis,)
    rank = len(shape) + len(listed)
    new = normal_axes(listed, rank, "expand_dims")
    rest = iter(shape)
    return to_reshaped(x, tuple(1 if i in new else next(rest) for i in range(rank)))


def squeezed(x: H, axis: Axis) -> H:
    """x without the axes, each of size 1; None means every axis of size 1."""
    shape = shape_of(x)
    if axis is None:
        return to_reshaped(x, tuple(d for d in shape if d != 1))
    axes = normal_axes(axis, len(shape), "squeeze")
    for a in axes:
        if shape[a] != 1:
            raise ShapeError(
                f"squeeze: axis {a} is not of size 1",
                got=str(shape),
                fix="x[0] takes the first row",
            )
    return to_reshaped(x, tuple(d for i, d in enumerate(shape) if i not in axes))


def broadcast(x: H, shape: Sizes) -> H:
    """x broadcast to a shape."""
    return to_shape(x, as_shape(shape))

"""Shapes: reshaping, joining, reordering and padding, under the array API's names.

Enters: tensors and arrays; axes may be negative, sizes symbolic. Leaves: tensors. Nothing here
computes: a kernel that reads the result reads the operands.

>>> concat([as_tensor([1, 2]), as_tensor([3])]).eval()
array([1, 2, 3])
"""

import itertools
from collections.abc import Sequence
from typing import TypeAlias

import numpy as np

from graphc import ops
from graphc.dims import Dim, DimLike
from graphc.errors import DTypeError, ShapeError
from graphc.functions import shaping
from graphc.functions.creation import as_tensor, as_tensors, constant
from graphc.functions.lifting import same_dtype, same_shape, to_dtype
from graphc.functions.shaping import Axis
from graphc.functions.tensor import DTypeLike, Scalar, Tensor, TensorLike
from graphc.ops.checks import match_shapes
from graphc.types import Sizes, as_dtype, as_shape

Widths: TypeAlias = int | Sequence[int] | Sequence[Sequence[int]]

# ---- one tensor ----


def astype(x: TensorLike, dtype: DTypeLike) -> Tensor:
    """x in another dtype. Floats to integers saturate and nan becomes 0; integers wrap.

    >>> astype([1.9, -1.9], "int32").eval()
    array([ 1, -1], dtype=int32)
    """
    return to_dtype(as_tensor(x), as_dtype(dtype))


def reshape(x: TensorLike, shape: Sizes) -> Tensor:
    """The elements of x in row-major order in another shape; -1 stands once for what is left.

    Raises ShapeError where the number of elements changes; what cannot be known yet is checked
    when sizes are.

    >>> from graphc.functions.creation import input
    >>> reshape(input("x", ("batch", "t", 64)), (-1, 64)).shape
    (batch*t, 64)
    """
    return shaping.reshape(as_tensor(x), shape)


def expand_dims(x: TensorLike, axis: int | Sequence[int] = 0) -> Tensor:
    """x with an axis of size 1 put in, or several: the places are those in the result.

    >>> expand_dims([1, 2], -1).shape
    (2, 1)
    """
    return shaping.expanded(as_tensor(x), axis)


def squeeze(x: TensorLike, axis: Axis = None) -> Tensor:
    """x without the axes, each of size 1; without any of size 1 for None.

    Raises ShapeError for an axis of another size.

    >>> squeeze([[[1, 2]]]).shape, squeeze([[[1, 2]]], axis=0).shape
    ((2,), (1, 2))
    """
    return shaping.squeezed(as_tensor(x), axis)


def permute_dims(x: TensorLike, axes: Sequence[int]) -> Tensor:
    """x with its axes in another order: axis i of the result is axis axes[i] of x.

    >>> permute_dims([[1, 2, 3]], (1, 0)).shape
    (3, 1)
    """
    return shaping.permuted(as_tensor(x), axes)


def matrix_transpose(x: TensorLike) -> Tensor:
    """x with its last two axes exchanged.

    >>> matrix_transpose([[1, 2, 3]]).shape
    (3, 1)
    """
    return shaping.matrix_transposed(as_tensor(x))


def swapaxes(x: TensorLike, axis1: int, axis2: int) -> Tensor:
    """x with two axes exchanged.

    >>> swapaxes([[1, 2, 3]], 0, -1).shape
    (3, 1)
    """
    return shaping.swapped(as_tensor(x), axis1, axis2)


def moveaxis(
    x: TensorLike, source: int | Sequence[int], destination: int | Sequence[int]
) -> Tensor:
    """x with axes moved to other places; the others keep their order.

    >>> moveaxis([[[1, 2, 3]]], 2, 0).shape
    (3, 1, 1)
    """
    y = as_tensor(x)
    sources, targets = _listed(source), _listed(destination)
    moved = [shaping.normal_axis(a, y.ndim, "moveaxis") for a in sources]
    places = [shaping.normal_axis(a, y.ndim, "moveaxis") for a in targets]
    if len(moved) != len(places) or len(set(moved)) < len(moved):
        raise ShapeError(
            "moveaxis: a place for each axis is needed",
            got=f"{source}, {destination}",
            fix="moveaxis(x, (0, 1), (1, 0))",
        )
    order = [a for a in range(y.ndim) if a not in moved]
    for place, axis in sorted(zip(places, moved, strict=True)):
        order.insert(place, axis)
    return shaping.permuted(y, order)


def _listed(axes: int | Sequence[int]) -> Sequence[int]:
    return axes if isinstance(axes, Sequence) else (axes,)


def broadcast_to(x: TensorLike, shape: Sizes) -> Tensor:
    """x repeated along new leading axes and along axes of size 1.

    Raises ShapeError where another size would have to change.

    >>> broadcast_to([1, 2], (2, 2)).eval()
    array([[1, 2],
           [1, 2]])
    """
    return shaping.broadcast(as_tensor(x), shape)


def broadcast_arrays(*arrays: TensorLike) -> tuple[Tensor, ...]:
    """The tensors in the shape that they broadcast to.

    >>> [x.shape for x in broadcast_arrays([1, 2], [[3]])]
    [(1, 2), (1, 2)]
    """
    return same_shape("broadcast_arrays", *(as_tensor(a) for a in arrays))


def flatten(x: TensorLike) -> Tensor:
    """The elements of x in row-major order, along one axis.

    >>> flatten([[1, 2], [3, 4]]).eval()
    array([1, 2, 3, 4])
    """
    y = as_tensor(x)
    return shaping.to_reshaped(y, (y.size,))


def flip(x: TensorLike, axis: Axis = None) -> Tensor:
    """x with the order along the axes reversed; along all for None.

    >>> flip([[1, 2], [3, 4]], axis=0).eval()
    array([[3, 4],
           [1, 2]])
    """
    y = as_tensor(x)
    axes = shaping.normal_axes(axis, y.ndim, "flip")
    return y[tuple(slice(None, None, -1 if a in axes else 1) for a in range(y.ndim))]


def roll(x: TensorLike, shift: int | Sequence[int], axis: Axis = None) -> Tensor:
    """x with elements moved along axes; what leaves at the end comes in at the front.

    Without an axis, in row-major order. A symbolic size must be at least the shift.

    >>> roll([1, 2, 3, 4], 1).eval()
    array([4, 1, 2, 3])
    """
    y = as_tensor(x)
    if axis is None:
        if isinstance(shift, Sequence):
            raise ShapeError(
                "roll: several shifts need several axes", got=str(shift), fix="axis=(0, 1)"
            )
        return shaping.to_reshaped(_rolled(flatten(y), shift, 0), y.shape)
    axes = _listed(axis)
    shifts = shift if isinstance(shift, Sequence) else (shift,) * len(axes)
    if len(shifts) != len(axes):
        got = f"{shift} for axes {axis}"
        raise ShapeError("roll: a shift for each axis is needed", got=got, fix="one int for all")
    for amount, at in zip(shifts, axes, strict=True):
        y = _rolled(y, amount, shaping.normal_axis(at, y.ndim, "roll"))
    return y


def _rolled(x: Tensor, shift: int, axis: int) -> Tensor:
    n = x.shape[axis]
    if not isinstance(shift, int | np.integer):
        raise DTypeError("roll: a shift is an int", got=repr(shift), fix="graphc.roll(x, 1)")
    shift = int(shift)
    if n == 0:
        return x
    from_end = n - shift if shift > 0 else -shift
    first = -shift % n if isinstance(n, int) else from_end
    if first == 0:
        return x
    return ops.concat(_cut(x, axis, first, n - first), _cut(x, axis, 0, first), axis=axis)


def _cut(x: Tensor, axis: int, start: DimLike, size: DimLike) -> Tensor:
    """`size` elements along an axis; unlike x[start:], it holds the size to be that."""
    rest = x.shape[axis + 1 :]
    starts = (*(0,) * axis, start, *(0,) * len(rest))
    sizes = (*x.shape[:axis], size, *rest)
    return ops.slice_(x, starts=starts, sizes=sizes, steps=(1,) * x.ndim)


def repeat(x: TensorLike, repeats: int | Sequence[int], axis: int | None = None) -> Tensor:
    """Each element `repeats` times in a row, along an axis, or in row-major order without one; with
    a list of numbers, each so many times as its own says.

    Raises ShapeError for a list along a symbolic size, or of another length.

    >>> repeat([1, 2], 2).eval()
    array([1, 1, 2, 2])
    """
    y = flatten(x) if axis is None else as_tensor(x)
    at = shaping.normal_axis(0 if axis is None else axis, y.ndim, "repeat")
    shape = y.shape
    if not isinstance(repeats, int | np.integer | Dim):
        counts = np.asarray(repeats)
        if counts.shape != (shape[at],):
            raise ShapeError(
                "repeat: a number for each element along the axis",
                got=f"{counts.shape} for {shape[at]}",
                fix="one int for all; graphc.tile repeats all of x",
            )
        return ops.take(y, constant(np.repeat(np.arange(len(counts)), counts)), axis=at)
    (times,) = as_shape(repeats)
    wide = shaping.to_reshaped(y, (*shape[: at + 1], 1, *shape[at + 1 :]))
    spread = ops.broadcast_to(wide, shape=(*shape[: at + 1], times, *shape[at + 1 :]))
    return shaping.to_reshaped(spread, (*shape[:at], shape[at] * times, *shape[at + 1 :]))


def tile(x: TensorLike, repetitions: int | Sequence[int]) -> Tensor:
    """x repeated as a whole along each axis, or along the last; missing axes come in front.

    >>> tile([1, 2], (2,)).eval()
    array([1, 2, 1, 2])
    """
    y = as_tensor(x)
    repetitions = _listed(repetitions)
    rank = y.ndim if y.ndim > len(repetitions) else len(repetitions)
    times = (1,) * (rank - len(repetitions)) + as_shape(repetitions)
    shape = (1,) * (rank - y.ndim) + y.shape
    split = shaping.to_reshaped(y, tuple(d for size in shape for d in (1, size)))
    pairs = tuple(zip(times, shape, strict=True))
    spread = shaping.broadcast(split, tuple(d for pair in pairs for d in pair))
    return shaping.to_reshaped(spread, tuple(n * size for n, size in pairs))


def pad(x: TensorLike, widths: Widths, value: Scalar = 0) -> Tensor:
    """x with `value` around it: widths are one number, (before, after), or a pair for each axis.

    >>> pad([1, 2], (1, 2)).eval()
    array([0, 1, 2, 0, 0])
    """
    y = as_tensor(x)
    pairs = _width_pairs(widths, y.ndim)
    shape = tuple(before + d + after for (before, after), d in zip(pairs, y.shape, strict=True))
    starts = tuple(before for before, _ in pairs)
    return ops.pad(y, shape=shape, starts=starts, steps=(1,) * y.ndim, value=float(value))


def _width_pairs(widths: Widths, rank: int) -> list[tuple[int, int]]:
    given = widths.tolist() if isinstance(widths, np.ndarray) else widths
    if isinstance(given, int | np.integer):
        return [(int(given), int(given))] * rank
    listed = list(given) if isinstance(given, Sequence) and not isinstance(given, str) else []
    pairs = [tuple(w) for w in listed if isinstance(w, Sequence)] or [tuple(listed)] * rank
    found = [_width_pair(p) for p in pairs]
    known = [pair for pair in found if pair is not None]
    if len(known) != rank or len(pairs) != rank:
        raise ShapeError(
            "pad: a pair (before, after) for each axis, none negative",
            got=f"{widths} for {rank} axes",
            fix=f"widths={((0, 0),) * (rank - 1) + ((1, 1),)}; a slice x[1:-1] cuts",
        )
    return known


def _width_pair(pair: Sequence[object]) -> tuple[int, int] | None:
    """Two widths; None for anything else."""
    widths = [int(w) for w in pair if isinstance(w, int | np.integer) and w >= 0]
    return (widths[0], widths[1]) if len(widths) == len(pair) == 2 else None


def diff(x: TensorLike, axis: int = -1, n: int = 1) -> Tensor:
    """The differences of neighbours along an axis, taken n times: x[1:] - x[:-1].

    >>> diff([1, 4, 9]).eval(), diff([1, 4, 9], n=2).eval()
    (array([3, 5]), array([2]))
    """
    y = as_tensor(x)
    before = (slice(None),) * shaping.normal_axis(axis, y.ndim, "diff")
    for _ in range(n):
        after, first = y[(*before, slice(1, None))], y[(*before, slice(None, -1))]
        y = after != first if y.dtype.kind == "b" else after - first
    return y


# ---- several tensors ----


def concat(arrays: Sequence[TensorLike], axis: int | None = 0) -> Tensor:
    """The tensors one after the other along an axis that is there; flattened first for None.

    Raises ShapeError where their other sizes differ.

    >>> concat([[[1, 2]], [[3, 4]]], axis=1).eval()
    array([[1, 2, 3, 4]])
    """
    xs = _several("concat", arrays)
    if axis is None:
        xs, axis = tuple(flatten(x) for x in xs), 0
    return ops.concat(*xs, axis=shaping.normal_axis(axis, xs[0].ndim, "concat"))


def stack(arrays: Sequence[TensorLike], axis: int = 0) -> Tensor:
    """The tensors, of one shape, along a new axis.

    >>> stack([[1, 2], [3, 4]], axis=1).eval()
    array([[1, 3],
           [2, 4]])
    """
    xs = _several("stack", arrays)
    at = shaping.normal_axis(axis, xs[0].ndim + 1, "stack")
    match_shapes("stack", *(x.shape for x in xs))
    return ops.concat(*(shaping.expanded(x, at) for x in xs), axis=at)


def _several(what: str, arrays: Sequence[TensorLike]) -> tuple[Tensor, ...]:
    if isinstance(arrays, Tensor):
        raise ShapeError(
            f"{what} takes a list of tensors", got=repr(arrays), fix=f"{what}([x, y], axis=0)"
        )
    xs = as_tensors(*arrays)
    if not xs:
        raise ShapeError(f"{what}: of no tensors", fix="give a list of at least one")
    return same_dtype(*xs)


def unstack(x: TensorLike, axis: int = 0) -> tuple[Tensor, ...]:
    """The slices of x along an axis, which they lose. Raises ShapeError for a symbolic size.

    >>> [row.eval().tolist() for row in unstack([[1, 2], [3, 4]])]
    [[1, 2], [3, 4]]
    """
    y = as_tensor(x)
    at = shaping.normal_axis(axis, y.ndim, "unstack")
    n = y.shape[at]
    if isinstance(n, Dim):
        raise ShapeError("unstack: the size is symbolic", got=str(n), fix="vmap maps a function")
    return tuple(y[(*(slice(None),) * at, i)] for i in range(n))


def split(x: TensorLike, sections: int | Sequence[DimLike], axis: int = 0) -> tuple[Tensor, ...]:
    """x in pieces along an axis: so many equal ones, or cut at the given places.

    Raises ShapeError where a size does not divide, GuardError where a symbolic one does not.

    >>> [piece.eval().tolist() for piece in split([1, 2, 3, 4], 2)]
    [[1, 2], [3, 4]]
    """
    y = as_tensor(x)
    at = shaping.normal_axis(axis, y.ndim, "split")
    n, before = y.shape[at], (slice(None),) * at
    if isinstance(sections, int | np.integer):
        sections = int(sections)
        if sections < 1 or (isinstance(n, int) and n % sections):
            raise ShapeError(
                f"split: {n} does not divide into {sections} equal pieces",
                fix="give the places to cut at: split(x, [2, 5])",
            )
        parts = shaping.to_reshaped(y, (*y.shape[:at], sections, n // sections, *y.shape[at + 1 :]))
        return tuple(parts[(*before, i)] for i in range(sections))
    cuts = [0, *sections, n]
    return tuple(y[(*before, slice(a, b))] for a, b in itertools.pairwise(cuts))

"""Reading where integers say: take, take_along_axis, one_hot. For x[key] see `Tensor`.

Enters: tensors, integer tensors or arrays. Leaves: tensors. An index may be negative; one outside
of its axis is an IndexRangeError, at once for constants and else when it runs. A program in which
it reads or writes no element, for another axis is empty, need not notice.

>>> take([10, 20, 30], [2, 0], axis=0).eval()
array([30, 10])
"""

from graphc import ops
from graphc.dims import DimLike, dim
from graphc.errors import DTypeError, ShapeError
from graphc.functions import shaping
from graphc.functions.creation import as_tensor
from graphc.functions.lifting import to_dtype, to_index
from graphc.functions.manipulation import flatten
from graphc.functions.patterns import arange
from graphc.functions.selection import check_range
from graphc.functions.tensor import DTypeLike, Tensor, TensorLike
from graphc.graph import called
from graphc.types import Shape, as_dtype, broadcast_shapes


def _index(indices: TensorLike, size: DimLike, what: str) -> Tensor:
    index = as_tensor(indices)
    if index.dtype.kind not in "iu":
        raise DTypeError(
            f"{what}: an index is made of integers",
            got=str(index.node.type),
            fix="indices.astype('int64')",
        )
    check_range(index, size, what)
    return index


def take(x: TensorLike, indices: TensorLike, axis: int | None = None) -> Tensor:
    """The slices of x at the indices along an axis; of the flattened x without an axis.

    The shape of the indices takes the place of the axis: rows of a (v, d) table at (b, t) indices
    are (b, t, d). Raises DTypeError for indices that are no integers.

    >>> take([[1, 2], [3, 4], [5, 6]], [2, 0], axis=0).eval()
    array([[5, 6],
           [1, 2]])
    """
    y = flatten(x) if axis is None else as_tensor(x)
    at = shaping.normal_axis(0 if axis is None else axis, y.ndim, "take")
    with called("take"):
        return ops.take(y, _index(indices, y.shape[at], "take"), axis=at)


def take_along_axis(x: TensorLike, indices: TensorLike, axis: int = -1) -> Tensor:
    """For each index the element of x there, along an axis; the other axes broadcast.

    Raises DTypeError for indices that are no integers, ShapeError for another rank.

    >>> take_along_axis([[10, 20], [30, 40]], [[1], [0]], axis=1).eval()
    array([[20],
           [30]])
    """
    y = as_tensor(x)
    at = shaping.normal_axis(axis, y.ndim, "take_along_axis")
    index = _index(indices, y.shape[at], "take_along_axis")
    if index.ndim != y.ndim:
        raise ShapeError(
            "take_along_axis: the index needs x's rank",
            got=f"{index.shape} for {y.shape}",
            fix="indices[..., None] adds an axis; graphc.take reads whole rows",
        )
    others = broadcast_shapes(_without(y.shape, at), _without(index.shape, at))
    y = shaping.broadcast(y, (*others[:at], y.shape[at], *others[at:]))
    index = shaping.broadcast(index, (*others[:at], index.shape[at], *others[at:]))
    with called("take_along_axis"):
        return ops.take_along(y, index, axis=at)


def _without(shape: Shape, axis: int) -> Shape:
    return shape[:axis] + shape[axis + 1 :]


def one_hot(
    indices: TensorLike, size: int | str | DimLike, *, dtype: DTypeLike = "float32"
) -> Tensor:
    """1 at each index along a new last axis of that size, 0 elsewhere; nothing but 0 for an index
    outside of it.

    >>> one_hot([0, 2], 3).eval()
    array([[1., 0., 0.],
           [0., 0., 1.]], dtype=float32)
    """
    index = as_tensor(indices)
    if index.dtype.kind not in "iu":
        raise DTypeError(
            "one_hot: an index is made of integers",
            got=str(index.node.type),
            fix="indices.astype('int64')",
        )
    places = arange(dim(size))
    return to_dtype(shaping.expanded(to_index(index), -1) == places, as_dtype(dtype))

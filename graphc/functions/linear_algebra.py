"""Products of tensors: matmul, tensordot, vecdot, outer, einsum, all by the primitive `dot`.

Enters: tensors and arrays. Leaves: tensors of the promoted dtype.

>>> matmul([[1, 2], [3, 4]], [5, 6]).eval()
array([17, 39])
"""

from collections.abc import Sequence

from graphc import ops
from graphc.dims import same_dims
from graphc.errors import ShapeError
from graphc.functions import indexing, products, shaping
from graphc.functions.creation import as_tensor, as_tensors
from graphc.functions.lifting import binary, same_dtype
from graphc.functions.patterns import arange
from graphc.functions.tensor import Tensor, TensorLike


def matmul(a: TensorLike, b: TensorLike) -> Tensor:
    """The matrix product: (..., m, k) @ (..., k, n) -> (..., m, n); leading axes broadcast.

    A 1-D operand is a row on the left and a column on the right, and its axis is dropped.
    Raises ShapeError where the inner sizes differ and for scalars.

    >>> matmul([[1.0, 2.0]], [[3.0], [4.0]]).eval()
    array([[11.]], dtype=float32)
    """
    return products.matmul(*as_tensors(a, b))


def dot(a: TensorLike, b: TensorLike) -> Tensor:
    """NumPy's dot: matmul of vectors and matrices, else the sum over a's last and b's second last.

    >>> dot([1, 2], [3, 4]).eval()
    array(11)
    """
    left, right = as_tensors(a, b)
    if not left.ndim or not right.ndim:
        return left * right
    if left.ndim <= 2 and right.ndim <= 2:
        return products.matmul(left, right)
    return tensordot(left, right, axes=([-1], [-2 if right.ndim > 1 else -1]))


def tensordot(
    a: TensorLike, b: TensorLike, *, axes: int | tuple[Sequence[int], Sequence[int]] = 2
) -> Tensor:
    """The sum of products over axes: the last n of a and first n of b, or those named in pairs.

    Raises ShapeError where their sizes differ.

    >>> tensordot([[1, 2], [3, 4]], [[1, 0], [0, 1]], axes=1).eval()
    array([[1, 2],
           [3, 4]])
    """
    x, y = same_dtype(*as_tensors(a, b))
    if isinstance(axes, int):
        left, right = range(x.ndim - axes, x.ndim), range(axes)
    else:
        left, right = axes
    inner_x = tuple(shaping.normal_axis(i, x.ndim, "tensordot") for i in left)
    inner_y = tuple(shaping.normal_axis(i, y.ndim, "tensordot") for i in right)
    if len(inner_x) != len(inner_y):
        raise ShapeError(
            "tensordot: as many axes of a as of b are needed",
            got=str(axes),
            fix="axes=([1], [0]): those of a, and those of b",
        )
    for i, j in zip(inner_x, inner_y, strict=True):
        if same_dims(x.shape[i], y.shape[j]) is False:
            raise ShapeError(
                f"tensordot: axis {i} of {x.shape} meets axis {j} of {y.shape}",
                got=f"{x.shape[i]} != {y.shape[j]}",
                fix="axes=1 is the last of a with the first of b, axes=([1], [0]) names them",
            )
    return ops.dot(x, y, contract=(inner_x, inner_y), batch=((), ()))


def vecdot(a: TensorLike, b: TensorLike, *, axis: int = -1) -> Tensor:
    """The dot product of vectors along an axis; the other axes broadcast.

    >>> vecdot([[1, 2], [3, 4]], [1, 1]).eval()
    array([3, 7])
    """
    left, right = same_dtype(*as_tensors(a, b))
    return shaping.reduced(ops.sum_, binary(ops.mul, left, right), axis, keepdims=False)


def outer(a: TensorLike, b: TensorLike) -> Tensor:
    """Every product of an element of a with one of b, both flattened.

    >>> outer([1, 2], [3, 4]).eval()
    array([[3, 4],
           [6, 8]])
    """
    left, right = as_tensors(a, b)
    return shaping.reshape(left, (left.size, 1)) * shaping.reshape(right, (1, right.size))


def trace(x: TensorLike, *, offset: int = 0) -> Tensor:
    """The sum of a diagonal of the last two axes.

    >>> trace([[1, 2], [3, 4]]).eval()
    array(5)
    """
    return shaping.summed(diagonal(x, offset=offset), -1, keepdims=False)


def diagonal(x: TensorLike, *, offset: int = 0) -> Tensor:
    """The elements x[..., i, i + offset] of the last two axes. Their sizes are ints, or, for the
    main diagonal, one size that has a name. Raises ShapeError for others.

    >>> diagonal([[1, 2], [3, 4]]).eval()
    array([1, 4])
    """
    y = as_tensor(x)
    rows, columns = y.shape[-2:] if y.ndim >= 2 else ("", "")
    if not isinstance(rows, int) or not isinstance(columns, int):
        return _main_diagonal(y, offset)
    count = max(0, min(rows + min(offset, 0), columns - max(offset, 0)))
    first = max(-offset, 0) * columns + max(offset, 0)
    flat = shaping.to_reshaped(y, (*y.shape[:-2], rows * columns))
    return flat[..., first : first + count * (columns + 1) : columns + 1]


def _main_diagonal(y: Tensor, offset: int) -> Tensor:
    """Of square matrices whose size has a name: a step of size + 1 is no int."""
    if y.ndim < 2 or offset != 0 or same_dims(*y.shape[-2:]) is not True:
        raise ShapeError(
            "diagonal: a matrix of int sizes is needed, or (n, n) and no offset",
            got=f"{y.shape}, offset={offset}",
            fix="x[i, i + offset], for i = graphc.arange(count), of a matrix",
        )
    places = shaping.expanded(arange(y.shape[-1]), (*range(y.ndim - 2), -1))
    return indexing.take_along_axis(y, places, axis=-1)[..., 0]

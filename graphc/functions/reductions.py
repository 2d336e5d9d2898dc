"""Reductions under the names of the array API standard.

Enters: tensors, arrays and numbers; `axis` is an int, several, or None for all, and counts from
the end if negative; keepdims leaves reduced axes with size 1. Leaves: tensors.

>>> x = as_tensor([[1.0, 2.0], [3.0, 4.0]])
>>> sum(x, axis=0).eval(), mean(x).eval(), max(x, axis=-1, keepdims=True).shape
(array([4., 6.], dtype=float32), array(2.5, dtype=float32), (2, 1))
"""

from graphc import ops
from graphc.dims import product
from graphc.functions import shaping
from graphc.functions.creation import as_tensor
from graphc.functions.lifting import divide, lift, size, to_dtype, to_float
from graphc.functions.shaping import Axis
from graphc.functions.tensor import DTypeLike, Tensor, TensorLike
from graphc.graph import Op
from graphc.types import as_dtype


def sum(
    x: TensorLike, axis: Axis = None, *, dtype: DTypeLike | None = None, keepdims: bool = False
) -> Tensor:
    """The sum over axes. Integers and booleans sum to int64 or uint64, unless dtype is given.

    Raises ShapeError for an axis that is not there.

    >>> sum([[True, False], [True, True]], axis=0).eval()
    array([2, 1])
    """
    return shaping.summed(_summand(x, dtype), axis, keepdims)


def prod(
    x: TensorLike, axis: Axis = None, *, dtype: DTypeLike | None = None, keepdims: bool = False
) -> Tensor:
    """The product over axes. Integers and booleans give int64 or uint64, unless dtype is given.

    >>> prod([2, 3, 4]).eval()
    array(24)
    """
    return shaping.reduced(ops.prod, shaping.widened(_summand(x, dtype)), axis, keepdims)


def _summand(x: TensorLike, dtype: DTypeLike | None) -> Tensor:
    return as_tensor(x) if dtype is None else to_dtype(as_tensor(x), as_dtype(dtype))


def mean(x: TensorLike, axis: Axis = None, *, keepdims: bool = False) -> Tensor:
    """The mean over axes, a float: integers and booleans become float32. Of nothing it is nan.

    >>> mean([True, False, True, True]).eval()
    array(0.75, dtype=float32)
    """
    return shaping.mean(as_tensor(x), axis, keepdims)


def var(
    x: TensorLike, axis: Axis = None, *, correction: float = 0.0, keepdims: bool = False
) -> Tensor:
    """The mean square distance from the mean; of n elements the sum is divided by n - correction.

    >>> var([1.0, 2.0, 3.0]).eval(), var([1.0, 2.0, 3.0], correction=1).eval()
    (array(0.6666667, dtype=float32), array(1., dtype=float32))
    """
    y = to_float(as_tensor(x))
    away = y - shaping.mean(y, axis, keepdims=True)
    total = shaping.summed(away * away, axis, keepdims)
    axes = shaping.normal_axes(axis, y.ndim, "var")
    count = to_dtype(size(product(y.shape[a] for a in axes), Tensor), y.dtype)
    return divide(total, count - correction if correction else count)


def std(
    x: TensorLike, axis: Axis = None, *, correction: float = 0.0, keepdims: bool = False
) -> Tensor:
    """The square root of the variance.

    >>> std([1.0, 3.0]).eval()
    array(1., dtype=float32)
    """
    return ops.sqrt(var(x, axis, correction=correction, keepdims=keepdims))


def max(x: TensorLike, axis: Axis = None, *, keepdims: bool = False) -> Tensor:
    """The largest element; nan if one is nan. The gradient of a tie is split evenly.

    Zeros of both signs are equal: the sign of the result may be that of any of them.

    Raises ShapeError, or GuardError once sizes are known, where there are no elements.

    >>> max([[1, 5], [7, 2]], axis=1).eval()
    array([5, 7])
    """
    return shaping.largest(as_tensor(x), axis, keepdims)


def min(x: TensorLike, axis: Axis = None, *, keepdims: bool = False) -> Tensor:
    """The smallest element; nan if one is nan. The gradient of a tie is split evenly.

    Zeros of both signs are equal: the sign of the result may be that of any of them.

    Raises ShapeError, or GuardError once sizes are known, where there are no elements.

    >>> min([[1, 5], [7, 2]], axis=1).eval()
    array([1, 2])
    """
    return shaping.smallest(as_tensor(x), axis, keepdims)


def any(x: TensorLike, axis: Axis = None, *, keepdims: bool = False) -> Tensor:
    """Whether one element is true (not 0).

    >>> any([[0, 0], [0, 2]], axis=1).eval()
    array([False,  True])
    """
    return shaping.reduced(ops.any_, shaping.truth(as_tensor(x)), axis, keepdims)


def all(x: TensorLike, axis: Axis = None, *, keepdims: bool = False) -> Tensor:
    """Whether every element is true (not 0).

    >>> all([[1, 1], [0, 2]], axis=1).eval()
    array([ True, False])
    """
    return shaping.reduced(ops.all_, shaping.truth(as_tensor(x)), axis, keepdims)


def argmax(x: TensorLike, axis: int | None = None, *, keepdims: bool = False) -> Tensor:
    """The int64 position of the largest element, the first of several; the first nan wins.

    Without an axis, the position in the elements in row-major order.

    >>> argmax([[1, 5], [7, 2]], axis=0).eval(), argmax([[1, 5], [7, 2]]).eval()
    (array([1, 0]), array(2))
    """
    return _position(ops.argmax, as_tensor(x), axis, keepdims)


def argmin(x: TensorLike, axis: int | None = None, *, keepdims: bool = False) -> Tensor:
    """The int64 position of the smallest element, the first of several; the first nan wins.

    >>> argmin([[1, 5], [7, 2]], axis=0).eval()
    array([0, 1])
    """
    return _position(ops.argmin, as_tensor(x), axis, keepdims)


def _position(op: Op, x: Tensor, axis: int | None, keepdims: bool) -> Tensor:
    if axis is not None:
        axes = (shaping.normal_axis(axis, x.ndim, op.name),)
        y = op(x, axes=axes)
    else:
        axes = tuple(range(x.ndim))
        y = op(shaping.to_reshaped(x, (x.size,)), axes=(0,))
    return shaping.restored(y, x.shape, axes) if keepdims else y


def count_nonzero(x: TensorLike, axis: Axis = None, *, keepdims: bool = False) -> Tensor:
    """How many elements are not 0, as int64.

    >>> count_nonzero([0, 3, 4]).eval()
    array(2)
    """
    return shaping.summed(shaping.truth(as_tensor(x)), axis, keepdims)


def logsumexp(x: TensorLike, axis: Axis = None, *, keepdims: bool = False) -> Tensor:
    """log(sum(exp(x))) over axes, without overflow: the largest element is taken out first. Of no
    elements it is -inf; GuardError when it runs where a named size of these axes is 0.

    >>> logsumexp([0.0, 1000.0]).eval()
    array(1000., dtype=float32)
    """
    y = to_float(as_tensor(x))
    axes = shaping.normal_axes(axis, y.ndim, "logsumexp")
    if shaping.is_empty(y, axes):
        return ops.log(shaping.summed(y, axes, keepdims))
    top = ops.stop_gradient(shaping.reduced(ops.max_, y, axes, keepdims=True))
    # a row of nothing but -inf, or with an inf, has no finite element to take out
    finite = ops.isfinite(top)
    top = ops.where(finite, top, shaping.broadcast(lift(0, top), top.shape))
    total = shaping.summed(ops.exp(y - top), axes, keepdims=True)
    result = ops.log(total) + top
    return result if keepdims else shaping.squeezed(result, axes)

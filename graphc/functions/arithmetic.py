"""Arithmetic, element by element, under the names of the array API standard.

Enters: tensors, arrays and numbers, which promote and broadcast. Leaves: tensors.

>>> add([1, 2], 0.5).eval()
array([1.5, 2.5], dtype=float32)
"""

from graphc import ops
from graphc.functions import lifting
from graphc.functions.creation import as_tensor, as_tensors
from graphc.functions.lifting import binary, same_dtype, to_float
from graphc.functions.tensor import Tensor, TensorLike
from graphc.graph import Op


def _pair(op: Op, a: TensorLike, b: TensorLike) -> Tensor:
    return binary(op, *as_tensors(a, b))


def _floats(op: Op, a: TensorLike, b: TensorLike) -> Tensor:
    left, right = same_dtype(*as_tensors(a, b))
    return binary(op, to_float(left), to_float(right))


def _extreme(op: Op, of_booleans: Op, a: TensorLike, b: TensorLike) -> Tensor:
    left, right = same_dtype(*as_tensors(a, b))
    return binary(of_booleans if left.dtype.kind == "b" else op, left, right)


def _rounded(op: Op, x: TensorLike) -> Tensor:
    y = as_tensor(x)
    return op(y) if y.dtype.kind == "f" else y


def add(a: TensorLike, b: TensorLike) -> Tensor:
    """a + b.

    >>> add([1, 2], 0.5).eval()
    array([1.5, 2.5], dtype=float32)
    """
    return _pair(ops.add, a, b)


def subtract(a: TensorLike, b: TensorLike) -> Tensor:
    """a - b.

    >>> subtract([1, 2], 3).eval()
    array([-2, -1])
    """
    return _pair(ops.sub, a, b)


def multiply(a: TensorLike, b: TensorLike) -> Tensor:
    """a * b.

    >>> multiply([1, 2], [3, 4]).eval()
    array([3, 8])
    """
    return _pair(ops.mul, a, b)


def divide(a: TensorLike, b: TensorLike) -> Tensor:
    """a / b, a float: integers become float32.

    >>> divide([1, 2], 4).eval()
    array([0.25, 0.5 ], dtype=float32)
    """
    return lifting.divide(*as_tensors(a, b))


def floor_divide(a: TensorLike, b: TensorLike) -> Tensor:
    """a / b rounded down. Of integers, x // 0 is 0.

    >>> floor_divide([7, -7], 2).eval()
    array([ 3, -4])
    """
    return _pair(ops.floordiv, a, b)


def remainder(a: TensorLike, b: TensorLike) -> Tensor:
    """The rest of `floor_divide`: it has the sign of b.

    >>> remainder([7, -7], 4).eval()
    array([3, 1])
    """
    return _pair(ops.mod, a, b)


def pow(a: TensorLike, b: TensorLike) -> Tensor:
    """a to the power of b.

    DTypeError for integers to a constant negative power. Where the power is computed, an integer
    to a negative power is 0, but for 1 and -1: NumPy raises there too.

    >>> pow([2.0, 3.0], 2).eval()
    array([4., 9.], dtype=float32)
    """
    return lifting.power(*as_tensors(a, b))


def maximum(a: TensorLike, b: TensorLike) -> Tensor:
    """The larger of two elements; nan if one is nan. The gradient of a tie is split evenly.

    >>> maximum([1, 5], 3).eval()
    array([3, 5])
    """
    return _extreme(ops.maximum, ops.logical_or, a, b)


def minimum(a: TensorLike, b: TensorLike) -> Tensor:
    """The smaller of two elements; nan if one is nan. The gradient of a tie is split evenly.

    >>> minimum([1, 5], 3).eval()
    array([1, 3])
    """
    return _extreme(ops.minimum, ops.logical_and, a, b)


def clip(x: TensorLike, min: TensorLike | None = None, max: TensorLike | None = None) -> Tensor:
    """x where it is between min and max, else the nearer bound; None is no bound.

    >>> clip([-2.0, 0.5, 3.0], -1, 1).eval()
    array([-1. ,  0.5,  1. ], dtype=float32)
    """
    y = as_tensor(x)
    y = y if min is None else maximum(y, min)
    return y if max is None else minimum(y, max)


def negative(x: TensorLike) -> Tensor:
    """-x.

    >>> negative([1, -2]).eval()
    array([-1,  2])
    """
    return ops.neg(as_tensor(x))


def positive(x: TensorLike) -> Tensor:
    """x itself.

    >>> positive([1, -2]).eval()
    array([ 1, -2])
    """
    return as_tensor(x)


def abs(x: TensorLike) -> Tensor:
    """x without its sign. The gradient at 0 is 0.

    >>> abs([-1.5, 2.0]).eval()
    array([1.5, 2. ], dtype=float32)
    """
    return ops.abs_(as_tensor(x))


def sign(x: TensorLike) -> Tensor:
    """-1, 0 or 1; nan of nan.

    >>> sign([-3, 0, 2]).eval()
    array([-1,  0,  1])
    """
    return ops.sign(as_tensor(x))


def square(x: TensorLike) -> Tensor:
    """x * x.

    >>> square([2, -3]).eval()
    array([4, 9])
    """
    y = as_tensor(x)
    return y * y


def reciprocal(x: TensorLike) -> Tensor:
    """1 / x.

    >>> reciprocal([2.0, 4.0]).eval()
    array([0.5 , 0.25], dtype=float32)
    """
    return 1 / to_float(as_tensor(x))


def copysign(a: TensorLike, b: TensorLike) -> Tensor:
    """The magnitude of a with the sign of b.

    >>> copysign([1.0, -2.0], [-0.0, 3.0]).eval()
    array([-1.,  2.], dtype=float32)
    """
    return _floats(ops.copysign, a, b)


def signbit(x: TensorLike) -> Tensor:
    """Whether the sign is minus: of -0.0 too, and of a nan by its sign.

    >>> signbit([-0.0, 0.0, -2.0]).eval()
    array([ True, False,  True])
    """
    y = as_tensor(x)
    if y.dtype.kind != "f":
        return y < 0
    one = lifting.filled(1, y.shape, y.dtype, Tensor)
    return ops.copysign(one, y) < 0


def floor(x: TensorLike) -> Tensor:
    """The largest integer <= x, in x's dtype.

    >>> floor([1.5, -1.5]).eval()
    array([ 1., -2.], dtype=float32)
    """
    return _rounded(ops.floor, x)


def ceil(x: TensorLike) -> Tensor:
    """The smallest integer >= x, in x's dtype.

    >>> ceil([1.5, -1.5]).eval()
    array([ 2., -1.], dtype=float32)
    """
    return _rounded(ops.ceil, x)


def trunc(x: TensorLike) -> Tensor:
    """x without its fraction, in x's dtype.

    >>> trunc([1.5, -1.5]).eval()
    array([ 1., -1.], dtype=float32)
    """
    return _rounded(ops.trunc, x)


def round(x: TensorLike) -> Tensor:
    """The nearest integer, of two the even one, in x's dtype.

    >>> round([1.5, 2.5]).eval()
    array([2., 2.], dtype=float32)
    """
    return lifting.rounded(as_tensor(x), None)

"""Comparisons, logic and bits, element by element, under the names of the array API standard.

Enters: tensors, arrays and numbers, which promote and broadcast. Leaves: tensors, boolean but for
the bitwise functions and `where`.

>>> less([1, 2], 2).eval()
array([ True, False])
"""

from graphc import ops
from graphc.functions.creation import as_tensor, as_tensors
from graphc.functions.lifting import binary, filled, same_dtype, same_shape, to_float
from graphc.functions.shaping import truth
from graphc.functions.tensor import Tensor, TensorLike
from graphc.graph import Op
from graphc.types import bool_


def _pair(op: Op, a: TensorLike, b: TensorLike) -> Tensor:
    return binary(op, *as_tensors(a, b))


def _logical(op: Op, a: TensorLike, b: TensorLike) -> Tensor:
    left, right = as_tensors(a, b)
    return binary(op, truth(left), truth(right))


def _asked(op: Op, x: TensorLike) -> Tensor:
    y = as_tensor(x)
    # integers are finite: no question needs asking
    return op(y) if y.dtype.kind == "f" else filled(op is ops.isfinite, y.shape, bool_, Tensor)


def equal(a: TensorLike, b: TensorLike) -> Tensor:
    """Where a == b.

    >>> equal([1, 2], 2).eval()
    array([False,  True])
    """
    return _pair(ops.eq, a, b)


def not_equal(a: TensorLike, b: TensorLike) -> Tensor:
    """Where a != b.

    >>> not_equal([1, 2], 2).eval()
    array([ True, False])
    """
    return _pair(ops.ne, a, b)


def less(a: TensorLike, b: TensorLike) -> Tensor:
    """Where a < b.

    >>> less([1, 2], 2).eval()
    array([ True, False])
    """
    return _pair(ops.lt, a, b)


def less_equal(a: TensorLike, b: TensorLike) -> Tensor:
    """Where a <= b.

    >>> less_equal([1, 2], 2).eval()
    array([ True,  True])
    """
    return _pair(ops.le, a, b)


def greater(a: TensorLike, b: TensorLike) -> Tensor:
    """Where a > b.

    >>> greater([1, 2], 1).eval()
    array([False,  True])
    """
    return _pair(ops.gt, a, b)


def greater_equal(a: TensorLike, b: TensorLike) -> Tensor:
    """Where a >= b.

    >>> greater_equal([1, 2], 2).eval()
    array([False,  True])
    """
    return _pair(ops.ge, a, b)


def isnan(x: TensorLike) -> Tensor:
    """Where x is not a number.

    >>> isnan([1.0, float('nan')]).eval()
    array([False,  True])
    """
    return _asked(ops.isnan, x)


def isinf(x: TensorLike) -> Tensor:
    """Where x is infinite.

    >>> isinf([1.0, float('inf')]).eval()
    array([False,  True])
    """
    return _asked(ops.isinf, x)


def isfinite(x: TensorLike) -> Tensor:
    """Where x is neither infinite nor nan.

    >>> isfinite([1.0, float('inf')]).eval()
    array([ True, False])
    """
    return _asked(ops.isfinite, x)


def logical_and(a: TensorLike, b: TensorLike) -> Tensor:
    """Where both are true (not 0).

    >>> logical_and([True, False], True).eval()
    array([ True, False])
    """
    return _logical(ops.logical_and, a, b)


def logical_or(a: TensorLike, b: TensorLike) -> Tensor:
    """Where one is true (not 0).

    >>> logical_or([True, False], False).eval()
    array([ True, False])
    """
    return _logical(ops.logical_or, a, b)


def logical_xor(a: TensorLike, b: TensorLike) -> Tensor:
    """Where exactly one is true (not 0).

    >>> logical_xor([True, False], True).eval()
    array([False,  True])
    """
    return _logical(ops.logical_xor, a, b)


def logical_not(x: TensorLike) -> Tensor:
    """Where x is false (0).

    >>> logical_not([True, False]).eval()
    array([False,  True])
    """
    return ops.not_(truth(as_tensor(x)))


def bitwise_and(a: TensorLike, b: TensorLike) -> Tensor:
    """The bits set in both, of integers or booleans.

    >>> bitwise_and([5, 6], 3).eval()
    array([1, 2])
    """
    return _pair(ops.bitwise_and, a, b)


def bitwise_or(a: TensorLike, b: TensorLike) -> Tensor:
    """The bits set in one, of integers or booleans.

    >>> bitwise_or([5, 6], 3).eval()
    array([7, 7])
    """
    return _pair(ops.bitwise_or, a, b)


def bitwise_xor(a: TensorLike, b: TensorLike) -> Tensor:
    """The bits set in exactly one, of integers or booleans.

    >>> bitwise_xor([5, 6], 3).eval()
    array([6, 5])
    """
    return _pair(ops.bitwise_xor, a, b)


def bitwise_invert(x: TensorLike) -> Tensor:
    """The bits flipped, of integers or booleans.

    >>> bitwise_invert([0, 5]).eval()
    array([-1, -6])
    """
    return ~as_tensor(x)


def bitwise_left_shift(a: TensorLike, b: TensorLike) -> Tensor:
    """a's bits moved up by b places.

    >>> bitwise_left_shift([1, 3], 2).eval()
    array([ 4, 12])
    """
    return _pair(ops.shift_left, a, b)


def bitwise_right_shift(a: TensorLike, b: TensorLike) -> Tensor:
    """a's bits moved down by b places; the sign stays.

    >>> bitwise_right_shift([-8, 9], 1).eval()
    array([-4,  4])
    """
    return _pair(ops.shift_right, a, b)


def isclose(
    a: TensorLike,
    b: TensorLike,
    rtol: float = 1e-5,
    atol: float = 1e-8,
    equal_nan: bool = False,
) -> Tensor:
    """Whether abs(a - b) <= atol + rtol * abs(b): equal infinities are close, a nan to none unless
    equal_nan.

    >>> isclose([1.0, 2.0], [1.000001, 2.1]).eval()
    array([ True, False])
    """
    x, y = (to_float(t) for t in same_dtype(*as_tensors(a, b)))
    near = (abs(x - y) <= atol + rtol * abs(y)) & isfinite(y)
    close = near | (x == y)
    return close | (isnan(x) & isnan(y)) if equal_nan else close


def where(condition: TensorLike, a: TensorLike, b: TensorLike) -> Tensor:
    """a where the condition is true, b elsewhere; all three broadcast.

    The gradient is that of the branch taken: the other cannot make it nan. Raises DTypeError for a
    condition that is not boolean.

    >>> where([True, False], [1.0, 2.0], 0).eval()
    array([1., 0.], dtype=float32)
    """
    left, right = same_dtype(*as_tensors(a, b))
    chosen, left, right = same_shape("where", as_tensor(condition), left, right)
    return ops.where(chosen, left, right)

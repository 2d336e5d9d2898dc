"""Elementary functions, element by element, under the names of the array API standard.

Enters: tensors, arrays and numbers; integers become float32. Leaves: float tensors, accurate to a
few units in the last place.

>>> exp([0, 1]).eval().round(3)
array([1.   , 2.718], dtype=float32)
"""

from graphc import ops
from graphc.functions.creation import as_tensor, as_tensors
from graphc.functions.lifting import binary, same_dtype, to_float
from graphc.functions.tensor import Tensor, TensorLike
from graphc.graph import Op


def _floats(op: Op, a: TensorLike, b: TensorLike) -> Tensor:
    left, right = same_dtype(*as_tensors(a, b))
    return binary(op, to_float(left), to_float(right))


def exp(x: TensorLike) -> Tensor:
    """e to the power of x.

    >>> exp([0.0, 1.0]).eval().round(3)
    array([1.   , 2.718], dtype=float32)
    """
    return ops.exp(to_float(as_tensor(x)))


def exp2(x: TensorLike) -> Tensor:
    """2 to the power of x.

    >>> exp2([0.0, 3.0]).eval().round(3)
    array([1., 8.], dtype=float32)
    """
    return ops.exp2(to_float(as_tensor(x)))


def expm1(x: TensorLike) -> Tensor:
    """exp(x) - 1, accurate near 0.

    >>> expm1([0.0, 1.0]).eval().round(3)
    array([0.   , 1.718], dtype=float32)
    """
    return ops.expm1(to_float(as_tensor(x)))


def log(x: TensorLike) -> Tensor:
    """The natural logarithm.

    >>> log([1.0, 2.0]).eval().round(3)
    array([0.   , 0.693], dtype=float32)
    """
    return ops.log(to_float(as_tensor(x)))


def log2(x: TensorLike) -> Tensor:
    """The logarithm to base 2.

    >>> log2([1.0, 8.0]).eval().round(3)
    array([0., 3.], dtype=float32)
    """
    return ops.log2(to_float(as_tensor(x)))


def log10(x: TensorLike) -> Tensor:
    """The logarithm to base 10.

    >>> log10([1.0, 100.0]).eval().round(3)
    array([0., 2.], dtype=float32)
    """
    return ops.log10(to_float(as_tensor(x)))


def log1p(x: TensorLike) -> Tensor:
    """log(1 + x), accurate near 0.

    >>> log1p([0.0, 1.0]).eval().round(3)
    array([0.   , 0.693], dtype=float32)
    """
    return ops.log1p(to_float(as_tensor(x)))


def sqrt(x: TensorLike) -> Tensor:
    """The square root.

    >>> sqrt([4.0, 9.0]).eval().round(3)
    array([2., 3.], dtype=float32)
    """
    return ops.sqrt(to_float(as_tensor(x)))


def rsqrt(x: TensorLike) -> Tensor:
    """1 / sqrt(x).

    >>> rsqrt([4.0, 0.25]).eval().round(3)
    array([0.5, 2. ], dtype=float32)
    """
    return ops.rsqrt(to_float(as_tensor(x)))


def sin(x: TensorLike) -> Tensor:
    """The sine of radians.

    >>> sin([0.0, 1.0]).eval().round(3)
    array([0.   , 0.841], dtype=float32)
    """
    return ops.sin(to_float(as_tensor(x)))


def cos(x: TensorLike) -> Tensor:
    """The cosine of radians.

    >>> cos([0.0, 1.0]).eval().round(3)
    array([1.  , 0.54], dtype=float32)
    """
    return ops.cos(to_float(as_tensor(x)))


def tan(x: TensorLike) -> Tensor:
    """The tangent of radians.

    >>> tan([0.0, 1.0]).eval().round(3)
    array([0.   , 1.557], dtype=float32)
    """
    return ops.tan(to_float(as_tensor(x)))


def asin(x: TensorLike) -> Tensor:
    """The angle in [-pi/2, pi/2] whose sine is x.

    >>> asin([0.0, 1.0]).eval().round(3)
    array([0.   , 1.571], dtype=float32)
    """
    return ops.asin(to_float(as_tensor(x)))


def acos(x: TensorLike) -> Tensor:
    """The angle in [0, pi] whose cosine is x.

    >>> acos([1.0, 0.0]).eval().round(3)
    array([0.   , 1.571], dtype=float32)
    """
    return ops.acos(to_float(as_tensor(x)))


def atan(x: TensorLike) -> Tensor:
    """The angle in (-pi/2, pi/2) whose tangent is x.

    >>> atan([0.0, 1.0]).eval().round(3)
    array([0.   , 0.785], dtype=float32)
    """
    return ops.atan(to_float(as_tensor(x)))


def sinh(x: TensorLike) -> Tensor:
    """The hyperbolic sine.

    >>> sinh([0.0, 1.0]).eval().round(3)
    array([0.   , 1.175], dtype=float32)
    """
    return ops.sinh(to_float(as_tensor(x)))


def cosh(x: TensorLike) -> Tensor:
    """The hyperbolic cosine.

    >>> cosh([0.0, 1.0]).eval().round(3)
    array([1.   , 1.543], dtype=float32)
    """
    return ops.cosh(to_float(as_tensor(x)))


def tanh(x: TensorLike) -> Tensor:
    """The hyperbolic tangent.

    >>> tanh([0.0, 1.0]).eval().round(3)
    array([0.   , 0.762], dtype=float32)
    """
    return ops.tanh(to_float(as_tensor(x)))


def asinh(x: TensorLike) -> Tensor:
    """The inverse of sinh.

    >>> asinh([0.0, 1.0]).eval().round(3)
    array([0.   , 0.881], dtype=float32)
    """
    return ops.asinh(to_float(as_tensor(x)))


def acosh(x: TensorLike) -> Tensor:
    """The inverse of cosh, for x >= 1.

    >>> acosh([1.0, 2.0]).eval().round(3)
    array([0.   , 1.317], dtype=float32)
    """
    return ops.acosh(to_float(as_tensor(x)))


def atanh(x: TensorLike) -> Tensor:
    """The inverse of tanh, for -1 < x < 1.

    >>> atanh([0.0, 0.5]).eval().round(3)
    array([0.   , 0.549], dtype=float32)
    """
    return ops.atanh(to_float(as_tensor(x)))


def erf(x: TensorLike) -> Tensor:
    """The error function.

    >>> erf([0.0, 1.0]).eval().round(3)
    array([0.   , 0.843], dtype=float32)
    """
    return ops.erf(to_float(as_tensor(x)))


def erfc(x: TensorLike) -> Tensor:
    """1 - erf(x), accurate for large x.

    >>> erfc([0.0, 1.0]).eval().round(3)
    array([1.   , 0.157], dtype=float32)
    """
    return ops.erfc(to_float(as_tensor(x)))


def sigmoid(x: TensorLike) -> Tensor:
    """1 / (1 + exp(-x)).

    >>> sigmoid([0.0, 1.0]).eval().round(3)
    array([0.5  , 0.731], dtype=float32)
    """
    return ops.sigmoid(to_float(as_tensor(x)))


def atan2(a: TensorLike, b: TensorLike) -> Tensor:
    """The angle of the point (b, a): atan(a / b) in the right quadrant.

    >>> atan2([1.0, -1.0], -1.0).eval().round(3)
    array([ 2.356, -2.356], dtype=float32)
    """
    return _floats(ops.atan2, a, b)


def hypot(a: TensorLike, b: TensorLike) -> Tensor:
    """sqrt(a*a + b*b) without overflow.

    >>> hypot([3.0, 5.0], [4.0, 12.0]).eval().round(3)
    array([ 5., 13.], dtype=float32)
    """
    return _floats(ops.hypot, a, b)


def logaddexp(a: TensorLike, b: TensorLike) -> Tensor:
    """log(exp(a) + exp(b)) without overflow.

    >>> logaddexp([0.0, 1000.0], 0.0).eval().round(3)
    array([6.93e-01, 1.00e+03], dtype=float32)
    """
    return _floats(ops.logaddexp, a, b)

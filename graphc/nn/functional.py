"""Activations, softmax and embedding: functions of tensors, without state.

Enters: tensors and arrays; integers become float32. Leaves: tensors.

>>> softmax([[0.0, 0.0]]).eval()
array([[0.5, 0.5]], dtype=float32)
"""

import math

from graphc import ops
from graphc.errors import DTypeError, ShapeError
from graphc.functions import elementary, indexing, manipulation, shaping
from graphc.functions.creation import as_tensor
from graphc.functions.lifting import filled, to_float
from graphc.functions.linear_algebra import matmul
from graphc.functions.selection import check_range
from graphc.functions.shaping import Axis
from graphc.functions.tensor import Tensor, TensorLike
from graphc.graph import called
from graphc.missing import of_nn as __getattr__  # noqa: F401
from graphc.types import uint64

_SELU_ALPHA, _SELU_SCALE = 1.6732632423543772, 1.0507009873554805


def stop_gradient(x: TensorLike) -> Tensor:
    """x, through which no gradient flows.

    >>> stop_gradient([1.0]).eval()
    array([1.], dtype=float32)
    """
    return ops.stop_gradient(as_tensor(x))


# ---- activations ----


def relu(x: TensorLike) -> Tensor:
    """max(x, 0), whose gradient at 0 is 0.

    >>> relu([-1.0, 2.0]).eval()
    array([0., 2.], dtype=float32)
    """
    y = as_tensor(x)
    zero = filled(0, y.shape, y.dtype, Tensor)
    return ops.where(y <= 0, zero, y)  # a nan is not <= 0, and so stays


def leaky_relu(x: TensorLike, negative_slope: float = 0.01) -> Tensor:
    """x, times the slope where it is negative.

    >>> leaky_relu([-2.0, 2.0], 0.5).eval()
    array([-1.,  2.], dtype=float32)
    """
    y = to_float(as_tensor(x))
    return ops.where(y > 0, y, y * negative_slope)


def elu(x: TensorLike, alpha: float = 1.0) -> Tensor:
    """x where it is positive, alpha * (exp(x) - 1) elsewhere.

    >>> elu([-100.0, 2.0]).eval()
    array([-1.,  2.], dtype=float32)
    """
    y = to_float(as_tensor(x))
    return ops.where(y > 0, y, alpha * ops.expm1(y))


def gelu(x: TensorLike, approximate: bool = False) -> Tensor:
    """x * P(a standard normal variable <= x), by erf; or by tanh, if approximate.

    Raises DTypeError for an `approximate` that is no bool.

    Source: Hendrycks and Gimpel, Gaussian error linear units, 2016.

    >>> gelu([-1.0, 0.0, 1.0]).eval().round(3)
    array([-0.159,  0.   ,  0.841], dtype=float32)
    """
    if not isinstance(approximate, bool):  # "none" would be true
        raise DTypeError(
            "gelu: approximate is a bool",
            got=repr(approximate),
            fix="approximate=True is the one by tanh, approximate=False the one by erf",
        )
    y = to_float(as_tensor(x))
    if approximate:
        inner = math.sqrt(2 / math.pi) * (y + 0.044715 * (y * y * y))
        return 0.5 * y * (1 + ops.tanh(inner))
    return 0.5 * y * (1 + ops.erf(y * math.sqrt(0.5)))


def sigmoid(x: TensorLike) -> Tensor:
    """1 / (1 + exp(-x)).

    >>> sigmoid([0.0, 100.0]).eval()
    array([0.5, 1. ], dtype=float32)
    """
    return elementary.sigmoid(x)


def silu(x: TensorLike) -> Tensor:
    """x * sigmoid(x), also called swish.

    >>> silu([0.0, 100.0]).eval()
    array([  0., 100.], dtype=float32)
    """
    y = to_float(as_tensor(x))
    return y * ops.sigmoid(y)


def tanh(x: TensorLike) -> Tensor:
    """The hyperbolic tangent.

    >>> tanh([0.0, 100.0]).eval()
    array([0., 1.], dtype=float32)
    """
    return elementary.tanh(x)


def softplus(x: TensorLike) -> Tensor:
    """log(1 + exp(x)), without overflow.

    >>> softplus([-1000.0, 1000.0]).eval()
    array([   0., 1000.], dtype=float32)
    """
    return ops.softplus(to_float(as_tensor(x)))


def selu(x: TensorLike) -> Tensor:
    """elu with the slope and the alpha that keep mean 0 and variance 1 from layer to layer.

    Source: Klambauer et al., Self-normalizing neural networks, 2017.

    >>> selu([-100.0, 1.0]).eval().round(4)
    array([-1.7581,  1.0507], dtype=float32)
    """
    return _SELU_SCALE * elu(x, _SELU_ALPHA)


def relu6(x: TensorLike) -> Tensor:
    """x between 0 and 6, and the nearer of them elsewhere; the gradient there is 0.

    >>> relu6([-1.0, 2.0, 7.0]).eval()
    array([0., 2., 6.], dtype=float32)
    """
    return _between(to_float(as_tensor(x)), 0.0, 6.0)


def hardsigmoid(x: TensorLike) -> Tensor:
    """x / 6 + 1/2 between 0 and 1, and the nearer of them elsewhere.

    >>> hardsigmoid([-4.0, 0.0, 4.0]).eval()
    array([0. , 0.5, 1. ], dtype=float32)
    """
    return _between(to_float(as_tensor(x)) / 6 + 0.5, 0.0, 1.0)


def hardswish(x: TensorLike) -> Tensor:
    """x * hardsigmoid(x).

    Source: Howard et al., Searching for MobileNetV3, 2019.

    >>> hardswish([-4.0, 1.5, 4.0]).eval()
    array([-0.   ,  1.125,  4.   ], dtype=float32)
    """
    y = to_float(as_tensor(x))
    return y * hardsigmoid(y)


def _between(y: Tensor, low: float, high: float) -> Tensor:
    bottom, top = (filled(v, y.shape, y.dtype, Tensor) for v in (low, high))
    return ops.where(y <= low, bottom, ops.where(y >= high, top, y))  # a nan stays


def mish(x: TensorLike) -> Tensor:
    """x * tanh(softplus(x)).

    Source: Misra, Mish: a self regularized non-monotonic activation function, 2019.

    >>> mish([0.0, 100.0]).eval()
    array([  0., 100.], dtype=float32)
    """
    y = to_float(as_tensor(x))
    return y * ops.tanh(ops.softplus(y))


def log_sigmoid(x: TensorLike) -> Tensor:
    """log(sigmoid(x)), accurate where the sigmoid is close to 0 or 1.

    >>> log_sigmoid([-1000.0, 0.0]).eval().round(4)
    array([-1.000e+03, -6.931e-01], dtype=float32)
    """
    return -ops.softplus(-to_float(as_tensor(x)))


def softsign(x: TensorLike) -> Tensor:
    """x / (1 + abs(x)).

    >>> softsign([-1.0, 3.0]).eval()
    array([-0.5 ,  0.75], dtype=float32)
    """
    y = to_float(as_tensor(x))
    return y / (1 + abs(y))


def glu(x: TensorLike, axis: int = -1) -> Tensor:
    """The first half of x along the axis, times the sigmoid of the second.

    Source: Dauphin et al., Language modeling with gated convolutional networks, 2017. Raises
    ShapeError for an odd size.

    >>> glu([[1.0, 2.0, 0.0, 100.0]]).eval()
    array([[0.5, 2. ]], dtype=float32)
    """
    value, gate = manipulation.split(to_float(as_tensor(x)), 2, axis=axis)
    return value * ops.sigmoid(gate)


# ---- over an axis ----


def centred(x: Tensor, axis: Axis) -> tuple[Tensor, Tensor]:
    """x less its largest element along the axis, and that element; no gradient flows through it,
    since what follows does not depend on it.
    """
    top = ops.stop_gradient(shaping.reduced(ops.max_, x, axis, keepdims=True))
    return x - top, top


def softmax(x: TensorLike, axis: Axis = -1) -> Tensor:
    """exp(x) / sum(exp(x)) along the axis, or axes, without overflow. Of no elements it has none;
    GuardError when it runs where a named size of these axes is 0.

    >>> softmax([1000.0, 1000.0]).eval()
    array([0.5, 0.5], dtype=float32)
    """
    y = to_float(as_tensor(x))
    axes = shaping.normal_axes(axis, y.ndim, "softmax")
    if shaping.is_empty(y, axes):
        return y
    powers = ops.exp(centred(y, axes)[0])
    return powers / shaping.summed(powers, axes, keepdims=True)


def log_softmax(x: TensorLike, axis: Axis = -1) -> Tensor:
    """log(softmax(x)), accurate where the softmax is close to 0; of no elements it has none.

    >>> log_softmax([0.0, 1000.0]).eval()
    array([-1000.,     0.], dtype=float32)
    """
    y = to_float(as_tensor(x))
    axes = shaping.normal_axes(axis, y.ndim, "log_softmax")
    if shaping.is_empty(y, axes):
        return y
    shifted, _ = centred(y, axes)
    return shifted - ops.log(shaping.summed(ops.exp(shifted), axes, keepdims=True))


# ---- tables and layers ----


def embedding(table: TensorLike, indices: TensorLike) -> Tensor:
    """Rows of a table (vocabulary, ...) at integer indices (...): (..., row).

    Raises DTypeError for indices that are no integers, ShapeError for a table without rows,
    IndexRangeError for an index out of range: -1 does not stand for the last row.

    >>> embedding([[1.0, 2.0], [3.0, 4.0]], [1, 0, 1]).eval()
    array([[3., 4.],
           [1., 2.],
           [3., 4.]], dtype=float32)
    """
    places = as_tensor(indices)
    if places.dtype.kind not in "iu":
        raise DTypeError(
            "embedding: indices are integers",
            got=str(places.node.type),
            fix="embedding(table, indices): the table comes first",
        )
    rows = as_tensor(table)
    if not rows.ndim:
        raise ShapeError(
            "embedding: a table has a row for each index",
            got=str(rows.node.type),
            fix="embedding(table, indices), with table = graphc.parameter('table', array)",
        )
    check_range(places, rows.shape[0], "embedding", from_end=False)
    with called("embedding"):  # unsigned: a negative index is then too large
        return indexing.take(rows, places.astype(uint64), axis=0)


def linear(x: TensorLike, w: TensorLike, b: TensorLike | None = None) -> Tensor:
    """x @ w + b: (..., n) with (n, m) and (m,) gives (..., m). PyTorch's weights are w.T.

    >>> linear([[1.0, 2.0]], [[1.0], [1.0]], [0.5]).eval()
    array([[3.5]], dtype=float32)
    """
    y = matmul(x, w)
    return y if b is None else y + as_tensor(b, y)

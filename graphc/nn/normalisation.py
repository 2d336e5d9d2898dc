"""Normalisation: elements moved and scaled to mean 0 and variance 1, without state.

Enters: tensors, and what scales and shifts the result. Leaves: tensors of the same shape.

>>> layer_norm([[1.0, 3.0]], epsilon=0.0).eval()
array([[-1.,  1.]], dtype=float32)
"""

from graphc import ops
from graphc.errors import ShapeError
from graphc.functions import shaping
from graphc.functions.creation import as_tensor
from graphc.functions.lifting import to_float
from graphc.functions.shaping import Axis
from graphc.functions.tensor import Tensor, TensorLike


def layer_norm(
    x: TensorLike,
    scale: TensorLike | None = None,
    shift: TensorLike | None = None,
    axis: Axis = -1,
    epsilon: float = 1e-5,
) -> Tensor:
    """(x - mean) / sqrt(variance + epsilon) over the axis, or axes, times scale, plus shift.

    Scale and shift broadcast against x. Source: Ba, Kiros and Hinton, Layer normalization, 2016.

    >>> layer_norm([[1.0, 3.0]], scale=[2.0, 2.0], shift=1.0, epsilon=0.0).eval()
    array([[-1.,  3.]], dtype=float32)
    """
    y = to_float(as_tensor(x))
    return _affine(_normalised(y, axis, epsilon), scale, shift)


def rms_norm(
    x: TensorLike, scale: TensorLike | None = None, axis: Axis = -1, epsilon: float = 1e-5
) -> Tensor:
    """x / sqrt(mean(x * x) + epsilon) over the axis, or axes, times scale.

    Source: Zhang and Sennrich, Root mean square layer normalization, 2019.

    >>> rms_norm([[3.0, 4.0]], epsilon=0.0).eval().round(4)
    array([[0.8485, 1.1314]], dtype=float32)
    """
    y = to_float(as_tensor(x))
    square = shaping.mean(y * y, axis, keepdims=True)
    return _affine(y * ops.rsqrt(square + epsilon), scale, None)


def batch_norm(
    x: TensorLike,
    scale: TensorLike | None = None,
    shift: TensorLike | None = None,
    mean: TensorLike | None = None,
    variance: TensorLike | None = None,
    axis: int = -1,
    epsilon: float = 1e-5,
) -> Tensor:
    """(x - mean) / sqrt(variance + epsilon) for each channel, times scale, plus shift.

    The channels are along `axis`; scale, shift, mean and variance are vectors of that length. Mean
    and variance are those of x itself, over all other axes, unless both are given: running ones,
    when a model predicts. Source: Ioffe and Szegedy, Batch normalization, 2015. Raises ShapeError
    for one of mean and variance without the other.

    >>> batch_norm([[1.0, 10.0], [3.0, 30.0]], epsilon=0.0).eval()
    array([[-1., -1.],
           [ 1.,  1.]], dtype=float32)
    """
    y = to_float(as_tensor(x))
    channel = shaping.normal_axis(axis, y.ndim, "batch_norm")
    if (mean is None) != (variance is None):
        raise ShapeError("batch_norm: mean and variance are given together, or not at all")
    if mean is None or variance is None:
        others = tuple(a for a in range(y.ndim) if a != channel)
        normal = _normalised(y, others, epsilon)
    else:
        width = _along(variance, y, channel)
        normal = (y - _along(mean, y, channel)) * ops.rsqrt(width + epsilon)
    vectors = (None if v is None else _along(v, y, channel) for v in (scale, shift))
    return _affine(normal, *vectors)


def _normalised(y: Tensor, axis: Axis, epsilon: float) -> Tensor:
    away = y - shaping.mean(y, axis, keepdims=True)
    variance = shaping.mean(away * away, axis, keepdims=True)
    return away * ops.rsqrt(variance + epsilon)


def _affine(y: Tensor, scale: TensorLike | None, shift: TensorLike | None) -> Tensor:
    y = y if scale is None else y * scale
    return y if shift is None else y + shift


def _along(vector: TensorLike, y: Tensor, axis: int) -> Tensor:
    """The vector with axes of size 1 behind, so that it broadcasts along that axis of y."""
    v = as_tensor(vector, y)
    return v if v.ndim == 0 else shaping.expanded(v, tuple(range(1, y.ndim - axis)))

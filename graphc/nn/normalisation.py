"""Normalisation: elements moved and scaled to mean 0 and variance 1, without state.

Enters: tensors, and what scales and shifts the result. Leaves: tensors of the same shape.

>>> layer_norm([[1.0, 3.0]], epsilon=0.0).eval()
array([[-1.,  1.]], dtype=float32)
"""

from graphc import ops
from graphc.dims import same_dims
from graphc.errors import DTypeError, ShapeError
from graphc.functions import shaping
from graphc.functions.creation import as_tensor
from graphc.functions.lifting import to_float
from graphc.functions.shaping import Axis
from graphc.functions.tensor import Tensor, TensorLike
from graphc.types import broadcast_shapes


def layer_norm(
    x: TensorLike,
    scale: TensorLike | None = None,
    shift: TensorLike | None = None,
    axis: Axis = -1,
    epsilon: float = 1e-5,
) -> Tensor:
    """(x - mean) / sqrt(variance + epsilon) over the axis, or axes, times scale, plus shift.

    Scale and shift, of floats, broadcast to the shape of x. Raises ShapeError where they do not,
    DTypeError for integers: what is normalised over is said by `axis`. Source: Ba, Kiros and
    Hinton, Layer normalization, 2016.

    >>> layer_norm([[1.0, 3.0]], scale=[2.0, 2.0], shift=1.0, epsilon=0.0).eval()
    array([[-1.,  3.]], dtype=float32)
    """
    y = to_float(as_tensor(x))
    factors = _factors("layer_norm", y, scale=scale, shift=shift)
    return _affine(_normalised(y, axis, epsilon), *factors)


def rms_norm(
    x: TensorLike, scale: TensorLike | None = None, axis: Axis = -1, epsilon: float = 1e-5
) -> Tensor:
    """x / sqrt(mean(x * x) + epsilon) over the axis, or axes, times scale, as in `layer_norm`.

    Source: Zhang and Sennrich, Root mean square layer normalization, 2019.

    >>> rms_norm([[3.0, 4.0]], epsilon=0.0).eval().round(4)
    array([[0.8485, 1.1314]], dtype=float32)
    """
    y = to_float(as_tensor(x))
    (factor,) = _factors("rms_norm", y, scale=scale)
    square = shaping.mean(y * y, axis, keepdims=True)
    return _affine(y * ops.rsqrt(square + epsilon), factor, None)


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

    The channels are along `axis`; scale, shift, mean and variance are vectors of that length, or
    scalars, of floats. Mean and variance are those of x itself, over all other axes, unless both
    are given: running ones, when a model predicts. Those are `graphc.state`, to which a training
    step's `updates` add a share of `graphc.mean` and `graphc.var` of x. Rows that are equal give
    shift up to rounding: their mean is a unit or two in the last place off, and so is x - mean
    where x is a product that kernels compute twice (it is fused there, and not rounded); 1 /
    sqrt(epsilon) magnifies both. Raises ShapeError for other shapes and for one of mean and
    variance without the other, DTypeError for integers.

    Source: Ioffe and Szegedy, Batch normalization, 2015.

    >>> batch_norm([[1.0, 10.0], [3.0, 30.0]], epsilon=0.0).eval()
    array([[-1., -1.],
           [ 1.,  1.]], dtype=float32)
    """
    y = to_float(as_tensor(x))
    channel = shaping.normal_axis(axis, y.ndim, "batch_norm")
    if (mean is None) != (variance is None):
        raise ShapeError(
            "batch_norm: mean and variance are given together, or not at all",
            got="mean" if variance is None else "variance",
            fix="both, as a model that predicts has them; or neither, to take those of x",
        )
    given = {"scale": scale, "shift": shift, "mean": mean, "variance": variance}
    vectors = [_along(name, v, y, channel) for name, v in given.items()]
    if vectors[2] is None or vectors[3] is None:
        others = tuple(a for a in range(y.ndim) if a != channel)
        normal = _normalised(y, others, epsilon)
    else:
        normal = (y - vectors[2]) * ops.rsqrt(vectors[3] + epsilon)
    return _affine(normal, *vectors[:2])


def _normalised(y: Tensor, axis: Axis, epsilon: float) -> Tensor:
    away = y - shaping.mean(y, axis, keepdims=True)
    variance = shaping.mean(away * away, axis, keepdims=True)
    return away * ops.rsqrt(variance + epsilon)


def _affine(y: Tensor, scale: Tensor | None, shift: Tensor | None) -> Tensor:
    y = y if scale is None else y * scale
    return y if shift is None else y + shift


def _factors(what: str, y: Tensor, **given: TensorLike | None) -> list[Tensor | None]:
    """The factors as tensors that broadcast to the shape of y."""
    return [None if v is None else _fitting(f"{what}: {n}", v, y) for n, v in given.items()]


def _fitting(what: str, value: TensorLike, y: Tensor) -> Tensor:
    factor = _of_floats(what, value, y)
    try:
        fits = broadcast_shapes(y.shape, factor.shape) == y.shape
    except ShapeError:
        fits = False
    if not fits:
        raise ShapeError(
            f"{what} does not broadcast to the shape of x",
            got=f"{factor.shape} to {y.shape}",
            fix=f"give one number for each of the last axis: shape ({y.shape[-1]},)",
        )
    return factor


def _of_floats(what: str, value: TensorLike, y: Tensor) -> Tensor:
    """The value as a tensor like y. Integers are refused: elsewhere they say what is normalised."""
    given = as_tensor(value)
    if given.dtype.kind != "f":
        raise DTypeError(
            f"{what} is of floats",
            got=f"{value!r}"[:40],
            fix="factors are arrays or parameters; axis= says what is normalised over",
        )
    return as_tensor(value, y)


def _along(name: str, vector: TensorLike | None, y: Tensor, axis: int) -> Tensor | None:
    """The vector with axes of size 1 behind, so that it broadcasts along that axis of y."""
    if vector is None:
        return None
    v = _of_floats(f"batch_norm: {name}", vector, y)
    if v.ndim == 0:
        return v
    if v.ndim != 1 or same_dims(v.shape[0], y.shape[axis]) is False:
        raise ShapeError(
            f"batch_norm: {name} is a vector, a number for each channel",
            got=f"shape {v.shape}, {y.shape[axis]} channels along axis {axis}",
            fix=f"give one of shape ({y.shape[axis]},); axis=1 for channels that come first",
        )
    return shaping.expanded(v, tuple(range(1, y.ndim - axis)))

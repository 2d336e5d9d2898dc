"""Losses: how far predictions are from targets, as one scalar, the mean over all elements or rows.

Enters: predictions and targets. Leaves: a scalar tensor.

>>> mse([1.0, 2.0], [1.0, 4.0]).eval()
array(2., dtype=float32)
"""

from graphc import ops
from graphc.dims import same_dims
from graphc.errors import DTypeError, ShapeError
from graphc.functions import indexing, shaping
from graphc.functions.creation import as_tensor, as_tensors
from graphc.functions.lifting import same_dtype, to_float
from graphc.functions.tensor import Tensor, TensorLike
from graphc.nn.functional import centred
from graphc.types import Shape


def mse(predictions: TensorLike, targets: TensorLike) -> Tensor:
    """The mean of the squared differences. Raises ShapeError for different shapes: a target of
    shape (n, 1) beside predictions of (n,) would broadcast to (n, n).

    >>> mse([[1.0], [3.0]], [[0.0], [0.0]]).eval()
    array(5., dtype=float32)
    """
    away = _difference("mse", predictions, targets)
    return shaping.mean(away * away, None, keepdims=False)


def mae(predictions: TensorLike, targets: TensorLike) -> Tensor:
    """The mean of the absolute differences. Raises ShapeError for different shapes.

    >>> mae([1.0, 3.0], [0.0, 0.0]).eval()
    array(2., dtype=float32)
    """
    return shaping.mean(abs(_difference("mae", predictions, targets)), None, keepdims=False)


def huber(predictions: TensorLike, targets: TensorLike, delta: float = 1.0) -> Tensor:
    """The mean of d*d/2 where the difference d is within delta, of delta*(|d| - delta/2) elsewhere.

    >>> huber([0.5, 3.0], [0.0, 0.0]).eval()
    array(1.3125, dtype=float32)
    """
    far = abs(_difference("huber", predictions, targets))
    loss = ops.where(far <= delta, 0.5 * (far * far), delta * (far - 0.5 * delta))
    return shaping.mean(loss, None, keepdims=False)


def _difference(what: str, predictions: TensorLike, targets: TensorLike) -> Tensor:
    p, t = _paired(what, predictions, targets)
    return p - t


def _paired(what: str, predictions: TensorLike, targets: TensorLike) -> tuple[Tensor, Tensor]:
    """Both as floats of one dtype. Targets have the predictions' shape, or are a scalar."""
    p, t = (to_float(x) for x in same_dtype(*as_tensors(predictions, targets)))
    if t.ndim and not _may_match(p.shape, t.shape):
        raise ShapeError(
            f"{what}: predictions and targets differ in shape",
            got=f"{p.shape} and {t.shape}",
            fix="x[:, 0] drops an axis of size 1, x[:, None] adds one",
        )
    return p, t


def _may_match(a: Shape, b: Shape) -> bool:
    return len(a) == len(b) and all(same_dims(i, j) is not False for i, j in zip(a, b, strict=True))


def cross_entropy(logits: TensorLike, targets: TensorLike) -> Tensor:
    """The mean over all rows of -log(softmax(row)[target]), for classes along the last axis.

    `logits` (..., classes) are floats before any softmax; `targets` (...) are integer classes.
    Raises DTypeError for targets that are no integers, ShapeError for shapes that do not fit,
    IndexRangeError when it runs for a target that is no class.

    >>> round(cross_entropy([[0.0, 0.0], [0.0, 1000.0]], [1, 1]).item(), 4)
    0.3466
    """
    x, y = to_float(as_tensor(logits)), as_tensor(targets)
    if y.dtype.kind not in "iu":
        raise DTypeError(
            "cross_entropy: targets are integer classes",
            got=str(y.node.type),
            fix="y.astype('int64'); for one-hot rows or probabilities:"
            " -(y * log_softmax(logits)).sum(axis=-1).mean()",
        )
    if not x.ndim or not _may_match(x.shape[:-1], y.shape):
        raise ShapeError(
            "cross_entropy: targets need the shape of the logits without their last axis",
            got=f"logits {x.shape}, targets {y.shape}",
            fix="one class a row; y[:, 0] or y.reshape(-1) drops an axis",
        )
    shifted, top = centred(x, -1)
    total = ops.log(shaping.summed(ops.exp(shifted), -1, keepdims=True))
    # the logit is read from x, and not from shifted: that need not be kept in memory
    picked = indexing.take_along_axis(x, shaping.expanded(y, -1), axis=-1)
    return shaping.mean(total - (picked - top), None, keepdims=False)


def binary_cross_entropy(logits: TensorLike, targets: TensorLike) -> Tensor:
    """The mean of -log(p) where the target is 1 and -log(1 - p) where it is 0, p = sigmoid(logits).

    Targets are floats between 0 and 1, booleans or integers. Raises ShapeError for other shapes.

    >>> round(binary_cross_entropy([0.0, 1000.0], [1, 1]).item(), 4)
    0.3466
    """
    x, t = _paired("binary_cross_entropy", logits, targets)
    return shaping.mean(ops.softplus(x) - x * t, None, keepdims=False)

"""Losses: how far predictions are from targets, as one scalar, the mean over all elements or rows.

Enters: predictions and targets. Leaves: a scalar tensor.

>>> mse([1.0, 2.0], [1.0, 4.0]).eval()
array(2., dtype=float32)
"""

from collections.abc import Callable

import numpy as np

from graphc import ops
from graphc.dims import same_dims
from graphc.errors import DTypeError, ShapeError
from graphc.functions import indexing, shaping
from graphc.functions.creation import as_tensor, as_tensors
from graphc.functions.lifting import same_dtype, to_float
from graphc.functions.patterns import ones_like, zeros_like
from graphc.functions.tensor import Tensor, TensorLike
from graphc.graph import called
from graphc.nn.functional import centred, relu
from graphc.types import Shape, uint64
from graphc.values import outside, range_text


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


def cross_entropy(
    logits: TensorLike, targets: TensorLike, ignore_index: int | None = None
) -> Tensor:
    """The mean over all rows of -log(softmax(row)[target]), for classes along the last axis.

    `logits` (..., classes) are floats before any softmax; `targets` (...) are integer classes.
    Rows whose target is `ignore_index` do not count; the mean of no rows is nan. Raises DTypeError
    for targets that are no integers or cannot hold `ignore_index`, ShapeError for shapes that do
    not fit, IndexRangeError when it runs for a target that is no class (-1 does not stand for the
    last one).

    >>> round(cross_entropy([[0.0, 0.0], [0.0, 1000.0]], [1, 1]).item(), 4)
    0.3466
    >>> round(cross_entropy([[0.0, 0.0], [0.0, 1000.0]], [1, -1], ignore_index=-1).item(), 4)
    0.6931
    """
    x, y = _classified("cross_entropy", logits, targets)
    shifted, top = centred(x, -1)
    total = ops.log(shaping.summed(ops.exp(shifted), -1, keepdims=True))
    # the logit is read from x, and not from shifted: that need not be kept in memory
    return _mean_of_classes(
        "cross_entropy", x, y, ignore_index, lambda picked: total - (picked - top)
    )


def nll(
    log_probabilities: TensorLike, targets: TensorLike, ignore_index: int | None = None
) -> Tensor:
    """The mean over all rows of -row[target], where rows are logarithms of probabilities.

    `nll(log_softmax(x), y)` is `cross_entropy(x, y)`, whose arguments and errors it shares.

    >>> nll([[-0.5, -1.0], [-2.0, -3.0]], [0, 1]).eval()
    array(1.75, dtype=float32)
    """
    x, y = _classified("nll", log_probabilities, targets)
    return _mean_of_classes("nll", x, y, ignore_index, lambda picked: -picked)


def _classified(what: str, rows: TensorLike, targets: TensorLike) -> tuple[Tensor, Tensor]:
    given, y = as_tensor(rows), as_tensor(targets)
    if y.dtype.kind not in "iu":
        swapped = f"the targets come second: {what}(logits, targets)"
        raise DTypeError(
            f"{what}: targets are integer classes",
            got=f"logits {given.node.type}, targets {y.node.type}",
            fix=swapped
            if given.dtype.kind in "iu"
            else "y.astype('int64'); for one-hot rows or probabilities:"
            " -(y * log_softmax(logits)).sum(axis=-1).mean()",
        )
    x = to_float(given)
    if not x.ndim or not _may_match(x.shape[:-1], y.shape):
        raise ShapeError(
            f"{what}: targets need the shape of the logits without their last axis",
            got=f"logits {x.shape}, targets {y.shape}",
            fix="one class a row; y[:, 0] or y.reshape(-1) drops an axis",
        )
    return x, y


def _check_ignored(what: str, y: Tensor, ignored: int | None) -> None:
    if ignored is not None and outside(np.array(ignored), y.dtype) is not None:
        raise DTypeError(
            f"{what}: no target of {y.dtype} can be ignore_index",
            got=f"ignore_index={ignored}; {range_text(y.dtype)}",
            fix="targets.astype('int64'), or an ignore_index that targets can hold",
        )


def _mean_of_classes(
    what: str, x: Tensor, y: Tensor, ignored: int | None, loss: Callable[[Tensor], Tensor]
) -> Tensor:
    """The mean of `loss` of the elements of x at the classes y, the ignored rows left out."""
    _check_ignored(what, y, ignored)
    column = shaping.expanded(y, -1)
    counts = None if ignored is None else column != ignored
    if counts is not None:
        column = ops.where(counts, column, zeros_like(column))
    # unsigned: a negative class is then too large, and does not count from the end
    with called(what):
        picked = indexing.take_along_axis(x, column.astype(uint64), axis=-1)
    rows = loss(picked)
    if counts is None:
        return shaping.mean(rows, None, keepdims=False)
    total = shaping.summed(ops.where(counts, rows, zeros_like(rows)), None, keepdims=False)
    return total / shaping.summed(counts, None, keepdims=False).astype(x.dtype)


def binary_cross_entropy_with_logits(logits: TensorLike, targets: TensorLike) -> Tensor:
    """The mean of -log(p) where the target is 1 and -log(1 - p) where it is 0, p = sigmoid(logits).

    Logits are what goes into the sigmoid, any floats; targets are floats between 0 and 1, booleans
    or integers. Raises ShapeError for other shapes.

    >>> round(binary_cross_entropy_with_logits([0.0, 1000.0], [1, 1]).item(), 4)
    0.3466
    """
    x, t = _paired("binary_cross_entropy_with_logits", logits, targets)
    return shaping.mean(ops.softplus(x) - x * t, None, keepdims=False)


def hinge(scores: TensorLike, targets: TensorLike) -> Tensor:
    """The mean of max(0, 1 - score * target), for targets 1 and -1.

    >>> round(hinge([0.5, 3.0, 2.0], [1.0, 1.0, -1.0]).item(), 4)
    1.1667
    """
    x, t = _paired("hinge", scores, targets)
    return shaping.mean(relu(1 - x * t), None, keepdims=False)


def kl_div(log_probabilities: TensorLike, targets: TensorLike) -> Tensor:
    """The mean over all rows of sum(t * (log(t) - row)), where t are probabilities and rows are
    logarithms of probabilities: how far the rows' distributions are from the targets'.

    A target of 0 adds nothing. Raises ShapeError for different shapes.

    >>> round(kl_div([[-0.6931472, -0.6931472]], [[1.0, 0.0]]).item(), 4)
    0.6931
    """
    x, t = _paired("kl_div", log_probabilities, targets)
    t = shaping.broadcast(t, x.shape)
    there = t > 0
    known = ops.where(there, t, ones_like(t))
    rows = shaping.summed(ops.where(there, t * (ops.log(known) - x), zeros_like(x)), -1, False)
    return shaping.mean(rows, None, keepdims=False)

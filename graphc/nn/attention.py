"""Attention: a composition of products and a softmax.

Enters: queries, keys and values, (..., steps, size). Leaves: a tensor.

>>> attention([[1.0, 0.0]], [[9.0, 0.0], [0.0, 9.0]], [[1.0], [2.0]]).eval().round(2)
array([[1.]], dtype=float32)
"""

from graphc import ops
from graphc.errors import DTypeError, ShapeError
from graphc.functions.creation import as_tensor, as_tensors
from graphc.functions.lifting import filled, to_float
from graphc.functions.linear_algebra import matmul
from graphc.functions.manipulation import broadcast_to
from graphc.functions.patterns import arange
from graphc.functions.tensor import Tensor, TensorLike
from graphc.nn.functional import softmax
from graphc.types import bool_, int64

HIDDEN = -1e30  # a score that no step attends to; not -inf: a row without any would be nan


def attention(
    q: TensorLike,
    k: TensorLike,
    v: TensorLike,
    *,
    mask: TensorLike | None = None,
    causal: bool = False,
    scale: float | None = None,
) -> Tensor:
    """softmax(q @ k.mT * scale) @ v: what each query makes of the values.

    q: (..., t, d), k: (..., s, d), v: (..., s, e), the leading axes broadcast; the result is (...,
    t, e). `mask`, bool and broadcast to (..., t, s), is True where a query sees a key; `causal`
    lets query i see the keys up to i only. A query that sees nothing sees all alike. `scale` is 1 /
    sqrt(d) unless given. The scores, t * s a head, are in memory a few rows at a time, and their
    gradients too, if nothing else reads them, and t * s is not known to be small. Raises
    ShapeError, DTypeError.

    Source: Vaswani et al., Attention is all you need, 2017, equation 1.

    >>> q = [[1.0, 0.0], [0.0, 1.0]]
    >>> attention(q, q, [[1.0], [3.0]], causal=True).eval().round(2)
    array([[1.  ],
           [2.34]], dtype=float32)
    """
    queries, keys, values = (to_float(x) for x in as_tensors(q, k, v))
    _check(queries, keys, values)
    scores = matmul(queries, keys.mT) * (_usual_scale(queries) if scale is None else scale)
    for seen in (_before(scores) if causal else None, mask):
        if seen is not None:
            scores = _where_seen(as_tensor(seen), scores)
    return matmul(softmax(scores), values)


def _check(q: Tensor, k: Tensor, v: Tensor) -> None:
    got = f"q {q.node.type}, k {k.node.type}, v {v.node.type}"
    axes = "q is (..., steps, size), k (..., keys, size), v (..., keys, values)"
    if min(q.ndim, k.ndim, v.ndim) < 2:
        raise ShapeError("attention: q, k and v have two axes or more", got=got, fix=axes)
    if q.shape[-1] != k.shape[-1]:
        raise ShapeError("attention: queries and keys are not of one size", got=got, fix=axes)
    if k.shape[-2] != v.shape[-2]:
        raise ShapeError("attention: every key has one value", got=got, fix=axes)


def _usual_scale(q: Tensor) -> Tensor | float:
    size = q.shape[-1]
    return size**-0.5 if isinstance(size, int) else ops.rsqrt(as_tensor(size).astype(q.dtype))


def _before(scores: Tensor) -> Tensor:
    """True where the key's step is not after the query's."""
    steps, keys = scores.shape[-2:]
    return arange(steps, dtype=int64)[:, None] >= arange(keys, dtype=int64)


def _where_seen(seen: Tensor, scores: Tensor) -> Tensor:
    if seen.dtype != bool_:
        raise DTypeError(
            "attention: a mask is of bools", got=str(seen.node.type), fix="mask=distances < 5"
        )
    hidden = filled(HIDDEN, scores.shape, scores.dtype, Tensor)
    try:
        wide = broadcast_to(seen, scores.shape)
    except ShapeError as error:
        raise ShapeError(
            "attention: a mask broadcasts to (..., queries, keys)",
            got=f"{seen.shape} to {scores.shape}",
            fix="mask[:, None] adds an axis; (queries, keys) holds for the whole batch",
        ) from error
    return ops.where(wide, scores, hidden)

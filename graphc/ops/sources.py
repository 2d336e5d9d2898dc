"""Values from nothing. Without operands there is no handle to call them with: see `source`.

Enters: parameters. Leaves: counts along an axis; a size as a number.
"""

from typing import Any

import numpy as np

from graphc.dims import DimLike
from graphc.errors import GraphError, ShapeError
from graphc.graph import H, Op, make
from graphc.lowering import Source
from graphc.ops.checks import size_guards
from graphc.types import DType, Shape, TensorType, int64


def _unbatched(size: DimLike, batched: Any, **params: Any) -> Any:
    raise GraphError("a source has no operands to batch")


def _infer_iota(shape: Shape, axis: int, dtype: DType) -> TensorType:
    if not 0 <= axis < len(shape):
        raise ShapeError(f"iota: there is no axis {axis}", got=str(shape))
    if dtype.kind == "b":
        raise ShapeError("iota: bools do not count", got=str(dtype))
    return TensorType(dtype, shape)


def _eval_iota(shape: Any, axis: int, dtype: DType) -> np.ndarray:
    counts = np.arange(shape[axis]).astype(dtype.numpy)
    return np.broadcast_to(counts.reshape(-1, *(1,) * (len(shape) - axis - 1)), shape)


iota: Op = Op(
    "iota",
    infer=_infer_iota,
    eval=_eval_iota,
    vjp=None,
    batch=_unbatched,
    lower=Source("iota"),
    guards=lambda shape, axis, dtype: size_guards("iota", shape),
)
size: Op = Op(
    "size",
    infer=lambda dim: TensorType(int64, ()),
    eval=lambda dim: np.asarray(dim, np.int64),
    vjp=None,
    batch=_unbatched,
    lower=Source("size"),
)


def source(like: H, op: Op, **params: Any) -> H:
    """A source, as a handle of the class of `like`."""
    return type(like)(make(op, (), params))

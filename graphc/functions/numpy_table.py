"""Which function of graphc stands for which of NumPy, when NumPy's meets a tensor.

Enters: nothing. Leaves: the table, served to the protocols of `Tensor`.

>>> from graphc.functions.creation import input
>>> x = input("x", ("n", 3))
>>> np.tanh(x), np.sum(x, axis=0), np.concatenate([x, x], axis=1)
(Tensor(tanh: f32[n, 3]), Tensor(sum: f32[3]), Tensor(concat: f32[n, 6]))
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from graphc.functions import (
    arithmetic,
    elementary,
    indexing,
    linear_algebra,
    logic,
    manipulation,
    numpy_protocol,
    patterns,
    reductions,
)
from graphc.functions.creation import as_tensor, as_tensors
from graphc.functions.einstein import einsum
from graphc.functions.lifting import to_float
from graphc.functions.shaping import Axis
from graphc.functions.tensor import Tensor, TensorLike


def transpose(x: TensorLike, axes: Sequence[int] | None = None) -> Tensor:
    """np.transpose: without axes, they are reversed."""
    y = as_tensor(x)
    return y.T if axes is None else manipulation.permute_dims(y, axes)


def split(x: TensorLike, sections: int | Sequence[int], axis: int = 0) -> list[Tensor]:
    """np.split gives a list."""
    return list(manipulation.split(x, sections, axis=axis))


def pad(x: TensorLike, pad_width: Any, mode: str = "constant", constant_values: Any = 0) -> Tensor:
    """np.pad in its mode "constant"."""
    if mode != "constant":
        raise TypeError(f"np.pad of a tensor: only mode='constant' exists, got {mode!r}")
    return manipulation.pad(x, pad_width, constant_values)


def tensordot(a: TensorLike, b: TensorLike, axes: Any = 2) -> Tensor:
    """np.tensordot, whose axes may also be a pair of ints."""
    if not isinstance(axes, int):
        left, right = axes
        axes = ([left], [right]) if isinstance(left, int) else (left, right)
    return linear_algebra.tensordot(a, b, axes=axes)


def clip(x: TensorLike, a_min: Any = None, a_max: Any = None, **bounds: Any) -> Tensor:
    """np.clip calls its bounds a_min and a_max, or min and max."""
    return arithmetic.clip(x, bounds.get("min", a_min), bounds.get("max", a_max))


def round(x: TensorLike, decimals: int = 0) -> Tensor:
    """np.round, to a number of decimals too."""
    if not decimals:
        return arithmetic.round(x)
    y = to_float(as_tensor(x))
    return arithmetic.round(y * 10.0**decimals) / 10.0**decimals


def mean(x: TensorLike, axis: Axis = None, dtype: Any = None, *, keepdims: bool = False) -> Tensor:
    """np.mean takes a dtype, in which it sums."""
    y = as_tensor(x) if dtype is None else manipulation.astype(x, dtype)
    return reductions.mean(y, axis, keepdims=keepdims)


def var(
    x: TensorLike, axis: Axis = None, *, ddof: float = 0, correction: float = 0, **options: bool
) -> Tensor:
    """np.var calls the correction ddof too."""
    return reductions.var(x, axis, correction=ddof or correction, **options)


def std(
    x: TensorLike, axis: Axis = None, *, ddof: float = 0, correction: float = 0, **options: bool
) -> Tensor:
    """np.std calls the correction ddof too."""
    return reductions.std(x, axis, correction=ddof or correction, **options)


def vstack(arrays: Sequence[TensorLike]) -> Tensor:
    """np.vstack: vectors are rows."""
    rows = as_tensors(*arrays)
    return manipulation.concat([y if y.ndim > 1 else y.reshape((1, -1)) for y in rows], 0)


def hstack(arrays: Sequence[TensorLike]) -> Tensor:
    """np.hstack: along the second axis, and vectors along their only one."""
    parts = [y if y.ndim else y.reshape((1,)) for y in as_tensors(*arrays)]
    return manipulation.concat(parts, min(parts[0].ndim - 1, 1))


def diag(x: TensorLike, k: int = 0) -> Tensor:
    """np.diag: the diagonal of a matrix, or the matrix of a diagonal."""
    y = as_tensor(x)
    if y.ndim != 1:
        return diagonal(y, k)
    wide = manipulation.pad(y, (k, 0) if k > 0 else (0, -k))
    there = patterns.eye(wide.size, k=k, dtype="bool")
    return logic.where(there, wide, 0)


def diagonal(x: TensorLike, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Tensor:
    """np.diagonal takes the first two axes, unless others are given."""
    turned = manipulation.moveaxis(x, (axis1, axis2), (-2, -1))
    return linear_algebra.diagonal(turned, offset=offset)


def trace(x: TensorLike, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Tensor:
    """np.trace takes the first two axes, unless others are given."""
    return reductions.sum(diagonal(x, offset, axis1, axis2), -1)


def inner(a: TensorLike, b: TensorLike) -> Tensor:
    """np.inner: over the last axis of both."""
    x, y = as_tensors(a, b)
    return linear_algebra.tensordot(x, y, axes=([-1], [-1])) if x.ndim and y.ndim else x * y


def diff(x: TensorLike, n: int = 1, axis: int = -1) -> Tensor:
    """np.diff takes how often before the axis."""
    return manipulation.diff(x, axis, n)


def ptp(x: TensorLike, axis: Axis = None, *, keepdims: bool = False) -> Tensor:
    """np.ptp: the largest less the smallest."""
    return reductions.max(x, axis, keepdims=keepdims) - reductions.min(x, axis, keepdims=keepdims)


def allclose(a: TensorLike, b: TensorLike, **options: Any) -> Tensor:
    """np.allclose, as a tensor."""
    return reductions.all(logic.isclose(a, b, **options))


def tril(m: TensorLike, k: int = 0) -> Tensor:
    """np.tril takes k by position too."""
    return patterns.tril(m, k=k)


def triu(m: TensorLike, k: int = 0) -> Tensor:
    """np.triu takes k by position too."""
    return patterns.triu(m, k=k)


def full_like(x: TensorLike, value: Any, dtype: Any = None) -> Tensor:
    """np.full_like takes the dtype by position too."""
    return patterns.full_like(x, value, dtype=dtype)


UFUNCS: dict[Any, Callable[..., Any]] = {
    np.abs: arithmetic.abs,
    np.add: arithmetic.add,
    np.arccos: elementary.acos,
    np.arccosh: elementary.acosh,
    np.arcsin: elementary.asin,
    np.arcsinh: elementary.asinh,
    np.arctan: elementary.atan,
    np.arctan2: elementary.atan2,
    np.arctanh: elementary.atanh,
    np.bitwise_and: logic.bitwise_and,
    np.bitwise_or: logic.bitwise_or,
    np.bitwise_xor: logic.bitwise_xor,
    np.ceil: arithmetic.ceil,
    np.copysign: arithmetic.copysign,
    np.cos: elementary.cos,
    np.cosh: elementary.cosh,
    np.divide: arithmetic.divide,
    np.equal: logic.equal,
    np.exp: elementary.exp,
    np.exp2: elementary.exp2,
    np.expm1: elementary.expm1,
    np.fabs: arithmetic.abs,
    np.floor: arithmetic.floor,
    np.floor_divide: arithmetic.floor_divide,
    np.greater: logic.greater,
    np.greater_equal: logic.greater_equal,
    np.hypot: elementary.hypot,
    np.invert: logic.bitwise_invert,
    np.isfinite: logic.isfinite,
    np.isinf: logic.isinf,
    np.isnan: logic.isnan,
    np.left_shift: logic.bitwise_left_shift,
    np.less: logic.less,
    np.less_equal: logic.less_equal,
    np.log: elementary.log,
    np.log10: elementary.log10,
    np.log1p: elementary.log1p,
    np.log2: elementary.log2,
    np.logaddexp: elementary.logaddexp,
    np.logical_and: logic.logical_and,
    np.logical_not: logic.logical_not,
    np.logical_or: logic.logical_or,
    np.logical_xor: logic.logical_xor,
    np.matmul: linear_algebra.matmul,
    np.maximum: arithmetic.maximum,
    np.minimum: arithmetic.minimum,
    np.multiply: arithmetic.multiply,
    np.negative: arithmetic.negative,
    np.not_equal: logic.not_equal,
    np.positive: arithmetic.positive,
    np.power: arithmetic.pow,
    np.reciprocal: arithmetic.reciprocal,
    np.remainder: arithmetic.remainder,
    np.right_shift: logic.bitwise_right_shift,
    np.rint: arithmetic.round,
    np.sign: arithmetic.sign,
    np.signbit: arithmetic.signbit,
    np.sin: elementary.sin,
    np.sinh: elementary.sinh,
    np.sqrt: elementary.sqrt,
    np.square: arithmetic.square,
    np.subtract: arithmetic.subtract,
    np.tan: elementary.tan,
    np.tanh: elementary.tanh,
    np.trunc: arithmetic.trunc,
    np.vecdot: linear_algebra.vecdot,
}

FUNCTIONS: dict[Any, Callable[..., Any]] = {
    np.all: reductions.all,
    np.allclose: allclose,
    np.amax: reductions.max,
    np.amin: reductions.min,
    np.any: reductions.any,
    np.argmax: reductions.argmax,
    np.argmin: reductions.argmin,
    np.broadcast_arrays: manipulation.broadcast_arrays,
    np.broadcast_to: manipulation.broadcast_to,
    np.clip: clip,
    np.concatenate: manipulation.concat,
    np.count_nonzero: reductions.count_nonzero,
    np.diag: diag,
    np.diagonal: diagonal,
    np.diff: diff,
    np.dot: linear_algebra.dot,
    np.einsum: einsum,
    np.expand_dims: manipulation.expand_dims,
    np.flip: manipulation.flip,
    np.fliplr: lambda x: manipulation.flip(x, 1),
    np.flipud: lambda x: manipulation.flip(x, 0),
    np.full_like: full_like,
    np.hstack: hstack,
    np.inner: inner,
    np.isclose: logic.isclose,
    np.matrix_transpose: manipulation.matrix_transpose,
    np.max: reductions.max,
    np.mean: mean,
    np.min: reductions.min,
    np.moveaxis: manipulation.moveaxis,
    np.ndim: lambda x: x.ndim,
    np.ones_like: patterns.ones_like,
    np.outer: linear_algebra.outer,
    np.pad: pad,
    np.prod: reductions.prod,
    np.ptp: ptp,
    np.ravel: manipulation.flatten,
    np.repeat: manipulation.repeat,
    np.reshape: manipulation.reshape,
    np.roll: manipulation.roll,
    np.round: round,
    np.shape: lambda x: x.shape,
    np.size: lambda x: x.size,
    np.split: split,
    np.squeeze: manipulation.squeeze,
    np.stack: manipulation.stack,
    np.std: std,
    np.sum: reductions.sum,
    np.swapaxes: manipulation.swapaxes,
    np.take: indexing.take,
    np.take_along_axis: indexing.take_along_axis,
    np.tensordot: tensordot,
    np.tile: manipulation.tile,
    np.trace: trace,
    np.transpose: transpose,
    np.tril: tril,
    np.triu: triu,
    np.var: var,
    np.vstack: vstack,
    np.where: logic.where,
    np.zeros_like: patterns.zeros_like,
}

numpy_protocol.serve({**UFUNCS, **FUNCTIONS})

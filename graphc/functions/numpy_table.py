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
from graphc.functions.creation import as_tensor
from graphc.functions.einstein import einsum
from graphc.functions.tensor import Tensor, TensorLike


def transpose(x: TensorLike, axes: Sequence[int] | None = None) -> Tensor:
    """np.transpose: without axes, they are reversed."""
    y = as_tensor(x)
    return y.T if axes is None else manipulation.permute_dims(y, axes)


def concatenate(arrays: Sequence[TensorLike], axis: int | None = 0) -> Tensor:
    """np.concatenate takes the axis by position too."""
    return manipulation.concat(arrays, axis=axis)


def stack(arrays: Sequence[TensorLike], axis: int = 0) -> Tensor:
    """np.stack takes the axis by position too."""
    return manipulation.stack(arrays, axis=axis)


def split(x: TensorLike, sections: int | Sequence[int], axis: int = 0) -> list[Tensor]:
    """np.split gives a list."""
    return list(manipulation.split(x, sections, axis=axis))


def repeat(x: TensorLike, repeats: int, axis: int | None = None) -> Tensor:
    """np.repeat takes the axis by position too."""
    return manipulation.repeat(x, repeats, axis=axis)


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
    np.sin: elementary.sin,
    np.sinh: elementary.sinh,
    np.sqrt: elementary.sqrt,
    np.square: arithmetic.square,
    np.subtract: arithmetic.subtract,
    np.tan: elementary.tan,
    np.tanh: elementary.tanh,
    np.trunc: arithmetic.trunc,
}

FUNCTIONS: dict[Any, Callable[..., Any]] = {
    np.all: reductions.all,
    np.any: reductions.any,
    np.argmax: reductions.argmax,
    np.argmin: reductions.argmin,
    np.broadcast_arrays: manipulation.broadcast_arrays,
    np.broadcast_to: manipulation.broadcast_to,
    np.clip: clip,
    np.concatenate: concatenate,
    np.count_nonzero: reductions.count_nonzero,
    np.dot: linear_algebra.dot,
    np.einsum: einsum,
    np.expand_dims: manipulation.expand_dims,
    np.flip: manipulation.flip,
    np.full_like: full_like,
    np.matrix_transpose: manipulation.matrix_transpose,
    np.max: reductions.max,
    np.mean: reductions.mean,
    np.min: reductions.min,
    np.moveaxis: manipulation.moveaxis,
    np.ndim: lambda x: x.ndim,
    np.ones_like: patterns.ones_like,
    np.outer: linear_algebra.outer,
    np.pad: pad,
    np.prod: reductions.prod,
    np.ravel: manipulation.flatten,
    np.repeat: repeat,
    np.reshape: manipulation.reshape,
    np.roll: manipulation.roll,
    np.shape: lambda x: x.shape,
    np.size: lambda x: x.size,
    np.split: split,
    np.squeeze: manipulation.squeeze,
    np.stack: stack,
    np.std: reductions.std,
    np.sum: reductions.sum,
    np.swapaxes: manipulation.swapaxes,
    np.take: indexing.take,
    np.take_along_axis: indexing.take_along_axis,
    np.tensordot: tensordot,
    np.tile: manipulation.tile,
    np.trace: linear_algebra.trace,
    np.transpose: transpose,
    np.tril: tril,
    np.triu: triu,
    np.var: reductions.var,
    np.vecdot: linear_algebra.vecdot,
    np.where: logic.where,
    np.zeros_like: patterns.zeros_like,
}

numpy_protocol.serve({**UFUNCS, **FUNCTIONS})

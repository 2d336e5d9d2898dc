"""Tensors of one value or a pattern: zeros, arange, eye and the like, without arrays behind them.

Enters: shapes (ints, names, Dims) and numbers. Leaves: tensors.

>>> zeros(("batch", 3))
Tensor(broadcast_to: f32[batch, 3])
>>> arange(1, 7, 2).eval(), eye(2).eval()
(array([1, 3, 5]), array([[1., 0.],
       [0., 1.]], dtype=float32))
"""

import math

import numpy as np

from graphc import graph, ops
from graphc.dims import Dim, DimLike, ceil_div, dim_max
from graphc.errors import DTypeError, ShapeError
from graphc.functions.creation import as_tensor, asarray, constant
from graphc.functions.lifting import binary, filled, lift, to_dtype
from graphc.functions.shaping import reshape
from graphc.functions.tensor import DTypeLike, Tensor, TensorLike
from graphc.types import DType, Sizes, as_dtype, as_shape, float32, int64


def full(shape: Sizes, value: TensorLike, dtype: DTypeLike | None = None) -> Tensor:
    """A tensor that is `value`, a number or a scalar tensor, everywhere.

    >>> full((2,), 7).eval(), full(2, 0.5).dtype
    (array([7, 7]), float32)
    """
    scalar = asarray(value, dtype)
    if scalar.ndim:
        raise ShapeError(
            "full: the value is not a scalar",
            got=str(scalar.shape),
            fix="graphc.broadcast_to(values, shape)",
        )
    wanted = as_shape(shape)
    return ops.broadcast_to(scalar, shape=wanted) if wanted else scalar


def zeros(shape: Sizes, dtype: DTypeLike = "float32") -> Tensor:
    """Zeros.

    >>> zeros((1, 2)).eval()
    array([[0., 0.]], dtype=float32)
    """
    return filled(0, as_shape(shape), as_dtype(dtype), Tensor)


def ones(shape: Sizes, dtype: DTypeLike = "float32") -> Tensor:
    """Ones.

    >>> ones(2, "int32").eval()
    array([1, 1], dtype=int32)
    """
    return filled(1, as_shape(shape), as_dtype(dtype), Tensor)


def empty(shape: Sizes, dtype: DTypeLike = "float32") -> Tensor:
    """Zeros: a graph has no memory that is not written.

    >>> empty(2).eval()
    array([0., 0.], dtype=float32)
    """
    return zeros(shape, dtype)


def empty_like(x: TensorLike, *, dtype: DTypeLike | None = None) -> Tensor:
    """Zeros in the shape of x, and in its dtype unless one is given.

    >>> empty_like([1, 2]).eval()
    array([0, 0])
    """
    return full_like(x, 0, dtype=dtype)


def full_like(x: TensorLike, value: TensorLike, *, dtype: DTypeLike | None = None) -> Tensor:
    """`value`, a scalar, in the shape of x, and in its dtype unless one is given.

    >>> full_like(ones((2, "n")), 3)
    Tensor(broadcast_to: f32[2, n])
    """
    like = as_tensor(x)
    wanted = like.dtype if dtype is None else as_dtype(dtype)
    return full(like.shape, value, wanted)


def zeros_like(x: TensorLike, *, dtype: DTypeLike | None = None) -> Tensor:
    """Zeros in the shape of x, and in its dtype unless one is given.

    >>> zeros_like(ones((1, 2))).eval()
    array([[0., 0.]], dtype=float32)
    """
    return full_like(x, 0, dtype=dtype)


def ones_like(x: TensorLike, *, dtype: DTypeLike | None = None) -> Tensor:
    """Ones in the shape of x, and in its dtype unless one is given.

    >>> ones_like(zeros((1, 2)), dtype="bool").eval()
    array([[ True,  True]])
    """
    return full_like(x, 1, dtype=dtype)


def arange(
    start: DimLike | float,
    stop: DimLike | float | None = None,
    step: int | float = 1,
    *,
    dtype: DTypeLike | None = None,
) -> Tensor:
    """The numbers start, start + step, ... below stop; from 0 if only one bound is given.

    int64 unless a bound is a float or dtype is given. Bounds may be symbolic sizes, with an int
    step > 0. Raises ShapeError for a step of 0.

    >>> arange(3).eval(), arange(0.0, 1.0, 0.25).eval()
    (array([0, 1, 2]), array([0.  , 0.25, 0.5 , 0.75], dtype=float32))
    >>> from graphc.dims import dim
    >>> arange(dim("n"))
    Tensor(iota: i64[n])
    """
    first, last = (0, start) if stop is None else (start, stop)
    for bound in (first, last):
        if isinstance(bound, str | Tensor):
            fix = f"a size by its name: arange(graphc.dim({bound!r}))"
            fix = fix if isinstance(bound, str) else "a size cannot depend on values: x.shape[0]"
            raise DTypeError("arange: bounds are numbers or sizes", got=repr(bound), fix=fix)
    if step == 0:
        raise ShapeError("arange: the step is 0", fix="a negative one counts down")
    floats = any(isinstance(v, float | np.floating) for v in (first, last, step))
    wanted = as_dtype(dtype) if dtype is not None else float32 if floats else int64
    counts = _iota((_count(first, last, step),), 0, wanted)
    scaled = counts if step == 1 else binary(ops.mul, counts, lift(step, counts))
    if not isinstance(first, Dim) and first == 0:
        return scaled
    return binary(ops.add, scaled, lift(first, scaled))


def _count(first: DimLike | float, last: DimLike | float, step: int | float) -> DimLike:
    if not isinstance(first, Dim) and not isinstance(last, Dim):
        return max(0, math.ceil((last - first) / step))
    if not isinstance(step, int) or isinstance(first, float) or isinstance(last, float) or step < 0:
        raise ShapeError(
            "arange: symbolic bounds need an int step > 0",
            got=f"{first}, {last}, {step}",
            fix="graphc.arange(n) * step + first",
        )
    return dim_max(ceil_div(last - first, step), 0)


def _iota(shape: tuple[DimLike, ...], axis: int, dtype: DType) -> Tensor:
    counting = int64 if dtype.kind == "b" else dtype
    counts = Tensor(graph.make(ops.iota, (), {"shape": shape, "axis": axis, "dtype": counting}))
    return to_dtype(counts, dtype)


def linspace(
    start: float,
    stop: float,
    num: int,
    *,
    dtype: DTypeLike = "float32",
    endpoint: bool = True,
) -> Tensor:
    """`num` numbers at equal distances from start to stop, a constant.

    >>> linspace(0, 1, 5).eval()
    array([0.  , 0.25, 0.5 , 0.75, 1.  ], dtype=float32)
    """
    return constant(np.linspace(start, stop, num, endpoint=endpoint), dtype)


def eye(
    n_rows: int | str | DimLike,
    n_cols: int | str | DimLike | None = None,
    *,
    k: int = 0,
    dtype: DTypeLike = "float32",
) -> Tensor:
    """Ones on the k-th diagonal (0 the main one, above it > 0), zeros elsewhere.

    >>> eye(2, 3, k=1).eval()
    array([[0., 1., 0.],
           [0., 0., 1.]], dtype=float32)
    """
    shape = as_shape((n_rows, n_rows if n_cols is None else n_cols))
    rows, columns = _iota(shape, 0, int64), _iota(shape, 1, int64)
    return (rows + k == columns).astype(dtype)


def tril(x: TensorLike, *, k: int = 0) -> Tensor:
    """x with zeros above the k-th diagonal of its last two axes.

    >>> tril(ones((2, 2))).eval()
    array([[1., 0.],
           [1., 1.]], dtype=float32)
    """
    return _triangle(as_tensor(x), "tril", k)


def triu(x: TensorLike, *, k: int = 0) -> Tensor:
    """x with zeros below the k-th diagonal of its last two axes.

    >>> triu(ones((2, 2)), k=1).eval()
    array([[0., 1.],
           [0., 0.]], dtype=float32)
    """
    return _triangle(as_tensor(x), "triu", k)


def _triangle(x: Tensor, name: str, k: int) -> Tensor:
    if x.ndim < 2:
        raise ShapeError(
            f"{name}: a matrix is needed", got=str(x.shape), fix="x[None] is one of one row"
        )
    rows = _iota(x.shape[-2:], 0, int64)
    columns = _iota(x.shape[-2:], 1, int64)
    kept = columns <= rows + k if name == "tril" else columns >= rows + k
    return ops.where(ops.broadcast_to(kept, shape=x.shape), x, zeros_like(x))


def meshgrid(*arrays: TensorLike, indexing: str = "xy") -> tuple[Tensor, ...]:
    """The coordinates of a grid, one tensor for each 1-D array; "xy" puts the second axis first.

    >>> [g.eval().tolist() for g in meshgrid([1, 2], [3, 4, 5], indexing="ij")]
    [[[1, 1, 1], [2, 2, 2]], [[3, 4, 5], [3, 4, 5]]]
    """
    xs = [as_tensor(a) for a in arrays]
    if indexing not in ("xy", "ij"):
        raise ShapeError(
            "meshgrid: indexing is 'xy' or 'ij'", got=repr(indexing), fix="indexing='ij'"
        )
    places = list(range(len(xs)))
    if indexing == "xy" and len(xs) > 1:
        places[:2] = 1, 0
    order = [places.index(i) for i in range(len(xs))]
    shape = tuple(xs[i].size for i in order)
    grids = (
        reshape(x, tuple(x.size if i == at else 1 for i in range(len(xs))))
        for x, at in zip(xs, places, strict=True)
    )
    return tuple(ops.broadcast_to(g, shape=shape) for g in grids)

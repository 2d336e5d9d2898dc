"""Reading and writing where integers say.

Enters: x, an integer index (negative ones count from the end), for writes the updates; `axis`.
Leaves: a handle. `take` puts the shape of the index in the place of the axis; `take_along` reads
one element for each index. The scatters write to a copy of x what the takes would read. Of
repeated indices, "add" adds all up and "set" keeps the last. Outside of the axis: IndexRangeError.
"""

from typing import Any, Literal

import numpy as np

from graphc.dims import DimLike, Guard, product
from graphc.errors import IndexRangeError, ShapeError
from graphc.graph import Op
from graphc.lowering import Gather, Scatter, Shape
from graphc.ops.checks import INTEGER, check_kind, equal_guards, match_dtypes, match_shapes
from graphc.ops.constants import filled
from graphc.ops.selection import where
from graphc.ops.sources import iota, source
from graphc.ops.views import broadcast_to, fitted, spread, spread_all, transpose
from graphc.types import TensorType, int64

Combine = Literal["add", "set"]


def _check_index(name: str, x: TensorType, index: TensorType, axis: int) -> None:
    check_kind(f"{name}: as an index", INTEGER, index)
    if not 0 <= axis < len(x.shape):
        raise ShapeError(f"{name}: there is no axis {axis}", got=str(x))


def _taken(shape: Shape, index: Shape, axis: int) -> Shape:
    return shape[:axis] + index + shape[axis + 1 :]


def _along(x: TensorType, index: TensorType, axis: int) -> tuple[Shape, Shape]:
    """The index's shape, and what it has to be."""
    axes = slice(axis, axis + 1)
    return index.shape, _taken(x.shape, index.shape[axes], axis)


def _in_range(name: str, index: np.ndarray, length: int) -> np.ndarray:
    """The index, counted from the start."""
    outside = (index >= length) | (index < -length)
    if outside.any():
        raise IndexRangeError(
            f"{name}: an index is outside of the axis",
            got=str(index[outside][0]),
            fix=f"indices go from -{length} to {length - 1}" if length else "the axis is empty",
        )
    counted = np.where(index < 0, index.astype(np.int64) + length, index.astype(np.int64))
    return np.array(counted, order="C")  # NumPy writes in the order of memory: the last one wins


def _places(x: np.ndarray, index: np.ndarray, axis: int) -> tuple[Any, ...]:
    """What NumPy takes for the elements that `take` reads."""
    return (*(slice(None),) * axis, index)


def _places_along(x: np.ndarray, index: np.ndarray, axis: int) -> tuple[Any, ...]:
    """What NumPy takes for the elements that `take_along` reads."""
    grid: list[Any] = list(np.indices(index.shape, sparse=True))
    grid[axis] = index
    return tuple(grid)


# ---- reading ----


def _infer_take(x: TensorType, index: TensorType, axis: int) -> TensorType:
    _check_index("take", x, index, axis)
    return TensorType(x.dtype, _taken(x.shape, index.shape, axis))


def _infer_take_along(x: TensorType, index: TensorType, axis: int) -> TensorType:
    _check_index("take_along", x, index, axis)
    match_shapes("take_along: all axes but one", *_along(x, index, axis))
    return TensorType(x.dtype, index.shape)


def _eval_take(x: np.ndarray, index: np.ndarray, axis: int) -> np.ndarray:
    return x[_places(x, _in_range("take", index, x.shape[axis]), axis)]


def _eval_take_along(x: np.ndarray, index: np.ndarray, axis: int) -> np.ndarray:
    return x[_places_along(x, _in_range("take_along", index, x.shape[axis]), axis)]


def _vjp_take(g: Any, y: Any, x: Any, index: Any, axis: int) -> tuple[Any, ...]:
    return scatter(filled(x, 0), index, g, axis=axis, combine="add"), None


def _vjp_take_along(g: Any, y: Any, x: Any, index: Any, axis: int) -> tuple[Any, ...]:
    return scatter_along(filled(x, 0), index, g, axis=axis, combine="add"), None


def _batch_take(size: DimLike, batched: tuple[bool, bool], x: Any, index: Any, axis: int) -> Any:
    if not batched[1]:
        return take(x, index, axis=axis + 1)
    if not batched[0]:
        y = take(x, index, axis=axis)
        return transpose(y, axes=(axis, *range(axis), *range(axis + 1, y.ndim)))
    along = _index_along(index, x.shape[1:], axis)
    y = take_along(x, along, axis=axis + 1)
    return fitted(y, (size, *_taken(x.shape[1:], index.shape[1:], axis)))


def _index_along(index: Any, shape: Shape, axis: int) -> Any:
    """A batched index of `take`, as the index of `take_along`: its axes made one, repeated."""
    size, count = index.shape[0], product(index.shape[1:])
    last = (1,) * (len(shape) - axis - 1)
    column = fitted(index, (size, *(1,) * axis, count, *last))
    return broadcast_to(column, shape=(size, *_taken(shape, (count,), axis)))


def _batch_take_along(
    size: DimLike, batched: tuple[bool, bool], x: Any, index: Any, axis: int
) -> Any:
    return take_along(*spread_all(size, batched, (x, index)), axis=axis + 1)


def _guard_take_along(x: TensorType, index: TensorType, axis: int) -> tuple[Guard, ...]:
    return equal_guards("take_along", *_along(x, index, axis))


take: Op = Op(
    "take",
    infer=_infer_take,
    eval=_eval_take,
    vjp=_vjp_take,
    batch=_batch_take,
    lower=Gather(along=False),
)
take_along: Op = Op(
    "take_along",
    infer=_infer_take_along,
    eval=_eval_take_along,
    vjp=_vjp_take_along,
    batch=_batch_take_along,
    lower=Gather(along=True),
    guards=_guard_take_along,
)

# ---- writing ----


def _infer_scatter(
    x: TensorType, index: TensorType, updates: TensorType, axis: int, combine: Combine
) -> TensorType:
    _check_index("scatter", x, index, axis)
    match_dtypes("scatter", x, updates)
    match_shapes("scatter: the updates", _taken(x.shape, index.shape, axis), updates.shape)
    return x


def _infer_scatter_along(
    x: TensorType, index: TensorType, updates: TensorType, axis: int, combine: Combine
) -> TensorType:
    _check_index("scatter_along", x, index, axis)
    match_dtypes("scatter_along", x, updates)
    match_shapes("scatter_along: all axes but one", *_along(x, index, axis))
    match_shapes("scatter_along: the updates", index.shape, updates.shape)
    return x


def _written(x: np.ndarray, places: Any, updates: np.ndarray, combine: Combine) -> np.ndarray:
    result = np.array(x)
    if combine == "set":
        result[places] = np.array(updates, order="C")
        return result
    with np.errstate(all="ignore"):
        np.add.at(result, places, updates)
    return result


def _eval_scatter(
    x: np.ndarray, index: np.ndarray, updates: np.ndarray, axis: int, combine: Combine
) -> np.ndarray:
    places = _places(x, _in_range("scatter", index, x.shape[axis]), axis)
    return _written(x, places, updates, combine)


def _eval_scatter_along(
    x: np.ndarray, index: np.ndarray, updates: np.ndarray, axis: int, combine: Combine
) -> np.ndarray:
    places = _places_along(x, _in_range("scatter_along", index, x.shape[axis]), axis)
    return _written(x, places, updates, combine)


def _vjp_scatter(
    g: Any, y: Any, x: Any, index: Any, updates: Any, axis: int, combine: Combine
) -> tuple[Any, ...]:
    read = take(g, index, axis=axis)
    if combine == "add":
        return g, None, read
    kept = scatter(g, index, filled(updates, 0), axis=axis, combine="set")
    return kept, None, where(_lasting(index, updates.shape, axis, x), read, filled(read, 0))


def _lasting(index: Any, shape: Shape, axis: int, x: Any) -> Any:
    """Which updates are not overwritten: those that find their own number where they wrote it."""
    count = product(index.shape)
    numbers = source(index, iota, shape=(count,), axis=0, dtype=int64)
    numbers = fitted(numbers, index.shape)
    board = filled(numbers, -1, (x.shape[axis],))
    board = scatter(board, index, numbers, axis=0, combine="set")
    won = take(board, index, axis=0) == numbers
    column = fitted(won, (*index.shape, *(1,) * (len(x.shape) - axis - 1)))
    return column if column.shape == shape else broadcast_to(column, shape=shape)


def _vjp_scatter_along(
    g: Any, y: Any, x: Any, index: Any, updates: Any, axis: int, combine: Combine
) -> tuple[Any, ...]:
    read = take_along(g, index, axis=axis)
    if combine == "add":
        return g, None, read
    kept = scatter_along(g, index, filled(updates, 0), axis=axis, combine="set")
    numbers = source(index, iota, shape=index.shape, axis=axis, dtype=int64)
    board = filled(numbers, -1, x.shape)
    board = scatter_along(board, index, numbers, axis=axis, combine="set")
    won = take_along(board, index, axis=axis) == numbers
    return kept, None, where(won, read, filled(read, 0))


def _batch_scatter(
    size: DimLike,
    batched: tuple[bool, ...],
    x: Any,
    index: Any,
    updates: Any,
    axis: int,
    combine: Combine,
) -> Any:
    x = x if batched[0] else spread(x, size)
    updates = updates if batched[2] else spread(updates, size)
    if not batched[1]:
        return scatter(x, index, updates, axis=axis + 1, combine=combine)
    along = _index_along(index, x.shape[1:], axis)
    return scatter_along(x, along, fitted(updates, along.shape), axis=axis + 1, combine=combine)


def _batch_scatter_along(
    size: DimLike, batched: tuple[bool, ...], *xs: Any, axis: int, combine: Combine
) -> Any:
    return scatter_along(*spread_all(size, batched, xs), axis=axis + 1, combine=combine)


def _guard_scatter(
    x: TensorType, index: TensorType, updates: TensorType, axis: int, combine: Combine
) -> tuple[Guard, ...]:
    return equal_guards("scatter", _taken(x.shape, index.shape, axis), updates.shape)


def _guard_scatter_along(
    x: TensorType, index: TensorType, updates: TensorType, axis: int, combine: Combine
) -> tuple[Guard, ...]:
    same = equal_guards("scatter_along", *_along(x, index, axis))
    return same + equal_guards("scatter_along", index.shape, updates.shape)


scatter: Op = Op(
    "scatter",
    infer=_infer_scatter,
    eval=_eval_scatter,
    vjp=_vjp_scatter,
    batch=_batch_scatter,
    lower=Scatter(along=False),
    guards=_guard_scatter,
)
scatter_along: Op = Op(
    "scatter_along",
    infer=_infer_scatter_along,
    eval=_eval_scatter_along,
    vjp=_vjp_scatter_along,
    batch=_batch_scatter_along,
    lower=Scatter(along=True),
    guards=_guard_scatter_along,
)

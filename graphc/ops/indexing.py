"""Reading and writing where integers say.

Enters: x, an integer index (negative ones count from the end, and -1 cast to unsigned is outside),
for writes the updates; `axis`.
Leaves: a handle. `take` puts the shape of the index in the place of the axis; `take_along` reads
one element for each index. The scatters write to a copy of x what the takes would read. Of
repeated indices, "add" adds all up and "set" keeps the last. Outside of the axis: IndexRangeError.
"""

from collections.abc import Callable
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


# ---- what a take reads, and a scatter writes ----


def _taken(shape: Shape, index: Shape, axis: int) -> Shape:
    return shape[:axis] + index + shape[axis + 1 :]


def _index_shapes(x: TensorType, index: TensorType, axis: int, along: bool) -> tuple[Shape, Shape]:
    """The index's shape, and what it has to be."""
    one = index.shape[axis : axis + 1]
    return index.shape, _taken(x.shape, one, axis) if along else index.shape


def _read_shape(name: str, x: TensorType, index: TensorType, axis: int, along: bool) -> Shape:
    check_kind(f"{name}: as an index", INTEGER, index)
    if not 0 <= axis < len(x.shape):
        raise ShapeError(f"{name}: there is no axis {axis}", got=str(x))
    match_shapes(f"{name}: all axes but one", *_index_shapes(x, index, axis, along))
    return index.shape if along else _taken(x.shape, index.shape, axis)


def _places(name: str, x: np.ndarray, index: np.ndarray, axis: int, along: bool) -> tuple[Any, ...]:
    """What NumPy takes for the elements that are read."""
    inside = _in_range(name, index, x.shape[axis])
    if not along:
        return (*(slice(None),) * axis, inside)
    grid: list[Any] = list(np.indices(index.shape, sparse=True))
    grid[axis] = inside
    return tuple(grid)


def _in_range(name: str, index: np.ndarray, length: int) -> np.ndarray:
    """The index, counted from the start."""
    outside = (index >= length) | (index < -length)
    if outside.any():
        lowest = 0 if index.dtype.kind == "u" else -length  # unsigned: none counts from the end
        raise IndexRangeError(
            f"{name}: an index is outside of the axis",
            got=str(index[outside].astype(np.int64)[0]),
            fix=f"indices go from {lowest} to {length - 1}" if length else "the axis is empty",
        )
    counted = np.where(index < 0, index.astype(np.int64) + length, index.astype(np.int64))
    return np.array(counted, order="C")  # NumPy writes in the order of memory: the last one wins


# ---- reading ----


def _reading(name: str, along: bool, batch: Callable[..., Any]) -> Op:
    """A take: x at an index that counts along one axis."""

    def infer(x: TensorType, index: TensorType, axis: int) -> TensorType:
        return TensorType(x.dtype, _read_shape(name, x, index, axis, along))

    def eval(x: np.ndarray, index: np.ndarray, axis: int) -> np.ndarray:
        return x[_places(name, x, index, axis, along)]

    def vjp(g: Any, y: Any, x: Any, index: Any, axis: int) -> tuple[Any, ...]:
        write = scatter_along if along else scatter
        return write(filled(x, 0), index, g, axis=axis, combine="add"), None

    def guards(x: TensorType, index: TensorType, axis: int) -> tuple[Guard, ...]:
        return equal_guards(name, *_index_shapes(x, index, axis, along))

    return Op(name, infer, eval, vjp, batch, Gather(along), guards)


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


take: Op = _reading("take", False, _batch_take)
take_along: Op = _reading("take_along", True, _batch_take_along)

# ---- writing ----


def _writing(name: str, along: bool, batch: Callable[..., Any], lasting: Callable[..., Any]) -> Op:
    """A scatter: updates written to a copy of x where a take would read; `lasting` tells which
    of the updates are not overwritten."""
    read = take_along if along else take

    def infer(
        x: TensorType, index: TensorType, updates: TensorType, axis: int, combine: Combine
    ) -> TensorType:
        match_dtypes(name, x, updates)
        shape = _read_shape(name, x, index, axis, along)
        match_shapes(f"{name}: the updates", shape, updates.shape)
        return x

    def eval(
        x: np.ndarray, index: np.ndarray, updates: np.ndarray, axis: int, combine: Combine
    ) -> np.ndarray:
        return _written(x, _places(name, x, index, axis, along), updates, combine)

    def vjp(
        g: Any, y: Any, x: Any, index: Any, updates: Any, axis: int, combine: Combine
    ) -> tuple[Any, ...]:
        back = read(g, index, axis=axis)
        if combine == "add":
            return g, None, back
        write = scatter_along if along else scatter
        kept = write(g, index, filled(updates, 0), axis=axis, combine="set")
        return kept, None, where(lasting(x, index, updates, axis), back, filled(back, 0))

    def guards(
        x: TensorType, index: TensorType, updates: TensorType, axis: int, combine: Combine
    ) -> tuple[Guard, ...]:
        same = equal_guards(name, *_index_shapes(x, index, axis, along))
        return same + equal_guards(name, _read_shape(name, x, index, axis, along), updates.shape)

    return Op(name, infer, eval, vjp, batch, Scatter(along), guards)


def _written(x: np.ndarray, places: Any, updates: np.ndarray, combine: Combine) -> np.ndarray:
    result = np.array(x)
    if combine == "set":
        result[places] = np.array(updates, order="C")
        return result
    with np.errstate(all="ignore"):
        np.add.at(result, places, updates)
    return result


# An update lasts that finds its own number where it wrote it.


def _lasting(x: Any, index: Any, updates: Any, axis: int) -> Any:
    count = product(index.shape)
    numbers = source(index, iota, shape=(count,), axis=0, dtype=int64)
    numbers = fitted(numbers, index.shape)
    board = filled(numbers, -1, (x.shape[axis],))
    board = scatter(board, index, numbers, axis=0, combine="set")
    won = take(board, index, axis=0) == numbers
    column = fitted(won, (*index.shape, *(1,) * (len(x.shape) - axis - 1)))
    return column if column.shape == updates.shape else broadcast_to(column, shape=updates.shape)


def _lasting_along(x: Any, index: Any, updates: Any, axis: int) -> Any:
    numbers = source(index, iota, shape=index.shape, axis=axis, dtype=int64)
    board = filled(numbers, -1, x.shape)
    board = scatter_along(board, index, numbers, axis=axis, combine="set")
    return take_along(board, index, axis=axis) == numbers


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


scatter: Op = _writing("scatter", False, _batch_scatter, _lasting)
scatter_along: Op = _writing("scatter_along", True, _batch_scatter_along, _lasting_along)

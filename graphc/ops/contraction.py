"""The general dot product: sums of products over contracted axes, for each batch index.

Enters: two handles of one dtype; `contract` and `batch`, each a pair of tuples of axes, one tuple
an operand, paired in order. Leaves: a handle with the batch axes, the other axes of a, those of b.

    matmul of (n, k) and (k, m):  contract=((1,), (0,)), batch=((), ())
"""

import math
from typing import Any

import numpy as np

from graphc.dims import DimLike
from graphc.errors import ShapeError
from graphc.graph import Op
from graphc.lowering import Contract, Index
from graphc.ops.checks import NUMERIC, check_kind, equal_guards, match_dtypes, match_shapes
from graphc.ops.views import inverse, transpose
from graphc.types import Shape, TensorType

Axes = tuple[int, ...]
Pair = tuple[Axes, Axes]
Coords = tuple[Index, ...]


def free_axes(rank: int, *used: Axes) -> Axes:
    """The axes that are in none of `used`."""
    return tuple(axis for axis in range(rank) if not any(axis in axes for axes in used))


def _sizes(x: Any, axes: Axes) -> Shape:
    return tuple(x.shape[axis] for axis in axes)


def _paired(a: TensorType, b: TensorType, contract: Pair, batch: Pair) -> tuple[Shape, Shape]:
    """The sizes that must be equal, for each operand."""
    return _sizes(a, batch[0] + contract[0]), _sizes(b, batch[1] + contract[1])


def _infer_dot(a: TensorType, b: TensorType, contract: Pair, batch: Pair) -> TensorType:
    check_kind("dot", NUMERIC, a)
    match_dtypes("dot", a, b)
    for x, inner, outer in zip((a, b), contract, batch, strict=True):
        axes = inner + outer
        if len(set(axes)) != len(axes) or any(not 0 <= axis < len(x.shape) for axis in axes):
            raise ShapeError(f"dot: no such axes of {x}", got=f"{inner} and {outer}")
    match_shapes(
        f"dot: {a} and {b} along axes {contract}, batch {batch}", *_paired(a, b, contract, batch)
    )
    outer_b = free_axes(len(b.shape), contract[1], batch[1])
    outer_a = free_axes(len(a.shape), contract[0], batch[0])
    return TensorType(a.dtype, _sizes(a, batch[0]) + _sizes(a, outer_a) + _sizes(b, outer_b))


def _eval_dot(a: np.ndarray, b: np.ndarray, contract: Pair, batch: Pair) -> np.ndarray:
    outer_a = free_axes(a.ndim, contract[0], batch[0])
    outer_b = free_axes(b.ndim, contract[1], batch[1])
    shape = _sizes(a, batch[0]) + _sizes(a, outer_a) + _sizes(b, outer_b)
    count, inner = _count(a, batch[0]), _count(a, contract[0])
    left = np.transpose(a, batch[0] + outer_a + contract[0])
    right = np.transpose(b, batch[1] + contract[1] + outer_b)
    with np.errstate(all="ignore"):
        result = np.matmul(
            left.reshape(count, _count(a, outer_a), inner),
            right.reshape(count, inner, _count(b, outer_b)),
        )
    return result.reshape(shape)


def _count(x: np.ndarray, axes: Axes) -> int:
    return math.prod(x.shape[axis] for axis in axes)


def _vjp_dot(g: Any, y: Any, a: Any, b: Any, contract: Pair, batch: Pair) -> tuple[Any, ...]:
    outer_a = free_axes(a.ndim, contract[0], batch[0])
    outer_b = free_axes(b.ndim, contract[1], batch[1])
    count, split = len(batch[0]), len(batch[0]) + len(outer_a)
    front, middle, last = (
        tuple(range(count)),
        tuple(range(count, split)),
        tuple(range(split, split + len(outer_b))),
    )
    da = dot(g, b, contract=(last, outer_b), batch=(front, batch[1]))
    db = dot(a, g, contract=(outer_a, middle), batch=(batch[0], front))
    layout_a = batch[0] + outer_a + partners(contract[1], contract[0])
    layout_b = batch[1] + partners(contract[0], contract[1]) + outer_b
    return _placed(da, layout_a), _placed(db, layout_b)


def partners(axes: Axes, partners: Axes) -> Axes:
    """The partners in the order of their axes: as free axes, those come out sorted."""
    return tuple(partners[axes.index(axis)] for axis in sorted(axes))


def _placed(x: Any, layout: Axes) -> Any:
    """x, whose axis i belongs at layout[i], with its axes there."""
    axes = inverse(layout)
    return x if axes == tuple(range(len(axes))) else transpose(x, axes=axes)


def _batch_dot(
    size: DimLike, batched: tuple[bool, bool], a: Any, b: Any, contract: Pair, batch: Pair
) -> Any:
    inner = tuple(_shifted(axes, has) for axes, has in zip(contract, batched, strict=True))
    outer = tuple(_shifted(axes, has) for axes, has in zip(batch, batched, strict=True))
    if all(batched):
        return dot(a, b, contract=inner, batch=((0, *outer[0]), (0, *outer[1])))
    y = dot(a, b, contract=inner, batch=outer)
    # The new axis is the first free one of its operand.
    at = len(batch[0])
    if batched[1]:
        at += len(free_axes(a.ndim, contract[0], batch[0]))
    return _placed(y, (*range(1, at + 1), 0, *range(at + 1, y.ndim)))


def _shifted(axes: Axes, has: bool) -> Axes:
    return tuple(axis + 1 for axis in axes) if has else axes


def _depth_dot(a: TensorType, b: TensorType, contract: Pair, batch: Pair) -> Shape:
    return _sizes(a, contract[0])


def _coords_dot(
    result: Coords, depth: Coords, a: TensorType, b: TensorType, contract: Pair, batch: Pair
) -> tuple[Coords, Coords]:
    shared, free = result[: len(batch[0])], result[len(batch[0]) :]
    outer_a = free_axes(len(a.shape), contract[0], batch[0])
    outer_b = free_axes(len(b.shape), contract[1], batch[1])
    return (
        _ordered(batch[0] + outer_a + contract[0], shared + free[: len(outer_a)] + depth),
        _ordered(batch[1] + outer_b + contract[1], shared + free[len(outer_a) :] + depth),
    )


def _ordered(axes: Axes, coords: Coords) -> Coords:
    """The coordinates of axes 0, 1, ..., given those of `axes`."""
    return tuple(coords[axes.index(axis)] for axis in range(len(axes)))


dot: Op = Op(
    "dot",
    infer=_infer_dot,
    eval=_eval_dot,
    vjp=_vjp_dot,
    batch=_batch_dot,
    lower=Contract(_depth_dot, _coords_dot),
    guards=lambda a, b, contract, batch: equal_guards("dot", *_paired(a, b, contract, batch)),
)

"""Rearrangements of elements: no arithmetic but the sum that broadcasting is the transpose of.

Enters: handles, with shapes and axes as parameters (ints, Dims, tuples of them; axes count from
0 and are never negative). Leaves: handles. Each rule is the linear map's transpose:

    reshape <-> reshape    transpose <-> transpose    broadcast_to <-> sum
"""

from typing import Any

import numpy as np

from graphc.dims import DimLike, Guard, product, same_dims
from graphc.errors import ShapeError
from graphc.graph import Node, Op
from graphc.lowering import Index, Reduce, Reshape, Shape, View
from graphc.ops.checks import NUMERIC, check_kind, reduced, size_guards
from graphc.types import TensorType

# ---- reshape ----


def _infer_reshape(x: TensorType, shape: Shape) -> TensorType:
    if same_dims(product(x.shape), product(shape)) is False:
        raise ShapeError(
            "reshape: the number of elements changes",
            got=f"{x.shape} -> {shape}",
            fix="a size of -1 stands for what is left over",
        )
    return TensorType(x.dtype, shape)


def _guard_reshape(x: TensorType, shape: Shape) -> tuple[Guard, ...]:
    old, new, negative = product(x.shape), product(shape), size_guards("reshape", shape)
    if old == new:
        return negative
    text = f"reshape: {x.shape} -> {shape} changes the number of elements"
    return (*negative, Guard("equal", old, new, text))


def _batch_reshape(size: DimLike, batched: Any, x: Any, shape: Shape) -> Any:
    return reshape(x, shape=(size, *shape))


reshape: Op = Op(
    "reshape",
    infer=_infer_reshape,
    eval=lambda x, shape: np.reshape(x, shape),
    vjp=lambda g, y, x, shape: (reshape(g, shape=x.shape),),
    batch=_batch_reshape,
    lower=Reshape(),
    guards=_guard_reshape,
)

# ---- transpose ----


def inverse(axes: tuple[int, ...]) -> tuple[int, ...]:
    """The permutation that undoes `axes`.

    >>> inverse((2, 0, 1))
    (1, 2, 0)
    """
    return tuple(axes.index(i) for i in range(len(axes)))


def _infer_transpose(x: TensorType, axes: tuple[int, ...]) -> TensorType:
    if sorted(axes) != list(range(len(x.shape))):
        raise ShapeError(
            f"transpose: axes must be a permutation of the {len(x.shape)} axes", got=str(axes)
        )
    return TensorType(x.dtype, tuple(x.shape[axis] for axis in axes))


transpose: Op = Op(
    "transpose",
    infer=_infer_transpose,
    eval=lambda x, axes: np.transpose(x, axes),
    vjp=lambda g, y, x, axes: (transpose(g, axes=inverse(axes)),),
    batch=lambda size, batched, x, axes: transpose(x, axes=(0, *(axis + 1 for axis in axes))),
    lower=View(lambda coords, shape, axes: tuple(coords[axis] for axis in inverse(axes))),
)

# ---- broadcast_to and sum ----


def _expands(dim: DimLike, to: DimLike) -> bool:
    # Only the int 1 expands: a name whose value is 1 today is 2 tomorrow.
    return dim == 1 and to != 1


def _infer_broadcast_to(x: TensorType, shape: Shape) -> TensorType:
    tail = shape[max(0, len(shape) - len(x.shape)) :]
    fits = len(tail) == len(x.shape) and all(
        dim == 1 or same_dims(dim, to) is not False for dim, to in zip(x.shape, tail, strict=True)
    )
    if not fits:
        raise ShapeError(
            "broadcast_to: only missing axes and axes of length 1 expand",
            got=f"{x.shape} -> {shape}",
            fix="x[..., None] adds an axis at the end",
        )
    return TensorType(x.dtype, shape)


def _guard_broadcast_to(x: TensorType, shape: Shape) -> tuple[Guard, ...]:
    pairs = zip(x.shape, shape[len(shape) - len(x.shape) :], strict=True)
    unproven = [pair for pair in pairs if pair[0] not in (1, pair[1])]
    text = f"broadcast_to: {x.shape} does not match {shape}" if unproven else ""
    equal = (Guard("equal", dim, to, text) for dim, to in unproven)
    return (*size_guards("broadcast_to", shape), *equal)


def _vjp_broadcast_to(g: Any, y: Any, x: Any, shape: Shape) -> tuple[Any, ...]:
    added = len(shape) - len(x.shape)
    expanded = (added + i for i, d in enumerate(x.shape) if _expands(d, shape[added + i]))
    axes = (*range(added), *expanded)
    if not axes:
        return (g,)
    return (fitted(sum_(g, axes=axes), x.shape),)


def _batch_broadcast_to(size: DimLike, batched: Any, x: Any, shape: Shape) -> Any:
    missing = len(shape) + 1 - len(x.shape)
    return broadcast_to(
        fitted(x, (size, *(1,) * missing, *x.shape[1:])),
        shape=(size, *shape),
    )


def _coords_broadcast_to(
    coords: tuple[Index, ...], input_shape: Shape, shape: Shape
) -> tuple[Index, ...]:
    tail = coords[len(coords) - len(input_shape) :]
    return tuple(Index(0) if dim == 1 else at for dim, at in zip(input_shape, tail, strict=True))


broadcast_to: Op = Op(
    "broadcast_to",
    infer=_infer_broadcast_to,
    eval=lambda x, shape: np.broadcast_to(x, shape),
    vjp=_vjp_broadcast_to,
    batch=_batch_broadcast_to,
    lower=View(_coords_broadcast_to),
    guards=_guard_broadcast_to,
)


def fitted(x: Any, shape: Shape) -> Any:
    """x in another shape of the same elements, and x itself if it has that shape already."""
    return x if x.shape == shape else reshape(x, shape=shape)


def spread(x: Any, size: DimLike) -> Any:
    """x repeated along a new first axis."""
    return broadcast_to(x, shape=(size, *x.shape))


def spread_all(size: DimLike, batched: tuple[bool, ...], inputs: tuple[Any, ...]) -> list[Any]:
    """The inputs of a batch rule, each with the leading axis."""
    return [x if has else spread(x, size) for x, has in zip(inputs, batched, strict=True)]


def expand(x: Any, axes: tuple[int, ...], shape: Shape) -> Any:
    """What a reduction of `shape` along `axes` gave, repeated to that shape again."""
    if axes and axes == tuple(range(len(axes))):
        return broadcast_to(x, shape=shape)
    kept = tuple(1 if i in axes else dim for i, dim in enumerate(shape))
    kept_x = fitted(x, kept)
    return kept_x if kept == shape else broadcast_to(kept_x, shape=shape)


def _infer_sum(x: TensorType, axes: tuple[int, ...]) -> TensorType:
    check_kind("sum", NUMERIC, x)
    return TensorType(x.dtype, reduced("sum", x, axes))


sum_: Op = Op(
    "sum",
    infer=_infer_sum,
    eval=lambda x, axes: np.sum(x, axis=axes, dtype=x.dtype),
    vjp=lambda g, y, x, axes: (expand(g, axes, x.shape),),
    batch=lambda size, batched, x, axes: sum_(x, axes=tuple(axis + 1 for axis in axes)),
    lower=Reduce("sum"),
)


def below_views(node: Node) -> Node:
    """What a chain of reshapes and broadcasts is made from."""
    while node.op in (reshape, broadcast_to):
        node = node.inputs[0]
    return node


def over_views(node: Node, x: Any) -> Any:
    """x under the chain of reshapes and broadcasts that `node` ends with.

    broadcast_to(reshape(y)) -> broadcast_to(reshape(x))
    """
    views: list[Node] = []
    while node.op in (reshape, broadcast_to):
        views.append(node)
        node = node.inputs[0]
    for view in reversed(views):
        x = view.op(x, **view.params)
    return x

"""vmap: a function of one example becomes a function of a batch.

Enters: a function of tensors and the axes that count examples. Leaves: a function whose graph is
rewritten node by node with the primitives' batch facets; no node is made per example.

>>> import graphc as gx
>>> a, b = gx.input("a", ("n", 3)), gx.input("b", (3,))
>>> vmap(lambda x, y: (x * y).sum(), in_axes=(0, None))(a, b).shape
(n,)
"""

import itertools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from graphc.dims import DimLike, same_dims
from graphc.errors import GraphError, ShapeError
from graphc.functions.creation import as_tensor
from graphc.functions.tensor import Tensor
from graphc.graph import INPUT, Node, make, order, provenance
from graphc.ops import broadcast_to, transpose
from graphc.refusals import accepted
from graphc.tree import flatten, unflatten
from graphc.types import TensorType

Axes = int | None | Sequence[Any] | Mapping[Any, Any]

_numbers = itertools.count()


def placeholder(type: TensorType) -> Tensor:
    """A new input that equals no other: to be replaced before anybody sees the graph."""
    return Tensor(make(INPUT, (), {"name": f"placeholder {next(_numbers)}", "type": type}))


def vmap(f: Callable[..., Any], in_axes: Axes = 0, out_axes: Axes = 0) -> Callable[..., Any]:
    """f over a batch: `in_axes` says which axis of each argument counts examples, None for none.

    An int stands for every leaf of its argument; a tuple has an entry an argument; a tree like
    the argument has one a leaf. `out_axes` says the same of the results.
    """

    def batched(*args: Any) -> Any:
        leaves, structure = flatten(args)
        in_front, size = _in_front(leaves, axes_of(in_axes, args))
        inner = [
            x if axis is None else placeholder(TensorType(x.dtype, x.shape[1:]))
            for x, axis in in_front
        ]
        result = accepted(f, unflatten(structure, inner))
        made, shape = flatten(result)
        outputs = [as_tensor(leaf) for leaf in made]
        given = {
            p.node: x for p, (x, axis) in zip(inner, in_front, strict=True) if axis is not None
        }
        found = push_batch(outputs, given, size)
        moved = zip(found, axes_of(out_axes, result), strict=True)
        return unflatten(shape, [_moved_from_front(y, axis) for y, axis in moved])

    return batched


def axes_of(spec: Axes, tree: Any) -> list[int | None]:
    """An axis for each leaf of a tree, from a spec that may stop above the leaves."""
    if spec is None or isinstance(spec, int):
        return [spec] * len(flatten(tree)[0])
    keys: Sequence[Any] = sorted(tree) if isinstance(tree, dict) else range(len(tree))
    if len(keys) != len(spec):
        raise ShapeError(
            "vmap: the axes are no tree like the values",
            got=f"{spec} for {tree}",
            fix="in_axes has an int or None an argument, or one int for all",
        )
    return [axis for key in keys for axis in axes_of(spec[key], tree[key])]


def _in_front(
    leaves: Sequence[Tensor], axes: Sequence[int | None]
) -> tuple[list[tuple[Tensor, int | None]], DimLike]:
    # Each leaf with its batch axis moved to the front, and the size that they share.
    moved = [(_moved_to_front(x, axis), axis) for x, axis in zip(leaves, axes, strict=True)]
    sizes = [x.shape[0] for x, axis in moved if axis is not None]
    if not sizes:
        raise ShapeError("vmap: no argument has a batch axis", fix="give an axis in in_axes")
    if any(same_dims(sizes[0], size) is False for size in sizes):
        raise ShapeError(
            "vmap: the batch axes differ in size",
            got=", ".join(map(str, sizes)),
            fix="give arrays of one size there, or None in in_axes for what is no batch",
        )
    return moved, sizes[0]


def _moved_to_front(x: Tensor, axis: int | None) -> Tensor:
    if axis is None:
        return x
    rank = len(x.shape)
    if not -rank <= axis < rank:
        fix = (
            f"in_axes go from {-rank} to {rank - 1}" if rank else "None in in_axes: it is no batch"
        )
        raise ShapeError(f"vmap: there is no axis {axis}", got=str(x.node.type), fix=fix)
    at = axis % rank
    return x if at == 0 else transpose(x, axes=(at, *(i for i in range(rank) if i != at)))


def _moved_from_front(y: Tensor, axis: int | None) -> Tensor:
    if axis is None:
        raise ShapeError("vmap: every result has a batch axis", fix="give ints in out_axes")
    rank = len(y.shape)
    if not -rank <= axis < rank:
        raise ShapeError(
            f"vmap: a result has no axis {axis}",
            got=str(y.node.type),
            fix=f"out_axes go from {-rank} to {rank - 1}",
        )
    order_of_axes = list(range(1, rank))
    order_of_axes.insert(axis % rank, 0)
    return y if axis % rank == 0 else transpose(y, axes=tuple(order_of_axes))


def push_batch(
    outputs: Sequence[Tensor], given: Mapping[Node, Tensor], size: DimLike
) -> list[Tensor]:
    """The outputs with `size` as a new first axis, when the nodes in `given` get it.

    Each primitive on the way is replaced by what its batch facet makes; the rest stays as it is.
    """
    new: dict[Node, Tensor] = {}
    for node in order([output.node for output in outputs]):
        if node in given:
            new[node] = given[node]
        elif any(i in new for i in node.inputs):
            new[node] = _batched(node, new, size)
    return [_with_batch(output, new, size) for output in outputs]


def _batched(node: Node, new: Mapping[Node, Tensor], size: DimLike) -> Tensor:
    flags = tuple(i in new for i in node.inputs)
    operands = [new[i] if i in new else Tensor(i) for i in node.inputs]
    with provenance(node.where, node.source):
        result = node.op.batch(size, flags, *operands, **node.params)
    wanted = TensorType(node.type.dtype, (size, *node.type.shape))
    if result.node.type != wanted:
        raise GraphError(
            f"vmap: the batch rule of {node.op.name} gives {result.node.type}, not {wanted}",
            where=node.where,
            fix="this is a fault of the primitive's record",
        )
    return result


def _with_batch(output: Tensor, new: Mapping[Node, Tensor], size: DimLike) -> Tensor:
    found = new.get(output.node)
    return broadcast_to(output, shape=(size, *output.shape)) if found is None else found

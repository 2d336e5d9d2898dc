"""Lowering of a contraction with its epilogue: which of its loops become rows, columns and depth.

Enters: a contract group's body. Leaves: a ContractKernel. Nothing here looks at a run-time size, so
what a loop becomes depends on the strides that are 0 and on the sizes that are known:

    matmul (n, k) (k, m)          n: row   m: column                     depth k
    attention q k, (b, h, t, s)   b h: outer   t: row   s: column        depth d
    3 x 3 convolution             n y: outer   x: row   channel: column  depth (dy, dx and channel)
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from graphc.dims import DimLike, product
from graphc.graph import Node
from graphc.lowering import Contract, Index
from graphc.ops import conv
from graphc.ops.convolution import roles
from graphc.ops.views import inverse
from graphc.schedule.access import own_coords, resolve
from graphc.schedule.body import Body, renumbered_value
from graphc.schedule.group import Group
from graphc.schedule.items import Item
from graphc.schedule.kernel import (
    Axis,
    Compute,
    ContractKernel,
    Count,
    Factor,
    Load,
    Stage,
    Value,
)
from graphc.schedule.merge import coefficient, merge_loops, renumbered
from graphc.schedule.origin import origin_of
from graphc.schedule.sweeps import cost_of
from graphc.schedule.tiles import SIZES

FILLS_TILES = 8  # rows: fewer do not keep the multipliers busy
MOST_SHARED = 1 << 16  # elements of a result that are worth having once a part


@dataclass(frozen=True, slots=True)
class Operands:
    """Where the factors of a contraction lie: for each the node with memory, and its elements as
    indices over the loops of the result and then those of the depth."""

    nodes: tuple[Node, Node]
    indices: tuple[Index, Index]
    result: tuple[DimLike, ...]
    depth: tuple[DimLike, ...]


def operands_of(node: Node) -> Operands:
    """The operands of a contraction, below their views."""
    lower = node.op.lower
    assert isinstance(lower, Contract)
    types = [i.type for i in node.inputs]
    sizes = lower.depth(*types, **node.params)
    coords, extents = own_coords((*node.type.shape, *sizes))
    rank = len(node.type.shape)
    count = sum(size != 1 for size in node.type.shape)
    both = lower.coords(coords[:rank], coords[rank:], *types, **node.params)
    places = [
        resolve(operand, place, frozenset())
        for operand, place in zip(node.inputs, both, strict=True)
    ]
    return Operands(
        (places[0].base, places[1].base),
        (places[0].flat, places[1].flat),
        extents[:count],
        extents[count:],
    )


@dataclass(frozen=True, slots=True)
class _Loops:
    """The loops of the result and of the depth; for each factor its node and where it starts."""

    axes: tuple[Axis, ...]
    depth: tuple[Axis, ...]
    starts: tuple[tuple[Node, DimLike], ...]


def contraction_of(group: Group) -> Item:
    """The item of a contract group that is the contraction."""
    return next(item for item in group.items if isinstance(item.node.op.lower, Contract))


def is_long(node: Node) -> bool:
    """Whether the sums are few and long: the gradient of a convolution by its weights.

    Each part then has sums of its own, of its share of the images: it reads what it has written
    itself. Measured on cores that share no cache: what the other one has written is read at 24 GB/s
    and not at 110.
    """
    if node.op is not conv or node.type.dtype.name not in SIZES:
        return False
    left, right = (i.type for i in node.inputs)
    r = roles(left.rank, right.rank, **node.params)
    natural = [node.type.shape[place] for place in inverse(r.order)]
    wide = product(natural[place] for place in r.slid)
    taps = product(right.shape[axis] for axis in r.windows[1])
    small = product(natural)
    few = isinstance(small, int) and isinstance(wide, int) and 1 < small <= MOST_SHARED
    return few and bool(r.slid) and (not isinstance(taps, int) or taps > wide)


def contract_kernel(
    body: Body, items: Sequence[Item], parts: DimLike | None = None
) -> ContractKernel:
    """The kernel of a contract group, these items of which are in the body.

    `parts`: how many parts share out the depth; loop number len(group.extents) counts them.
    """
    operands = operands_of(contraction_of(body.group).node)
    mapping, extents = _merged_result(body, operands)
    loops = _oriented(_loops(operands, mapping, extents))
    share = None if parts is None else len(extents)
    if parts is not None:
        mapping[len(body.group.extents)] = len(extents)
        loops = replace(loops, axes=(*loops.axes, Axis(parts, 0, 0)))
    left, right = (Factor(body.operand(body.buffer_of(n)), start) for n, start in loops.starts)
    values = tuple(renumbered_value(value, mapping) for value in body.values)
    stores = tuple(replace(s, index=renumbered(s.index, mapping)) for s in body.stores)
    computed = tuple(n for n, v in enumerate(values) if isinstance(v, Compute | Load | Count))
    column = _column(loops.axes)
    return ContractKernel(
        origin=origin_of(body.group, items),
        dtype=contraction_of(body.group).node.type.dtype,
        axes=loops.axes,
        row=_row(loops.axes[:share], column),
        column=column,
        depth=loops.depth,
        left=left,
        right=right,
        operands=tuple(body.operands),
        values=values,
        stage=Stage("inner", computed, stores),
        cost=_cost(product(extents), product(operands.depth), values),
        share=share,
    )


def _cost(points: DimLike, k: DimLike, values: Sequence[Value]) -> DimLike:
    """In elements of a cheap loop."""
    work = sum(cost_of(v) for v in values if isinstance(v, Compute))
    return points * (k // 16 + 1 + work) if isinstance(k, int) else points * (k + work)


def _loops(operands: Operands, mapping: dict[int, int], extents: Sequence[DimLike]) -> _Loops:
    factors = operands.indices
    return _Loops(
        _axes(extents, [renumbered(index, mapping) for index in factors], 0),
        _axes(operands.depth, factors, len(operands.result)),
        tuple((n, f.offset) for n, f in zip(operands.nodes, factors, strict=True)),
    )


def _oriented(loops: _Loops) -> _Loops:
    """The loops, the operands in the order in which the last of them can be a column."""
    if not _swaps(loops.axes):
        return loops
    axes, depth = (tuple(_swapped(axis) for axis in part) for part in (loops.axes, loops.depth))
    return _Loops(axes, depth, loops.starts[::-1])


def _merged_result(body: Body, operands: Operands) -> tuple[dict[int, int], list[DimLike]]:
    """Loops of the result that run as one in the operands and in the epilogue: their new numbers
    and their extents."""
    sizes = body.group.extents
    indices = [v.index for v in body.values if isinstance(v, Load | Count)]
    indices += [store.index for store in body.stores]
    merged = merge_loops(sizes, [*indices, *operands.indices], ())
    mapping = {group[-1]: number for number, group in enumerate(merged)}
    return mapping, [product(sizes[v] for v in group) for group in merged]


def _axes(extents: Sequence[DimLike], factors: Sequence[Index], first: int) -> tuple[Axis, ...]:
    """Loops number `first` and on, with the operands' strides."""
    left, right = factors
    return tuple(
        Axis(extent, coefficient(left, v), coefficient(right, v))
        for v, extent in enumerate(extents, first)
    )


def _swapped(axis: Axis) -> Axis:
    return Axis(axis.extent, axis.right, axis.left)


def _swaps(axes: Sequence[Axis]) -> bool:
    """Whether the operands change places: the last loop, along which memory lies, moves in the left
    one alone, or nothing else can be a column."""
    last = axes[-1] if axes else None
    if last is not None and _is_column(last):
        return False
    return (last is not None and _is_column(_swapped(last))) or not any(map(_is_column, axes))


def _is_column(axis: Axis) -> bool:
    return axis.left == 0 and axis.right != 0


def _column(axes: Sequence[Axis]) -> int | None:
    """The last loop that moves in the right operand alone."""
    return max((n for n, axis in enumerate(axes) if _is_column(axis)), default=None)


def _row(axes: Sequence[Axis], column: int | None) -> int | None:
    """The last loop that does not move in the right operand and fills tiles, else the longest."""
    found = [n for n, axis in enumerate(axes) if axis.right == 0 and n != column]
    return max(found, key=lambda n: (_filling(axes[n].extent), n), default=None)


def _filling(extent: DimLike) -> int:
    return min(extent, FILLS_TILES) if isinstance(extent, int) else FILLS_TILES

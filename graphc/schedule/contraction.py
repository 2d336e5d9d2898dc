"""Lowering of a contraction with its epilogue: axes merged into batch, rows, columns and depth.

Enters: a contract group's body. Leaves: a ContractKernel, whose epilogue still sees the batch and row
axes that do not merge (their indices are found once a row, not once an element).
"""

from collections.abc import Sequence
from dataclasses import replace

from graphc.dims import DimLike, product
from graphc.graph import Node
from graphc.lowering import Contract, Index
from graphc.schedule.access import own_coords, resolve
from graphc.schedule.body import Body, origin_of
from graphc.schedule.kernel import Compute, ContractKernel, Count, Factor, Load, Stage, Value
from graphc.schedule.merge import contraction_axes, merge_loops, merged_strides, renumbered
from graphc.schedule.stages import cost_of


def contract_kernel(body: Body) -> ContractKernel:
    """The kernel of a contract group whose items are all in the body."""
    dot = next(i.node for i in body.group.items if isinstance(i.node.op.lower, Contract))
    left, right = _factor(body, dot, 0), _factor(body, dot, 1)
    counts = _loop_counts(dot)
    sizes = body.group.extents
    boundaries = {counts[0], counts[0] + counts[1]}
    indices = [v.index for v in body.values if isinstance(v, Load | Count)]
    indices += [store.index for store in body.stores]
    merged = merge_loops(sizes, indices, boundaries)
    extents = [product(sizes[v] for v in group) for group in merged]
    heads = [group[0] for group in merged]
    batch = sum(head < counts[0] for head in heads)
    rows = sum(counts[0] <= head < counts[0] + counts[1] for head in heads)
    mapping = {group[-1]: number for number, group in enumerate(merged)}
    values = tuple(_renumbered(value, mapping) for value in body.values)
    stores = tuple(replace(s, index=renumbered(s.index, mapping)) for s in body.stores)
    columns = extents[batch + rows] if len(extents) > batch + rows else 1
    points = product(sizes)
    depth = _depth(dot)
    work = sum(cost_of(v) for v in values if isinstance(v, Compute))
    computed = tuple(n for n, v in enumerate(values) if isinstance(v, Compute | Load | Count))
    return ContractKernel(
        origin=origin_of(body.group.items),
        dtype=dot.type.dtype,
        batch=tuple(extents[:batch]),
        rows=tuple(extents[batch : batch + rows]),
        columns=columns,
        depth=depth,
        left=left,
        right=right,
        operands=tuple(body.operands),
        values=values,
        stage=Stage("inner", computed, stores),
        cost=points * (depth // 16 + 1 + work) if isinstance(depth, int) else points * (depth + work),
        flops=points * (depth * 2 + sum(isinstance(v, Compute) for v in values)),
    )


def _factor(body: Body, dot: Node, side: int) -> Factor:
    operand = dot.inputs[side]
    coords, _ = own_coords(operand.type.shape)
    place = resolve(operand, coords, frozenset())
    strides = merged_strides(place.flat, dot, side)
    assert strides is not None, "normalise copies operands whose axes do not merge"
    number = body.operand(body.buffer_of(place.base))
    return Factor(number, strides.offset, strides.batch, strides.free, strides.depth)


def _loop_counts(dot: Node) -> tuple[int, int, int]:
    """How many loops the result's batch, row and column axes are."""
    batch, rows, _ = contraction_axes(dot, 0)
    columns = contraction_axes(dot, 1)[1]
    left, right = (i.type.shape for i in dot.inputs)
    return _loops(left, batch), _loops(left, rows), _loops(right, columns)


def _loops(shape: Sequence[DimLike], axes: Sequence[int]) -> int:
    return sum(shape[axis] != 1 for axis in axes)


def _depth(dot: Node) -> DimLike:
    shape = dot.inputs[0].type.shape
    return product(shape[axis] for axis in contraction_axes(dot, 0)[2])


def _renumbered(value: Value, mapping: dict[int, int]) -> Value:
    if isinstance(value, Load | Count):
        index: Index = renumbered(value.index, mapping)
        return replace(value, index=index)
    return value

"""Reductions that are shared out: every part reduces its rows, then one kernel combines the parts.

Enters: a group whose reductions run over everything, or over leading rows of contiguous columns, or
one of a contraction of few long sums. Leaves: two kernels:

    for part: partial[part, column] = the sum of x[row, column] over the part's rows
    for column: y[column] = what waits for the sum of partial[part, column] over the parts
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

from graphc.dims import DimLike, product
from graphc.graph import Node
from graphc.lowering import Index, Reduce, plus
from graphc.schedule.access import flat_index
from graphc.schedule.body import Body, add_item, store
from graphc.schedule.contraction import contract_kernel, contraction_of
from graphc.schedule.group import Group, memory_reads
from graphc.schedule.items import Item
from graphc.schedule.kernel import Buffer, Kernel, Load, LoopKernel, Reduced, Store
from graphc.schedule.nest import Order, Split, merged_loops, nest
from graphc.schedule.numbers import Numbers
from graphc.types import TensorType


def is_reduction(item: Item) -> bool:
    """Whether the item computes a reduction."""
    return item.role == "compute" and isinstance(item.node.op.lower, Reduce)


@dataclass(frozen=True, slots=True)
class _Halves:
    """The items of a shared reduction: those of every part, and those of the one that combines.

    What does not vary along the reduced loops and both need, `both`, is computed twice and stored
    by the second, which runs even where there is nothing to reduce.
    """

    now: list[Item]
    later: list[Item]
    both: list[Item]


def _halves(group: Group, numbers: Numbers) -> _Halves:
    computed = [item for item in group.items if item.role == "compute"]
    rows = {item.node for item in computed if _is_row(group, item)}
    now = [i for i in group.items if i.node not in group.late and not _is_row(group, i)]
    now += [item for item in group.items if is_reduction(item)]
    needed = {base for item in now for base in _bases(group, item, numbers)}
    for item in reversed(group.items):
        if item.node in needed:
            needed.update(_bases(group, item, numbers))
    both = [item for item in computed if item.node in needed & rows - group.late]
    later = [item for item in group.items if item not in now]
    return _Halves([i for i in group.items if i in now or i in both], later, both)


def _is_row(group: Group, item: Item) -> bool:
    return not any(v in group.inner for index in group.home[item] for v, _ in index.terms)


def _bases(group: Group, item: Item, numbers: Numbers) -> set[Node]:
    """The nodes that the item reads, below any views."""
    return {place.base for _, place in memory_reads(item, group.home[item], numbers)}


def two_steps(
    group: Group,
    numbers: Numbers,
    buffer_of: Callable[[Node], Buffer],
    stored: set[Node],
    parts: DimLike,
) -> list[LoopKernel]:
    """Partial reductions by every part, then a kernel that combines them and does what waits."""
    first, second = (Body(group, numbers, buffer_of) for _ in range(2))
    halves = _halves(group, numbers)
    reductions = [item for item in halves.now if is_reduction(item)]
    own = stored - {item.node for item in (*reductions, *halves.both)}
    for item in halves.now:
        add_item(first, item, own)
    for item in reductions:
        _hand_over(first, second, item, parts, stored)
    for item in halves.later:
        add_item(second, item, stored)
    combined = merged_loops(second, _combining(group, parts))
    split = Split(0 if group.outer else None, unknown=parts)
    combine = nest(second, [*reductions, *halves.later], combined, split)
    shared = Split(0, parts=parts, unknown=parts)
    return [nest(first, halves.now, merged_loops(first, _reducing(group, parts)), shared), combine]


def summed_shares(
    group: Group,
    numbers: Numbers,
    buffer_of: Callable[[Node], Buffer],
    stored: set[Node],
    parts: DimLike,
) -> list[Kernel]:
    """The sums of a contraction over every part's share of the depth, then a kernel that adds these
    and does all else."""
    first, second = (Body(group, numbers, buffer_of) for _ in range(2))
    item = contraction_of(group)
    first.of_node[item.node] = first.value(Reduced("sum", -1, item.node.type.dtype))
    _hand_over(first, second, item, parts, stored)
    others = [other for other in group.items if other is not item]
    for other in others:
        add_item(second, other, stored)
    loops = list(range(len(group.extents) + 1))
    order = Order(loops, (*group.extents, parts), len(group.extents), {len(group.extents)})
    combine = nest(second, group.items, merged_loops(second, order), Split(0, unknown=parts))
    return [contract_kernel(first, [item], parts), combine]


def _hand_over(first: Body, second: Body, item: Item, parts: DimLike, stored: set[Node]) -> None:
    """Stores a part's share of a reduction, and reduces these shares again; stores that too, if it
    is to be."""
    group, kept = first.group, item.node.type.shape
    number = first.of_node[item.node]
    reduced = first.values[number]
    assert isinstance(reduced, Reduced)
    # The loop over parts has the number behind those of the group.
    column = flat_index(group.place[item.node], kept)
    place = plus(column, Index(0, ((len(group.extents), product(kept)),)))
    kind = "arena" if group.outer else "partial"  # a part's own number, or a row of columns
    shape = (parts, *kept) if group.outer else (parts,)
    partial = Buffer(kind, TensorType(reduced.dtype, shape), f"{item.node.op.name}_parts")
    target = place if group.outer else Index(0)
    first.stores.append(Store(first.operand(partial, True), target, number))
    again = Load(second.operand(partial), place, reduced.dtype)
    whole = second.value(replace(reduced, value=second.value(again)))
    second.of_node[item.node] = whole
    if item.node in stored:
        store(second, item.node, column, whole)


def _reducing(group: Group, parts: DimLike) -> Order:
    inner = sorted(group.inner)
    if not group.outer:
        return Order(inner, [group.extents[v] for v in inner], 0)
    sizes = (*group.extents, parts)
    loops = [len(group.extents), *group.outer, *inner]
    outer = 1 + len(group.outer)
    return Order(loops, [sizes[v] for v in loops], outer, {1, outer})


def _combining(group: Group, parts: DimLike) -> Order:
    sizes = (*group.extents, parts)
    loops = [*group.outer, len(group.extents)]
    return Order(loops, [sizes[v] for v in loops], len(group.outer), {len(group.outer)})

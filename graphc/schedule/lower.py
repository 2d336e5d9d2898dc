"""Lowering: a fused group becomes one kernel, or two where a reduction is shared out over parts.

Enters: groups and the buffers of what they store. Leaves: kernels with their loops merged and their
stages planned. Nothing here looks at a run-time size.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from graphc.dims import OWN, DimLike, named, product
from graphc.graph import Node
from graphc.lowering import Index, Reduce, Scatter
from graphc.schedule.body import Body, add_item, renumbered_value, store
from graphc.schedule.contraction import contract_kernel
from graphc.schedule.group import Group, memory_reads, position_coords
from graphc.schedule.items import Item
from graphc.schedule.kernel import (
    Buffer,
    Count,
    Kernel,
    Load,
    LoopKernel,
    Reduced,
    Store,
    Value,
)
from graphc.schedule.merge import coefficient, merge_loops, renumbered
from graphc.schedule.numbers import Numbers
from graphc.schedule.origin import origin_of
from graphc.schedule.stages import Lanes, cost_of, flops_of, levels_of, plan, unsteady
from graphc.types import TensorType

SHORT = 32  # elements: a reduction over so few is vectorised across rows


@dataclass(slots=True)
class Context:
    """What lowering knows beside the group: numbers of a binding, what is stored, and where."""

    numbers: Numbers
    stored: set[Node]
    buffer_of: Callable[[Node], Buffer]
    partials: int = 0

    def parts(self) -> DimLike:
        """A fresh size that the binding sets: into how many parts a partial kernel is split."""
        self.partials += 1
        return named(f"{OWN}{self.partials}")


def lower_group(group: Group, context: Context) -> list[Kernel]:
    """The kernels of a group, to be run one after the other."""
    body = Body(group, context.numbers, context.buffer_of)
    if group.kind == "rows" and not group.outer and _divides(group):
        return _two_steps(body, context)
    for item in group.items:
        add_item(body, item, context.stored)
    if group.kind == "contract":
        return [contract_kernel(body)]
    return [_loops(body, group.items, None)]


def _divides(group: Group) -> bool:
    # The winner of an argmax over parts would need its value and its position: one part finds it.
    lowers = [item.node.op.lower for item in group.items]
    return not any(isinstance(o, Reduce) and o.combine in ("argmax", "argmin") for o in lowers)


def _is_reduction(item: Item) -> bool:
    return item.role == "compute" and isinstance(item.node.op.lower, Reduce)


@dataclass(frozen=True, slots=True)
class _Halves:
    """The items of a shared reduction: those of every part, and those of the one that combines.

    A single number that both need, `both`, is computed twice and stored by the second, which runs
    even where there is nothing to reduce.
    """

    now: list[Item]
    later: list[Item]
    both: list[Item]


def _halves(group: Group, numbers: Numbers) -> _Halves:
    single = {
        item.node for item in group.items if item.role == "compute" and _is_single(group, item)
    }
    now = [i for i in group.items if i.node not in group.late and not _is_single(group, i)]
    now += [item for item in group.items if _is_reduction(item)]
    needed = {base for item in now for base in _bases(group, item, numbers)}
    for item in reversed(group.items):
        if item.node in needed:
            needed.update(_bases(group, item, numbers))
    both = [item for item in group.items if item.node in needed & single - group.late]
    later = [item for item in group.items if item not in now]
    return _Halves([i for i in group.items if i in now or i in both], later, both)


def _is_single(group: Group, item: Item) -> bool:
    return not any(index.terms for index in group.home[item])


def _bases(group: Group, item: Item, numbers: Numbers) -> set[Node]:
    """The nodes that the item reads, below any views."""
    return {place.base for _, place in memory_reads(item, group.home[item], numbers)}


def _two_steps(body: Body, context: Context) -> list[Kernel]:
    """Partial reductions by every part, then one part that combines them and does what waits."""
    group, parts = body.group, context.parts()
    later = Body(group, context.numbers, context.buffer_of)
    halves = _halves(group, context.numbers)
    reductions = [item for item in halves.now if _is_reduction(item)]
    own = context.stored - {item.node for item in (*reductions, *halves.both)}
    for item in halves.now:
        add_item(body, item, own)
    for item in reductions:
        number = body.of_node[item.node]
        reduced = body.values[number]
        assert isinstance(reduced, Reduced)
        name = f"{item.node.op.name}_parts"
        partial = Buffer("partial", TensorType(reduced.dtype, (parts,)), name)
        body.stores.append(Store(body.operand(partial, True), Index(0), number))
        again = Load(later.operand(partial), Index(0, ((0, 1),)), reduced.dtype)
        later.of_node[item.node] = later.value(replace(reduced, value=later.value(again)))
        if item.node in context.stored:
            store(later, item.node, Index(0), later.of_node[item.node])
    for item in halves.later:
        add_item(later, item, context.stored)
    loops = _Loops((parts,), 0, None, later.values, later.stores)
    combine = _nest(later, [*reductions, *halves.later], loops)
    return [_loops(body, halves.now, parts), combine]


@dataclass(frozen=True, slots=True)
class _Loops:
    """Merged loops: extents, how many of them are outer, which is split, and the body on them."""

    extents: tuple[DimLike, ...]
    outer: int
    split: int | None
    values: Sequence[Value]
    stores: Sequence[Store]


def _loops(body: Body, items: list[Item], parts: DimLike | None) -> LoopKernel:
    order, boundaries = _loop_order(body.group)
    numbers = {old: new for new, old in enumerate(order)}
    indices = [v.index for v in body.values if isinstance(v, Load | Count)]
    indices += [s.index for s in body.stores]
    sizes = [body.group.extents[v] for v in order]
    merged = merge_loops(sizes, [renumbered(i, numbers) for i in indices], boundaries)
    mapping = {order[group[-1]]: number for number, group in enumerate(merged)}
    extents = tuple(product(sizes[v] for v in group) for group in merged)
    values = [renumbered_value(value, mapping) for value in body.values]
    stores = [replace(s, index=renumbered(s.index, mapping)) for s in body.stores]
    rows = body.group.kind == "rows"
    outer = len(body.group.outer) if rows else max(0, len(order) - 1)
    count = sum(1 for group in merged if group[0] < outer) if rows else max(0, len(merged) - 1)
    split = _split(body.group, boundaries, len(merged))
    return _nest(body, items, _Loops(extents, count, split, values, stores), parts)


def _loop_order(group: Group) -> tuple[list[int], set[int]]:
    """The group's loops from the outside in, and where no two of them may merge."""
    if group.kind == "rows":
        outer = list(group.outer)
        return [*outer, *sorted(group.inner)], {len(outer)}
    if group.kind == "scatter":
        before, positions, after = _scatter_loops(group)
        return [*before, *positions, *after], {len(before), len(before) + len(positions)}
    return list(range(len(group.extents))), set()


def _scatter_loops(group: Group) -> tuple[list[int], list[int], list[int]]:
    """The loops of a scatter: axes before the scattered one, of the positions, and after it."""
    item = next(item for item in group.items if item.role == "scatter")
    home, axis = group.home[item], item.node.params["axis"]
    lower = item.node.op.lower
    along = isinstance(lower, Scatter) and lower.along
    width = 1 if along else len(position_coords(item, home))
    parts = home[:axis], home[axis : axis + width], home[axis + width :]
    before, positions, after = ([v for c in part for v, _ in c.terms] for part in parts)
    return before, positions, after


def _split(group: Group, boundaries: set[int], count: int) -> int | None:
    """The loop shared out over parts: the outermost, or one that no two positions can share."""
    if count == 0 or (group.kind == "rows" and not group.outer and not _divides(group)):
        return None
    if group.kind != "scatter":
        return 0
    before, _, after = _scatter_loops(group)
    return 0 if before else count - 1 if after else None


def _lanes(extents: Sequence[DimLike], outer: int, values: Iterable[Value]) -> Lanes:
    """Which loop is vectorised: the one along which most loads are contiguous, or that is long."""
    if outer == 0 or outer == len(extents):
        return "inner"
    sweep = product(extents[outer:])
    if isinstance(sweep, int) and sweep <= SHORT:
        return "outer"
    loads = [v.index for v in values if isinstance(v, Load)]
    along_rows = sum(coefficient(index, len(extents) - 1) == 1 for index in loads)
    whole = [i for i in loads if any(v >= outer for v, _ in i.terms)]
    along_columns = sum(coefficient(index, outer - 1) == 1 for index in whole)
    return "outer" if along_columns > along_rows else "inner"


def _nest(
    body: Body, items: Sequence[Item], loops: _Loops, parts: DimLike | None = None
) -> LoopKernel:
    inner = frozenset(range(loops.outer, len(loops.extents)))
    rows = body.group.kind == "rows"
    levels = levels_of(loops.values, inner)
    lanes = _lanes(loops.extents, loops.outer, loops.values) if rows else "inner"
    if unsteady(loops.values, levels):
        lanes = "inner"  # tiles of columns keep nothing an inner point
    stages = plan(loops.values, loops.stores, inner, lanes)
    saved = sorted({n for s in stages if s.level == "inner" for n in s.keep})
    kept = []
    for number in saved:
        dtype = getattr(loops.values[number], "dtype", None)
        assert dtype is not None
        scratch = Buffer("scratch", TensorType(dtype, loops.extents[loops.outer :]), "row")
        kept.append((number, body.operand(scratch, True)))
    points = product(loops.extents)
    heads = product(loops.extents[: loops.outer])
    cost = points * sum(cost_of(v) for v, i in zip(loops.values, levels.inner, strict=True) if i)
    flops = points * sum(flops_of(v) for v, i in zip(loops.values, levels.inner, strict=True) if i)
    cost += heads * sum(
        cost_of(v) for v, i in zip(loops.values, levels.inner, strict=True) if not i
    )
    return LoopKernel(
        origin=origin_of(body.group, items),
        outer=loops.extents[: loops.outer],
        inner=loops.extents[loops.outer :],
        operands=tuple(body.operands),
        values=tuple(loops.values),
        stages=stages,
        lanes=lanes,
        split=loops.outer - 1 if lanes == "outer" else loops.split,
        parts=parts,
        kept=tuple(kept),
        checks=tuple(item.node for item in body.errors),
        cost=cost,
        flops=flops,
    )

"""Lowering: a fused group becomes one kernel, or two where its sums are shared out over parts.

Enters: groups and the buffers of what they store. Leaves: kernels with their loops merged and their
stages planned. Nothing here looks at a run-time size.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from graphc.dims import OWN, DimLike, named
from graphc.graph import Node
from graphc.lowering import Reduce, Scatter
from graphc.ops import interleave
from graphc.schedule.body import Body, add_item
from graphc.schedule.contraction import contract_kernel, contraction_of, is_long
from graphc.schedule.group import Group, is_shared, position_coords
from graphc.schedule.kernel import Buffer, Count, Kernel, Load, LoopKernel
from graphc.schedule.nest import Order, Split, merged_loops, nest, points_of
from graphc.schedule.numbers import Numbers
from graphc.schedule.partial import summed_shares, two_steps


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
    if is_shared(group) and _divides(group):
        known = context.numbers, context.buffer_of, context.stored
        kernels = two_steps(group, *known, context.parts())
        # Rows that are contiguous need no tiles of columns: one kernel does them side by side.
        if not group.outer or kernels[0].lanes == "outer":
            return [*kernels]
    if group.kind == "contract" and is_long(contraction_of(group).node):
        known = context.numbers, context.buffer_of, context.stored
        return summed_shares(group, *known, context.parts())
    body = Body(group, context.numbers, context.buffer_of)
    for item in group.items:
        add_item(body, item, context.stored)
    return [contract_kernel(body, group.items) if group.kind == "contract" else _loops(body)]


def _divides(group: Group) -> bool:
    # The winner of an argmax over parts would need its value and its position: one part finds it.
    lowers = [item.node.op.lower for item in group.items]
    return not any(isinstance(o, Reduce) and o.combine in ("argmax", "argmin") for o in lowers)


def _loops(body: Body) -> LoopKernel:
    order = _order(body)
    loops = merged_loops(body, order)
    split = _split(body.group, order, len(loops.extents))
    return nest(body, body.group.items, loops, Split(split))


def _order(body: Body) -> Order:
    """The group's loops from the outside in, and where no two of them may merge."""
    group = body.group
    if group.kind == "rows":
        loops, outer = _along_memory(body, group.outer, sorted(group.inner)), len(group.outer)
        boundaries = {outer}
    elif group.kind == "scatter":
        before, positions, after = _scatter_loops(group)
        loops, outer = [*before, *positions, *after], None
        boundaries = {len(before), len(before) + len(positions)}
    elif points := _repeated(body):
        others = [v for v in range(len(group.extents)) if v not in points]
        loops, outer, boundaries = [*others, *points], len(others), {len(others)}
    elif _interleaves(group):
        loops = list(range(len(group.extents)))
        outer, boundaries = len(loops), set[int]()
    else:
        loops, outer, boundaries = list(range(len(group.extents))), None, set[int]()
    return Order(loops, [group.extents[v] for v in loops], outer, boundaries)


def _interleaves(group: Group) -> bool:
    """Whether it writes several parts, in steps, of one whole: windows of a single point."""
    parts = [item for item in group.items if item.role == "piece"]
    return len(parts) > 1 and all(item.node.op is interleave for item in parts)


def _repeated(body: Body) -> list[int]:
    """The short loops of a map along which it writes the same: they go around each element."""
    read = [v.index for v in body.values if isinstance(v, Load | Count)]
    moving = {v for index in read for v, _ in index.terms}
    return points_of(body.group.extents, moving) if moving else []


def _along_memory(body: Body, outer: Sequence[int], inner: Sequence[int]) -> list[int]:
    """The loops of rows in order; where neither the last outer nor the last inner one runs along
    memory, one that does becomes the last."""
    loads = [dict(v.index.terms) for v in body.values if isinstance(v, Load)]
    swept = [terms for terms in loads if terms.keys() & set(inner)]
    units = {v for terms in swept for v, step in terms.items() if step == 1}
    if units & {*outer[-1:], *inner[-1:]}:
        return [*outer, *inner]
    last = next((v for v in (*inner, *outer) if v in units), None)
    return [*_last(last, outer), *_last(last, inner)]


def _last(chosen: int | None, loops: Sequence[int]) -> list[int]:
    """The loops with the chosen one, if it is one of them, behind the others."""
    return sorted(loops, key=lambda v: v == chosen)


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


def _split(group: Group, order: Order, count: int) -> int | None:
    """The loop shared out over parts: the outermost, or one that no two positions can share."""
    if count == 0 or (group.kind == "rows" and not group.outer):
        return None
    if group.kind != "scatter":
        return 0
    before, _, after = _scatter_loops(group)
    return 0 if before else count - 1 if after else None

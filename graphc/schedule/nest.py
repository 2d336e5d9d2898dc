"""Nests: a body on its merged loops, with stages, lanes and what is split.

Enters: a body over the loops of its group, and their order. Leaves: a loop kernel.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from math import prod

from graphc.dims import DimLike, dim_max, product
from graphc.schedule.body import Body, renumbered_value
from graphc.schedule.guessed import guess_of
from graphc.schedule.items import Item
from graphc.schedule.kernel import (
    GROUP,
    Buffer,
    Count,
    Lanes,
    Load,
    LoopKernel,
    Store,
    Value,
)
from graphc.schedule.merge import coefficient, merge_loops, renumbered
from graphc.schedule.origin import origin_of
from graphc.schedule.stages import plan, unsteady
from graphc.schedule.sweeps import Levels, cost_of, levels_of
from graphc.types import TensorType

WINDOW = 27  # points: so few are written out one by one
FILL_COST = 4  # cycles an element: memory that nothing has read is far away
JUMP = 24  # the cost of an element that is read or written alone: measured, 1.5 cycles
JUMPS = 2  # stands for the step of an access without neighbours
SHORT = 32  # elements: a reduction over so few is vectorised across rows


@dataclass(frozen=True, slots=True)
class Order:
    """The loops of a body from the outside in: their numbers there, sizes, how many are outer.

    `outer` None stands for all but the innermost.

    No loop of `boundaries`, a place in the order, merges with the one before it.
    """

    loops: Sequence[int]
    sizes: Sequence[DimLike]
    outer: int | None
    boundaries: Collection[int] = ()


@dataclass(frozen=True, slots=True)
class Loops:
    """Merged loops: extents, how many of them are outer, and the body on them."""

    extents: tuple[DimLike, ...]
    outer: int
    values: Sequence[Value]
    stores: Sequence[Store]


def merged_loops(body: Body, order: Order) -> Loops:
    """The body on the loops that are left when those that can have merged."""
    numbers = {old: new for new, old in enumerate(order.loops)}
    indices = [v.index for v in body.values if isinstance(v, Load | Count)]
    indices += [s.index for s in body.stores]
    groups = merge_loops(order.sizes, [renumbered(i, numbers) for i in indices], order.boundaries)
    count = max(0, len(groups) - 1)
    if order.outer is not None:
        count = sum(group[0] < order.outer for group in groups)
    mapping = {order.loops[group[-1]]: number for number, group in enumerate(groups)}
    return Loops(
        tuple(product(order.sizes[v] for v in group) for group in groups),
        count,
        [renumbered_value(value, mapping) for value in body.values],
        [replace(s, index=renumbered(s.index, mapping)) for s in body.stores],
    )


@dataclass(frozen=True, slots=True)
class Split:
    """What is shared out: a loop, or none; of a partial kernel also the size that says how often.

    `unknown` is a size that only the partition knows; no cost may depend on it.
    """

    loop: int | None
    parts: DimLike | None = None
    unknown: DimLike | None = None


def nest(body: Body, items: Sequence[Item], loops: Loops, split: Split) -> LoopKernel:
    """The kernel of a body."""
    inner = frozenset(range(loops.outer, len(loops.extents)))
    levels = levels_of(loops.values, inner)
    lanes = _lanes(loops, levels) if body.group.kind in ("rows", "contract") else "inner"
    if body.group.kind == "map" and _is_repeated(loops, levels):
        lanes = "window"
    stages = plan(loops.values, loops.stores, inner, lanes)
    kernel = LoopKernel(
        origin=origin_of(body.group, items),
        outer=loops.extents[: loops.outer],
        inner=loops.extents[loops.outer :],
        operands=(),
        values=tuple(loops.values),
        stages=stages,
        lanes=lanes,
        split=0 if lanes == "outer" else split.loop,
        parts=split.parts,
        kept=(),
        checks=tuple(item.node for item in body.errors),
        cost=_cost(loops, levels, lanes, split.unknown) + _fill_cost(loops, levels),
    )
    kept = _kept(kernel, body)
    return replace(kernel, operands=tuple(body.operands), kept=kept)


def _kept(kernel: LoopKernel, body: Body) -> tuple[tuple[int, int], ...]:
    """The values that are kept, and the operands that keep them: such as they are stored in, or
    scratch; where the last sweep is late, scratch, for the next row is kept beside it."""
    if kernel.lanes != "inner":
        return ()
    kept: dict[int, int] = {}
    guess, row = guess_of(kernel), product(kernel.inner)
    late = guess is not None and guess.late is not None
    room = row if late else dim_max(row, GROUP)
    for number in sorted({n for s in kernel.stages if s.level == "inner" for n in s.keep}):
        dtype = getattr(kernel.values[number], "dtype", None)
        assert dtype is not None
        hosts = () if late else _hosts(kernel, number)
        free = (n for n in hosts if body.operands[n].dtype is dtype and n not in kept.values())
        operand = next(free, None)
        if operand is None:
            scratch = Buffer("scratch", TensorType(dtype, (room,)), "row")
            operand = body.operand(scratch, True)
        kept[number] = operand
    return tuple(kept.items())


def _hosts(kernel: LoopKernel, number: int) -> Iterator[int]:
    """Operands whose rows keep the value until its last sweep overwrites them, point by point.

    That memory is fetched while functions are computed, and rows of scratch would take its place
    in the cache. (Measured, softmax of rows of 8192 elements: 18 and 14 cycles a vector.)
    """
    readers = [stage for stage in kernel.stages if number in stage.reuse]
    used = [v.operand for v in kernel.values if isinstance(v, Load)]
    used += [s.operand for stage in kernel.stages for s in stage.stores]
    every = set(range(len(kernel.extents)))
    for store in readers[-1].stores:
        alone = used.count(store.operand) == 1 and store.position is None and not store.add
        dense = {v for v, _ in store.index.terms} == every
        if alone and dense and coefficient(store.index, len(every) - 1) == 1:
            yield store.operand


def _lanes(loops: Loops, levels: Levels) -> Lanes:
    """Which loop is vectorised: one along which no load jumps, or most are contiguous."""
    extents, outer = loops.extents, loops.outer
    if outer == 0 or outer == len(extents):
        return "inner"
    sweep = product(extents[outer:])
    if _is_window(loops):
        return "window"
    if unsteady(loops.values, levels):
        return "inner"  # tiles of columns keep nothing an inner point
    if isinstance(sweep, int) and sweep <= SHORT:
        return "outer"
    along_rows = [step for step, _ in _steps(loops, levels, len(extents) - 1)]
    along_columns = [step for step, inner in _steps(loops, levels, outer - 1) if inner]
    jumps = sum(c not in (0, 1) for c in along_rows) - sum(c not in (0, 1) for c in along_columns)
    steps = along_columns.count(1) - along_rows.count(1)
    return "outer" if (jumps, steps) > (0, 0) else "inner"


def _is_window(loops: Loops) -> bool:
    """Whether the inner loops are written out."""
    inner = loops.extents[loops.outer :]
    return len(points_of(inner, ())) == len(inner)


def points_of(extents: Sequence[DimLike], moving: Collection[int]) -> list[int]:
    """The loops of a few steps that are not `moving`, if their points may be written out.

    >>> points_of((100, 2, 3), {0}), points_of((4, 4, 4), ())
    ([1, 2], [])
    """
    known = {v: size for v, size in enumerate(extents) if isinstance(size, int)}
    short = {v: size for v, size in known.items() if size <= 4 and v not in moving}
    return list(short) if prod(short.values()) <= WINDOW else []


def _is_repeated(loops: Loops, levels: Levels) -> bool:
    """Whether what is read moves along outer loops alone, and is written at all points of a
    window."""
    reads = any(isinstance(value, Load) for value in loops.values)
    return reads and loops.outer > 0 and not any(levels.inner) and _is_window(loops)


def _steps(loops: Loops, levels: Levels, loop: int) -> Iterator[tuple[DimLike, bool]]:
    """How far each load moves along a loop, and whether it moves along the inner ones at all. What
    is gathered from positions that differ along the loop jumps."""
    moving = levels_of(loops.values, frozenset((loop,))).inner
    for value, inner in zip(loops.values, levels.inner, strict=True):
        if isinstance(value, Load):
            jumps = value.position is not None and moving[value.position]
            yield JUMPS if jumps else coefficient(value.index, loop), inner


def _cost(loops: Loops, levels: Levels, lanes: Lanes, unknown: DimLike | None) -> DimLike:
    """Cycles of the whole nest."""
    points = product(size for size in loops.extents if size != unknown)
    heads = product(size for size in loops.extents[: loops.outer] if size != unknown)
    pairs = list(zip(loops.values, levels.inner, strict=True))
    jumps = JUMP * _jumps(loops) if lanes == "inner" else 0
    cost = points * (jumps + sum(cost_of(v) for v, inner in pairs if inner))
    return cost + heads * sum(cost_of(v) for v, inner in pairs if not inner)


def _jumps(loops: Loops) -> int:
    """How many accesses a point have no neighbours in memory as those of the next ones."""
    accesses = [v for v in loops.values if isinstance(v, Load)]
    indices = {access.index for access in (*accesses, *loops.stores)}
    return sum(coefficient(index, len(loops.extents) - 1) not in (0, 1) for index in indices)


def _fill_cost(loops: Loops, levels: Levels) -> DimLike:
    """Cycles of stores that spread what is the same at all inner points."""
    inner = frozenset(range(loops.outer, len(loops.extents)))
    spread = sum(
        not levels.inner[s.value] and any(v in inner for v, _ in s.index.terms)
        for s in loops.stores
    )
    return product(loops.extents) * (FILL_COST * spread) if spread else 0

"""The order of steps, some of which become one: what must run before what, and the levels then.

Enters: steps. Leaves: `Uses`, which know who touches a buffer and what a step waits for; and for
sets of steps new levels, or None where two sets would wait for each other.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from graphlib import CycleError, TopologicalSorter
from itertools import groupby

from graphc.schedule.kernel import Buffer, Kernel, LoopKernel, Step

Set = tuple[Collection[int], Collection[int], Collection[Buffer]]
Unit = int | tuple[str, int]


@dataclass(frozen=True, slots=True)
class Uses:
    """Who writes and reads each buffer, and for each step, as bits of an int, the steps that it
    waits for, and those that wait for it."""

    steps: Sequence[Step]
    writers: dict[Buffer, list[int]] = field(default_factory=dict)
    readers: dict[Buffer, list[int]] = field(default_factory=dict)
    before: list[int] = field(default_factory=list)
    after: list[int] = field(default_factory=list)

    def of(self, buffer: Buffer) -> list[int]:
        """All steps that touch a buffer."""
        return [*self.writers.get(buffer, ()), *self.readers.get(buffer, ())]


def uses_of(steps: Sequence[Step]) -> Uses:
    """The uses of steps, which are in order."""
    uses = Uses(steps)
    for number, step in enumerate(steps):
        for operand in step.kernel.operands:
            known = uses.writers if operand.written else uses.readers
            known.setdefault(operand.buffer, []).append(number)
    before, after = [0] * len(steps), [0] * len(steps)
    waits = sorted(_waits(uses))
    for first, then in sorted(waits, key=lambda pair: pair[1]):
        before[then] |= before[first] | 1 << first
    for first, then in reversed(waits):
        after[first] |= after[then] | 1 << then
    uses.before.extend(before)
    uses.after.extend(after)
    return uses


def _waits(uses: Uses, left_out: Collection[Buffer] = ()) -> Iterator[tuple[int, int]]:
    """Pairs of steps, of which the second waits for the first: one of them writes what both touch,
    or the first can fail and the second writes state."""
    steps = uses.steps
    for buffer in uses.writers:
        if buffer not in left_out:
            yield from _touching(uses, buffer)
    failing = [n for n, step in enumerate(steps) if _can_fail(step.kernel)]
    for buffer, writers in uses.writers.items():
        if buffer.kind == "state":
            for pair in ((f, w) for f in failing for w in writers):
                yield from _ordered(steps, *pair)


def _touching(uses: Uses, buffer: Buffer) -> Iterator[tuple[int, int]]:
    """Which steps that touch a buffer wait for which: those of the levels before that write it, and
    who writes also for those that read it since; for all others thereby too."""

    def level(number: int) -> int:
        return uses.steps[number].level

    written, since = list[int](), list[int]()
    writing = {*uses.writers[buffer]}
    for _, group in groupby(sorted({*uses.of(buffer)}, key=level), level):
        numbers = [*group]
        for number in numbers:
            yield from ((first, number) for first in (since if number in writing else written))
        writers = [number for number in numbers if number in writing]
        if writers:
            written, since = writers, []
        since += numbers


def _can_fail(kernel: Kernel) -> bool:
    return isinstance(kernel, LoopKernel) and bool(kernel.checks)


def _ordered(steps: Sequence[Step], one: int, other: int) -> Iterator[tuple[int, int]]:
    """The two by their levels; nothing for steps of one level."""
    if steps[one].level < steps[other].level:
        yield one, other
    elif steps[other].level < steps[one].level:
        yield other, one


def reached_by(steps: Collection[int], bits: Sequence[int]) -> int:
    """The union of the steps' bits."""
    result = 0
    for number in steps:
        result |= bits[number]
    return result


def is_convex(uses: Uses, members: Collection[int]) -> bool:
    """Whether no way leads from a member over another step back to a member."""
    own = sum(1 << number for number in members)
    return reached_by(members, uses.before) & reached_by(members, uses.after) & ~own == 0


def in_order(uses: Uses, sets: Sequence[Set]) -> dict[Unit, int] | None:
    """The levels of what is in no set, by number, and of the sets, ("set", number).

    A set is its members, the steps that it repeats, and the buffers that only its strips have.
    """
    unit_of: dict[int, Unit] = {n: ("set", s) for s, (own, _, _) in enumerate(sets) for n in own}
    waits: dict[Unit, set[Unit]] = {unit_of.get(n, n): set() for n in range(len(uses.steps))}
    left_out = {buffer for _, _, buffers in sets for buffer in buffers}
    for first, then in _waits(uses, left_out):
        for before, after in _units(first, then, unit_of, sets):
            if before != after:
                waits[after].add(before)
    return _levels(uses.steps, waits, sets)


def _units(
    first: int, then: int, unit_of: Mapping[int, Unit], sets: Sequence[Set]
) -> Iterator[tuple[Unit, Unit]]:
    """Who waits for whom: a set that repeats a step waits for what the step waits for."""
    before, after = unit_of.get(first, first), unit_of.get(then, then)
    yield before, after
    for number, (_, again, _) in enumerate(sets):
        if then in again and first not in again:
            yield before, ("set", number)


def _levels(
    steps: Sequence[Step], waits: Mapping[Unit, set[Unit]], sets: Sequence[Set]
) -> dict[Unit, int] | None:
    levels: dict[Unit, int] = {}
    try:
        for unit in TopologicalSorter(waits).static_order():
            numbers = sets[unit[1]][0] if isinstance(unit, tuple) else (unit,)
            own = min(steps[n].level for n in numbers)
            levels[unit] = max(own, *(1 + levels[before] for before in waits[unit]), 0)
    except CycleError:
        return None
    return levels

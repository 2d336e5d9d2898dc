"""Long loop bodies in phases: short loops over strips, one after the other, instead of one loop.

Enters: a stage of an inner loop. Leaves: its phases in order, with the values that cross from one
to a later one in strips. A core works ahead by some hundred instructions: where a chain of function
calls takes longer than those, it waits. (Measured, in cycles a vector: tanh(exp(x) * y) in one loop
30, in two 21; the Black-Scholes gradient in one loop 165, in three 103.) For example

    for i0 in range(first, last):
        t1 = exp_f32(a0[i0])
        m1[i0 - first] = t1
    for i0 in range(first, last):
        t1 = m1[i0 - first]
        ...
"""

from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from math import ceil

from graphc.schedule.kernel import Compute, Load, Reduced, Stage, Value
from graphc.schedule.sweeps import arguments, cost_of

STRIP = 512  # elements a strip
CHAIN = 16  # cost of the longest chain that one loop works ahead of
CALL = 8  # cost from which on an operation is more than an instruction

Numbers = Mapping[int, int]


@dataclass(frozen=True, slots=True)
class Phase:
    """A part of a stage, and the values that it takes from strips and keeps in strips."""

    stage: Stage
    take: tuple[int, ...] = ()
    keep: tuple[int, ...] = ()


def phases(values: Sequence[Value], stage: Stage) -> tuple[Phase, ...]:
    """The phases of a stage; the last one stores and accumulates."""
    below = _below(values, stage)
    longest = max(below.values(), default=0)
    count = ceil(longest / CHAIN)
    if count <= 1 or not any(map(is_call, (values[n] for n in stage.compute))):
        return (Phase(stage),)
    found = (_cut(values, stage, below, longest * n / count) for n in range(1, count))
    cuts = sorted(cut for cut in set(found) if cut is not None)
    phase_of = {n: sum(below[n] <= cut for cut in cuts) for n in below}
    parts = [_phase(values, stage, phase_of, number) for number in range(len(cuts) + 1)]
    return _with_keeps(parts, phase_of)


def _below(values: Sequence[Value], stage: Stage) -> Numbers:
    """For each value the cost of the longest chain from it on to the end."""
    below = dict.fromkeys(stage.compute, 0)
    for number in reversed(stage.compute):
        below[number] += cost_of(values[number]) if is_call(values[number]) else 1
        for a in arguments(values[number]):
            if a in below:
                below[a] = max(below[a], below[number])
    return _together(values, below)


def _together(values: Sequence[Value], below: Numbers) -> Numbers:
    """Calls of the same arguments go where the first of them goes: softplus and sigmoid of one
    value have an exponential in common."""
    first: dict[tuple[int, ...], int] = {}
    calls = [n for n in below if is_call(values[n])]
    for n in calls:
        args = arguments(values[n])
        first[args] = max(first.get(args, 0), below[n])
    return {**below, **{n: first[arguments(values[n])] for n in calls}}


def _cut(values: Sequence[Value], stage: Stage, below: Numbers, middle: float) -> int | None:
    """What is below this is left to later phases: near the middle, where few values cross.

    None where one operation is all there is.
    """

    def crossing(cut: int) -> int:
        late = [n for n in stage.compute if below[n] <= cut]
        needed = _needed(values, late) | _sinks(values, stage)
        return sum(below.get(a, 0) > cut and not _is_load(values[a]) for a in needed)

    near = [cut for cut in set(below.values()) if abs(cut - middle) <= CHAIN / 2]
    return min(near, key=lambda cut: (crossing(cut) + abs(cut - middle), cut), default=None)


def _phase(values: Sequence[Value], stage: Stage, phase_of: Numbers, number: int) -> Phase:
    loads = {n for n in stage.compute if _is_load(values[n]) and n not in stage.keep}
    own = {n for n in stage.compute if phase_of[n] == number} - loads
    needed = _needed(values, own)
    part = replace(stage, stores=(), reduces=())
    if number == max(phase_of.values()):
        part, needed = stage, needed | _sinks(values, stage)
    part = replace(
        part,
        compute=_chosen(stage.compute, own | needed & loads),
        keep=_chosen(stage.keep, own),
        reuse=_chosen(stage.reuse, needed),
    )
    return Phase(part, _chosen(stage.compute, needed - own - loads))


def _with_keeps(parts: Sequence[Phase], phase_of: Numbers) -> tuple[Phase, ...]:
    taken = sorted({n for part in parts for n in part.take})
    return tuple(
        replace(part, keep=tuple(n for n in taken if phase_of[n] == number))
        for number, part in enumerate(parts)
    )


def _chosen(numbers: Sequence[int], wanted: Set[int]) -> tuple[int, ...]:
    return tuple(n for n in numbers if n in wanted)


def _needed(values: Sequence[Value], numbers: Iterable[int]) -> set[int]:
    return {a for n in numbers for a in arguments(values[n])}


def _sinks(values: Sequence[Value], stage: Stage) -> set[int]:
    """What the stage stores and accumulates."""
    stored = {n for s in stage.stores for n in (s.value, s.position) if n is not None}
    reduced = (values[n] for n in stage.reduces)
    return stored | {value.value for value in reduced if isinstance(value, Reduced)}


def is_call(value: Value) -> bool:
    """Whether it is more than an instruction."""
    return isinstance(value, Compute) and cost_of(value) >= CALL


def _is_load(value: Value) -> bool:
    """Whether it is read from memory again in each phase: it lies in the first cache by then."""
    return isinstance(value, Load) and value.position is None

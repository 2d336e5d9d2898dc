"""The memory plan of a program that several threads run: what half of them have, they keep.

Enters: sizes in bytes and live intervals, in levels. Leaves: a `Plan`. A thread of two has the
first half of every large buffer, or the second. Where one buffer follows another in memory, they
share their middle, and what was the first half of one is not the second half of the next:

    [.... first ....|.... second ...]
          [. first .|. second .]

Measured on cores that share no cache: lines that the other core has written are five times as far
as memory that it has not. A step of ResNet-8 takes 10 % less time, for 4 % more memory.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from graphc.schedule.memory import LINE, Interval, Plan, least_memory, plan_memory

LARGE = 1 << 17  # bytes from which on a buffer is in halves
MANY = 512  # large buffers, of which only the sizes count
WORTH = 1.4  # times the memory that a plan without halves takes


@dataclass(slots=True)
class _Slot:
    """Memory for one buffer at a time: of the first one's size, and when it is taken, in bits."""

    size: int
    taken: int = 0
    members: list[int] = field(default_factory=list)


def plan_in_halves(intervals: Sequence[Interval]) -> Plan:
    """As `plan_memory` does, but with the large buffers around the middles of slots.

    >>> plan_in_halves([Interval(4 * LARGE, 0, 1), Interval(2 * LARGE, 2, 3), Interval(64, 0, 3)])
    Plan(offsets=(64, 131136, 0), total=524352)
    """
    large = [n for n, i in enumerate(intervals) if i.size >= LARGE]
    if not 1 < len(large) <= MANY:
        return plan_memory(intervals)
    small = plan_memory([i if i.size < LARGE else Interval(0, i.first, i.last) for i in intervals])
    offsets, total = list(small.offsets), small.total
    for slot in _slots(intervals, sorted(large, key=lambda n: -intervals[n].size)):
        for n in slot.members:
            offsets[n] = total + (slot.size - intervals[n].size) // 2 // LINE * LINE
        total += slot.size
    plan = Plan(tuple(offsets), total)
    if total <= WORTH * least_memory(intervals):  # no plan takes less: one need not be made
        return plan
    plain = plan_memory(intervals)
    return plan if total <= WORTH * plain.total else plain


def _slots(intervals: Sequence[Interval], order: Sequence[int]) -> list[_Slot]:
    """Each buffer in the smallest slot that is free all its life; larger ones come first."""
    slots: list[_Slot] = []
    for n in order:
        i = intervals[n]
        life = (1 << i.last + 1) - (1 << i.first)
        slot = next((s for s in reversed(slots) if not s.taken & life), None)
        if slot is None:
            slot = _Slot(-(-i.size // LINE) * LINE)
            slots.append(slot)
        slot.taken |= life
        slot.members.append(n)
    return slots

"""The memory plan: where in the arena each buffer lives, given how long.

Enters: sizes in bytes and live intervals, in levels. Leaves: offsets and the arena's size, which is
known before anything runs.
"""

import sys
from bisect import insort
from collections.abc import Sequence
from dataclasses import dataclass

LINE = 64  # bytes: buffers start on cache lines, and vector loads are aligned


@dataclass(frozen=True, slots=True)
class Interval:
    """A buffer of `size` bytes that is in use from level `first` to level `last`, both included."""

    size: int
    first: int
    last: int


@dataclass(frozen=True, slots=True)
class Plan:
    """Offsets in bytes, in the order of the intervals, and the total."""

    offsets: tuple[int, ...]
    total: int


def plan_memory(intervals: Sequence[Interval]) -> Plan:
    """Best fit by decreasing size: each buffer takes the smallest gap that is free all its life.

    >>> plan_memory([Interval(100, 0, 1), Interval(64, 1, 2), Interval(100, 2, 3)])
    Plan(offsets=(0, 128, 0), total=192)
    """
    sizes = [-(-i.size // LINE) * LINE for i in intervals]
    filled = (n for n, size in enumerate(sizes) if size)
    placed: list[tuple[int, int, int, int]] = []  # start, end, first, last: by start
    offsets = [0] * len(intervals)
    total = 0
    for n in sorted(filled, key=lambda n: (-sizes[n], intervals[n].first, n)):
        first, last = intervals[n].first, intervals[n].last
        start = offsets[n] = _best_gap(placed, first, last, sizes[n])
        total = max(total, start + sizes[n])
        insort(placed, (start, start + sizes[n], first, last))
    return Plan(tuple(offsets), total)


def _best_gap(placed: Sequence[tuple[int, int, int, int]], first: int, last: int, size: int) -> int:
    """Where a buffer fits most tightly between those that live with it; else behind them."""
    best, tightest, reached = -1, sys.maxsize, 0
    for start, end, since, until in placed:
        if since <= last and first <= until:
            if size <= start - reached < tightest:
                best, tightest = reached, start - reached
                if tightest == size:
                    break
            if end > reached:
                reached = end
    return reached if best < 0 else best

"""The memory plan: where in the arena each buffer lives, given how long.

Enters: sizes in bytes and live intervals, in levels. Leaves: offsets and the arena's size, which is
known before anything runs.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

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
    count = len(intervals)
    sizes = [-(-max(i.size, 1) // LINE) * LINE for i in intervals]
    order = sorted(range(count), key=lambda n: (-sizes[n], intervals[n].first, n))
    first = np.array([intervals[n].first for n in order], np.int64)
    last = np.array([intervals[n].last for n in order], np.int64)
    starts, ends = np.zeros(count, np.int64), np.zeros(count, np.int64)
    offsets = [0] * count
    for place, n in enumerate(order):
        alive = (first[:place] <= last[place]) & (last[:place] >= first[place])
        offset = _best_gap(starts[:place][alive], ends[:place][alive], sizes[n])
        starts[place], ends[place] = offset, offset + sizes[n]
        offsets[n] = offset
    return Plan(tuple(offsets), int(ends.max(initial=0)))


def _best_gap(starts: np.ndarray, ends: np.ndarray, size: int) -> int:
    """Where a buffer fits most tightly between those that are alive; else behind them."""
    if not len(starts):
        return 0
    by_start = np.argsort(starts, kind="stable")
    reached = np.maximum.accumulate(np.concatenate([[0], ends[by_start]]))
    gaps = starts[by_start] - reached[:-1]
    fitting = np.flatnonzero(gaps >= size)
    if not len(fitting):
        return int(reached[-1])
    return int(reached[fitting[np.argmin(gaps[fitting])]])

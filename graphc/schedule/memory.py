"""The memory plan: where in the arena each buffer lives, given how long.

Enters: sizes in bytes and live intervals, in levels. Leaves: offsets and the arena's size, which is
known before anything runs.
"""

import sys
from bisect import bisect_left, bisect_right, insort
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import accumulate

LINE = 64  # bytes: buffers start on cache lines, and vector loads are aligned
# Bytes between what two cores write again and again. Measured, where these share no third cache:
# 24 KB for each, nothing between them, is 40 % slower than with 32 KB, with 16 KB 17 %.
DISTANCE = 32 << 10
FEW = 1500  # buffers up to which looking at all of them is the fastest
SIZES = 128  # different sizes of many buffers up to which they are taken as they are
DIGITS = 4  # binary digits of a size that count where there are more


def own_bytes(size: int, parts: int) -> int:
    """From what a part has for itself, so many bytes, to where the next one has its own."""
    lines = -(-size // LINE) * LINE
    return lines if parts == 1 or size == 0 else lines + DISTANCE


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


@dataclass(frozen=True, slots=True)
class _List:
    """What is taken when, as one list: the range, first and last level, by start."""

    taken: list[tuple[tuple[int, int], int, int]] = field(default_factory=list)

    def take(self, life: tuple[int, int], start: int, end: int) -> None:
        """Takes the bytes from `start` to before `end`."""
        insort(self.taken, ((start, end), *life))

    def during(self, life: tuple[int, int]) -> list[tuple[int, int]]:
        """The ranges that are taken at some time of a life, by their starts; they may meet."""
        first, last = life
        return [ends for ends, since, until in self.taken if since <= last and first <= until]


@dataclass(frozen=True, slots=True)
class _Tree:
    """What is taken when, as a binary tree of levels, whose leaves start at `leaves`.

    A node stands for the levels below it. `whole` are the bytes that are taken at all of them,
    by a buffer that is in no larger node, `part` those taken at any; both as ranges, the first
    byte and the one behind the last, in order and apart.
    """

    leaves: int
    whole: dict[int, list[int]] = field(default_factory=dict)
    part: dict[int, list[int]] = field(default_factory=dict)

    def take(self, life: tuple[int, int], start: int, end: int) -> None:
        """As that of a list."""
        first, last = life[0] + self.leaves, life[1] + self.leaves
        cover = _cover(first, last)
        for node in cover:
            _unite(self.whole.setdefault(node, []), start, end)
        for node in {*cover, *_paths(first, last)}:
            _unite(self.part.setdefault(node, []), start, end)

    def during(self, life: tuple[int, int]) -> list[tuple[int, int]]:
        """As that of a list."""
        # Another buffer is there when the life begins or when it ends, or begins and ends in it.
        first, last = life[0] + self.leaves, life[1] + self.leaves
        found = [self.whole[node] for node in _paths(first, last) if node in self.whole]
        found += [self.part[node] for node in _cover(first, last) if node in self.part]
        ranges = [pair for bounds in found for pair in zip(bounds[::2], bounds[1::2], strict=True)]
        ranges.sort()
        return ranges


def _paths(first: int, last: int) -> list[int]:
    """The nodes from two leaves up to the root."""
    found = []
    while first != last:
        found += (first, last)
        first, last = first >> 1, last >> 1
    while first:
        found.append(first)
        first >>= 1
    return found


def _cover(first: int, last: int) -> list[int]:
    """The fewest nodes that stand for the leaves from the first to the last."""
    found = []
    while first <= last:
        if first & 1:
            found.append(first)
            first += 1
        if not last & 1:
            found.append(last)
            last -= 1
        first, last = first >> 1, last >> 1
    return found


def _unite(bounds: list[int], start: int, end: int) -> None:
    """Adds a range to others, and makes those that meet one.

    >>> bounds = [0, 10, 20, 30]
    >>> _unite(bounds, 10, 15)
    >>> bounds
    [0, 15, 20, 30]
    """
    low, high = bisect_left(bounds, start), bisect_right(bounds, end)
    bounds[low:high] = [start] * (low % 2 == 0) + [end] * (high % 2 == 0)


def plan_memory(intervals: Sequence[Interval]) -> Plan:
    """Best fit by decreasing size: each buffer takes the smallest gap that is free all its life.

    Where very many buffers differ in size no gap fits, and looking at all takes time that grows as
    the square of their number: these sizes are rounded up, which takes some 4 % more memory.

    >>> plan_memory([Interval(100, 0, 1), Interval(64, 1, 2), Interval(100, 2, 3)])
    Plan(offsets=(0, 128, 0), total=192)
    """
    sizes = [-(-i.size // LINE) * LINE for i in intervals]
    filled = [n for n, size in enumerate(sizes) if size]
    if len(filled) > FEW and len(set(sizes)) > SIZES:
        sizes = [_rounded(size) for size in sizes]
    levels = max((i.last for i in intervals), default=0)
    occupied = _List() if len(filled) <= FEW else _Tree(1 << levels.bit_length())
    offsets = [0] * len(intervals)
    total = 0
    for n in sorted(filled, key=lambda n: (-sizes[n], intervals[n].first, n)):
        life = intervals[n].first, intervals[n].last
        start = offsets[n] = _best_gap(occupied.during(life), sizes[n])
        total = max(total, start + sizes[n])
        occupied.take(life, start, start + sizes[n])
    return Plan(tuple(offsets), total)


def least_memory(intervals: Iterable[Interval]) -> int:
    """What is in use at one level at the most: no plan takes less.

    >>> least_memory([Interval(100, 0, 1), Interval(64, 1, 2), Interval(100, 2, 3)])
    192
    """
    changes: Counter[int] = Counter()
    for i in intervals:
        size = -(-i.size // LINE) * LINE
        changes[i.first] += size
        changes[i.last + 1] -= size
    return max(accumulate(changes[level] for level in sorted(changes)), default=0)


def _rounded(size: int) -> int:
    """The size with few binary digits.

    >>> _rounded(64), _rounded(6400)
    (64, 6656)
    """
    step = max(LINE, 1 << max(size.bit_length() - DIGITS, 0))
    return -(-size // step) * step


def _best_gap(taken: Iterable[tuple[int, int]], size: int) -> int:
    """Where a buffer fits most tightly between what is taken; else behind it."""
    best, tightest, reached = -1, sys.maxsize, 0
    for start, end in taken:
        if size <= start - reached < tightest:
            best, tightest = reached, start - reached
            if tightest == size:
                break
        if end > reached:
            reached = end
    return reached if best < 0 else best

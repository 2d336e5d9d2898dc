"""The way along the contracted axes of a matmul or convolution: decided at binding, pure data.

Enters: the depth as loops (extent, step in A, step in B). Leaves: a `Walk`: one call of a
micro-kernel goes along two of the loops, the others are loops around the calls. Of a 3 x 3
convolution, whose A is an image of 34 x 16 a row and whose B are 32 columns a tap and channel:

    >>> taps = (Loop(3, 544, 1536), Loop(3, 16, 512), Loop(16, 1, 32))
    >>> walk = in_place(taps, most=1024)
    >>> walk.k, walk.run, walk.rest
    (Loop(extent=48, a=1, b=32), Loop(extent=3, a=544, b=1536), ())
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import accumulate
from operator import mul


@dataclass(frozen=True, slots=True)
class Loop:
    """How often a loop runs, and how far a step of it moves in A and in B, in elements."""

    extent: int
    a: int
    b: int

    @property
    def swapped(self) -> Loop:
        """The loop when A and B change places."""
        return Loop(self.extent, self.b, self.a)


ONCE = Loop(1, 0, 0)


@dataclass(frozen=True, slots=True)
class Copy:
    """How B is packed: a call copies the rows of one loop, the others go around it.

    Loops have their steps in the source as `b`, those in the panel, in elements, as `a`. With a
    `pitch` columns are copied instead, to lie along the depth and so far apart.
    """

    rows: Loop
    around: tuple[Loop, ...]
    pitch: int = 0


@dataclass(frozen=True, slots=True)
class Walk:
    """A call sums over `k` and, around it, `run`; `rest` are loops around the calls.

    A sum too long for one call is cut into `blocks`, of `block_k` steps or of `block_runs` runs.
    `b_tap` is a step in B of the loop that the tile itself goes along, if it does.
    """

    k: Loop
    run: Loop
    rest: tuple[Loop, ...]
    blocks: int
    block_k: int
    block_runs: int
    b_tap: int = 0
    copy: Copy | None = None

    @property
    def step(self) -> Loop:
        """From one block to the next: in k (its extent counts steps), or in runs."""
        if self.block_k < self.k.extent:
            return Loop(self.block_k, self.block_k * self.k.a, self.block_k * self.k.b)
        return Loop(self.block_runs, self.block_runs * self.run.a, self.block_runs * self.run.b)


def in_place(depth: Sequence[Loop], most: int, tap: Loop | None = None) -> Walk:
    """The walk where B is read where it lies; a call is for about `most` products, and those of all
    steps of `tap`."""
    order = _ordered(depth)
    return _walk(order, order, most, tap)


def packed(depth: Sequence[Loop], most: int, columns: int, tap: Loop | None = None) -> Walk:
    """The walk where B has been copied into rows of `columns`, in the order in which A lies.

    >>> flipped = (Loop(3, 16, -64), Loop(16, 1, 1))            # A merges, B does not
    >>> packed(flipped, 1024, columns=32).k
    Loop(extent=48, a=1, b=32)
    """
    order = _ordered(depth)
    inside = list(accumulate((loop.extent for loop in reversed(order[1:])), mul, initial=columns))
    steps = inside[::-1]
    moves = [Loop(loop.extent, step, loop.b) for loop, step in zip(order, steps, strict=True)]
    rows = max(moves, key=lambda loop: (abs(loop.b) == 1, loop.extent))
    copy = Copy(rows, tuple(loop for loop in moves if loop is not rows))
    panel = [Loop(o.extent, o.a, step) for o, step in zip(order, steps, strict=True)]
    return replace(_walk(order, panel, most, tap), copy=copy)


def packed_columns(depth: Loop, most: int, pitch: int) -> Walk:
    """The walk where the columns of B have been copied, each along the depth, so far apart."""
    walk = in_place((Loop(depth.extent, depth.a, 1),), most)
    return replace(walk, copy=Copy(Loop(depth.extent, 1, depth.b), (), pitch))


def _ordered(depth: Sequence[Loop]) -> list[Loop]:
    """The loops from long steps to short ones; of an empty sum one that never runs."""
    if any(loop.extent == 0 for loop in depth):
        return [Loop(0, 0, 0)]
    return sorted(depth, key=lambda loop: (-abs(loop.a), -abs(loop.b))) or [ONCE]


def _merged(order: Sequence[Loop]) -> list[Loop]:
    """Neighbours that are one loop in both operands, merged."""
    merged: list[Loop] = []
    for loop in (loop for loop in order if loop.extent != 1):
        outer = merged[-1] if merged else ONCE
        if merged and (outer.a, outer.b) == (loop.a * loop.extent, loop.b * loop.extent):
            merged[-1] = Loop(outer.extent * loop.extent, loop.a, loop.b)
        else:
            merged.append(loop)
    return merged


def _walk(order: Sequence[Loop], panel: Sequence[Loop], most: int, tap: Loop | None) -> Walk:
    """Along the loops of the panel, but for that which in `order` is the tap."""
    number = order.index(tap) if tap in order else len(panel)
    *rest, run, k = [ONCE, ONCE, *_merged([*panel[:number], *panel[number + 1 :]])]
    blocks, block_k, block_runs = 1, k.extent, run.extent
    if run.extent > 1:
        block_runs = max(most // max(k.extent, 1), 1)
        blocks = -(-run.extent // block_runs)
    elif k.extent > most:
        blocks = -(-k.extent // most)
        block_k = -(-k.extent // (16 * blocks)) * 16
        blocks = -(-k.extent // block_k)
    around = tuple(loop for loop in rest if loop is not ONCE)
    b_tap = panel[number].b if number < len(panel) else 0
    return Walk(k, run, around, blocks, block_k, block_runs, b_tap)

"""The loop over strips, which runs the kernels of the rows behind it: the same text for all.

Enters: nothing. Leaves: `STRIPS`, the source, and `StripPlan`, which lays out what it reads.

A part copies the rows of its members, twice where the last strip along an axis is smaller; in the
copies memory is the part's own, and some words go with the strips. Member rows are as all rows are:
w0 words to the next | w1 kernel | w2 extent | w6 cycles, of part 0 | w7 1: on the first strip of a
head only | w8... arguments. The row of the loop itself keeps all cycles of part 0 in w7.
"""

from collections.abc import Sequence
from dataclasses import dataclass

# args: the plan's address, and where the parts keep their copies; then the rows of the members.
STRIPS = '''
def kernel(begin, end, part, args):
    """The members on the strips from `begin` to `end`."""
    entered = cycles()
    w = words(args)
    plan = words(w[0])
    members, width, axes, tail = plan[0], plan[1], plan[2], plan[3]
    own, moving, smaller = plan[5], plan[6], plan[7]
    counts = words(w[0] + 64)
    lists = w[0] + 64 + axes * 8
    master = words(args + 16)
    shift = part * plan[4]
    home = w[1] + shift
    whole, rest = words(home), words(home + width * 8)
    at = words(home + width * 16)
    for n in range(width):
        whole[n] = master[n]
    entry = words(lists)
    for n in range(own):
        whole[entry[n]] = master[entry[n]] + shift
    if tail >= 0:
        for n in range(width):
            rest[n] = whole[n]
        entry = words(lists + (own + moving * (axes + 1)) * 8)
        for n in range(smaller):
            rest[entry[2 * n]] = entry[2 * n + 1]
    for strip in range(begin, end):
        left = strip
        for n in range(axes):
            axis = axes - 1 - n
            x = floordiv(left, counts[axis])
            at[axis] = left - x * counts[axis]
            left = x
        row = home
        if tail >= 0:
            if at[tail] == counts[tail] - 1:
                row = home + width * 8
        block = words(row)
        for n in range(moving):
            entry = words(lists + (own + n * (axes + 1)) * 8)
            value = master[entry[0]]
            for axis in range(axes):
                value += at[axis] * entry[axis + 1]
            block[entry[0]] = value
        offset = 0
        before = cycles()
        for _ in range(members):
            r = words(row)
            if r[7] == 0 or at[axes - 1] == 0:
                call_micro(r[1], 0, r[2], part, row + 64)
            if part == 0:
                now = cycles()
                master[offset + 6] = master[offset + 6] + now - before
                before = now
            offset += r[0]
            row += r[0] * 8
    if part == 0:
        head = words(args - 64)
        head[7] = head[7] + cycles() - entered
'''


@dataclass(frozen=True, slots=True)
class StripPlan:
    """What the loop reads of a plan.

    The rows of the `members` are `width` words. Strips are `counts` along the axes; the last along
    `tail` is smaller (-1: none is). From the memory of one part to the next are `stride` bytes.
    `own` are the words that point there, `moving` those that go by so much with each axis,
    `smaller` the values of others in the smaller strip; all are places in the rows.
    """

    members: int
    width: int
    counts: Sequence[int]
    tail: int
    stride: int
    own: Sequence[int]
    moving: Sequence[tuple[int, Sequence[int]]]
    smaller: Sequence[tuple[int, int]]

    @property
    def words(self) -> list[int]:
        """All of it, in the order in which the loop reads."""
        numbers = self.members, self.width, len(self.counts), self.tail, self.stride
        sizes = len(self.own), len(self.moving), len(self.smaller)
        moving = [word for at, steps in self.moving for word in (at, *steps)]
        smaller = [word for pair in self.smaller for word in pair]
        return [*numbers, *sizes, *self.counts, *self.own, *moving, *smaller]


def kept_bytes(width: int, axes: int) -> int:
    """Bytes that a part keeps: both copies of the rows, and where a strip is."""
    return 8 * (2 * width + axes)

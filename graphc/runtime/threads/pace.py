"""The pace of a table: whether the team runs it or one thread, whichever is faster. Written in the
kernel language.

Enters: what each run took. Leaves: the way of the next one. A team whose cores are all free is
faster where the work pays; beside other work it waits for whoever has no core, milliseconds at a
time. Parts are data of the rows, so that either way gives the same bits.

The words: p0 the way, 0: the team, 1: one thread | p1 whether it has been judged since it was taken
up | p2 cycles of all runs | p3 the reading of p2 at which the other way is tried | p4 cycles
since the way was taken up | p5 their steps | p6, p7 cycles and steps of the team that count | p8,
p9 those of one thread. All are 0 at first.

A way is tried for several runs. The first ones do not count: the data lies in the caches of another
core, and a thread of the team still waits there, spinning, for more work.
"""

from graphc.runtime.language.intrinsics import floordiv, maximum, minimum, shr, words

WORDS = 10


def prefers_team(pace: int) -> int:
    """1 if the next run is one for the team."""
    return 1 if words(pace)[0] == 0 else 0


def record_pace(pace: int, spent: int, steps: int) -> None:
    """Adds a run of the way that is in use, and judges the way when enough runs count: 8, or 10
    million cycles (4 ms). A single run as long as that counts even if it is the first."""
    p = words(pace)
    own, other = 6 + 2 * p[0], 8 - 2 * p[0]
    count = steps if steps > 1 else 1
    if p[4] >= 150_000 or (spent >= 10_000_000 and p[other + 1] > 0):
        p[own] = p[own] + spent
        p[own + 1] = p[own + 1] + count
    p[2] = p[2] + spent
    p[4] = p[4] + spent
    p[5] = p[5] + count
    if p[own + 1] >= 8 or p[own] >= 10_000_000:
        judge_way(pace, own, other)


def judge_way(pace: int, own: int, other: int) -> None:
    """Leaves the way in use if it is the slower one, or if it is time to try the other.

    One that is tried has to be 2 % faster. One that was kept has to be 5 % slower over 100 million
    cycles (40 ms): else the two would alternate, and whatever interrupts a team now and then would
    end it. Runs of long ago count less and less.
    """
    p = words(pace)
    kept = p[1] != 0 or p[other + 1] == 0
    margin = 105 if kept else 98
    slower = 100 * p[own] * p[other + 1] > margin * p[other] * p[own + 1]
    lasting = slower and p[own] >= 100_000_000
    leaves = p[2] >= p[3] or lasting if kept else slower
    p[1] = 1
    if p[own] > 200_000_000 and p[own + 1] >= 32:
        p[own] = shr(p[own], 1)
        p[own + 1] = shr(p[own + 1], 1)
    if leaves:
        take_other_way(pace, other, 20 if kept else 100)
        if kept:  # what the other takes is measured anew
            p[1] = 0
            p[other] = 0
            p[other + 1] = 0


def take_other_way(pace: int, other: int, penalty: int) -> None:
    """The way that is left rests for a multiple of what it cost beyond the other: of all time 1 %
    goes into trying, 5 % into ways that were kept in error. It rests for 100 million cycles at the
    least, and for 2,000 steps of the other at the most: a process may have been stopped."""
    p = words(pace)
    rest = 0
    if p[other + 1] > 0:
        step = floordiv(p[other], p[other + 1])
        rest = minimum(penalty * (p[4] - p[5] * step), 2000 * step)
    p[3] = p[2] + maximum(100_000_000, rest)
    p[0] = 1 - p[0]
    p[4] = 0
    p[5] = 0

"""The runner: what each thread of a team does with the rows of a program. Written in the kernel
language.

Enters: the address of a table, as it is laid out in `team.py`. Leaves: kernels that ran, the error
word, cycles of rows. `team.py` compiles these functions from their source text; they also run as
plain Python.

The services block, int64 words: s0 table | s1 GOMP_parallel | s2 member | s3 run_rows | s4
omp_get_thread_num | s5 omp_get_num_threads | s6 sched_yield, or 0 | s7 profile: 0 or 1 | s8 usleep,
or 0 | s9 1 where no team can be started: one runs already, or was left behind by a fork, or there
is no OpenMP | s10 the threads of programs | s11 the barrier, an address: two lines each for what
the threads are told, for how many fours are there, and for how many threads of each four | s12
barriers that teams have passed. s1 to s6 and s8 are addresses of C functions.
"""

from graphc.runtime.language.intrinsics import (
    atomic_add,
    atomic_load,
    atomic_store,
    call_micro,
    cycles,
    floordiv,
    minimum,
    pause,
    query,
    words,
)
from graphc.runtime.threads.pace import prefers_team, record_pace

SERVICES = 13  # words


def start(table: int, threads: int, services: int) -> int:
    """Run a table on a team of `threads`, or on one if that is faster; returns the error word."""
    h = words(table)
    s = words(services)
    atomic_store(h[3], 0)
    pace = h[2]
    choice = threads > 1 and s[9] == 0
    together = choice and prefers_team(pace) != 0
    steps = h[5]
    before = cycles()
    if choice and words(pace)[1] == 0:  # an epoch too is tried for a short time
        h[7] = minimum(h[7], before + 10_000_000)
    if together:
        s[0] = table
        s[9] = 1
        call_micro(s[1], s[2], services, threads, 0)
        s[9] = 0
    else:
        call_micro(s[3], table, 0, 1, services)
    if choice:
        record_pace(pace, cycles() - before, h[5] - steps)
    return atomic_load(h[3])


def member(services: int) -> None:
    """What OpenMP calls on each thread of a team."""
    s = words(services)
    call_micro(s[3], s[0], query(s[4]), query(s[5]), services)


def run_rows(table: int, thread: int, team: int, services: int) -> None:
    """The rows of a table, as far as they are for thread `thread` of a team."""
    h = words(table)
    s = words(services)
    row = h[1]
    left = h[0]
    epoch = s[12]
    profiled = s[7] != 0 and thread == 0
    while left > 0:
        w = words(row)
        before = cycles() if profiled else 0
        run_parts(row, thread, team)
        row += w[0] * 8
        left -= 1
        if w[5] != 0:
            epoch += 1
            if leaves_barrier(table, epoch, thread, team, w[5], services) != 0:
                left = 0
            elif w[5] & 4 != 0:  # another step
                row = h[1]
                left = h[0]
        if profiled:
            w[6] = w[6] + cycles() - before
    if thread == 0 and team > 1:  # all others have read it, or it is what it was
        s[12] = epoch


def run_parts(row: int, thread: int, team: int) -> None:
    """The parts of a row that are for one thread; those without elements are not called."""
    w = words(row)
    kernel, extent, parts = w[1], w[2], w[4]
    if parts == 1:
        if thread == 0 and extent > 0:
            call_micro(kernel, 0, extent, 0, row + 64)
    else:
        part = thread
        while part < parts:
            begin, end = first_of(row, part), first_of(row, part + 1)
            if begin < end:
                call_micro(kernel, begin, end, part, row + 64)
            part += team


def first_of(row: int, part: int) -> int:
    """Where a part of a row begins, and the one before it ends."""
    w = words(row)
    extent, granule, parts = w[2], w[3], w[4]
    if granule == 0:
        return words(w[7])[part]
    blocks = floordiv(extent + granule - 1, granule)
    return minimum(extent, floordiv(part * blocks, parts) * granule)


def leaves_barrier(
    table: int, epoch: int, thread: int, team: int, flags: int, services: int
) -> int:
    """Wait for the team's other threads; 1 if the program ends here, at a commit point or with the
    last step.

    Four threads count up one word, and the last of each four that of the team. Measured with 16
    threads on a server: 0.8 us, and 3 us where all count up the word that they wait for.

    The last thread that arrives releases the others, and decides for all: were each to read the
    error word for itself, a row after the barrier could already have changed it. What is told is
    `2 * epoch`, and 1 more for the end; as that only grows, nobody clears it.
    """
    if team == 1:  # within a team, perhaps, whose words these are
        return ends(table, flags)
    lines = words(services)[11]
    four = floordiv(thread, 4)
    fours = floordiv(team + 3, 4)
    last = is_last(lines + 128 * (2 + four), minimum(4, team - 4 * four))
    if last != 0 and fours > 1:
        last = is_last(lines + 128, fours)
    if last == 0:
        return awaited(lines, 2 * epoch, words(table)[4], services) & 1
    end = ends(table, flags)
    atomic_store(lines, 2 * epoch + end)
    return end


def is_last(address: int, count: int) -> int:
    """1 for the last of so many threads that arrive at a word, which is 0 again then."""
    if atomic_add(address, 1) + 1 < count:
        return 0
    atomic_store(address, 0)
    return 1


def awaited(address: int, least: int, patience: int, services: int) -> int:
    """A word, once another thread has raised it to `least`. A thread that waits long offers its
    core, its partner may be waiting for the same one, and in the end sleeps."""
    s = words(services)
    spins = 0
    seen = atomic_load(address)
    while seen < least:
        spins += 1
        if spins > patience + 2000 and s[8] != 0:
            call_micro(s[8], 20)
        elif spins > patience and s[6] != 0:
            query(s[6])
        else:
            pause()
        seen = atomic_load(address)
    return seen


def ends(table: int, flags: int) -> int:
    """1 if the program ends at this barrier."""
    h = words(table)
    if flags & 2 != 0 and atomic_load(h[3]) != 0:
        return 1
    if flags & 4 != 0 and another_step(table) == 0:
        return 1
    return 0


def another_step(table: int) -> int:
    """Counts a step; 1 if steps are left, and time."""
    h = words(table)
    h[5] = h[5] + 1
    return 1 if h[5] < h[6] and cycles() < h[7] else 0

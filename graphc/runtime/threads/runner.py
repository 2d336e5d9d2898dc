"""The runner: what each thread of a team does with the rows of a program. Written in the kernel
language.

Enters: the address of a table, as it is laid out in `team.py`. Leaves: kernels that ran, the error
word, cycles of rows. `team.py` compiles these functions from their source text; they also run as
plain Python.

The services block, int64 words: s0 table | s1 GOMP_parallel | s2 member | s3 run_rows | s4
omp_get_thread_num | s5 omp_get_num_threads | s6 sched_yield, or 0 | s7 profile: 0 or 1 | s8 usleep,
or 0 | s9 1 where no team can be started: one runs already, or was left behind by a fork, or there
is no OpenMP | s10 the threads of programs. All but s0, s7, s9 and s10 are addresses of C functions.
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


def start(table: int, threads: int, services: int) -> int:
    """Run a table on a team of `threads`, or on one if that is faster; returns the error word."""
    h = words(table)
    s = words(services)
    atomic_store(h[2], 0)
    atomic_store(h[2] + 8, 0)
    atomic_store(h[3], 0)
    pace = h[3] + 8
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
    epoch = 0
    profiled = s[7] != 0 and thread == 0
    while left > 0:
        w = words(row)
        before = cycles() if profiled else 0
        run_parts(row, thread, team)
        row += w[0] * 8
        left -= 1
        if w[5] != 0:
            epoch += 1
            if leaves_barrier(table, epoch, team, w[5], services) < 0:
                return
            if w[5] & 4 != 0:  # another step
                row = h[1]
                left = h[0]
        if profiled:
            w[6] = w[6] + cycles() - before


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


def leaves_barrier(table: int, epoch: int, team: int, flags: int, services: int) -> int:
    """Wait for the team's other threads; negative if the program ends here, at a commit point or
    with the last step.

    The last thread that arrives releases the others, and decides for all: were each to read the
    error word for itself, a row after the barrier could already have changed it. A thread that
    waits long offers its core, its partner may be waiting for the same one, and in the end sleeps.
    """
    h = words(table)
    s = words(services)
    arrived, error, patience = h[2], h[3], h[4]
    released = arrived + 8
    if atomic_add(arrived, 1) + 1 == epoch * team:
        fine = flags & 2 == 0 or atomic_load(error) == 0
        if fine and flags & 4 != 0:
            fine = another_step(table) != 0
        atomic_store(released, epoch if fine else -1)
    spins = 0
    seen = atomic_load(released)
    while 0 <= seen < epoch:
        spins += 1
        if spins > patience + 2000 and s[8] != 0:
            call_micro(s[8], 20)
        elif spins > patience and s[6] != 0:
            query(s[6])
        else:
            pause()
        seen = atomic_load(released)
    return seen


def another_step(table: int) -> int:
    """Counts a step; 1 if steps are left, and time."""
    h = words(table)
    h[5] = h[5] + 1
    return 1 if h[5] < h[6] and cycles() < h[7] else 0

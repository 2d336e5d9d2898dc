"""The team: one OpenMP team a process runs a whole program, a table of kernel rows, in one native
call.

Enters: the address of a table. Leaves: its error word (0: all is well), and what the kernels wrote.

A row, int64 words: w0 words to the next row | w1 kernel | w2 extent | w3 granule | w4 parts (1: on
thread 0, 0: a loop over strips runs it) | w5 flags | w6 cycles (profiling) | w7 for strips, see
`codegen/strips.py`, or the address of bounds | w8... arguments. Flags: 1 barrier after the row | 2
commit point: if the error word is not 0 after the barrier, all threads leave | 4 end of a step: all
threads count it, and begin again if there are steps left, and time. Part p of a row is blocks
[p*blocks//parts, (p+1)*blocks//parts) of its ceil(extent / granule) blocks; where the granule is 0
it goes from bound p to bound p + 1. Thread t of T runs parts t, t+T, ...

The header: h0 rows | h1 first row | h2 pace | h3 error word | h4 spins before a waiting thread
yields its core | h5 steps done | h6 steps wanted | h7 the reading of `cycles` after which no step
begins. h1, h2, h3 are addresses; `pace.py` says what the words of the pace are for.

    error = run_table(table.ctypes.data, threads=get_threads())

The OpenMP library is loaded for this module alone (RTLD_LOCAL), and its functions are called
through their addresses: PyTorch may have brought a library of its own. Without an OpenMP library,
in a child of a fork, and in a call from within a call, a program runs on one thread; the partition
is data of the rows, so its results are the same bits.
"""

import ctypes
import functools
import inspect
import os
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from graphc.errors import ThreadError
from graphc.runtime.cores import available_cores
from graphc.runtime.environment import short_waits, threads_asked
from graphc.runtime.language.jit import Source
from graphc.runtime.language.machine import process_address
from graphc.runtime.language.names import VOID
from graphc.runtime.objects.cache import load_kernel, load_kernels
from graphc.runtime.threads import pace, runner
from graphc.state import STATE_LOCK

HEADER_WORDS = 8
STEP_AT, DEADLINE_AT = 5, 7  # words of the header
ROW_WORDS = 8  # before the arguments
EXTENT_AT, GRANULE_AT, FLAGS_AT, CYCLES_AT = 2, 3, 5, 6  # words of a row
BOUNDS_AT = 7  # of a row without a granule
FIRST_AT = INSIDE_AT = 7  # of a loop over strips: a member's, its own
BARRIER, COMMIT, STEP = 1, 2, 4
SPINS = 2000  # about 50 us


@dataclass(slots=True)
class _State:
    """What is true of the process now; guarded by STATE_LOCK."""

    threads: int = 0
    forked: bool = False


MOST = 1024  # threads
PROFILE, ALONE, THREADS, LINES = 7, 9, 10, 11  # of the services block
_state = _State()
_services = np.zeros(runner.SERVICES, np.int64)
_lines = np.zeros(16 * (3 + MOST // 4), np.int64)  # of the barrier: two lines a word


def _after_fork() -> None:
    """OpenMP's threads did not survive: a team would hang."""
    _state.forked = True
    _services[ALONE] = 1
    STATE_LOCK.release()


if os.name == "posix":
    os.register_at_fork(
        before=STATE_LOCK.acquire, after_in_parent=STATE_LOCK.release, after_in_child=_after_fork
    )


# ---- how many threads ---------------------------------------------------------------------------


def set_threads(count: int) -> None:
    """The number of threads of programs from now on. Raises ThreadError."""
    if isinstance(count, bool) or not isinstance(count, int) or not 1 <= count <= MOST:
        raise ThreadError(
            f"the number of threads is an int from 1 to {MOST}",
            got=repr(count),
            fix="graphc.set_threads(1) is one thread",
        )
    _state.threads = _services[THREADS] = count


def get_threads() -> int:
    """The threads that were set, else what the environment says, else the cores there are."""
    if _state.threads == 0:
        set_threads(threads_asked() or available_cores())
    return _state.threads


# ---- OpenMP -------------------------------------------------------------------------------------

_LIBRARIES = {
    "linux": ("libgomp.so.1", "libomp.so", "libomp.so.5", "libiomp5.so"),
    "darwin": ("libomp.dylib", "libiomp5.dylib"),
    "win32": ("libomp140.x86_64.dll", "libiomp5md.dll"),
}
_FUNCTIONS = ("GOMP_parallel", "omp_get_thread_num", "omp_get_num_threads")


@functools.cache
def openmp() -> ctypes.CDLL | None:
    """The first OpenMP library with the entry points that are needed."""
    for name in _LIBRARIES.get(sys.platform, ()):
        try:
            with short_waits():
                mode = ctypes.DEFAULT_MODE if os.name == "nt" else ctypes.RTLD_LOCAL
                library = ctypes.CDLL(name, mode=mode)
            for function in _FUNCTIONS:
                library[function]
        except (OSError, AttributeError):
            continue
        return library
    return None


def _address(library: ctypes.CDLL | None, name: str) -> int:
    if library is None:
        return 0
    return ctypes.cast(library[name], ctypes.c_void_p).value or 0


# ---- the runner ---------------------------------------------------------------------------------


def source_of(*functions: Callable[..., Any], result: str = VOID) -> Source:
    """The first of some functions in the kernel language, which calls the others."""
    text = "\n".join(map(inspect.getsource, functions))
    return Source(text, functions[0].__name__, result)


PACE = (pace.prefers_team, pace.record_pace, pace.judge_way, pace.take_other_way)
BARRIERS = (runner.leaves_barrier, runner.is_last, runner.awaited, runner.ends)
ROWS = (runner.run_parts, runner.first_of, *BARRIERS, runner.another_step)
RUNNER = (
    source_of(runner.start, *PACE, result="i64"),
    source_of(runner.member),
    source_of(runner.run_rows, *ROWS),
)


@dataclass(frozen=True, slots=True)
class Runner:
    """The compiled runner, its address, and that of its services block."""

    start: Callable[[int, int, int], int]
    address: int
    services: int


@functools.cache
def native_runner() -> Runner:
    """Compiled or loaded when the first program runs."""
    library = openmp()
    posix = os.name == "posix"
    yield_core, nap = (process_address(n) if posix else 0 for n in ("sched_yield", "usleep"))
    names = _FUNCTIONS[1:]
    start, member, run_rows = load_kernels(RUNNER)
    _services[: LINES + 1] = [
        0,
        _address(library, "GOMP_parallel"),
        member,
        run_rows,
        *(_address(library, name) for name in names),
        yield_core,
        0,
        nap,
        library is None or _state.forked,
        get_threads(),
        _lines.ctypes.data + -_lines.ctypes.data % 128,
    ]
    kind = ctypes.CFUNCTYPE(ctypes.c_int64, ctypes.c_int64, ctypes.c_int64, ctypes.c_int64)
    return Runner(kind(start), start, _services.ctypes.data)


def has_team() -> bool:
    """Whether a team can be started: not without OpenMP, and not in the child of a fork."""
    native_runner()
    return bool(_services[ALONE] == 0)


def run_table(table: int, threads: int = 1) -> int:
    """Run the program whose header is at an address; returns its error word."""
    native = native_runner()
    with STATE_LOCK:
        return native.start(table, threads, native.services)


def profile_table(table: int, threads: int = 1) -> int:
    """As run_table; w6 of each row grows by its cycles on thread 0, waiting included."""
    native_runner()  # or it would write the services block when it is made
    with STATE_LOCK:
        _services[PROFILE] = 1
        try:
            return run_table(table, threads)
        finally:
            _services[PROFILE] = 0


@functools.cache
def _clock() -> Callable[[], int]:
    kernel = load_kernel("def now():\n    return cycles()\n", "now", "i64")
    return ctypes.CFUNCTYPE(ctypes.c_int64)(kernel)


@functools.cache
def seconds_per_cycle() -> float:
    """What a cycle of w6 lasts, measured against the clock for 10 ms."""
    clock, cycles = _instant()
    time.sleep(0.01)
    later, more = _instant()
    return (later - clock) / (more - cycles)


def _instant() -> tuple[float, int]:
    """The clock and the reading of `cycles` at one time: what interrupts a process may come between
    the two, so that the closest of some pairs counts."""
    read = _clock()
    pairs = [(read(), time.perf_counter(), read()) for _ in range(5)]
    before, clock, after = min(pairs, key=lambda pair: pair[2] - pair[0])
    return clock, (before + after) // 2


def cycles_in(seconds: float) -> int:
    """The reading of `cycles` so many seconds from now."""
    return _clock()() + int(seconds / seconds_per_cycle())

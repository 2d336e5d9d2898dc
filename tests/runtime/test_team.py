"""The runner: partitions, barriers, commit points, and how many threads there are."""

import ctypes
import importlib.util
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest

from graphc.errors import ThreadError
from graphc.runtime import cores
from graphc.runtime.binding.template import ERROR_AT, PACE_AT, ROWS_AT
from graphc.runtime.objects.cache import load_kernel
from graphc.runtime.python_mode import python_kernel, run_table_python
from graphc.runtime.threads import team
from graphc.runtime.threads.team import BARRIER, BOUNDS_AT, COMMIT, ROW_WORDS, run_table
from tests.runtime.waiting import exit_code

# args: record, its length. Writes (begin, end, calls) of each part.
RECORD = """
def record(begin, end, part, args):
    w = words(args)
    r = pointer(w[0], i64, 0)
    r[3 * part] = begin
    r[3 * part + 1] = end
    r[3 * part + 2] = r[3 * part + 2] + 1
"""
# args: target, source, n. target[i] = source[n - 1 - i] + 1: needs what other parts wrote.
MIRROR = """
def mirror(begin, end, part, args):
    w = words(args)
    target = pointer(w[0], i64, 0)
    source = pointer(w[1], i64, 1)
    for i in range(begin, end):
        target[i] = source[w[2] - 1 - i] + 1
"""
# args: error word, code
FAIL = """
def fail(begin, end, part, args):
    w = words(args)
    store_error(w[0], w[1])
"""
Row = tuple[str, int, int, int, int, tuple[int, ...]]  # source, extent, granule, parts, flags, args
WIDTH = 16


class Table:
    """A program table in memory; `python` maps its kernel addresses to Python kernels."""

    def __init__(self, rows: Sequence[Row], native: bool = True) -> None:
        memory = np.zeros(8 + ROWS_AT + WIDTH * len(rows), np.int64)
        self.words = memory[(-memory.ctypes.data % 64) // 8 :]
        self.address = self.words.ctypes.data
        self.error = self.address + 8 * ERROR_AT
        first = ROWS_AT
        addresses = (self.address + 8 * at for at in (first, PACE_AT, ERROR_AT))
        self.words[:5] = len(rows), *addresses, 100
        self.python: dict[int, Callable[..., None]] = {}
        for n, (source, extent, granule, parts, flags, args) in enumerate(rows):
            name = source.split("(")[0].split()[-1]
            kernel = load_kernel(source, name) if native else 1000 + n
            if not native:
                self.python[kernel] = python_kernel(source, name)
            row = (WIDTH, kernel, extent, granule, parts, flags, 0, 0, *args)
            self.words[first + n * WIDTH :][: len(row)] = row
        self.cycles = self.words[first + 6 :: WIDTH][: len(rows)]


def run(table: Table, threads: int) -> int:
    if table.python:
        return run_table_python(table.address, table.python)
    return run_table(table.address, threads)


WAYS = [(True, 1), (True, 2), (True, 3), (False, 1)]  # native?, threads


@pytest.mark.parametrize(("native", "threads"), WAYS)
@pytest.mark.parametrize(
    ("extent", "granule", "parts"), [(100, 16, 4), (7, 1, 3), (33, 32, 5), (5, 8, 1), (64, 8, 2)]
)
def test_partition(native: bool, threads: int, extent: int, granule: int, parts: int) -> None:
    seen = np.zeros((parts, 3), np.int64)
    row = (RECORD, extent, granule, parts, 0, (seen.ctypes.data,))
    assert run(Table([row], native), threads) == 0
    called = seen[seen[:, 2] > 0]
    assert (called[:, 2] == 1).all()
    assert called[0, 0] == 0
    assert called[-1, 1] == extent
    assert (called[1:, 0] == called[:-1, 1]).all()
    assert (called[:, 0] < called[:, 1]).all()
    if parts > 1:
        assert (called[:, 0] % granule == 0).all()


@pytest.mark.parametrize(("native", "threads"), WAYS)
def test_parts_between_bounds(native: bool, threads: int) -> None:
    seen, bounds = np.zeros((4, 3), np.int64), np.array([0, 3, 3, 50, 64])
    table = Table([(RECORD, 64, 0, 4, 0, (seen.ctypes.data,))], native)
    table.words[ROWS_AT + BOUNDS_AT] = bounds.ctypes.data
    assert run(table, threads) == 0
    assert seen.tolist() == [[0, 3, 1], [0, 0, 0], [3, 50, 1], [50, 64, 1]]


def test_an_empty_row_calls_nothing() -> None:
    seen = np.zeros((2, 3), np.int64)
    rows = [(RECORD, 0, 4, parts, BARRIER, (seen.ctypes.data,)) for parts in (1, 2)]
    assert run_table(Table(rows).address, 2) == 0
    assert not seen.any()


@pytest.mark.parametrize("threads", [1, 2, 3, 5, 8, 18])
def test_a_barrier_shows_what_other_threads_wrote(threads: int) -> None:
    n = 1000
    x, y = np.zeros(n, np.int64), np.zeros(n, np.int64)
    rows = [
        (MIRROR, n, 8, 4, BARRIER, (target.ctypes.data, source.ctypes.data, n))
        for target, source in [(x, y), (y, x)] * 20
    ]
    table = Table(rows)
    for _ in range(5):
        y[:] = 0
        assert run_table(table.address, threads) == 0
        assert (y == 40).all()


@pytest.mark.parametrize(("native", "threads"), WAYS)
def test_a_failure_leaves_at_the_commit_point(native: bool, threads: int) -> None:
    before, after = np.zeros(9, np.int64), np.zeros(9, np.int64)
    rows = [
        (FAIL, 1, 1, 1, 0, (0, 7)),
        (RECORD, 9, 1, 3, BARRIER, (before.ctypes.data,)),
        (RECORD, 9, 1, 3, BARRIER | COMMIT, (before.ctypes.data,)),
        (RECORD, 9, 1, 3, BARRIER, (after.ctypes.data,)),
    ]
    table = Table(rows, native)
    fail_args = table.words[ROWS_AT + ROW_WORDS :]
    fail_args[0] = table.error
    assert run(table, threads) == 7
    assert before[2::3].tolist() == [2, 2, 2]
    assert not after.any()
    fail_args[1] = 0
    assert run(table, threads) == 0
    assert after[2::3].tolist() == [1, 1, 1]


def test_an_error_after_the_commit_point_is_reported_at_the_end() -> None:
    seen = np.zeros(9, np.int64)
    rows = [(RECORD, 9, 1, 3, COMMIT, (seen.ctypes.data,)), (FAIL, 1, 1, 1, BARRIER, (0, 5))]
    table = Table(rows)
    table.words[ROWS_AT + WIDTH + ROW_WORDS] = table.error
    for _ in range(200):
        assert run_table(table.address, 2) == 5


def test_a_call_within_a_call_runs_on_one_thread() -> None:
    seen = np.zeros(9, np.int64)
    inner = Table([(RECORD, 9, 1, 3, BARRIER, (seen.ctypes.data,))])
    kind = ctypes.CFUNCTYPE(None, *[ctypes.c_int64] * 4)
    errors: list[int] = []

    @kind
    def callback(begin: int, end: int, part: int, args: int) -> None:
        errors.append(run_table(inner.address, 2))

    # on thread 0 of the team, which is the caller's: it holds the lock already
    outer = Table([(FAIL, 1, 1, 1, BARRIER, (0, 0))])
    outer.words[ROWS_AT + 1] = ctypes.cast(callback, ctypes.c_void_p).value
    assert run_table(outer.address, 2) == 0
    assert errors == [0]
    assert seen[2::3].tolist() == [1, 1, 1]


def test_python_threads_take_turns() -> None:
    n, repeats = 512, 100

    def work(out: list[bool]) -> None:
        x, y = np.zeros(n, np.int64), np.zeros(n, np.int64)
        args = [(y.ctypes.data, x.ctypes.data, n), (x.ctypes.data, y.ctypes.data, n)]
        table = Table([(MIRROR, n, 8, 4, BARRIER, a) for a in args])
        for _ in range(repeats):
            run_table(table.address, 2)
        out.append(bool((x == 2 * repeats).all()))

    def seconds() -> float:
        results: list[bool] = []
        workers = [threading.Thread(target=work, args=(results,)) for _ in range(3)]
        start = time.perf_counter()
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        assert results == [True] * 3
        return time.perf_counter() - start

    assert min(seconds() for _ in range(3)) < 5  # a pause of the process falls into one of them


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this platform has no fork")
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_a_child_of_a_fork_runs_on_one_thread() -> None:
    seen = np.zeros(9, np.int64)
    table = Table([(RECORD, 9, 1, 3, BARRIER, (seen.ctypes.data,))])
    run_table(table.address, 2)
    child = os.fork()
    if child == 0:
        seen[:] = 0
        error = run_table(table.address, 2)
        os._exit(error + int(seen[2::3].tolist() != [1, 1, 1]))
    assert exit_code(child, 10) == 0  # None: it hangs


def test_without_openmp_a_program_runs_on_one_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(team._LIBRARIES, sys.platform, ("no-such-library",))
    team.openmp.cache_clear()
    team.native_runner.cache_clear()
    try:
        assert team.openmp() is None
        seen = np.zeros(9, np.int64)
        assert run_table(Table([(RECORD, 9, 1, 3, BARRIER, (seen.ctypes.data,))]).address, 2) == 0
        assert seen[2::3].tolist() == [1, 1, 1]
    finally:
        team.openmp.cache_clear()
        team.native_runner.cache_clear()


@pytest.mark.parametrize("threads", [1, 2])
def test_a_profile_adds_the_cycles_of_each_row(threads: int) -> None:
    n = 200_000
    x, y = np.zeros(n, np.int64), np.zeros(n, np.int64)
    args = (x.ctypes.data, y.ctypes.data, n)
    table = Table([(MIRROR, size, 8, 2, BARRIER, args) for size in (n, 8)])
    run_table(table.address, threads)
    assert not table.cycles.any()
    start = time.perf_counter()
    team.profile_table(table.address, threads)
    elapsed = time.perf_counter() - start
    first = table.cycles.copy()
    assert (first > 0).all()  # which is the larger, a busy machine decides
    assert first.sum() * team.seconds_per_cycle() <= 1.5 * elapsed
    team.profile_table(table.address, threads)
    assert (table.cycles > first).all()


def test_what_comes_between_two_clocks_does_not_change_what_a_cycle_lasts(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    wanted, clock, calls = team.seconds_per_cycle.__wrapped__(), time.perf_counter, []

    def interrupted() -> float:
        calls.append(clock())
        if len(calls) in (2, 6):  # before and after the nap, later than the clock was read
            time.sleep(0.01)
        return calls[-1]

    monkeypatch.setattr(time, "perf_counter", interrupted)
    assert team.seconds_per_cycle.__wrapped__() == pytest.approx(wanted, rel=0.05)


def test_the_number_of_threads(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    before = team.get_threads()
    monkeypatch.setattr(team._state, "threads", 0)
    assert 1 <= team.get_threads() <= 1024
    team.set_threads(3)
    assert team.get_threads() == 3
    for wrong in (0, -1, True, "2", 2.0, 5000):
        with pytest.raises(ThreadError, match="from 1 to 1024"):
            team.set_threads(wrong)  # type: ignore[arg-type]
    monkeypatch.setattr(team, "threads_asked", lambda: 5)
    monkeypatch.setattr(team._state, "threads", 0)
    assert team.get_threads() == 5
    team.set_threads(before)  # for machine code too, which compares it with what bindings expect
    assert cores.group_quota(tmp_path) == sys.maxsize
    (tmp_path / "cpu.max").write_text("max 100000\n")
    assert cores.group_quota(tmp_path) == sys.maxsize
    (tmp_path / "cpu.max").write_text("150000 100000\n")
    assert cores.group_quota(tmp_path) == 2


@pytest.mark.skipif(importlib.util.find_spec("torch") is None, reason="PyTorch is not installed")
def test_beside_pytorch() -> None:
    code = (
        "import torch; torch.ones(10**6).sum()\n"
        "import numpy as np, sys; sys.path.insert(0, 'tests/runtime')\n"
        "from test_team import Table, RECORD, run_table\n"
        "seen = np.zeros(9, np.int64)\n"
        "table = Table([(RECORD, 9, 1, 3, 1, (seen.ctypes.data,))])\n"
        "assert run_table(table.address, 2) == 0\n"
        "torch.ones(10**6).sum(); assert seen[2::3].tolist() == [1, 1, 1]\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)

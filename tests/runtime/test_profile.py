"""Profiles: what kernels must move, which limit they meet, and how the table reads."""

import json
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import graphc as gx
from graphc.errors import BindingError
from graphc.runtime.binding.template import PACE
from graphc.runtime.calls.bound import Bound
from graphc.runtime.reports import limits
from graphc.runtime.reports.limits import Limits, limits_of, machine_limits
from graphc.runtime.reports.profile import Profile, ProfileRow
from graphc.runtime.reports.roofline import Demand, bound_of, demands
from graphc.runtime.threads import pace

RNG = np.random.default_rng(0)
X = gx.input("x", ("n", 64))
LABELS = gx.input("labels", ("n",), "int64")
MEASURED = time.mktime((2026, 11, 22, 21, 5, 0, 0, 0, -1))
MACHINE = Limits(
    *("a CPU", 2, {"float32": 100.0, "float64": 50.0}, ((1 << 15, 80.0), (1 << 23, 40.0)), 1e-6),
    measured=MEASURED,
)


def demanded(*outputs: gx.Tensor, **sizes: int) -> list[Demand]:
    """Of the kernels that compute the outputs from inputs of these sizes."""
    program = gx.compile([x for x in (X, LABELS) if used(x, outputs)], list(outputs))
    kernels = [step.kernel for step in program._code.steps]
    return list(demands(kernels, sizes))


def used(x: gx.Tensor, outputs: tuple[gx.Tensor, ...]) -> bool:
    return f"{x.node.params['name']}: " in gx.text(list(outputs))


W = gx.parameter("w", np.ones((64, 32)))


@pytest.mark.parametrize(
    ("tensor", "elements"),
    [
        (lambda: gx.exp(X), 2 * 50 * 64),
        (lambda: X * X + X, 2 * 50 * 64),
        (lambda: X[:, :1] + X, 2 * 50 * 64),
        (lambda: X[::2, :] * 1.5, 2 * 25 * 64),
        (lambda: gx.sum(X, axis=1), 50 * 64 + 50),
        (lambda: gx.nn.softmax(X), 2 * 50 * 64),
        (lambda: X @ W, 50 * 64 + 64 * 32 + 50 * 32),
        (lambda: gx.nn.relu(X @ W + W[0]), 50 * 64 + 64 * 32 + 50 * 32),
    ],
)
def test_bytes_are_those_of_distinct_elements(
    tensor: Callable[[], gx.Tensor], elements: int
) -> None:
    (demand,) = demanded(tensor(), n=50)
    assert demand.bytes == 4 * elements


def test_a_gather_moves_the_rows_that_it_picks() -> None:
    (demand,) = demanded(gx.parameter("table", np.ones((10_000, 8)))[LABELS] * 2.0, n=50)
    assert demand.bytes == 8 * 50 + 2 * 4 * 50 * 8


def test_an_update_in_place_is_read_and_written() -> None:
    w = gx.parameter("w", np.ones(1000))
    program = gx.compile([], [], updates={w: w * 0.5})
    (row,) = program.profile(repeats=1).rows
    assert row.bytes == 2 * 4 * 1000
    np.testing.assert_array_equal(w.value, np.ones(1000))


def test_operations_are_counted() -> None:
    (softmax,) = demanded(gx.nn.softmax(X), n=50)
    assert softmax.flops == 5 * 50 * 64 + 50  # max, subtract, exp, add, multiply; divide
    assert softmax.work > softmax.flops
    (scaled,) = demanded(X * gx.exp(gx.state("t", 1.0)), n=50)
    assert scaled.flops == 50 * 64 + 1  # the number is computed once
    (matmul,) = demanded(X @ W, n=50)
    assert matmul.flops == matmul.work == 2 * 50 * 64 * 32


@pytest.mark.parametrize(
    ("demand", "limit", "seconds"),
    [
        (Demand(10**9, 10**9, 1000, "float32"), "compute", 0.01),
        (Demand(10**9, 10**9, 1000, "float64"), "compute", 0.02),
        (Demand(1000, 1000, 1 << 15, "float32"), "overhead", 1e-6),
        (Demand(1000, 1000, 1 << 30, "float32"), "memory", (1 << 30) / 40e9),
    ],
)
def test_the_limit_that_takes_longest_binds(demand: Demand, limit: str, seconds: float) -> None:
    bound = bound_of(demand, MACHINE)
    assert (bound.limit, bound.seconds) == (limit, pytest.approx(seconds))


@pytest.fixture
def own_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """Limits that are measured in a short time, and kept elsewhere."""
    tmp_path.chmod(0o700)
    monkeypatch.setattr(limits, "cache_folder", lambda: tmp_path)
    monkeypatch.setattr(limits, "SECONDS", 0.001)
    monkeypatch.setattr(limits, "LARGEST", 1 << 24)
    machine_limits.cache_clear()
    yield
    machine_limits.cache_clear()


@pytest.mark.usefixtures("own_folder")
def test_limits_are_measured_and_kept_for_an_hour(monkeypatch: pytest.MonkeyPatch) -> None:
    found = machine_limits(1)
    assert found.threads == 1
    assert 1 < found.gflops["float64"] < found.gflops["float32"] < 1e5
    assert all(0.1 < rate < 1e5 for _, rate in found.copies)
    assert [size for size, _ in found.copies] == sorted(size for size, _ in found.copies)
    assert 0 < found.row_seconds < 1e-3
    assert abs(time.time() - found.measured) < 100
    machine_limits.cache_clear()
    with monkeypatch.context() as patched:
        patched.setattr(limits, "measured_limits", lambda threads: pytest.fail("measured again"))
        assert machine_limits(1) == found
    machine_limits.cache_clear()
    monkeypatch.setattr(limits, "HOUR", 0.0)
    again = machine_limits(1)
    assert again.times == 2
    assert again.measured > found.measured
    assert again.row_seconds <= found.row_seconds
    assert all(again.gflops[dtype] >= found.gflops[dtype] for dtype in found.gflops)
    assert "measured 2 times, last at 20" in str(again)


def test_limits_of_some_of_all_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    one = Limits("a CPU", 1, {"float32": 60.0}, ((1 << 15, 10.0), (1 << 23, 30.0)), 1e-7)
    most = Limits("a CPU", 8, {"float32": 320.0}, ((1 << 15, 80.0), (1 << 23, 40.0)), 1e-6)
    monkeypatch.setattr(limits, "machine_limits", {1: one, 8: most}.__getitem__)
    assert limits_of(1, 8) == limits_of(4, 1) == one
    assert limits_of(8, 8) == limits_of(9, 8) == most
    some = limits_of(3, 8)
    assert (some.threads, some.row_seconds) == (3, 1e-6)
    assert some.gflops == {"float32": 180.0}
    assert some.copies == ((1 << 15, 30.0), (1 << 23, 40.0))


def row(number: int, seconds: float, **fields: object) -> ProfileRow:
    known = {
        "name": "dot_add_le_2_more_where",
        "phase": "both",
        "labels": ("hidden",),
        "where": gx.errors.Where("models/transformer.py", 1234, "model"),
        "share": 0.5,
        "flops": 123_456_789_012,
        "bytes": 987_654_321,
        "limit": "overhead",
        "limit_share": 0.99,
        "parts": 64,
    }
    return ProfileRow(number, seconds=seconds, **(known | fields))  # type: ignore[arg-type]


SMALL = row(1, 1e-7, name="neg", phase="gradient", labels=(), where=None, flops=100, bytes=800)
PROFILE = Profile((row(0, 0.0123), SMALL), MACHINE, 2, 20, 0.0124, 0.01245)

TABLE = """\
a CPU, 2 threads: at most 100 GFLOP/s (float32), 50 GFLOP/s (float64);
copies GB/s: 80 (32 KiB), 40 (8 MiB); an empty kernel 1.000 us;
measured 2026-11-22 21:05
  #   kernel                                    at        us  share  FLOPs  bytes  GFLOP/s    GB/s \
limit     of it parts
  0 b 'hidden' dot_add_le_2_m  transformer.py:1234  12300.00    50%   123G   988M  10037.1    80.3 \
overhead    99%    64
  1 g neg                                               0.10    50%    100    800      1.0     8.0 \
overhead    99%    64
all kernels                                         12300.10  g: gradient 50%, b: both 50%
native call                                         12400.00  +99.90 us: start, end, interruptions
whole call                                          12450.00  +50.00 us: arguments in, results \
out"""


def test_the_table_reads_like_this() -> None:
    assert str(PROFILE) == TABLE


def test_the_table_says_where_one_thread_ran_and_where_timing_takes_longer() -> None:
    alone = replace(PROFILE, limits=replace(MACHINE, threads=1), native_seconds=0.0122)
    lines = str(alone).splitlines()
    assert lines[0].startswith("a CPU, 1 thread: ")
    assert lines[3] == "on 1 of 2 threads, which was faster"
    assert lines[-2].endswith("  -100.10 us: its kernels are not timed one by one")


@pytest.mark.skipif(gx.get_threads() < 2, reason="a team needs two threads")
@pytest.mark.parametrize(("way", "threads"), [(0, 2), (1, 1)])
def test_shares_are_of_the_threads_that_ran(
    monkeypatch: pytest.MonkeyPatch, way: int, threads: int
) -> None:
    """The pace is held on one way: that of the team, or that of one thread."""
    program = gx.compile([X], gx.tanh(gx.tan(X)))
    given = RNG.random((20_000, 64), np.float32)
    with two_threads():
        program(given)
        table = program._bindings.find([given]).binding.table
        held = np.zeros(pace.WORDS, np.int64)
        held[:2], held[3] = (way, 1), 1 << 62
        feed = program._feed

        def hold(args: Sequence[np.ndarray]) -> Bound:
            table[PACE] = held
            return feed(args)

        monkeypatch.setattr(program, "_feed", hold)
        profile = program.profile(given, repeats=3)
    assert profile.threads == 2
    assert profile.limits.threads == threads
    assert ("on 1 of 2 threads" in str(profile)) == (threads == 1)
    [row] = profile.rows
    assert row.parts == 2
    (demand,) = demanded(gx.tanh(gx.tan(X)), n=20_000)
    expected = bound_of(demand, machine_limits(threads)).seconds / row.seconds
    assert row.limit_share == pytest.approx(expected)


@contextmanager
def two_threads() -> Iterator[None]:
    before = gx.get_threads()
    gx.set_threads(2)
    yield
    gx.set_threads(before)


def test_rows_without_work_are_not_printed_unless_they_take_time() -> None:
    nothing = row(2, 1e-8, name="strips", share=0.001, flops=0, bytes=0)
    assert "strips" not in str(replace(PROFILE, rows=(*PROFILE.rows, nothing)))
    slow = replace(PROFILE, rows=(*PROFILE.rows, replace(nothing, share=0.01)))
    assert "strips" in str(slow)
    assert "strips" in slow.to_json()


def test_a_profile_as_json() -> None:
    found = json.loads(PROFILE.to_json())
    assert found["rows"][0]["gflops"] == pytest.approx(123_456_789_012 / 0.0123 / 1e9)
    assert found["rows"][0]["where"]["line"] == 1234
    assert found["limits"]["gflops"]["float32"] == 100.0
    assert found["seconds"] == pytest.approx(0.0123001)


def test_rows_in_the_order_of_the_program_or_of_time() -> None:
    program = gx.compile([X], [gx.sum(gx.tan(X)), gx.exp(X)])
    given = RNG.random((300, 64))
    rows = program.profile(given, repeats=2).rows
    assert [row.number for row in rows] == list(range(len(rows)))
    profile = program.profile(given, repeats=2, sort="time")
    times = [row.seconds for row in profile.rows]
    assert times == sorted(times, reverse=True)
    assert sum(row.share for row in profile.rows) == pytest.approx(1)
    assert 0 < profile.native_seconds <= profile.call_seconds
    assert max(map(len, str(profile).splitlines())) <= 120
    with pytest.raises(BindingError, match="a profile is sorted"):
        program.profile(given, sort="name")  # type: ignore[arg-type]


def test_the_best_figures_are_kept() -> None:
    slow = Limits(
        "a CPU", 2, {"float32": 50.0, "float64": 60.0}, ((1 << 15, 70.0), (1 << 23, 45.0)), 5e-7
    )
    best = limits.best_of(slow, MACHINE)
    assert best.gflops == {"float32": 100.0, "float64": 60.0}
    assert best.copies == ((1 << 15, 80.0), (1 << 23, 45.0))
    assert (best.row_seconds, best.times, best.measured) == (5e-7, 2, MEASURED)

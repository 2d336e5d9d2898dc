"""Bindings: what they cost, the arena that moves, memory, profiles."""

import time
from collections.abc import Callable

import numpy as np
import pytest

import graphc as gx
from graphc.runtime.backends import NATIVE, PYTHON
from graphc.runtime.binding.binding import bind
from graphc.runtime.binding.template import make_template
from graphc.runtime.threads import team
from graphc.schedule.memory import Interval, plan_memory
from tests.runtime.models import training_step

RNG = np.random.default_rng(0)


@pytest.fixture
def two_threads() -> object:
    before = team.get_threads()
    team.set_threads(2)
    yield
    team.set_threads(before)


def test_a_binding_takes_a_millisecond(show: Callable[[str], None]) -> None:
    code = training_step()[0]._code
    template = make_template(code, NATIVE.kernels)
    times = []
    for batch in [*range(1, 200)] * 2:
        start = time.perf_counter()
        bind(template, {"batch": batch}, 2, NATIVE)
        times.append(time.perf_counter() - start)
    first, again = sorted(times[:199]), sorted(times[199:])
    show(
        f"binding an MLP step: {first[99] * 1e3:.2f} ms for a new size"
        f" ({again[99] * 1e3:.2f} ms if its matmuls are known)"
    )
    assert first[50] < 4e-3  # 1 ms, and three for a busy machine


def test_native_and_python_bind_to_the_same_words() -> None:
    code = training_step((4, 8, 2))[0]._code
    tables = [bind(make_template(code, b.kernels), {"batch": 9}, 2, b) for b in (NATIVE, PYTHON)]
    native, python = tables
    assert native.rows == python.rows
    assert native.partitions == python.partitions
    assert native.arena_bytes == python.arena_bytes
    np.testing.assert_array_equal(native.arena_words, python.arena_words)


def test_the_arena_moves() -> None:
    x = gx.input("x", ("n", 8))
    w = gx.parameter("w", RNG.standard_normal((8, 8)))
    program = gx.compile([x], [gx.tanh(x @ w) @ w.T, gx.sum(x, axis=0)])
    given = {n: RNG.standard_normal((n, 8)).astype("f") for n in (3, 300, 7, 3000)}
    kept = {}
    for n in (3, 300, 7, 3, 3000, 3, 7, 300):
        moved = program(given[n])
        kept.setdefault(n, moved)
        for a, b in zip(moved, kept[n], strict=True):
            np.testing.assert_array_equal(a, b)
        wanted = np.tanh(given[n] @ w.value) @ w.value.T
        np.testing.assert_allclose(moved[0], wanted, atol=1e-4)
    assert len(program._bindings.arena) == max(
        b.binding.arena_bytes for b in program._bindings.known.values()
    )


# ---- memory ----


def test_memory_is_what_a_count_by_hand_gives() -> None:
    x = gx.input("x", ("n", 16))
    w = gx.parameter("w", np.ones((16, 16)))
    # x, exp(x) is fused with the sum: only x and 8 bytes, rounded up to a line, of results
    program = gx.compile([x], gx.sum(gx.exp(x), axis=1), updates={w: w * 2})
    memory = program.memory_for(n=32)
    assert memory.arena_bytes == 32 * 16 * 4 + 32 * 4
    assert memory.unshared_bytes == memory.arena_bytes
    assert memory.state_bytes == 16 * 16 * 4
    assert memory.peak_bytes == memory.arena_bytes + memory.state_bytes
    program(np.ones((100, 16)))
    assert program.memory.arena_bytes == 100 * 16 * 4 + 448  # 400 bytes in lines of 64
    assert program.memory_for(n=32) == memory


def test_buffers_share_memory_when_their_lives_are_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(team._state, "threads", 1)  # what parts have for themselves lies apart
    x = gx.input("x", (64, 64))
    h = x
    for _ in range(10):
        h = gx.tanh(h @ h)
    memory = gx.compile([x], h).memory
    size = 64 * 64 * 4
    assert memory.unshared_bytes == 11 * size
    assert memory.arena_bytes <= 4 * size  # two at a time, and the matmuls' scratch


def test_memory_for_needs_every_size() -> None:
    x, y = gx.input("x", ("n", "m")), gx.input("y", ("n",))
    program = gx.compile([x, y], gx.sum(x, axis=1) + y)
    with pytest.raises(gx.errors.MissingInputError, match="the size 'm' was not given"):
        program.memory_for(n=3)
    with pytest.raises(gx.errors.MissingInputError, match=r"none yet  \[sizes: m, n\](.|\n)*n=32"):
        _ = program.memory
    with pytest.raises(gx.errors.UnknownInputError, match="no size is named 'k'"):
        program.memory_for(n=3, m=4, k=5)
    with pytest.raises(gx.errors.GuardError):
        gx.compile([x], gx.max(x)).memory_for(n=3, m=0)


@pytest.mark.parametrize("seed", range(20))
def test_a_plan_never_overlaps(seed: int) -> None:
    rng = np.random.default_rng(seed)
    first = rng.integers(0, 20, 60)
    sizes, spans = rng.integers(0, 3000, 60), rng.integers(0, 8, 60)
    intervals = [
        Interval(int(s), int(f), int(f + d)) for s, f, d in zip(sizes, first, spans, strict=True)
    ]
    plan = plan_memory(intervals)
    for n, (a, at) in enumerate(zip(intervals, plan.offsets, strict=True)):
        assert at % 64 == 0
        assert at + a.size <= plan.total
        for b, other in zip(intervals[:n], plan.offsets[:n], strict=True):
            together = a.first <= b.last and b.first <= a.last
            assert not (together and at < other + b.size and other < at + a.size)
    alive = [sum(i.size for i in intervals if i.first <= t <= i.last) for t in range(30)]
    assert max(alive) <= plan.total <= 2 * max(alive) + 64 * 60


# ---- profiles ----


def test_a_profile_counts_and_names_lines(two_threads: object) -> None:
    x = gx.input("x", ("n", 96))
    w = gx.parameter("w", RNG.standard_normal((96, 64)))
    product = x @ w  # line of the matmul
    total = gx.sum(gx.exp(product), axis=1)
    program = gx.compile([x], [product, total], updates={w: w * 0.5})
    given = RNG.standard_normal((50, 96)).astype("f")
    before = w.value
    profile = program.profile(given, repeats=3)
    np.testing.assert_array_equal(w.value, before)
    rows = {row.name: row for row in profile.rows}
    matmul = next(row for name, row in rows.items() if name.startswith("dot"))
    assert matmul.flops == 2 * 50 * 96 * 64  # the exponential is computed from what is stored
    assert matmul.bytes >= 4 * (50 * 96 + 96 * 64 + 50 * 64)
    line = test_a_profile_counts_and_names_lines.__code__.co_firstlineno
    assert matmul.where is not None
    assert matmul.where.file.endswith("test_binding.py")
    assert matmul.where.line == line + 3
    assert all(0 <= row.seconds < 1 for row in profile.rows)
    assert profile.seconds == pytest.approx(sum(row.seconds for row in profile.rows))
    text = str(profile)
    assert len(text.splitlines()) == len(profile.rows) + 7 + ("on 1 of 2 threads" in text)
    assert f"test_binding.py:{line + 3}" in text
    np.testing.assert_allclose(program(given)[0], given @ before, rtol=1e-4, atol=1e-4)


def test_kernels_name_lines_and_sources() -> None:
    x = gx.input("x", ("n",))
    program = gx.compile([x], gx.exp(x) * 2)
    (kernel,) = program.kernels
    assert kernel.where is not None
    assert kernel.where.file.endswith("test_binding.py")
    assert kernel.source == program.source
    assert "exp_f32" in kernel.source
    assert [node.op.name for node in kernel.nodes] == ["exp", "mul"]

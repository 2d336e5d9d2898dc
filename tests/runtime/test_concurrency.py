"""Programs beside each other: Python threads, shared state, forks, PyTorch, few threads."""

import importlib.util
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence

import numpy as np
import pytest

import graphc as gx
from graphc.errors import BindingError
from graphc.runtime.program import Program
from graphc.runtime.threads import team
from graphc.state import STATE_LOCK
from tests.runtime.models import batch, training_step
from tests.runtime.waiting import exit_code, joined

THREADS = 4


@pytest.fixture
def threads() -> Iterator[Callable[[int], None]]:
    """set_threads, undone at the end."""
    before = gx.get_threads()
    yield gx.set_threads
    gx.set_threads(before)


def together(works: Sequence[Callable[[], object]]) -> float:
    """Runs every work in a thread of its own, all at once; returns the seconds.

    Raises what they raise.
    """
    errors: list[BaseException] = []
    gate = threading.Barrier(len(works) + 1)

    def run(work: Callable[[], object]) -> None:
        gate.wait()
        try:
            work()
        except BaseException as error:  # noqa: BLE001 - raised again by the caller
            errors.append(error)

    workers = [threading.Thread(target=run, args=(work,)) for work in works]
    for worker in workers:
        worker.start()
    gate.wait()
    start = time.perf_counter()
    for worker in workers:
        assert joined(worker, 60), "a thread hangs"
    for error in errors:
        raise error
    return time.perf_counter() - start


def test_several_threads_are_right_and_at_least_half_as_fast_as_one(
    show: Callable[[str], None],
) -> None:
    steps = [training_step() for _ in range(THREADS)]
    data, alone = batch(32), training_step()
    calls = 1000
    wanted = [float(alone[0](*data, 0.05)) for _ in range(calls)]
    seen: list[list[float]] = [[] for _ in steps]

    def work(number: int) -> None:
        step, _ = steps[number]
        seen[number] = [float(step(*data, 0.05)) for _ in range(calls)]

    one, many = sys.float_info.max, sys.float_info.max
    for _ in range(3):
        start = time.perf_counter()
        for _ in range(calls):
            alone[0](*data, 0.0)
        one = min(one, time.perf_counter() - start)
    for turn in range(3):
        seconds = together([lambda n=n: work(n) for n in range(THREADS)])
        many = min(many, seconds / THREADS)
        if turn == 0:
            assert seen == [wanted] * THREADS
    show(f"{calls / one:.0f} steps a second by one thread, {calls / many:.0f} by {THREADS}")
    assert many < 2 * one


def test_programs_that_share_state_take_turns() -> None:
    total = gx.state("total", np.zeros(1000, np.int64))
    x = gx.input("x", (), "int64")
    add = gx.compile([x], total, updates={total: total + x})
    subtract = gx.compile([x], total, updates={total: total - x})
    torn: list[int] = []

    def work(program: Program, sign: int) -> None:
        for n in range(300):
            seen = program(n)
            if (seen != seen[0]).any():
                torn.append(sign)
            if (total.value != total.value[0]).any() and len(set(total.value.tolist())) > 1:
                torn.append(0)

    together([lambda: work(add, 1), lambda: work(subtract, -1)] * 2)
    assert torn == []
    assert (total.value == 0).all()


def test_a_call_within_a_call_of_the_same_program_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    x, total = gx.input("x", ()), gx.state("total", 0.0)
    add = gx.compile([x], total + x, updates={total: total + x})
    run, errors = add._run, []

    def run_with_a_signal(table: int, threads: int) -> int:
        with pytest.raises(BindingError, match="within a call of its own") as caught:
            add(x=100)
        errors.append(caught.value)
        with pytest.raises(BindingError, match=r"copy\.copy\(program\)"):
            add(np.float32(100))
        return run(table, threads)

    monkeypatch.setattr(add, "_run", run_with_a_signal)
    assert [float(add(x=n)) for n in (1, 2)] == [1, 3]
    assert len(errors) == 2


def test_values_wait_for_a_running_program() -> None:
    cell = gx.state("cell", [1.0, 2.0])
    events: list[str] = []

    def read() -> None:
        events.append(f"read {cell.value.tolist()}")

    def write() -> None:
        cell.value = [5.0, 6.0]
        events.append("wrote")

    for work in (read, write):
        worker = threading.Thread(target=work)
        with STATE_LOCK:  # as a program does while it runs
            worker.start()
            time.sleep(0.05)
            assert worker.is_alive()
            events.append("ran")
        assert joined(worker, 10)
    assert events == ["ran", "read [1.0, 2.0]", "ran", "wrote"]


def wide_program() -> tuple[Program, np.ndarray]:
    """Pointwise work, sums over rows and over everything, matmuls: all large enough to be split."""
    x = gx.input("x", ("n", 300))
    w = gx.parameter("w", np.random.default_rng(1).standard_normal((300, 300)) / 17)
    h = gx.tanh(x @ w)
    outputs = [gx.sum(h * x), gx.sum(h, axis=0), gx.nn.softmax(h), gx.mean(gx.exp(h), axis=1)]
    given = np.random.default_rng(2).standard_normal((2000, 300)).astype(np.float32)
    return gx.compile([x], outputs), given


@pytest.mark.parametrize("count", [1, 2, 3])
def test_results_are_the_same_bits_whatever_the_team(
    count: int, threads: Callable[[int], None]
) -> None:
    program, given = wide_program()
    threads(count)
    first = [a.tobytes() for a in program(given)]
    parts = {p.parts for b in program._bindings.known.values() for p in b.binding.partitions}
    assert max(parts) == count
    for _ in range(20):
        assert [a.tobytes() for a in program(given)] == first
    before = team._services[team.ALONE]
    team._services[team.ALONE] = 1  # one thread does all parts
    try:
        assert [a.tobytes() for a in program(given)] == first
    finally:
        team._services[team.ALONE] = before


def test_numbers_of_threads_agree(threads: Callable[[int], None]) -> None:
    program, given = wide_program()
    threads(1)
    one = program(given)
    threads(2)
    for a, b in zip(one, program(given), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-3)
    with pytest.raises(gx.errors.ThreadError):
        gx.set_threads(0)


@pytest.mark.skipif(os.name != "posix", reason="this platform has no fork")
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_a_child_of_a_fork_works() -> None:
    program, given = wide_program()
    wanted = [a.tobytes() for a in program(given)]
    running = threading.Event()
    stop = threading.Event()

    def keep_running() -> None:
        while not stop.is_set():
            program(given)
            running.set()

    worker = threading.Thread(target=keep_running)
    worker.start()
    running.wait()
    try:
        child = os.fork()
        if child == 0:
            fine = [a.tobytes() for a in program(given)] == wanted
            fine = fine and training_step()[0](*batch(8), 0.1) > 0
            os._exit(0 if fine else 1)
        code = exit_code(child, 60)
    finally:
        stop.set()
        worker.join()
    assert code == 0  # None: it hangs
    assert [a.tobytes() for a in program(given)] == wanted


# ---- processes ----

STEPS = """
import numpy as np
{before}
import graphc as gx
from tests.runtime.test_concurrency import wide_program
from tests.runtime.models import batch, training_step
program, given = wide_program()
results = program(given)
{after}
step, _ = training_step()
losses = [float(step(*batch(32), 0.1)) for _ in range(3)]
assert losses[2] < losses[0]
for a, b in zip(results, program(given), strict=True):
    np.testing.assert_array_equal(a, b)
print(gx.get_threads())
"""


def run_steps(before: str = "", after: str = "", **variables: str) -> str:
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)} | variables
    command = [sys.executable, "-c", STEPS.format(before=before, after=after)]
    done = subprocess.run(
        command, env=environment, capture_output=True, text=True, check=False, timeout=100
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_environment_sets_the_threads() -> None:
    assert run_steps(OMP_NUM_THREADS="1") == "1\n"
    assert run_steps(OMP_NUM_THREADS="3") == "3\n"


@pytest.mark.skipif(importlib.util.find_spec("torch") is None, reason="PyTorch is not installed")
@pytest.mark.parametrize("order", ["before", "after"])
def test_beside_pytorch(order: str) -> None:
    both = "import torch; m = torch.ones(500, 500); assert float((m @ m).sum()) == 500.0**3"
    again = "assert float((m @ m).sum()) == 500.0**3"
    if order == "before":
        run_steps(before=both, after=again)
    else:
        run_steps(after=f"{both}; {again}")

"""Epochs that fail, are interrupted or refused: what they say, and the state they leave."""

import _thread
import signal
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

import graphc as gx
from graphc import errors
from graphc.runtime.backends import NATIVE, PYTHON
from graphc.runtime.binding.sources import Backend
from graphc.runtime.program import Program
from tests.runtime.models import training_step

RNG = np.random.default_rng(0)


def counting() -> tuple[Program, gx.Tensor, gx.Tensor]:
    """A step that can fail and counts."""
    rows = gx.input("rows", ("n",), "int64")
    w, count = gx.state("w", np.arange(4.0)), gx.state("count", 0)
    picked = gx.take(w, rows, axis=0)
    updates = {w: w + gx.sum(picked), count: count + 1}
    return gx.compile([rows], gx.sum(picked), updates=updates), w, count


@pytest.mark.parametrize("backend", [NATIVE, PYTHON], ids=["native", "python"])
@pytest.mark.parametrize("bad", [0, 11, 12, 23, 24])
def test_a_failing_step_leaves_the_state_of_its_start(bad: int, backend: Backend) -> None:
    rows = gx.input("rows", ("n",), "int64")
    given = RNG.integers(0, 4, 25)
    given[bad] = 4
    finals = []
    done: list[int] = []
    for epoch in (False, True):
        s = gx.state("s", np.arange(4.0))
        loss = gx.sum(gx.take(s, rows, axis=0))
        program = gx.compile([rows], loss, updates={s: s * 0.5 + loss}, backend=backend)
        run = (
            (lambda p=program: p.run_epoch([given], 4, progress=done.append))
            if epoch
            else (lambda p=program: [p(given[a : a + 4]) for a in range(0, 25, 4)])
        )
        with pytest.raises(errors.IndexRangeError) as caught:
            run()
        finals.append(s.value)
    assert f"of f32[4], in step {bad // 4}" in str(caught.value)
    assert "test_epoch_failures.py" in str(caught.value)
    assert sum(done) == bad // 4
    np.testing.assert_array_equal(*finals)


@pytest.mark.parametrize("rate", [0.1, [0.1, 0.2, 0.3]])
def test_a_failing_step_is_told_of_beside_inputs_without_axes(rate: Any) -> None:
    rows, factor = gx.input("rows", ("n",), "int64"), gx.input("factor", ())
    program = gx.compile([rows, factor], factor * gx.sum(gx.take(np.arange(4.0), rows, axis=0)))
    with pytest.raises(errors.IndexRangeError, match=r"in step 1  \[rows\[3\] is 9\]"):
        program.run_epoch([[0, 1, 2, 9, 3, 2]], 2, factor=rate)


def test_progress_counts_all_steps() -> None:
    step, _ = training_step()
    x = RNG.standard_normal((200_000, 4)).astype(np.float32)
    y = RNG.integers(0, 2, 200_000)
    seen: list[int] = []
    times = [time.process_time()]

    def progress(done: int) -> None:
        seen.append(done)
        times.append(time.process_time())
        step(x[:3], y[:3], 0.0)  # the program may be called meanwhile: it has its own memory

    losses = step.run_epoch([x, y], 2, rate=0.01, progress=progress)
    assert sum(seen) == len(losses) == 100_000
    assert len(seen) > 1
    assert max(np.diff(times)) < 0.5  # of a core: 0.05 by each thread, and making the table


@pytest.fixture
def ctrl_c() -> Iterator[None]:
    """Ctrl-C interrupts: a shell starts what runs behind it with the signal ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("ctrl_c")
def test_ctrl_c_stops_between_two_steps() -> None:
    program, _, count = counting()
    given = np.zeros(20_000_000, np.int8)
    running = threading.Event()
    presser = threading.Thread(target=lambda: running.wait() and _thread.interrupt_main())
    presser.start()
    start = time.process_time()
    with pytest.raises(KeyboardInterrupt):
        program.run_epoch([given], 1, progress=lambda _: running.set())
    assert time.process_time() - start < 2
    presser.join()
    assert 0 < count.value < len(given)


def test_an_error_of_progress_stops_the_epoch() -> None:
    program, _, count = counting()

    def progress(done: int) -> None:
        raise StopIteration

    with pytest.raises(StopIteration):
        program.run_epoch([np.zeros(10, int)], 2, progress=progress)
    assert count.value == 5


REFUSED: dict[str, tuple[Callable[[Program], Any], type[Exception], str]] = {
    "lengths": (
        lambda p: p.run_epoch([np.ones((4, 4)), [0, 1]], 2, rate=1),
        errors.BindingError,
        r"input 'x' has 4 rows but input 'y' has 2\n.*test_epoch_failures.py.*<lambda>",
    ),
    "a scalar in batches": (
        lambda p: p.run_epoch([np.ones((4, 4)), [0] * 4, 0.1], 2),
        errors.BindingError,
        r"input 'rate' is f32\[\]: it has no rows.*\n.*\n.*rate=",
    ),
    "too few values": (
        lambda p: p.run_epoch([np.ones((5, 4)), [0] * 5], 2, rate=[0.1, 0.2]),
        errors.BindingError,
        "2 values for 3 steps",
    ),
    "a missing input": (
        lambda p: p.run_epoch([np.ones((4, 4)), [0] * 4], 2),
        errors.MissingInputError,
        "input 'rate'",
    ),
    "an unknown option": (
        lambda p: p.run_epoch([np.ones((4, 4)), [0] * 4], 2, rate=1, drop=True),
        errors.UnknownInputError,
        "no input is named 'drop'",
    ),
    "given twice": (
        lambda p: p.run_epoch({"x": np.ones((4, 4)), "y": [0] * 4, "rate": 1}, 2, rate=1),
        errors.UnknownInputError,
        "'rate' was given twice",
    ),
    "an array alone": (
        lambda p: p.run_epoch(np.ones((4, 4)), 2, y=[0] * 2, rate=1),
        errors.BindingError,
        "takes a list of arrays",
    ),
    "batches of a loader": (
        lambda p: p.run_epoch([(np.ones((4, 4)), np.zeros(4, int))] * 2, 4, rate=1),
        errors.BindingError,
        r"makes the batches itself  \[2 batches\]",
    ),
    "no arrays": (
        lambda p: p.run_epoch([], 2, x=np.ones((2, 4)), y=[0] * 2, rate=1),
        errors.BindingError,
        "no arrays",
    ),
    "no batch": (
        lambda p: p.run_epoch([np.ones((4, 4)), [0] * 4], 0, rate=1),
        errors.BindingError,
        r"batch_size is an int > 0  \[0\]",
    ),
    "another rank": (
        lambda p: p.run_epoch([np.ones(4), [0] * 4], 2, rate=1),
        errors.BindingError,
        r"of rank 2  \[an array of shape \(4,\)\]",
    ),
    "another size": (
        lambda p: p.run_epoch([np.ones((4, 5)), [0] * 4], 2, rate=1),
        errors.BindingError,
        r"input 'x' is f32\[batch, 4\]  \[an array of shape \(4, 5\)\]",  # not of a batch
    ),
    "floats for labels": (
        lambda p: p.run_epoch([np.ones((4, 4)), [0.5] * 4], 2, rate=1),
        errors.BindingError,
        "input 'y' is i64.*float64",
    ),
    "order and shuffle": (
        lambda p: p.run_epoch([np.ones((4, 4)), [0] * 4], 2, rate=1, order=[0], shuffle=True),
        errors.BindingError,
        "both given",
    ),
    "a seed": (
        lambda p: p.run_epoch([np.ones((4, 4)), [0] * 4], 2, rate=1, shuffle=3),  # type: ignore[arg-type]
        errors.BindingError,
        "a numpy.random.Generator or a bool",
    ),
    "an order of floats": (
        lambda p: p.run_epoch([np.ones((4, 4)), [0] * 4], 2, rate=1, order=[0.0, 1.0]),
        errors.BindingError,
        "a list of row numbers",
    ),
    "progress that is no function": (
        lambda p: p.run_epoch([np.ones((4, 4)), [0] * 4], 2, rate=1, progress=3),  # type: ignore[arg-type]
        errors.BindingError,
        r"progress is a function, .*  \[3\]",
    ),
    "an order outside": (
        lambda p: p.run_epoch([np.ones((4, 4)), [0] * 4], 2, rate=1, order=[0, 4]),
        errors.IndexRangeError,
        r"\[4\]\n.*\n  rows are numbered from 0 to 3",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_refused_epoch_says_why_and_runs_nothing(name: str) -> None:
    call, kind, message = REFUSED[name]
    step, parameters = training_step()
    before = [p.value for p in parameters]
    with pytest.raises(kind, match=message) as caught:
        call(step)
    assert "test_epoch_failures.py" in str(caught.value) or "models.py" in str(caught.value)
    for p, value in zip(parameters, before, strict=True):
        np.testing.assert_array_equal(p.value, value)


def test_outputs_that_cannot_be_stacked_and_guards_are_found_before_the_first_step() -> None:
    x, s = gx.input("x", ("n", 2)), gx.state("s", 0)
    turned = gx.compile([x], x.T + 0, updates={s: s + 1})
    with pytest.raises(
        errors.BindingError, match=r"output 0 is f32\[2, n\].*5 rows in batches of 3"
    ):
        turned.run_epoch([np.ones((5, 2))], 3)
    assert turned.run_epoch([np.ones((5, 2))], 3, drop_last=True).shape == (1, 2, 3)
    halves = gx.compile([x], gx.reshape(x, ("n//2", 4)), updates={s: s + 1})
    with pytest.raises(errors.GuardError, match="n = 3"):
        halves.run_epoch([np.ones((7, 2))], 4)
    assert s.value == 1

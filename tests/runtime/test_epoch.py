"""Epochs: the same bits as calls in a loop, whatever the batches, arrays and threads."""

import _thread
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

import graphc as gx
from graphc import errors
from graphc.runtime import epoch_table
from graphc.runtime.backends import NATIVE, PYTHON
from graphc.runtime.binding import Backend
from graphc.runtime.program import Program
from tests.runtime.models import training_step

RNG = np.random.default_rng(0)


@pytest.fixture
def threads() -> Iterator[Callable[[int], None]]:
    before = gx.get_threads()
    yield gx.set_threads
    gx.set_threads(before)


def loop(
    program: Program, arrays: list[Any], size: int, rates: Any, order: Any = None
) -> list[np.ndarray]:
    """What run_epoch does, call by call."""
    count = len(arrays[0]) if order is None else len(order)
    rows = np.arange(count) if order is None else np.asarray(order)
    starts = range(0, count, size)
    rates = np.broadcast_to(rates, len(starts))
    return [
        program(*(a[rows[s : s + size]] for a in arrays), rate)
        for s, rate in zip(starts, rates, strict=True)
    ]


def data(count: int, sizes: tuple[int, ...]) -> list[np.ndarray]:
    x = RNG.standard_normal((count, sizes[0])).astype(np.float32)
    return [x, RNG.integers(0, sizes[-1], count)]


@pytest.mark.parametrize("count", [1, 2, 3])
@pytest.mark.parametrize("sizes", [(4, 64, 64, 2), (300, 257, 10)])
def test_an_epoch_equals_the_loop_of_calls(
    threads: Callable[[int], None], count: int, sizes: tuple[int, ...]
) -> None:
    threads(count)
    for rows, batch in [(96, 32), (100, 32), (7, 32), (0, 32), (130, 129), (5, 1)]:
        arrays = data(rows, sizes)
        order = RNG.permutation(rows)
        for chosen in (None, order, order[: rows // 2]):
            steps = -(-(rows if chosen is None else len(chosen)) // batch)
            rates = np.linspace(0.1, 0.01, steps)
            (one, p), (many, q) = training_step(sizes), training_step(sizes)
            wanted = loop(one, arrays, batch, rates, chosen)
            losses = many.run_epoch(arrays, batch, rate=rates, order=chosen)
            assert losses.dtype == np.float32
            np.testing.assert_array_equal(losses, np.array(wanted, np.float32))
            for a, b in zip(p, q, strict=True):
                np.testing.assert_array_equal(a.value, b.value)


def many_outputs(backend: Backend = NATIVE) -> Program:
    """Outputs of each kind: joined, stacked, twice the same, an input, a constant, state."""
    x, k = gx.input("x", ("n", 3)), gx.input("k", ("n",), "int64")
    c = gx.input("c", (3,))
    s = gx.state("s", np.zeros(3))
    y = gx.tanh(x @ np.arange(12.0).reshape(3, 4)) + 1
    total = gx.sum(x * c, axis=0)
    outputs = {
        "rows": [y, y, k, x * 2],
        "steps": (total, gx.sum(k), s, np.ones(2), total, gx.mean(x) + s[0]),
    }
    return gx.compile([x, k, c], outputs, updates={s: s + total}, backend=backend)


KINDS: dict[str, Callable[[np.ndarray], Any]] = {
    "plain": lambda a: a,
    "a list": lambda a: a.tolist(),
    "strided": lambda a: np.repeat(a, 2, axis=-1)[..., ::2],
    "reversed": lambda a: a[::-1].copy()[::-1],
    "Fortran order": np.asfortranarray,
    "float64": lambda a: a.astype(np.float64),
    "float16": lambda a: a.astype(np.float16),
    "big-endian": lambda a: a.astype(a.dtype.newbyteorder(">")),
    "small integers": lambda a: a.astype(np.int8),
    "unsigned": lambda a: a.astype(np.uint8),
    "one byte off": lambda a: np.frombuffer(b"." + a.tobytes(), a.dtype, a.size, 1).reshape(
        a.shape
    ),
}


@pytest.mark.parametrize("backend", [NATIVE, PYTHON], ids=["native", "python"])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("ordered", [False, True])
def test_arrays_and_outputs_of_all_kinds(kind: str, ordered: bool, backend: Backend) -> None:
    x = RNG.integers(0, 9, (23, 3)).astype(np.float32)
    k = RNG.integers(0, 99, 23)
    order = RNG.permutation(23) if ordered else np.arange(23)
    c = np.array([1.0, -2.0, 0.5])
    one, many = many_outputs(backend), many_outputs(backend)
    called = [one(x[order[a : a + 5]], k[order[a : a + 5]], c) for a in range(0, 23, 5)]
    given = {"x": KINDS[kind](x), "k": k if kind in ("float64", "float16") else KINDS[kind](k)}
    results = many.run_epoch(given, 5, order=order if ordered else None, c=c)
    for number in range(4):
        wanted = np.concatenate([call["rows"][number] for call in called])
        np.testing.assert_array_equal(results["rows"][number], wanted)
    for number in range(6):
        wanted = np.stack([call["steps"][number] for call in called])
        np.testing.assert_array_equal(results["steps"][number], wanted)


def test_copies_are_shared_out(
    threads: Callable[[int], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    threads(2)
    monkeypatch.setattr(epoch_table, "SPLIT_BYTES", 1)
    x = gx.input("x", ("n", 400))
    program = gx.compile([x], gx.tanh(x))
    given = RNG.standard_normal((2001, 400))
    order = RNG.permutation(2001)
    wanted = program(given[order])
    np.testing.assert_array_equal(program.run_epoch([given], 500, order=order), wanted)


def test_shuffle_draws_one_permutation() -> None:
    x = gx.input("x", ("n",))
    same = gx.compile([x], x + 0)
    given = np.arange(100, dtype=np.float32)
    first = same.run_epoch([given], 7, shuffle=np.random.default_rng(3))
    np.testing.assert_array_equal(first, np.random.default_rng(3).permutation(100))
    drawn = same.run_epoch([given], 7, shuffle=True)
    assert (drawn != given).any()
    np.testing.assert_array_equal(np.sort(drawn), given)


def test_no_rows_and_no_last_batch() -> None:
    program = many_outputs()
    for rows, steps in ((0, 0), (4, 0), (5, 1), (14, 2)):
        given = [np.ones((rows, 3)), np.ones(rows, int)]
        results = program.run_epoch(given, 5, drop_last=True, c=np.ones(3))
        assert [a.shape for a in results["rows"]] == [(5 * steps, 4)] * 2 + [
            (5 * steps,),
            (5 * steps, 3),
        ]
        shapes = [(3,), (), (3,), (2,), (3,), ()]
        assert [a.shape for a in results["steps"]] == [(steps, *shape) for shape in shapes]
        assert results["rows"][1].dtype == np.float32


def test_a_size_is_bound_once() -> None:
    step, _ = training_step()
    x, y = data(70, (4, 2))
    step.run_epoch([x, y], 32, rate=0.1, shuffle=True)
    known = len(step._bound)
    step.run_epoch([x, y], 32, rate=0.2, shuffle=True)
    step(x[:32], y[:32], 0.1)
    assert len(step._bound) == known == 2


# ---- beside other threads ----


class Meanwhile(np.ndarray):
    """Word numbers of a binding; `act` runs in a thread of its own when an epoch reads them."""

    act: Callable[[], None]
    workers: list[threading.Thread]

    def __add__(self, shift: Any) -> Any:
        if isinstance(shift, int):
            self.workers.append(threading.Thread(target=self.act))
            self.workers[-1].start()
            self.workers[-1].join(0.3)
            assert self.workers[-1].is_alive(), "a program ran while a table was made"
        return np.asarray(self) + shift


def test_calls_wait_while_an_epoch_makes_its_table() -> None:
    program = gx.compile([y := gx.input("y", ("n", 3))], gx.tanh(y @ np.ones((3, 3))) + y)
    given = RNG.standard_normal((8, 3)).astype(np.float32)
    wanted = program(given)
    (known,) = program._bound.values()
    binding, moved = known.binding, []

    def move_the_arena() -> None:
        program(np.zeros((100_000, 3), "f"))
        moved.append(program(given))

    words = binding.arena_words.view(Meanwhile)
    words.act, words.workers = move_the_arena, []
    binding.arena_words = words
    np.testing.assert_array_equal(program.run_epoch([given], 8), wanted)
    for worker in words.workers:
        worker.join(10)
    np.testing.assert_array_equal(moved, [wanted])


# ---- failures and interruptions ----


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
    assert "test_epoch.py" in str(caught.value)
    assert sum(done) == bad // 4
    np.testing.assert_array_equal(*finals)


def test_progress_counts_all_steps() -> None:
    step, _ = training_step()
    x, y = data(200_000, (4, 2))
    seen: list[int] = []
    times = [time.perf_counter()]

    def progress(done: int) -> None:
        seen.append(done)
        times.append(time.perf_counter())
        step(x[:3], y[:3], 0.0)  # the program may be called meanwhile: it has its own memory

    losses = step.run_epoch([x, y], 2, rate=0.01, progress=progress)
    assert sum(seen) == len(losses) == 100_000
    assert len(seen) > 1
    assert max(np.diff(times)) < 1  # 0.05, and what a busy machine adds


def test_ctrl_c_stops_between_two_steps() -> None:
    program, _, count = counting()
    given = np.zeros(20_000_000, np.int8)
    timer = threading.Timer(0.2, _thread.interrupt_main)
    timer.start()
    start = time.perf_counter()
    with pytest.raises(KeyboardInterrupt):
        program.run_epoch([given], 1)
    assert time.perf_counter() - start < 2
    timer.join()
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
        r"input 'x' has 4 rows but input 'y' has 2\n.*test_epoch.py.*<lambda>",
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
    assert "test_epoch.py" in str(caught.value) or "models.py" in str(caught.value)
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

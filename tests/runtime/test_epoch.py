"""Epochs: the same bits as calls in a loop, whatever the batches, arrays and threads."""

import threading
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

import graphc as gx
from graphc import errors
from graphc.runtime.backends import NATIVE, PYTHON
from graphc.runtime.binding.sources import Backend
from graphc.runtime.epochs import epoch_table
from graphc.runtime.program import Program
from tests.runtime.models import training_step
from tests.runtime.waiting import joined

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


def test_an_epoch_of_no_steps_needs_no_memory() -> None:
    x, s = gx.input("x", ("n", 2)), gx.state("s", 0)
    program = gx.compile([x], [gx.tanh(x), gx.max(x)], updates={s: s + 1})  # max: n > 0
    for rows in (0, 4):
        given = np.ones((rows, 2))  # float64: each batch would be converted
        joined, stacked = program.run_epoch([given], 10**12, drop_last=True)
        assert (joined.shape, stacked.shape) == ((0, 2), (0,))
    assert [a.shape for a in program.run_epoch([given], 10**12)] == [(4, 2), (1,)]
    with pytest.raises(errors.BindingError, match="the sizes are too large"):
        program.run_epoch([given], 10**30, drop_last=True)
    assert s.value == 1


def test_a_size_is_bound_once() -> None:
    step, _ = training_step()
    x, y = data(70, (4, 2))
    step.run_epoch([x, y], 32, rate=0.1, shuffle=True)
    known = len(step._bindings.known)
    step.run_epoch([x, y], 32, rate=0.2, shuffle=True)
    step(x[:32], y[:32], 0.1)
    assert len(step._bindings.known) == known == 2


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
    (known,) = program._bindings.known.values()
    binding, moved = known.binding, []

    def move_the_arena() -> None:
        program(np.zeros((100_000, 3), "f"))
        moved.append(program(given))

    words = binding.arena_words.view(Meanwhile)
    words.act, words.workers = move_the_arena, []
    binding.arena_words = words
    np.testing.assert_array_equal(program.run_epoch([given], 8), wanted)
    for worker in words.workers:
        assert joined(worker, 10)
    np.testing.assert_array_equal(moved, [wanted])


def test_the_memory_of_an_epoch_is_that_of_its_whole_batches() -> None:
    x = gx.input("x", ("n", 64))
    program = gx.compile([x], gx.exp(x) @ np.ones((64, 64), np.float32))
    for _ in range(2):
        program.run_epoch([np.ones((70, 64), np.float32)], 32)
        assert program.memory == program.memory_for(n=32) != program.memory_for(n=6)

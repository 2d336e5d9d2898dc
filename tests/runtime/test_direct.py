"""Calls without Python in between: what the entry takes, and that it is the same call."""

import ctypes
import sys
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest

import graphc as gx
from graphc.runtime import bound, direct, entry
from graphc.runtime.binding import Slot
from graphc.runtime.cache import load_kernels
from graphc.runtime.direct import Fed, block_of
from graphc.runtime.program import Program
from graphc.runtime.team import source_of
from tests.runtime.models import batch, training_step

pytestmark = pytest.mark.skipif(
    not direct.is_known_layout(), reason="objects lie otherwise in memory"
)

# ---- what is taken: as Python, and compiled ----

Takes = Callable[[int, int, int], int]


def compiled() -> Takes:
    source = source_of(entry.takes, entry.takes_array, entry.takes_float, result="i64")
    return ctypes.CFUNCTYPE(*[ctypes.c_int64] * 4)(load_kernels([source])[0])


@pytest.fixture(params=["python", "compiled"])
def takes(request: pytest.FixtureRequest) -> Takes:
    return entry.takes if request.param == "python" else compiled()


class Target:
    """A block for inputs of shape (2, 3) and () that are copied, and (4,) that is pointed to."""

    def __init__(self) -> None:
        self.table = np.zeros(4, np.int64)
        self.matrix, self.scalar = np.zeros((2, 3), np.float32), np.zeros((), np.float32)
        words = [self.table.ctypes.data + 8 * at for at in (1, 3)]
        self.block = block_of(
            0,
            1,
            [
                Fed(slot_of(self.matrix), self.matrix.ctypes.data, ()),
                Fed(slot_of(np.zeros(4, np.int64), (0, 16)), 0, words),
                Fed(slot_of(self.scalar), self.scalar.ctypes.data, ()),
            ],
        )

    def given(self, takes: Takes, *values: Any) -> bool:
        addresses = (ctypes.c_int64 * len(values))(*map(id, values))
        return takes(self.block.ctypes.data, ctypes.addressof(addresses), len(values)) == 1


def slot_of(array: np.ndarray, ahead: tuple[int, ...] = ()) -> Slot:
    return Slot(0, array.shape, array.dtype, (0,) * len(ahead), ahead)


MATRIX, VECTOR = np.arange(6, dtype=np.float32).reshape(2, 3), np.arange(4)


def test_arguments_go_where_the_rows_look(takes: Takes) -> None:
    target = Target()
    assert target.given(takes, MATRIX, VECTOR, 2.5)
    assert target.given(takes, MATRIX + 1, VECTOR, np.array(0.1, np.float32))
    assert (target.matrix == MATRIX + 1).all()
    assert target.scalar == np.float32(0.1)
    assert target.table.tolist() == [0, VECTOR.ctypes.data, 0, VECTOR.ctypes.data + 16]


class Own(np.ndarray):
    pass


@pytest.mark.parametrize(
    "first",
    [
        *(MATRIX.T, MATRIX[:1], MATRIX.reshape(6), MATRIX[None], MATRIX.astype(np.float64)),
        *(MATRIX.astype(">f4"), np.zeros((2, 6), np.float32)[:, ::2], MATRIX.view(Own)),
        *(np.zeros(25, np.uint8)[1:].view(np.float32).reshape(2, 3), MATRIX.tolist()),
        *(None, 1.5, np.float32(1), MATRIX.view(np.int32), np.zeros((2, 3, 0), np.float32)),
    ],
)
def test_what_is_not_taken(takes: Takes, first: Any) -> None:
    target = Target()
    assert not target.given(takes, first, VECTOR, 2.5)
    assert (target.matrix == 0).all()


def test_what_else_is_not_taken(takes: Takes) -> None:
    target = Target()
    assert not target.given(takes, MATRIX, VECTOR)
    assert not target.given(takes, MATRIX, VECTOR, 2.5, 2.5)
    assert not target.given(takes)
    for other in (2, True, np.float64(2), np.array(2.0), np.zeros(1, np.float32), "2"):
        assert not target.given(takes, MATRIX, VECTOR, other)
    assert not target.given(takes, MATRIX, 2.5, 2.5)
    assert target.scalar == 0


@pytest.mark.parametrize(("single", "wanted"), [(0.1, np.float32(0.1)), (1e300, np.inf)])
def test_a_float_becomes_a_float32(takes: Takes, single: float, wanted: Any) -> None:
    home = np.zeros((), np.float32)
    block = block_of(0, 1, [Fed(slot_of(home), home.ctypes.data, ())])
    given = (ctypes.c_int64 * 1)(id(single))
    with np.errstate(over="ignore"):
        assert takes(block.ctypes.data, ctypes.addressof(given), 1) == 1
    assert home == wanted


# ---- whole calls ----


def sums() -> Program:
    x, rate = gx.input("x", ("n", 3)), gx.input("rate", ())
    return gx.compile([x, rate], {"sum": gx.sum(x, axis=1) * rate, "rate": rate + 1})


def test_a_repeated_call_is_direct() -> None:
    program = sums()
    x = np.ones((5, 3), np.float32)
    for k in range(5):
        found = program(x, float(k))
        assert found["sum"].tolist() == [3.0 * k] * 5
        assert type(found["rate"]) is np.float32
    (known,) = program._bindings.known.values()
    assert known.enter is not None
    assert known.enter(x, 1.0) is True
    assert known.enter(x.T, 1.0) is None
    assert known.enter() is None
    with pytest.raises(TypeError):
        known.enter(x=x)  # it has no names: calls by name go the long way
    assert program(rate=2, x=x)["sum"].tolist() == [6] * 5


def test_both_ways_are_the_same_training(monkeypatch: pytest.MonkeyPatch) -> None:
    losses = []
    for known in (True, False):
        monkeypatch.setattr(direct, "is_known_layout", lambda known=known: known)
        (step, parameters), data = training_step(), batch(32)
        losses.append([step(*data, 0.05).tobytes() for _ in range(50)])
        losses.append([p.value.tobytes() for p in parameters])
        assert (next(iter(step._bindings.known.values())).enter is not None) == known
    assert losses[:2] == losses[2:]


def test_sizes_and_threads_may_change_between_calls() -> None:
    program = sums()
    before = gx.get_threads()
    try:
        for rows, threads in [(2, 1), (2, 1), (9, 1), (2, 2), (2, 2), (400, 2), (9, 1), (9, 3)]:
            gx.set_threads(threads)
            assert program(np.ones((rows, 3), np.float32), 1.0)["sum"].tolist() == [3] * rows
    finally:
        gx.set_threads(before)


def test_a_failure_is_told_as_ever() -> None:
    table, s = gx.parameter("table", np.arange(5.0)), gx.state("s", 0.0)
    at = gx.input("at", ("n",), "int64")
    program = gx.compile([at], gx.take(table, at), updates={s: s + 1})
    given = np.array([1, 2])
    for _ in range(3):
        assert program(given).tolist() == [1, 2]
        with pytest.raises(gx.errors.IndexRangeError, match="outside axis 0"):
            program(given + 3)
    assert s.value == 3


def test_arguments_are_read_anew_and_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bound, "LARGE", 1)  # read where they are
    x = gx.input("x", ("n",))
    program = gx.compile([x], gx.sum(x))
    for k in range(5):
        given = np.full(100, k, np.float32)
        before = sys.getrefcount(given)
        assert program(given) == 100 * k
        assert sys.getrefcount(given) == before
    assert program(np.arange(200, dtype=np.float32)[::2]) == 9900


def test_it_counts_references() -> None:
    program = gx.compile([], gx.sum(gx.parameter("w", [1.0, 2.0])))
    assert program() == 3
    constants: Sequence[object] = (None, True, False)
    before = [sys.getrefcount(c) for c in constants]
    for _ in range(1000):
        program()
    after = [sys.getrefcount(c) for c in constants]
    assert max(abs(a - b) for a, b in zip(after, before, strict=True)) < 500


def test_another_layout_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    words = direct._words
    direct.is_known_layout.cache_clear()
    try:
        for at in (1, 2, 7):
            monkeypatch.setattr(
                direct,
                "_words",
                lambda v, n, at=at: [w + (k == at) for k, w in enumerate(words(v, n))],
            )
            assert not direct.is_known_layout()
            direct.is_known_layout.cache_clear()
    finally:
        monkeypatch.undo()
        direct.is_known_layout.cache_clear()
    assert direct.is_known_layout()

"""Calls without Python in between: what the entry takes, and that it is the same call."""

import ctypes
import sys
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np
import pytest

import graphc as gx
from graphc.runtime.binding.binding import Slot
from graphc.runtime.calls import bound, direct, entry, lending, pool
from graphc.runtime.calls.direct import Fed, Made, block_of
from graphc.runtime.calls.pool import Pool
from graphc.runtime.objects.cache import load_kernels
from graphc.runtime.program import Program
from graphc.runtime.threads.team import source_of
from tests.runtime.models import batch, training_step

pytestmark = pytest.mark.skipif(
    not direct.is_known_layout(), reason="objects lie otherwise in memory"
)

# ---- what is taken: as Python, and compiled ----

Takes = Callable[[int, int, int], int]


def compiled(*functions: Callable[..., int]) -> Callable[..., int]:
    kind = ctypes.CFUNCTYPE(*[ctypes.c_int64] * (1 + functions[0].__code__.co_argcount))
    return kind(load_kernels([source_of(*functions, result="i64")])[0])


@pytest.fixture(params=["python", "compiled"])
def takes(request: pytest.FixtureRequest) -> Takes:
    return entry.takes if request.param == "python" else compiled(*direct.TAKES)


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
            [],
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
    block = block_of(0, 1, [Fed(slot_of(home), home.ctypes.data, ())], [])
    given = (ctypes.c_int64 * 1)(id(single))
    with np.errstate(over="ignore"):
        assert takes(block.ctypes.data, ctypes.addressof(given), 1) == 1
    assert home == wanted


# ---- what is lent ----


@pytest.mark.parametrize("way", ["python", "compiled"])
def test_memory_is_lent_that_nobody_holds(way: str) -> None:
    idle_block = lending.idle_block if way == "python" else compiled(lending.idle_block)
    own, slot = Pool(), slot_of(VECTOR)
    made = Made(slot, partial(own.empty, slot.shape, slot.dtype), 0, own)
    block = block_of(0, 1, [], [made])

    def idle() -> int:
        """The address of what would be lent."""
        found = idle_block(block.ctypes.data, int(block[direct.OUTPUTS_AT]))
        return ctypes.c_int64.from_address(int(found) + 3 * 8).value if found else 0

    assert idle() == 0
    first, place = own.lend(slot.shape, slot.dtype)
    assert idle() == 0
    row = first[1:]
    del first
    assert idle() == 0
    second, other = own.lend(slot.shape, slot.dtype)
    del row
    assert idle() == place
    del second
    assert idle() in (place, other)
    own.lend((5,), slot.dtype)
    own.lend((7,), slot.dtype)
    assert idle() == 0


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
    assert isinstance(known.enter(x, 1.0), tuple)
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


def test_another_number_of_threads_is_noticed() -> None:
    program, x = sums(), np.ones((5, 3), np.float32)
    before = gx.get_threads()
    try:
        gx.set_threads(1)
        program(x, 1.0)
        (known,) = program._bindings.known.values()
        assert known.enter is not None
        assert known.enter(x, 1.0)
        gx.set_threads(2)
        assert known.enter(x, 1.0) is None
    finally:
        gx.set_threads(before)


def test_floats_for_inputs_that_are_no_float32() -> None:
    x, d, i = gx.input("x", ()), gx.input("d", (), "float64"), gx.input("i", (), "int64")
    program = gx.compile([x, d, i], [x, d, i])
    for _ in range(3):
        assert program(0.1, 0.1, 3) == [np.float32(0.1), 0.1, 3]
        with pytest.raises(gx.errors.BindingError, match="array of float64"):
            program(0.1, 0.1, 0.5)
    (known,) = program._bindings.known.values()
    assert known.enter is not None
    assert known.enter(0.1, 0.1, np.array(3)) is None


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


def test_a_large_input_is_read_from_within() -> None:
    x = gx.input("x", ("n", "n"))
    program = gx.compile([x], x[1:, 1:] @ x[:-1, :-1])
    given = np.random.default_rng(0).standard_normal((300, 300)).astype(np.float32)
    assert given.nbytes > bound.LARGE
    for array in (given, given, given.T, given.astype(np.float64), given):  # the first goes a long
        wanted = array[1:, 1:] @ array[:-1, :-1]  # way, and what is not as it is stored
        np.testing.assert_allclose(program(array), wanted, rtol=1e-3, atol=1e-4)
    (known,) = program._bindings.known.values()
    assert any(known.binding.inputs[0].ahead)


def test_a_profile_writes_to_no_array_that_was_returned() -> None:
    x = gx.input("x", ("n",))
    program = gx.compile([x], x + 1)
    held = program(np.zeros(10_000, np.float32))
    program.profile(np.ones(10_000, np.float32), repeats=2)
    assert (held == 1).all()


@pytest.mark.parametrize("count", [1, 100_000])
def test_integers_are_converted_where_they_fit(count: int) -> None:
    x = gx.input("x", ("n",), "int32")
    program = gx.compile([x], x + 1)
    assert program(np.full(count, 2**30))[-1] == 2**30 + 1
    with pytest.raises(gx.errors.BindingError, match="2147483648"):
        program(np.full(count, 2**31))


def test_it_counts_references() -> None:
    program = gx.compile([], gx.sum(gx.parameter("w", [1.0, 2.0])))
    assert program() == 3
    constants: Sequence[object] = (None, True, False)
    before = [sys.getrefcount(c) for c in constants]
    (known,) = program._bindings.known.values()
    assert known.enter is not None
    for _ in range(1000):
        program()
        assert known.enter(1) is None  # what it does not take
    after = [sys.getrefcount(c) for c in constants]
    assert max(abs(a - b) for a, b in zip(after, before, strict=True)) < 500


def test_results_are_the_only_references_to_themselves() -> None:
    x = gx.input("x", ("n",))
    program = gx.compile([x], [x + 1, gx.sum(x), x * 2])
    for count in (10, 10_000):  # copied, and lent
        for _ in range(5):
            outputs = program(np.ones(count, np.float32))
            assert [sys.getrefcount(o) for o in outputs] == [sys.getrefcount(object()) + 2] * 3
            assert all(o.flags.c_contiguous and o.flags.writeable for o in outputs[::2])


def test_a_failure_gives_back_what_was_lent() -> None:
    i, x = gx.input("i", (), "int64"), gx.input("x", ("n",))
    program = gx.compile([x, i], [x + gx.take(x, i), x * 2])
    given = np.ones(10_000, np.float32)
    kept = program(given, np.array(3))
    kept = program(given, np.array(3))
    blocks = [b for own in program._bindings.pools for b in own.blocks]
    for _ in range(10):
        with pytest.raises(gx.errors.IndexRangeError):
            program(given, np.array(10_000))
        kept = program(given, np.array(3))
    assert kept[0][0] == 2
    assert blocks == [b for own in program._bindings.pools for b in own.blocks]


def test_without_memory_for_results_nothing_has_run(monkeypatch: pytest.MonkeyPatch) -> None:
    s = gx.state("s", np.zeros(10_000))
    program = gx.compile([], [s + 1, s * 2], updates={s: s + 1})
    first, second = program(), program()
    before = sys.getrefcount(None)
    with monkeypatch.context() as patch:
        patch.setattr(pool, "_new_block", no_memory)
        for _ in range(1000):
            with pytest.raises(MemoryError, match="none is left"):
                program()
    assert abs(sys.getrefcount(None) - before) < 500
    assert s.value[0] == 2
    assert program()[0][0] == 3
    assert (first[0][0], second[0][0]) == (1, 2)


def no_memory(*_: Any) -> Any:
    raise MemoryError("none is left")


def test_what_was_lent_is_given_back_where_the_next_output_gets_none(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    s = gx.state("s", np.zeros(10_000))
    program = gx.compile([], [s + 1, s * 2])
    first, second = program(), program()
    held, first, second = [first[1], second[1]], None, None
    assert (first, second) == (None, None)
    with monkeypatch.context() as patch:
        patch.setattr(pool, "_new_block", no_memory)
        for _ in range(5):
            with pytest.raises(MemoryError, match="none is left"):
                program()
        held.pop()
        assert program()[0][0] == 1  # the memory of the first output is still there


def test_memory_is_held_by_its_pool_and_by_results_alone() -> None:
    x = gx.input("x", ("n",))
    program, alone = gx.compile([x], x + 1), Pool()
    held = [program(np.ones(10_000, np.float32)) for _ in range(4)]  # each asks for more
    alone.empty((1,), held[0].dtype)
    (own,) = program._bindings.pools
    (wanted,) = [sys.getrefcount(block) for block in alone.blocks]
    assert [sys.getrefcount(block) for block in own.blocks] == [wanted] * pool.KEPT

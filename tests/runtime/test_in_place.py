"""Large inputs are read where they are, large outputs written into the arrays that are returned."""

import gc
import os
from collections.abc import Callable

import numpy as np
import pytest

import graphc as gx
from graphc.errors import IndexRangeError
from graphc.runtime.backends import NATIVE, PYTHON
from graphc.runtime.binding.sources import Backend
from graphc.runtime.calls import bound
from graphc.runtime.calls.bound import address_of
from graphc.runtime.calls.pool import KEPT
from graphc.runtime.program import Program

RNG = np.random.default_rng(0)
N = 100_000


def sums(backend: Backend = NATIVE) -> Program:
    """Pointwise kernels, matmuls, an output that is returned twice, one that is an input."""
    x, y = gx.input("x", ("n", 8)), gx.input("y", ("n", 8))
    total = x + y
    outputs = [total, gx.exp(total), x.mT @ total, total @ y.mT, x, total * 2, total, gx.sum(y)]
    return gx.compile([x, y], outputs, backend=backend)


def given(rows: int) -> tuple[np.ndarray, np.ndarray]:
    x, y = RNG.standard_normal((2, rows, 8)).astype(np.float32)
    return x, y


@pytest.fixture(params=[NATIVE, PYTHON], ids=["native", "python"])
def all_large(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Backend:
    monkeypatch.setattr(bound, "LARGE", 1)
    monkeypatch.setattr(bound, "LENT", 1)
    return request.param


ARRAYS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "plain": lambda a: a,
    "one off": lambda a: np.concatenate([a.ravel()[:1], a.ravel()])[1:].reshape(a.shape),
    "strided": lambda a: np.repeat(a, 2, axis=1)[:, ::2],
    "Fortran order": np.asfortranarray,
    "float64": lambda a: a.astype(np.float64),
    "big-endian": lambda a: a.astype(">f4"),
    "not aligned": lambda a: np.frombuffer(b"." + a.tobytes(), np.float32, a.size, 1).reshape(
        a.shape
    ),
}


def test_results_do_not_depend_on_where_arrays_are(
    all_large: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = sums(all_large)
    for name, arranged in ARRAYS.items():
        for rows in (9, 0, 33, 9):  # the arena moves
            x, y = given(rows)
            with monkeypatch.context() as copying:
                copying.setattr(bound, "LARGE", 1 << 60)
                copying.setattr(bound, "LENT", 1 << 60)
                wanted = sums(all_large)(x, y)
            for a, b in zip(program(arranged(x), y), wanted, strict=True):
                np.testing.assert_array_equal(a, b, name)


def test_an_arena_that_moves_forgets_where_arrays_were(
    all_large: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    program, (x, y) = sums(all_large), given(9)
    wanted = program(x, y)
    monkeypatch.setattr(bound, "LARGE", 1 << 60)  # from now on arrays are copied
    monkeypatch.setattr(bound, "LENT", 1 << 60)
    program(*given(33))
    for a, b in zip(program(x, y), wanted, strict=True):
        np.testing.assert_array_equal(a, b)


def test_large_inputs_are_not_copied() -> None:
    x = gx.input("x", ("n",))
    program = gx.compile([x], gx.sum(x))
    assert program(np.ones(N, "f")) == N
    (known,) = program._bindings.known.values()
    known.views[0][...] = np.nan  # the arena's copy, were there one
    assert program(np.ones(N, "f")) == N
    assert np.isnan(known.views[0][64:]).all()  # kernels may use memory that is not in use
    assert program(np.ones(N)) == N  # float64: converted, and so copied


def test_no_result_stays_for_a_call_that_was_another() -> None:
    """Not of other sizes, of other dtypes, of arrays with gaps, or one that fails."""
    x, i = gx.input("x", ("n",)), gx.input("i", (), "int64")
    program = gx.compile([x, i], gx.take(x + 1, i) * x)
    given = (np.ones(N + k, t)[::s] for k in (0, 16) for t in "fd" for s in (1, 2, 1))
    for array in given:
        program(array, 3)
        assert not any(known.made for known in program._bindings.known.values())
    with pytest.raises(IndexRangeError):
        program(array, 2 * N)
    assert not any(known.made for known in program._bindings.known.values())


def test_a_result_that_is_held_is_never_written() -> None:
    x = gx.input("x", ("n",))
    program = gx.compile([x], [x + 1, x * 2])
    kept = [program(np.full(N, k, "f")) for k in range(20)]
    views = [program(np.full(N, k, "f"))[0][10:20].reshape(2, 5)[1:] for k in range(20)]
    bases = [program(np.full(N, k, "f"))[1].base for k in range(20)]
    buffers = [memoryview(program(np.full(N, k, "f"))[1]) for k in range(20)]
    gc.collect()
    for k, (a, b) in enumerate(kept):
        assert (a == k + 1).all()
        assert (b == 2 * k).all()
        assert (views[k] == k + 1).all()
        start = -address_of(bases[k]) % 64  # where a block begins
        assert (bases[k][start : start + 4 * N].view(np.float32) == 2 * k).all()
        assert (np.asarray(buffers[k]) == 2 * k).all()
    a[...] = 7  # writable, and the user's own
    assert (program(np.zeros(N, "f"))[0] == 1).all()


def test_memory_is_used_again_when_a_result_is_dropped() -> None:
    x = gx.input("x", ("n",))
    program = gx.compile([x], x + 1)
    places = {address_of(program(np.zeros(N, "f"))) for _ in range(10)}
    assert len(places) == 1
    many = [program(np.zeros(N, "f")) for _ in range(10)]
    del many
    (pool,) = program._bindings.pools
    assert len(pool.blocks) == KEPT
    free = {block.address for block in pool.blocks}
    small = program(np.zeros(N // 3 * 2, "f"))
    assert address_of(small) in free
    del program, pool  # before its result
    assert (small == 1).all()


def test_a_failed_call_and_a_profile_leave_results_alone() -> None:
    s, rows = gx.state("s", np.zeros((4, N))), gx.input("rows", (1,), "int64")
    program = gx.compile([rows], gx.take(s, rows, axis=0) + 1, updates={s: s + 1})
    kept = program([0])
    with pytest.raises(gx.errors.IndexRangeError):
        program([4])
    program.profile([1], repeats=2)
    assert (kept == 1).all()
    assert (program([2]) == 2).all()


def test_a_list_lives_until_the_program_has_run() -> None:
    x = gx.input("x", ("n",))
    program = gx.compile([x], gx.sum(x * x))
    given = [1.0] * N
    for _ in range(5):
        assert program(given) == N
        assert program.profile(given, repeats=1).rows


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this platform has no fork")
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_a_child_of_a_fork_has_memory_of_its_own() -> None:
    x = gx.input("x", ("n",))
    program = gx.compile([x], x + 1)
    kept = program(np.zeros(N, "f"))
    del kept  # a free block
    child = os.fork()
    if child == 0:
        os._exit(int(not (program(np.full(N, 5, "f")) == 6).all()))
    kept = program(np.zeros(N, "f"))
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert (kept == 1).all()

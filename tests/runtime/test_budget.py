"""A memory budget: the same results to the bit, in less memory, or an error that says how much."""

import copy
import functools
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from random import Random
from unittest.mock import Mock

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

import graphc as gx
from graphc.errors import UNKNOWN, GraphError, IndexRangeError, MemoryBudgetError
from graphc.graph import INPUT, Graph, order
from graphc.runtime.backends import NATIVE, PYTHON
from graphc.runtime.binding import budget
from graphc.runtime.binding.binding import bind
from graphc.runtime.binding.budget import Budget
from graphc.runtime.binding.template import make_template
from graphc.runtime.program import Program
from graphc.schedule.budget import Run, play
from graphc.schedule.jobs import jobs_of
from graphc.schedule.tasks import Task, Work, late_order
from tests.compiled.checking import Case, program_of, ran
from tests.compiled.random_losses import random_loss
from tests.compiled.test_random_graphs import random_case

LAYERS, WIDTH, ROWS = 24, 64, 512


def deep(memory_budget: float | None = None) -> tuple[Program, list[gx.Tensor]]:
    """A step of gradient descent of a deep network, always the same."""
    rng = np.random.default_rng(0)
    x, y = gx.input("x", ("batch", WIDTH)), gx.input("y", ("batch",), "int64")
    weights = [
        gx.parameter(f"w{n}", rng.standard_normal((WIDTH, WIDTH)) / 8) for n in range(LAYERS)
    ]
    h = x
    for w in weights:
        h = gx.tanh(h @ w)
    loss = gx.nn.cross_entropy(h, y)
    grads = gx.grad(loss, weights)
    updates = {w: w - 0.1 * g for w, g in zip(weights, grads, strict=True)}
    return gx.compile([x, y], loss, updates=updates, memory_budget=memory_budget), weights


def rows(count: int = ROWS) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(count)
    return rng.standard_normal((count, WIDTH)).astype(np.float32), rng.integers(0, WIDTH, count)


def trained(program: Program, weights: Sequence[gx.Tensor]) -> list[np.ndarray]:
    """Two losses, and then the weights."""
    losses = [program(*rows()), program(*rows())]
    return [*losses, *(w.value for w in weights)]


def least(program: Program, **sizes: int) -> int:
    with pytest.raises(MemoryBudgetError) as caught:
        program.memory_for(**sizes)
    return int(caught.value.fix.partition(",")[0].removeprefix("memory_budget="))


@functools.cache
def full() -> int:
    """The bytes of the deep network without a budget."""
    return deep()[0].memory_for(batch=ROWS).arena_bytes


@pytest.fixture(autouse=True)
def _machine(two_cores: None) -> None:
    """Budgets are shares of what a machine of two cores takes."""


@pytest.mark.parametrize("share", [0.9, 0.5, 0.4])
def test_a_deep_network_trains_to_the_same_bits_in_less_memory(share: float) -> None:
    program, weights = deep(full() * share)
    for got, wanted in zip(trained(program, weights), trained(*deep()), strict=True):
        np.testing.assert_array_equal(got, wanted)
    assert program.memory.arena_bytes <= full() * share
    # Of the forward pass, which is a third of a step, no more than all runs twice.
    assert 0 < len(program.memory.recomputed) <= LAYERS


def test_sizes_that_fit_run_what_they_run_without_a_budget() -> None:
    plain, _ = deep()
    program, _ = deep(full())
    assert program.memory_for(batch=ROWS) == plain.memory_for(batch=ROWS)
    program(*rows(64))
    plain(*rows(64))
    assert [k.level for k in program.kernels] == [k.level for k in plain.kernels]


def test_the_budget_is_kept_for_every_size_by_the_same_kernels() -> None:
    program, _ = deep(full() / 2)
    for count in (64, 256, 512, 700):
        program(*rows(count))
        assert program.memory.arena_bytes <= full() / 2
    assert program.compile_report().bindings == 4
    assert len({kernel.source for kernel in program.kernels}) == program.compile_report().sources


def test_what_runs_again_is_told() -> None:
    program, _ = deep(full() * 0.6)
    program(*rows())
    again = program.memory.recomputed
    assert [(r.name, r.bytes) for r in again] == [("dot_tanh", 4 * ROWS * WIDTH)] * len(again)
    assert {r.where for r in again} == {k.where for k in program.kernels if k.name == "dot_tanh"}
    text = str(program.explain())
    for r in again:
        assert f"kernel {r.first} again for kernel {r.kernel + 1}" in text.replace("  ", " ")
        assert program.kernels[r.kernel].source == program.kernels[r.first].source


def test_an_epoch_and_a_profile_keep_to_the_budget() -> None:
    (program, weights), (plain, others) = deep(full() * 0.6), deep()
    x, y = rows(2 * ROWS)
    losses = program.run_epoch([x, y], ROWS)
    np.testing.assert_array_equal(losses, plain.run_epoch([x, y], ROWS))
    for w, other in zip(weights, others, strict=True):
        np.testing.assert_array_equal(w.value, other.value)
    assert len(program.profile(x[:ROWS], y[:ROWS], repeats=2).rows) == len(program.kernels)
    assert program.memory.recomputed


def test_copies_and_jit_keep_the_budget() -> None:
    program, _ = deep(full() * 0.6)
    for other in (copy.copy(program), copy.deepcopy(program)):
        assert other.memory_for(batch=ROWS) == program.memory_for(batch=ROWS)
    w = {n: np.eye(WIDTH, dtype=np.float32) for n in range(9)}

    def objective(w: dict[int, gx.Tensor], x: gx.Tensor) -> gx.Tensor:
        for matrix in w.values():
            x = gx.tanh(x @ matrix)
        return gx.sum(x)

    x = rows()[0]
    plain, small = gx.jit(gx.grad(objective)), gx.jit(gx.grad(objective), memory_budget=1_100_000)
    assert plain.program(w, x).memory.arena_bytes > 1_200_000
    assert copy.deepcopy(small).program(w, x).memory.arena_bytes <= 1_100_000
    for n, matrix in small(w, x).items():
        np.testing.assert_array_equal(matrix, plain(w, x)[n])


def test_too_small_a_budget_says_the_least_that_works_and_what_holds_it() -> None:
    program, _ = deep(1000)
    found = least(program, batch=ROWS)
    assert found < full() / 4
    with pytest.raises(MemoryBudgetError, match="batch = 512") as caught:
        program(*rows())
    message = str(caught.value)
    assert "memory_budget=1_000, and the least found is" in message
    assert f"{4 * ROWS * WIDTH:,} bytes  tanh  " in message
    assert message.count(__file__.rpartition("/")[2]) > 2  # of compile, and of what is held
    assert deep(found)[0].memory_for(batch=ROWS).arena_bytes <= found


def test_of_many_values_the_error_counts_those_that_it_does_not_list() -> None:
    x = gx.input("x", ("n",))
    program = gx.compile([x], [gx.sin(x * n) for n in range(1, 13)], memory_budget=1000)
    with pytest.raises(MemoryBudgetError) as caught:
        program.memory_for(n=1024)
    assert caught.value.fix.count("\n") == budget.SHOWN + 1
    assert caught.value.fix.endswith(f"{5 * 4096:,} bytes  in 5 others")


@pytest.mark.parametrize("size", [0, -1, float("inf"), float("nan"), "1 GB", True])
def test_a_budget_is_a_number_of_bytes(size: float) -> None:
    with pytest.raises(GraphError, match="memory_budget is a number of bytes"):
        gx.compile([gx.input("x", (3,))], gx.input("x", (3,)) + 1, memory_budget=size)


def test_a_failed_call_leaves_state_as_it_was() -> None:
    rng = np.random.default_rng(0)
    tokens, table = gx.input("t", ("n",), "int64"), gx.parameter("table", rng.random((9, 64)))
    weights = [gx.parameter(f"w{n}", rng.standard_normal((64, 64)) / 8) for n in range(8)]
    h = gx.take(table, tokens, axis=0)
    for w in weights:
        h = gx.tanh(h @ w)
    states = [table, *weights]
    grads = gx.grad(gx.sum(h), states)
    updates = {w: w - g for w, g in zip(states, grads, strict=True)}
    plain = gx.compile([tokens], gx.sum(h), updates=updates)
    full = plain.memory_for(n=512).arena_bytes
    program = gx.compile([tokens], gx.sum(h), updates=updates, memory_budget=full * 0.6)
    before = [w.value for w in states]
    with pytest.raises(IndexRangeError):
        program(np.full(512, 9))
    for w, value in zip(states, before, strict=True):
        np.testing.assert_array_equal(w.value, value)
    program(np.zeros(512, np.int64))
    assert program.memory.recomputed
    assert not np.array_equal(table.value, before[0])


def twice(program: Program, **sizes: int) -> Program:
    """The program with every kernel that can run again doing so at once."""
    binding = bind(make_template(program._code, NATIVE.kernels), sizes, 2, NATIVE)
    work = budget._work(binding)
    runs = []
    for n, task in enumerate(work.tasks):
        again = (0, 1, 2) if task.repeatable else (0,)
        runs += [Run(n, number, frozenset(task.writes)) for number in again]
    code = budget._code_of(binding.code, runs)
    return Program(program.graph, code, program._structure)


def attention(layers: int) -> tuple[gx.Tensor, list[gx.Tensor]]:
    """An input, and the gradients of layers of attention."""
    rng = np.random.default_rng(0)
    h = x = gx.input("x", ("b", "t", 16))
    weights = [gx.parameter(f"w{n}", rng.standard_normal((16, 16)) / 4) for n in range(layers)]
    for w in weights:
        h = h + gx.tanh(gx.nn.attention(h @ w, h, h, causal=True))
    return x, gx.grad(gx.sum(h), weights)


def test_attention_keeps_to_a_budget() -> None:
    x, grads = attention(6)
    plain = gx.compile([x], grads)
    limit = plain.memory_for(b=2, t=256).arena_bytes * 0.7
    program = gx.compile([x], grads, memory_budget=limit)
    rows = np.random.default_rng(0).standard_normal((2, 256, 16)).astype(np.float32)
    for got, wanted in zip(program(rows), plain(rows), strict=True):
        np.testing.assert_array_equal(got, wanted)
    assert program.memory.arena_bytes <= limit
    assert program.memory.recomputed


def test_what_makes_an_array_in_turns_with_others_is_not_made_again() -> None:
    """Two tasks write one stack, the second after another has read what the first made: neither
    could run again before the other."""
    first = Task((), (0, 1), (), 1, 0, repeatable=True, spoils=())
    tasks = [
        first,
        replace(first, reads=(0,), writes=(2,), after=(0,)),
        replace(first, reads=(2,), writes=(3, 1), after=(0, 1)),
        replace(first, reads=(3,), writes=(4,), after=(2,)),
        replace(first, reads=(4,), writes=(5,), after=(3,)),
        replace(first, reads=(0, 1, 2, 3, 5), writes=(6,), after=(0, 1, 2, 4)),
    ]
    work = Work(tuple(tasks), (100, 100, 100, 100, 1000, 1000, 100), frozenset(), frozenset({6}))
    jobs = jobs_of(work, range(6))
    assert play(jobs, 2400).cost == 0
    assert play(jobs, 2000).runs is None


def test_loops_over_strips_run_again() -> None:
    rng = np.random.default_rng(0)
    x, grads = attention(3)
    plain = gx.compile([x], grads)
    program = twice(plain, b=2, t=256)
    rows = rng.standard_normal((2, 256, 16)).astype(np.float32)
    for got, wanted in zip(program(rows), plain(rows), strict=True):
        np.testing.assert_array_equal(got, wanted)
    assert "strips" in {again.name for again in program.memory.recomputed}


def squeezed(case: Case, share: float) -> Program | None:
    """The program in about the share of its memory, if that can be."""
    plain = program_of(case.graph, PYTHON)
    ran(case, plain)
    code, structure = plain._code, plain._structure
    limit = Budget(int(plain.memory.arena_bytes * share), UNKNOWN)
    program = Program(case.graph, code, structure, PYTHON, limit)
    try:
        ran(case, program)
    except MemoryBudgetError:
        return None
    return program


def same(case: Case, share: float) -> bool:
    """Whether it fits, and then gives the same."""
    program = squeezed(case, share)
    if program is None:
        return False
    for got, wanted in zip(
        ran(case, program), ran(case, program_of(case.graph, PYTHON)), strict=True
    ):
        np.testing.assert_array_equal(got, wanted)
    return True


@settings(max_examples=40)
@given(st.integers(0, 2**32), st.booleans(), st.sampled_from([0.95, 0.8, 0.6, 0.4]))
def test_random_programs_give_the_same(seed: int, loss: bool, share: float) -> None:
    rng = Random(seed)
    same(random_loss(rng) if loss else random_case(rng), share)


def layers(widths: Sequence[int]) -> Program:
    """The gradient of a network with layers of these widths."""
    h = gx.input("x", ("batch", widths[0]))
    weights = [gx.parameter("w", np.ones(shape)) for shape in pairwise(widths)]
    for w in weights:
        h = gx.tanh(h @ w)
    loss = gx.sum(gx.square(h))
    found = [loss, *gx.grad(loss, weights)]
    (x,) = (node for node in order([loss.node]) if node.op is INPUT)
    return program_of(Graph((x,), tuple(value.node for value in found)), PYTHON)


def kept(plain: Program, size: int) -> int:
    """The bytes of a program's arena within a budget."""
    limit = Budget(size, UNKNOWN)
    program = Program(plain._code.schedule.graph, plain._code, plain._structure, PYTHON, limit)
    return program.memory_for(batch=100).arena_bytes


def test_the_work_is_played_within_few_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Those within which all goes as before are left out, and those above the least found."""
    played = Mock(wraps=play)
    monkeypatch.setattr(budget, "play", played)
    program, _ = deep(1000)
    least(program, batch=ROWS)
    assert 0 < played.call_count <= 12  # of 115


def test_it_is_played_the_same_within_the_limits_that_are_told() -> None:
    plain = layers([100, 40, 100, 16, 100, 100, 4, 100, 40, 100])
    work = budget._work(bind(make_template(plain._code, PYTHON.kernels), {"batch": 100}, 1, PYTHON))
    jobs, again = jobs_of(work, late_order(work)), 0
    for limit in budget._limits(work)[::4]:
        played = play(jobs, limit)
        assert played.low <= limit < played.high
        assert play(jobs, played.low) == played
        assert play(jobs, int(min(played.high - 1, 2 * limit))) == played
        assert play(jobs, played.low - 1).high <= played.low
        again += played.cost > 0
    assert again > 3


@settings(max_examples=12)
@given(
    st.lists(st.sampled_from([4, 16, 40, 100]), min_size=4, max_size=16),
    st.lists(st.floats(0.8, 1.2), min_size=4, max_size=8),
)
@example([4, 40, 4, 100, 100, 100], [0.99])  # of which others fitted into less
def test_a_budget_is_refused_below_the_least_that_the_error_names_and_only_there(
    widths: list[int], shares: list[float]
) -> None:
    plain = layers(widths)
    with pytest.raises(MemoryBudgetError) as caught:
        kept(plain, 1)
    named = int(caught.value.fix.partition(",")[0].removeprefix("memory_budget="))
    assert kept(plain, named) == named
    for share in shares:
        size = int(named * share)
        if size < named:
            with pytest.raises(MemoryBudgetError, match=f"the least found is {named:_}]"):
                kept(plain, size)
        else:
            assert named <= kept(plain, size) <= size


def test_random_programs_can_do_with_less() -> None:
    cases = [random_loss(Random(seed)) for seed in range(20)]
    assert sum(same(case, 0.8) for case in cases) > 5

"""Attention in strips: the interpreter, the generated Python and the compiled kernels agree,
forward and backward, however many parts there are and however strips are cut; memory is linear."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest

import graphc as gx
from graphc.graph import Graph
from graphc.runtime.backends import NATIVE, PYTHON
from graphc.runtime.binding import cutting
from graphc.runtime.binding.cutting import Cut
from graphc.runtime.program import Program
from graphc.runtime.threads import team
from graphc.runtime.threads.team import get_threads
from graphc.schedule.kernel import StripKernel
from tests.compiled.checking import Case, check, program_of, ran

STEPS = (9, 7)  # queries and keys


@pytest.fixture(params=[1, 2, 3])
def threads(request: pytest.FixtureRequest) -> Iterator[int]:
    before = get_threads()
    gx.set_threads(request.param)
    yield request.param
    gx.set_threads(before)


@pytest.fixture
def few_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    """Strips of three rows: a second cache that holds no more."""
    core = replace(cutting.host_core(), l2=1024)
    monkeypatch.setattr(cutting, "host_core", lambda: core)
    monkeypatch.setattr(cutting, "FEWEST_ROWS", 3)


def attention(
    heads: tuple[int, ...], steps: tuple[int, int], *, causal: bool, between: bool, size: int = 4
) -> Case:
    """Attention and its gradients; `between` it and the loss is another layer, so that the
    gradients are strips of their own."""
    rng = np.random.default_rng(3)
    lead = ("b", *heads[1:])
    shapes = {"q": "t", "k": "s", "v": "s", "g": "t"}
    nodes = {n: gx.input(n, (*lead, t, size), "float64") for n, t in shapes.items()}
    q, k, v, g = nodes.values()
    w = gx.input("w", (size, size), "float64")
    out = gx.nn.attention(q, k, v, causal=causal)
    loss = gx.sum(gx.sin(out @ w) * g) if between else gx.sum(out * g)
    roots = [out, *gx.grad(loss, [q, k, v])]
    sizes = dict(zip("ts", steps, strict=True))
    arrays = [rng.standard_normal((*heads, sizes[t], size)) for t in shapes.values()]
    arrays.append(rng.standard_normal((size, size)))
    graph = Graph(tuple(n.node for n in (q, k, v, g, w)), tuple(n.node for n in roots), ())
    return Case(graph, tuple(arrays))


def strips_of(program: Program) -> list[StripKernel]:
    kernels = [step.kernel for step in program._code.steps]
    return [kernel for kernel in kernels if isinstance(kernel, StripKernel)]


@pytest.mark.parametrize("heads", [(3,), (2, 2)])
@pytest.mark.parametrize(("causal", "between"), [(False, False), (True, True)])
@pytest.mark.parametrize("steps", [(9, 7), (1, 1)])
@pytest.mark.usefixtures("threads")
def test_all_ways_agree_on_whole_heads(
    heads: tuple[int, ...], steps: tuple[int, int], causal: bool, between: bool
) -> None:
    check(attention(heads, steps, causal=causal, between=between), tolerance=1e-12)


@pytest.mark.parametrize("heads", [(3,), (2, 2)])
@pytest.mark.parametrize(("causal", "between"), [(False, False), (True, True)])
@pytest.mark.usefixtures("threads", "few_rows")
def test_all_ways_agree_on_rows_with_a_smaller_last_strip(
    heads: tuple[int, ...], causal: bool, between: bool
) -> None:
    check(attention(heads, (10, 7), causal=causal, between=between), tolerance=1e-12)


@pytest.mark.usefixtures("threads")
def test_several_small_heads_are_one_strip() -> None:
    case = attention((29,), (5, 6), causal=True, between=True)
    check(case, (NATIVE,), tolerance=1e-12)
    program = program_of(case.graph, NATIVE)
    program(*case.arrays)
    (bound,) = program._bindings.known.values()
    sets = [p.extent for p in bound.binding.partitions if p.smaller is not None and p.member]
    assert sets  # a last strip of fewer heads


@pytest.mark.usefixtures("threads")
def test_without_queries_nothing_is_added_to_zeros() -> None:
    case = attention((2,), (30, 7), causal=False, between=True)
    program = program_of(case.graph, NATIVE)
    program(*case.arrays)  # leaves its numbers in the memory of the next call
    q, k, v, g, w = case.arrays
    results = program(q[:, :0], k, v, g[:, :0], w)
    assert [r.shape for r in results] == [(2, 0, 4), (2, 0, 4), (2, 7, 4), (2, 7, 4)]
    assert not any(r.any() for r in results)


@pytest.mark.usefixtures("few_rows", "threads")
def test_the_same_bits_every_time() -> None:
    case = attention((4,), (64, 33), causal=True, between=True, size=8)
    program = program_of(case.graph, NATIVE)
    first = ran(case, program)
    for _ in range(5):
        for one, two in zip(first, ran(case, program), strict=True):
            np.testing.assert_array_equal(one, two)


def test_nans_and_infinities_stay_in_their_rows() -> None:
    case = attention((2,), (9, 7), causal=False, between=True)
    case.arrays[0][0, 4] = np.nan
    case.arrays[0][1, 2] = np.inf
    check(case, (PYTHON, NATIVE), tolerance=1e-12)


@pytest.mark.usefixtures("two_cores")
@pytest.mark.parametrize("backward", [False, True])
@pytest.mark.parametrize("causal", [False, True])
def test_memory_is_linear_in_the_steps(backward: bool, causal: bool) -> None:
    q, k, v, g = (gx.input(name, (2, "t", 16)) for name in "qkvg")
    w = gx.input("w", (16, 16))
    out = gx.nn.attention(q, k, v, causal=causal)
    loss = gx.sum((out @ w) * g)
    roots = gx.grad(loss, [q, k, v]) if backward else [out]
    inputs = [q, k, v, g, w] if backward else [q, k, v]
    program = gx.compile(inputs, roots)
    short, long = (program.memory_for(t=t).arena_bytes for t in (8192, 32768))
    assert long < 4.5 * short
    assert long < 2 * 32768**2 * 4 / 50  # scores of two heads, were they there


def test_what_runs_on_strips_is_seen() -> None:
    case = attention((4,), (64, 64), causal=False, between=True, size=16)
    program = program_of(case.graph, NATIVE)
    forward, backward = strips_of(program)
    assert len(forward.members) == 3
    assert [m.kernel.origin.title for m in backward.members].count("zeros") == 2
    profile = program.profile(*case.arrays, repeats=3)
    rows = {row.name: row for row in profile.rows}
    assert len(profile.rows) == len(program.kernels)
    assert all(row.lines for row in program.explain().rows)
    assert rows["strips"].seconds < 0.2 * profile.seconds
    assert all(row.seconds > 0 for row in profile.rows if row.flops)
    flops = sum(row.flops for row in profile.rows if row.name.startswith("dot"))
    assert flops >= 2 * 4 * 64 * 64 * 16 * 7  # two products forward, five backward


# Without a budget buffers share their middles, which takes more memory with three threads.
@pytest.mark.usefixtures("two_cores")
@pytest.mark.parametrize(("count", "share"), [(2, 0.9), (3, 0.75)])
def test_a_memory_budget_moves_sets_as_a_whole(
    count: int, share: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(team._state, "threads", count)  # with three, fewer parts have the gradient
    x, g = (gx.input(name, (2, "t", 8)) for name in "xg")
    w, h = gx.input("w", (3, 8, 8)), x
    for _ in range(6):
        h = gx.tanh(gx.nn.attention(*(h @ w[n] for n in range(3))))
    roots = gx.grad(gx.sum(h * g), [x])
    free = gx.compile([x, g, w], roots)
    whole = free.memory_for(t=600).arena_bytes
    tight = gx.compile([x, g, w], roots, memory_budget=share * whole)
    assert strips_of(tight)
    assert tight.memory_for(t=600).arena_bytes <= share * whole
    assert tight.memory_for(t=600).recomputed
    rng = np.random.default_rng(5)
    arrays = [rng.standard_normal(shape) for shape in ((2, 600, 8), (2, 600, 8), (3, 8, 8))]
    np.testing.assert_array_equal(free(*arrays)[0], tight(*arrays)[0])


def test_an_epoch_finds_the_strips_of_each_step() -> None:
    case = attention((6,), (12, 12), causal=True, between=True)
    q, k, v, g, w = case.arrays
    program = program_of(case.graph, NATIVE)
    whole = program(*case.arrays)
    batches = program.run_epoch([q, k, v, g], 2, w=w)
    for one, other in zip(whole, batches, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(
    ("axes", "units", "smaller", "counts"),
    [((3, 8, 100), (1, 3, 100), (1, 2, 100), (3, 3, 1)), ((3, 100), (1, 30), (1, 10), (3, 4))],
)
def test_cuts(axes: tuple, units: tuple, smaller: tuple, counts: tuple) -> None:
    cut = Cut(axes, units)
    assert (cut.smaller, cut.counts) == (smaller, counts)
    assert cut.tail == len(axes) - (2 if len(axes) == 3 else 1)

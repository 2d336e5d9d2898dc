"""The memory plan: what lives at the same time never overlaps, however many buffers there are."""

from itertools import combinations
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graphc.schedule import halves, memory
from graphc.schedule.halves import plan_in_halves
from graphc.schedule.memory import (
    DISTANCE,
    LINE,
    Interval,
    Plan,
    least_memory,
    own_bytes,
    plan_memory,
)

LIVES = st.tuples(st.integers(0, 12), st.integers(0, 12)).map(sorted)
INTERVALS = st.lists(
    st.builds(lambda size, life: Interval(size, *life), st.integers(0, 999), LIVES)
)


def planned_as_many(intervals: list[Interval]) -> Plan:
    """The plan, made as that of a large program is."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(memory, "FEW", 0)
        return plan_memory(intervals)


@given(INTERVALS)
def test_a_large_program_has_the_same_plan(intervals: list[Interval]) -> None:
    assert planned_as_many(intervals) == plan_memory(intervals)


@pytest.mark.parametrize("sizes", [0, memory.SIZES])
@given(intervals=INTERVALS)
def test_what_is_alive_together_is_apart(sizes: int, intervals: list[Interval]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(memory, "SIZES", sizes)
        plan = planned_as_many(intervals)
    check_apart(intervals, plan)


def check_apart(intervals: list[Interval], plan: Plan) -> None:
    places = list(zip(intervals, plan.offsets, strict=True))
    for n, (a, start) in enumerate(places):
        assert start % LINE == 0
        assert 0 <= start <= start + a.size <= plan.total
        for b, other in places[:n]:
            together = a.first <= b.last and b.first <= a.last
            assert not together or start + a.size <= other or other + b.size <= start


@given(INTERVALS)
def test_halves_take_little_more_and_keep_their_sides(intervals: list[Interval]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(halves, "LARGE", 128)
        plan = plan_in_halves(intervals)
        plain = plan_memory(intervals)
    check_apart(intervals, plan)
    assert plan.total <= halves.WORTH * plain.total
    middles = [s + i.size // 2 for i, s in zip(intervals, plan.offsets, strict=True)]
    for (a, start, middle), (b, other, _) in combinations(
        zip(intervals, plan.offsets, middles, strict=True), 2
    ):
        meet = start < other + b.size and other < start + a.size
        if plan != plain and meet and min(a.size, b.size) >= 128:
            assert abs(middle - other - b.size // 2) <= LINE


def test_layers_of_several_sizes_share_their_middles() -> None:
    sizes = [8, 8, 4, 4, 2, 4, 4, 8, 8]
    layers = [Interval(n * halves.LARGE, at, at + 1) for at, n in enumerate(sizes)]
    plan = plan_in_halves(layers)
    middles = {s + i.size // 2 for i, s in zip(layers, plan.offsets, strict=True)}
    assert len(middles) == 2
    assert plan.total == plan_memory(layers).total == 16 * halves.LARGE


@given(INTERVALS)
def test_the_total_is_between_the_peak_and_the_sum(intervals: list[Interval]) -> None:
    sizes = [-(-i.size // LINE) * LINE for i in intervals]
    live = [
        sum(s for s, i in zip(sizes, intervals, strict=True) if i.first <= level <= i.last)
        for level in range(13)
    ]
    assert max(live) == least_memory(intervals)
    assert max(live) <= plan_memory(intervals).total <= sum(sizes)


def test_many_different_sizes_take_little_more() -> None:
    rng = Random(0)
    many = [Interval(64 * rng.randrange(1, 9999), n, n + rng.randrange(99)) for n in range(2000)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(memory, "SIZES", 9999)
        exact = plan_memory(many)
    plan = plan_memory(many)
    assert exact != plan
    assert plan.total <= 1.1 * exact.total


def test_a_chain_needs_the_memory_of_two() -> None:
    chain = [Interval(1000, level, level + 1) for level in range(50)]
    assert plan_memory(chain).total == 2 * 1024


def test_parts_are_apart() -> None:
    assert own_bytes(100, parts=1) == 128
    assert own_bytes(100, parts=2) == 128 + DISTANCE
    assert own_bytes(0, parts=2) == 0

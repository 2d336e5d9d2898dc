"""The pace: whether a run is for the team or for one thread, found by comparing bursts of runs."""

from collections.abc import Callable

import numpy as np
import pytest

from graphc.runtime.binding import template
from graphc.runtime.threads import pace, team
from tests.runtime.test_team import MIRROR, Table, run_table

Cycles = Callable[[int], int]  # of a run: by its place among the runs since its way was taken up
TEAM_CREATED = 5_000_000


class Paced:
    """A table that takes so many cycles."""

    def __init__(self) -> None:
        self.words = np.zeros(pace.WORDS, np.int64)
        self.place, self.way = 0, True

    def run(self, count: int, alone: Cycles, by_team: Cycles) -> tuple[np.ndarray, np.ndarray]:
        """For each of so many runs whether it was the team's, and what it took."""
        address = self.words.ctypes.data
        ways, cycles = np.zeros(count, bool), np.zeros(count)
        for n in range(count):
            ways[n] = pace.prefers_team(address) == 1
            self.place = self.place + 1 if ways[n] == self.way else 0
            self.way = bool(ways[n])
            cycles[n] = by_team(self.place) if ways[n] else alone(self.place)
            pace.record_pace(address, int(cycles[n]), 0)
        return ways, cycles


def warm_after(cold: int, warm: int) -> Cycles:
    """The first run of a way finds its data in the caches of another core."""
    return lambda place: warm if place else warm + cold


@pytest.mark.parametrize("scale", [1, 15, 400])  # steps of 50 us, of 0.7 ms, of 20 ms
@pytest.mark.parametrize(
    ("alone", "by_team"), [(200_000, 120_000), (200_000, 180_000), (120_000, 200_000)]
)
def test_the_faster_way_is_found_at_once_and_kept(scale: int, alone: int, by_team: int) -> None:
    table = Paced()
    costs = warm_after(300_000, alone * scale), warm_after(300_000, by_team * scale)
    table.run(1, costs[0], lambda _: TEAM_CREATED)
    table.run(30, *costs)
    ways, cycles = table.run(5000, *costs)
    right = ways == (by_team < alone)
    assert 0.9 < right.mean() < 1.0  # the other way is tried now and then
    assert cycles.sum() < 1.02 * len(cycles) * scale * min(alone, by_team)


def test_a_team_that_waits_for_a_core_is_left_until_the_core_is_free() -> None:
    table = Paced()
    alone, free = warm_after(100_000, 200_000), warm_after(80_000, 120_000)
    table.run(2000, alone, free)
    ways, cycles = table.run(20_000, alone, lambda n: 9_000_000 if n % 4 == 3 else 120_000)
    assert cycles.sum() < 1.1 * 20_000 * 200_000  # as fast as one thread, but for 10 %
    assert ways[-10_000:].any()
    assert table.run(20_000, alone, free)[0][-2000:].mean() > 0.96


def test_a_way_that_becomes_the_slower_one_is_left() -> None:
    table = Paced()
    alone = warm_after(100_000, 200_000)
    table.run(2000, alone, lambda _: 120_000)
    ways, cycles = table.run(3000, alone, lambda _: 500_000)
    assert cycles[: np.flatnonzero(~ways)[0]].sum() < 120_000_000  # 46 ms
    assert ways[500:].mean() < 0.01


def test_a_team_is_kept_that_is_interrupted_now_and_then() -> None:
    table = Paced()
    by_team = lambda place: 5_000_000 if place % 400 == 399 else 120_000  # noqa: E731
    ways, _ = table.run(20_000, warm_after(100_000, 200_000), by_team)
    assert ways.mean() > 0.95


def test_a_process_that_was_stopped_tries_again_soon() -> None:
    table = Paced()
    by_team = lambda place: 10**11 if place == 3 else 120_000  # noqa: E731
    table.run(100, lambda _: 200_000, by_team)
    assert table.run(5000, lambda _: 200_000, lambda _: 120_000)[0][-1000:].mean() > 0.96


def test_two_ways_that_are_as_fast_do_not_alternate() -> None:
    table, random = Paced(), np.random.default_rng(0)
    noisy = lambda place: int((200_000 if place else 300_000) * random.uniform(0.98, 1.04))  # noqa: E731
    ways, cycles = table.run(20_000, noisy, noisy)
    assert np.count_nonzero(ways[1:] != ways[:-1]) < 150
    assert cycles.sum() < 1.02 * 20_000 * 202_000


def test_the_pace_of_an_epoch_is_that_of_its_steps() -> None:
    words = np.zeros(pace.WORDS, np.int64)
    assert pace.prefers_team(words.ctypes.data) == 1
    pace.record_pace(words.ctypes.data, 1_000_000, 7)
    pace.record_pace(words.ctypes.data, 2_000_000, 20)
    rest = 3_000_000 + 100_000_000
    assert words.tolist() == [1, 0, 3_000_000, rest, 0, 0, 2_000_000, 20, 0, 0]
    assert pace.prefers_team(words.ctypes.data) == 0


@pytest.mark.parametrize(
    ("before", "known", "spent", "counts"),
    [
        (0, 0, 20_000_000, False),  # the first run of all: a team is created
        (0, 5, 9_999_999, False),  # the first one since the other way was left
        (0, 5, 10_000_000, True),  # so long that what it finds in the caches is of no weight
        (149_999, 5, 1000, False),
        (150_000, 0, 1000, True),
    ],
)
def test_first_runs_do_not_count(before: int, known: int, spent: int, counts: bool) -> None:
    words = np.zeros(pace.WORDS, np.int64)
    words[[1, 3, 4, 8, 9]] = 1, 10**12, before, known * 10**9, known
    pace.record_pace(words.ctypes.data, spent, 0)
    assert words[6:8].tolist() == [spent * counts, int(counts)]
    assert words[[2, 4, 5]].tolist() == [spent, before + spent, 1]


def test_both_ways_give_the_same_bits_and_are_both_tried() -> None:
    n = 1000
    x, y = np.zeros(n, np.int64), np.zeros(n, np.int64)
    args = [(y.ctypes.data, x.ctypes.data, n), (x.ctypes.data, y.ctypes.data, n)]
    table = Table([(MIRROR, n, 8, 4, 1, a) for a in args])
    ways = set()
    for repeat in range(1, 500):
        ways.add(int(table.words[template.PACE][0]))
        assert run_table(table.address, 3) == 0
        assert (x == 2 * repeat).all()
    assert len(ways) == (1 if team.openmp() is None else 2)

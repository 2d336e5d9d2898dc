"""A memory budget: which tasks run again, so that what they made need not be kept.

Enters: the jobs of a work in order, and a limit in bytes. Leaves: the runs of its tasks, some
of them again, during which no more than that is kept:

    a; b of a; c of b; use c; use b; use a    ->    a; b of a; c of b; use c; b again; ...

The work is played from its first task to the last. Where room is needed, those tasks lose what they
made that cost least to run again, for their bytes and for how long nobody needs them; one whose
sources are lost too costs all that would have to run. This is what M. Kirisame et al., Dynamic
Tensor Rematerialization, 2021, do while a program runs; here it is known what is needed when.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from heapq import nsmallest
from math import inf

from graphc.schedule.jobs import Jobs

RUNS = 4  # times as many as there are tasks: more runs than that are no plan
FEW = 32  # jobs that are looked at closely before one loses its values
NEAR = 32  # lost jobs around it that are looked at: for deep nets more are no better, and slow
# Exponents of the time until a value is needed: the cheapest plan counts.
FAR = (1.0, 0.7, 0.5, 0.3)


@dataclass(frozen=True, slots=True)
class Run:
    """A task runs, for the `again`-th time after the first. Of the values that it writes, `kept`
    are read from now on; the others are where they were."""

    task: int
    again: int
    kept: frozenset[int]


@dataclass(frozen=True, slots=True)
class Played:
    """The runs, or None where there is no room, and what those cost that are not the first of their
    tasks. It is the same within each limit from `low` to before `high`."""

    runs: tuple[Run, ...] | None
    cost: float
    low: int
    high: float


def play(jobs: Jobs, limit: int) -> Played:
    """The cheapest runs that were found within the limit."""
    best = Played(None, inf, 0, inf)
    for far in FAR:
        if best.cost == 0:
            break
        played = _Play(jobs, limit, far, best.cost).played()
        found = played if played.runs is not None else best
        low, high = max(best.low, played.low), min(best.high, played.high)
        best = Played(found.runs, found.cost, low, high)
    return best


# ---- the play -----------------------------------------------------------------------------------


class _GivenUpError(Exception):
    """A task does not find room, or the runs are more or dearer than they may be."""


@dataclass(slots=True)
class _Play:
    """What is kept while the work is played.

    `kept` are values, `used` their bytes, `made` the jobs that are done, `lost` those of them that
    lost values, `spare` values that no task needs any more, `locked` those that must stay. Within
    limits from `low` to before `high` all has gone the same so far. `most` is what others cost.
    """

    known: Jobs
    limit: int
    far: float
    most: float
    now: int = 0
    used: int = 0
    cost: int = 0
    low: int = 0
    high: float = inf
    kept: set[int] = field(default_factory=set)
    made: dict[int, None] = field(default_factory=dict)
    lost: set[int] = field(default_factory=set)
    spare: set[int] = field(default_factory=set)
    locked: Counter[int] = field(default_factory=Counter)
    again: Counter[int] = field(default_factory=Counter)
    runs: list[Run] = field(default_factory=list)

    def played(self) -> Played:
        """Plays all of it."""
        self._keep(self.known.work.inputs)
        try:
            for at, task in enumerate(self.known.order):
                self.now = at
                self._first(task)
        except _GivenUpError:
            return Played(None, inf, self.low, self.high)
        return Played(tuple(self.runs), self.cost, self.low, self.high)

    def _first(self, number: int) -> None:
        task = self.known.work.tasks[number]
        held = (*task.reads, *task.writes)
        self.locked.update(held)
        for value in task.reads:
            if value not in self.kept:
                self._bring(value)
        self._room(self._bytes(v for v in task.writes if v not in self.kept) + task.scratch)
        self._keep(task.writes)
        self.runs.append(Run(number, 0, frozenset(task.writes)))
        self.locked.subtract(held)
        self.spare.update(v for v in held if self.known.next_use(v, self.now + 1) is None)
        self._drop((self.spare & self.kept) - self.known.work.inputs)
        self.spare.clear()
        for value in task.writes:
            job = self.known.maker[value]
            if self.known.all[job].tasks[-1] == number:
                self.made[job] = None

    def _bring(self, value: int) -> None:
        """Runs again what makes the value, and before it what makes lost sources."""
        waiting = [self.known.maker[value]]
        self.locked.update(self.known.all[waiting[0]].sources)
        while waiting:
            job = self.known.all[waiting[-1]]
            missing = next((v for v in job.sources if v not in self.kept), None)
            if missing is None:
                self._again(waiting.pop())
                self.locked.subtract(job.sources)
            else:
                waiting.append(self.known.maker[missing])
                self.locked.update(self.known.all[waiting[-1]].sources)

    def _again(self, number: int) -> None:
        job = self.known.all[number]
        self.locked.update(job.values)
        self._room(self._bytes(job.values) + job.scratch)
        self.locked.subtract(job.values)
        lost = frozenset(v for v in job.values if v not in self.kept)
        self._keep(lost)
        self.lost.discard(number)
        self.made[number] = None
        self.again[number] += 1
        self.cost += job.cost
        for n in job.tasks:
            kept = lost.intersection(self.known.work.tasks[n].writes)
            self.runs.append(Run(n, self.again[number], kept))
        self.spare.update(v for v in lost if self.known.next_use(v, self.now) is None)
        if self.cost >= self.most or len(self.runs) > RUNS * len(self.known.order):
            raise _GivenUpError

    # ---- room ----

    def _bytes(self, values: Iterable[int]) -> int:
        return sum(self.known.work.sizes[v] for v in values)

    def _keep(self, values: Iterable[int]) -> None:
        new = [v for v in values if v not in self.kept]
        self.kept.update(new)
        self.used += self._bytes(new)

    def _drop(self, values: Iterable[int]) -> None:
        gone = list(values)
        self.kept.difference_update(gone)
        self.used -= self._bytes(gone)

    def _fits(self, size: int) -> bool:
        needed = self.used + size
        if needed > self.limit:
            self.high = min(self.high, needed)
        else:
            self.low = max(self.low, needed)
        return needed <= self.limit

    def _room(self, size: int) -> None:
        """Makes values be lost until there is room for so many bytes."""
        if not self._fits(size):
            free = {v for v in self.spare & self.kept if not self.locked[v]}
            self._drop(free)
            self.spare -= free
        while not self._fits(size):
            best = self._cheapest()
            if best is None:
                raise _GivenUpError
            self._drop([v for v in self.known.all[best].lost if v in self.kept])
            del self.made[best]
            self.lost.add(best)

    def _cheapest(self) -> int | None:
        """The job that loses its values best: of the few that cost the least of themselves."""
        gains = {job: gain for job in [*self.made] if (gain := self._gain(job))}
        least = {job: self.known.all[job].cost / gain for job, gain in gains.items()}
        best, price = None, inf
        for job in nsmallest(FEW, least, key=least.__getitem__):
            most = price * gains[job]
            if (cost := self._cost(job, most)) < most:
                best, price = job, cost / gains[job]
        return best

    def _gain(self, number: int) -> float:
        """The bytes that a job can lose, for so long."""
        job = self.known.all[number]
        values = [v for v in job.lost if v in self.kept]
        if not values or job.last > job.until:
            del self.made[number]
            return 0.0
        if any(self.locked[v] for v in values):
            return 0.0
        needed = [n for v in values if (n := self.known.next_use(v, self.now)) is not None]
        return self._bytes(values) * max(min(needed, default=inf) - self.now, 1) ** self.far

    def _cost(self, number: int, most: float) -> float:
        """Of a job, and of the lost ones near it that it is made of or that are made of it; where
        that is `most` or more, of some of them."""
        jobs, maker, readers = self.known.all, self.known.maker, self.known.readers
        cost, found = jobs[number].cost, {number}
        above, below = [number], [number]
        while above and cost < most and len(found) <= NEAR:
            for value in jobs[above.pop()].sources:
                if value not in self.kept and value in maker and maker[value] not in found:
                    above.append(maker[value])
                    found.add(maker[value])
                    cost += jobs[maker[value]].cost
        while below and cost < most and len(found) <= 2 * NEAR:
            for job in readers.get(below.pop(), ()):
                if job in self.lost and job not in found and jobs[job].last >= self.now:
                    below.append(job)
                    found.add(job)
                    cost += jobs[job].cost
        return cost

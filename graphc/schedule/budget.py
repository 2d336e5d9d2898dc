"""A memory budget: which tasks run again, so that what they made need not be kept.

Enters: a `Work`, the order of its tasks, and a limit in bytes. Leaves: the runs of the tasks, some
of them again, during which no more than that is kept:

    a; b of a; c of b; use c; use b; use a    ->    a; b of a; c of b; use c; b again; ...

The work is played from its first task to the last. Where room is needed, those tasks lose what they
made that cost least to run again, for their bytes and for how long nobody needs them; one whose
sources are lost too costs all that would have to run. This is what M. Kirisame et al., Dynamic
Tensor Rematerialization, 2021, do while a program runs; here it is known what is needed when.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from heapq import nsmallest
from math import inf

from graphc.schedule.tasks import Work

RUNS = 4  # times as many as there are tasks: more runs than that are no plan
FEW = 32  # jobs that are looked at closely before one loses its values
FAR = (
    1.0,
    0.7,
    0.5,
    0.3,
)  # exponents of the time until a value is needed: the cheapest plan counts


@dataclass(frozen=True, slots=True)
class Run:
    """A task runs, for the `again`-th time after the first. Of the values that it writes, `kept`
    are read from now on; the others are where they were."""

    task: int
    again: int
    kept: frozenset[int]


@dataclass(frozen=True, slots=True)
class Played:
    """The runs, and what those cost that are not the first of their tasks."""

    runs: tuple[Run, ...]
    cost: int


class NoRoomError(Exception):
    """A task does not find room: it would take `needed` bytes."""

    def __init__(self, needed: int) -> None:
        Exception.__init__(self, needed)
        self.needed = needed


def play(work: Work, order: Sequence[int], limit: int) -> Played:
    """The cheapest runs that were found within the limit, else NoRoomError."""
    jobs = _jobs(work, order)
    found: list[Played] = []
    needed: list[int] = []
    for far in FAR:
        try:
            found.append(_Play(work, order, jobs, limit, far).played())
        except NoRoomError as error:
            needed.append(error.needed)
    if not found:
        raise NoRoomError(min(needed))
    return min(found, key=lambda played: played.cost)


# ---- jobs ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Job:
    """Tasks that only together make what they write; `until` is the last place in the order at
    which they can run again, `last` that at which their values are read last."""

    tasks: tuple[int, ...]
    sources: tuple[int, ...]
    values: tuple[int, ...]
    cost: int
    scratch: int
    until: float
    last: float


@dataclass(frozen=True, slots=True)
class _Jobs:
    """All jobs; for each value the number of its job, and the places at which it is read."""

    jobs: list[_Job]
    maker: dict[int, int]
    uses: dict[int, list[float]]


def _jobs(work: Work, order: Sequence[int]) -> _Jobs:
    uses: dict[int, list[float]] = {}
    for at, n in enumerate(order):
        for value in work.tasks[n].reads:
            uses.setdefault(value, []).append(at)
    for value in work.outputs:
        uses.setdefault(value, []).append(inf)
    at = {n: position for position, n in enumerate(order)}
    found = _Jobs([], {}, uses)
    for tasks in sorted(_together(work, order), key=lambda tasks: at[tasks[-1]]):
        job = _job(work, tasks, at, found)
        found.maker.update(dict.fromkeys(job.values, len(found.jobs)))
        found.jobs.append(job)
    return found


def _together(work: Work, order: Sequence[int]) -> Iterable[list[int]]:
    """The tasks, in order; those that write into the same value are together."""
    at = {n: position for position, n in enumerate(order)}
    together: dict[int, list[int]] = {}
    head: dict[int, int] = {}
    for n in order:
        heads = dict.fromkeys(head[v] for v in work.tasks[n].writes if v in head)
        tasks = sorted([n, *(m for h in heads for m in together.pop(h))], key=at.__getitem__)
        together[tasks[0]] = tasks
        head.update((v, tasks[0]) for m in tasks for v in work.tasks[m].writes)
    return together.values()


def _job(work: Work, numbers: Sequence[int], at: dict[int, int], before: _Jobs) -> _Job:
    tasks = [work.tasks[n] for n in numbers]
    values = tuple(dict.fromkeys(v for task in tasks for v in task.writes))
    sources = tuple(dict.fromkeys(v for t in tasks for v in t.reads if v not in values))
    spoils = [at[n] for task in tasks for n in task.spoils]
    # Of what a job makes in between that ends later, this one may be a source itself.
    made = [v for v in sources if v not in work.inputs]
    until = [before.jobs[before.maker[v]].until if v in before.maker else -1 for v in made]
    return _Job(
        tuple(numbers),
        sources,
        values,
        sum(task.cost for task in tasks),
        max(task.scratch for task in tasks),
        min((*spoils, *until), default=inf) if all(t.repeatable for t in tasks) else -1,
        max((before.uses[v][-1] for v in values if v in before.uses), default=-1),
    )


# ---- the play -----------------------------------------------------------------------------------


@dataclass(slots=True)
class _Play:
    """What is kept while the work is played.

    `kept` are values, `used` their bytes, `made` the jobs that are done, `lost` those of them that
    lost values, `spare` values that no task needs any more, `locked` those that must stay.
    """

    work: Work
    order: Sequence[int]
    known: _Jobs
    limit: int
    far: float
    now: int = 0
    used: int = 0
    cost: int = 0
    kept: set[int] = field(default_factory=set)
    made: dict[int, None] = field(default_factory=dict)
    lost: set[int] = field(default_factory=set)
    spare: set[int] = field(default_factory=set)
    locked: Counter[int] = field(default_factory=Counter)
    again: Counter[int] = field(default_factory=Counter)
    runs: list[Run] = field(default_factory=list)
    readers: dict[int, set[int]] = field(default_factory=dict)

    def played(self) -> Played:
        """Plays all of it."""
        for number, job in enumerate(self.known.jobs):
            for source in job.sources:
                if source in self.known.maker:
                    self.readers.setdefault(self.known.maker[source], set()).add(number)
        self._keep(self.work.inputs)
        for at, task in enumerate(self.order):
            self.now = at
            self._first(task)
        return Played(tuple(self.runs), self.cost)

    def _first(self, number: int) -> None:
        task = self.work.tasks[number]
        held = (*task.reads, *task.writes)
        self.locked.update(held)
        for value in task.reads:
            if value not in self.kept:
                self._bring(value)
        self._room(self._bytes(v for v in task.writes if v not in self.kept) + task.scratch)
        self._keep(task.writes)
        self.runs.append(Run(number, 0, frozenset(task.writes)))
        self.locked.subtract(held)
        self.spare.update(v for v in held if self._next(v, self.now + 1) is None)
        self._drop((self.spare & self.kept) - self.work.inputs)
        self.spare.clear()
        for value in task.writes:
            job = self.known.maker[value]
            if self.known.jobs[job].tasks[-1] == number:
                self.made[job] = None

    def _bring(self, value: int) -> None:
        """Runs again what makes the value, and before it what makes lost sources."""
        waiting = [self.known.maker[value]]
        self.locked.update(self.known.jobs[waiting[0]].sources)
        while waiting:
            job = self.known.jobs[waiting[-1]]
            missing = next((v for v in job.sources if v not in self.kept), None)
            if missing is None:
                self._again(waiting.pop())
                self.locked.subtract(job.sources)
            else:
                waiting.append(self.known.maker[missing])
                self.locked.update(self.known.jobs[waiting[-1]].sources)

    def _again(self, number: int) -> None:
        job = self.known.jobs[number]
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
            kept = lost.intersection(self.work.tasks[n].writes)
            self.runs.append(Run(n, self.again[number], kept))
        self.spare.update(v for v in lost if self._next(v, self.now) is None)
        if len(self.runs) > RUNS * len(self.order):
            raise NoRoomError(self.limit + 1)

    # ---- room ----

    def _bytes(self, values: Iterable[int]) -> int:
        return sum(self.work.sizes[v] for v in values)

    def _keep(self, values: Iterable[int]) -> None:
        new = [v for v in values if v not in self.kept]
        self.kept.update(new)
        self.used += self._bytes(new)

    def _drop(self, values: Iterable[int]) -> None:
        gone = list(values)
        self.kept.difference_update(gone)
        self.used -= self._bytes(gone)

    def _next(self, value: int, at: float) -> float | None:
        """When a value is needed next, from a place on."""
        return next((use for use in self.known.uses.get(value, ()) if use >= at), None)

    def _room(self, size: int) -> None:
        """Makes values be lost until there is room for so many bytes."""
        if self.used + size > self.limit:
            free = {v for v in self.spare & self.kept if not self.locked[v]}
            self._drop(free)
            self.spare -= free
        while self.used + size > self.limit:
            best = self._cheapest()
            if best is None:
                raise NoRoomError(self.used + size)
            self._drop(self._loses(best))
            del self.made[best]
            self.lost.add(best)

    def _cheapest(self) -> int | None:
        """The job that loses its values best: of the few that cost the least of themselves."""
        costs = {
            job: self.known.jobs[job].cost / gain for job in self.made if (gain := self._gain(job))
        }
        few = nsmallest(FEW, costs, key=costs.__getitem__)
        return min(few, key=lambda job: self._cost(job) / self._gain(job), default=None)

    def _loses(self, number: int) -> list[int]:
        values = self.known.jobs[number].values
        return [v for v in values if v in self.kept and v not in self.work.outputs]

    def _gain(self, number: int) -> float:
        """The bytes that a job can lose, for so long."""
        job, values = self.known.jobs[number], self._loses(number)
        if not values or job.last > job.until or any(self.locked[v] for v in values):
            return 0.0
        needed = min((n for v in values if (n := self._next(v, self.now)) is not None), default=inf)
        return self._bytes(values) * max(needed - self.now, 1) ** self.far

    def _cost(self, number: int) -> int:
        """Of a job, and of the lost ones that it is made of or that are made of it."""
        found = {number}
        above, below = [number], [number]
        while above:
            for value in self.known.jobs[above.pop()].sources:
                job = self.known.maker.get(value)
                if job is not None and value not in self.kept and job not in found:
                    found.add(job)
                    above.append(job)
        while below:
            for job in self.readers.get(below.pop(), ()):
                if job in self.lost and job not in found and self.known.jobs[job].last >= self.now:
                    found.add(job)
                    below.append(job)
        return sum(self.known.jobs[job].cost for job in found)

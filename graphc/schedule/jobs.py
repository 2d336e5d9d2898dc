"""Jobs: what runs again to make values that were lost.

Enters: a `Work`, and the order of its tasks. Leaves: `Jobs`: of which tasks each value is made, and
when it is read.

    a += x; b = a * a; a += y    ->    one job of the first and the third, which write the same
"""

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from math import inf

from graphc.schedule.tasks import Work


@dataclass(frozen=True, slots=True)
class Job:
    """Tasks that only together make what they write: of its `values`, all but outputs can be
    `lost`. `until` is the last place in the order at which they can run again, `last` that at which
    their values are read last."""

    tasks: tuple[int, ...]
    sources: tuple[int, ...]
    values: tuple[int, ...]
    lost: tuple[int, ...]
    cost: int
    scratch: int
    until: float
    last: float


@dataclass(frozen=True, slots=True)
class Jobs:
    """All jobs of the work; for each value the number of its job, and the places at which it is
    read; for each job those that read its values."""

    work: Work
    order: Sequence[int]
    all: list[Job] = field(default_factory=list)
    maker: dict[int, int] = field(default_factory=dict)
    uses: dict[int, list[float]] = field(default_factory=dict)
    readers: dict[int, list[int]] = field(default_factory=dict)

    def next_use(self, value: int, at: float) -> float | None:
        """When a value is needed next, from a place on."""
        uses = self.uses.get(value, ())
        found = bisect_left(uses, at)
        return uses[found] if found < len(uses) else None


def jobs_of(work: Work, order: Sequence[int]) -> Jobs:
    """The jobs of tasks that run in this order."""
    jobs = Jobs(work, order, uses=_uses(work, order))
    at = {n: position for position, n in enumerate(order)}
    for tasks in sorted(_together(work, at), key=lambda tasks: at[tasks[-1]]):
        job = _job(tasks, at, jobs)
        jobs.maker.update(dict.fromkeys(job.values, len(jobs.all)))
        jobs.all.append(job)
    for number, job in enumerate(jobs.all):
        for maker in dict.fromkeys(jobs.maker[v] for v in job.sources if v in jobs.maker):
            jobs.readers.setdefault(maker, []).append(number)
    return jobs


def _uses(work: Work, order: Sequence[int]) -> dict[int, list[float]]:
    uses: dict[int, list[float]] = {}
    for at, n in enumerate(order):
        for value in work.tasks[n].reads:
            uses.setdefault(value, []).append(at)
    for value in work.outputs:
        uses.setdefault(value, []).append(inf)
    return uses


def _together(work: Work, at: dict[int, int]) -> Iterable[list[int]]:
    """The tasks, in order; those that write into the same value are together."""
    together: dict[int, list[int]] = {}
    head: dict[int, int] = {}
    for n in at:
        writes = work.tasks[n].writes
        heads = dict.fromkeys(head[v] for v in writes if v in head)
        most = max(heads, key=lambda h: len(together[h]), default=n)
        for other in heads.keys() - {most}:
            head.update((v, most) for m in together[other] for v in work.tasks[m].writes)
            together[most] += together.pop(other)
        together.setdefault(most, []).append(n)
        head.update(dict.fromkeys(writes, most))
    return (sorted(tasks, key=at.__getitem__) for tasks in together.values())


def _job(numbers: Sequence[int], at: dict[int, int], before: Jobs) -> Job:
    work = before.work
    tasks = [work.tasks[n] for n in numbers]
    values = tuple(dict.fromkeys(v for task in tasks for v in task.writes))
    mine = set(values)
    sources = tuple(dict.fromkeys(v for t in tasks for v in t.reads if v not in mine))
    spoils = [at[n] for task in tasks for n in task.spoils]
    # Of what a job makes in between that ends later, this one may be a source itself.
    made = [v for v in sources if v not in work.inputs]
    until = [before.all[before.maker[v]].until if v in before.maker else -1 for v in made]
    return Job(
        tuple(numbers),
        sources,
        values,
        tuple([v for v in values if v not in work.outputs]),
        sum(task.cost for task in tasks),
        max(task.scratch for task in tasks),
        min((*spoils, *until), default=inf) if all(t.repeatable for t in tasks) else -1,
        max((before.uses[v][-1] for v in values if v in before.uses), default=-1),
    )

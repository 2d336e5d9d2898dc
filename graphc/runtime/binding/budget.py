"""A program that fits into a memory budget: of the same kernels, in another order, some run twice.

Enters: a binding that needs more memory. Leaves: code whose steps are those of the binding's code,
so that results are the same to the bit; a step that runs again writes buffers of its own.
"""

from bisect import bisect_right
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from math import log2

from graphc.errors import MemoryBudgetError, Where
from graphc.graph import Node
from graphc.runtime.binding.arena import buffer_bytes, memory_of, strip_bytes
from graphc.runtime.binding.binding import Binding, bind
from graphc.runtime.binding.code import Code, lives_of, scratch_of, strips_of
from graphc.runtime.binding.partition import Partition
from graphc.runtime.binding.sources import Backend
from graphc.runtime.binding.template import make_template
from graphc.schedule.budget import Played, Run, play
from graphc.schedule.jobs import jobs_of
from graphc.schedule.kernel import Buffer, Computing, Kernel, Operand, Step, StripKernel
from graphc.schedule.memory import LINE, own_bytes
from graphc.schedule.tasks import Work, late_order, work_of

AN_OCTAVE = 32  # limits that are tried from one to its half: 2 % from each to the next
STEP_CYCLES = 500  # what a step costs beside its work
SHOWN = 8  # values that an error lists
BYTES_A_CYCLE = 8  # measured: what a core moves from and to its caches


@dataclass(frozen=True, slots=True)
class Budget:
    """At most so many bytes for the arena, said at this line."""

    bytes: int
    where: Where


@dataclass(frozen=True, slots=True)
class Fitted:
    """Code within a budget, how its steps are split over parts, and the bytes of its arena."""

    code: Code
    partitions: tuple[Partition, ...]
    bytes: int


def bind_within(binding: Binding, budget: Budget, backend: Backend) -> Binding:
    """The binding of the same program and sizes whose arena keeps to a budget.

    MemoryBudgetError if none is found.
    """
    fitted = _fitted(binding, budget)
    template = make_template(fitted.code, backend.kernels)
    return bind(template, binding.sizes, binding.threads, backend, fitted.partitions, tight=True)


def _fitted(binding: Binding, budget: Budget) -> Fitted:
    """The first code that fits. Every budget looks within all limits up to the least that is found:
    a larger one finds what a smaller one does, and an error names that least."""
    work = _work(binding)
    jobs = jobs_of(work, late_order(work))
    limits = _limits(work)
    least = Fitted(binding.code, binding.partitions, binding.arena_bytes)
    played = Played((), 0, 0, 0)
    below = bisect_right(limits, budget.bytes)
    for limit in (*reversed(limits[:below]), *limits[below:]):
        if limit > least.bytes:
            break
        if played.low <= limit < played.high:
            continue
        played = play(jobs, limit)
        if played.runs is not None:
            least = min(_of_runs(binding, played.runs), least, key=lambda fitted: fitted.bytes)
        if least.bytes <= budget.bytes:
            return least
    raise _too_small(binding, budget, least)


def _limits(work: Work) -> list[int]:
    """What the values may take: from what one task needs up to all that they do."""
    needs = (
        sum(map(work.sizes.__getitem__, (*t.reads, *t.writes))) + t.scratch for t in work.tasks
    )
    limit, least = sum(work.sizes) + max(t.scratch for t in work.tasks), max(needs)
    count = int(log2(limit / max(least, 1)) * AN_OCTAVE) if limit else 0
    return [int(limit * 2 ** (-n / AN_OCTAVE)) for n in range(count, -1, -1)]


def _of_runs(binding: Binding, runs: Sequence[Run]) -> Fitted:
    code, tasks = _code_of(binding.code, runs), binding.code.tasks
    partitions = tuple([binding.partitions[n] for run in runs for n in tasks[run.task]])
    return Fitted(code, partitions, memory_of(code, binding.numbers, partitions, tight=True).total)


# ---- the work -----------------------------------------------------------------------------------


def _work(binding: Binding) -> Work:
    code = binding.code
    values = _values(code)
    sizes = [_lines(buffer_bytes(buffer, binding.numbers)) for buffer in values]
    ends = code.schedule.inputs, code.schedule.outputs
    own = strip_bytes(code, binding.numbers, binding.partitions)

    def spent(task: int) -> tuple[int, int]:
        first, *members = code.tasks[task]
        cost, scratch = _spent(binding, first)
        scratch += own.get(first, 0)
        return cost, scratch + sum(_spent(binding, n)[1] for n in members)

    return work_of([code.steps[t.start] for t in code.tasks], values, sizes, ends, spent)


def _values(code: Code) -> list[Buffer]:
    """The buffers that one step leaves to another."""
    return [buffer for buffer in code.lives if buffer.kind not in ("scratch", "strip")]


def _spent(binding: Binding, number: int) -> tuple[int, int]:
    """What a step costs in cycles, and its scratch in bytes."""
    kernel, partition = binding.code.steps[number].kernel, binding.partitions[number]
    moved = scratch = 0
    for operand in kernel.operands:
        size = buffer_bytes(operand.buffer, binding.numbers)
        if operand.buffer.kind == "scratch":
            scratch += own_bytes(size, partition.parts) * partition.parts
        elif operand.buffer.kind != "strip":
            moved += size
    if partition.blocking is not None:
        scratch += _lines(partition.blocking.scratch_bytes * partition.parts)
    return partition.cycles + moved // BYTES_A_CYCLE + STEP_CYCLES, scratch


def _lines(size: int) -> int:
    return -(-size // LINE) * LINE


# ---- the code -----------------------------------------------------------------------------------


def _code_of(code: Code, runs: Sequence[Run]) -> Code:
    """The code that runs these steps, one after the other."""
    values, tasks = _values(code), code.tasks
    copies: dict[tuple[Buffer, int], Buffer] = {}
    now: dict[Buffer, Buffer] = {}
    first: dict[int, int] = {}
    steps: list[Step] = []
    for level, run in enumerate(runs):
        kernels = [code.steps[n].kernel for n in tasks[run.task]]
        made = {o.buffer for kernel in kernels for o in kernel.operands if o.written}
        move = partial(_moved, again=run.again, made=made, now=now, copies=copies)
        kernels = _all_moved(kernels, move)
        if run.again:
            now.update((values[v], copies[values[v], run.again]) for v in run.kept)
        number = first.setdefault(run.task, len(steps))
        for n, kernel in enumerate(kernels, number):
            steps.append(Step(kernel, level, n if run.again else None))
    schedule = replace(code.schedule, steps=tuple(steps))
    return replace(
        code,
        schedule=schedule,
        emitted=tuple([code.emitted[n] for run in runs for n in tasks[run.task]]),
        lives=lives_of(schedule),
        scratch=scratch_of(schedule),
        strips=strips_of(schedule),
    )


def _all_moved(kernels: Sequence[Kernel], move: Callable[[Operand], Operand]) -> list[Kernel]:
    """The kernels of a task, with other operands; a loop over strips knows its members."""
    first, *others = kernels
    if not isinstance(first, StripKernel):
        return [_with_operands(first, move)]
    members = tuple([replace(m, kernel=_with_operands(m.kernel, move)) for m in first.members])
    if all(m.kernel is old for m, old in zip(members, others, strict=True)):
        return [*kernels]
    return [replace(first, members=members), *(member.kernel for member in members)]


def _with_operands(kernel: Computing, move: Callable[[Operand], Operand]) -> Computing:
    operands = tuple(map(move, kernel.operands))
    return kernel if operands == kernel.operands else replace(kernel, operands=operands)


def _moved(
    operand: Operand,
    again: int,
    made: Collection[Buffer],
    now: Mapping[Buffer, Buffer],
    copies: dict[tuple[Buffer, int], Buffer],
) -> Operand:
    """The operand of a step that runs again: what it reads is where it was made last, what it
    writes, or needs as scratch, is new; so is what is `made` by another kernel of its task."""
    buffer = operand.buffer
    if not operand.written and buffer not in made and buffer.kind not in ("scratch", "strip"):
        return replace(operand, buffer=now[buffer]) if buffer in now else operand
    if not again:
        return operand
    copy = copies.setdefault((buffer, again), replace(buffer))
    return replace(operand, buffer=copy)


# ---- errors -------------------------------------------------------------------------------------


def _too_small(binding: Binding, budget: Budget, least: Fitted) -> MemoryBudgetError:
    sizes = ", ".join(f"{name} = {size}" for name, size in binding.sizes.items())
    held = "".join(f"\n{line}" for line in _held(binding, least))
    return MemoryBudgetError(
        f"the program needs more memory than its budget{sizes and f', for {sizes}'}",
        got=f"memory_budget={budget.bytes:_}, and the least found is {least.bytes:_}",
        where=budget.where,
        fix=f"memory_budget={least.bytes:_}, or smaller sizes; the largest at its peak:{held}",
    )


def _held(binding: Binding, least: Fitted) -> list[str]:
    """The largest values at the peak, each with its bytes and the line that made it."""
    lives = least.code.lives
    sizes = {b: buffer_bytes(b, binding.numbers) for b in _values(least.code)}
    levels = sorted({step.level for step in least.code.steps})
    live = [[b for b in sizes if lives[b][0] <= at <= lives[b][1]] for at in levels]
    peak = max(live, key=lambda some: sum(map(sizes.__getitem__, some)))
    lines = []
    for buffer in sorted(peak, key=lambda b: -sizes[b])[:SHOWN]:
        place = buffer.owner.where if isinstance(buffer.owner, Node) else None
        lines.append(f"{sizes[buffer]:>14,} bytes  {buffer.name}  {place or ''}".rstrip())
    rest = sorted(sizes[buffer] for buffer in peak)[:-SHOWN]
    return [*lines, f"{sum(rest):>14,} bytes  in {len(rest)} others"] if rest else lines

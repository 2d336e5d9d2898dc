"""Tasks: the steps of a program as far as memory is concerned, and an order that keeps little.

Enters: steps, and the bytes and costs that a binding knows. Leaves: a `Work`, and the order of its
tasks in which memory is taken late and given back early:

    fill a; fill b; ...; use a; use b    ->    fill a; use a; ...; fill b; use b
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from graphc.dims import DimLike, product
from graphc.graph import Node
from graphc.schedule.kernel import Buffer, Kernel, Load, LoopKernel, Position, Step
from graphc.schedule.sweeps import arguments

LITTLE = 0.003  # of the bytes of all values: what waits for the end may keep so many


@dataclass(frozen=True, slots=True)
class Task:
    """A step: the numbers of the values that it reads and writes, those tasks that run before it,
    and its cost in cycles. `scratch` bytes are its own while it runs; a task that is not
    `repeatable` runs once. `spoils` are the tasks that change state which this one reads."""

    reads: tuple[int, ...]
    writes: tuple[int, ...]
    after: tuple[int, ...]
    cost: int
    scratch: int
    repeatable: bool
    spoils: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Work:
    """Tasks in an order that works, the bytes of every value, and which values stay: inputs, and
    outputs from when they are written."""

    tasks: tuple[Task, ...]
    sizes: tuple[int, ...]
    inputs: frozenset[int]
    outputs: frozenset[int]


@dataclass(frozen=True, slots=True)
class _Memory:
    """What a step touches: values in the arena, and states."""

    reads: tuple[int, ...]
    writes: tuple[int, ...]
    old: frozenset[Buffer]
    new: frozenset[Buffer]


def work_of(
    steps: Sequence[Step],
    values: Sequence[Buffer],
    sizes: Sequence[int],
    ends: tuple[Iterable[Buffer], Iterable[Buffer]],
    spent: Callable[[int], tuple[int, int]],
) -> Work:
    """The work of a program: `values` are its buffers in the arena but for scratch, `ends` its
    inputs and outputs, `spent` tells the cost and the scratch of a step by its number."""
    number = {buffer: n for n, buffer in enumerate(values)}
    touched = [_touched(step.kernel, number) for step in steps]
    inputs, outputs = (frozenset(number[b] for b in some if b in number) for some in ends)
    after = _dependencies(steps, touched)
    changed = {state: n for n, memory in enumerate(touched) for state in memory.new}
    tasks = []
    for n, memory in enumerate(touched):
        cost, scratch = spent(n)
        spoils = tuple(sorted(changed[state] for state in memory.old if state in changed))
        again = not memory.new and not inputs.intersection(memory.writes)
        tasks.append(Task(memory.reads, memory.writes, after[n], cost, scratch, again, spoils))
    return Work(tuple(tasks), tuple(sizes), inputs, outputs)


def _touched(kernel: Kernel, number: dict[Buffer, int]) -> _Memory:
    arena = [o for o in kernel.operands if o.buffer in number]
    states = [o for o in kernel.operands if o.buffer.kind == "state"]
    writes = dict.fromkeys(number[o.buffer] for o in arena if o.written)
    reads = dict.fromkeys(number[o.buffer] for o in arena if number[o.buffer] not in writes)
    return _Memory(
        tuple(reads),
        tuple(writes),
        frozenset(o.buffer for o in states),
        frozenset(o.buffer for o in states if o.written),
    )


def _dependencies(steps: Sequence[Step], touched: Sequence[_Memory]) -> list[tuple[int, ...]]:
    """For each step those that come before: who was the last to write what it reads or writes too
    (and waits for the others), who reads what it overwrites, and who can fail if it writes state.
    """
    written: dict[int, int] = {}
    readers: dict[Buffer, list[int]] = {}
    for n, memory in enumerate(touched):
        for state in memory.old:
            readers.setdefault(state, []).append(n)
    failing = failing_steps(steps)
    result = []
    for n, memory in enumerate(touched):
        touching = (*memory.reads, *memory.writes)
        found = {written[value] for value in touching if value in written}
        found.update(m for state in memory.new for m in readers[state])
        found.update(failing if memory.new else ())
        result.append(tuple(sorted(found - {n})))
        written.update(dict.fromkeys(memory.writes, n))
    return result


def failing_steps(steps: Sequence[Step]) -> list[int]:
    """The numbers of the steps that can fail: that check positions which none before has."""
    known: set[object] = set()
    result = []
    for n, step in enumerate(steps):
        kernel = step.kernel
        nodes = kernel.checks if isinstance(kernel, LoopKernel) else ()
        if not all(_positions(node) in known for node in nodes):
            result.append(n)
        for code, node in enumerate(nodes, start=1):
            if isinstance(kernel, LoopKernel) and _checks_all(kernel, code, node):
                known.add(_positions(node))
    return result


def _positions(node: Node) -> tuple[Node, DimLike]:
    """The positions that a gather or scatter checks, and what they must be below."""
    return node.inputs[1], node.inputs[0].type.shape[node.params["axis"]]


def _checks_all(kernel: LoopKernel, code: int, node: Node) -> bool:
    """Whether a kernel goes over all positions of a node: of a slice it computes only those."""
    waiting = [v.value for v in kernel.values if isinstance(v, Position) and v.code == code]
    loops: set[int] = set()
    while waiting:
        value = kernel.values[waiting.pop()]
        if isinstance(value, Load):
            loops |= {v for v, _ in value.index.terms}
        waiting.extend(arguments(value))
    return product(kernel.extents[v] for v in loops) == product(node.inputs[1].type.shape)


# ---- levels -------------------------------------------------------------------------------------


def levelled(steps: Sequence[Step]) -> tuple[Step, ...]:
    """The steps by new levels: each as soon as it can run, while caches hold what it reads; those
    that read nothing which another step makes, right before they are needed."""
    buffers = dict.fromkeys(o.buffer for step in steps for o in step.kernel.operands)
    number = {b: n for n, b in enumerate(buffers) if b.kind in ("arena", "input", "partial")}
    touched = [_touched(step.kernel, number) for step in steps]
    after = _dependencies(steps, touched)
    levels: list[int] = []
    for before in after:
        levels.append(1 + max((levels[m] for m in before), default=0))
    needed: dict[int, int] = {}
    for n, before in enumerate(after):
        needed.update((m, min(needed.get(m, levels[n]), levels[n])) for m in before)
    for n, memory in enumerate(touched):
        if not after[n] and not memory.new:
            levels[n] = needed.get(n, levels[n] + 1) - 1
    placed = [replace(step, level=level) for step, level in zip(steps, levels, strict=True)]
    return tuple(sorted(placed, key=lambda step: step.level))


# ---- order --------------------------------------------------------------------------------------


def late_order(work: Work) -> list[int]:
    """The tasks as they come, but for those that take memory before it is needed, and for those
    that change state and have little to wait with, so that others can run again."""
    patient = _patient(work)
    order = sorted(range(len(work.tasks)), key=lambda n: n in patient)
    lazy = _lazy(work, order)
    done: set[int] = set()
    result: list[int] = []
    for first in (*(n for n in order if n not in lazy), *order):
        stack = [first]
        while stack:
            n = stack[-1]
            missing = [m for m in work.tasks[n].after if m not in done]
            stack.extend(reversed(missing))
            if not missing:
                stack.pop()
                if n not in done:
                    done.add(n)
                    result.append(n)
    return result


def _patient(work: Work) -> set[int]:
    """Tasks that only change state, and what they read: the smallest, which are little together."""
    size = [sum(work.sizes[v] for v in task.reads) for task in work.tasks]
    left = LITTLE * sum(work.sizes)
    found: set[int] = set()
    for n in sorted(range(len(size)), key=size.__getitem__):
        if not work.tasks[n].repeatable and not work.tasks[n].writes and size[n] <= left:
            left -= size[n]
            found.add(n)
    return found


def _lazy(work: Work, order: Sequence[int]) -> set[int]:
    """Tasks that can wait for whoever needs them: nothing that they read is kept for them."""
    last: dict[int, int] = {}
    first: dict[int, int] = {}
    for at, n in enumerate(order):
        last.update(dict.fromkeys(work.tasks[n].reads, at))
        for m in work.tasks[n].after:
            first.setdefault(m, at)
    last.update(dict.fromkeys(work.inputs, len(order)))
    return {
        n
        for n, task in enumerate(work.tasks)
        if task.repeatable and n in first and all(last[v] >= first[n] for v in task.reads)
    }

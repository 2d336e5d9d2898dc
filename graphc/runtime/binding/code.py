"""What a program is made of once its kernels have text: frozen, without sizes and addresses.

Enters: a schedule. Leaves: `Code`: for each step its kernel, its source and words, and how long
each buffer lives.
"""

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from graphc.codegen.emit import emit
from graphc.codegen.words import Emitted, Number, Size
from graphc.dims import OWN, DimLike, names
from graphc.graph import Graph, Node
from graphc.passes.pipeline import simplify
from graphc.runtime.binding.sizes import SizeTable
from graphc.runtime.collector import without_collector
from graphc.runtime.objects.recall import recall
from graphc.schedule.kernel import (
    Buffer,
    ContractKernel,
    Kernel,
    LoopKernel,
    Member,
    Schedule,
    Step,
    StripKernel,
)
from graphc.schedule.schedule import build_schedule


@dataclass(frozen=True, slots=True)
class Strips:
    """A loop over strips, which is step `number`: its members are the steps behind it.

    `lives` are the first and the last member that use each buffer of a strip.
    """

    number: int
    kernel: StripKernel
    lives: dict[Buffer, tuple[int, int]]

    @property
    def members(self) -> range:
        """The numbers of the steps that it runs."""
        return range(self.number + 1, self.number + 1 + len(self.kernel.members))

    @property
    def sizes(self) -> Iterable[DimLike]:
        """On which it depends how the axes are cut."""
        yield from self.kernel.axes
        for buffer in self.lives:
            yield from self.row(buffer)

    def row(self, buffer: Buffer) -> list[DimLike]:
        """The axes that a strip has whole."""
        return [size for size in buffer.type.shape if size not in self.kernel.units]


@dataclass(frozen=True, slots=True)
class Code:
    """A program before binding.

    `scratch` tells which step has one row a part in a buffer, `numbers` are the scalar nodes whose
    values the words of kernels hold. `cuts` are the sizes on which it depends how `strips` are cut.
    """

    schedule: Schedule
    emitted: tuple[Emitted, ...]
    lives: dict[Buffer, tuple[int, int]]
    scratch: dict[Buffer, int]
    early: SizeTable
    late: SizeTable
    numbers: tuple[Node, ...]
    strips: tuple[Strips, ...] = ()
    cuts: SizeTable = field(default_factory=lambda: SizeTable(()))
    seconds: Mapping[str, float] = field(default_factory=dict, compare=False)

    @property
    def steps(self) -> tuple[Step, ...]:
        """The steps, in order."""
        return self.schedule.steps

    @property
    def tasks(self) -> tuple[range, ...]:
        """The numbers of steps that run together: a loop over strips with its members, or one."""
        inside = {n for strips in self.strips for n in strips.members}
        loops = {strips.number: strips.members.stop for strips in self.strips}
        every = range(len(self.steps))
        return tuple([range(n, loops.get(n, n + 1)) for n in every if n not in inside])


def code_of(graph: Graph) -> Code:
    """The code of a graph: all stages before the binding. Its `seconds` are theirs, by name, and
    those of `recall`, which found it or kept it.
    """
    start = time.perf_counter()
    with without_collector():
        seconds: dict[str, float] = {}
        code = recall(graph, lambda graph: _staged(graph, seconds))
    seconds["recall"] = time.perf_counter() - start - sum(seconds.values())
    return replace(code, seconds=seconds)


def _staged(graph: Graph, seconds: dict[str, float]) -> Code:
    made: Any = graph
    for name, stage in STAGES:
        start = time.perf_counter()
        made = stage(made)
        seconds[name] = time.perf_counter() - start
    return made


def emit_program(schedule: Schedule) -> Code:
    """The text of every kernel, and the tables that a binding will evaluate.

    `early` sizes decide how steps are split, `late` ones may depend on that.
    """
    emitted = tuple(emit(step.kernel) for step in schedule.steps)
    words = [word for e in emitted for word in e.words]
    numbers = dict.fromkeys(word.node for word in words if isinstance(word, Number))
    late = [word.dim for word in words if isinstance(word, Size)]
    buffers = [o.buffer for step in schedule.steps for o in step.kernel.operands]
    shaped = [*buffers, *schedule.inputs, *schedule.outputs]
    late += [size for buffer in shaped for size in buffer.type.shape]
    contractions = [s.kernel for s in schedule.steps if isinstance(s.kernel, ContractKernel)]
    late += [factor.offset for kernel in contractions for factor in (kernel.left, kernel.right)]
    early = [size for step in schedule.steps for size in _early(step.kernel)]
    strips = strips_of(schedule)
    late += [size for s in strips for m in s.kernel.members for size in _moves(m)]
    return Code(
        schedule,
        emitted,
        lives_of(schedule),
        scratch_of(schedule),
        SizeTable(early),
        SizeTable(late),
        tuple(numbers),
        strips,
        SizeTable(size for s in strips for size in s.sizes),
    )


def _moves(member: Member) -> Iterable[DimLike]:
    return (size for steps in (*member.operands, *member.factors) for size in steps)


def strips_of(schedule: Schedule) -> tuple[Strips, ...]:
    """The loops over strips, and the members from which to which each strip's memory is in use."""
    found = []
    for number, step in enumerate(schedule.steps):
        if isinstance(step.kernel, StripKernel):
            lives: dict[Buffer, tuple[int, int]] = {}
            for n, member in enumerate(step.kernel.members):
                for operand in member.kernel.operands:
                    if operand.buffer.kind == "strip":
                        lives[operand.buffer] = lives.get(operand.buffer, (n, n))[0], n
            found.append(Strips(number, step.kernel, lives))
    return tuple(found)


def scratch_of(schedule: Schedule) -> dict[Buffer, int]:
    """Which step has each buffer that holds a row a part."""
    return {
        operand.buffer: number
        for number, step in enumerate(schedule.steps)
        for operand in step.kernel.operands
        if operand.buffer.kind == "scratch"
    }


def _early(kernel: Kernel) -> Iterable[DimLike]:
    if isinstance(kernel, StripKernel):
        return ()
    if isinstance(kernel, LoopKernel):
        if kernel.split is None:
            return ()
        sizes = (*kernel.outer, kernel.extents[kernel.split], *kernel.inner[:1])
        # How many parts there are is not known before the split: no cost depends on it.
        return (kernel.cost, *(s for s in sizes if not any(n.startswith(OWN) for n in names(s))))
    axes = (*(a for n, a in enumerate(kernel.axes) if n != kernel.share), *kernel.depth)
    loops = [size for axis in axes for size in (axis.extent, axis.left, axis.right)]
    return (kernel.cost, kernel.left.offset, kernel.right.offset, *loops)


def lives_of(schedule: Schedule) -> dict[Buffer, tuple[int, int]]:
    """The first and the last level at which each buffer of the arena is in use."""
    end = 1 + max((step.level for step in schedule.steps), default=0)
    lives: dict[Buffer, tuple[int, int]] = dict.fromkeys(schedule.inputs, (0, 0))
    for step in schedule.steps:
        for operand in step.kernel.operands:
            first, last = lives.get(operand.buffer, (step.level, step.level))
            lives[operand.buffer] = (min(first, step.level), max(last, step.level))
    for buffer in schedule.outputs:
        lives[buffer] = (lives.get(buffer, (0, 0))[0], end)
    return {b: life for b, life in lives.items() if b.kind not in ("state", "constant")}


STAGES: tuple[tuple[str, Callable[[Any], Any]], ...] = (
    ("simplify", simplify),
    ("schedule", build_schedule),
    ("emit", emit_program),
)

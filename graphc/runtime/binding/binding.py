"""Binding: a program for given sizes, as the table of rows that the runner runs.

Enters: a program's template and the numbers of its named sizes. Leaves: a `Binding`: the table,
whose words are addresses, extents, strides and numbers, and where inputs and outputs lie in the
arena.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import prod

import numpy as np

from graphc.dims import DimLike
from graphc.errors import BindingError
from graphc.evaluate import evaluate_at
from graphc.runtime.binding.arena import Memory, memory_of, shape_of
from graphc.runtime.binding.code import Code
from graphc.runtime.binding.cutting import Cut, Cuts, cuts_of, named_sizes
from graphc.runtime.binding.partition import Partition, partition_steps
from graphc.runtime.binding.shares import bounds_of
from graphc.runtime.binding.sources import Backend, Sources
from graphc.runtime.binding.strip_plan import plan_of
from graphc.runtime.binding.template import ERROR_AT, Template, number_bits, write_header
from graphc.runtime.threads.team import BARRIER, BOUNDS_AT, COMMIT, FLAGS_AT, GRANULE_AT
from graphc.schedule.kernel import Buffer, StripKernel
from graphc.schedule.tasks import failing_steps
from graphc.state import aligned_empty
from graphc.types import int64

TOO_LARGE = 2**62  # bytes: addresses and what is computed of them stay within an int64


@dataclass(frozen=True, slots=True)
class Slot:
    """An input or output: where it starts in the arena in bytes, its shape and dtype.

    `at` are the words of the table that point into it, `ahead` how far from its first byte: with
    these, rows read or write the array elsewhere.
    """

    offset: int
    shape: tuple[int, ...]
    dtype: np.dtype
    at: tuple[int, ...]
    ahead: tuple[int, ...]

    @property
    def bytes(self) -> int:
        """Its size."""
        return prod(self.shape) * self.dtype.itemsize


@dataclass(slots=True, eq=False)
class Binding:
    """A table ready to run once `move_to` has told it where the arena is.

    `arena_words` are addresses in the arena, `error_words` that of the error word. `numbers` are
    those of all sizes of the program, `sizes` those of the names. The table has the addresses of
    the `plans` of its loops over strips, and of the bounds of parts. `code` is what runs: the
    program's, or one that fits into its memory budget.
    """

    code: Code
    table: np.ndarray
    arena_words: np.ndarray
    error_words: Sequence[int]
    arena_bytes: int
    threads: int
    inputs: tuple[Slot, ...]
    outputs: tuple[Slot, ...]
    rows: Sequence[int]
    partitions: tuple[Partition, ...]
    numbers: Mapping[DimLike, int]
    sizes: Mapping[str, int]
    plans: Sequence[np.ndarray] = ()
    base: int = 0

    @property
    def address(self) -> int:
        """Of the table."""
        return self.table.ctypes.data

    def move_to(self, base: int) -> None:
        """Points every word that is an address in the arena to an arena that starts at `base`."""
        self.table[self.arena_words] += base - self.base
        self.base = base


def bind(
    template: Template,
    sizes: Mapping[str, int],
    threads: int,
    backend: Backend,
    partitions: tuple[Partition, ...] | None = None,
    tight: bool = False,
) -> Binding:
    """The table of a program for these sizes, split over up to `threads` parts, or as `partitions`
    say; `tight`: in little memory. BindingError for sizes that no memory holds."""
    code = template.code
    if partitions is None:
        partitions = _partitions(code, sizes, threads)
    cuts = {s.kernel: partitions[s.number].cut or Cut((), ()) for s in code.strips}
    known = {**sizes, **named_sizes(cuts), **_parts(code, partitions)}
    numbers = code.late.at(known)
    memory = memory_of(code, numbers, partitions, tight)
    if memory.total >= TOO_LARGE:
        raise too_large(sizes)
    table = _table(template, numbers, sizes, memory)
    sources = Sources(template, numbers, memory, backend)
    relative = _write_contractions(template, table, partitions, sources)
    relative |= {at + 1: None for at in template.strips.values()}
    _write_heads(template, table, partitions)
    plans = _write_strips(table, cuts, known, partitions, sources)
    bounds = _write_bounds(template, table, partitions)

    def slot(buffer: Buffer) -> Slot:
        at = (*template.external[buffer], *(n for n, b in relative.items() if b is buffer))
        offset, dtype = memory.offsets[buffer], buffer.type.dtype.numpy
        ahead = (table[list(at)] - offset).tolist() if at else ()
        return Slot(offset, shape_of(buffer, numbers), dtype, at, tuple(ahead))

    return Binding(
        code=code,
        table=table,
        arena_words=np.array([*template.addresses.at, *relative], np.int64),
        error_words=template.errors,
        arena_bytes=memory.total,
        threads=threads if any(p.parts > 1 for p in partitions) else 1,
        inputs=tuple(map(slot, code.schedule.inputs)),
        outputs=tuple(map(slot, code.schedule.outputs)),
        rows=template.rows,
        partitions=partitions,
        numbers=numbers,
        sizes=dict(sizes),
        plans=(*plans, *bounds),
    )


def _partitions(code: Code, sizes: Mapping[str, int], threads: int) -> tuple[Partition, ...]:
    kernels = [step.kernel for step in code.steps]
    cuts = cuts_of(code, sizes, threads)
    numbers = code.early.at({**sizes, **named_sizes(cuts)})
    last = code.early.at({**sizes, **named_sizes(cuts, smaller=True)}) if cuts else numbers
    return partition_steps(kernels, numbers, threads, cuts, last)


def _parts(code: Code, partitions: Sequence[Partition]) -> dict[str, int]:
    """How many partial results each kernel has."""
    return {
        str(step.kernel.parts): partition.results
        for step, partition in zip(code.steps, partitions, strict=True)
        if not isinstance(step.kernel, StripKernel) and step.kernel.parts is not None
    }


def too_large(sizes: Mapping[str, int]) -> BindingError:
    """The error for sizes whose arrays no memory holds."""
    known = ", ".join(f"{name} = {size}" for name, size in sizes.items())
    return BindingError("the sizes are too large", got=known, fix="give smaller arrays")


# ---- the table ----------------------------------------------------------------------------------


def _table(
    template: Template, numbers: Mapping[DimLike, int], sizes: Mapping[str, int], memory: Memory
) -> np.ndarray:
    """The table with the words of loop kernels, and those of epilogues."""
    table = aligned_empty(template.words.shape, int64)
    table[:] = template.words
    template.addresses.fill(table, memory.offsets.values())
    template.sizes.fill(table, numbers.values())
    template.part_sizes.fill(table, (memory.part_bytes.get(b, 0) for b in template.code.lives))
    values = evaluate_at(template.symbolic, sizes) if template.symbolic else ()
    template.numbers.fill(table, map(number_bits, values))
    table[template.errors] = table.ctypes.data + 8 * ERROR_AT
    return table


def _write_heads(template: Template, table: np.ndarray, partitions: Sequence[Partition]) -> None:
    """The header, and what rows have before their words."""
    rows = np.array(template.rows, np.int64)
    shares = [(p.extent, p.granule, 0 if p.member else p.parts) for p in partitions]
    for column, values in enumerate(zip(*shares, strict=True), start=2):
        table[rows + column] = values
    table[rows + FLAGS_AT] = row_flags(template.code, partitions)
    write_header(table, len(rows))


def _write_bounds(
    template: Template, table: np.ndarray, partitions: Sequence[Partition]
) -> list[np.ndarray]:
    """Where parts begin whose blocks are not equally large."""
    every = []
    for at, partition in zip(template.rows, partitions, strict=True):
        blocking = None if partition.member else partition.blocking
        bounds = None if blocking is None else bounds_of(blocking, partition.parts)
        if bounds is not None:
            table[[at + GRANULE_AT, at + BOUNDS_AT]] = 0, bounds.ctypes.data
            every.append(bounds)
    return every


def _write_contractions(
    template: Template, table: np.ndarray, partitions: Sequence[Partition], sources: Sources
) -> dict[int, Buffer | None]:
    """The words of matmuls; returns where those stand that are addresses in the arena, and of which
    buffer (None: of scratch)."""
    relative: dict[int, Buffer | None] = {}
    for number, (at, _) in template.contractions.items():
        blocking = partitions[number].blocking
        assert blocking is not None
        values = sources.words(number, blocking)
        table[at : at + len(values)] = values
        buffers = sources.factors(number, blocking)
        relative |= {at + n: b for n, b in enumerate(buffers) if b in sources.memory.offsets}
        relative[at + 2] = None
    return relative


def _write_strips(
    table: np.ndarray,
    cuts: Cuts,
    known: Mapping[str, int],
    partitions: Sequence[Partition],
    sources: Sources,
) -> list[np.ndarray]:
    """The words of loops over strips; returns their plans."""
    code, plans = sources.template.code, []
    for strips in code.strips:
        last = code.late.at({**known, **named_sizes(cuts, smaller=True)})
        cut, at = cuts[strips.kernel], sources.template.strips[strips.number]
        plans.append(plan_of(strips, cut, partitions, sources, known, last))
        table[at : at + 2] = plans[-1].ctypes.data, sources.memory.copies[strips.number]
    return plans


def row_flags(code: Code, partitions: Sequence[Partition]) -> list[int]:
    """Barriers between levels where either side runs on several threads, and the commit point."""
    steps = code.steps
    flags = [0] * len(steps)
    split = {s.level for s, p in zip(steps, partitions, strict=True) if p.parts > 1}
    waiting = False  # has a level since the last barrier run on several threads?
    for n, (step, following) in enumerate(pairwise(steps)):
        waiting = waiting or step.level in split
        if step.level != following.level and (waiting or following.level in split):
            flags[n] |= BARRIER
            waiting = False
    failing = max((steps[n].level for n in failing_steps(steps)), default=-1)
    commit = sum(step.level <= failing for step in steps) - 1
    if 0 <= commit < len(steps) - 1:
        flags[commit] |= BARRIER | COMMIT
    return flags

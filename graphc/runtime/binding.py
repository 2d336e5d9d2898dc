"""Binding: a program for given sizes, as the table of rows that the runner runs.

Enters: a program's template and the numbers of its named sizes. Leaves: a `Binding`: the table,
whose words are addresses, extents, strides and numbers, and where inputs and outputs lie in the
arena.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import prod

import numpy as np

from graphc.codegen.contract import contract_values
from graphc.codegen.words import ContractWords
from graphc.dims import DimLike
from graphc.errors import BindingError
from graphc.evaluate import evaluate_at
from graphc.runtime.code import Code
from graphc.runtime.partition import Partition, partition_steps
from graphc.runtime.team import BARRIER, COMMIT, FLAGS_AT
from graphc.runtime.template import (
    ERROR_AT,
    Template,
    fixed_address,
    number_bits,
    write_header,
)
from graphc.schedule.kernel import Buffer, ContractKernel, LoopKernel
from graphc.schedule.memory import LINE, Interval, plan_memory
from graphc.schedule.tasks import failing_steps
from graphc.schedule.tiles import Tile
from graphc.state import aligned_empty
from graphc.types import int64

TOO_LARGE = 2**62  # bytes: addresses and what is computed of them stay within an int64


@dataclass(frozen=True, slots=True)
class Backend:
    """How texts become addresses: machine code, or Python for tests and for stepping through.

    `later` is the reading of `cycles` so many seconds from now.
    """

    kernels: Callable[[Sequence[str], Sequence[ContractWords]], Sequence[int]]
    sums: Callable[[str], int]
    micro: Callable[[Tile], int]
    pack: Callable[[str], int]
    later: Callable[[float], int]


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
    those of all sizes of the program, `sizes` those of the names. `code` is what runs: the
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
    base: int = 0

    @property
    def address(self) -> int:
        """Of the table."""
        return self.table.ctypes.data

    def move_to(self, base: int) -> None:
        """Points every word that is an address in the arena to an arena that starts at `base`."""
        self.table[self.arena_words] += base - self.base
        self.base = base


@dataclass(frozen=True, slots=True)
class Memory:
    """Bytes from the start of the arena: buffers, the scratch of matmuls by step; bytes a part."""

    offsets: dict[Buffer, int]
    part_bytes: dict[Buffer, int]
    scratch: Sequence[int]
    total: int


def bind(
    template: Template,
    sizes: Mapping[str, int],
    threads: int,
    backend: Backend,
    partitions: tuple[Partition, ...] | None = None,
) -> Binding:
    """The table of a program for these sizes, split over up to `threads` parts, or as `partitions`
    say.

    BindingError for sizes that no memory holds.
    """
    code = template.code
    kernels = [step.kernel for step in code.steps]
    if partitions is None:
        partitions = partition_steps(kernels, code.early.at(sizes), threads)
    known = dict(sizes)
    for kernel, partition in zip(kernels, partitions, strict=True):
        if isinstance(kernel, LoopKernel) and kernel.parts is not None:
            known[str(kernel.parts)] = partition.results
    numbers = code.late.at(known)
    memory = memory_of(code, numbers, partitions)
    if memory.total >= TOO_LARGE:
        raise too_large(sizes)
    table = aligned_empty(template.words.shape, int64)
    table[:] = template.words
    _write_words(template, table, numbers, sizes, memory)
    relative = _write_contractions(template, table, numbers, partitions, memory, backend)
    _write_heads(template, table, partitions)

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
    )


def too_large(sizes: Mapping[str, int]) -> BindingError:
    """The error for sizes whose arrays no memory holds."""
    known = ", ".join(f"{name} = {size}" for name, size in sizes.items())
    return BindingError("the sizes are too large", got=known, fix="give smaller arrays")


def shape_of(buffer: Buffer, numbers: Mapping[DimLike, int]) -> tuple[int, ...]:
    """The buffer's shape in numbers."""
    return tuple([numbers[size] for size in buffer.type.shape])


def buffer_bytes(buffer: Buffer, numbers: Mapping[DimLike, int]) -> int:
    """The size of a buffer: of "scratch" that of one part."""
    return prod([numbers[size] for size in buffer.type.shape]) * buffer.type.dtype.itemsize


def memory_of(
    code: Code, numbers: Mapping[DimLike, int], partitions: Sequence[Partition]
) -> Memory:
    """Where buffers and scratch lie in the arena."""
    intervals: list[Interval] = []
    part_bytes: dict[Buffer, int] = {}
    for buffer, (first, last) in code.lives.items():
        size = buffer_bytes(buffer, numbers)
        if buffer.kind == "scratch":
            part_bytes[buffer] = -(-size // LINE) * LINE
            size = part_bytes[buffer] * partitions[code.scratch[buffer]].parts
        intervals.append(Interval(size, first, last))
    for step, partition in zip(code.steps, partitions, strict=True):
        blocking = partition.blocking
        size = blocking.scratch_bytes * partition.parts if blocking else 0
        intervals.append(Interval(size, step.level, step.level))
    plan = plan_memory(intervals)
    count = len(code.lives)
    offsets = dict(zip(code.lives, plan.offsets, strict=False))
    return Memory(offsets, part_bytes, plan.offsets[count:], plan.total)


# ---- the table ----------------------------------------------------------------------------------


def _write_words(
    template: Template,
    table: np.ndarray,
    numbers: Mapping[DimLike, int],
    sizes: Mapping[str, int],
    memory: Memory,
) -> None:
    """The words of loop kernels, and those of epilogues."""
    template.addresses.fill(table, memory.offsets.values())
    template.sizes.fill(table, numbers.values())
    template.part_sizes.fill(table, (memory.part_bytes.get(b, 0) for b in template.code.lives))
    values = evaluate_at(template.symbolic, sizes) if template.symbolic else ()
    template.numbers.fill(table, map(number_bits, values))
    table[template.errors] = table.ctypes.data + 8 * ERROR_AT


def _write_heads(template: Template, table: np.ndarray, partitions: Sequence[Partition]) -> None:
    """The header, and what rows have before their words."""
    rows = np.array(template.rows, np.int64)
    shares = [(p.extent, p.granule, p.parts) for p in partitions]
    for column, values in enumerate(zip(*shares, strict=True), start=2):
        table[rows + column] = values
    table[rows + FLAGS_AT] = row_flags(template.code, partitions)
    write_header(table, len(rows))


def _write_contractions(
    template: Template,
    table: np.ndarray,
    numbers: Mapping[DimLike, int],
    partitions: Sequence[Partition],
    memory: Memory,
    backend: Backend,
) -> dict[int, Buffer | None]:
    """The words of matmuls; returns where those stand that are addresses in the arena, and of which
    buffer (None: of scratch)."""
    relative: dict[int, Buffer | None] = {}
    for number, (at, source) in template.contractions.items():
        kernel = template.code.steps[number].kernel
        assert isinstance(kernel, ContractKernel)
        blocking = partitions[number].blocking
        assert blocking is not None
        starts, buffers = [], []
        for factor in (kernel.left, kernel.right):
            buffers.append(kernel.operands[factor.operand].buffer)
            start = numbers[factor.offset] * kernel.dtype.itemsize
            starts.append(_address(memory, buffers[-1]) + start)
        fast = kernel.dtype.name in ("float32", "float64")
        pack = backend.pack(kernel.dtype.name) if fast else 0
        micro = backend.micro if fast else _no_micro
        addresses = starts[0], starts[1], memory.scratch[number]
        values = contract_values(blocking, addresses, backend.sums(source), micro, pack)
        table[at : at + len(values)] = values
        if blocking.turned:  # the transpose is computed: B comes first
            buffers.reverse()
        relative |= {at + n: b for n, b in enumerate(buffers) if b in memory.offsets}
        relative[at + 2] = None
    return relative


def _address(memory: Memory, buffer: Buffer) -> int:
    """Where a buffer starts, if it is in the arena from there."""
    fixed = fixed_address(buffer)
    return memory.offsets[buffer] if fixed is None else fixed


def _no_micro(tile: Tile) -> int:
    return 0


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

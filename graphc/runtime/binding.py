"""Binding: a program for given sizes, as the table of rows that the runner runs.

Enters: a program's code and the numbers of its named sizes. Leaves: a `Binding`: the table, whose words
are addresses, extents, strides and numbers, and where inputs and outputs lie in the arena.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import prod

import numpy as np

from graphc.codegen.contract import contract_values
from graphc.codegen.words import (
    Address,
    ContractWords,
    ErrorWord,
    FirstCode,
    Number,
    PartSize,
    Size,
    Word,
)
from graphc.dims import DimLike
from graphc.evaluate import evaluate_at
from graphc.graph import Node, State, aligned_empty
from graphc.graph import Literal as ConstantValue
from graphc.runtime.code import Code
from graphc.runtime.partition import Partition, partition_steps
from graphc.runtime.team import BARRIER, COMMIT, HEADER_WORDS, ROW_WORDS, SPINS
from graphc.schedule.blocking import Tile
from graphc.schedule.kernel import Buffer, ContractKernel, LoopKernel, Operand
from graphc.schedule.memory import Interval, plan_memory
from graphc.types import int64

LINE_WORDS = 8
BARRIER_AT, ERROR_AT = HEADER_WORDS, HEADER_WORDS + LINE_WORDS
ROWS_AT = HEADER_WORDS + 2 * LINE_WORDS  # behind the header: barrier and error word, a line each


@dataclass(frozen=True, slots=True)
class Backend:
    """How texts become addresses: machine code, or Python for tests and for stepping through."""

    kernel: Callable[[str, str], int]
    micro: Callable[[Tile], int]
    pack: Callable[[int, str], int]


@dataclass(frozen=True, slots=True)
class Slot:
    """An array in the arena: where it starts in bytes, its shape and dtype."""

    offset: int
    shape: tuple[int, ...]
    dtype: np.dtype


@dataclass(slots=True, eq=False)
class Binding:
    """A table ready to run once `moved_to` has told it where the arena is."""

    table: np.ndarray
    arena_words: np.ndarray
    arena_bytes: int
    threads: int
    inputs: tuple[Slot, ...]
    outputs: tuple[Slot, ...]
    rows: tuple[int, ...]
    partitions: tuple[Partition, ...]
    numbers: Mapping[DimLike, int]
    base: int = 0

    @property
    def address(self) -> int:
        """Of the table."""
        return self.table.ctypes.data

    def clear_error(self) -> None:
        """Forgets a failure."""
        self.table[ERROR_AT] = 0

    def move_to(self, base: int) -> None:
        """Points every word that is an address in the arena to an arena that starts at `base`."""
        self.table[self.arena_words] += base - self.base
        self.base = base


@dataclass(slots=True)
class _Layout:
    """Numbers of one binding while its rows are written."""

    code: Code
    numbers: Mapping[DimLike, int]
    scalars: Mapping[Node, np.ndarray]
    offsets: Mapping[Buffer, int]
    part_bytes: Mapping[Buffer, int]
    table_address: int
    backend: Backend
    relative: list[int]


def bind(code: Code, sizes: Mapping[str, int], threads: int, backend: Backend) -> Binding:
    """The table of a program for these sizes, split over up to `threads` parts."""
    kernels = [step.kernel for step in code.steps]
    early = code.early.at(sizes)
    partitions = partition_steps(kernels, early, threads)
    known = dict(sizes)
    for kernel, partition in zip(kernels, partitions, strict=True):
        if isinstance(kernel, LoopKernel) and kernel.parts is not None:
            known[str(kernel.parts)] = partition.used
    numbers = code.late.at(known)
    scalars = dict(zip(code.numbers, evaluate_at(code.numbers, sizes), strict=True))
    offsets, part_bytes, scratch, total = _memory(code, numbers, partitions)
    table = _empty_table(code)
    address = table.ctypes.data
    layout = _Layout(code, numbers, scalars, offsets, part_bytes, address, backend, [])
    rows = _write_rows(layout, table, partitions, scratch)
    control = address + 8 * ROWS_AT, address + 8 * BARRIER_AT, address + 8 * ERROR_AT
    table[:5] = len(rows), *control, SPINS
    parallel = any(p.parts > 1 for p in partitions)
    return Binding(
        table=table,
        arena_words=np.array(layout.relative, np.int64),
        arena_bytes=total,
        threads=threads if parallel else 1,
        inputs=tuple(_slot(layout, buffer) for buffer in code.schedule.inputs),
        outputs=tuple(_slot(layout, buffer) for buffer in code.schedule.outputs),
        rows=rows,
        partitions=partitions,
        numbers=numbers,
    )


def shape_of(buffer: Buffer, numbers: Mapping[DimLike, int]) -> tuple[int, ...]:
    """The buffer's shape in numbers."""
    return tuple(numbers[size] for size in buffer.type.shape)


def _slot(layout: _Layout, buffer: Buffer) -> Slot:
    shape = shape_of(buffer, layout.numbers)
    return Slot(layout.offsets[buffer], shape, buffer.type.dtype.numpy)


def _memory(
    code: Code, numbers: Mapping[DimLike, int], partitions: Sequence[Partition]
) -> tuple[dict[Buffer, int], dict[Buffer, int], list[int], int]:
    """Offsets of buffers, bytes a part of scratch rows, offsets of matmul scratch, the total."""
    parts_of: dict[Buffer, int] = {}
    for step, partition in zip(code.steps, partitions, strict=True):
        for operand in step.kernel.operands:
            if operand.buffer.kind == "scratch":
                parts_of[operand.buffer] = partition.parts
    part_bytes: dict[Buffer, int] = {}
    intervals: list[Interval] = []
    for buffer, (first, last) in code.lives.items():
        size = prod(shape_of(buffer, numbers)) * buffer.type.dtype.itemsize
        if buffer.kind == "scratch":
            part_bytes[buffer] = -(-size // 64) * 64
            size = part_bytes[buffer] * parts_of[buffer]
        intervals.append(Interval(size, first, last))
    for step, partition in zip(code.steps, partitions, strict=True):
        blocking = partition.blocking
        size = blocking.scratch_bytes * partition.parts if blocking else 0
        intervals.append(Interval(size, step.level, step.level))
    plan = plan_memory(intervals)
    count = len(code.lives)
    offsets = dict(zip(code.lives, plan.offsets, strict=False))
    return offsets, part_bytes, list(plan.offsets[count:]), plan.total


def _empty_table(code: Code) -> np.ndarray:
    widths = [len(CONTRACT) + len(e.words) for e in code.emitted]
    table = aligned_empty((ROWS_AT + sum(widths) + ROW_WORDS * len(widths),), int64)
    table[:] = 0
    return table


CONTRACT = range(64)  # an upper bound of the words of a contraction


def _write_rows(
    layout: _Layout, table: np.ndarray, partitions: Sequence[Partition], scratch: Sequence[int]
) -> tuple[int, ...]:
    at, first_code, rows = ROWS_AT, 0, []
    flags = row_flags(layout.code, partitions)
    for number, (step, partition) in enumerate(zip(layout.code.steps, partitions, strict=True)):
        emitted = layout.code.emitted[number]
        words = at + ROW_WORDS
        for word in emitted.words:
            values = _values(layout, word, step.kernel, partition, scratch[number], first_code)
            for value, relative in values:
                table[words] = value
                if relative:
                    layout.relative.append(words)
                words += 1
        address = layout.backend.kernel(emitted.source, "kernel")
        head = (words - at, address, partition.extent, partition.granule, partition.parts)
        table[at : at + 6] = *head, flags[number]
        if isinstance(step.kernel, LoopKernel):
            first_code += len(step.kernel.checks)
        rows.append(at)
        at = words
    return tuple(rows)


def _values(
    layout: _Layout,
    word: Word,
    kernel: LoopKernel | ContractKernel,
    partition: Partition,
    scratch: int,
    first_code: int,
) -> list[tuple[int, bool]]:
    """The numbers of a word, each with whether it is an address in the arena."""
    match word:
        case Address(operand=number):
            return [_address(layout, kernel.operands[number])]
        case PartSize(operand=number):
            return [(layout.part_bytes[kernel.operands[number].buffer], False)]
        case Size(dim=size):
            return [(layout.numbers[size], False)]
        case Number(node=node):
            return [(number_bits(layout.scalars[node]), False)]
        case ErrorWord():
            return [(layout.table_address + 8 * ERROR_AT, False)]
        case FirstCode():
            return [(first_code, False)]
        case ContractWords():
            assert isinstance(kernel, ContractKernel)
            return _contraction(layout, kernel, partition, scratch)


def _address(layout: _Layout, operand: Operand) -> tuple[int, bool]:
    buffer = operand.buffer
    if isinstance(buffer.owner, State | ConstantValue) and buffer.kind in ("state", "constant"):
        return buffer.owner.array.ctypes.data, False
    return layout.offsets[buffer], True


def _contraction(
    layout: _Layout, kernel: ContractKernel, partition: Partition, scratch: int
) -> list[tuple[int, bool]]:
    blocking = partition.blocking
    assert blocking is not None
    starts = []
    for factor in (kernel.left, kernel.right):
        base, relative = _address(layout, kernel.operands[factor.operand])
        offset = layout.numbers[factor.offset] * kernel.dtype.itemsize
        starts.append((base + offset, relative))
    starts.append((scratch, True))
    width = blocking.whole.width
    fast = kernel.dtype.name in ("float32", "float64")
    pack = layout.backend.pack(width, kernel.dtype.name) if fast else 0
    micro = layout.backend.micro if fast else _no_micro
    addresses = (starts[0][0], starts[1][0], starts[2][0])
    values = contract_values(blocking, addresses, micro, pack)
    moves = [relative for _, relative in starts]
    if blocking.turned:  # the transpose is computed: B comes first
        moves[:2] = reversed(moves[:2])
    return [(v, n < 3 and moves[n]) for n, v in enumerate(values)]


def _no_micro(tile: Tile) -> int:
    return 0


def number_bits(value: np.ndarray) -> int:
    """A number as an int64 word: floats as the bits of a float64."""
    if value.dtype.kind == "f":
        return int(value.astype(np.float64).reshape(1).view(np.int64)[0])
    return int(value.reshape(1).astype(np.int64, casting="unsafe")[0])


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
    commit = max((n for n, step in enumerate(steps) if step.phase == 0), default=-1)
    fails = any(isinstance(s.kernel, LoopKernel) and s.kernel.checks for s in steps)
    if fails and 0 <= commit < len(steps) - 1:
        flags[commit] |= BARRIER | COMMIT
    return flags

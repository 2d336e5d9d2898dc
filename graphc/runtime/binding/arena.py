"""The arena of a program for given sizes: where every buffer lies, and what each part has of its
own.

Enters: a program's code, the numbers of its sizes, the partitions of its steps. Leaves: `Memory`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import prod

from graphc.codegen.strips import kept_bytes
from graphc.codegen.words import width_of
from graphc.dims import DimLike
from graphc.runtime.binding.code import Code, Strips
from graphc.runtime.binding.partition import Partition
from graphc.runtime.threads.team import ROW_WORDS
from graphc.schedule.halves import plan_in_halves
from graphc.schedule.kernel import Buffer
from graphc.schedule.memory import Interval, own_bytes, plan_memory


@dataclass(frozen=True, slots=True)
class Memory:
    """Bytes from the start of the arena: buffers, the scratch of matmuls by step; bytes a part.

    Of a loop over strips, by step: `strides` from what one part has to that of the next, `copies`
    where the first part keeps its rows.
    """

    offsets: dict[Buffer, int]
    part_bytes: dict[Buffer, int]
    scratch: Sequence[int]
    strides: dict[int, int]
    copies: dict[int, int]
    total: int


@dataclass(frozen=True, slots=True)
class _OfStrips:
    """What a part has for its strips: the buffers, and behind them the rows."""

    offsets: dict[Buffer, int]
    rows_at: int
    stride: int


def memory_of(
    code: Code,
    numbers: Mapping[DimLike, int],
    partitions: Sequence[Partition],
    tight: bool,
) -> Memory:
    """Where everything lies in the arena; `tight`: in as little memory as is found."""
    intervals: list[Interval] = []
    part_bytes: dict[Buffer, int] = {}
    buffers = [buffer for buffer in code.lives if buffer.kind != "strip"]
    for buffer in buffers:
        size = buffer_bytes(buffer, numbers)
        if buffer.kind == "scratch":
            parts = partitions[code.scratch[buffer]].parts
            part_bytes[buffer] = own_bytes(size, parts)
            size = part_bytes[buffer] * parts
        intervals.append(Interval(size, *code.lives[buffer]))
    for step, partition in zip(code.steps, partitions, strict=True):
        blocking = partition.blocking
        size = blocking.scratch_bytes * partition.parts if blocking else 0
        intervals.append(Interval(size, step.level, step.level))
    own = [_of_strips(code, s, numbers, partitions[s.number].parts) for s in code.strips]
    for strips, part in zip(code.strips, own, strict=True):
        level, parts = code.steps[strips.number].level, partitions[strips.number].parts
        intervals.append(Interval(part.stride * parts, level, level))
    several = any(partition.parts > 1 for partition in partitions)
    plan = plan_in_halves(intervals) if several and not tight else plan_memory(intervals)
    places = iter(plan.offsets)
    offsets = dict(zip(buffers, places, strict=False))
    scratch = [next(places) for _ in code.steps]
    starts = dict(zip((strips.number for strips in code.strips), places, strict=True))
    for part, start in zip(own, starts.values(), strict=True):
        offsets |= {buffer: start + offset for buffer, offset in part.offsets.items()}
    return Memory(
        {buffer: offsets[buffer] for buffer in code.lives},
        part_bytes,
        scratch,
        {number: part.stride for number, part in zip(starts, own, strict=True)},
        {n: start + part.rows_at for (n, start), part in zip(starts.items(), own, strict=True)},
        plan.total,
    )


def strip_bytes(
    code: Code, numbers: Mapping[DimLike, int], partitions: Sequence[Partition]
) -> dict[int, int]:
    """What the parts have of their own for each loop over strips, by step."""
    every = [(s, partitions[s.number].parts) for s in code.strips]
    return {s.number: _of_strips(code, s, numbers, parts).stride * parts for s, parts in every}


def _of_strips(code: Code, strips: Strips, numbers: Mapping[DimLike, int], parts: int) -> _OfStrips:
    lives = strips.lives.items()
    plan = plan_memory([Interval(buffer_bytes(b, numbers), *life) for b, life in lives])
    rows = sum(ROW_WORDS + width_of(code.emitted[n].words) for n in strips.members)
    size = plan.total + kept_bytes(rows, len(strips.kernel.axes))
    offsets = dict(zip(strips.lives, plan.offsets, strict=True))
    return _OfStrips(offsets, plan.total, own_bytes(size, parts))


def shape_of(buffer: Buffer, numbers: Mapping[DimLike, int]) -> tuple[int, ...]:
    """The buffer's shape in numbers."""
    return tuple([numbers[size] for size in buffer.type.shape])


def buffer_bytes(buffer: Buffer, numbers: Mapping[DimLike, int]) -> int:
    """The size of a buffer: of "scratch" and "strip" that of one part."""
    return prod([numbers[size] for size in buffer.type.shape]) * buffer.type.dtype.itemsize

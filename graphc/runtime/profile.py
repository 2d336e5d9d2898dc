"""Profiles: where the time of a program goes, kernel by kernel.

Enters: a bound program whose arguments are in the arena. Leaves: a `Profile`, which prints a table:

    kernel            at            us    share  GFLOP/s   GB/s  parts
    dot_add_relu      mlp.py:12    1.8    21 %    145.6    18.2      1
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from graphc.dims import DimLike, as_size
from graphc.errors import BindingError, Where
from graphc.runtime.binding import Binding, buffer_bytes
from graphc.runtime.code import Code
from graphc.runtime.team import profile_table, seconds_per_cycle
from graphc.schedule.kernel import Buffer, Kernel

CYCLES_AT = 6  # the word of a row that the profiling runner adds to


@dataclass(frozen=True, slots=True)
class ProfileRow:
    """One kernel: seconds a call (waiting for other threads included), operations and bytes."""

    name: str
    where: Where | None
    seconds: float
    flops: int
    bytes: int
    parts: int

    @property
    def gflops(self) -> float:
        """10^9 arithmetic operations a second."""
        return self.flops / self.seconds / 1e9 if self.seconds else 0.0

    @property
    def gbytes(self) -> float:
        """10^9 bytes read and written a second, each operand counted once."""
        return self.bytes / self.seconds / 1e9 if self.seconds else 0.0


@dataclass(frozen=True, slots=True)
class Profile:
    """The rows of a program in order, and seconds a call in all of them."""

    rows: tuple[ProfileRow, ...]
    repeats: int

    @property
    def seconds(self) -> float:
        """Seconds a call within kernels."""
        return sum(row.seconds for row in self.rows)

    def __str__(self) -> str:
        heads = ("us", 9), ("share", 6), ("GFLOP/s", 8), ("GB/s", 7), ("parts", 5)
        lines = [" ".join([f"{'kernel':32} {'at':24}", *(f"{h:>{width}}" for h, width in heads)])]
        total = self.seconds or 1.0
        for row in self.rows:
            at = "" if row.where is None else f"{row.where.file}:{row.where.line}"
            lines.append(
                f"{row.name:32.32} {at[-24:]:24} {row.seconds * 1e6:9.2f} "
                f"{row.seconds / total:6.0%} {row.gflops:8.1f} {row.gbytes:7.1f} {row.parts:5}"
            )
        lines.append(f"{'all kernels':57} {self.seconds * 1e6:9.2f}")
        return "\n".join(lines)

    __repr__ = __str__


def check_repeats(repeats: Any) -> None:
    """BindingError for what is no number of runs."""
    number = as_size(repeats)
    if not isinstance(number, int) or number < 1:
        raise BindingError(
            "a profile repeats the program at least once", got=repr(repeats), fix="repeats=20"
        )


def measure(
    code: Code, binding: Binding, feed: Callable[[], object], repeats: int
) -> tuple[int, Profile]:
    """Runs the bound program `repeats` times and reads each row's cycles; restores all state.

    `feed` copies the arguments into the arena: a run may use their memory for something else.
    Returns the error word with the profile: if it is not 0, the program failed.
    """
    operands = [operand for step in code.steps for operand in step.kernel.operands]
    cells = {o.buffer.cell for o in operands if o.buffer.kind == "state"}
    before = {cell: cell.array.copy() for cell in cells}
    cycles = np.array(binding.rows, np.int64) + CYCLES_AT
    error = 0
    try:
        for turn in range(-1, repeats):
            feed()
            error = error or profile_table(binding.address, binding.threads)
            if turn < 0:  # the first run warms the caches
                binding.table[cycles] = 0
    finally:
        for cell, array in before.items():
            cell.array[...] = array
    second = seconds_per_cycle() / repeats
    rows = []
    for step, at, partition in zip(code.steps, binding.rows, binding.partitions, strict=True):
        kernel = step.kernel
        rows.append(
            ProfileRow(
                kernel.origin.title,
                kernel.origin.where,
                float(binding.table[at + CYCLES_AT]) * second,
                _number(kernel.flops, binding),
                _traffic(kernel, binding),
                partition.parts,
            )
        )
    return error, Profile(tuple(rows), repeats)


def _number(size: DimLike, binding: Binding) -> int:
    return size if isinstance(size, int) else binding.numbers[size]


def _traffic(kernel: Kernel, binding: Binding) -> int:
    """Bytes of all operands, scratch left out: it stays in the cache."""
    total = 0
    for operand in kernel.operands:
        buffer: Buffer = operand.buffer
        if buffer.kind != "scratch":
            total += buffer_bytes(buffer, binding.numbers)
    return total

"""Columns are reduced in tiles: how many rows a loop takes at once, and how it adds them up.

Enters: a stage of a column kernel. Leaves: a power of two; the text. Accumulators are tiles there:
several rows for each access to them cost less than one.
"""

from graphc.codegen.body import accumulated
from graphc.codegen.writer import Writer
from graphc.dims import OWN, names
from graphc.schedule.kernel import LoopKernel, Reduced, Stage
from graphc.schedule.sweeps import cost_of
from graphc.types import DType

LANES = 128  # columns a tile: accumulators that stay in L1
BODY = 24  # cycles of a column loop that takes several rows at once
ROWS = 8  # and how many rows at most


def rows_together(kernel: LoopKernel, stage: Stage) -> int:
    """How many rows a sweep over columns takes at once: a power of two, or all where they are few.

    (Measured, in us, rows one by one and at once: sums of 5 rows of 100,000 elements 35 and 24, 5x5
    depthwise convolution of 16 images of 56x56x64 4,940 and 3,190, 7x7 max pooling 1,560 and 780.)
    """
    parts = any(name.startswith(OWN) for name in names(kernel.extents[-1]))
    # There are few parts, and the first of the best is found row by row.
    if parts or not stage.reduces or any(map(_counts, (kernel.values[n] for n in stage.reduces))):
        return 1
    work, count = sum(cost_of(kernel.values[number]) for number in stage.compute), ROWS
    rows = kernel.extents[-1]
    if isinstance(rows, int) and 1 < rows <= ROWS and rows * work <= BODY:
        return rows
    while count > 1 and count * work > BODY:
        count //= 2
    return count


def _counts(value: object) -> bool:
    return isinstance(value, Reduced) and value.axis is not None


def add_in_pairs(writer: Writer, value: Reduced, dtype: DType, number: int, count: int) -> None:
    """Adds so many rows, x_0, x_1, ..., to the accumulator.

    In this order: of additions that it may regroup LLVM makes one chain of fused ones, where rows
    are products; that rounds as often as there are rows, and each waits for the one before.
    """
    step = 1
    while step < count:
        for turn in range(0, count - step, 2 * step):
            x, y = f"x{number}_{turn}", f"x{number}_{turn + step}"
            writer.line(f"{x} = {_pair(value, x, y, dtype)}")
        step *= 2
    acc = f"r{number}[j]"
    writer.line(f"{acc} = {accumulated(value, acc, f'x{number}_0', dtype)}")


def _pair(value: Reduced, x: str, y: str, dtype: DType) -> str:
    if value.combine == "sum" and dtype.kind == "f":
        return f"{x} + {y}"
    return accumulated(value, x, y, dtype)

"""Rows that are swept several at a time: all of a group's rows in one sweep, then in the next.

Enters: a kernel of rows. Leaves: what each stage takes and keeps of the numbers of its rows, such
as their largest elements, and the text of the loop over groups. Row by row a core would wait at the
end of every sweep for a number that the next one starts with. (Measured, softmax in cycles a
vector: rows of 64 elements 26 one by one and 17 in groups, of 256 elements 15 and 12.)
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from graphc.codegen.body import Elements
from graphc.codegen.phases import is_call
from graphc.codegen.writer import Writer
from graphc.schedule.guessed import guess_of
from graphc.schedule.kernel import GROUP, LoopKernel, Reduced, Stage
from graphc.schedule.sweeps import arguments

ROWS = 16  # of a group at most

Numbers = tuple[int, ...]


def in_groups(kernel: LoopKernel) -> bool:
    """Whether the rows are swept in groups: several times, with functions called. Of sweeps without
    calls, or with none but the first, a core works ahead through some rows as they are."""
    sweeps = [stage for stage in kernel.stages if stage.level == "inner"]
    calls = any(calls_functions(kernel, stage) for stage in sweeps)
    rows = kernel.lanes == "inner" and bool(kernel.outer and kernel.inner)
    several = rows and kernel.parts is None and len(sweeps) > 1 and calls
    return several and guess_of(kernel) is None


def kept_rows(kernel: LoopKernel, elements: Elements, pointers: Sequence[str]) -> dict[int, str]:
    """The text of an element of each kept row, "{}" standing for its place in the group's rows:
    one that is kept where results are stored has the place of the result."""
    stored = {s.operand: s.index for stage in kernel.stages for s in stage.stores}
    return {
        number: elements.memory(operand, stored[operand])
        if operand in stored
        else f"{pointers[operand]}[{{}}]"
        for number, operand in kernel.kept
    }


def place_in_group(kernel: LoopKernel, in_row: str) -> str:
    """Where a point stands in the kept rows of a group, given where in its row."""
    return f"(i{len(kernel.outer) - 1} - start) * size + {in_row}"


def crossing(kernel: LoopKernel) -> tuple[tuple[Numbers, Numbers], ...]:
    """For each stage the numbers of a row that it takes from earlier stages and keeps for later
    ones."""
    made = {n: at for at, stage in enumerate(kernel.stages) for n in _made(stage)}
    needed = [_needed(kernel, stage) for stage in kernel.stages]
    takes = [
        tuple(sorted(n for n in numbers if made.get(n, at) < at))
        for at, numbers in enumerate(needed)
    ]
    taken = sorted({n for numbers in takes for n in numbers})
    keeps = (tuple(n for n in taken if made[n] == at) for at in range(len(takes)))
    return tuple(zip(takes, keeps, strict=True))


def _made(stage: Stage) -> Numbers:
    return stage.reduces if stage.level == "inner" else stage.compute


def _needed(kernel: LoopKernel, stage: Stage) -> set[int]:
    used = {a for n in stage.compute for a in arguments(kernel.values[n])}
    used.update(n for s in stage.stores for n in (s.value, s.position) if n is not None)
    reduced = (kernel.values[n] for n in stage.reduces)
    return used | {value.value for value in reduced if isinstance(value, Reduced)}


@contextmanager
def groups(writer: Writer, low: str, high: str, size: str) -> Iterator[None]:
    """A loop over groups of the rows low..high, of `size` elements each: `start` to `stop`."""
    writer.line(f"size = {size}")
    writer.line(f"rows = maximum(1, minimum({ROWS}, floordiv({GROUP}, size)))")
    count = high if low == "0" else f"{high} - {low}"
    writer.line(f"groups = floordiv({count} + rows - 1, rows)")
    with writer.block("for group in range(groups):"):
        writer.line(f"start = {'' if low == '0' else f'{low} + '}group * rows")
        writer.line(f"stop = minimum(start + rows, {high})")
        yield


def calls_functions(kernel: LoopKernel, stage: Stage) -> bool:
    """Whether a stage computes more than instructions."""
    return any(is_call(kernel.values[n]) for n in stage.compute)

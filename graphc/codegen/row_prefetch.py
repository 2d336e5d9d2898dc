"""Long rows that are fetched into the caches while a core computes, before it would wait for them.

Enters: a kernel of rows and one of its stages. Leaves: what is fetched during that stage, and the
text that does it for a strip of the row:

    if n1 >= 128:
        for line in range(floordiv(last - first, 16)):
            i1 = first + line * 16
            prefetch(a0, i0 * s0_0 + i1 + rows * s0_0, 1)

Memory by itself brings what comes next in one row or the next, but not what is read some sweeps
later, or written. (Measured, in cycles a vector, of rows of 8192 elements: logarithms of softmax 14
and 11, softmax 9.8 and 8.8, layer norm in three sweeps 9.7 and 8.7.)
"""

from collections.abc import Sequence
from dataclasses import dataclass

from graphc.codegen.body import Elements
from graphc.codegen.guessed import Guess
from graphc.codegen.moments import moments
from graphc.codegen.row_groups import calls_functions, in_groups
from graphc.codegen.writer import Writer
from graphc.schedule.kernel import Load, LoopKernel, Stage, Store
from graphc.schedule.merge import coefficient

LINE = 64  # bytes that come from memory at once
LONG_ROW = 128  # elements of a row from which on the next group is fetched
LONG_GUESSED = 4096  # the same where the sweep of a guess fetches what it reads soon
SOON = 2048  # elements that it is read later
LONG_RESULT = 4096  # the same of a row of results, in this turn


@dataclass(frozen=True, slots=True)
class Fetch:
    """A row of memory, if it has so many elements, to a level of the caches: that of this turn of
    the `outer` loop, `later` by so many elements, or rows."""

    access: Load | Store
    outer: int
    least: int
    level: int
    later: str = ""
    in_rows: bool = False


def ahead(kernel: LoopKernel, stage: Stage, guess: Guess | None) -> tuple[Fetch, ...]:
    """What is fetched during a stage. While the first function is computed: the rows of the next
    group, if a sweep without functions reads them first, or what is read soon by the sweep of a
    guess. Where none is: the results of this row, in the sweep before the one that stores them,
    beside what that one reads again."""
    told = [moment.sweep for moment in moments(kernel)]
    sweeps = [s for s in kernel.stages if s.level == "inner" and s not in told]
    row = len(kernel.outer) - 1
    if kernel.lanes != "inner" or kernel.parts is not None:
        return ()
    if row < 0 or len(kernel.inner) != 1 or len(sweeps) < 2:
        return ()
    if guess is not None:
        loads = [v for v in (kernel.values[n] for n in stage.compute) if isinstance(v, Load)]
        found = [Fetch(v, row, LONG_GUESSED, 1, str(SOON)) for v in loads if _is_row(v, row)]
        wanted = stage is guess.sweep
    elif in_groups(kernel):
        first = next(s for s in sweeps if calls_functions(kernel, s))
        loads = [v for v in (kernel.values[n] for n in sweeps[0].compute) if isinstance(v, Load)]
        found = [
            Fetch(load, row, LONG_ROW, 1, "rows", in_rows=True)
            for load in loads
            if _is_row(load, row)
        ]
        wanted = stage is first is not sweeps[0]
    else:
        stores = [s for s in sweeps[-1].stores if not s.add and _is_row(s, row)]
        found = [Fetch(store, row, LONG_RESULT, 2) for store in stores]
        wanted = stage is sweeps[-2] is not sweeps[0]
    (size,) = kernel.inner
    return tuple(f for f in found if wanted and not (isinstance(size, int) and size < f.least))


def _is_row(access: Load | Store, row: int) -> bool:
    """Whether each turn of the outer loop has neighbours in memory, and others than the last."""
    along, across = (coefficient(access.index, v) for v in (row + 1, row))
    return access.position is None and along == 1 and across != 0


def fetch(
    writer: Writer, elements: Elements, pointers: Sequence[str], fetched: Fetch, size: str
) -> None:
    """Fetches a strip, from `first` to `last`, of a row of that size."""
    access, row = fetched.access, fetched.outer
    place = elements.index(access.operand, access.index, None, 1)
    if fetched.later:
        place += f" + {fetched.later}"
    if fetched.in_rows:
        stride = elements.stride(access.operand, row, coefficient(access.index, row))
        place += f" * {stride}"
    line = LINE // elements.size(access)
    long = writer.block(f"if {size} >= {fetched.least}:")
    with long, writer.block(f"for line in range(floordiv(last - first, {line})):"):
        writer.line(f"i{row + 1} = first + line * {line}")
        writer.line(f"prefetch({pointers[access.operand]}, {place}, {fetched.level})")

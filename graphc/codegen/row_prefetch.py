"""Long rows that are fetched into the caches while a core computes, before it would wait for them.

Enters: a kernel of rows while it is written, and one of its stages. Leaves: what is fetched
during that stage, and the text that does it for a strip of the row:

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

from graphc.codegen.frame import Frame
from graphc.codegen.row_groups import calls_functions
from graphc.schedule.kernel import Load, Stage, Store
from graphc.schedule.merge import coefficient
from graphc.schedule.stages import is_row

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


def ahead(frame: Frame, stage: Stage) -> tuple[Fetch, ...]:
    """What is fetched during a stage. While the first function is computed: the rows of the next
    group, if a sweep without functions reads them first, or what is read soon by the sweep of a
    guess. Where none is: the results of this row, in the sweep before the one that stores them,
    beside what that one reads again."""
    kernel, sweeps, row = frame.kernel, _sweeps(frame), len(frame.kernel.outer) - 1
    if not sweeps:
        return ()
    if frame.guess is not None:
        found = [Fetch(v, row, LONG_GUESSED, 1, str(SOON)) for v in _loads(frame, stage)]
        wanted = stage is frame.guess.sweep and frame.guess.late is None
    elif frame.grouped:
        first = next(s for s in sweeps if calls_functions(kernel, s))
        loads = _loads(frame, sweeps[0])
        found = [Fetch(load, row, LONG_ROW, 1, "rows", in_rows=True) for load in loads]
        wanted = stage is first is not sweeps[0]
    else:
        stores = [s for s in sweeps[-1].stores if not s.add and is_row(s, row)]
        found = [Fetch(store, row, LONG_RESULT, 2) for store in stores]
        wanted = stage is sweeps[-2] is not sweeps[0]
    return _possible(frame, found) if wanted else ()


def _sweeps(frame: Frame) -> list[Stage]:
    """The sweeps over rows that are made for each of them, if these are more than one."""
    kernel = frame.kernel
    told = [moment.sweep for moment in frame.moments]
    sweeps = [s for s in kernel.stages if s.level == "inner" and s not in told]
    in_rows = kernel.lanes == "inner" and kernel.parts is None
    alone = bool(kernel.outer) and len(kernel.inner) == 1
    return sweeps if in_rows and alone and len(sweeps) > 1 else []


def _loads(frame: Frame, stage: Stage) -> list[Load]:
    """What a stage loads of rows."""
    kernel = frame.kernel
    loads = [v for v in (kernel.values[n] for n in stage.compute) if isinstance(v, Load)]
    return [load for load in loads if is_row(load, len(kernel.outer) - 1)]


def _possible(frame: Frame, found: Sequence[Fetch]) -> tuple[Fetch, ...]:
    (size,) = frame.kernel.inner
    return tuple(f for f in found if not isinstance(size, int) or size >= f.least)


def fetch(frame: Frame, fetched: Fetch, size: str) -> None:
    """Fetches a strip, from `first` to `last`, of a row of that size."""
    access, row, elements = fetched.access, fetched.outer, frame.elements
    place = elements.index(access.operand, access.index, None, 1)
    if fetched.later:
        place += f" + {fetched.later}"
    if fetched.in_rows:
        stride = elements.stride(access.operand, row, coefficient(access.index, row))
        place += f" * {stride}"
    line = LINE // elements.size(access)
    long = frame.writer.block(f"if {size} >= {fetched.least}:")
    with long, frame.writer.block(f"for line in range(floordiv(last - first, {line})):"):
        frame.writer.line(f"i{row + 1} = first + line * {line}")
        frame.writer.line(f"prefetch({frame.pointers[access.operand]}, {place}, {fetched.level})")

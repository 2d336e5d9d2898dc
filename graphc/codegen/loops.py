"""Loop kernels as Python source.

Enters: a LoopKernel. Leaves: the text of `kernel(begin, end, part, args)` and its words. For
example, of what goes over rows twice, the first time:

    for i0 in range(begin, end):
        r1 = f32(-1e999)
        for i1 in range(n1):
            t0 = a0[i0 * s0_0 + i1]
            r1 = reduce_max(t0, r1)
"""

from functools import partial

from graphc.codegen import row_groups
from graphc.codegen.body import checks
from graphc.codegen.column_loops import write_columns
from graphc.codegen.frame import Frame
from graphc.codegen.guessed_rows import write_guessed
from graphc.codegen.masked import add_masked, masked_sums, without
from graphc.codegen.moment_loops import write_sweep
from graphc.codegen.row_loops import sweep, write_groups, write_rows
from graphc.codegen.summary import summary
from graphc.codegen.windows import lanes, named, points
from graphc.codegen.words import Emitted, ErrorWord, FirstCode, Way
from graphc.codegen.writer import Writer
from graphc.schedule.kernel import LoopKernel, Stage


def emit_loops(kernel: LoopKernel) -> Emitted:
    """The source of a loop kernel."""
    writer = Writer()
    with writer.block("def kernel(begin, end, part, args):"):
        writer.line(f'"""{kernel.origin.title}: {summary(kernel)}."""')
        writer.line("w = words(args)")
        frame = Frame(kernel, writer)
        if checks(kernel.values):
            writer.line("failed = 0")
        ways = _write(frame)
        if checks(kernel.values):
            with writer.block("if failed != 0:"):
                error = frame.words.name("error", ErrorWord())
                code = frame.words.name("first_code", FirstCode())
                writer.line(f"store_error({error}, {code} + failed)")
    return Emitted(writer.text(), tuple(frame.words.entries), ways)


def _write(frame: Frame) -> tuple[Way, ...]:
    """Writes the loops, and tells of the ways in which they go."""
    kernel = frame.kernel
    if kernel.lanes == "outer":
        write_columns(frame)
        return ()
    if kernel.lanes == "window":
        _write_windows(frame)
        return ()
    frame.kept = row_groups.kept_rows(kernel, frame.elements, frame.pointers)
    if frame.guess is not None:
        write_guessed(frame, frame.guess)
        return ("guess",) if frame.guess.late is None else ("guess", "late")
    if frame.grouped:
        write_groups(frame)
        return ("groups",)
    write_rows(frame, partial(write_sweep, frame, sweep))
    ways: tuple[Way, ...] = ("moments",) if frame.moments else ()
    return ways if frame.copied is None else (*ways, "copied")


def _write_windows(frame: Frame) -> None:
    """The last outer loop is vectorised, around all points of the inner ones."""
    kernel, last = frame.kernel, len(frame.kernel.outer) - 1
    frame.kept = named(kernel)
    with frame.nest(range(last)), lanes(kernel, frame.writer, *frame.bounds(last)):
        for stage in kernel.stages:
            frame.statements(stage, "") if stage.level == "row" else _window(frame, stage)


def _window(frame: Frame, stage: Stage) -> None:
    """A stage at all points of a window."""
    masked = masked_sums(frame.kernel, stage)
    plain = without(stage, masked)
    frame.start(stage)
    for number, point in enumerate(points(frame.kernel)):
        for v, position in point:
            frame.writer.line(f"i{v} = {position}")
        frame.statements(plain, str(number))
        frame.accumulate(plain, "")
        add_masked(frame.elements, masked)

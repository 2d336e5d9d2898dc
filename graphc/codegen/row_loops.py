"""Kernels of rows: accumulators are variables, and the innermost loop is vectorised.

Enters: a kernel while it is written. Leaves: the text of its stages, row by row, or for all rows of
a group before the next stage.
"""

from collections.abc import Callable
from dataclasses import dataclass

from graphc.codegen import row_groups
from graphc.codegen.frame import Frame
from graphc.codegen.phases import STRIP, Phase, phases
from graphc.codegen.row_prefetch import ahead, fetch
from graphc.codegen.turned import place_in_row
from graphc.schedule.kernel import Stage
from graphc.schedule.sweeps import is_float_sum

BLOCK = 4096  # elements that are summed up before their sum is added to others


@dataclass(frozen=True, slots=True)
class Late:
    """A stage of an earlier row, and the frame that names what is that row's."""

    frame: Frame
    stage: Stage


def write_rows(frame: Frame, inner: Callable[[Stage], None]) -> None:
    """The outer loops around row statements and what `inner` makes of the other stages."""
    kernel = frame.kernel
    with frame.nest(range(len(kernel.outer))):
        for stage in kernel.stages:
            frame.statements(stage, "") if stage.level == "row" else inner(stage)


def write_groups(frame: Frame) -> None:
    """Each stage for all rows of a group, before the next stage."""
    kernel, line = frame.kernel, frame.writer.line
    last = len(kernel.outer) - 1
    crossings = row_groups.crossing(kernel)
    for number in (n for _, keeps in crossings for n in keeps):
        line(f"m{number} = tile({row_groups.ROWS}, {frame.elements.dtype(number).short})")
    size = " * ".join(frame.extents[last + 1 :])
    with frame.nest(range(last)), row_groups.groups(frame.writer, *frame.bounds(last), size):
        for stage, (takes, keeps) in zip(kernel.stages, crossings, strict=True):
            with frame.loop(last, "start", "stop"):
                for number in takes:
                    kept = f"m{number}[i{last} - start]"
                    text = f"settled({kept})" if number in frame.blind else kept
                    line(f"{frame.elements.name(number)} = {text}")
                sweep(frame, stage) if stage.level == "inner" else frame.statements(stage, "")
                for number in keeps:
                    line(f"m{number}[i{last} - start] = {frame.elements.name(number)}")


def sweep(frame: Frame, stage: Stage, late: Late | None = None) -> None:
    """The loops of a stage over a row, or over the share of a part; beside it what is `late`."""
    frame.start(stage)
    first, last = len(frame.kernel.outer), len(frame.kernel.extents) - 1
    if frame.kernel.parts is not None and last == 0:
        _blocks(frame, stage)
    elif first > last:
        _point(frame, Phase(stage))
    else:
        with frame.nest(range(first, last)):
            _innermost(frame, stage, frame.bounds(last), late)


def _innermost(
    frame: Frame, stage: Stage, bounds: tuple[str, str], late: Late | None = None
) -> None:
    """The innermost loop; that of a long body in phases, over strips."""
    parts, line = phases(frame.kernel.values, stage), frame.writer.line
    if late is not None:
        parts = (Phase(stage),)
    (low, high), fetches = bounds, ahead(frame, stage)
    v = len(frame.kernel.extents) - 1
    if len(parts) == 1 and not fetches:
        with frame.loop(v, low, high):
            _points(frame, parts[0], late)
        return
    for part in parts:
        for number in part.keep:
            line(f"m{number} = tile({STRIP}, {frame.elements.dtype(number).short})")
    line(f"strips = floordiv({high} - {low} + {STRIP - 1}, {STRIP})")
    with frame.writer.block("for strip in range(strips):"):
        line(f"first = {low} + strip * {STRIP}")
        line(f"last = minimum(first + {STRIP}, {high})")
        for one in fetches:
            fetch(frame, one, high)
        for part in parts:
            with frame.loop(v, "first", "last"):
                _points(frame, part, late, f"i{v} - first")


def _points(frame: Frame, part: Phase, late: Late | None, place: str = "0") -> None:
    if late is not None:
        _point(late.frame, Phase(late.stage))
    _point(frame, part, place)


def _point(frame: Frame, part: Phase, place: str = "0") -> None:
    """What is done at a point of the inner loops, `place` being where it stands in a strip."""
    for number in part.take:
        frame.writer.line(f"{frame.elements.name(number)} = m{number}[{place}]")
    in_row = place_in_row(frame.kernel, frame.extents)
    kept = row_groups.place_in_group(frame.kernel, in_row) if frame.grouped else in_row
    frame.statements(part.stage, kept)
    for number in part.keep:
        frame.writer.line(f"m{number}[{place}] = {frame.elements.name(number)}")
    frame.accumulate(part.stage, "")


def _blocks(frame: Frame, stage: Stage) -> None:
    """Sums of blocks are added up apart, so that their errors do not grow with the length."""
    line = frame.writer.line
    line(f"blocks = floordiv(end - begin + {BLOCK - 1}, {BLOCK})")
    sums = [n for n in stage.reduces if is_float_sum(frame.kernel.values, n)]
    with frame.writer.block("for block in range(blocks):"):
        line(f"low = begin + block * {BLOCK}")
        line(f"high = minimum(low + {BLOCK}, end)")
        for number in sums:
            line(f"total{number} = r{number}")
            line(f"r{number} = {frame.source(frame.reduction(number)).short}(0)")
        _innermost(frame, stage, ("low", "high"))
        for number in sums:
            line(f"r{number} = accumulate(total{number}, r{number})")

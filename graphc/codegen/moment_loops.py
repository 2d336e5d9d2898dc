"""Sweeps that make the moments of a row about a guess, and what follows where that was bad.

Enters: a kernel of rows while it is written, and what it knows of moments. Leaves: the text:

    pays = (n1 >= 512) & (t2 == f32(n1))
    if pays:
        for i1 in range(n1):
            t0 = a0[i0 * s0_0 + i1]
            d6 = t0 - c6
            s6 = accumulate(s6, d6)
            q6 = accumulate(q6, d6 * d6)
    r6 = q6 - s6 * (s6 * (f32(1) / f32(n1)))
    bad6 = (q6 > f32(4) * r6) | (q6 - q6 != f32(0))
    if bad6:
        ...
"""

from collections.abc import Callable, Sequence
from functools import partial

from graphc.codegen.copied import Copied
from graphc.codegen.frame import Frame
from graphc.codegen.moments import FIRST, LONG, Moment
from graphc.schedule.kernel import Stage

LOSS = 4  # how many times the result the squares about the guess may be

Sweep = Callable[[Frame, Stage], None]


def write_sweep(frame: Frame, sweep: Sweep, stage: Stage) -> None:
    """The sweep of a stage, as `sweep` writes it: it may come after one about guesses, and run only
    where they were bad; of wide rows it may make a copy, or read that."""
    later = [m for m in frame.moments if m.earlier is stage]
    judged = later or [m for m in frame.moments if m.sweep is stage]
    if later:
        _write_guessed(frame, later, stage)
    if judged:
        with frame.writer.block(f"if bad{judged[0].squares}:"):
            sweep(frame, stage)
    else:
        _write_wide(frame, "{}", stage)
        _write_both(frame, sweep, stage)


def _write_wide(frame: Frame, condition: str, stage: Stage) -> None:
    """Whether the first sweep copies rows, where it may."""
    if frame.copied is not None and stage is frame.copied.first:
        wide = f"({_width(frame, frame.copied)})"
        frame.writer.line(f"wide = {condition.format(wide)}")


def _width(frame: Frame, copied: Copied) -> str:
    """Whether a row is wide; such as might stay in the first cache, if there are many."""
    size = frame.extents[-1]
    if copied.sure <= copied.least:
        return f"{size} >= {copied.least}"
    outer = (frame.bounds(v) for v in range(len(frame.kernel.outer)))
    points = " * ".join(high if low == "0" else f"({high} - {low})" for low, high in outer)
    floor = f"{size} >= select({points} * {size} >= {copied.many}"
    return f"{floor}, {copied.least}, {copied.sure})"


def _write_both(frame: Frame, sweep: Sweep, stage: Stage) -> None:
    """A sweep as it is, and as it makes or reads a copy of wide rows."""
    copied = frame.copied
    if copied is None or (stage is not copied.first and stage is not copied.last):
        sweep(frame, stage)
        return
    with frame.writer.block("if wide:"):
        if stage is copied.first:
            sweep(frame, copied.copy)
        else:
            sweep(frame.replaced(copied.values), stage)
    with frame.writer.block("else:"):
        sweep(frame, stage)


def _write_guessed(frame: Frame, found: Sequence[Moment], stage: Stage) -> None:
    """The sweep about guesses, where that pays; sums of it, or such as cannot be right."""
    v, size = len(frame.extents) - 1, frame.extents[-1]
    frame.writer.line(f"pays = {_pays(frame, found, size)}")
    _write_wide(frame, "pays & {}", stage)
    _start(frame, found, "1e999")
    with frame.writer.block("if pays:"):
        _start(frame, found, "0")
        _guess(frame, found, v)
        _write_both(frame, partial(_write_sums, found), stage)
    _judge(frame, found, size)


def _write_sums(found: Sequence[Moment], frame: Frame, stage: Stage) -> None:
    """The sums of squares about guesses, and of what is squared."""
    v = len(frame.extents) - 1
    with frame.loop(v, "0", frame.extents[-1]):
        frame.statements(stage, f"i{v}")
        for n, element in ((m.squares, frame.elements.name(m.element)) for m in found):
            frame.writer.line(f"d{n} = {element} - c{n}")
            frame.writer.line(f"s{n} = accumulate(s{n}, d{n})")
            frame.writer.line(f"q{n} = accumulate(q{n}, d{n} * d{n})")


def _pays(frame: Frame, found: Sequence[Moment], size: str) -> str:
    """Whether the rows are long, and what looks like their means is."""
    conditions = [f"({size} >= {LONG})"]
    for m in found:
        count, short = frame.elements.name(m.count), _short(frame, m)
        n = f"{short}({size})"
        conditions.append(f"({count} == {n})" if m.divides else f"({count} * {n} == {short}(1))")
    return " & ".join(conditions)


def _short(frame: Frame, moment: Moment) -> str:
    return frame.elements.dtype(moment.squares).short


def _start(frame: Frame, found: Sequence[Moment], squares: str) -> None:
    for name, text in (("c", "0"), ("s", "0"), ("q", squares)):
        for m in found:
            frame.writer.line(f"{name}{m.squares} = {_short(frame, m)}({text})")


def _guess(frame: Frame, found: Sequence[Moment], variable: int) -> None:
    """The mean of the first elements of the row."""
    with frame.loop(variable, "0", str(FIRST)):
        frame.elements.write(sorted({step for m in found for step in m.steps}))
        for m in found:
            frame.writer.line(f"c{m.squares} = c{m.squares} + {frame.elements.name(m.element)}")
    for m in found:
        frame.writer.line(f"c{m.squares} = c{m.squares} * {_short(frame, m)}({1 / FIRST})")


def _judge(frame: Frame, found: Sequence[Moment], size: str) -> None:
    """The sums that were to be made, and whether a guess was bad."""
    doubts: list[str] = []
    for m in found:
        n, short, squares = m.squares, _short(frame, m), frame.elements.name(m.squares)
        share = f"({short}(1) / {short}({size}))"
        frame.writer.line(f"{squares} = q{n} - s{n} * (s{n} * {share})")
        frame.writer.line(f"{frame.elements.name(m.total)} = s{n} + {short}({size}) * c{n}")
        doubts.append(f"(q{n} > {short}({LOSS}) * {squares}) | (q{n} - q{n} != {short}(0))")
    frame.writer.line(f"bad{found[0].squares} = {' | '.join(doubts)}")

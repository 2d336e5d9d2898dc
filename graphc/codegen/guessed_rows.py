"""The loops of rows whose largest element is guessed.

Enters: a kernel while it is written, and how it goes without its maximum. Leaves: the text of its
rows, of which `guessed` shows an example.
"""

from collections.abc import Iterable
from dataclasses import replace

from graphc.codegen.frame import Frame
from graphc.codegen.guessed import (
    BASE,
    about,
    about_texts,
    far_text,
    near_text,
    scaled,
    scaled_texts,
    watched,
)
from graphc.codegen.row_groups import crossing
from graphc.codegen.row_loops import Late, sweep
from graphc.schedule.guessed import Guess
from graphc.schedule.kernel import Reduced, Stage


def write_guessed(frame: Frame, guess: Guess) -> None:
    """Row by row, with a guess of the largest element, and again where it was no good."""
    kernel, late = frame.kernel, None
    found, made = kernel.stages[guess.place : guess.place + 2]
    if guess.late is not None:
        late = _late(frame, guess.late)
        _before_the_first(frame, guess.late)
    with frame.nest(range(len(kernel.outer))):
        for stage in kernel.stages:
            if stage is found:
                _write_sweeps(frame, guess, found, late)
            elif stage is guess.late:
                _remember(frame, stage)
            elif stage is not made:
                frame.statements(stage, "") if stage.level == "row" else sweep(frame, stage)
    if late is not None:
        with frame.writer.block(f"if {_has_rows(frame)}:"):
            sweep(late.frame, late.stage)


def _write_sweeps(frame: Frame, guess: Guess, found: Stage, late: Late | None) -> None:
    """By the ends of the row, and then, if it must be, about its largest element."""
    block, dtype = frame.writer.block, frame.elements.dtype(guess.element)
    watch, largest = watched(frame.kernel, guess), f"r{len(frame.kernel.values) + 1}"
    scaling, taking = (frame.replaced(f(frame.kernel, guess), watch) for f in (scaled, about))
    _write_ends(frame, guess, found)
    with block(f"if {near_text(dtype)}:"):
        _write_texts(frame, scaled_texts(dtype))
        sweep(scaling, watch.sweep, late)
    with block("else:"):
        _write_texts(frame, about_texts(dtype))
        sweep(taking, watch.sweep, late)
    with block(f"if {far_text(frame.elements.name(guess.total), largest, dtype)}:"):
        sweep(frame, replace(found, stores=(), keep=(), reduces=(guess.largest,)))
        _write_texts(frame, ((BASE, frame.elements.name(guess.largest)), *about_texts(dtype)))
        sweep(taking, watch.sweep)


def _write_texts(frame: Frame, texts: Iterable[tuple[str, str]]) -> None:
    for name, text in texts:
        frame.writer.line(f"{name} = {text}")


def _write_ends(frame: Frame, guess: Guess, found: Stage) -> None:
    """The larger end of a row as `base`."""
    inner = range(len(frame.kernel.outer), len(frame.extents))
    for end, text in (("0", "{0}"), ("{} - 1", f"select({{0}} > {BASE}, {{0}}, {BASE})")):
        for v in inner:
            frame.writer.line(f"i{v} = {end.format(frame.extents[v])}")
        frame.elements.write(found.compute)
        frame.writer.line(f"{BASE} = {text.format(frame.elements.name(guess.element))}")


def _late(frame: Frame, stage: Stage) -> Late:
    """The stage at the row before."""
    outer = {v: f"late{v}" for v in range(len(frame.kernel.outer))}
    return Late(frame.renamed(outer, _sums(frame, stage)), stage)


def _sums(frame: Frame, stage: Stage) -> dict[int, str]:
    """The results of sweeps that a stage takes, and what they are called a row later."""
    takes, _ = crossing(frame.kernel)[frame.kernel.stages.index(stage)]
    return {n: f"late_r{n}" for n in takes if isinstance(frame.kernel.values[n], Reduced)}


def _before_the_first(frame: Frame, stage: Stage) -> None:
    """Some numbers of a row before the first, which is where the first one is."""
    for v in range(len(frame.kernel.outer)):
        frame.writer.line(f"late{v} = {frame.bounds(v)[0]}")
    takes, _ = crossing(frame.kernel)[frame.kernel.stages.index(stage)]
    sums = _sums(frame, stage)
    for n in takes:
        name = sums.get(n, frame.elements.name(n))
        frame.writer.line(f"{name} = {frame.elements.dtype(n).short}(0)")


def _remember(frame: Frame, stage: Stage) -> None:
    for v in range(len(frame.kernel.outer)):
        frame.writer.line(f"late{v} = i{v}")
    for n, name in _sums(frame, stage).items():
        frame.writer.line(f"{name} = {frame.elements.name(n)}")


def _has_rows(frame: Frame) -> str:
    bounds = (frame.bounds(v) for v in range(len(frame.kernel.outer)))
    return " & ".join(f"({low} < {high})" for low, high in bounds)

"""Measuring a program: its kernels one by one, the native call around them, and the whole call.

Enters: a bound program and what runs it. Leaves: `Turn`s, and of these a `Profile`. State is as it
was before.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from time import perf_counter
from typing import Any, Literal

import numpy as np

from graphc.dims import as_size
from graphc.errors import BindingError
from graphc.graph import Graph
from graphc.runtime.binding.binding import Binding
from graphc.runtime.binding.code import Strips
from graphc.runtime.binding.cutting import named_sizes, whole
from graphc.runtime.binding.template import PACE
from graphc.runtime.reports.explain import labels_of
from graphc.runtime.reports.limits import limits_of
from graphc.runtime.reports.phases import phase_of, phases
from graphc.runtime.reports.profile import Profile, ProfileRow
from graphc.runtime.reports.roofline import Bound, bound_of, demands
from graphc.runtime.threads.team import (
    CYCLES_AT,
    INSIDE_AT,
    has_team,
    profile_table,
    run_table,
    seconds_per_cycle,
)
from graphc.schedule.kernel import StripKernel

WARM_UPS = 3  # turns that do not count
PACE_WARM_UPS = 100  # the same, while it is not known yet whether one thread is faster
Order = Literal["program", "time"]


def check_repeats(repeats: Any) -> None:
    """BindingError for what is no number of runs."""
    number = as_size(repeats)
    if not isinstance(number, int) or number < 1:
        raise BindingError(
            "a profile repeats the program at least once", got=repr(repeats), fix="repeats=20"
        )


def check_order(sort: Any) -> None:
    """BindingError for what is no order of rows."""
    if sort not in ("program", "time"):
        raise BindingError("a profile is sorted", got=repr(sort), fix='sort="program" or "time"')


@dataclass(frozen=True, slots=True)
class Turn:
    """Seconds of a program that ran three times, on so many `threads` each time: of its rows, of a
    native call, of a whole call."""

    threads: tuple[int, int, int]
    rows: np.ndarray
    native: float
    call: float


def measure(
    binding: Binding,
    feed: Callable[[], object],
    call: Callable[[], object],
    repeats: int,
) -> tuple[int, list[Turn]]:
    """Runs the bound program for `repeats` turns; restores all state.

    `feed` copies the arguments into the arena (a run may use their memory for something else),
    `call` is a whole call. Returns the error word first: if it is not 0, the program failed.
    """
    operands = [operand for step in binding.code.steps for operand in step.kernel.operands]
    cells = {o.buffer.cell for o in operands if o.buffer.kind == "state"}
    before = {cell: cell.array.copy() for cell in cells}
    turns: list[Turn] = []
    warm_ups = 0
    try:
        while len(turns) < repeats:
            error, turn = _turn(binding, feed, call)
            if error:
                return error, turns
            if warm_ups >= WARM_UPS and (_is_paced(binding) or warm_ups >= PACE_WARM_UPS):
                turns.append(turn)
            else:
                warm_ups += 1
    finally:
        for cell, array in before.items():
            cell.array[...] = array
    return 0, turns


def _turn(
    binding: Binding, feed: Callable[[], object], call: Callable[[], object]
) -> tuple[int, Turn]:
    feed()
    first = _threads(binding)
    error, rows = _run(binding)
    if error:
        return error, Turn((first, first, first), rows, 0.0, 0.0)
    feed()
    second = _threads(binding)
    native = _seconds(lambda: run_table(binding.address, binding.threads))
    third = _threads(binding)
    return 0, Turn((first, second, third), rows, native, _seconds(call))


def _threads(binding: Binding) -> int:
    """On how many threads it will run: one may be faster than all of them."""
    return binding.threads if has_team() and binding.table[PACE][0] == 0 else 1


def _is_paced(binding: Binding) -> bool:
    """Whether it is known if one thread is faster."""
    return binding.threads == 1 or not has_team() or bool(binding.table[PACE][1] != 0)


def _run(binding: Binding) -> tuple[int, np.ndarray]:
    """The error word, and the seconds of each row."""
    cycles = np.array(binding.rows, np.int64) + CYCLES_AT
    loops = [binding.rows[strips.number] + INSIDE_AT for strips in binding.code.strips]
    binding.table[cycles] = binding.table[loops] = 0
    error = profile_table(binding.address, binding.threads)
    spent = binding.table[cycles] * seconds_per_cycle()
    inside = binding.table[loops] * seconds_per_cycle()
    for strips, seconds in zip(binding.code.strips, inside, strict=True):
        _share_out(spent, strips, seconds)
    return error, spent


def _share_out(spent: np.ndarray, strips: Strips, inside: float) -> None:
    """The row of a loop over strips took all of the time: its members get what they took of part 0,
    in proportion, and it keeps the rest."""
    members = list(strips.members)
    spent[members] *= spent[strips.number] / (inside or 1.0)
    spent[strips.number] = max(spent[strips.number] - spent[members].sum(), 0.0)


def _seconds(function: Callable[[], object]) -> float:
    start = perf_counter()
    function()
    return perf_counter() - start


def profile_of(binding: Binding, written: Graph, turns: Sequence[Turn], sort: Order) -> Profile:
    """The profile of what was measured, for a graph as it was `written`: of those turns that ran on
    as many threads as most did."""
    [(threads, _)] = Counter(turn.threads for turn in turns).most_common(1)
    alike = [turn for turn in turns if turn.threads == threads]
    seconds = np.median([turn.rows for turn in alike], axis=0).tolist()
    rows = _rows(binding, written, seconds, threads[0])
    if sort == "time":
        rows = sorted(rows, key=lambda row: -row.seconds)
    native, call = median(turn.native for turn in alike), median(turn.call for turn in alike)
    return Profile(
        rows=tuple(rows),
        limits=limits_of(threads[0], threads[0]),
        threads=binding.threads if has_team() else 1,
        repeats=len(alike),
        native_seconds=min(native, call),  # a call holds a native one, which then was no slower
        call_seconds=call,
    )


def _rows(
    binding: Binding, written: Graph, seconds: Sequence[float], threads: int
) -> list[ProfileRow]:
    kernels = [step.kernel for step in binding.code.steps]
    labels, total = labels_of(binding.code.schedule), sum(seconds) or 1.0
    known = phases(binding.code.schedule.graph, written)
    rows = []
    for number, demand in enumerate(demands(kernels, _known(binding))):
        origin, parts = kernels[number].origin, binding.partitions[number].parts
        bound = bound_of(demand, limits_of(parts, threads))
        row = ProfileRow(
            number=number,
            name=origin.title,
            phase=phase_of(origin.parts, known),
            labels=labels[number],
            where=origin.where,
            seconds=seconds[number],
            share=seconds[number] / total,
            flops=demand.flops,
            bytes=demand.bytes,
            limit=bound.limit,
            limit_share=_share(bound, seconds[number]),
            parts=parts,
        )
        rows.append(row)
    return rows


def _share(bound: Bound, seconds: float) -> float:
    share = bound.seconds / seconds if seconds else 0.0
    # Of an empty kernel only some ticks of the clock are seen.
    return min(share, 1.0) if bound.limit == "overhead" else share


def _known(binding: Binding) -> Mapping[str, int]:
    """The numbers of all names: those of the user's sizes, of how many parts there are, and of
    strips that are all there is."""
    kernels = (step.kernel for step in binding.code.steps)
    parts = (k.parts for k in kernels if not isinstance(k, StripKernel) and k.parts is not None)
    strips = named_sizes(whole(binding.code, binding.sizes))
    return {**binding.sizes, **strips, **{str(size): binding.numbers[size] for size in parts}}

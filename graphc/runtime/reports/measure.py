"""Measuring a program: its kernels one by one, the native call around them, and the whole call.

Enters: a bound program and what runs it. Leaves: `Times`, and of these a `Profile`. State is as it
was before.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import Any, Literal

import numpy as np

from graphc.dims import as_size
from graphc.errors import BindingError
from graphc.runtime.binding.binding import Binding
from graphc.runtime.binding.code import Strips
from graphc.runtime.binding.cutting import named_sizes, whole
from graphc.runtime.reports.explain import labels_of
from graphc.runtime.reports.limits import machine_limits
from graphc.runtime.reports.profile import Profile, ProfileRow
from graphc.runtime.reports.roofline import Bound, bound_of, demands
from graphc.runtime.threads.team import (
    CYCLES_AT,
    INSIDE_AT,
    profile_table,
    run_table,
    seconds_per_cycle,
)
from graphc.schedule.kernel import StripKernel

WARM_UPS = 3  # runs that do not count
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
class Times:
    """Seconds of each run: by row, of the native call, of the whole call."""

    rows: list[np.ndarray]
    native: list[float]
    call: list[float]


def measure(
    binding: Binding,
    feed: Callable[[], object],
    call: Callable[[], object],
    repeats: int,
) -> tuple[int, Times]:
    """Runs the bound program `repeats` times in each of three ways; restores all state.

    `feed` copies the arguments into the arena (a run may use their memory for something else),
    `call` is a whole call. Returns the error word first: if it is not 0, the program failed.
    """
    operands = [operand for step in binding.code.steps for operand in step.kernel.operands]
    cells = {o.buffer.cell for o in operands if o.buffer.kind == "state"}
    before = {cell: cell.array.copy() for cell in cells}
    times = Times([], [], [])
    try:
        for _ in range(WARM_UPS + repeats):
            feed()
            error = _run(binding, times)
            if error:
                return error, times
            feed()
            times.native.append(_seconds(lambda: run_table(binding.address, binding.threads)))
            times.call.append(_seconds(call))
    finally:
        for cell, array in before.items():
            cell.array[...] = array
    return 0, times


def _run(binding: Binding, times: Times) -> int:
    cycles = np.array(binding.rows, np.int64) + CYCLES_AT
    loops = [binding.rows[strips.number] + INSIDE_AT for strips in binding.code.strips]
    binding.table[cycles] = binding.table[loops] = 0
    error = profile_table(binding.address, binding.threads)
    spent = binding.table[cycles] * seconds_per_cycle()
    inside = binding.table[loops] * seconds_per_cycle()
    for strips, seconds in zip(binding.code.strips, inside, strict=True):
        _share_out(spent, strips, seconds)
    times.rows.append(spent)
    return error


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


def profile_of(binding: Binding, times: Times, sort: Order) -> Profile:
    """The profile of what was measured."""
    seconds = np.median(times.rows[WARM_UPS:], axis=0).tolist()
    rows = _rows(binding, seconds)
    if sort == "time":
        rows = sorted(rows, key=lambda row: -row.seconds)
    native, call = (float(np.median(x[WARM_UPS:])) for x in (times.native, times.call))
    return Profile(
        tuple(rows),
        machine_limits(binding.threads),
        len(times.native) - WARM_UPS,
        min(native, call),  # a call holds a native one, which then was no slower than it
        call,
    )


def _rows(binding: Binding, seconds: Sequence[float]) -> list[ProfileRow]:
    kernels = [step.kernel for step in binding.code.steps]
    labels, total = labels_of(binding.code.schedule), sum(seconds) or 1.0
    rows = []
    for number, demand in enumerate(demands(kernels, _known(binding))):
        origin, parts = kernels[number].origin, binding.partitions[number].parts
        bound = bound_of(demand, machine_limits(binding.threads if parts > 1 else 1))
        row = ProfileRow(
            number=number,
            name=origin.title,
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

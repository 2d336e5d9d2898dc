"""Rows of powers of which only the proportions matter, as softmax's: their largest element need
not be known.

Enters: a kernel of rows. Leaves: whether it can go without the maximum that it was told to find,
and which of its stages become one sweep. Of

    r1 = max(x);  t3 = exp(x - r1);  r4 = sum(t3);  y = t3 / r4

y is the same for exp(x) 2**k with any k for which nothing overflows or underflows. The code
generator guesses k, and sweeps a row again where the sum shows that it was no good.

What then scales a row comes `late` where it can: in the sweep of the next row, so that a core
computes the powers of one row while it waits for the sum of the other, and reads and writes memory
all the while. That is for rows of a known length: it takes scratch, and long rows lose by it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from graphc.dims import product
from graphc.graph import CONSTANT
from graphc.ops import div, exp, mul, sub
from graphc.schedule.kernel import (
    Compute,
    Load,
    LoopKernel,
    Position,
    Reduced,
    Scalar,
    Stage,
    Value,
)
from graphc.schedule.stages import KEEP_COST
from graphc.schedule.sweeps import arguments, cost_of, is_float_sum

LEAST = 1e-6  # of a constant that is divided by a sum
LONG = 8192  # elements of a row from which on two of them leave the nearest cache


@dataclass(frozen=True, slots=True)
class Guess:
    """The stage that finds the maximum, by its place, before the one that uses it; the maximum, of
    which value it is, the power and the sum of the powers; what both stages do in one sweep; and
    the last stage, if it comes late."""

    place: int
    largest: int
    element: int
    power: int
    total: int
    sweep: Stage
    late: Stage | None


def guess_of(kernel: LoopKernel) -> Guess | None:
    """How a kernel goes without the largest elements of its rows, if it can."""
    if kernel.lanes != "inner" or kernel.parts is not None or not (kernel.outer and kernel.inner):
        return None
    values = kernel.values
    reduced = [(n, v) for n, v in enumerate(values) if isinstance(v, Reduced)]
    maxima = [n for n, v in reduced if v.combine == "max" and v.dtype.kind == "f"]
    if len(maxima) != 1:
        return None
    power = _only_power(kernel, maxima[0])
    place = next(n for n, s in enumerate(kernel.stages) if maxima[0] in s.reduces)
    if power is None or not _are_one_sweep(kernel, place, power):
        return None
    totals = [n for n in kernel.stages[place + 1].reduces if _is_sum_of(values, n, power)]
    if not totals or not _is_in_proportion(kernel, power):
        return None
    return _guess(kernel, place, maxima[0], power, totals[0])


def _only_power(kernel: LoopKernel, largest: int) -> int | None:
    """exp(x - max(x)), if the maximum is there for nothing else."""
    values = kernel.values
    differences = _users(kernel, largest)
    if len(differences) != 1 or differences[0] < 0:
        return None
    (difference,) = differences
    powers = _users(kernel, difference)
    maximum, taken = values[largest], values[difference]
    assert isinstance(maximum, Reduced)
    known = (
        isinstance(taken, Compute) and taken.op is sub and taken.args == (maximum.value, largest)
    )
    if not known or len(powers) != 1 or powers[0] < 0:
        return None
    power = values[powers[0]]
    return powers[0] if isinstance(power, Compute) and power.op is exp else None


def _users(kernel: LoopKernel, number: int) -> list[int]:
    """The values that need a value; -1 for what is stored."""
    reduced = [
        n for n, v in enumerate(kernel.values) if isinstance(v, Reduced) and v.value == number
    ]
    stores = (s for stage in kernel.stages for s in stage.stores)
    stored = any(number in (s.value, s.position) for s in stores)
    computed = [n for n, v in enumerate(kernel.values) if number in arguments(v)]
    return computed + reduced + [-1] * stored


def _are_one_sweep(kernel: LoopKernel, place: int, power: int) -> bool:
    """Whether the powers come right behind the maximum, and both can be made again: what they read
    is not written by the kernel nor kept by it, they add to nothing, and they check nothing."""
    found, made = kernel.stages[place : place + 2]
    if {*found.reuse, *made.reuse} - {*found.keep}:
        return False  # what earlier sweeps keep might be overwritten by the powers
    values = [kernel.values[n] for n in (*found.compute, *made.compute)]
    written = {s.operand for stage in kernel.stages for s in stage.stores}
    reread = any(isinstance(v, Load) and v.operand in written for v in values)
    added = any(store.add for store in (*found.stores, *made.stores))
    checked = any(isinstance(v, Position) for v in values)
    level = found.level == made.level == "inner"
    return level and power in made.compute and not (reread or added or checked)


def _is_sum_of(values: Sequence[Value], number: int, power: int) -> bool:
    value = values[number]
    return is_float_sum(values, number) and isinstance(value, Reduced) and value.value == power


def _is_in_proportion(kernel: LoopKernel, power: int) -> bool:
    """Whether all that is stored stays as it is if all powers are multiplied by one number."""
    degrees: dict[int, int] = {}  # how often a value would be multiplied by it
    for number, value in enumerate(kernel.values):
        degree = 1 if number == power else _degree(kernel.values, value, degrees)
        if degree is None:
            return False
        degrees[number] = degree
    stores = (s for stage in kernel.stages for s in stage.stores)
    stored = (n for s in stores for n in (s.value, s.position) if n is not None)
    return all(degrees[n] == 0 for n in stored)


def _degree(values: Sequence[Value], value: Value, degrees: dict[int, int]) -> int | None:
    """None where it is not known, or where numbers could become too large or too small on the way:
    nothing but powers, their sums, and shares of those."""
    if isinstance(value, Reduced):
        degree = degrees.get(value.value, 0)
        return degree if degree == 0 or value.combine == "sum" else None
    args = arguments(value)
    found = [degrees[a] for a in args]
    if not any(found):
        return 0
    op = value.op if isinstance(value, Compute) else None
    if op is div and (found == [1, 1] or (found == [0, 1] and _is_constant(values[args[0]]))):
        return found[0] - found[1]
    return 0 if op is mul and sorted(found) == [-1, 1] else None


def _is_constant(value: Value) -> bool:
    """A constant that can be divided by a sum, be that large."""
    if not isinstance(value, Scalar) or value.node.op is not CONSTANT:
        return False
    constant: Any = value.node.params["value"].array
    return abs(float(constant)) >= LEAST


def _guess(kernel: LoopKernel, place: int, largest: int, power: int, total: int) -> Guess:
    found, made, *behind = kernel.stages[place:]
    maximum, exponential = kernel.values[largest], kernel.values[power]
    assert isinstance(maximum, Reduced)
    assert isinstance(exponential, Compute)
    reused = {n for stage in behind for n in stage.reuse}
    computed = dict.fromkeys((*found.compute, *made.compute))
    sweep = Stage(
        "inner",
        compute=tuple(n for n in computed if n != exponential.args[0]),
        stores=found.stores + made.stores,
        reduces=tuple(n for n in found.reduces + made.reduces if n != largest),
        keep=tuple(n for n in found.keep + made.keep if n in reused),
    )
    late = kernel.stages[-1] if place == 0 and _can_wait(kernel, sweep, power) else None
    return Guess(place, largest, maximum.value, power, total, sweep, late)


def _can_wait(kernel: LoopKernel, sweep: Stage, power: int) -> bool:
    """Whether the last stage can be done beside the sweep of another row, and be done in vain
    beside the first: it sets what nothing reads, and computes no function, which a sweep of two
    rows would have too much of."""
    size = product(kernel.inner)
    if not isinstance(size, int) or size >= LONG:
        return False
    *behind, last = kernel.stages[2:]
    alone = all(stage.level == "row" for stage in behind) and last.level == "inner"
    calls = [n for n in (*sweep.compute, *last.compute) if cost_of(kernel.values[n]) >= KEEP_COST]
    written = {store.operand for stage in kernel.stages for store in stage.stores}
    read = {value.operand for value in kernel.values if isinstance(value, Load)}
    checked = any(isinstance(value, Position) for value in kernel.values)
    sets = not any(store.add or store.position is not None for store in last.stores)
    return alone and sets and calls == [power] and not (checked or written & read or last.reduces)

"""Rows of powers whose largest element is guessed: softmax sweeps its row once, and scales it.

Enters: a kernel of rows. Leaves: whether only the proportions of its powers matter, and the sweep
that finds them without the largest element. Of

    r1 = max(x);  t3 = exp(x - r1);  r4 = sum(t3);  y = t3 / r4

y is the same for exp(x) 2**k, to the bit but for the rounding of exp, with any k for which nothing
overflows or underflows. k is taken from the ends of the row; or they are what is taken from x,
where they are large. Only if the sum shows that they were no measure of the largest element, as
where both are masked, is that found, and the row swept again:

    base = reduce_max(a0[i0 * s0_0 + n1 - 1], a0[i0 * s0_0])
    near = fabs(base) < f32(32)
    exponent = select(near, f32(24) - rint(base * f32(1.4426950408889634)), f32(24))
    base = select(near, f32(0), base)
    for i1 in range(n1):
        t0 = a0[i0 * s0_0 + i1]
        t3 = exp_scaled_f32(t0 - base, exponent)
        r4 = accumulate(r4, t3)
    if (r4 < f32(1)) | (r4 > most) | (r4 != r4):
        ...

It is more exact, too, where nothing is taken: x - r1 is rounded, which exp multiplies, and x is
not. (Measured, as multiples of a copy: rows of 256 elements 2.4 and 1.9, of 8192 1.8 and 1.5.
Where elements spread by 20, a standard deviation, many rows are swept again: 1.4 to 2.4 times as
long as by their maxima.)
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import log
from typing import Any

from graphc.codegen.body import is_float_sum, may_contract
from graphc.graph import CONSTANT
from graphc.lowering import Pointwise
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
from graphc.schedule.stages import arguments
from graphc.types import DType

NEAR = 32  # of elements below that k alone is taken
LEAST = 1e-6  # of a constant that is divided by a sum
BASE, EXPONENT, MOST = "base", "exponent", "most"

SCALED = replace(exp, lower=Pointwise(f"exp_scaled_{{T}}({{0}} - {BASE}, {EXPONENT})", 10))
# The same of what is a product, which {0} - base would not round before.
SCALED_PRODUCT = replace(
    exp, lower=Pointwise(f"exp_scaled_{{T}}(fma({BASE}, {{T}}(-1), {{0}}), {EXPONENT})", 10)
)


@dataclass(frozen=True, slots=True)
class Bounds:
    """In powers of two: what the larger end of a row becomes, above what is subnormal by all that
    counts in a result; and up to which sum it is near enough: `most` where nothing is taken from x,
    and otherwise so much a row's element that x - base is as good as x - max(x)."""

    end: int
    most: int
    share: int


BOUNDS = {4: Bounds(24, 100, 32), 8: Bounds(53, 512, 61)}


@dataclass(frozen=True, slots=True)
class Guess:
    """The stage that finds the maximum, by its place, before the one that uses it; the maximum, of
    which value it is, and the sum of the powers; what both stages do in one sweep, with these
    values."""

    place: int
    largest: int
    element: int
    total: int
    sweep: Stage
    values: tuple[Value, ...]


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
    (difference, element) = exponential.args[0], maximum.value
    reused = {n for stage in behind for n in stage.reuse}
    computed = dict.fromkeys((*found.compute, *made.compute))
    sweep = Stage(
        "inner",
        compute=tuple(n for n in computed if n != difference),
        stores=found.stores + made.stores,
        reduces=tuple(n for n in found.reduces + made.reduces if n != largest),
        keep=tuple(n for n in found.keep + made.keep if n in reused),
    )
    values = list(kernel.values)
    scaled = SCALED_PRODUCT if may_contract(values[element]) else SCALED
    values[power] = Compute(scaled, (element,), exponential.dtype)
    return Guess(place, largest, element, total, sweep, tuple(values))


def guess_texts(dtype: DType, size: str) -> tuple[tuple[str, str], ...]:
    """What goes with a row of that size whose larger end is `base`: names and what they become."""
    short, bounds = dtype.short, BOUNDS[dtype.itemsize]
    near, end = f"fabs({BASE}) < {short}({NEAR})", f"{short}({bounds.end})"
    away = f"{short}({2.0**bounds.share!r}) * {short}({size})"
    return (
        ("near", near),
        (EXPONENT, f"select(near, {end} - rint({BASE} * {short}({1 / log(2)!r})), {end})"),
        (MOST, f"select(near, {short}({2.0**bounds.most!r}), {away})"),
        (BASE, f"select(near, {short}(0), {BASE})"),
    )


def largest_texts(largest: str, dtype: DType) -> tuple[tuple[str, str], ...]:
    """The same of a row whose largest element is known."""
    return (BASE, largest), (EXPONENT, f"{dtype.short}({BOUNDS[dtype.itemsize].end})")


def far_text(total: str, dtype: DType) -> str:
    """Whether a sum shows that the ends were no measure of the largest, or that there is nan."""
    # With its ends in it a sum is large; exp of what is far above them may come out negative.
    return f"({total} < {dtype.short}(1)) | ({total} > {MOST}) | ({total} != {total})"

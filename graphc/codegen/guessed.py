"""Rows of powers whose largest element is guessed: softmax sweeps its row once, and scales it.

Enters: a kernel of rows of whose powers only the proportions matter. Leaves: its text. k of exp(x)
2**k is taken from the ends of the row; or they are what is taken from x, where they are large. Only
if the sum shows that they were no measure of the largest element, as where both are masked, is that
found, and the row swept again. Where what scales the rows is late, the sweep of a row scales the
one before it, whose powers stand in a row of scratch; the first sweep scales what is no row yet, to
where the first will be:

    base = reduce_max(a0[i0 * s0_0 + n1 - 1], a0[i0 * s0_0])
    if fabs(base) < f32(32):
        exponent = f32(24) - rint(base * f32(1.4426950408889634))
        most = f32(1.2676506002282294e+30)
        for i1 in range(n1):
            t3 = row2[i1]
            out1[late0 * s1_0 + i1] = t3 * t6
            t0 = a0[i0 * s0_0 + i1]
            t3 = exp_scaled_f32(t0, exponent)
            row2[i1] = t3
            r4 = accumulate(r4, t3)
    else:
        ...
    if (r4 < f32(1)) | (r4 > most) | (r4 != r4):
        ...
    t6 = f32(1) / r4
    late0 = i0

It is more exact, too, where nothing is taken: x - max(x) is rounded, which exp multiplies, and x is
not. (Measured, as multiples of a copy, by maxima, by a guess, and late: rows of 256 elements 2.4,
2.2 and 1.8, of 1024 2.2, 1.9 and 1.6, of 8192, which are never late, 1.8 and 1.5. Where elements
spread by 20, a standard deviation, many rows are swept again: 1.4 to 2.4 times as long as by their
maxima.)
"""

from dataclasses import dataclass, replace
from math import log

from graphc.codegen.body import may_contract
from graphc.graph import Op
from graphc.lowering import Pointwise
from graphc.ops import exp
from graphc.schedule.guessed import Guess
from graphc.schedule.kernel import Compute, LoopKernel, Value
from graphc.types import DType

NEAR = 32  # of elements below that k alone is taken
BASE, EXPONENT, MOST = "base", "exponent", "most"

SCALED = replace(exp, lower=Pointwise(f"exp_scaled_{{T}}({{0}}, {EXPONENT})", 10))
# About a number that is taken from x; of a product, which {0} - base would not round before.
ABOUT = replace(exp, lower=Pointwise(f"exp_scaled_{{T}}({{0}} - {BASE}, {EXPONENT})", 10))
ABOUT_PRODUCT = replace(
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


def scaled(kernel: LoopKernel, guess: Guess) -> tuple[Value, ...]:
    """The values of a sweep by a guess."""
    return _with_power(kernel, guess, SCALED)


def about(kernel: LoopKernel, guess: Guess) -> tuple[Value, ...]:
    """The values of a sweep about `base`."""
    product = may_contract(kernel.values[guess.element])
    return _with_power(kernel, guess, ABOUT_PRODUCT if product else ABOUT)


def _with_power(kernel: LoopKernel, guess: Guess, op: Op) -> tuple[Value, ...]:
    values, exponential = list(kernel.values), kernel.values[guess.power]
    assert isinstance(exponential, Compute)
    values[guess.power] = Compute(op, (guess.element,), exponential.dtype)
    return tuple(values)


def near_text(dtype: DType) -> str:
    """Whether elements like the ends are exact enough with nothing taken from them."""
    return f"fabs({BASE}) < {dtype.short}({NEAR})"


def scaled_texts(dtype: DType) -> tuple[tuple[str, str], ...]:
    """What goes with a row whose larger end is `base`: names and what they become."""
    short, bounds = dtype.short, BOUNDS[dtype.itemsize]
    return (
        (EXPONENT, f"{short}({bounds.end}) - rint({BASE} * {short}({1 / log(2)!r}))"),
        (MOST, f"{short}({2.0**bounds.most!r})"),
    )


def about_texts(dtype: DType, size: str) -> tuple[tuple[str, str], ...]:
    """The same where `base` is taken from the row, which has that size."""
    short, bounds = dtype.short, BOUNDS[dtype.itemsize]
    return (
        (EXPONENT, f"{short}({bounds.end})"),
        (MOST, f"{short}({2.0**bounds.share!r}) * {short}({size})"),
    )


def far_text(total: str, dtype: DType) -> str:
    """Whether a sum shows that the ends were no measure of the largest, or that there is nan."""
    # With its ends in it a sum is large; exp of what is far above them may come out negative.
    return f"({total} < {dtype.short}(1)) | ({total} > {MOST}) | ({total} != {total})"

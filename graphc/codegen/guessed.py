"""Rows of powers whose largest element is guessed: softmax sweeps its row once, and scales it.

Enters: a kernel of rows of whose powers only the proportions matter. Leaves: its text. k of exp(x)
2**k is taken from the ends of the row; or they are what is taken from x, where they are large. Only
if they were no measure of the largest element, as where both are masked, is that found, and the row
swept again: the sum is small then, or the largest argument of a power is large. Where what scales
the rows is late, the sweep of a row scales the one before it, whose powers stand in a row of
scratch; the first sweep scales what is no row yet, to where the first will be:

    base = select(a0[i0 * s0_0 + n1 - 1] > base, a0[i0 * s0_0 + n1 - 1], base)
    if fabs(base) < f32(32):
        exponent = f32(24) - rint(base * f32(1.4426950408889634))
        limit = float_bits_f32(base + f32(50))
        for i1 in range(n1):
            t3 = row2[i1]
            out1[late0 * s1_0 + i1] = t3 * t6
            t0 = a0[i0 * s0_0 + i1]
            t3 = exp_scaled_f32(t0, exponent)
            row2[i1] = t3
            r4 = accumulate(r4, t3)
            r9 = reduce_max(float_bits_f32(t0), r9)
    else:
        ...
    if (r4 < f32(1)) | (r4 != r4) | (r9 > limit):
        ...
    t6 = f32(1) / r4
    late0 = i0

It is more exact, too, where nothing is taken: x - max(x) is rounded, which exp multiplies, and x is
not. (Measured, as multiples of a copy in the caches: rows of 256 elements by their maxima 2.4, by a
guess 2.2, late 1.8, and with powers from a table 1.4; of 8192, which are never late, 1.8, 1.5 and
1.4. Where elements spread by 20, a standard deviation, many rows are swept again: 1.4 to 2.4 times
as long as by their maxima.)
"""

from dataclasses import dataclass, replace
from math import log

from graphc.codegen.body import may_contract
from graphc.graph import Op
from graphc.lowering import Pointwise
from graphc.ops import cast, exp
from graphc.schedule.guessed import Guess
from graphc.schedule.kernel import Compute, LoopKernel, Reduced, Value
from graphc.types import DType, int32, int64

NEAR = 32  # of elements below that k alone is taken
BASE, EXPONENT, LIMIT = "base", "exponent", "limit"


def _ops(argument: str) -> tuple[Op, Op]:
    """Powers of an argument, and its bits: of floats from 0 on they come in the same order."""
    power, bits = f"exp_scaled_{{T}}({argument}, {EXPONENT})", f"float_bits_{{T}}({argument})"
    return replace(exp, lower=Pointwise(power, 10)), replace(cast, lower=Pointwise(bits, 0))


SCALED = _ops("{0}")
# About a number that is taken from x; of a product, which {0} - base would not round before.
ABOUT, ABOUT_PRODUCT = _ops(f"{{0}} - {BASE}"), _ops(f"fma({BASE}, {{T}}(-1), {{0}})")


@dataclass(frozen=True, slots=True)
class Bounds:
    """What the larger end of a row becomes, as a power of two: above what is subnormal by all that
    counts in a result. How far above it other elements may be: where nothing is taken from x, so
    that no sum overflows; and otherwise so that x - base is as good as x - max(x)."""

    end: int
    above: int
    near: int = 8


BOUNDS = {4: Bounds(24, 50), 8: Bounds(53, 300)}


def watched(kernel: LoopKernel, guess: Guess) -> Guess:
    """The same with a sweep that looks for the largest argument of a power, which `far_text` tests.
    A maximum of integers is one instruction, and no nan hides behind it."""
    sweep, bits = guess.sweep, len(kernel.values)
    both = replace(sweep, compute=(*sweep.compute, bits), reduces=(*sweep.reduces, bits + 1))
    return replace(guess, sweep=both)


def scaled(kernel: LoopKernel, guess: Guess) -> tuple[Value, ...]:
    """The values of a sweep by a guess, and at last those that are watched."""
    return _with_powers(kernel, guess, *SCALED)


def about(kernel: LoopKernel, guess: Guess) -> tuple[Value, ...]:
    """The values of a sweep about `base`."""
    product = may_contract(kernel.values[guess.element])
    return _with_powers(kernel, guess, *(ABOUT_PRODUCT if product else ABOUT))


def _with_powers(kernel: LoopKernel, guess: Guess, power: Op, bits: Op) -> tuple[Value, ...]:
    values, exponential = list(kernel.values), kernel.values[guess.power]
    assert isinstance(exponential, Compute)
    values[guess.power] = Compute(power, (guess.element,), exponential.dtype)
    integer = int32 if exponential.dtype.itemsize == 4 else int64
    seen = Compute(bits, (guess.element,), integer)
    return (*values, seen, Reduced("max", len(values), integer))


def near_text(dtype: DType) -> str:
    """Whether elements like the ends are exact enough with nothing taken from them."""
    return f"fabs({BASE}) < {dtype.short}({NEAR})"


def scaled_texts(dtype: DType) -> tuple[tuple[str, str], ...]:
    """What goes with a row whose larger end is `base`: names and what they become."""
    short, bounds = dtype.short, BOUNDS[dtype.itemsize]
    return (
        (EXPONENT, f"{short}({bounds.end}) - rint({BASE} * {short}({1 / log(2)!r}))"),
        (LIMIT, f"float_bits_{short}({BASE} + {short}({bounds.above}))"),
    )


def about_texts(dtype: DType) -> tuple[tuple[str, str], ...]:
    """The same where `base` is taken from the row."""
    short, bounds = dtype.short, BOUNDS[dtype.itemsize]
    return (
        (EXPONENT, f"{short}({bounds.end})"),
        (LIMIT, f"float_bits_{short}({short}({bounds.near}))"),
    )


def far_text(total: str, largest: str, dtype: DType) -> str:
    """Whether the sum and the largest argument show that the ends were no measure of the largest
    element, or that there is nan."""
    # With its ends in it a sum is large. Powers that overflow might not show in it.
    return f"({total} < {dtype.short}(1)) | ({total} != {total}) | ({largest} > {LIMIT})"

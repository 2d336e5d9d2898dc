"""tanh, sinh, cosh and their inverses on scalars: branch-free, so that LLVM vectorises a loop over
them.

Enters and leaves: one float32 (`_f32`) or float64 (`_f64`).

Method: with E = exp(|x|) - 1, tanh = expm1(2|x|) / (expm1(2|x|) + 2), sinh = (E + E / (E + 1)) / 2,
cosh = (e + 1/e) / 2; all in quarters, so that they overflow where the result does. The inverses are
log1p of a sum that has no cancellation (Kahan, 1987).

    >>> tanh_f32(f32(0.5)), asinh_f64(f64(1.0))
    (np.float32(0.46211714), np.float64(0.881373587019543))
"""

from math import nan
from typing import Any

from graphc.runtime.language.intrinsics import copysign, f32, f64, fabs, fma, i32, i64, select, sqrt
from graphc.runtime.language.vecmath.exponential import (
    expm1_near_zero_f32,
    expm1_near_zero_f64,
    power_of_two_f32,
    power_of_two_f64,
    remainder_ln2_f32,
    remainder_ln2_f64,
    shifted_quotient_f32,
    shifted_quotient_f64,
)
from graphc.runtime.language.vecmath.logarithm import (
    log1p_f32,
    log1p_f64,
    log_pair_f32,
    log_pair_f64,
    one_plus_f32,
    one_plus_f64,
)


def tanh_f32(x: Any) -> Any:
    a = fabs(x)
    a = select(a > f32(10.0), f32(20.0), a + a)
    shifted = shifted_quotient_f32(a)
    p = expm1_near_zero_f32(remainder_ln2_f32(a, shifted))
    s = power_of_two_f32(shifted, i32(127))
    t = fma(s, p, s - f32(1.0))
    return copysign(t / (t + f32(2.0)), x)


def tanh_f64(x: Any) -> Any:
    a = fabs(x)
    a = select(a > f64(20.0), f64(40.0), a + a)
    shifted = shifted_quotient_f64(a)
    p = expm1_near_zero_f64(remainder_ln2_f64(a, shifted))
    s = power_of_two_f64(shifted, i64(1023))
    t = fma(s, p, s - f64(1.0))
    return copysign(t / (t + f64(2.0)), x)


def sinh_f32(x: Any) -> Any:
    """Below 2**-13 the result is x: the formula would lose bits of a subnormal."""
    a = fabs(x)
    a = select(a > f32(89.5), f32(89.5), a)
    shifted = shifted_quotient_f32(a)
    p = expm1_near_zero_f32(remainder_ln2_f32(a, shifted))
    s = power_of_two_f32(shifted, i32(125))
    quarter = fma(s, p, s - f32(0.25))
    y = f32(2.0) * (quarter + quarter / fma(f32(4.0), quarter, f32(1.0)))
    return select(a < f32(1.0e-4), x, copysign(y, x))


def sinh_f64(x: Any) -> Any:
    """Below 2**-28 the result is x: the formula would lose bits of a subnormal."""
    a = fabs(x)
    a = select(a > f64(710.6), f64(710.6), a)
    shifted = shifted_quotient_f64(a)
    p = expm1_near_zero_f64(remainder_ln2_f64(a, shifted))
    s = power_of_two_f64(shifted, i64(1021))
    quarter = fma(s, p, s - f64(0.25))
    y = f64(2.0) * (quarter + quarter / fma(f64(4.0), quarter, f64(1.0)))
    return select(a < f64(3.0e-9), x, copysign(y, x))


def cosh_f32(x: Any) -> Any:
    a = fabs(x)
    a = select(a > f32(89.5), f32(89.5), a)
    shifted = shifted_quotient_f32(a)
    p = expm1_near_zero_f32(remainder_ln2_f32(a, shifted))
    s = power_of_two_f32(shifted, i32(125))
    quarter = fma(s, p, s)
    return f32(2.0) * (quarter + f32(0.0625) / quarter)


def cosh_f64(x: Any) -> Any:
    a = fabs(x)
    a = select(a > f64(710.6), f64(710.6), a)
    shifted = shifted_quotient_f64(a)
    p = expm1_near_zero_f64(remainder_ln2_f64(a, shifted))
    s = power_of_two_f64(shifted, i64(1021))
    quarter = fma(s, p, s)
    return f64(2.0) * (quarter + f64(0.0625) / quarter)


def asinh_f32(x: Any) -> Any:
    """log1p(a + a*a / (1 + sqrt(a*a + 1))), a = |x|; log(2 a) where a*a is much larger than 1."""
    a = fabs(x)
    large = a > f32(16777216.0)
    square = a * a
    u, error = one_plus_f32(a + square / (f32(1.0) + sqrt(square + f32(1.0))))
    k = select(large, f32(1.0), f32(0.0))
    y = log_pair_f32(select(large, a, u), select(large, f32(0.0), error), k)
    return select(a < f32(1.0e-4), x, copysign(y, x))


def asinh_f64(x: Any) -> Any:
    """log1p(a + a*a / (1 + sqrt(a*a + 1))), a = |x|; log(2 a) where a*a is much larger than 1."""
    a = fabs(x)
    large = a > f64(268435456.0)
    square = a * a
    u, error = one_plus_f64(a + square / (f64(1.0) + sqrt(square + f64(1.0))))
    k = select(large, f64(1.0), f64(0.0))
    y = log_pair_f64(select(large, a, u), select(large, f64(0.0), error), k)
    return select(a < f64(1.0e-8), x, copysign(y, x))


def acosh_f32(x: Any) -> Any:
    """log1p(t + sqrt(t (t + 2))), t = x - 1; log(2 x) where x*x is much larger than 1."""
    t = x - f32(1.0)
    large = x > f32(16777216.0)
    u, error = one_plus_f32(t + sqrt(t * (t + f32(2.0))))
    k = select(large, f32(1.0), f32(0.0))
    y = log_pair_f32(select(large, x, u), select(large, f32(0.0), error), k)
    return select(x < f32(1.0), f32(nan), y)


def acosh_f64(x: Any) -> Any:
    """log1p(t + sqrt(t (t + 2))), t = x - 1; log(2 x) where x*x is much larger than 1."""
    t = x - f64(1.0)
    large = x > f64(268435456.0)
    u, error = one_plus_f64(t + sqrt(t * (t + f64(2.0))))
    k = select(large, f64(1.0), f64(0.0))
    y = log_pair_f64(select(large, x, u), select(large, f64(0.0), error), k)
    return select(x < f64(1.0), f64(nan), y)


def atanh_f32(x: Any) -> Any:
    """log1p(2 a / (1 - a)) / 2, a = |x|."""
    a = fabs(x)
    return copysign(f32(0.5) * log1p_f32((a + a) / (f32(1.0) - a)), x)


def atanh_f64(x: Any) -> Any:
    """log1p(2 a / (1 - a)) / 2, a = |x|."""
    a = fabs(x)
    return copysign(f64(0.5) * log1p_f64((a + a) / (f64(1.0) - a)), x)

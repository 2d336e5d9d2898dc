"""exp, exp2 and expm1 on scalars: branch-free, so that LLVM vectorises a loop over them.

Enters and leaves: one float32 (`_f32`) or float64 (`_f64`).

Method: x = k ln 2 + r with |r| <= ln 2 / 2, ln 2 split in two (Cody and Waite, 1980), expm1(r) = r
+ r*r*Q(r), Q a minimax polynomial in the relative error of expm1 (fitted with the Remez algorithm;
2**-26.1 and 2**-55.6), and the result scaled by 2**k; a subnormal one is rounded once. Adding 1.5 *
2**23 (2**52) rounds to the nearest integer and leaves k in the low bits of the sum.

    >>> exp_f32(f32(1.0)), expm1_f64(f64(1e-10))
    (np.float32(2.7182817), np.float64(1.00000000005e-10))
"""

from typing import Any

from graphc.runtime.language.intrinsics import (
    bits_f32,
    bits_f64,
    exp2_32nds,
    f32,
    f64,
    fabs,
    float_bits_f32,
    float_bits_f64,
    fma,
    i32,
    i64,
    ldexp,
    select,
)


def remainder_of_exp_f32(r: Any) -> Any:
    """(exp(r) - 1 - r) / r**2 for |r| <= 0.36."""
    p = f32(0.0013838068)
    p = fma(p, r, f32(0.008367077))
    p = fma(p, r, f32(0.04166775))
    p = fma(p, r, f32(0.16666539))
    return fma(p, r, f32(0.49999997))


def expm1_near_zero_f32(r: Any) -> Any:
    """exp(r) - 1 for |r| <= 0.36."""
    return fma(remainder_of_exp_f32(r), r * r, r)


def exp_near_zero_f32(r: Any) -> Any:
    """exp(r) for |r| <= 0.36."""
    one = f32(1.0)
    return fma(fma(remainder_of_exp_f32(r), r, one), r, one)


def remainder_of_exp_f64(r: Any) -> Any:
    """(exp(r) - 1 - r) / r**2 for |r| <= 0.36."""
    p = f64(2.5086618362022288e-08)
    p = fma(p, r, f64(2.7626781993584615e-07))
    p = fma(p, r, f64(2.7557320725000146e-06))
    p = fma(p, r, f64(2.480150344474383e-05))
    p = fma(p, r, f64(0.00019841269797132372))
    p = fma(p, r, f64(0.0013888888933052863))
    p = fma(p, r, f64(0.008333333333362239))
    p = fma(p, r, f64(0.04166666666657228))
    p = fma(p, r, f64(0.16666666666666619))
    return fma(p, r, f64(0.5000000000000006))


def expm1_near_zero_f64(r: Any) -> Any:
    """exp(r) - 1 for |r| <= 0.36."""
    return fma(remainder_of_exp_f64(r), r * r, r)


def exp_near_zero_f64(r: Any) -> Any:
    """exp(r) for |r| <= 0.36."""
    one = f64(1.0)
    return fma(fma(remainder_of_exp_f64(r), r, one), r, one)


def shifted_quotient_f32(x: Any) -> Any:
    """rint(x / ln 2) + 1.5 * 2**23, for |x| <= 2**20."""
    return fma(x, f32(1.442695), f32(12582912.0))


def shifted_quotient_f64(x: Any) -> Any:
    """rint(x / ln 2) + 1.5 * 2**52, for |x| <= 2**40."""
    return fma(x, f64(1.4426950408889634), f64(6755399441055744.0))


def remainder_ln2_f32(x: Any, shifted: Any) -> Any:
    """x - k ln 2, k = shifted - 1.5 * 2**23."""
    k = shifted - f32(12582912.0)
    return fma(k, f32(1.9046542e-09), fma(k, f32(-0.6931472), x))


def remainder_ln2_f64(x: Any, shifted: Any) -> Any:
    """x - k ln 2, k = shifted - 1.5 * 2**52."""
    k = shifted - f64(6755399441055744.0)
    return fma(k, f64(-2.3190468138462996e-17), fma(k, f64(-0.6931471805599453), x))


def power_of_two_f32(shifted: Any, bias: Any) -> Any:
    """2**(k + bias - 127), k = shifted - 1.5 * 2**23; it must be a normal number."""
    return bits_f32(i32((float_bits_f32(shifted) + bias) << i32(23)))


def power_of_two_f64(shifted: Any, bias: Any) -> Any:
    """2**(k + bias - 1023), k = shifted - 1.5 * 2**52; it must be a normal number."""
    return bits_f64(i64((float_bits_f64(shifted) + bias) << i64(52)))


def scale_f32(y: Any, shifted: Any) -> Any:
    """y * 2**k, k = shifted - 1.5 * 2**23 in [-252, 254]."""
    return ldexp(y, i32(float_bits_f32(shifted) - i32(0x4B400000)))


def scale_f64(y: Any, shifted: Any) -> Any:
    """y * 2**k, k = shifted - 1.5 * 2**52 in [-2044, 2046]."""
    return ldexp(y, i64(float_bits_f64(shifted) - i64(0x4338000000000000)))


def bounded_exp_f32(x: Any, tail: Any, factor: Any) -> Any:
    """factor * exp(x - tail) for x <= 90, tail much smaller than x, rounded to a subnormal only
    once."""
    x = select(x < f32(-106.0), f32(-106.0), x)
    shifted = shifted_quotient_f32(x)
    p = exp_near_zero_f32(remainder_ln2_f32(x, shifted) - tail)
    return scale_f32(p * factor, shifted)


def scaled_exp_f32(x: Any, tail: Any, factor: Any) -> Any:
    """The same for all x."""
    return bounded_exp_f32(select(x > f32(90.0), f32(90.0), x), tail, factor)


def bounded_exp_f64(x: Any, tail: Any, factor: Any) -> Any:
    """factor * exp(x - tail) for x <= 711, tail much smaller than x, rounded to a subnormal only
    once."""
    x = select(x < f64(-748.0), f64(-748.0), x)
    shifted = shifted_quotient_f64(x)
    p = exp_near_zero_f64(remainder_ln2_f64(x, shifted) - tail)
    return scale_f64(p * factor, shifted)


def scaled_exp_f64(x: Any, tail: Any, factor: Any) -> Any:
    """The same for all x."""
    return bounded_exp_f64(select(x > f64(711.0), f64(711.0), x), tail, factor)


def exp_f32(x: Any) -> Any:
    return scaled_exp_f32(x, f32(0.0), f32(1.0))


def exp_f64(x: Any) -> Any:
    return scaled_exp_f64(x, f64(0.0), f64(1.0))


def exp_nonpositive_f32(x: Any) -> Any:
    """exp(x) for x <= 0."""
    return bounded_exp_f32(x, f32(0.0), f32(1.0))


def exp_nonpositive_f64(x: Any) -> Any:
    """exp(x) for x <= 0."""
    return bounded_exp_f64(x, f64(0.0), f64(1.0))


def exp_scaled_f32(x: Any, k: Any) -> Any:
    """exp(x) 2**k for integral k from -120 to 120: 0 where that is below 2**-126. For |x| < 56, as
    r is the less exact the larger x is, and what is below 2**127."""
    shift = k + f32(12583039.0)  # 1.5 * 2**23, and the bias of the result's exponent
    least = (f32(12582913.0) - shift) * f32(0.6931472)
    shifted = fma(x, f32(1.442695), shift)
    r = fma(shifted - shift, f32(-0.6931472), x)
    p = f32(0.008289718)
    p = fma(p, r, f32(0.04189784))
    p = fma(p, r, f32(0.16667648))
    p = fma(p, r, f32(0.4999915))
    p = fma(p, r, f32(0.9999997))
    p = fma(p, r, f32(1.0))
    return select(x < least, f32(0.0), p * power_of_two_f32(shifted, i32(0)))


def exp_picked_f32(x: Any, k: Any) -> Any:
    """The same by a table: x = n ln 2 / 32 + r, and 2**(n/32) is picked from it (Tang, 1989)."""
    shift = k + f32(393343.0)  # 1.5 * 2**18, and the bias of the result's exponent
    least = (f32(393217.0) - shift) * f32(0.6931472)
    shifted = fma(x, f32(1.442695), shift)
    r = fma(shifted - shift, f32(-0.6931472), x)
    power = exp2_32nds(float_bits_f32(shifted))
    p = fma(r * power, fma(r, f32(0.50000006), f32(1.0000147)), power)
    return select(x < least, f32(0.0), p)


def exp_scaled_f64(x: Any, k: Any) -> Any:
    """exp(x) 2**k for integral k from -1000 to 1000: 0 where that is below 2**-1022. For |x| < 1024
    and what is below 2**1023."""
    shift = k + f64(6755399441056767.0)  # 1.5 * 2**52, and the bias of the result's exponent
    least = (f64(6755399441055745.0) - shift) * f64(0.6931471805599453)
    shifted = fma(x, f64(1.4426950408889634), shift)
    n = shifted - shift
    r = fma(n, f64(-2.3190468138462996e-17), fma(n, f64(-0.6931471805599453), x))
    p = exp_near_zero_f64(r) * power_of_two_f64(shifted, i64(0))
    return select(x < least, f64(0.0), p)


def exp2_f32(x: Any) -> Any:
    """2**x = 2**k exp(r ln 2), k = rint(x)."""
    x = select(x > f32(130.0), f32(130.0), x)
    x = select(x < f32(-152.0), f32(-152.0), x)
    shifted = x + f32(12582912.0)
    r = x - (shifted - f32(12582912.0))
    return scale_f32(exp_near_zero_f32(r * f32(0.6931472)), shifted)


def exp2_f64(x: Any) -> Any:
    """2**x = 2**k exp(r ln 2), k = rint(x)."""
    x = select(x > f64(1026.0), f64(1026.0), x)
    x = select(x < f64(-1080.0), f64(-1080.0), x)
    shifted = x + f64(6755399441055744.0)
    r = x - (shifted - f64(6755399441055744.0))
    return scale_f64(exp_near_zero_f64(r * f64(0.6931471805599453)), shifted)


def expm1_f32(x: Any) -> Any:
    """exp(x) - 1 = 2 (2**(k-1) p + (2**(k-1) - 1/2)), p = expm1(r): 2**128 is no float32.

    Below 2**-26 the result is x: the formula would halve a subnormal and lose the sign of zero.
    """
    y = select(x > f32(88.9), f32(88.9), x)
    y = select(y < f32(-20.0), f32(-20.0), y)
    shifted = shifted_quotient_f32(y)
    p = expm1_near_zero_f32(remainder_ln2_f32(y, shifted))
    s = power_of_two_f32(shifted, i32(126))
    return select(fabs(x) < f32(1.5e-8), x, fma(s, p, s - f32(0.5)) * f32(2.0))


def expm1_f64(x: Any) -> Any:
    """exp(x) - 1 = 2 (2**(k-1) p + (2**(k-1) - 1/2)), p = expm1(r): 2**1024 is no float64.

    Below 2**-56 the result is x: the formula would halve a subnormal and lose the sign of zero.
    """
    y = select(x > f64(709.95), f64(709.95), x)
    y = select(y < f64(-40.0), f64(-40.0), y)
    shifted = shifted_quotient_f64(y)
    p = expm1_near_zero_f64(remainder_ln2_f64(y, shifted))
    s = power_of_two_f64(shifted, i64(1022))
    return select(fabs(x) < f64(1.4e-17), x, fma(s, p, s - f64(0.5)) * f64(2.0))

"""log, log2, log10 and log1p on scalars: branch-free, so that LLVM vectorises a loop over them.

Enters and leaves: one float32 (`_f32`) or float64 (`_f64`).

Method: x = 2**k (1 + f) with 1 + f in [sqrt(1/2), sqrt(2)]. float32: log(1 + f) = f - f*f/2 + f**3
P(f); float64, as in Sun's fdlibm, with s = f / (2 + f): log(1 + f) = f - f*f/2 + s (f*f/2 +
R(s*s)). P and R are minimax polynomials in the relative error (fitted with the Remez algorithm;
2**-27.3 and 2**-58.5). A subnormal x is scaled first.

    >>> log_f32(f32(10.0)), log1p_f64(f64(1e-10))
    (np.float32(2.3025851), np.float64(9.999999999500001e-11))
"""

from math import inf, nan
from typing import Any

from graphc.runtime.language.intrinsics import (
    bits_f32,
    bits_f64,
    f32,
    f64,
    fabs,
    float_bits_f32,
    float_bits_f64,
    fma,
    i32,
    i64,
    select,
)


def log1p_tail_f32(f: Any) -> Any:
    """log(1 + f) - f for 1 + f in [sqrt(1/2), sqrt(2)]."""
    p = f32(-0.0764383)
    p = fma(p, f, f32(0.12769547))
    p = fma(p, f, f32(-0.13160555))
    p = fma(p, f, f32(0.14200728))
    p = fma(p, f, f32(-0.16623217))
    p = fma(p, f, f32(0.20001265))
    p = fma(p, f, f32(-0.25000826))
    p = fma(p, f, f32(0.3333333))
    return fma(p, f, f32(-0.5)) * (f * f)


def log1p_tail_f64(f: Any) -> Any:
    """log(1 + f) - f for 1 + f in [sqrt(1/2), sqrt(2)]."""
    s = f / (f + f64(2.0))
    z = s * s
    p = f64(0.14798251995258796)
    p = fma(p, z, f64(0.15313832718496154))
    p = fma(p, z, f64(0.18183572340159232))
    p = fma(p, z, f64(0.22222198429115217))
    p = fma(p, z, f64(0.2857142874368628))
    p = fma(p, z, f64(0.3999999999940935))
    p = fma(p, z, f64(0.6666666666666735))
    half = f64(0.5) * f * f
    return fma(s, fma(p, z, half), -half)


def exponent_bits_f32(x: Any) -> Any:
    """k << 23, where x = 2**k (1 + f) as above; x positive and normal."""
    return i32(i32(float_bits_f32(x) - i32(0x3F3504F3)) & i32(-0x800000))


def exponent_bits_f64(x: Any) -> Any:
    """k << 52, where x = 2**k (1 + f) as above; x positive and normal."""
    return i64(i64(float_bits_f64(x) - i64(0x3FE6A09E667F3BCD)) & i64(-0x10000000000000))


def exponent_f32(bits: Any) -> Any:
    """The float k of k << 23."""
    return f32(i32(bits >> i32(23)))


def exponent_f64(bits: Any) -> Any:
    """The float k of k << 52, through the low bits of 1.5 * 2**52."""
    return bits_f64(i64((bits >> i64(52)) + i64(0x4338000000000000))) - f64(6755399441055744.0)


def significand_f32(x: Any, bits: Any) -> Any:
    """x / 2**k of k << 23."""
    return bits_f32(i32(float_bits_f32(x) - bits))


def significand_f64(x: Any, bits: Any) -> Any:
    """x / 2**k of k << 52."""
    return bits_f64(i64(float_bits_f64(x) - bits))


def log_sum_f32(f: Any, k: Any) -> Any:
    """log(1 + f) + k ln 2."""
    y = f + fma(k, f32(-1.9046542e-09), log1p_tail_f32(f))
    return fma(k, f32(0.6931472), y)


def log_sum_f64(f: Any, k: Any) -> Any:
    """log(1 + f) + k ln 2."""
    y = f + fma(k, f64(2.3190468138462996e-17), log1p_tail_f64(f))
    return fma(k, f64(0.6931471805599453), y)


def log_domain_f32(x: Any, y: Any) -> Any:
    """y, or for x = inf, nan, zero or less what every logarithm of it is."""
    y = select(x < f32(inf), y, x)
    return select(x > f32(0.0), y, select(x == f32(0.0), f32(-inf), f32(nan)))


def log_domain_f64(x: Any, y: Any) -> Any:
    """y, or for x = inf, nan, zero or less what every logarithm of it is."""
    y = select(x < f64(inf), y, x)
    return select(x > f64(0.0), y, select(x == f64(0.0), f64(-inf), f64(nan)))


def log_parts_f32(x: Any) -> tuple[Any, Any]:
    """(f, k) of a positive x = 2**k (1 + f)."""
    subnormal = x < f32(1.1754944e-38)
    x = select(subnormal, x * f32(16777216.0), x)
    bits = exponent_bits_f32(x)
    k = exponent_f32(bits) - select(subnormal, f32(24.0), f32(0.0))
    return significand_f32(x, bits) - f32(1.0), k


def log_parts_f64(x: Any) -> tuple[Any, Any]:
    """(f, k) of a positive x = 2**k (1 + f)."""
    subnormal = x < f64(2.2250738585072014e-308)
    x = select(subnormal, x * f64(18014398509481984.0), x)
    bits = exponent_bits_f64(x)
    k = exponent_f64(bits) - select(subnormal, f64(54.0), f64(0.0))
    return significand_f64(x, bits) - f64(1.0), k


def log_f32(x: Any) -> Any:
    f, k = log_parts_f32(x)
    return log_domain_f32(x, log_sum_f32(f, k))


def log_f64(x: Any) -> Any:
    f, k = log_parts_f64(x)
    return log_domain_f64(x, log_sum_f64(f, k))


def log2_f32(x: Any) -> Any:
    """k + log(1 + f) log2(e): f log2(e) and the sum with k keep their rounding errors."""
    f, k = log_parts_f32(x)
    p = f * f32(1.442695)
    low = fma(f, f32(1.925963e-08), fma(f, f32(1.442695), -p))
    low = fma(log1p_tail_f32(f), f32(1.442695), low)
    high = k + p
    return log_domain_f32(x, high + ((p - (high - k)) + low))


def log2_f64(x: Any) -> Any:
    """k + log(1 + f) log2(e): f log2(e) and the sum with k keep their rounding errors."""
    f, k = log_parts_f64(x)
    p = f * f64(1.4426950408889634)
    low = fma(f, f64(2.0355273740931033e-17), fma(f, f64(1.4426950408889634), -p))
    low = fma(log1p_tail_f64(f), f64(1.4426950408889634), low)
    high = k + p
    return log_domain_f64(x, high + ((p - (high - k)) + low))


def log10_f32(x: Any) -> Any:
    """k log10(2) + log(1 + f) log10(e): log10(2) in two parts, k times the first is exact."""
    f, k = log_parts_f32(x)
    p = f * f32(0.4342945)
    low = fma(f, f32(-1.010305e-08), fma(f, f32(0.4342945), -p))
    low = fma(log1p_tail_f32(f), f32(0.4342945), low)
    low = fma(k, f32(4.605039e-06), low)
    k_log = k * f32(0.301025390625)
    high = k_log + p
    return log_domain_f32(x, high + ((p - (high - k_log)) + low))


def log10_f64(x: Any) -> Any:
    """k log10(2) + log(1 + f) log10(e): log10(2) in two parts, k times the first is exact."""
    f, k = log_parts_f64(x)
    p = f * f64(0.4342944819032518)
    low = fma(f, f64(1.098319650216765e-17), fma(f, f64(0.4342944819032518), -p))
    low = fma(log1p_tail_f64(f), f64(0.4342944819032518), low)
    low = fma(k, f64(3.694239077158931e-13), low)
    k_log = k * f64(0.30102999566361177)
    high = k_log + p
    return log_domain_f64(x, high + ((p - (high - k_log)) + low))


def log_pair_f32(high: Any, low: Any, k: Any) -> Any:
    """log(high + low) + k ln 2 of a positive normal high and its rounding error."""
    bits = exponent_bits_f32(high)
    double_scale = bits_f32(i32(i32(0x40000000) - bits))
    f = fma(f32(0.5) * low, double_scale, significand_f32(high, bits) - f32(1.0))
    return log_domain_f32(high, log_sum_f32(f, exponent_f32(bits) + k))


def log_pair_f64(high: Any, low: Any, k: Any) -> Any:
    """log(high + low) + k ln 2 of a positive normal high and its rounding error."""
    bits = exponent_bits_f64(high)
    double_scale = bits_f64(i64(i64(0x4000000000000000) - bits))
    f = fma(f64(0.5) * low, double_scale, significand_f64(high, bits) - f64(1.0))
    return log_domain_f64(high, log_sum_f64(f, exponent_f64(bits) + k))


def one_plus_f32(x: Any) -> tuple[Any, Any]:
    """1 + x and its rounding error (Knuth's two-sum)."""
    u = f32(1.0) + x
    t = u - f32(1.0)
    return u, (f32(1.0) - (u - t)) + (x - t)


def one_plus_f64(x: Any) -> tuple[Any, Any]:
    """1 + x and its rounding error (Knuth's two-sum)."""
    u = f64(1.0) + x
    t = u - f64(1.0)
    return u, (f64(1.0) - (u - t)) + (x - t)


def log1p_f32(x: Any) -> Any:
    """log(1 + x), the rounding error of the sum kept; x itself near 0."""
    high, low = one_plus_f32(x)
    return select(fabs(x) < f32(1.5e-8), x, log_pair_f32(high, low, f32(0.0)))


def log1p_f64(x: Any) -> Any:
    """log(1 + x), the rounding error of the sum kept; x itself near 0."""
    high, low = one_plus_f64(x)
    return select(fabs(x) < f64(1.4e-17), x, log_pair_f64(high, low, f64(0.0)))


def log1p_unit_f32(x: Any) -> Any:
    """log(1 + x) for 0 <= x <= 1: the sum needs at most one halving."""
    u = f32(1.0) + x
    error = x - (u - f32(1.0))
    large = u > f32(1.4142135)
    f = select(large, fma(u, f32(0.5), f32(-1.0)) + f32(0.5) * error, (u - f32(1.0)) + error)
    return log_sum_f32(f, select(large, f32(1.0), f32(0.0)))


def log1p_unit_f64(x: Any) -> Any:
    """log(1 + x) for 0 <= x <= 1: the sum needs at most one halving."""
    u = f64(1.0) + x
    error = x - (u - f64(1.0))
    large = u > f64(1.4142135623730951)
    f = select(large, fma(u, f64(0.5), f64(-1.0)) + f64(0.5) * error, (u - f64(1.0)) + error)
    return log_sum_f64(f, select(large, f64(1.0), f64(0.0)))

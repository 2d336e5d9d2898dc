"""asin, acos, atan and atan2 on scalars: branch-free, so that LLVM vectorises a loop over them.

Enters and leaves: one float32 (`_f32`) or float64 (`_f64`); atan2 takes two.

Method, as in Cephes: asin(x) = x + x z P(z), z = x*x, for |x| <= 1/2, and above pi/2 - 2
asin(sqrt((1 - |x|) / 2)); atan(u) = u + u z Q(z) for |u| <= tan(pi/8), and above pi/4 + atan((u -
1) / (u + 1)) or pi/2 - atan(1 / u), with one division for all three. P and Q are minimax
polynomials in the relative error (fitted with the Remez algorithm; P 2**-27.6 and 2**-55.9, Q
2**-30.4 and 2**-54.6). Multiples of pi are added in two parts.

    >>> asin_f32(f32(0.5)), atan2_f64(f64(1.0), f64(-1.0))
    (np.float32(0.5235988), np.float64(2.356194490192345))
"""

from math import inf
from typing import Any

from graphc.runtime.language.intrinsics import (
    copysign,
    f32,
    f64,
    fabs,
    float_bits_f32,
    float_bits_f64,
    fma,
    i32,
    i64,
    select,
    sqrt,
)


def asin_halved_f32(x: Any) -> Any:
    """asin(|x|) for |x| <= 1/2, above that asin(sqrt((1 - |x|) / 2)) = acos(|x|) / 2."""
    a = fabs(x)
    large = a > f32(0.5)
    z = select(large, (f32(1.0) - a) * f32(0.5), a * a)
    s = select(large, sqrt(z), a)
    p = f32(0.042167034)
    p = fma(p, z, f32(0.02418051))
    p = fma(p, z, f32(0.0454698))
    p = fma(p, z, f32(0.074953064))
    p = fma(p, z, f32(0.16666752))
    return fma(p * z, s, s)


def asin_halved_f64(x: Any) -> Any:
    """asin(|x|) for |x| <= 1/2, above that asin(sqrt((1 - |x|) / 2)) = acos(|x|) / 2."""
    a = fabs(x)
    large = a > f64(0.5)
    z = select(large, (f64(1.0) - a) * f64(0.5), a * a)
    s = select(large, sqrt(z), a)
    p = f64(0.03193301626799127)
    p = fma(p, z, f64(-0.016253969515535458))
    p = fma(p, z, f64(0.019546837039265727))
    p = fma(p, z, f64(0.006521328895423691))
    p = fma(p, z, f64(0.012170714282339293))
    p = fma(p, z, f64(0.013885012138550533))
    p = fma(p, z, f64(0.01735972676982545))
    p = fma(p, z, f64(0.022371756634846217))
    p = fma(p, z, f64(0.030381959193982296))
    p = fma(p, z, f64(0.044642856827001344))
    p = fma(p, z, f64(0.07500000000338543))
    p = fma(p, z, f64(0.16666666666665403))
    return fma(p * z, s, s)


def asin_f32(x: Any) -> Any:
    p = asin_halved_f32(x)
    y = select(fabs(x) > f32(0.5), f32(1.5707964) - (p + p - f32(-4.371139e-08)), p)
    return copysign(y, x)


def asin_f64(x: Any) -> Any:
    p = asin_halved_f64(x)
    y = select(
        fabs(x) > f64(0.5), f64(1.5707963267948966) - (p + p - f64(6.123233995736766e-17)), p
    )
    return copysign(y, x)


def acos_f32(x: Any) -> Any:
    p = asin_halved_f32(x)
    twice = p + p
    small = f32(1.5707964) - (copysign(p, x) - f32(-4.371139e-08))
    large = select(x < f32(0.0), f32(3.1415927) - (twice - f32(-8.742278e-08)), twice)
    return select(fabs(x) > f32(0.5), large, small)


def acos_f64(x: Any) -> Any:
    p = asin_halved_f64(x)
    twice = p + p
    small = f64(1.5707963267948966) - (copysign(p, x) - f64(6.123233995736766e-17))
    large = select(
        x < f64(0.0), f64(3.141592653589793) - (twice - f64(1.2246467991473532e-16)), twice
    )
    return select(fabs(x) > f64(0.5), large, small)


def atan_quotient_f32(y: Any, x: Any) -> Any:
    """atan(y / x) for y >= 0, x >= 0, not both infinite; 0 where both are 0."""
    steep = y > x * f32(2.4142135623730951)
    middle = y > x * f32(0.41421356237309503)
    top = select(steep, -x, select(middle, y - x, y))
    bottom = select(steep, y, select(middle, y + x, x))
    u = top / select(bottom == f32(0.0), f32(1.0), bottom)
    z = u * u
    p = f32(-0.060902093)
    p = fma(p, z, f32(0.10599214))
    p = fma(p, z, f32(-0.14244394))
    p = fma(p, z, f32(0.19998528))
    p = fma(p, z, f32(-0.33333316))
    high = select(steep, f32(1.5707964), select(middle, f32(0.7853982), f32(0.0)))
    low = select(steep, f32(-4.371139e-08), select(middle, f32(-2.1855694e-08), f32(0.0)))
    return high + (u + fma(p * z, u, low))


def atan_quotient_f64(y: Any, x: Any) -> Any:
    """atan(y / x) for y >= 0, x >= 0, not both infinite; 0 where both are 0."""
    steep = y > x * f64(2.4142135623730951)
    middle = y > x * f64(0.41421356237309503)
    top = select(steep, -x, select(middle, y - x, y))
    bottom = select(steep, y, select(middle, y + x, x))
    u = top / select(bottom == f64(0.0), f64(1.0), bottom)
    z = u * u
    p = f64(0.021253089675327477)
    p = fma(p, z, f64(-0.043585509582624034))
    p = fma(p, z, f64(0.05692353550142493))
    p = fma(p, z, f64(-0.06641086432798825))
    p = fma(p, z, f64(0.0769006439449754))
    p = fma(p, z, f64(-0.09090782143604294))
    p = fma(p, z, f64(0.11111106642483416))
    p = fma(p, z, f64(-0.14285714195003796))
    p = fma(p, z, f64(0.19999999999086052))
    p = fma(p, z, f64(-0.3333333333333014))
    high = select(steep, f64(1.5707963267948966), select(middle, f64(0.7853981633974483), f64(0.0)))
    low = select(
        steep, f64(6.123233995736766e-17), select(middle, f64(3.061616997868383e-17), f64(0.0))
    )
    return high + (u + fma(p * z, u, low))


def atan_f32(x: Any) -> Any:
    return copysign(atan_quotient_f32(fabs(x), f32(1.0)), x)


def atan_f64(x: Any) -> Any:
    return copysign(atan_quotient_f64(fabs(x), f64(1.0)), x)


def atan2_f32(y: Any, x: Any) -> Any:
    """The angle of (x, y), signed zeros and infinities as in C.

    Very large and very small pairs are scaled together.
    """
    a, b = fabs(y), fabs(x)
    both = (a == f32(inf)) & (b == f32(inf))
    a, b = select(both, f32(1.0), a), select(both, f32(1.0), b)
    larger = select(a > b, a, b)
    scale = select(larger > f32(1.329227995784916e36), f32(9.313225746154785e-10), f32(1.0))
    scale = select(larger < f32(7.888609052210118e-31), f32(1073741824.0), scale)
    angle = atan_quotient_f32(a * scale, b * scale)
    left = float_bits_f32(x) < i32(0)
    return copysign(select(left, f32(3.1415927) - (angle - f32(-8.742278e-08)), angle), y)


def atan2_f64(y: Any, x: Any) -> Any:
    """The angle of (x, y), signed zeros and infinities as in C.

    Very large and very small pairs are scaled together.
    """
    a, b = fabs(y), fabs(x)
    both = (a == f64(inf)) & (b == f64(inf))
    a, b = select(both, f64(1.0), a), select(both, f64(1.0), b)
    larger = select(a > b, a, b)
    scale = select(larger > f64(1.0715086071862673e301), f64(8.673617379884035e-19), f64(1.0))
    scale = select(larger < f64(1.1830521861667747e-271), f64(1.152921504606847e18), scale)
    angle = atan_quotient_f64(a * scale, b * scale)
    left = float_bits_f64(x) < i64(0)
    return copysign(
        select(left, f64(3.141592653589793) - (angle - f64(1.2246467991473532e-16)), angle), y
    )

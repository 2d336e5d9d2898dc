"""pow and hypot on scalars: branch-free, so that LLVM vectorises a loop over them.

Enters: two float32 (`_f32`) or float64 (`_f64`). Leaves: one of the same precision.

Method: |x|**y = 2**(y log2|x|). float32 works in float64: log2(1 + f) = f P(f), P to 2**-35.8, 2**r
to 2**-29. float64 carries log2 and its product with y in pairs of float64 (Dekker, 1971): with s =
f / (2 + f) and z = s*s, log2(1 + f) = s (2/ln 2 + z (2/(3 ln 2) + z W(z))), W to 2**-64.7. P and W
are minimax polynomials fitted with the Remez algorithm. Special cases are those of C and NumPy:
pow(x, 0) = pow(1, y) = 1 even for nan.

    >>> pow_f32(f32(2.0), f32(-149.0)), hypot_f64(f64(3.0), f64(4.0))
    (np.float32(1e-45), np.float64(5.0))
"""

from math import inf, nan
from typing import Any

from graphc.runtime.language.intrinsics import (
    f32,
    f64,
    fabs,
    float_bits_f32,
    float_bits_f64,
    fma,
    i32,
    i64,
    rint,
    select,
    sqrt,
)
from graphc.runtime.language.vecmath.exponential import (
    expm1_near_zero_f64,
    power_of_two_f64,
    scale_f64,
)
from graphc.runtime.language.vecmath.logarithm import (
    exponent_bits_f64,
    exponent_f64,
    log_parts_f64,
    significand_f64,
)


def log2_short(a: Any) -> Any:
    """log2(a) of a positive normal float64, to 2**-35."""
    bits = exponent_bits_f64(a)
    f = significand_f64(a, bits) - f64(1.0)
    square = f * f
    p = f64(0.07735425229386035)
    p = fma(p, square, f64(0.14475523175188604))
    p = fma(p, square, f64(0.1587688936941996))
    p = fma(p, square, f64(0.20617541315037544))
    p = fma(p, square, f64(0.28853729199348727))
    p = fma(p, square, f64(0.48089836141209963))
    p = fma(p, square, f64(1.4426950408686607))
    q = f64(-0.1428352408371609)
    q = fma(q, square, f64(-0.1431582657330953))
    q = fma(q, square, f64(-0.18030037212825006))
    q = fma(q, square, f64(-0.240453177141992))
    q = fma(q, square, f64(-0.3606736746023536))
    q = fma(q, square, f64(-0.7213475208699526))
    return fma(fma(q, f, p), f, exponent_f64(bits))


def exp2_short(t: Any) -> Any:
    """2**t to 2**-29; below 2**-200 and above 2**200 what is 0 and inf in float32."""
    t = select(t > f64(200.0), f64(200.0), select(t < f64(-200.0), f64(-200.0), t))
    shifted = t + f64(6755399441055744.0)
    r = t - (shifted - f64(6755399441055744.0))
    p = f64(0.00015477101141075307)
    p = fma(p, r, f64(0.0013400297808187811))
    p = fma(p, r, f64(0.00961800166533896))
    p = fma(p, r, f64(0.05550327720465402))
    p = fma(p, r, f64(0.24022651360206856))
    p = fma(p, r, f64(0.693147206288786))
    return fma(p, r, f64(1.0)) * power_of_two_f64(shifted, i64(1023))


def log2_pair(a: Any) -> tuple[Any, Any]:
    """log2(a) of a positive float64 as a sum of two, to 2**-64."""
    f, k = log_parts_f64(a)
    bottom = f + f64(2.0)
    inverse = f64(1.0) / bottom
    s = f * inverse
    s_low = fma(-s, f - (bottom - f64(2.0)), fma(-s, bottom, f)) * inverse
    z = s * s
    z_low = fma(s, s, -z) + f64(2.0) * s * s_low
    p = f64(0.1903956901950982)
    p = fma(p, z, f64(0.19125407798923677))
    p = fma(p, z, f64(0.22198404320777476))
    p = fma(p, z, f64(0.262307700164459))
    p = fma(p, z, f64(0.32059890228420174))
    p = fma(p, z, f64(0.4121985830918829))
    p = fma(p, z, f64(0.5770780163556181))
    p = p * z
    u = p + f64(0.9617966939259756)
    u_low = p - (u - f64(0.9617966939259756)) + f64(5.0577616648125907e-17)
    v = z * u
    v_low = fma(z, u_low, fma(z_low, u, fma(z, u, -v)))
    q = v + f64(2.8853900817779268)
    q_low = v - (q - f64(2.8853900817779268)) + (v_low + f64(4.0710547481862066e-17))
    m = s * q
    m_low = fma(s, q_low, fma(s_low, q, fma(s, q, -m)))
    high = k + m
    return high, m - (high - k) + m_low


def exp2_pair(high: Any, low: Any) -> Any:
    """2**(high + low), low the rounding error of high."""
    shifted = high + f64(6755399441055744.0)
    r = (high - (shifted - f64(6755399441055744.0))) + low
    p = expm1_near_zero_f64(r * f64(0.6931471805599453))
    return scale_f64(p + f64(1.0), shifted)


def signed_power_f32(x: Any, y: Any, power: Any) -> Any:
    """pow(x, y) from |x|**y: odd powers keep the sign, a negative x has whole powers only."""
    half = y * f32(0.5)
    whole = rint(y) == y
    odd = whole & (rint(half) != half)
    negative = float_bits_f32(x) < i32(0)
    power = select(negative & odd, -power, power)
    no_number = (x < f32(0.0)) & (x > f32(-inf)) & (rint(y) != y)
    power = select(no_number, f32(nan), power)
    return select((x == f32(1.0)) | (y == f32(0.0)), f32(1.0), power)


def signed_power_f64(x: Any, y: Any, power: Any) -> Any:
    """pow(x, y) from |x|**y: odd powers keep the sign, a negative x has whole powers only."""
    half = y * f64(0.5)
    whole = rint(y) == y
    odd = whole & (rint(half) != half)
    negative = float_bits_f64(x) < i64(0)
    power = select(negative & odd, -power, power)
    no_number = (x < f64(0.0)) & (x > f64(-inf)) & (rint(y) != y)
    power = select(no_number, f64(nan), power)
    return select((x == f64(1.0)) | (y == f64(0.0)), f64(1.0), power)


def pow_f32(x: Any, y: Any) -> Any:
    a, exponent = f64(fabs(x)), f64(y)
    log = select(a < f64(inf), log2_short(a), a)
    log = select(a == f64(0.0), f64(-inf), log)
    t = select(a == f64(1.0), f64(0.0), exponent * log)
    return signed_power_f32(x, y, f32(exp2_short(t)))


def pow_f64(x: Any, y: Any) -> Any:
    a = fabs(x)
    log, log_low = log2_pair(a)
    log = select(a < f64(inf), log, a)
    log = select(a == f64(0.0), f64(-inf), log)
    exponent = select(a == f64(1.0), f64(0.0), y)
    t = exponent * log
    t_low = fma(exponent, log_low, fma(exponent, log, -t))
    t_low = select(fabs(t) < f64(1100.0), t_low, f64(0.0))
    t = select(t > f64(1100.0), f64(1100.0), select(t < f64(-1100.0), f64(-1100.0), t))
    return signed_power_f64(x, y, exp2_pair(t, t_low))


def hypot_f32(x: Any, y: Any) -> Any:
    """sqrt(x*x + y*y), in float64; inf if either is, even beside nan."""
    a, b = f64(x), f64(y)
    length = f32(sqrt(fma(a, a, b * b)))
    return select((fabs(x) == f32(inf)) | (fabs(y) == f32(inf)), f32(inf), length)


def hypot_f64(x: Any, y: Any) -> Any:
    """sqrt(x*x + y*y), scaled by 2**600 or 2**-600 where a square leaves the range."""
    a, b = fabs(x), fabs(y)
    large, small = select(a > b, a, b), select(a > b, b, a)
    down, up = large > f64(3.273390607896142e150), large < f64(3.054936363499605e-151)
    scale = select(
        down, f64(2.409919865102884e-181), select(up, f64(4.149515568880993e180), f64(1.0))
    )
    back = select(
        down, f64(4.149515568880993e180), select(up, f64(2.409919865102884e-181), f64(1.0))
    )
    large, small = large * scale, small * scale
    length = sqrt(fma(large, large, small * small)) * back
    return select((a == f64(inf)) | (b == f64(inf)), f64(inf), length)

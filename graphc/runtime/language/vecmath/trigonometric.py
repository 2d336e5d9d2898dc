"""sin, cos and tan on scalars: branch-free, so that LLVM vectorises a loop over them. Right for
every argument.

Enters and leaves: one float32 (`_f32`) or float64 (`_f64`).

Method: `reduction.py` leaves |y| <= pi / 4 (a little more for float32) and a number of quarter
turns. With z = y*y, sin(y) = y + y z S(z) and cos(y) = 1 - z/2 + z*z C(z); S and C are minimax
polynomials in the relative error (fitted with the Remez algorithm; float32 2**-35.7 and 2**-31.1,
float64 2**-57.9 and 2**-63.9). float32 works in float64.

    >>> sin_f32(f32(1e30)), tan_f64(f64(1.5))
    (np.float32(-0.79116344), np.float64(14.10141994717172))
"""

from typing import Any

from graphc.runtime.language.intrinsics import copysign, f32, f64, fabs, fma, i64, select
from graphc.runtime.language.vecmath.reduction import quarter_turns_f32, quarter_turns_f64


def sin_short(y: Any) -> Any:
    """sin(y) for |y| < 0.89, to float32."""
    z = y * y
    p = f64(2.7074462174336825e-06)
    p = fma(p, z, f64(-0.00019838038470695012))
    p = fma(p, z, f64(0.008333324777236849))
    p = fma(p, z, f64(-0.16666666595917734))
    return fma(p * z, y, y)


def cos_short(y: Any) -> Any:
    """cos(y) for |y| < 0.89, to float32."""
    z = y * y
    p = f64(2.43273388509991e-05)
    p = fma(p, z, f64(-0.0013886276282044174))
    p = fma(p, z, f64(0.04166662157116478))
    return fma(fma(p, z, f64(-0.5)), z, f64(1.0))


def sin_long(y: Any, tail: Any) -> Any:
    """sin(y + tail) for |y| < 0.786: the tail enters as tail cos(y)."""
    z = y * y
    p = f64(1.5895435733561194e-10)
    p = fma(p, z, f64(-2.5050734419702842e-08))
    p = fma(p, z, f64(2.755731353863584e-06))
    p = fma(p, z, f64(-0.00019841269829358685))
    p = fma(p, z, f64(0.00833333333332184))
    p = fma(p, z, f64(-0.1666666666666663))
    return y + fma(p * z, y, fma(z * f64(-0.5), tail, tail))


def cos_long(y: Any, tail: Any) -> Any:
    """cos(y + tail) for |y| < 0.786: 1 - z/2 keeps its error, the tail enters as -tail sin(y)."""
    z = y * y
    p = f64(-1.135864939840235e-11)
    p = fma(p, z, f64(2.0875703694667814e-09))
    p = fma(p, z, f64(-2.755731420653108e-07))
    p = fma(p, z, f64(2.4801587288974395e-05))
    p = fma(p, z, f64(-0.0013888888888873316))
    p = fma(p, z, f64(0.041666666666666595))
    half = f64(0.5) * z
    high = f64(1.0) - half
    return high + (((f64(1.0) - high) - half) + fma(p * z, z, -(y * tail)))


def is_odd(bits: Any) -> Any:
    return (bits & i64(1)) != i64(0)


def with_quadrant(bits: Any, y: Any) -> Any:
    """-y in the third and fourth quarter turn."""
    return select((bits & i64(2)) != i64(0), -y, y)


def sin_f32(x: Any) -> Any:
    bits, y = quarter_turns_f32(fabs(x))
    y = with_quadrant(bits, select(is_odd(bits), cos_short(y), sin_short(y)))
    return f32(y) * copysign(f32(1.0), x)


def sin_f64(x: Any) -> Any:
    a = fabs(x)
    bits, y, tail = quarter_turns_f64(a)
    y = with_quadrant(bits, select(is_odd(bits), cos_long(y, tail), sin_long(y, tail)))
    return select(a < f64(1.0e-8), x, y * copysign(f64(1.0), x))


def cos_f32(x: Any) -> Any:
    bits, y = quarter_turns_f32(fabs(x))
    y = select(is_odd(bits), sin_short(y), cos_short(y))
    return f32(with_quadrant(i64(bits + i64(1)), y))


def cos_f64(x: Any) -> Any:
    bits, y, tail = quarter_turns_f64(fabs(x))
    y = select(is_odd(bits), sin_long(y, tail), cos_long(y, tail))
    return with_quadrant(i64(bits + i64(1)), y)


def tan_f32(x: Any) -> Any:
    bits, y = quarter_turns_f32(fabs(x))
    sine, cosine, odd = sin_short(y), cos_short(y), is_odd(bits)
    y = select(odd, -cosine, sine) / select(odd, sine, cosine)
    return f32(y) * copysign(f32(1.0), x)


def tan_f64(x: Any) -> Any:
    a = fabs(x)
    bits, y, tail = quarter_turns_f64(a)
    sine, cosine, odd = sin_long(y, tail), cos_long(y, tail), is_odd(bits)
    y = select(odd, -cosine, sine) / select(odd, sine, cosine)
    return select(a < f64(1.0e-8), x, y * copysign(f64(1.0), x))

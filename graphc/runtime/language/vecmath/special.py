"""erf, erfc and the smooth steps of neural networks on scalars: branch-free, so that LLVM
vectorises loops over them.

Enters and leaves: one float32 (`_f32`) or float64 (`_f64`); logaddexp takes two.

Method: erf(x) = x + x P(x*x) for |x| < 1 (0.9 in single precision). erfc(a) = exp(-a*a) erfcx(a)
for a >= 0, with erfcx(a) = G(q) / (a + c), q = (a - c) / (a + c): G is smooth on [-1, 1) and falls
from c to 1 / sqrt(pi) (the substitution of Schonfelder, 1978). The square carries its rounding
error into exp. Where erf is nearly 1, 1 - erfc(a) needs less: in single precision it is 1 - 2**(-a
R(a)), R(a) = -log2(erfc(a)) / a. P, G and R are minimax polynomials (fitted with the Remez
algorithm, in the relative error of erf, 2**-26.3 and 2**-56, and of erfcx, 2**-26.9 and 2**-53.8,
and in the error of the difference, 2**-28).

    >>> erf_f64(f64(0.5)), erfc_f32(f32(10.0)), sigmoid_f32(f32(-2.0))
    (np.float64(0.5204998778130465), np.float32(1e-45), np.float32(0.11920292))
"""

from typing import Any

from graphc.runtime.language.intrinsics import copysign, f32, f64, fabs, fma, i32, select
from graphc.runtime.language.vecmath.exponential import (
    exp_f32,
    exp_f64,
    power_of_two_f32,
    scaled_exp_f32,
    scaled_exp_f64,
)
from graphc.runtime.language.vecmath.logarithm import log1p_unit_f32, log1p_unit_f64


def erfc_positive_f32(a: Any) -> Any:
    """erfc(a) for a >= 0; 0 from 10.1 on."""
    a = select(a > f32(10.1), f32(10.1), a)
    high = a + f32(3.0)
    low = a - (high - f32(3.0))
    inverse = f32(1.0) / high
    error = fma(-low, inverse, fma(-high, inverse, f32(1.0)))
    q = fma(f32(-6.0) * inverse, error, fma(f32(-6.0), inverse, f32(1.0)))
    inverse = fma(inverse, error, inverse)
    p = f32(7.7739205e-06)
    p = fma(p, q, f32(-0.00031219888))
    p = fma(p, q, f32(-0.0004842188))
    p = fma(p, q, f32(0.0030704637))
    p = fma(p, q, f32(-0.0012278822))
    p = fma(p, q, f32(-0.026837189))
    p = fma(p, q, f32(0.119529456))
    p = fma(p, q, f32(-0.3104663))
    p = fma(p, q, f32(0.59022826))
    p = fma(p, q, f32(-0.8833945))
    p = fma(p, q, f32(1.0740069))
    square = a * a
    return scaled_exp_f32(-square, fma(a, a, -square), p * inverse)


def erfc_positive_f64(a: Any) -> Any:
    """erfc(a) for a >= 0; 0 from 27.3 on."""
    a = select(a > f64(27.3), f64(27.3), a)
    high = a + f64(4.0)
    low = a - (high - f64(4.0))
    inverse = f64(1.0) / high
    error = fma(-low, inverse, fma(-high, inverse, f64(1.0)))
    q = fma(f64(-8.0) * inverse, error, fma(f64(-8.0), inverse, f64(1.0)))
    inverse = fma(inverse, error, inverse)
    p = f64(-3.966958827038413e-09)
    p = fma(p, q, f64(-1.6420799393171618e-08))
    p = fma(p, q, f64(1.17516473128863e-08))
    p = fma(p, q, f64(1.3181406991876502e-07))
    p = fma(p, q, f64(-8.746548280981851e-08))
    p = fma(p, q, f64(-8.578229626414834e-07))
    p = fma(p, q, f64(1.4311295057712279e-06))
    p = fma(p, q, f64(4.703260393111346e-06))
    p = fma(p, q, f64(-1.8863143028258652e-05))
    p = fma(p, q, f64(-3.6391372955495527e-06))
    p = fma(p, q, f64(0.00017681320617649894))
    p = fma(p, q, f64(-0.00045505158793677136))
    p = fma(p, q, f64(-0.00028095888989195466))
    p = fma(p, q, f64(0.006112055470365151))
    p = fma(p, q, f64(-0.02637005334204501))
    p = fma(p, q, f64(0.07638151492746925))
    p = fma(p, q, f64(-0.1740109372396478))
    p = fma(p, q, f64(0.3308515878771001))
    p = fma(p, q, f64(-0.5408538313132439))
    p = fma(p, q, f64(0.773208702265255))
    p = fma(p, q, f64(-0.976548729080882))
    p = fma(p, q, f64(1.095995661000491))
    square = a * a
    return scaled_exp_f64(-square, fma(a, a, -square), p * inverse)


def erf_near_zero_f32(x: Any) -> Any:
    """erf(x) for |x| <= 0.9."""
    z = x * x
    p = f32(-0.00060903584688)
    p = fma(p, z, f32(0.00501196287))
    p = fma(p, z, f32(-0.02677890929))
    p = fma(p, z, f32(0.1128214084))
    p = fma(p, z, f32(-0.37612523282))
    p = fma(p, z, f32(0.1283791538))
    return fma(x, p, x)


def erf_far_f32(a: Any) -> Any:
    """erf(a) for a >= 0.9, where what is left to 1 need not be known well; 1 from 3.95 on."""
    a = select(a > f32(3.95), f32(3.95), a)
    p = f32(-0.00030896033686)
    p = fma(p, a, f32(0.00464037132))
    p = fma(p, a, f32(-0.03303072216))
    p = fma(p, a, f32(0.15187329373))
    p = fma(p, a, f32(0.9171374223))
    p = fma(p, a, f32(1.6281053178))
    t = -a * p
    shifted = t + f32(12582912.0)
    r = t - (shifted - f32(12582912.0))
    p = f32(0.00132764679)
    p = fma(p, r, f32(0.00967554231))
    p = fma(p, r, f32(0.05550713295))
    p = fma(p, r, f32(0.2402211972))
    p = fma(p, r, f32(0.69314696705))
    p = fma(p, r, f32(1.00000007166))
    return fma(-p, power_of_two_f32(shifted, i32(127)), f32(1.0))


def erf_f32(x: Any) -> Any:
    a = fabs(x)
    return select(a < f32(0.9), erf_near_zero_f32(x), copysign(erf_far_f32(a), x))


def erf_near_zero_f64(x: Any) -> Any:
    """erf(x) for |x| <= 1."""
    z = x * x
    p = f64(-7.884461277105517e-10)
    p = fma(p, z, f64(1.3766420038020952e-08))
    p = fma(p, z, f64(-1.6218775422603416e-07))
    p = fma(p, z, f64(1.6448680892345048e-06))
    p = fma(p, z, f64(-1.492482789847346e-05))
    p = fma(p, z, f64(0.00012055298800297112))
    p = fma(p, z, f64(-0.000854832606412358))
    p = fma(p, z, f64(0.00522397760770053))
    p = fma(p, z, f64(-0.02686617064308639))
    p = fma(p, z, f64(0.1128379167094212))
    p = fma(p, z, f64(-0.3761263890318341))
    p = fma(p, z, f64(0.12837916709551256))
    return fma(x, p, x)


def erf_f64(x: Any) -> Any:
    a = fabs(x)
    y = copysign(f64(1.0) - erfc_positive_f64(a), x)
    return select(a < f64(1.0), erf_near_zero_f64(x), y)


def erfc_f32(x: Any) -> Any:
    """1 - erf(x) near 0, where the larger part of erfcx's error would show; 2 - erfc(-x) below."""
    a = fabs(x)
    y = erfc_positive_f32(a)
    y = select(x < f32(0.0), f32(2.0) - y, y)
    return select(a < f32(0.85), f32(1.0) - erf_near_zero_f32(x), y)


def erfc_f64(x: Any) -> Any:
    """1 - erf(x) near 0, where the larger part of erfcx's error would show; 2 - erfc(-x) below."""
    a = fabs(x)
    y = erfc_positive_f64(a)
    y = select(x < f64(0.0), f64(2.0) - y, y)
    return select(a < f64(0.8), f64(1.0) - erf_near_zero_f64(x), y)


def sigmoid_f32(x: Any) -> Any:
    """1 / (1 + exp(-x)); for negative x as t / (1 + t), t = exp(x), down to the subnormals."""
    t = exp_f32(-fabs(x))
    return select(x < f32(0.0), t, f32(1.0)) / (f32(1.0) + t)


def sigmoid_f64(x: Any) -> Any:
    """1 / (1 + exp(-x)); for negative x as t / (1 + t), t = exp(x), down to the subnormals."""
    t = exp_f64(-fabs(x))
    return select(x < f64(0.0), t, f64(1.0)) / (f64(1.0) + t)


def softplus_f32(x: Any) -> Any:
    """log(1 + exp(x)) = max(x, 0) + log1p(exp(-|x|))."""
    return select(x > f32(0.0), x, f32(0.0)) + log1p_unit_f32(exp_f32(-fabs(x)))


def softplus_f64(x: Any) -> Any:
    """log(1 + exp(x)) = max(x, 0) + log1p(exp(-|x|))."""
    return select(x > f64(0.0), x, f64(0.0)) + log1p_unit_f64(exp_f64(-fabs(x)))


def logaddexp_f32(x: Any, y: Any) -> Any:
    """log(exp(x) + exp(y)) = max + log1p(exp(-|x - y|)); equal infinities have no difference.

    The bound counts last places of max(|x|, |y|, |result|): near a result of 0 the sum cancels.
    """
    larger = select(x > y, x, y)
    distance = select(x == y, f32(0.0), fabs(x - y))
    return larger + log1p_unit_f32(exp_f32(-distance))


def logaddexp_f64(x: Any, y: Any) -> Any:
    """log(exp(x) + exp(y)) = max + log1p(exp(-|x - y|)); equal infinities have no difference.

    The bound counts last places of max(|x|, |y|, |result|): near a result of 0 the sum cancels.
    """
    larger = select(x > y, x, y)
    distance = select(x == y, f64(0.0), fabs(x - y))
    return larger + log1p_unit_f64(exp_f64(-distance))

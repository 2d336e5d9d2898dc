"""The argument of sin, cos and tan reduced to an eighth of a turn: branch-free, for every finite
argument.

Enters: one float32 (`_f32`) or float64 (`_f64`), not negative. Leaves: the number of quarter turns
in the low two bits of an integer, and the rest in radians, a float64 (of a float64 with a second
part, its rounding error).

Method (after Payne and Hanek, 1983): x times the bits of 2/pi or 1/(2 pi), without those bits whose
product with x is a whole number of turns. float32: two float64 words of 2/pi, chosen among five
pairs by the size of x; the rest is right to 2**-57. float64: four of 22 words of 53 bits, chosen by
halving (the window moves by 16, 8, 4, 2 and 1 words); products keep their rounding errors, and the
rest is right to 2**-100, for |x| < 2**60 to 2**-140. So a float64 beyond 2**60 that lies within
2**-50 of a multiple of pi/2 may lose three bits (ten such are known: 7 ULP). Nothing reads a table
from memory.

    >>> quarter_turns_f32(f64(3.0))[0] & 3
    np.int64(2)
"""

from typing import Any

from graphc.runtime.language.intrinsics import f64, float_bits_f64, fma, rint, select


def quarter_turns_f32(x: Any) -> tuple[Any, Any]:
    """(bits, y): x = (bits mod 4 + 4 n) quarter turns + y radians, |y| < 0.89."""
    a = f64(x)
    high, low = f64(0.6366197723675814), f64(-3.935735335036497e-17)
    far = a >= f64(140737488355328.0)  # 2**47
    high = select(far, f64(2.0449648759307553e-07), high)
    low = select(far, f64(6.074026489649846e-24), low)
    far = a >= f64(5.902958103587057e20)  # 2**69
    high = select(far, f64(1.4504564269239186e-14), high)
    low = select(far, f64(-5.321602079519459e-31), low)
    far = a >= f64(2.4758800785707605e27)  # 2**91
    high = select(far, f64(1.2738038014905852e-20), high)
    low = select(far, f64(-1.8556067874822505e-37), low)
    far = a >= f64(1.0384593717069655e34)  # 2**113
    high = select(far, f64(2.6500404813346476e-27), high)
    low = select(far, f64(1.1588713353428143e-43), low)
    p = a * high
    shifted = p + f64(6755399441055744.0)
    y = p - (shifted - f64(6755399441055744.0)) + fma(a, low, fma(a, high, -p))
    return float_bits_f64(shifted), y * f64(1.5707963267948966)


def two_sum(x: Any, y: Any) -> tuple[Any, Any]:
    """(s, e): s = x + y rounded, x + y = s + e exactly (Knuth)."""
    s = x + y
    t = s - x
    return s, (x - (s - t)) + (y - t)


def nearest_eleven_f64(x: Any) -> tuple[Any, ...]:
    """(x / 2**(53 q), words q to q + 10 of 1/(2 pi)), q a multiple of 8."""
    far = x >= f64(8.452712498170644e270)  # 2**900, scaled by 2**-848
    x = select(far, x * f64(5.327993384780537e-256), x)
    a0 = select(far, f64(0.6238371102976352), f64(0.15915494309189526))
    a1 = select(far, f64(0.47732515375809936), f64(0.6613751190585037))
    a2 = select(far, f64(0.1775688963897859), f64(0.20650868755418228))
    a3 = select(far, f64(0.7429108398275692), f64(0.1544257421626659))
    a4 = select(far, f64(0.16128991024736716), f64(0.5573651155187024))
    a5 = select(far, f64(0.8459438491883411), f64(0.5711534696519374))
    far = x >= f64(1.9510928439474951e143)  # 2**476, scaled by 2**-424
    x = select(far, x * f64(2.308244654446434e-128), x)
    b0 = select(far, f64(0.29067705434913715), a0)
    b1 = select(far, f64(0.6619545305505201), a1)
    b2 = select(far, f64(0.43809058505417375), a2)
    b3 = select(far, f64(0.19620938236257934), a3)
    b4 = select(far, f64(0.8220530446114647), a4)
    b5 = select(far, f64(0.5785760870894588), a5)
    b6 = select(far, f64(0.8763657209810315), f64(0.001534636744157658))
    b7 = select(far, f64(0.08868532493839043), f64(0.14150978527888958))
    b8 = select(far, f64(0.6238371102976352), f64(0.29067705434913715))
    b9 = select(far, f64(0.47732515375809936), f64(0.6619545305505201))
    b10 = select(far, f64(0.1775688963897859), f64(0.43809058505417375))
    return x, b0, b1, b2, b3, b4, b5, b6, b7, b8, b9, b10


def nearest_four_f64(x: Any) -> tuple[Any, ...]:
    """(x / 2**(53 q), words q to q + 3 of 1/(2 pi)): the words before give whole turns."""
    x, b0, b1, b2, b3, b4, b5, b6, b7, b8, b9, b10 = nearest_eleven_f64(x)
    far = x >= f64(2.9642774844752946e79)  # 2**264, scaled by 2**-212
    x = select(far, x * f64(1.5192908393215678e-64), x)
    c0 = select(far, b4, b0)
    c1 = select(far, b5, b1)
    c2 = select(far, b6, b2)
    c3 = select(far, b7, b3)
    c4 = select(far, b8, b4)
    c5 = select(far, b9, b5)
    c6 = select(far, b10, b6)
    far = x >= f64(3.6537540933272573e47)  # 2**158, scaled by 2**-106
    x = select(far, x * f64(1.232595164407831e-32), x)
    d0 = select(far, c2, c0)
    d1 = select(far, c3, c1)
    d2 = select(far, c4, c2)
    d3 = select(far, c5, c3)
    d4 = select(far, c6, c4)
    far = x >= f64(4.056481920730334e31)  # 2**105, scaled by 2**-53
    x = select(far, x * f64(1.1102230246251565e-16), x)
    e0 = select(far, d1, d0)
    e1 = select(far, d2, d1)
    e2 = select(far, d3, d2)
    e3 = select(far, d4, d3)
    return x, e0, e1, e2, e3


def quarter_turns_f64(x: Any) -> tuple[Any, Any, Any]:
    """(bits, y, tail): x = (bits mod 4 + 4 n) quarter turns + y + tail radians, |y| < 0.786."""
    x, w0, w1, w2, w3 = nearest_four_f64(x)
    p0 = x * w0
    e0 = fma(x, w0, -p0)
    x = x * f64(1.1102230246251565e-16)  # 2**-53
    p1 = x * w1
    e1 = fma(x, w1, -p1)
    x = x * f64(1.1102230246251565e-16)
    p2 = x * w2
    rest = fma(x * f64(1.1102230246251565e-16), w3, fma(x, w2, -p2))
    a, b, c = p0 - rint(p0), e0 - rint(e0), p1 - rint(p1)
    shifted = fma(a + (b + (c + (e1 + p2))), f64(4.0), f64(6755399441055744.0))
    a = fma(shifted - f64(6755399441055744.0), f64(-0.25), a)
    high = a + b
    low = b - (high - a)
    high, error = two_sum(high, c)
    low = low + error
    high, error = two_sum(high, e1)
    low = low + error
    high, error = two_sum(high, p2)
    low = low + (error + rest)
    y = high * f64(6.283185307179586)
    tail = fma(high, f64(2.4492935982947064e-16), fma(high, f64(6.283185307179586), -y))
    return float_bits_f64(shifted), y, fma(low, f64(6.283185307179586), tail)

"""Arithmetic and the elementary functions: a page of calculus, a line a primitive.

Enters: handles of one type. Leaves: a handle of that type. A rule (g, y, *inputs) gives what each
input gets of the cotangent g, in primitives again, so that it can be differentiated further.
The texts are in the kernel language: {0} and {1} are operands, {T} is the dtype of the first.
"""

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from graphc.graph import Op
from graphc.lowering import Pointwise
from graphc.ops import numeric
from graphc.ops.checks import ANY, FLOAT, NUMERIC
from graphc.ops.constants import filled
from graphc.ops.elementwise import Rule, elementwise, like_operands
from graphc.ops.predicates import isinf, logical_and
from graphc.ops.selection import keeping_masks, where
from graphc.types import DType, TensorType


def unary(
    name: str,
    eval: Callable[..., Any],
    vjp: Rule,
    text: str,
    cost: int = 1,
    kinds: str = FLOAT,
    integer_text: str | None = None,
) -> Op:
    """A primitive of operands of one type, whose result has that type too."""
    lower = Pointwise(text, cost, integer_text)
    return elementwise(name, like_operands(name, kinds), eval, keeping_masks(vjp), lower)


binary = unary  # the name tells the reader how many inputs the rule has


def flat(g: Any, y: Any, *xs: Any, **params: Any) -> tuple[None, ...]:
    """The rule of a step function, and of what hides its operands from the gradient."""
    return (None,) * len(xs)


# ---- arithmetic ----

add: Op = binary("add", np.add, lambda g, y, a, b: (g, g), "({0} + {1})", 1, NUMERIC)
sub: Op = binary("sub", np.subtract, lambda g, y, a, b: (g, -g), "({0} - {1})", 1, NUMERIC)
mul: Op = binary("mul", np.multiply, lambda g, y, a, b: (g * b, g * a), "({0} * {1})", 1, NUMERIC)
div: Op = binary("div", np.divide, lambda g, y, a, b: (g / b, -(g / b) * y), "({0} / {1})", 4)
neg: Op = unary("neg", np.negative, lambda g, y, x: (-g,), "(-{0})", 1, NUMERIC)
floordiv: Op = binary("floordiv", np.floor_divide, flat, "floordiv({0}, {1})", 8, NUMERIC)
mod: Op = binary(
    "mod", np.mod, lambda g, y, a, b: (g, -g * floordiv(a, b)), "mod({0}, {1})", 8, NUMERIC
)


def _vjp_pow(g: Any, y: Any, x: Any, p: Any) -> tuple[Any, ...]:
    # p * x^(p-1) and y * log(x), where 0 * 0^-1 and 0 * log(0) are meant to be 0.
    both_zero = logical_and(x == 0, p == 0)
    base = where(x == 0, filled(x, 1), x)
    return g * p * pow_(x, where(both_zero, filled(p, 1), p) - 1), g * y * log(base)


pow_: Op = binary(
    "pow", numeric.power, _vjp_pow, "pow_{T}({0}, {1})", 30, NUMERIC, "ipow({0}, {1})"
)


def _vjp_maximum(g: Any, y: Any, a: Any, b: Any) -> tuple[Any, ...]:
    tie = where(a == b, g * 0.5, filled(g, 0))
    return where(a > b, g, tie), where(b > a, g, tie)


def _vjp_minimum(g: Any, y: Any, a: Any, b: Any) -> tuple[Any, ...]:
    return _vjp_maximum(g, y, b, a)  # a wins where b is the larger


maximum: Op = binary("maximum", np.maximum, _vjp_maximum, "maximum({0}, {1})", 2, NUMERIC)
minimum: Op = binary("minimum", np.minimum, _vjp_minimum, "minimum({0}, {1})", 2, NUMERIC)

_ABS = "select({0} < {T}(0), {T}(-{0}), {0})"
_SIGN = (
    "select({0} > {T}(0), {T}(1), "
    "select({0} < {T}(0), {T}(-1), select({0} == {T}(0), {T}(0), {0})))"
)

abs_: Op = unary("abs", np.abs, lambda g, y, x: (g * sign(x),), "fabs({0})", 1, NUMERIC, _ABS)
sign: Op = unary("sign", np.sign, flat, _SIGN, 2, NUMERIC)
copysign: Op = binary(
    "copysign",
    np.copysign,
    lambda g, y, a, b: (g * sign(a) * copysign(filled(b, 1), b), None),
    "copysign({0}, {1})",
)

# ---- exponentials, logarithms, roots ----

LN2, LN10 = math.log(2), math.log(10)

exp: Op = unary("exp", np.exp, lambda g, y, x: (g * y,), "exp_{T}({0})", 10)
exp2: Op = unary("exp2", np.exp2, lambda g, y, x: (g * y * LN2,), "exp2_{T}({0})", 10)
expm1: Op = unary("expm1", np.expm1, lambda g, y, x: (g * (y + 1),), "expm1_{T}({0})", 12)
log: Op = unary("log", np.log, lambda g, y, x: (g / x,), "log_{T}({0})", 10)
log2: Op = unary("log2", np.log2, lambda g, y, x: (g / x * (1 / LN2),), "log2_{T}({0})", 12)
log10: Op = unary("log10", np.log10, lambda g, y, x: (g / x * (1 / LN10),), "log10_{T}({0})", 12)
log1p: Op = unary("log1p", np.log1p, lambda g, y, x: (g / (x + 1),), "log1p_{T}({0})", 12)
sqrt: Op = unary("sqrt", np.sqrt, lambda g, y, x: (g * 0.5 / y,), "sqrt({0})", 6)
rsqrt: Op = unary(
    "rsqrt", numeric.rsqrt, lambda g, y, x: (g * -0.5 * y / x,), "({R}(1) / sqrt({0}))", 10
)


def _vjp_logaddexp(g: Any, y: Any, a: Any, b: Any) -> tuple[Any, ...]:
    # Two equal infinities share the gradient; their difference would be nan.
    same = logical_and(isinf(a), a == b)
    d = where(same, filled(a, 0), a - b)
    return g * sigmoid(d), g * sigmoid(-d)


logaddexp: Op = binary("logaddexp", np.logaddexp, _vjp_logaddexp, "logaddexp_{T}({0}, {1})", 25)
softplus: Op = unary(
    "softplus", numeric.softplus, lambda g, y, x: (g * sigmoid(x),), "softplus_{T}({0})", 25
)
sigmoid: Op = unary(
    "sigmoid", numeric.sigmoid, lambda g, y, x: (g * y * (1 - y),), "sigmoid_{T}({0})", 14
)

# ---- trigonometric and hyperbolic functions ----

sin: Op = unary("sin", np.sin, lambda g, y, x: (g * cos(x),), "sin_{T}({0})", 15)
cos: Op = unary("cos", np.cos, lambda g, y, x: (-g * sin(x),), "cos_{T}({0})", 15)
tan: Op = unary("tan", np.tan, lambda g, y, x: (g * (y * y + 1),), "tan_{T}({0})", 25)
asin: Op = unary("asin", np.arcsin, lambda g, y, x: (g * rsqrt(_comoment(x)),), "asin_{T}({0})", 20)
acos: Op = unary(
    "acos", np.arccos, lambda g, y, x: (-g * rsqrt(_comoment(x)),), "acos_{T}({0})", 20
)
atan: Op = unary("atan", np.arctan, lambda g, y, x: (g / (x * x + 1),), "atan_{T}({0})", 20)
sinh: Op = unary("sinh", np.sinh, lambda g, y, x: (g * cosh(x),), "sinh_{T}({0})", 20)
cosh: Op = unary("cosh", np.cosh, lambda g, y, x: (g * sinh(x),), "cosh_{T}({0})", 20)
tanh: Op = unary("tanh", np.tanh, lambda g, y, x: (g * (1 - y * y),), "tanh_{T}({0})", 15)
asinh: Op = unary(
    "asinh", np.arcsinh, lambda g, y, x: (g * rsqrt(x * x + 1),), "asinh_{T}({0})", 20
)
acosh: Op = unary(
    "acosh", np.arccosh, lambda g, y, x: (g * rsqrt((x - 1) * (x + 1)),), "acosh_{T}({0})", 20
)
atanh: Op = unary("atanh", np.arctanh, lambda g, y, x: (g / _comoment(x),), "atanh_{T}({0})", 20)


def _comoment(x: Any) -> Any:
    """1 - x^2 without cancellation near 1."""
    return (1 - x) * (x + 1)


def _vjp_atan2(g: Any, y: Any, a: Any, b: Any) -> tuple[Any, ...]:
    square = a * a + b * b
    g = g / where(square == 0, filled(a, 1), square)
    return g * b, -g * a


def _vjp_hypot(g: Any, y: Any, a: Any, b: Any) -> tuple[Any, ...]:
    g = g / where(y == 0, filled(y, 1), y)
    return g * a, g * b


atan2: Op = binary("atan2", np.arctan2, _vjp_atan2, "atan2_{T}({0}, {1})", 30)
hypot: Op = binary("hypot", np.hypot, _vjp_hypot, "hypot_{T}({0}, {1})", 15)

# ---- the error function ----

BELL = 2 / math.sqrt(math.pi)

erf: Op = unary("erf", numeric.erf, lambda g, y, x: (g * BELL * exp(-x * x),), "erf_{T}({0})", 20)
erfc: Op = unary(
    "erfc", numeric.erfc, lambda g, y, x: (-g * BELL * exp(-x * x),), "erfc_{T}({0})", 25
)

# ---- rounding ----

floor: Op = unary("floor", np.floor, flat, "floor({0})")
ceil: Op = unary("ceil", np.ceil, flat, "ceil({0})")
trunc: Op = unary("trunc", np.trunc, flat, "trunc({0})")
round_: Op = unary("round", np.rint, flat, "rint({0})")

# ---- identities ----

identity: Op = unary("identity", np.asarray, lambda g, y, x: (g,), "{0}", 0, ANY)
stop_gradient: Op = unary("stop_gradient", np.asarray, flat, "{0}", 0, ANY)


def _vjp_cast(g: Any, y: Any, x: Any, dtype: DType) -> tuple[Any, ...]:
    both = x.dtype.kind == "f" and dtype.kind == "f"
    return (cast(g, dtype=x.dtype) if both else None,)


cast: Op = elementwise(
    "cast",
    lambda x, dtype: TensorType(dtype, x.shape),
    numeric.cast,
    keeping_masks(_vjp_cast),
    Pointwise("{R}({0})"),
)

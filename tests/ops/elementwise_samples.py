"""Samples of the primitives that work element by element."""

from dataclasses import replace
from typing import Any

import numpy as np

from graphc.types import bool_ as b1
from graphc.types import float32, float64, int8, int32, int64, uint8
from tests.ops.specs import Array, Sample, Shape, at, bools, ints, values, x

SHAPES: tuple[Shape, ...] = ((), (1,), (7,), (2, 3), (0, 3))
INTEGERS = ("int8", "int32", "int64", "uint8")
SPECIAL = (0.0, -0.0, np.inf, -np.inf, np.nan, 1.0, -1.0, 1e-30, 0.5, -2.5, 88.0, -100.0)


def of_shapes(*args: Array) -> tuple[Sample, ...]:
    """The same ranges in every shape in float64, and odd ones in float32."""
    return tuple(at(*(replace(a, shape=shape) for a in args)) for shape in SHAPES) + tuple(
        at(*(replace(a, shape=shape, dtype="float32") for a in args)) for shape in ((5, 3), ())
    )


def unary(low: float, high: float, **spec: Any) -> tuple[Sample, ...]:
    specials = tuple(
        at(values(*SPECIAL, dtype=dtype), smooth=False) for dtype in ("float32", "float64")
    )
    return of_shapes(x(low=low, high=high, **spec)) + specials


def binary(a: Array, b: Array) -> tuple[Sample, ...]:
    grid = [(p, q) for p in SPECIAL for q in SPECIAL]
    specials = tuple(
        at(
            values(*(p for p, _ in grid), dtype=dtype),
            values(*(q for _, q in grid), dtype=dtype),
            smooth=False,
        )
        for dtype in ("float32", "float64")
    )
    return of_shapes(a, b) + specials


def integers(count: int, low: int = -4, high: int = 5) -> tuple[Sample, ...]:
    """Integers of every kind that holds the range, zeros and the ends of int8 among them."""
    lowest = {"uint8": max(low, 0)}
    inside = tuple(
        at(*(ints(3, 5, low=lowest.get(dtype, low), high=high, dtype=dtype) for _ in range(count)))
        for dtype in INTEGERS
    )
    ends = values(-128, 127, 0, 1, -1, dtype="int8")
    mixed = values(-1, 2, 0, -128, 127, dtype="int8")
    return (*inside, at(*(ends, mixed)[:count])) if low < 0 else inside


def floats_and_integers(a: Array, b: Array) -> tuple[Sample, ...]:
    return binary(a, b) + integers(2)


ANYWHERE = x(low=-2, high=2)
POSITIVE = x(low=0.3, high=3)
NONZERO = x(low=0.3, high=2, signed=True)
SPACED = x(low=-1, high=0.37, kind="spaced")
SHIFTED = x(low=-1.22, high=0.37, kind="spaced")
STEPS = x(low=-3, high=3, kind="between")

COMPARISON = floats_and_integers(SPACED, SHIFTED)
ORDERED = tuple(replace(sample, smooth=False) for sample in COMPARISON)
LOGIC = (at(bools(), bools()), at(bools(4, 3), bools(4, 3)), at(bools(0), bools(0)))
BITS = LOGIC + integers(2)
SHIFTS = (
    *(
        at(ints(4, 5, low=0, high=100, dtype=d), ints(4, 5, low=0, high=9, dtype=d))
        for d in INTEGERS
    ),
    at(values(-128, 127, -1, 1, 5, dtype="int8"), values(7, 8, 9, 100, 0, dtype="int8")),
)

ELEMENTWISE: dict[str, tuple[Sample, ...]] = {
    "neg": unary(-2, 2) + integers(1),
    "abs": unary(0.2, 2, signed=True) + integers(1),
    "sign": unary(0.2, 2, signed=True) + integers(1),
    "exp": unary(-2, 2),
    "exp2": unary(-2, 2),
    "expm1": unary(-2, 2),
    "log": unary(0.3, 3),
    "log2": unary(0.3, 3),
    "log10": unary(0.3, 3),
    "log1p": unary(-0.6, 3),
    "sqrt": unary(0.3, 3),
    "rsqrt": unary(0.3, 3),
    "sin": unary(-3, 3),
    "cos": unary(-3, 3),
    "tan": unary(-1, 1),
    "asin": unary(-0.8, 0.8),
    "acos": unary(-0.8, 0.8),
    "atan": unary(-3, 3),
    "sinh": unary(-2, 2),
    "cosh": unary(-2, 2),
    "tanh": unary(-2, 2),
    "asinh": unary(-3, 3),
    "acosh": unary(1.3, 3),
    "atanh": unary(-0.8, 0.8),
    "erf": unary(-2, 2),
    "erfc": unary(-2, 2),
    "sigmoid": unary(-4, 4),
    "softplus": unary(-4, 4),
    "floor": unary(-3, 3, kind="between"),
    "ceil": unary(-3, 3, kind="between"),
    "trunc": unary(-3, 3, kind="between"),
    "round": (
        *(
            at(x(*shape, low=-3, high=3, dtype=dtype), smooth=False)
            for shape in SHAPES
            for dtype in ("float32", "float64")
        ),
        at(values(-2.5, -1.5, -0.5, 0.5, 1.5, 2.5), smooth=False),
    ),
    "isnan": unary(-2, 2),
    "isinf": unary(-2, 2),
    "isfinite": unary(-2, 2),
    "identity": unary(-2, 2) + integers(1) + (at(bools(3)),),
    "stop_gradient": (*(replace(s, smooth=False) for s in unary(-2, 2)), at(bools(3))),
    "logical_not": (at(bools()), at(bools(4, 3))),
    "invert": (at(bools()), at(bools(4, 3)), *integers(1)),
    "add": floats_and_integers(ANYWHERE, ANYWHERE),
    "sub": floats_and_integers(ANYWHERE, ANYWHERE),
    "mul": floats_and_integers(ANYWHERE, ANYWHERE),
    "div": binary(ANYWHERE, NONZERO),
    "floordiv": floats_and_integers(STEPS, x(low=1, high=1, kind="spaced")),
    "mod": binary(x(kind="values", values=(-3.4, 3.7, 5.3)), x(low=1.4, high=1.6)) + integers(2),
    "pow": (
        *binary(POSITIVE, ANYWHERE),
        *(at(ints(3, 5, dtype=d), ints(3, 5, low=0, dtype=d)) for d in INTEGERS[:3]),
        at(ints(3, 5), ints(3, 5)),
        at(ints(3, 5, low=0, dtype="uint8"), ints(3, 5, low=0, dtype="uint8")),
    ),
    "maximum": COMPARISON,
    "minimum": COMPARISON,
    "atan2": binary(NONZERO, NONZERO),
    "hypot": binary(NONZERO, NONZERO),
    "logaddexp": binary(ANYWHERE, ANYWHERE),
    "copysign": binary(NONZERO, NONZERO),
    "eq": ORDERED + LOGIC,
    "ne": ORDERED + LOGIC,
    "lt": ORDERED,
    "le": ORDERED,
    "gt": ORDERED,
    "ge": ORDERED,
    "logical_and": LOGIC,
    "logical_or": LOGIC,
    "logical_xor": LOGIC,
    "bitwise_and": BITS,
    "bitwise_or": BITS,
    "bitwise_xor": BITS,
    "shift_left": SHIFTS,
    "shift_right": SHIFTS,
    "where": (
        at(bools(), x(), x()),
        at(bools(2, 3), x(2, 3), x(2, 3)),
        at(bools(0), x(0), x(0)),
        at(bools(7), x(7, dtype="float32"), x(7, dtype="float32")),
        at(bools(7), ints(7, dtype="int8"), ints(7, dtype="int8")),
        at(bools(7), bools(7), bools(7)),
    ),
    "cast": (
        at(x(2, 3), dtype=float32, smooth=False),
        at(x(2, 3), dtype=float64),
        at(x(3, dtype="float32"), dtype=float64),
        at(values(0.0, -0.0, np.nan, np.inf, -1.5), dtype=b1),
        at(values(*SPECIAL, 300.7, -1e20, 2.0**31, 2.0**63), dtype=int64, smooth=False),
        at(values(*SPECIAL, 300.7, -1e20, 2.0**31, dtype="float32"), dtype=int32),
        at(values(*SPECIAL, 300.7, 254.9, -0.9, dtype="float32"), dtype=uint8),
        at(values(-1, 0, 127, 128, 300, 2**40, dtype="int64"), dtype=int8),
        at(values(-1, 0, 127, 128, 300, 2**40, dtype="int64"), dtype=float32),
        at(values(-1, 0, 5, dtype="int8"), dtype=uint8),
        at(ints(3, 3), dtype=b1),
        at(bools(3, 3), dtype=int64),
        at(bools(), dtype=float64),
    ),
}

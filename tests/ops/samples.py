"""Arguments to try every primitive with: one table, a row a primitive, data alone.

Other harnesses import it: random graphs, generated kernels, the compiled programs. Arrays come from
seeds; `smooth` samples keep away from kinks and poles by more than a step of finite differences.
"""

from dataclasses import replace
from typing import Any

import numpy as np

from graphc.types import bool_ as b1
from graphc.types import float32, float64, int8, int32, int64, uint8
from tests.ops.specs import Array, Sample, Shape, at, bools, ints, values, x
from tests.ops.window_samples import WINDOWS

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


def reduced(spec: Array, empty: bool = True) -> tuple[Sample, ...]:
    """Over no axes, one, inner, outer and all axes; of nothing too, if that has a value."""
    shapes_and_axes: tuple[tuple[Shape, tuple[int, ...]], ...] = (
        ((), ()),
        ((1,), (0,)),
        ((7,), (0,)),
        ((2, 3), ()),
        ((2, 3), (0,)),
        ((2, 3), (1,)),
        ((2, 1, 3), (0, 2)),
        ((2, 2, 2), (0, 1, 2)),
        ((3, 0), (0,)),
    )
    if empty:
        shapes_and_axes += (((3, 0), (1,)), ((0,), (0,)))
    return (
        *(at(replace(spec, shape=shape), axes=axes) for shape, axes in shapes_and_axes),
        at(replace(spec, shape=(5, 37), dtype="float32"), axes=(1,)),
        at(replace(spec, shape=(37, 5), dtype="float32"), axes=(0,)),
        at(ints(3, 5, dtype="int8"), axes=(1,)),
        at(ints(3, 5), axes=(0, 1)),
    )


def positions() -> tuple[Sample, ...]:
    return tuple(
        at(a, axes=(axis,))
        for a, axis in (
            (x(7), 0),
            (x(3, 5, dtype="float32"), 1),
            (ints(5, 3, low=0, high=2), 0),
            (values(1.0, np.nan, 3.0, np.nan), 0),
            (values(2.0, 1.0, 2.0, 1.0), 0),
            (x(0, 3), 1),
        )
    )


def question() -> tuple[Sample, ...]:
    return tuple(
        at(bools(*shape), axes=axes)
        for shape, axes in (
            ((), ()),
            ((4,), (0,)),
            ((2, 3), (1,)),
            ((2, 3, 2), (0, 2)),
            ((3, 0), (1,)),
        )
    )


NANS = at(values(1.0, np.nan, 2.0), axes=(0,), smooth=False)
ZEROS = tuple(at(values(*v), axes=(0,)) for v in ((2.0, 0.0, 3.0), (0.0, 2.0, 0.0), (0.0,) * 3))

REDUCTIONS: dict[str, tuple[Sample, ...]] = {
    "sum": reduced(ANYWHERE),
    "prod": reduced(NONZERO) + ZEROS,
    "max": (*reduced(SPACED, empty=False), NANS),
    "min": (*reduced(SPACED, empty=False), NANS),
    "any": question(),
    "all": question(),
    "argmax": positions(),
    "argmin": positions(),
}

VIEWS: dict[str, tuple[Sample, ...]] = {
    "reshape": (
        at(x(2, 3), shape=(6,)),
        at(x(2, 3), shape=(3, 1, 2)),
        at(x(1), shape=()),
        at(x(), shape=(1, 1)),
        at(x(0, 3), shape=(5, 0)),
        at(x(4, 6, dtype="float32"), shape=(2, 2, 6)),
        at(bools(4), shape=(2, 2)),
    ),
    "transpose": (
        at(x(), axes=()),
        at(x(3), axes=(0,)),
        at(x(2, 3), axes=(1, 0)),
        at(x(2, 3, 2), axes=(2, 0, 1)),
        at(x(0, 3), axes=(1, 0)),
        at(ints(2, 3, 4, 5), axes=(3, 1, 0, 2)),
    ),
    "broadcast_to": (
        at(x(), shape=()),
        at(x(), shape=(2, 3)),
        at(x(3), shape=(3,)),
        at(x(3), shape=(2, 3)),
        at(x(1, 3), shape=(2, 3)),
        at(x(2, 1), shape=(2, 2, 3)),
        at(x(1, 1), shape=(1, 4)),
        at(x(1, 3), shape=(0, 3)),
        at(ints(3, 1), shape=(2, 3, 4)),
    ),
    "slice": (
        at(x(), starts=(), sizes=(), steps=()),
        at(x(5), starts=(1,), sizes=(3,), steps=(1,)),
        at(x(5), starts=(4,), sizes=(5,), steps=(-1,)),
        at(x(5), starts=(4,), sizes=(2,), steps=(-3,)),
        at(x(5), starts=(0,), sizes=(3,), steps=(2,)),
        at(x(5), starts=(2,), sizes=(0,), steps=(1,)),
        at(x(0), starts=(-1,), sizes=(0,), steps=(-1,)),
        at(x(3, 4), starts=(2, 1), sizes=(2, 2), steps=(-2, 2)),
        at(ints(3, 4), starts=(0, 3), sizes=(3, 4), steps=(1, -1)),
    ),
    "pad": (
        at(x(), shape=(), starts=(), steps=(), value=0.0),
        at(x(3), shape=(6,), starts=(1,), steps=(1,), value=0.0),
        at(x(3), shape=(7,), starts=(1,), steps=(2,), value=-1.5),
        at(x(3), shape=(5,), starts=(4,), steps=(-2,), value=0.0),
        at(x(2, 3), shape=(4, 3), starts=(2, 2), steps=(1, -1), value=2.0),
        at(x(0, 3), shape=(2, 3), starts=(0, 0), steps=(1, 1), value=1.0),
        at(x(3, dtype="float32"), shape=(5,), starts=(1,), steps=(1,), value=float("-inf")),
        at(ints(3), shape=(5,), starts=(1,), steps=(1,), value=7.0),
        at(bools(3), shape=(5,), starts=(1,), steps=(1,), value=0.0),
    ),
    "concat": (
        at(x(3), axis=0),
        at(x(3), x(2), axis=0),
        at(x(2, 3), x(2, 1), x(2, 2), axis=1),
        at(x(2, 3), x(0, 3), x(1, 3), axis=0),
        at(ints(2, 3), ints(2, 1), axis=1),
    ),
}


def product(a: Shape, b: Shape, contract: Any, batch: Any = ((), ())) -> Sample:
    return at(x(*a), x(*b), contract=contract, batch=batch)


def index(*shape: int, length: int, dtype: str = "int64") -> Array:
    return ints(*shape, low=-length, high=length, dtype=dtype)


def unique(*given: int) -> Array:
    return values(*given, dtype="int64")


INDEXING: dict[str, tuple[Sample, ...]] = {
    "dot": (
        product((), (), ((), ())),
        product((3,), (3,), ((0,), (0,))),
        product((2,), (3,), ((), ())),
        product((2, 3), (3, 2), ((1,), (0,))),
        product((3, 2), (2, 3), ((0,), (1,))),
        product((2, 2, 3), (2, 3, 2), ((2,), (1,)), ((0,), (0,))),
        product((3, 2, 2), (2, 2, 3), ((2, 0), (0, 2))),
        product((2, 3, 1, 2), (3, 2, 2), ((3, 1), (2, 0)), ((0,), (1,))),
        product((2, 0), (0, 3), ((1,), (0,))),
        product((0, 2), (2, 3), ((1,), (0,))),
        at(ints(3, 4), ints(4, 2), contract=((1,), (0,)), batch=((), ())),
        at(
            x(9, 33, dtype="float32"),
            x(33, 17, dtype="float32"),
            contract=((1,), (0,)),
            batch=((), ()),
        ),
    ),
    "take": (
        at(x(5), index(length=5), axis=0),
        at(x(5), index(3, length=5), axis=0),
        at(x(5, 2), index(2, 2, length=5), axis=0),
        at(x(2, 3, 2), index(4, length=3), axis=1),
        at(x(2, 3), index(0, length=3), axis=1),
        at(x(4, 5, dtype="float32"), index(3, length=5, dtype="int8"), axis=1),
        at(ints(4, 5), ints(3, low=0, high=4, dtype="uint8"), axis=0),
    ),
    "take_along": (
        at(x(5), index(3, length=5), axis=0),
        at(x(3, 4), index(3, 2, length=4), axis=1),
        at(x(3, 4), index(5, 4, length=3), axis=0),
        at(x(2, 3, 2), index(2, 1, 2, length=3), axis=1),
        at(x(4, 5, dtype="float32"), index(4, 1, length=5, dtype="int32"), axis=1),
    ),
    "scatter": tuple(
        at(*args, axis=axis, combine=combine)
        for combine in ("add", "set")
        for args, axis in (
            ((x(5), index(length=5), x()), 0),
            ((x(5), index(3, length=5), x(3)), 0),
            ((x(4), unique(1, -1, 3, 1), x(4)), 0),
            ((x(3, 2), index(2, 2, length=3), x(2, 2, 2)), 0),
            ((x(2, 3, 2), index(4, length=3), x(2, 4, 2)), 1),
            ((x(2, 3), index(0, length=3), x(2, 0)), 1),
            ((x(4, dtype="float32"), index(9, length=4), x(9, dtype="float32")), 0),
            ((ints(4), index(9, length=4), ints(9)), 0),
        )
    ),
    "scatter_along": tuple(
        at(*args, axis=axis, combine=combine)
        for combine in ("add", "set")
        for args, axis in (
            ((x(5), index(3, length=5), x(3)), 0),
            ((x(3, 4), index(3, 2, length=4), x(3, 2)), 1),
            ((x(2, 3), index(5, 3, length=2), x(5, 3)), 0),
            ((x(2, 3, 2), index(2, 4, 2, length=3), x(2, 4, 2)), 1),
        )
    ),
    "iota": (
        at(shape=(4,), axis=0, dtype=int64),
        at(shape=(2, 3), axis=0, dtype=int32),
        at(shape=(2, 3), axis=1, dtype=float32),
        at(shape=(0, 2), axis=0, dtype=uint8),
    ),
    "size": (at(dim=5), at(dim=0)),
}

SAMPLES: dict[str, tuple[Sample, ...]] = {
    **ELEMENTWISE,
    **REDUCTIONS,
    **VIEWS,
    **INDEXING,
    **WINDOWS,
}

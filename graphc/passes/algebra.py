"""Algebra that changes no value: the rules hold for every float, signed zeros, infinities and nans.

Enters: nothing. Leaves: `ALGEBRA`, a table of rules. What does not hold is not here: x + 0.0 is not
x for x = -0.0, x - x is not 0 and x * 0 is not 0 for an infinite x. A rule that is not exact says
how it differs.
"""

import math
from collections.abc import Callable
from typing import Any

from graphc.dims import product
from graphc.functions.lifting import size, to_dtype
from graphc.functions.tensor import Tensor
from graphc.ops import (
    add,
    bitwise_and,
    bitwise_or,
    bitwise_xor,
    broadcast_to,
    cast,
    div,
    eq,
    filled,
    logical_and,
    logical_or,
    logical_xor,
    maximum,
    minimum,
    mul,
    ne,
    neg,
    not_,
    pow_,
    rsqrt,
    sqrt,
    sub,
    sum_,
    where,
)
from graphc.passes.names import a, b, c, x, y, z
from graphc.passes.rewrite import As, Rule, uniform
from graphc.types import DType


def _when(kinds: str, build: Callable[[Tensor], Tensor]) -> Callable[[Tensor], Tensor | None]:
    return lambda x: build(x) if x.dtype.kind in kinds else None


def _negated_factor(x: Tensor, c: Tensor) -> Tensor | None:
    """-(x * 2.0) -> x * -2.0."""
    return None if uniform(c.node) is None else mul(x, neg(c))


def _reciprocal(x: Tensor, c: Tensor) -> Tensor | None:
    """x / 8.0 -> x * 0.125: exact for powers of two whose reciprocal is a normal number."""
    divisor = uniform(c.node)
    if divisor is None or math.frexp(divisor)[0] not in (0.5, -0.5):
        return None
    return mul(x, filled(c, 1.0 / float(divisor))) if 1e-30 < abs(divisor) < 1e30 else None


def _merged_factors(x: Tensor, a: Tensor, b: Tensor) -> Tensor | None:
    """(x * 2.0) * 4.0 -> x * 8.0: exact for powers of two from 1 on, and for integers."""
    factors = (uniform(a.node), uniform(b.node))
    if None in factors:
        return None
    exact = x.dtype.kind in "iu" or all(
        math.frexp(f)[0] in (0.5, -0.5) and 1 <= abs(f) < 1e15 for f in factors
    )
    return mul(x, mul(a, b)) if exact else None


# ---- casts ----

_MANTISSA = {"float32": 24, "float64": 53}


def holds(wide: DType, narrow: DType) -> bool:
    """Whether every value of `narrow` is a value of `wide`.

    >>> from graphc.types import float32, int16, int64, uint8
    >>> holds(float32, int16), holds(float32, int64), holds(int16, uint8), holds(uint8, int16)
    (True, False, True, False)
    """
    if wide is narrow or narrow.kind == "b":
        return True
    if narrow.kind == "f" or wide.kind == "b":
        return narrow.kind == wide.kind == "f" and narrow.itemsize <= wide.itemsize
    bits = narrow.itemsize * 8 - (narrow.kind == "i")
    if wide.kind == "f":
        return bits <= _MANTISSA[wide.name]
    fits = bits <= wide.itemsize * 8 - (wide.kind == "i")
    return fits and (narrow.kind == "u" or wide.kind == "i")


def _cast_once(x: Tensor, y: Tensor, z: Tensor) -> Tensor | None:
    """cast(cast(x, f64), f32) -> cast(x, f32), where the first cast lost nothing."""
    return to_dtype(x, z.dtype) if holds(y.dtype, x.dtype) else None


def _cast_first(x: Tensor, y: Tensor, z: Tensor) -> Tensor | None:
    """cast(broadcast_to(x)) -> broadcast_to(cast(x)): fewer elements are cast."""
    return broadcast_to(cast(x, dtype=z.dtype), shape=z.shape)


# ---- sums of what was broadcast ----


def _counted(x: Tensor, y: Tensor, z: Tensor) -> Tensor | None:
    """sum(broadcast_to(x, (n, m)), axes=(0,)) -> x * n."""
    missing = y.ndim - x.ndim
    repeated = {
        axis
        for axis in z.node.params["axes"]
        if axis < missing or (x.shape[axis - missing] == 1 and y.shape[axis] != 1)
    }
    if not repeated:
        return None
    kept = [axis for axis in range(y.ndim) if axis not in repeated]
    rest = tuple(kept.index(axis) for axis in z.node.params["axes"] if axis not in repeated)
    small = _without(x, [axis - missing for axis in repeated if axis >= missing])
    shape = tuple(y.shape[axis] for axis in kept)
    total = sum_(_broadcast(small, shape), axes=rest) if rest else small
    count = to_dtype(size(product(y.shape[axis] for axis in repeated), Tensor), x.dtype)
    return _broadcast(mul(total, _broadcast(count, total.shape)), z.shape)


def _without(x: Tensor, axes: list[int]) -> Tensor:
    shape = tuple(size for axis, size in enumerate(x.shape) if axis not in axes)
    return x.reshape(shape) if axes else x


def _broadcast(x: Tensor, shape: Any) -> Tensor:
    return x if x.shape == shape else broadcast_to(x, shape=shape)


def _false(x: Tensor) -> Tensor:
    return filled(x, False)


ALGEBRA = (
    # neutral operands
    Rule((add, x, -0.0), lambda x: x),
    Rule((add, x, 0), lambda x: x),
    Rule((sub, x, 0.0), lambda x: x),
    Rule((mul, x, 1.0), lambda x: x),
    Rule((div, x, 1.0), lambda x: x),
    Rule((logical_and, x, True), lambda x: x),
    Rule((logical_or, x, False), lambda x: x),
    Rule((logical_xor, x, False), lambda x: x),
    Rule((bitwise_and, x, -1), lambda x: x),
    Rule((bitwise_or, x, 0), lambda x: x),
    Rule((bitwise_xor, x, 0), lambda x: x),
    # operands that decide alone
    Rule((mul, x, 0), lambda x: filled(x, 0)),
    Rule((logical_and, x, False), _false),
    Rule((logical_or, x, True), lambda x: filled(x, True)),
    # an operand twice
    Rule((sub, x, x), _when("iu", lambda x: filled(x, 0))),
    Rule((bitwise_xor, x, x), lambda x: filled(x, 0)),
    Rule((bitwise_and, x, x), lambda x: x),
    Rule((bitwise_or, x, x), lambda x: x),
    Rule((logical_xor, x, x), _false),
    Rule((logical_and, x, x), lambda x: x),
    Rule((logical_or, x, x), lambda x: x),
    Rule((logical_and, x, (logical_and, x, y)), lambda x, y: logical_and(x, y)),
    Rule((logical_or, x, (logical_or, x, y)), lambda x, y: logical_or(x, y)),
    Rule((maximum, x, x), lambda x: x),
    Rule((minimum, x, x), lambda x: x),
    # signs: outward, where they meet and vanish
    Rule((neg, (neg, x)), lambda x: x),
    Rule((mul, x, -1.0), lambda x: neg(x)),
    Rule((div, x, -1.0), lambda x: neg(x)),
    Rule((sub, -0.0, x), lambda x: neg(x)),
    Rule((sub, 0, x), lambda x: neg(x)),
    Rule((neg, (mul, x, c)), _negated_factor),
    Rule((add, x, (neg, y)), lambda x, y: sub(x, y)),
    Rule((sub, x, (neg, y)), lambda x, y: add(x, y)),
    Rule((mul, (neg, x), y), lambda x, y: neg(mul(x, y))),
    Rule((div, (neg, x), y), lambda x, y: neg(div(x, y))),
    Rule((div, x, (neg, y)), lambda x, y: neg(div(x, y))),
    # logic and choice
    Rule((not_, (not_, x)), lambda x: x),
    Rule((not_, (eq, x, y)), lambda x, y: ne(x, y)),
    Rule((not_, (ne, x, y)), lambda x, y: eq(x, y)),
    Rule((where, c, x, x), lambda x: x),
    Rule((where, True, x, y), lambda x: x),
    Rule((where, False, x, y), lambda y: y),
    Rule((where, (not_, c), x, y), lambda c, x, y: where(c, y, x)),
    Rule((where, c, (where, c, x, y), z), lambda c, x, z: where(c, x, z)),
    Rule((where, c, x, (where, c, y, z)), lambda c, x, z: where(c, x, z)),
    # constant factors
    Rule((div, x, c), _reciprocal),
    Rule((mul, (mul, x, a), b), _merged_factors),
    # powers; x * x is rounded correctly and a power need not be
    Rule((pow_, x, 0.0), lambda x: filled(x, 1)),
    Rule((pow_, x, 1.0), lambda x: x),
    Rule((pow_, x, 2.0), lambda x: mul(x, x), exact=False),
    Rule((pow_, x, 3.0), lambda x: mul(mul(x, x), x), exact=False),
    Rule((pow_, x, -1.0), _when("f", lambda x: div(filled(x, 1.0), x)), exact=False),
    # as NumPy's x ** 0.5 does: nan for -inf where the power of C is inf
    Rule((pow_, x, 0.5), lambda x: sqrt(x), exact=False),
    Rule((div, 1.0, (sqrt, x)), lambda x: rsqrt(x)),
    # casts
    Rule(As(z, (cast, As(y, (cast, x)))), _cast_once),
    Rule(As(z, (cast, As(y, (broadcast_to, x)))), _cast_first),
    # the zero of a sum of zeros may change its sign
    Rule(
        As(z, (sum_, (neg, x))),
        lambda x, z: neg(z.node.op(x, axes=z.node.params["axes"])),
        exact=False,
    ),
    # one rounding in place of n; n * inf is inf, but nan where n turns out to be 0
    Rule(As(z, (sum_, As(y, (broadcast_to, x)))), _counted, exact=False),
)

"""Sums in the gradient of a normalisation: they part, and what is the same for all terms leaves.

Enters: nothing. Leaves: `SUMS`, a table of rules. The gradient of a normalisation adds up

    sum(a * b + c * (x - mean(x)))  ->  b * sum(a) + c * sum(x - mean(x))

where b and c are the same for all that is summed. They depend on sums over all of a and of x, so
that what was one more sweep over both is no sweep at all: sum(a) and sum(x - mean(x)) join the
sweeps that make mean, b and c. Where a condition chooses what is summed, as relu does,

    sum(where(m, 0, a * c))  ->  c * sum(where(m, 0, a))

so that the gradients by scale, shift, mean and variance are two sums, and not four.
"""

from collections.abc import Iterator, Sequence
from functools import reduce
from itertools import permutations

import numpy as np

from graphc.dims import product
from graphc.functions.lifting import size
from graphc.functions.tensor import Tensor
from graphc.graph import Node
from graphc.ops import (
    add,
    broadcast_to,
    div,
    filled,
    isfinite,
    isnan,
    logical_and,
    mul,
    rsqrt,
    sign,
    sub,
    sum_,
    where,
)
from graphc.ops.views import below_views, fitted
from graphc.passes.names import a, b, c, e, x, y, z
from graphc.passes.rewrite import As, Rule
from graphc.types import Shape

Axes = tuple[int, ...]


def _parted(
    a: Tensor, b: Tensor, c: Tensor, e: Tensor, x: Tensor, y: Tensor, z: Tensor
) -> Tensor | None:
    """sum(a + broadcast_to(c) * x) -> sum(a) + c * sum(x), where x = b - e, e the mean."""
    axes = z.node.params["axes"]
    factor = _beside(c.shape, y.shape, axes)
    if factor is None or not _holds_sum(e.node, b.node, axes):
        return None
    moved = mul(_spread(fitted(c, factor), z.shape), sum_(x, axes=axes))
    count = product(y.shape[axis] for axis in axes)
    if not isinstance(count, int):  # of no terms the sum is 0, whatever c is
        moved = where(_spread(size(count, Tensor) > 0, z.shape), moved, filled(moved, 0))
    return add(_scaled(a, z), moved)


def _scaled(a: Tensor, z: Tensor) -> Tensor:
    """sum(a) along the axes of z; sum(x * broadcast_to(b)) -> b * sum(x).

    A normalisation's b, one by a deviation, is small only where x - mean is large: the sum of x
    times that, which c holds, is too large for its dtype before the sum of x is.
    """
    axes = z.node.params["axes"]
    for terms, factor in permutations(a.node.inputs) if a.node.op is mul else ():
        scale = _same(factor, a.shape, axes)
        if scale is not None and below_views(factor).op is rsqrt:
            return mul(_spread(scale, z.shape), sum_(Tensor(terms), axes=axes))
    return sum_(a, axes=axes)


def _spread(x: Tensor, shape: Shape) -> Tensor:
    return x if x.shape == shape else broadcast_to(x, shape=shape)


def _beside(shape: Shape, whole: Shape, axes: Axes) -> Shape | None:
    """The shape less those axes of `whole`, to which it broadcasts; None if it has one of them."""
    missing = len(whole) - len(shape)
    if any(axis >= missing and shape[axis - missing] != 1 for axis in axes):
        return None
    return tuple(size for n, size in enumerate(shape, missing) if n not in axes)


def _holds_sum(mean: Node, b: Node, axes: Axes) -> bool:
    """Whether the mean is a sum of b over those axes, times or divided by something."""
    ratio = below_views(mean)
    return ratio.op in (div, mul) and any(
        i.op is sum_ and i.inputs[0] is b and i.params["axes"] == axes
        for i in map(below_views, ratio.inputs)
    )


# ---- what is the same for all terms ----

PRODUCTS = 4  # that are looked into for factors
TIMES = 3  # the largest number: so often it makes the smallest one infinite, and 0 not


def _unscaled(x: Tensor, y: Tensor, z: Tensor) -> Tensor | None:
    """sum(where(c, 0, x * broadcast_to(b))) -> b * sum(where(c, 0, x)).

    A sum of 0 stays one, whatever b is: it may be infinite, or nan, where nothing is chosen.
    """
    axes = z.node.params["axes"]
    factors = list(_factors(x.node))
    same = {n: _same(n, x.shape, axes) for n in factors}
    others = [n for n in factors if same[n] is None]
    if z.dtype.kind != "f" or len(others) == len(factors) or not _is_measured(others, axes):
        return None
    terms = reduce(mul, map(Tensor, others))
    chosen = (terms if i is x.node else Tensor(i) for i in y.node.inputs)
    total = sum_(where(*chosen), axes=axes)
    scales = [_spread(s, z.shape) for n in factors if (s := same[n]) is not None]
    finite = reduce(logical_and, map(isfinite, scales))
    return where(finite, reduce(mul, scales, total), _not_finite(total, scales))


def _not_finite(total: Tensor, scales: Sequence[Tensor]) -> Tensor:
    """The product where a scale is not finite: nan or infinite, but 0 if the total is.

    A comparison with 0 would have all that is summed kept, so as to be rounded the same for it.
    """
    largest = filled(total, np.finfo(total.dtype.numpy).max)
    infinite = reduce(mul, [largest] * TIMES, total)
    side = reduce(mul, map(sign, scales))
    return where(isnan(side), sub(infinite, infinite), mul(infinite, side))


def _factors(node: Node) -> Iterator[Node]:
    """The factors of a product, from left to right."""
    waiting, found = [node], 0
    while waiting:
        node = waiting.pop()
        if node.op is mul and found < PRODUCTS:
            found += 1
            waiting.extend(reversed(node.inputs))
        else:
            yield node


def _same(node: Node, whole: Shape, axes: Axes) -> Tensor | None:
    """A factor less the axes along which it is the same; None if it is not the same along all."""
    if node.op is not broadcast_to:
        return None
    (small,) = node.inputs
    shape = _beside(small.type.shape, whole, axes)
    return None if shape is None else fitted(Tensor(small), shape)


def _is_measured(factors: Sequence[Node], axes: Axes) -> bool:
    """Whether the product without its scale can hardly be too large or too small for its dtype: of
    one factor, or of one and what has been moved to mean 0."""
    if len(factors) != 2:
        return len(factors) == 1
    return any(
        n.op is sub and _holds_sum(below_views(n.inputs[1]), n.inputs[0], axes) for n in factors
    )


SUMS = (
    Rule(
        As(z, (sum_, (add, a, (mul, As(y, (broadcast_to, c)), As(x, (sub, b, e)))))),
        _parted,
        exact=False,  # another order of rounding
    ),
    # another order of rounding; of terms that cancel 0, of others inf, where a scale is infinite
    *(
        Rule(As(z, (sum_, As(y, (where, *choice)))), _unscaled, exact=False)
        for choice in ((c, 0.0, x), (c, x, 0.0))
    ),
)

"""Sums of what has been moved to mean 0: they part from the sums of other terms.

Enters: nothing. Leaves: `SUMS`, a table of rules. The gradient of a normalisation adds up

    sum(a + c * (x - mean(x)))  ->  sum(a) + c * sum(x - mean(x))

where c is the same for all that is summed. It depends on sums over all of a and of x, so that what
was one more sweep over both is no sweep at all: sum(a) and sum(x - mean(x)) join the sweeps that
make mean and c.
"""

from graphc.dims import product
from graphc.functions.lifting import size
from graphc.functions.tensor import Tensor
from graphc.graph import Node
from graphc.ops import add, broadcast_to, div, mul, sub, sum_, where
from graphc.ops.constants import filled
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
    return add(sum_(a, axes=axes), moved)


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


SUMS = (
    Rule(
        As(z, (sum_, (add, a, (mul, As(y, (broadcast_to, c)), As(x, (sub, b, e)))))),
        _parted,
        exact=False,  # another order of rounding
    ),
)

"""Products without rows or columns: sums over what both operands share along their last axis.

Enters: nothing. Leaves: `PRODUCTS`, rules for contractions that are no matrix products. Of a
depthwise convolution nothing is contracted but the taps, and every channel, along which memory
lies, is a batch. As a sum over a view of windows it is a loop over taps, vectorised over channels.
"""

from graphc.functions.tensor import Tensor
from graphc.ops import conv, dot, mul, sum_, transpose, windows
from graphc.ops.contraction import free_axes
from graphc.ops.convolution import Roles, padded, roles
from graphc.ops.views import broadcast_to, fitted
from graphc.passes.names import a, b, z
from graphc.passes.rewrite import As, Rule


def _depthwise(a: Tensor, b: Tensor, z: Tensor) -> Tensor | None:
    """conv with a batch axis last and no free axis of b -> sum(windows(a) * b)."""
    r = roles(a.ndim, b.ndim, **z.node.params)
    loops = [n for n, size in zip(r.order, z.shape, strict=True) if size != 1]
    alone = all(b.shape[axis] == 1 for axis in r.b)
    if not alone or not loops or loops[-1] >= len(r.batch[0]):
        return None
    sizes = tuple(b.shape[axis] for axis in r.windows[1])
    axes, wide = r.windows[0], padded(a, r)
    seen = windows(
        wide, axes=axes, sizes=sizes, strides=r.strides, dilation=r.dilation, least=r.least
    )
    left, right = _aligned(seen, b, r)
    # In the order of the result, so that the sum is stored as it is wanted.
    depth = tuple(range(len(r.order), left.ndim))
    product = mul(*(transpose(x, axes=r.order + depth) for x in (left, right)))
    return sum_(product, axes=depth) if depth else product


def _aligned(seen: Tensor, b: Tensor, r: Roles) -> tuple[Tensor, Tensor]:
    """Both operands with the axes of the result in its natural order, then those of the depth."""
    taps = tuple(range(seen.ndim - len(r.windows[0]), seen.ndim))
    left = transpose(seen, axes=r.batch[0] + r.a + r.contract[0] + taps)
    right = transpose(b, axes=r.batch[1] + r.b + r.contract[1] + r.windows[1])
    shared, middle = left.shape[: len(r.batch[0])], left.shape[len(r.batch[0]) :]
    free, depth = middle[: len(r.a)], middle[len(r.a) :]
    whole = shared + free + (1,) * len(r.b) + depth
    spread = fitted(right, shared + (1,) * (len(r.a) + len(r.b)) + depth)
    return fitted(left, whole), broadcast_to(spread, shape=whole)


def _elementwise(a: Tensor, b: Tensor, z: Tensor) -> Tensor | None:
    """dot with batch axes alone, of several elements each -> sum(a * b)."""
    contract, batch = z.node.params["contract"], z.node.params["batch"]
    if not batch[0] or free_axes(a.ndim, contract[0], batch[0]):
        return None
    if free_axes(b.ndim, contract[1], batch[1]):
        return None
    left = transpose(a, axes=batch[0] + contract[0])
    right = transpose(b, axes=batch[1] + contract[1])
    product = mul(left, right)
    count = len(batch[0])
    return sum_(product, axes=tuple(range(count, a.ndim))) if contract[0] else product


PRODUCTS = (
    Rule(As(z, (conv, a, b)), _depthwise, exact=False),  # another order of rounding
    Rule(As(z, (dot, a, b)), _elementwise, exact=False),
)

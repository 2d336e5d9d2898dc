"""Shares of a sum, as of softmax: their gradient in terms of themselves.

Enters: nothing. Leaves: `SHARES`, a table of rules. With e = exp(x) and the share p = e / sum(e),
the chain rule gives

    (g / sum(e) - sum(g / sum(e) * p)) * e  ->  p * (g - sum(g * p))

where p is there already, e is not needed again, and nothing is divided.
"""

from graphc.functions.tensor import Tensor
from graphc.ops import add, div, mul, neg, sub, sum_
from graphc.ops.views import below_views, expand
from graphc.passes.names import c, e, s, x, y
from graphc.passes.rewrite import As, Rule


def _by_shares(c: Tensor, e: Tensor, s: Tensor, x: Tensor, y: Tensor) -> Tensor | None:
    total = below_views(s.node)
    if total.op is not sum_ or total.inputs[0] is not e.node:
        return None
    axes, share = total.params["axes"], div(e, s)
    away = _repeated(neg(sum_(mul(x, share), axes=axes)), axes, y)
    # A sum may also stand along another axis of the same size.
    if s.node is not _repeated(Tensor(total), axes, y).node or c.node is not away.node:
        return None
    return mul(share, sub(y, _repeated(sum_(mul(y, share), axes=axes), axes, y)))


def _repeated(x: Tensor, axes: tuple[int, ...], like: Tensor) -> Tensor:
    return expand(x, axes, like.shape)


SHARES = (
    Rule(
        (mul, (add, As(x, (div, y, s)), c), e),
        _by_shares,
        exact=False,  # another order of rounding; e / sum(e) is at most 1
    ),
)

"""Shares of a sum, as of softmax: their gradient in terms of themselves.

Enters: nothing. Leaves: `SHARES` and `RECIPROCALS`, tables of rules. With e = exp(x) and the share
p = e / sum(e), the chain rule gives

    (g / sum(e) - sum(g / sum(e) * p)) * e  ->  p * (g - sum(g * p))

where p is there already, e is not needed again, and nothing is divided. When all other rules have
seen the shares, one division a sum is left of them:

    e / sum(e)  ->  e * (1 / sum(e)),    e = exp(x - max(x))
"""

from graphc.functions.tensor import Tensor
from graphc.ops import add, div, exp, max_, mul, neg, sub, sum_
from graphc.ops.constants import filled
from graphc.ops.views import below_views, expand, over_views
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


def _by_reciprocal(e: Tensor, s: Tensor, x: Tensor, y: Tensor) -> Tensor | None:
    """The sum is 1 at least, since one of its terms is exp(0), or it is nan: its reciprocal is a
    normal number, or nan. (The sum of no terms divides nothing.)"""
    total, top = below_views(s.node), below_views(y.node)
    if total.op is not sum_ or total.inputs[0] is not e.node:
        return None
    if top.op is not max_ or top.inputs[0] is not x.node or top.params != total.params:
        return None
    if _repeated(Tensor(top), top.params["axes"], x).node is not y.node:
        return None
    return mul(e, over_views(s.node, div(filled(Tensor(total), 1.0), Tensor(total))))


SHARES = (
    Rule(
        (mul, (add, As(x, (div, y, s)), c), e),
        _by_shares,
        exact=False,  # another order of rounding; e / sum(e) is at most 1
    ),
)

RECIPROCALS = (
    # one more rounding
    Rule((div, As(e, (exp, (sub, x, y))), s), _by_reciprocal, exact=False),
)

"""Stabilising: the same function in a form that neither overflows nor cancels.

Enters: nothing. Leaves: `STABILISE`, a table of rules. Each is more accurate where the two sides
differ, so none is exact. They run before the gradient too: d log(sigmoid(x)) is finite everywhere
once it is that of softplus.
"""

import math

from graphc.dims import bounds
from graphc.functions.tensor import Tensor
from graphc.graph import Node
from graphc.ops import (
    add,
    broadcast_to,
    div,
    exp,
    expm1,
    filled,
    isfinite,
    log,
    log1p,
    max_,
    mul,
    neg,
    pad,
    reshape,
    sigmoid,
    softplus,
    stop_gradient,
    sub,
    sum_,
    where,
)
from graphc.ops.views import below_views, expand, over_views
from graphc.passes.names import e, s, x, y
from graphc.passes.rewrite import As, Rule


def _log_softmax(x: Tensor, e: Tensor, s: Tensor) -> Tensor | None:
    """log(exp(x) / sum(exp(x))) -> x - log(sum(exp(x)))."""
    total = below_views(s.node)
    if total.op is not sum_ or total.inputs[0] is not e.node:
        return None
    return sub(x, over_views(s.node, log(Tensor(total))))


def _logsumexp(x: Tensor, s: Tensor) -> Tensor | None:
    """log(sum(exp(x))) -> log(sum(exp(x - max(x)))) + max(x)."""
    axes = s.node.params["axes"]
    if _is_shifted(x.node):
        return None
    largest = stop_gradient(max_(_never_empty(x, axes), axes=axes))
    shift = where(isfinite(largest), largest, filled(largest, 0.0))
    shifted = sub(x, expand(shift, axes, x.shape))
    return add(log(sum_(exp(shifted), axes=axes)), shift)


def _never_empty(x: Tensor, axes: tuple[int, ...]) -> Tensor:
    # max of nothing is an error, log(sum(exp(nothing))) is -inf: where a named axis may be
    # empty, one element of -inf follows. [1, 2] -> [1, 2, -inf]
    empty = {axis for axis in axes if bounds(x.shape[axis])[0] < 1}
    if not empty:
        return x
    shape = tuple(size + 1 if i in empty else size for i, size in enumerate(x.shape))
    return pad(x, shape=shape, starts=(0,) * x.ndim, steps=(1,) * x.ndim, value=-math.inf)


def _is_shifted(node: Node) -> bool:
    # x - max(x), with views, a guard against infinities or a stopped gradient around the max
    if node.op is not sub:
        return False
    node = node.inputs[1]
    while node.op in (broadcast_to, reshape, stop_gradient, where):
        node = node.inputs[1 if node.op is where else 0]
    return node.op is max_


STABILISE = (
    Rule((log, (div, As(e, (exp, x)), s)), _log_softmax, exact=False),
    Rule((log, As(s, (sum_, (exp, x)))), _logsumexp, exact=False),
    Rule((log, (exp, x)), lambda x: x, exact=False),
    Rule((log, (sigmoid, x)), lambda x: neg(softplus(neg(x))), exact=False),
    Rule((log, (add, x, 1.0)), lambda x: log1p(x), exact=False),
    Rule((log, (sub, 1.0, x)), lambda x: log1p(neg(x)), exact=False),
    Rule((log1p, (exp, x)), lambda x: softplus(x), exact=False),
    Rule((log1p, (neg, (sigmoid, x))), lambda x: neg(softplus(x)), exact=False),
    Rule((sub, (exp, x), 1.0), lambda x: expm1(x), exact=False),
    Rule((add, (exp, x), -1.0), lambda x: expm1(x), exact=False),
    Rule((sub, 1.0, (sigmoid, x)), lambda x: sigmoid(neg(x)), exact=False),
    Rule((div, 1.0, (add, (exp, (neg, x)), 1.0)), lambda x: sigmoid(x), exact=False),
    Rule((div, (exp, x), (add, (exp, x), 1.0)), lambda x: sigmoid(x), exact=False),
    # exp(x) * exp(-y) overflows where exp(x - y) need not
    Rule((mul, (exp, x), (exp, (neg, y))), lambda x, y: exp(sub(x, y)), exact=False),
)

"""`where`, and how a gradient stays finite beside the branch that was not taken.

Enters: handles. Leaves: handles. The gradient of where(x > 0, log(x), 0) at 0 is 0 * (1 / 0) = nan
if the chain rule is followed to the letter. So a cotangent that `where` zeroed keeps its condition
through elementwise rules:

    log's rule of where(c, g, 0)  ->  where(c, log's rule of g, 0)

Views move the condition too; a sum of parts that one condition zeroed keeps it (`accumulate`).
"""

from collections.abc import Collection
from functools import reduce
from typing import Any

import numpy as np

from graphc.errors import DTypeError
from graphc.graph import Node, Op
from graphc.lowering import Pointwise
from graphc.ops.checks import match_dtypes, match_shapes
from graphc.ops.constants import filled, is_zero
from graphc.ops.elementwise import Rule, elementwise
from graphc.ops.pieces import slice_
from graphc.ops.predicates import logical_and, not_
from graphc.ops.views import broadcast_to, reshape, transpose
from graphc.types import TensorType, bool_


def _infer_where(c: TensorType, a: TensorType, b: TensorType) -> TensorType:
    if c.dtype is not bool_:
        raise DTypeError("where: the condition is not a bool", got=str(c), fix="compare: c != 0")
    match_dtypes("where", a, b)
    match_shapes("where", a.shape, b.shape, c.shape)
    return a


def _vjp_where(g: Any, y: Any, c: Any, a: Any, b: Any) -> tuple[Any, ...]:
    return None, _kept(g, c), _kept(g, not_(c))


def _kept(g: Any, c: Any) -> Any:
    """g where c holds, else 0; the conditions of nested `where`s are joined, so masks stay flat."""
    before = zeroed(g)
    if before is not None:
        g, c = before[0], c if before[1].node is c.node else logical_and(before[1], c)
    return where(c, g, filled(g, 0))


# What takes elements to other places, conditions as well as cotangents.
_MOVES = (reshape, transpose, broadcast_to, slice_)


def zeroed(g: Any) -> tuple[Any, Any] | None:
    """(h, c) if g is where(c, h, 0) or where(not c, 0, h), or a view of that."""
    node, moves = g.node, []
    while node.op in _MOVES:
        moves.append(node)
        node = node.inputs[0]
    if node.op is not where:
        return None
    c, a, b = map(type(g), node.inputs)
    if is_zero(a.node):
        c, a, b = not_(c), b, a
    if not is_zero(b.node):
        return None
    for move in reversed(moves):
        c, a = move.op(c, **move.params), move.op(a, **move.params)
    return a, c


def accumulate(g: Any, h: Any) -> Any:
    """g + h for cotangents of one value: what one condition zeroed in both stays known as zero."""
    one, other = zeroed(g), zeroed(h)
    if one is None or other is None:
        return g + h
    if one[1].node is other[1].node:
        return _kept(one[0] + other[0], one[1])
    shared = _conjuncts(one[1].node, set(_conjuncts(other[1].node)))
    return _kept(g + h, reduce(logical_and, map(type(g), shared))) if shared else g + h


_CONJUNCTS = 16  # of one condition that are looked at: chains of `where` stay linear


def _conjuncts(c: Node, wanted: Collection[Node] = ()) -> list[Node]:
    """The conditions that hold where c does; the widest of those wanted, if any are named."""
    reached = [c]
    for node in reached:  # which grows meanwhile
        if node.op is logical_and and node not in wanted and len(reached) < _CONJUNCTS:
            reached.extend(node.inputs)
    return [node for node in reached if node in wanted] if wanted else reached


def keeping_masks(rule: Rule) -> Rule:
    """An elementwise rule that leaves the zeros of `where` zero, whatever its factors are."""

    def masked(g: Any, y: Any, *xs: Any, **params: Any) -> tuple[Any, ...]:
        mask = zeroed(g)
        if mask is None:
            return rule(g, y, *xs, **params)
        gradients = rule(mask[0], y, *xs, **params)
        return tuple(None if h is None else _kept(h, mask[1]) for h in gradients)

    return masked


where: Op = elementwise(
    "where",
    _infer_where,
    np.where,
    _vjp_where,
    Pointwise("select({0}, {1}, {2})"),
)

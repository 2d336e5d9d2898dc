"""The shape of every elementwise primitive: one element from one element of each operand.

Enters: a name, a NumPy function, a gradient rule, a line of the kernel language. Leaves: an Op.
Shapes are equal and dtypes as the primitive says; broadcasting and casting are primitives of
their own.
"""

import re
from collections.abc import Callable
from typing import Any

import numpy as np

from graphc.dims import DimLike
from graphc.errors import GraphError
from graphc.graph import Op
from graphc.lowering import Pointwise
from graphc.ops.checks import check_kind, equal_guards, match_dtypes, match_shapes
from graphc.ops.views import spread_all
from graphc.types import TensorType, bool_

Rule = Callable[..., tuple[Any, ...]]


def elementwise(
    name: str,
    infer: Callable[..., TensorType],
    eval: Callable[..., Any],
    vjp: Rule | None,
    lower: Pointwise,
) -> Op:
    """A primitive whose eval is silent about overflow and whose batch rule adds an axis.

    It takes as many operands as its text names.
    """
    arity = len(set(re.findall(r"\{\d\}", lower.text)))

    def checked(*xs: TensorType, **params: Any) -> TensorType:
        if len(xs) != arity:
            raise GraphError(f"{name}: the number of operands is {arity}", got=str(len(xs)))
        return infer(*xs, **params)

    def quiet(*xs: np.ndarray, **params: Any) -> Any:
        with np.errstate(all="ignore"):
            return eval(*xs, **params)

    def batch(size: DimLike, batched: tuple[bool, ...], *xs: Any, **params: Any) -> Any:
        return op(*spread_all(size, batched, xs), **params)

    def guards(*xs: TensorType, **params: Any) -> Any:
        return equal_guards(name, *(x.shape for x in xs))

    op = Op(name, checked, quiet, vjp, batch, lower, guards)
    return op


def like_operands(name: str, kinds: str) -> Callable[..., TensorType]:
    """The type rule of operands of one type, and a result of that type."""

    def infer(x: TensorType, *others: TensorType) -> TensorType:
        check_kind(name, kinds, x)
        if others:
            match_dtypes(name, x, *others)
            match_shapes(name, x.shape, *(other.shape for other in others))
        return x

    return infer


def predicate(name: str, eval: Callable[..., Any], text: str, kinds: str, cost: int = 1) -> Op:
    """A question about operands of one type: a bool, which has no gradient."""
    check = like_operands(name, kinds)

    def infer(*xs: TensorType) -> TensorType:
        return TensorType(bool_, check(*xs).shape)

    return elementwise(name, infer, eval, None, Pointwise(text, cost))

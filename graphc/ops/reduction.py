"""Reductions along `axes`, which leave the shape. (`sum_` stands in views: broadcasting needs it.)

Enters: a handle and `axes`, sorted and non-negative. Leaves: a handle. Ties of max and min share
the cotangent evenly; nan propagates; argmax and argmin take the first of equals, or the first nan.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from graphc.dims import DimLike, Guard, bounds
from graphc.errors import ShapeError
from graphc.graph import Op, no_guards
from graphc.lowering import Combine, Reduce
from graphc.ops.checks import BOOL, NUMERIC, check_kind, reduced
from graphc.ops.constants import filled
from graphc.ops.elementwise import Rule
from graphc.ops.pointwise import cast
from graphc.ops.selection import where
from graphc.ops.views import expand, sum_
from graphc.types import TensorType, int64

Axes = tuple[int, ...]


def reduction(
    name: Combine,
    eval: Callable[..., Any],
    vjp: Rule | None,
    kinds: str,
    guards: Callable[..., tuple[Guard, ...]] = no_guards,
) -> Op:
    """A reduction that keeps the dtype."""

    def infer(x: TensorType, axes: Axes) -> TensorType:
        check_kind(name, kinds, x)
        shape = reduced(name, x, axes)
        if guards is not no_guards:
            _check_filled(name, x, axes)
        return TensorType(x.dtype, shape)

    def batch(size: DimLike, batched: Any, x: Any, axes: Axes) -> Any:
        return op(x, axes=tuple(axis + 1 for axis in axes))

    op = Op(name, infer, eval, vjp, batch, Reduce(name), guards)
    return op


def _check_filled(name: str, x: TensorType, axes: Axes) -> None:
    if any(x.shape[axis] == 0 for axis in axes):
        raise ShapeError(f"{name}: of no elements", got=f"{x}, axes {axes}")


def _guard_filled(name: str) -> Callable[..., tuple[Guard, ...]]:
    def guards(x: TensorType, axes: Axes) -> tuple[Guard, ...]:
        unproven = (x.shape[axis] for axis in axes if bounds(x.shape[axis])[0] < 1)
        return tuple(Guard("positive", dim, 0, f"{name}: of no elements: {x}") for dim in unproven)

    return guards


def _vjp_extreme(g: Any, y: Any, x: Any, axes: Axes) -> tuple[Any, ...]:
    hit = x == expand(y, axes, x.shape)
    ties = sum_(cast(hit, dtype=x.dtype), axes=axes)
    # A nan is equal to none, and none has a share. (A maximum would cost three times as much.)
    share = g / where(ties == filled(ties, 0), filled(ties, 1), ties)
    return (where(hit, expand(share, axes, x.shape), filled(x, 0)),)


def _vjp_prod(g: Any, y: Any, x: Any, axes: Axes) -> tuple[Any, ...]:
    """The product of the others, for each element.

    That is y / x where x is not 0. The only 0 gets the product of the rest; of two, each gets
    that times the other, which is 0 but has a derivative. Three or more get 0, and so do their
    first derivatives: right to second order.
    """

    def total(value: Any) -> Any:
        return expand(sum_(value, axes=axes), axes, x.shape)

    zero, nothing = x == 0, filled(x, 0)
    rest = where(zero, filled(x, 1), x)
    product = expand(prod(rest, axes=axes), axes, x.shape)
    zeros = total(cast(zero, dtype=x.dtype))
    other = total(where(zero, x, nothing)) - x
    at_zero = where(zeros == 1, product, where(zeros == 2, product * other, nothing))
    others = where(zero, at_zero, expand(y, axes, x.shape) / rest)
    return (expand(g, axes, x.shape) * others,)


def _eval_prod(x: np.ndarray, axes: Axes) -> Any:
    with np.errstate(all="ignore"):
        return np.prod(x, axis=axes, dtype=x.dtype)


def _eval_max(x: np.ndarray, axes: Axes) -> Any:
    with np.errstate(all="ignore"):
        return np.max(x, axis=axes)


def _eval_min(x: np.ndarray, axes: Axes) -> Any:
    with np.errstate(all="ignore"):
        return np.min(x, axis=axes)


prod: Op = reduction("prod", _eval_prod, _vjp_prod, NUMERIC)
max_: Op = reduction("max", _eval_max, _vjp_extreme, NUMERIC, _guard_filled("max"))
min_: Op = reduction("min", _eval_min, _vjp_extreme, NUMERIC, _guard_filled("min"))
any_: Op = reduction("any", lambda x, axes: np.any(x, axis=axes), None, BOOL)
all_: Op = reduction("all", lambda x, axes: np.all(x, axis=axes), None, BOOL)


def _position(name: Combine, eval: Callable[..., Any]) -> Op:
    """The int64 position of the extreme along the one axis of `axes`."""

    def infer(x: TensorType, axes: Axes) -> TensorType:
        check_kind(name, NUMERIC, x)
        if len(axes) != 1:
            raise ShapeError(f"{name}: one axis is needed", got=str(axes))
        _check_filled(name, x, axes)
        return TensorType(int64, reduced(name, x, axes))

    def batch(size: DimLike, batched: Any, x: Any, axes: Axes) -> Any:
        return op(x, axes=(axes[0] + 1,))

    def evaluate(x: np.ndarray, axes: Axes) -> Any:
        return eval(x, axis=axes[0]).astype(np.int64)

    op = Op(name, infer, evaluate, None, batch, Reduce(name), _guard_filled(name))
    return op


argmax: Op = _position("argmax", np.argmax)
argmin: Op = _position("argmin", np.argmin)

__all__ = ["all_", "any_", "argmax", "argmin", "max_", "min_", "prod", "sum_"]

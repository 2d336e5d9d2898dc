"""Checking gradients against finite differences, in float64, on the reference interpreter.

Enters: a function of tensors and the arrays to try it at. Leaves: nothing, or a GradientError that
says which element of which argument is wrong, and by how much.

>>> import numpy as np, graphc as gx
>>> check_gradient(lambda x: gx.sin(x) * x, [np.array([0.3, -1.2])])
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from graphc.autodiff.reverse import gradients, zeros_for
from graphc.errors import GradientError
from graphc.evaluate import evaluate
from graphc.functions.tensor import Tensor
from graphc.graph import INPUT, constant, make
from graphc.ops import add, cast, mul, sum_
from graphc.refusals import accepted
from graphc.tree import flatten
from graphc.types import TensorType, as_dtype, float64
from graphc.values import array_of

_STEP = 2.0**-10  # of a fourth-order formula: its error and the rounding are both near 1e-12
_DIRECTIONS = 3


def check_gradient(
    f: Callable[..., Any],
    arrays: Sequence[Any],
    order: int = 2,
    tolerance: float = 1e-6,
    seed: int = 0,
) -> None:
    """Compares the gradient rules behind f with finite differences, up to that order.

    Floating arrays are taken as float64 and differentiated by; others are passed on. f returns a
    tensor or a tree of tensors; it must be smooth near the arrays. The outputs are weighted at
    random, so that no error cancels. Raises GradientError where derivative and difference differ
    by more than tolerance * (1 + the largest derivative), DTypeError for lists of unequal lengths.
    """
    if not callable(f):
        raise GradientError(
            "check_gradient takes a function of tensors, and arrays for it",
            got=type(f).__name__,
            fix="check_gradient(lambda w: (w * w).sum(), [array])",
        )
    if not isinstance(arrays, list | tuple):
        raise GradientError(
            "check_gradient: arrays has one for each argument of the function",
            got=type(arrays).__name__,
            fix="give a list: check_gradient(f, [array])",
        )
    rng = np.random.default_rng(seed)
    values = [_as_float64(array, f"argument {i}") for i, array in enumerate(arrays)]
    inputs = [_input(f"argument {i}", value) for i, value in enumerate(values)]
    wrt = [x for x in inputs if x.node.type.dtype.kind == "f"]
    outputs = [y for y in flatten(accepted(f, inputs))[0] if y.node.type.dtype.kind == "f"]
    for number in range(1, order + 1):
        loss = _weighted(outputs, rng)
        slopes = [
            zeros_for(g, x)
            for g, x in zip(gradients([loss], [_scalar(1.0)], wrt), wrt, strict=True)
        ]
        _compare(loss, slopes, wrt, inputs, values, number, tolerance, rng)
        outputs = slopes


def _as_float64(array: Any, what: str) -> np.ndarray:
    value = array_of(array, f"check_gradient: {what}")
    return value.astype(np.float64) if value.dtype.kind == "f" else value


def _input(name: str, value: np.ndarray) -> Tensor:
    type = TensorType(as_dtype(value.dtype), value.shape)
    return Tensor(make(INPUT, (), {"name": name, "type": type}))


def _scalar(value: float) -> Tensor:
    return Tensor(constant(np.array(value), TensorType(float64, ())))


def _weighted(outputs: Sequence[Tensor], rng: "np.random.Generator") -> Tensor:
    total = _scalar(0.0)
    for y in outputs:
        sizes = tuple(int(size) for size in y.shape)
        weights = Tensor(constant(rng.uniform(0.5, 1.5, sizes), TensorType(float64, y.shape)))
        weighted = mul(cast(y, dtype=float64) if y.dtype is not float64 else y, weights)
        axes = tuple(range(len(y.shape)))
        total = add(total, sum_(weighted, axes=axes) if axes else weighted)
    return total


def _compare(
    loss: Tensor,
    slopes: Sequence[Tensor],
    wrt: Sequence[Tensor],
    inputs: Sequence[Tensor],
    values: Sequence[np.ndarray],
    number: int,
    tolerance: float,
    rng: "np.random.Generator",
) -> None:
    fed = {x.node: value for x, value in zip(inputs, values, strict=True)}
    found = evaluate([slope.node for slope in slopes], fed)
    scale = 1.0 + max((float(np.abs(g).max(initial=0.0)) for g in found), default=0.0)
    for x, slope in zip(wrt, found, strict=True):
        for direction in _directions(slope.shape, rng):
            with np.errstate(all="ignore"):
                rule = float(np.sum(slope * direction))
            difference = _difference(loss, fed, x, direction)
            if not abs(rule - difference) <= tolerance * scale:
                raise _wrong(x, direction, rule, difference, number)


def _directions(shape: tuple[int, ...], rng: "np.random.Generator") -> list[np.ndarray]:
    # Few elements: each by itself, so that the message can name one. Many: random mixtures.
    size = int(np.prod(shape))
    if size > 12:
        return [rng.uniform(-1.0, 1.0, shape) for _ in range(_DIRECTIONS)]
    return [row.reshape(shape) for row in np.eye(size)]


def _difference(loss: Tensor, fed: dict[Any, np.ndarray], x: Tensor, v: np.ndarray) -> float:
    def at(step: float) -> float:
        (value,) = evaluate([loss.node], {**fed, x.node: fed[x.node] + step * v})
        return float(value)

    near, far = at(_STEP) - at(-_STEP), at(2 * _STEP) - at(-2 * _STEP)
    return (8 * near - far) / (12 * _STEP)


def _wrong(
    x: Tensor, direction: np.ndarray, rule: float, difference: float, number: int
) -> GradientError:
    name = x.node.params["name"]
    places = np.argwhere(direction)
    which = f" at {places[0].tolist()}" if len(places) == 1 else ", along a random direction,"
    return GradientError(
        f"derivative {number} by {name}{which} is wrong",
        got=f"the rules give {rule:.9g}, finite differences give {difference:.9g}",
        fix="check the vjp of the primitives that the function uses, and that it is smooth there",
    )

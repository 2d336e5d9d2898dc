"""Derivatives and batching as users call them: of tensors, and of Python functions.

Enters: tensors, or a function. Leaves: tensors; or a function that gives tensors for tensors, and
for arrays compiles itself and runs.

>>> import numpy as np
>>> def objective(p, x):
...     return ((x @ p["w"] - 1.0) ** 2).sum()
>>> value, grads = value_and_grad(objective)({"w": np.ones(2, "float32")}, np.eye(2, dtype="f"))
>>> value, grads
(np.float32(0.0), {'w': array([0., 0.], dtype=float32)})
"""

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar, overload

from graphc.autodiff import forward, reverse
from graphc.autodiff.vmap import Axes, placeholder
from graphc.autodiff.vmap import vmap as batch_tensors
from graphc.errors import GradientError
from graphc.functions.creation import as_tensor
from graphc.functions.tensor import Tensor
from graphc.graph import Node, substitute
from graphc.jit import Jitted, jit
from graphc.tree import flatten, tree_map, unflatten

T = TypeVar("T")
Numbers = int | Sequence[int]
Derive = Callable[[Any, Any, Any], Any]  # outputs, what they are differentiated by, directions


# ---- gradients ----


@overload
def grad(loss: Tensor, wrt: T) -> T: ...
@overload
def grad(loss: Callable[..., Any], argnums: Numbers = 0, has_aux: bool = False) -> Jitted: ...
def grad(loss: Any, *args: Any, **options: Any) -> Any:
    """The gradient of a floating scalar by each tensor of the tree `wrt`: a tree like it.

    What the loss does not depend on gets zeros. Of a function: the function that gives its
    gradient by argument number `argnums`, or by several as a tuple; with has_aux the function
    returns (loss, more) and the result is (gradient, more). Raises GradientError for a loss that is
    no floating scalar, and for integers and booleans, which have no gradient.

    >>> import graphc as gx
    >>> x = gx.input("x", ("n",))
    >>> gx.grad(gx.sum(x * x), x).eval({x: [1, 2]})
    array([2., 4.], dtype=float32)
    >>> gx.grad(lambda x, y: x * y, argnums=(0, 1))(2.0, 3.0)
    (np.float32(3.0), np.float32(2.0))
    """
    if not _is_function(loss):
        return reverse.grad(loss, *args, **options)
    return _transformed(loss, _grad_of, *args, **options)


@overload
def value_and_grad(loss: Tensor, wrt: T) -> tuple[Tensor, T]: ...
@overload
def value_and_grad(
    loss: Callable[..., Any], argnums: Numbers = 0, has_aux: bool = False
) -> Jitted: ...
def value_and_grad(loss: Any, *args: Any, **options: Any) -> Any:
    """The loss and what `grad` gives. With has_aux the result is ((loss, more), gradient).

    >>> import graphc as gx
    >>> gx.value_and_grad(lambda x: x**3)(2.0)
    (np.float32(8.0), np.float32(12.0))
    """
    if not _is_function(loss):
        return reverse.value_and_grad(loss, *args, **options)
    return _transformed(loss, _value_and_grad_of, *args, **options)


def _grad_of(loss: Any, wrt: Any, rest: "_Rest") -> Any:
    gradient = reverse.grad(as_tensor(loss), wrt)
    return (gradient, rest.aux) if rest.has_aux else gradient


def _value_and_grad_of(loss: Any, wrt: Any, rest: "_Rest") -> Any:
    value, gradient = reverse.value_and_grad(as_tensor(loss), wrt)
    return ((value, rest.aux) if rest.has_aux else value), gradient

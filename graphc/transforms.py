"""Derivatives and batching as users call them: of tensors, and of Python functions.

Enters: tensors, or a function. Leaves: tensors; or a function that builds tensors from tensors, and
that compiles itself and runs where it is given arrays.

>>> import numpy as np
>>> def objective(p, x):
...     return ((x @ p["w"] - 1.0) ** 2).sum()
>>> value_and_grad(objective)({"w": np.ones(2, "f")}, 2 * np.eye(2, dtype="f"))
(np.float32(2.0), {'w': array([4., 4.], dtype=float32)})
"""

import functools
import reprlib
from collections.abc import Callable, Sequence
from typing import Any, TypeVar, overload

import numpy as np

from graphc.autodiff import forward, reverse
from graphc.autodiff.vmap import Axes, placeholder
from graphc.autodiff.vmap import vmap as batched
from graphc.errors import GradientError, MissingInputError
from graphc.functions.creation import as_tensor, asarray
from graphc.functions.tensor import Tensor
from graphc.graph import Node, substitute
from graphc.jit import Jitted, check_function, jit
from graphc.refusals import accepted, explaining
from graphc.tree import alike, flatten, tree_map, unflatten

T = TypeVar("T")
Function = Callable[..., Any]
Places = int | Sequence[int]


@overload
def grad(loss: Tensor, wrt: T) -> T: ...
@overload
def grad(loss: Function, argnums: Places = 0, has_aux: bool = False) -> Jitted: ...
def grad(loss: Any, *args: Any, **options: Any) -> Any:
    """The gradient of a floating scalar by each tensor of the tree `wrt`: a tree like it.

    What the loss does not depend on gets zeros. Of a function: the function that gives the gradient
    of its result by argument `argnums`, or by several as a tuple; with has_aux the function returns
    (loss, more), its gradient (gradient, more). Raises GradientError for a loss that is no floating
    scalar, and for integers and booleans, which have no gradient.

    >>> import graphc as gx
    >>> x = gx.input("x", ("n",))
    >>> gx.grad(gx.sum(x * x), x).eval({x: [1, 2]})
    array([2., 4.], dtype=float32)
    >>> gx.grad(lambda x, y: x * y, argnums=(0, 1))(2.0, 3.0)
    (np.float32(3.0), np.float32(2.0))
    """
    if not callable(loss):
        return _of_tensors(reverse.grad, loss, args, options)
    chosen = _chosen("grad", args, options)
    return _transformed(lambda y, wrt: reverse.grad(_loss(y), wrt), loss, *chosen)


@overload
def value_and_grad(loss: Tensor, wrt: T) -> tuple[Tensor, T]: ...
@overload
def value_and_grad(loss: Function, argnums: Places = 0, has_aux: bool = False) -> Jitted: ...
def value_and_grad(loss: Any, *args: Any, **options: Any) -> Any:
    """The loss and what `grad` gives. Of a function with has_aux: ((loss, more), gradient).

    >>> import graphc as gx
    >>> gx.value_and_grad(lambda x: x**3)(2.0)
    (np.float32(8.0), np.float32(12.0))
    """
    if not callable(loss):
        return _of_tensors(reverse.value_and_grad, loss, args, options)
    return _transformed(_value_and_grad, loss, *_chosen("value_and_grad", args, options))


def _value_and_grad(y: Any, wrt: Any) -> tuple[Tensor, Any]:
    return reverse.value_and_grad(_loss(y), wrt)


def _loss(y: Any) -> Tensor:
    if isinstance(y, Tensor | bool | int | float | np.bool_ | np.number | np.ndarray):
        return as_tensor(y)
    raise GradientError(
        "grad: the function returns no tensor",
        got=type(y).__name__,
        fix="return the loss alone, or (loss, more) with has_aux=True",
    )


@overload
def vjp(outputs: Function, argnums: Places = 0, has_aux: bool = False) -> Jitted: ...
@overload
def vjp(outputs: Any, wrt: T, cotangents: Any) -> T: ...
def vjp(outputs: Any, *args: Any, **options: Any) -> Any:
    """The vector-Jacobian product: the gradient by `wrt` of the sum of outputs * cotangents.

    `cotangents` is a tree like `outputs`. Of a function: a function that takes them as the keyword
    `cotangents`.

    >>> import graphc as gx
    >>> gx.vjp(lambda x: [x * 2, x * 3])(1.0, cotangents=[10.0, 1.0])
    np.float32(23.0)
    """
    if not callable(outputs):
        return _of_tensors(reverse.vjp, outputs, args, options)

    def derive(y: Any, wrt: Any, directions: Any) -> Any:
        ys = tree_map(as_tensor, y)
        return reverse.vjp(ys, wrt, _like("cotangents", ys, directions))

    chosen = _chosen("vjp", args, options, "cotangents")
    return _transformed(derive, outputs, *chosen, directions="cotangents")


@overload
def jvp(outputs: Function, argnums: Places = 0, has_aux: bool = False) -> Jitted: ...
@overload
def jvp(outputs: T, wrt: Any, tangents: Any) -> T: ...
def jvp(outputs: Any, *args: Any, **options: Any) -> Any:
    """The Jacobian-vector product: how `outputs` change as `wrt` moves along `tangents`.

    `tangents` is a tree like `wrt`. Of a function: a function that takes them as the keyword
    `tangents`.

    >>> import graphc as gx
    >>> gx.jvp(lambda x: x * x)(3.0, tangents=1.0)
    np.float32(6.0)
    """
    if not callable(outputs):
        return _of_tensors(forward.jvp, outputs, args, options)

    def derive(y: Any, wrt: Any, directions: Any) -> Any:
        return forward.jvp(tree_map(as_tensor, y), wrt, _like("tangents", wrt, directions))

    chosen = _chosen("jvp", args, options, "tangents")
    return _transformed(derive, outputs, *chosen, directions="tangents")


def _like(what: str, tree: Any, directions: Any) -> Any:
    """The directions as tensors of the dtypes of a tree; GradientError for another tree."""
    wanted, given = flatten(tree)[1], flatten(directions)[1]
    if not alike(wanted, given):
        raise GradientError(
            f"{what} are no tree like what they belong to",
            got=f"{given} for {wanted}",
            fix=f"{what}= has an array for each leaf of {wanted}",
        )
    return tree_map(lambda x, d: as_tensor(d).astype(x.dtype), tree, directions)


@overload
def jacobian(output: Tensor, wrt: Any) -> Any: ...
@overload
def jacobian(output: Function, argnums: Places = 0, has_aux: bool = False) -> Jitted: ...
def jacobian(output: Any, *args: Any, **options: Any) -> Any:
    """The derivative of every element of `output` by every element of `wrt`, a tree like `wrt`.

    A leaf of shape s gives a tensor of shape output.shape + s.

    >>> import numpy as np
    >>> import graphc as gx
    >>> gx.jacobian(lambda x: x * x)(np.array([1.0, 2.0]))
    array([[2., 0.],
           [0., 4.]])
    """
    if not callable(output):
        return _of_tensors(forward.jacobian, output, args, options)
    chosen = _chosen("jacobian", args, options)
    return _transformed(lambda y, wrt: forward.jacobian(as_tensor(y), wrt), output, *chosen)


@overload
def hessian(loss: Tensor, wrt: Any) -> Any: ...
@overload
def hessian(loss: Function, argnums: Places = 0, has_aux: bool = False) -> Jitted: ...
def hessian(loss: Any, *args: Any, **options: Any) -> Any:
    """The second derivatives of a floating scalar: for each leaf of `wrt`, a tree like `wrt`.

    >>> import numpy as np
    >>> import graphc as gx
    >>> gx.hessian(lambda x: gx.sum(x**3))(np.array([1.0, 2.0]))
    array([[ 6.,  0.],
           [ 0., 12.]])
    """
    if not callable(loss):
        return _of_tensors(forward.hessian, loss, args, options)
    chosen = _chosen("hessian", args, options)
    return _transformed(lambda y, wrt: forward.hessian(_loss(y), wrt), loss, *chosen)


def vmap(f: Function, in_axes: Axes = 0, out_axes: Axes = 0) -> Jitted:
    """f over a batch: `in_axes` says which axis of each argument counts examples, None for none.

    An int stands for every leaf of its argument; a tuple has an entry an argument; a tree like
    the argument has one a leaf. `out_axes` says the same of the results.

    >>> import numpy as np
    >>> import graphc as gx
    >>> gx.vmap(lambda x, y: gx.sum(x * y), in_axes=(0, None))(np.eye(2), np.array([3.0, 4.0]))
    array([3., 4.])
    """
    check_function("vmap", f)
    inner = batched(f, in_axes, out_axes)

    @functools.wraps(f, updated=())  # not the state of a Jitted
    def of_batch(*args: Any) -> Any:
        return inner(*tree_map(as_tensor, args))

    return jit(of_batch)


def _of_tensors(
    derive: Callable[..., Any], y: Any, args: tuple[Any, ...], options: dict[str, Any]
) -> Any:
    return explaining(derive, f"graphc.{derive.__name__}")(y, *args, **options)


# ---- functions ----


def _transformed(
    derive: Callable[..., Any],
    f: Function,
    argnums: Places,
    has_aux: bool,
    directions: str = "",
) -> Jitted:
    """The function that calls f and derives its result by the chosen arguments.

    They are stood in for while f is called: what f reads elsewhere is constant to it, be it the
    same tensor.
    """

    @functools.wraps(f, updated=())  # not the state of a Jitted
    def derived(*args: Any, **options: Any) -> Any:
        along = [_taken(options, directions)] if directions else []
        places = _places(argnums, len(args))
        chosen, stands_for = _stand_ins([args[n] for n in places])
        wrt = tuple(chosen) if isinstance(argnums, Sequence) else chosen[0]
        placed = dict(zip(places, chosen, strict=True))
        result = accepted(f, [placed.get(n, a) for n, a in enumerate(args)], options)
        value, aux = _pair(result) if has_aux else (result, None)
        found = derive(value, wrt, *along)
        if has_aux:
            pair = derive is _value_and_grad
            found = ((found[0], aux), found[1]) if pair else (found, aux)
        return _with_arguments(found, stands_for)

    return jit(derived)


def _pair(result: Any) -> tuple[Any, Any]:
    if isinstance(result, tuple | list) and len(result) == 2:
        return result[0], result[1]
    raise GradientError(
        "has_aux=True is for a function that returns (loss, more)",
        got=" ".join(reprlib.repr(result).split())[:60],
        fix="return loss, more; or leave has_aux out",
    )


def _taken(options: dict[str, Any], name: str) -> Any:
    if name not in options:
        raise MissingInputError(f"{name} were not given", fix=f"add {name}=...")
    return options.pop(name)


def _chosen(
    what: str, args: tuple[Any, ...], options: dict[str, Any], directions: str = ""
) -> tuple[Places, bool]:
    """argnums and has_aux, as they were given beside a function."""
    given = {**dict(zip(("argnums", "has_aux"), args, strict=False)), **options}
    argnums, has_aux = given.pop("argnums", 0), given.pop("has_aux", False)
    numbers = argnums if isinstance(argnums, Sequence) else [argnums]
    fits = all(isinstance(n, int | np.integer) and not isinstance(n, bool) for n in numbers)
    if fits and isinstance(has_aux, bool) and not given and len(args) <= 2:
        return argnums, has_aux
    along = f", {directions}=..." if directions else ""
    shown = [_brief(value) for value in args] + [f"{n}={_brief(v)}" for n, v in options.items()]
    raise GradientError(
        f"{what} of a function takes argnums, an int or a tuple of ints, and has_aux, a bool",
        got=", ".join(shown),
        fix=f"graphc.{what}(f, argnums=0)(x{along}): the values are given to the result",
    )


def _brief(value: Any) -> str:
    """A value that is a word, else its type."""
    plain = isinstance(value, bool | int | float | str | tuple) and len(repr(value)) < 20
    return repr(value) if plain else type(value).__name__


def _places(argnums: Places, count: int) -> list[int]:
    """The chosen arguments of `count`, counted from the first."""
    numbers = argnums if isinstance(argnums, Sequence) else [argnums]
    for n in numbers:
        if not -count <= n < count:
            raise GradientError(
                f"there is no argument {n}",
                got=f"{count} arguments",
                fix=f"argnums go from {-count} to {count - 1}; arguments by name are not counted"
                if count
                else "give by place what is differentiated by: arguments by name are not counted",
            )
    places = [int(n) % count for n in numbers]
    if len(set(places)) < len(places):
        raise GradientError(
            "argnums names an argument twice",
            got=f"{numbers} of {count} arguments",
            fix="name each once",
        )
    return places


def _stand_ins(arguments: list[Any]) -> tuple[list[Any], dict[Node, Node]]:
    """Trees of new inputs like the arguments, and what the inputs stand for."""
    tensors = tree_map(_tensor, arguments)
    given, structure = reverse.differentiable_leaves(tensors, "an argument")
    inner = [placeholder(tensor.node.type) for tensor in given]
    stands_for = {i.node: g.node for i, g in zip(inner, given, strict=True)}
    return unflatten(structure, inner), stands_for


def _tensor(leaf: Any) -> Tensor:
    """A tensor from a leaf of an argument: arrays keep their dtype."""
    plain = isinstance(leaf, Tensor) or type(leaf) in (bool, int, float)
    return asarray(leaf) if plain else asarray(leaf, np.asarray(leaf).dtype)


def _with_arguments(tree: Any, stands_for: dict[Node, Node]) -> Any:
    leaves, structure = flatten(tree)
    tensors = [leaf for leaf in leaves if isinstance(leaf, Tensor)]
    new = iter(substitute([tensor.node for tensor in tensors], stands_for))
    return unflatten(structure, [Tensor(next(new)) if isinstance(x, Tensor) else x for x in leaves])

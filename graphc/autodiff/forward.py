"""Forward mode and whole Jacobians, made of reverse mode.

Enters: tensors that have been computed, tensors to differentiate by. Leaves: tensors.
A vjp is linear in its cotangents: the vjp of that linear map is the jvp, so that no primitive
needs a second rule. A Jacobian is the vjp of every row of the identity, batched by vmap.

>>> import graphc as gx
>>> x, v = gx.input("x", ("n",)), gx.input("v", ("n",))
>>> jvp(gx.sin(x), x, v).shape, jacobian(gx.sin(x), x).shape
((n,), (n, n))
"""

from typing import Any

from graphc.autodiff.reverse import (
    differentiable_leaves,
    grad,
    gradients,
    zeros_for,
)
from graphc.autodiff.vmap import placeholder, push_batch
from graphc.dims import product
from graphc.errors import GradientError, ShapeError
from graphc.functions.tensor import Tensor
from graphc.graph import make, substitute
from graphc.ops import cast, eq, filled, iota, reshape
from graphc.tree import tree_map, unflatten
from graphc.types import int64


def jvp(outputs: Any, wrt: Any, tangents: Any) -> Any:
    """The Jacobian-vector product: how the outputs change as `wrt` moves along `tangents`.

    `wrt` and `tangents` are trees of one structure with equal shapes and dtypes, leaf by leaf;
    the result is a tree like `outputs`.
    """
    ys, structure = differentiable_leaves(outputs, "outputs")
    xs, _ = differentiable_leaves(wrt, "wrt")
    ts, _ = differentiable_leaves(tangents, "tangents")
    if [x.node.type for x in xs] != [t.node.type for t in ts]:
        raise ShapeError(
            "jvp: a tangent has the shape and dtype of its tensor",
            got=f"{[t.node.type for t in ts]} for {[x.node.type for x in xs]}",
            fix="graphc.ones_like(x) moves every element",
        )
    cotangents = [placeholder(y.node.type) for y in ys]
    pulled = gradients(ys, cotangents, xs)
    paths = [(g, t) for g, t in zip(pulled, ts, strict=True) if g is not None]
    pushed = gradients([g for g, _ in paths], [t for _, t in paths], cotangents)
    moved = [zeros_for(p, y) for p, y in zip(pushed, ys, strict=True)]
    # The map is linear: any cotangent gives the same derivative where a rule still mentions it.
    zeros = {u.node: filled(u, 0.0).node for u in cotangents}
    return unflatten(structure, [Tensor(n) for n in substitute([m.node for m in moved], zeros)])


def jacobian(output: Tensor, wrt: Any) -> Any:
    """The derivative of every element of `output` by every element of `wrt`.

    A tree like `wrt`; a leaf of shape s gives a tensor of shape output.shape + s.
    """
    (y,), _ = differentiable_leaves([output], "output")
    xs, structure = differentiable_leaves(wrt, "wrt")
    row = placeholder(y.node.type)
    found = [zeros_for(g, x) for g, x in zip(gradients([y], [row], xs), xs, strict=True)]
    rows = product(y.shape)
    batched = push_batch(found, {row.node: _identity(y)}, rows)
    shaped = [reshape(g, shape=(*y.shape, *x.shape)) for g, x in zip(batched, xs, strict=True)]
    return unflatten(structure, shaped)


def hessian(loss: Tensor, wrt: Any) -> Any:
    """The second derivatives of a floating scalar: for each leaf of `wrt`, a tree like `wrt`.

    For a single tensor of shape s, a tensor of shape s + s.
    """
    if loss.shape != ():
        raise GradientError(
            "hessian: the loss is not a scalar",
            got=str(loss.node.type),
            fix="reduce it: loss.sum() or loss.mean()",
        )
    return tree_map(lambda g: jacobian(g, wrt), grad(loss, wrt))


def _identity(y: Tensor) -> Tensor:
    # Row i is 1 at the i-th element of y, 0 elsewhere.
    count = product(y.shape)
    places = [
        Tensor(make(iota, (), {"shape": (count, count), "axis": axis, "dtype": int64}))
        for axis in (0, 1)
    ]
    return reshape(cast(eq(*places), dtype=y.dtype), shape=(count, *y.shape))

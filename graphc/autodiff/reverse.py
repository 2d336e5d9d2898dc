"""Reverse mode: gradients as graphs.

Enters: tensors that have been computed, and tensors to differentiate by. Leaves: tensors of the
same shapes. What is computed is stabilised first: log(sigmoid(x)) is differentiated as what it
will run as, so that its gradient is finite wherever it is. Only nodes between the two are visited;
each node made here carries the line and, as its `source`, the forward node whose rule made it.

>>> import graphc as gx
>>> x = gx.input("x", ("n",))
>>> print(gx.text(grad((x * x).sum(), x)))
x: f32[n] = input()
<BLANKLINE>
# gradient
%0: f32[n] = broadcast_to(1.0:f32, shape=(n,))
%1: f32[n] = mul(%0, x)
%2: f32[n] = add(%1, %1)
return %2
"""

import reprlib
from collections.abc import Sequence
from typing import Any, TypeVar

from graphc.errors import GradientError, ShapeError
from graphc.functions.tensor import Tensor
from graphc.graph import STATE, Node, described, order, provenance
from graphc.ops import accumulate, filled, reshape
from graphc.passes import stabilise
from graphc.tree import alike, flatten, unflatten

T = TypeVar("T")


def grad(loss: Tensor, wrt: T) -> T:
    """The gradient of a floating scalar by each tensor of the tree `wrt`: a tree like it.

    What the loss does not depend on gets zeros. Raises GradientError for a loss that is no
    floating scalar, and for tensors that have no gradient: integers and booleans.
    """
    return value_and_grad(loss, wrt)[1]


def value_and_grad(loss: Tensor, wrt: T) -> tuple[Tensor, T]:
    """The loss and what `grad` gives."""
    _check_loss(loss)
    return loss, vjp(loss, wrt, filled(loss, 1.0))


def vjp(outputs: Any, wrt: T, cotangents: Any) -> T:
    """The vector-Jacobian product: the gradient by `wrt` of the sum of outputs * cotangents.

    `outputs` and `cotangents` are trees of one structure with equal shapes and dtypes, leaf by
    leaf; the result is a tree like `wrt`. Raises GradientError as `grad` does, ShapeError for
    cotangents of another type than their outputs.
    """
    targets, structure = differentiable_leaves(wrt, "wrt")
    found = gradients(*_matching(outputs, cotangents), targets)
    return unflatten(structure, [zeros_for(g, w) for g, w in zip(found, targets, strict=True)])


def zeros_for(gradient: Tensor | None, like: Tensor) -> Tensor:
    """The gradient, or zeros where there is no path."""
    return filled(like, 0.0) if gradient is None else gradient


def gradients(
    outputs: Sequence[Tensor], cotangents: Sequence[Tensor], wrt: Sequence[Tensor]
) -> list[Tensor | None]:
    """The gradient by each tensor of `wrt`; None where no output depends on it.

    The outputs are stabilised down to the tensors of `wrt`, which stay what they are.
    """
    targets = {w.node for w in wrt}
    stable = stabilise([output.node for output in outputs], targets)
    nodes = _between(stable, targets)
    inside = set(nodes)
    parts: dict[Node, list[Tensor]] = {node: [] for node in nodes}
    found: dict[Node, Tensor] = {}
    for output, cotangent in zip(stable, cotangents, strict=True):
        if output in inside:
            parts[output].append(cotangent)
    for node in reversed(nodes):
        total = _total(node, parts.pop(node))
        if total is None:
            continue
        if node in targets:
            found[node] = total
        for operand, part in _pulled_back(node, total, inside):
            parts[operand].append(part)
    return [found.get(w.node) for w in wrt]


def _between(outputs: Sequence[Node], targets: set[Node]) -> list[Node]:
    # The floating nodes that outputs reach and that reach a target, operands first.
    inside: set[Node] = set()
    result: list[Node] = []
    for node in order(outputs):
        depends = node in targets or not inside.isdisjoint(node.inputs)
        if depends and node.type.dtype.kind == "f":
            inside.add(node)
            result.append(node)
    return result


def _total(node: Node, parts: list[Tensor]) -> Tensor | None:
    # A balanced tree: the sum of k parts is log2(k) deep, and always in the same order.
    with provenance(node.where, node):
        while len(parts) > 1:
            pairs = [accumulate(*parts[i : i + 2]) for i in range(0, len(parts) - 1, 2)]
            parts = pairs + parts[len(parts) // 2 * 2 :]
    return parts[0] if parts else None


def _pulled_back(node: Node, total: Tensor, inside: set[Node]) -> list[tuple[Node, Tensor]]:
    # What the node's rule sends to each operand that leads to a target.
    if node.op.vjp is None or inside.isdisjoint(node.inputs):
        return []
    operands = [Tensor(i) for i in node.inputs]
    with provenance(node.where, node):
        parts = node.op.vjp(total, Tensor(node), *operands, **node.params)
        if len(parts) != len(operands):
            raise GradientError(
                f"the gradient rule of {node.op.name} gives {len(parts)} parts",
                got=f"{len(operands)} operands",
                where=node.where,
            )
        return [
            (operand, _fitted(part, operand, node))
            for operand, part in zip(node.inputs, parts, strict=True)
            if part is not None and operand in inside
        ]


def _fitted(part: Tensor, operand: Node, node: Node) -> Tensor:
    # Sizes that only a guard holds equal, n*2 and 8, may differ in text: the operand's count.
    if part.node.type == operand.type:
        return part
    same_kind = part.node.type.dtype == operand.type.dtype
    if same_kind and part.node.type.rank == operand.type.rank:
        return reshape(part, shape=operand.type.shape)
    raise GradientError(
        f"the gradient rule of {node.op.name} gives {part.node.type} for an operand {operand.type}",
        where=node.where,
        fix="this is a fault of the primitive's record",
    )


# ---- checks ----


def _check_loss(loss: Any) -> None:
    if not isinstance(loss, Tensor):
        raise GradientError(
            "grad: the loss is not a tensor",
            got=type(loss).__name__,
            fix="one tensor: of several losses their sum, a + b",
        )
    if loss.node.type.dtype.kind != "f":
        raise GradientError(
            "grad: the loss is not floating",
            got=str(loss.node.type),
            fix="cast it: loss.astype('float32')",
        )
    if loss.node.type.shape != ():
        raise GradientError(
            "grad: the loss is not a scalar",
            got=str(loss.node.type),
            fix="the loss comes first: graphc.grad(loss, w)"
            if loss.node.op is STATE
            else "reduce it: loss.sum() or loss.mean(); or see vjp and jacobian",
        )


def differentiable_leaves(tree: Any, what: str) -> tuple[list[Tensor], Any]:
    """The leaves of a tree of floating tensors, and its structure; else GradientError."""
    leaves, structure = flatten(tree)
    for leaf in leaves:
        if not isinstance(leaf, Tensor):
            raise GradientError(
                f"{what} is a tensor, or a dict, list, tuple or dataclass of tensors",
                got=f"{type(leaf).__name__}: {reprlib.repr(leaf)}",
                fix="give the tensors themselves: graphc.grad(loss, [w, b])"
                if what == "wrt"
                else "graphc.constant(array) makes one of an array",
            )
        if leaf.node.type.dtype.kind != "f":
            raise GradientError(
                f"{what}: a tensor of {leaf.node.type.dtype} has no gradient",
                got=f"{described(leaf.node)}: {leaf.node.type}",
                fix="give floats: parameter(name, value, 'float32'), 3.0, array.astype('float32')",
            )
    return leaves, structure


def _matching(outputs: Any, cotangents: Any) -> tuple[list[Tensor], list[Tensor]]:
    ys, structure = differentiable_leaves(outputs, "outputs")
    gs, other = differentiable_leaves(cotangents, "cotangents")
    if not alike(structure, other):
        raise GradientError(
            "the cotangents are no tree like the outputs",
            got=str(other),
            fix=f"give one a leaf of {structure}",
        )
    for y, g in zip(ys, gs, strict=True):
        if y.node.type != g.node.type:
            raise ShapeError(
                "a cotangent has the shape and dtype of its output",
                got=f"{g.node.type} for {y.node.type}",
                fix="graphc.ones_like(output) sums its elements",
            )
    return ys, gs

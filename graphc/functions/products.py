"""Matrix products of handles by the primitive `dot`.

Enters: two handles of any rank >= 1. Leaves: their product by NumPy's rules for `matmul`: a 1-D
operand is a row on the left and a column on the right, leading axes broadcast.
"""

from graphc import ops
from graphc.dims import DimLike, same_dims
from graphc.errors import ShapeError
from graphc.functions.lifting import same_dtype, shape_of, to_shape
from graphc.functions.shaping import to_reshaped
from graphc.graph import H, Handle, given_name
from graphc.types import broadcast_shapes


def matmul(a: H, b: H) -> H:
    """The matrix product; ShapeError where the inner sizes differ or an operand is a scalar."""
    a, b = same_dtype(a, b)
    left, right = shape_of(a), shape_of(b)
    if not left or not right:
        raise ShapeError("matmul: an operand is a scalar", got=f"{left} @ {right}", fix="use *")
    inner = right[0] if len(right) == 1 else right[-2]
    if same_dims(left[-1], inner) is False:
        raise _inner_error(a, b, left[-1], inner)
    if len(left) == 1 and len(right) == 1:
        return _dot(a, b, 0, 0, 0)
    if len(right) <= 2:
        return _dot(a, b, len(left) - 1, 0, 0)
    if len(left) == 1:
        y = matmul(to_reshaped(a, (1, *left)), b)
        shape = shape_of(y)
        return to_reshaped(y, (*shape[:-2], shape[-1]))
    return _batched(a, b)


def _dot(a: H, b: H, axis_a: int, axis_b: int, batch: int) -> H:
    axes = tuple(range(batch))
    return ops.dot(a, b, contract=((axis_a,), (axis_b,)), batch=(axes, axes))


def _batched(a: H, b: H) -> H:
    left, right = shape_of(a), shape_of(b)
    try:
        batch = broadcast_shapes(left[:-2], right[:-2])
    except ShapeError as error:
        what = f"matmul: batch axes do not broadcast: {left} @ {right}"
        raise ShapeError(what, got=error.got, fix=error.fix) from None
    a = to_shape(a, (*batch, *left[-2:]))
    b = to_shape(b, (*batch, *right[-2:]))
    rank = len(batch)
    return _dot(a, b, rank + 1, rank, rank)


def _inner_error(a: H, b: H, inner_a: DimLike, inner_b: DimLike) -> ShapeError:
    return ShapeError(
        f"matmul: inner sizes differ: {shape_of(a)} @ {shape_of(b)}",
        got=f"{inner_a} != {inner_b}",
        fix=_transposed_fix(a, b),
    )


def _transposed_fix(a: H, b: H) -> str:
    """The operand that would fit if it were transposed, if there is one, or the other order."""
    left, right = shape_of(a), shape_of(b)
    if len(right) >= 2 and right[-1] == left[-1]:
        return f"did you mean {_transposed(b, 'the second operand')}?"
    if len(left) >= 2 and left[-2] == right[max(len(right) - 2, 0)]:
        return f"did you mean {_transposed(a, 'the first operand')}?"
    if (len(left), len(right)) == (2, 2) and left[:1] == right[-1:]:
        return f"did you mean the other order, {right} @ {left}?"
    if not all(isinstance(d, int) for d in (*left[-1:], *right[-2:][:1])):
        return "a named size matches itself alone: give both axes the same name or the same int"
    axis = "only axis" if len(right) == 1 else "second last"
    return f"the last axis of the first operand meets the {axis} of the second"


def _transposed(x: Handle, position: str) -> str:
    *batch, rows, columns = shape_of(x)
    shape = (*batch, columns, rows)
    name = given_name(x.node) or position
    argument = name.partition(".")[2]  # of jit: f.x is the argument x of f
    if argument.isidentifier():
        name = argument
    elif argument or name == position:
        name = f"({position}, {argument})" if argument else f"({position})"
    return f"{name}.{'mT' if batch else 'T'}, shape {shape}"

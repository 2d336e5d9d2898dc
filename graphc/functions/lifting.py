"""Lifting: what meets a tensor becomes one, and operands get one dtype and one shape.

Enters: handles of nodes, Python scalars, arrays, sizes. Leaves: handles that primitives accept,
because `cast` and `broadcast_to` nodes stand where the dtypes or shapes differed. Everything here
is generic in the class of the handle, which `tensor.py` defines on top.
"""

import reprlib
from functools import reduce
from typing import Any

import numpy as np

from graphc import graph, ops
from graphc.dims import Dim, DimLike
from graphc.errors import ArgumentError, DTypeError, ShapeError
from graphc.graph import H, Node, Op
from graphc.types import (
    DType,
    Shape,
    TensorType,
    as_dtype,
    broadcast_shapes,
    float32,
    int64,
    promote,
    uint64,
)
from graphc.values import array_of, no_number, scalar_dtype


def dtype_of(x: graph.Handle) -> DType:
    """The dtype of a handle."""
    return x.node.type.dtype


def shape_of(x: graph.Handle) -> Shape:
    """The shape of a handle."""
    return x.node.type.shape


def is_array_like(value: object) -> bool:
    """Whether a value is a number, a size, or an array or nested list of numbers.

    DTypeError for lists of unequal lengths.
    """
    if isinstance(value, bool | int | float | Dim | np.bool_ | np.number):
        return True
    return isinstance(value, np.ndarray | list | tuple) and array_of(value).dtype.kind in "biuf"


def unlike(op: Op, other: object) -> Any:
    """NotImplemented for an operand that is no number, so that Python asks the other side;
    DTypeError where nobody can know how: for text, None, dicts, complex numbers, which compare as
    unequal."""
    fix = no_number(other)
    if not fix or op is ops.eq or op is ops.ne:
        return NotImplemented
    raise DTypeError(
        f"{op.name}: an operand is a tensor, a number or an array",
        got=reprlib.repr(other),
        fix=fix,
    )


def lift(value: Any, like: H) -> H:
    """A value that meets a tensor: of the tensor's dtype, if its kind allows, else the default's.

    True and 2 beside a float32 tensor are float32; 0.5 beside an int64 tensor is float32.
    Raises DTypeError for what is not numeric, and for an integer that the dtype cannot hold.
    """
    if isinstance(value, Dim):
        return to_dtype(size(value, type(like)), dtype_of(like))
    return type(like)(literal(value, scalar_dtype(value, dtype_of(like))))


def default_dtype(array: np.ndarray[Any, Any]) -> DType:
    """The dtype of an array that comes without one: float32 for any float, else its own.

    >>> default_dtype(np.ones(2)), default_dtype(np.ones(2, np.int8))
    (float32, int8)
    """
    return float32 if array.dtype.kind == "f" else as_dtype(array.dtype)


def literal(value: Any, dtype: DType) -> Node:
    """The constant node of a value in that dtype."""
    with np.errstate(all="ignore"):
        array = np.asarray(value).astype(dtype.numpy)
    return graph.constant(array, TensorType(dtype, array.shape))


def filled(value: Any, shape: Shape, dtype: DType, handle: type[H]) -> H:
    """A tensor that is `value` everywhere: one scalar, broadcast."""
    return to_shape(handle(literal(value, dtype)), shape)


def size(dim: DimLike, handle: type[H]) -> H:
    """A size as an int64 scalar: a constant, or the primitive `size` of a symbolic one."""
    if isinstance(dim, int):
        return handle(literal(dim, int64))
    return handle(graph.make(ops.size, (), {"dim": dim}))


def to_dtype(x: H, dtype: DType) -> H:
    """x in another dtype."""
    return x if dtype_of(x) == dtype else ops.cast(x, dtype=dtype)


def to_index(x: H) -> H:
    """x as int64; a uint64 that int64 cannot hold as the largest int64, which is outside of every
    axis: 2**64 - 1 is not the last element."""
    if dtype_of(x) == uint64:
        largest = filled(np.iinfo(np.int64).max, shape_of(x), uint64, type(x))
        x = ops.minimum(x, largest)
    return to_dtype(x, int64)


def to_float(x: H) -> H:
    """x if it is a float, else x as float32: what an operation defined on floats does to others."""
    return x if dtype_of(x).kind == "f" else to_dtype(x, float32)


def to_shape(x: H, shape: Shape) -> H:
    """x broadcast to a shape."""
    return x if shape_of(x) == shape else ops.broadcast_to(x, shape=shape)


def same_dtype(*operands: H) -> tuple[H, ...]:
    """The operands in their common dtype."""
    dtype = reduce(promote, (dtype_of(x) for x in operands))
    return tuple(to_dtype(x, dtype) for x in operands)


def same_shape(what: str, *operands: H) -> tuple[H, ...]:
    """The operands in their common shape; ShapeError, which `what` introduces, if there is none."""
    try:
        shape = broadcast_shapes(*(shape_of(x) for x in operands))
    except ShapeError as error:
        raise ShapeError(f"{what}: {error.what}", got=error.got, fix=error.fix) from None
    return tuple(to_shape(x, shape) for x in operands)


def matched(what: str, *operands: H) -> tuple[H, ...]:
    """The operands in their common dtype and shape."""
    return same_shape(what, *same_dtype(*operands))


def binary(op: Op, a: H, b: H) -> H:
    """A primitive of two operands on any two tensors."""
    return op(*matched(op.name, a, b))


def power(a: H, b: H) -> H:
    """a ** b; DTypeError for an integer to a constant power below 0, which is no integer."""
    base, exponent = same_dtype(a, b)
    known = b.node.params["value"].array if b.node.op is graph.CONSTANT else np.zeros(())
    if dtype_of(base).kind in "iu" and (known < 0).any():
        raise DTypeError(
            "an integer to a negative power is no integer",
            got=f"{dtype_of(base)} ** {known.min()}",
            fix="take the power of a float: x.astype('float32') ** -1",
        )
    return binary(ops.pow_, base, exponent)


def divide(a: H, b: H) -> H:
    """True division, of floats: integers and booleans become float32."""
    a, b = same_dtype(a, b)
    return binary(ops.div, to_float(a), to_float(b))


def rounded(x: H, digits: int | None) -> H:
    """The nearest integers, as Python's round(x) asks for them; ArgumentError for decimals."""
    if digits:
        fix = "graphc.round(x * 100) / 100 has two decimals"
        raise ArgumentError("a tensor is rounded to integers", got=f"{digits} decimals", fix=fix)
    return ops.round_(x) if dtype_of(x).kind == "f" else x

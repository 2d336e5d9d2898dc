"""Making tensors: inputs, parameters, state, constants.

Enters: names, sizes, arrays, numbers. Leaves: tensors.

>>> x = input("x", ("batch", 784))
>>> w = parameter("w", np.zeros((784, 10)))
>>> x, w
(Tensor('x': f32[batch, 784]), Tensor('w': f32[784, 10]))
"""

import numpy as np

from graphc import graph
from graphc.dims import Dim
from graphc.errors import GraphError, ShapeError
from graphc.functions import cells
from graphc.functions.lifting import default_dtype, lift, literal, size
from graphc.functions.tensor import ArrayLike, DTypeLike, Tensor, TensorLike
from graphc.types import Sizes, TensorType, as_dtype, as_shape
from graphc.values import numbers_of

# ---- from values ----


def as_tensor(value: TensorLike, like: Tensor | None = None) -> Tensor:
    """A tensor from a tensor, a number, a size or an array.

    Beside `like` a value takes the dtype of that within its kind; alone, floats are float32.
    Raises DTypeError for what is not numeric.

    >>> as_tensor(2.5).dtype, as_tensor([1, 2]).dtype, as_tensor(2, as_tensor(1.0)).dtype
    (float32, int64, float32)
    """
    if isinstance(value, Tensor):
        return value
    if like is not None:
        return lift(value, like)
    if isinstance(value, Dim):
        return size(value, Tensor)
    return constant(value)


def as_tensors(*values: TensorLike) -> tuple[Tensor, ...]:
    """Tensors from values that meet: those that are no tensors follow the first that is one, or
    else the first array.

    >>> [t.dtype for t in as_tensors(1, np.ones(2, np.int8))]
    [int8, int8]
    """
    tensors = [v for v in values if isinstance(v, Tensor)]
    arrays = [constant(v) for v in values if isinstance(v, np.ndarray)] if not tensors else []
    like = next(iter(tensors + arrays[:1]), None)
    return tuple(as_tensor(v, like) for v in values)


def constant(value: ArrayLike, dtype: DTypeLike | None = None) -> Tensor:
    """A tensor that holds a copy of an array. Floats become float32 unless dtype is given.

    Raises DTypeError for a value that is not numeric, or an integer that the dtype cannot hold.

    >>> constant([[1.0, 2.0]])
    Tensor(constant: f32[1, 2])
    >>> constant(np.arange(3)).dtype, constant([0.5], dtype="float64").dtype
    (int64, float64)
    """
    array = numbers_of(value, "a tensor")
    wanted = default_dtype(array) if dtype is None else as_dtype(dtype)
    cells.check_integers(array, wanted, "a constant")
    return Tensor(literal(array, wanted))


def asarray(value: TensorLike, dtype: DTypeLike | None = None) -> Tensor:
    """A tensor from a tensor, a number, a size or an array, in a dtype if one is given.

    >>> asarray([1, 2], dtype="float32").eval()
    array([1., 2.], dtype=float32)
    """
    if isinstance(value, Tensor | Dim):
        tensor = as_tensor(value)
        return tensor if dtype is None else tensor.astype(dtype)
    return constant(value, dtype)


# ---- leaves ----


def input(name: str, shape: Sizes = (), dtype: DTypeLike = "float32") -> Tensor:
    """A value that is given when the graph runs. Sizes are ints, names or Dims.

    The same name with the same type is the same tensor. Raises ShapeError for what is no size (a
    dtype's name is none), GraphError for a name that is no string.

    >>> x = input("x", ("batch", 784))
    >>> x is input("x", ("batch", 784)), input("y", "batch", "int64")
    (True, Tensor('y': i64[batch]))
    """
    if not isinstance(name, str):
        raise GraphError("an input's name comes first", got=repr(name), fix="input('x', (3,))")
    if isinstance(shape, np.ndarray):
        raise ShapeError(
            "an input has a shape, and is given its array by a call",
            got=f"an array of shape {shape.shape}",
            fix=f"input({name!r}, array.shape); constant(array) holds an array",
        )
    type_ = TensorType(as_dtype(dtype), as_shape(shape))
    return Tensor(graph.make(graph.INPUT, (), {"name": name, "type": type_}))


def parameter(name: str, value: ArrayLike, dtype: DTypeLike | None = None) -> Tensor:
    """Trainable state that holds a copy of the value, and lives outside of any program.

    Every call makes new state; the name is a label. Floats become float32 unless dtype is given.
    Read and write it by `.value`. Raises DTypeError for a value that the dtype cannot hold.

    >>> w = parameter("w", [1.0, 2.0])
    >>> w.value = w.value * 2
    >>> w.value
    array([2., 4.], dtype=float32)
    """
    return Tensor(cells.new_cell(name, value, dtype, trainable=True))


def state(name: str, value: ArrayLike, dtype: DTypeLike | None = None) -> Tensor:
    """State that is not trained, a running mean or a counter: else like `parameter`.

    >>> state("steps", 0)
    Tensor('steps': i64[])
    """
    return Tensor(cells.new_cell(name, value, dtype, trainable=False))

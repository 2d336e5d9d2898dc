"""Tensor: what users hold, a symbolic array with NumPy's operators.

Enters: nodes, and values that meet tensors. Leaves: tensors. Nothing runs, except where a value is
asked for (`eval`, `float`, `np.asarray`).

>>> from graphc.functions.creation import input
>>> x = input("x", ("n", 3))
>>> y = (2 * x + 1).sum(axis=0)
>>> y
Tensor(sum: f32[3])
>>> y.eval({x: [[1, 2, 3], [4, 5, 6]]})
array([12., 16., 20.], dtype=float32)
"""

import sys
import weakref
from collections.abc import Iterator, Mapping, Sequence
from types import ModuleType
from typing import TYPE_CHECKING, Any, NoReturn, Self, TypeAlias

import numpy as np

from graphc import missing, ops
from graphc.dims import Dim, DimLike
from graphc.errors import ConcretenessError, GraphError, UpdateError
from graphc.evaluate import evaluate
from graphc.functions import cells, copying, lifting, numpy_protocol, products, shaping, subscripts
from graphc.functions.lifting import binary, divide, is_array_like, lift, power, to_dtype, unlike
from graphc.functions.shaping import Axis
from graphc.functions.subscripts import At
from graphc.graph import Node, Op, labelled
from graphc.refusals import explained
from graphc.types import DType, Sizes, as_dtype

Scalar: TypeAlias = bool | int | float | np.bool_ | np.number[Any]
ArrayLike: TypeAlias = Scalar | np.ndarray[Any, Any] | Sequence[Any]
DTypeLike: TypeAlias = DType | str | type[Any] | np.dtype[Any]


@explained("x")
class Tensor:
    """A symbolic array: a node of the graph with the operators of NumPy. Made by `graphc.input`,
    `graphc.parameter`, `graphc.constant` and by operations, and immutable.

    Scalars and arrays that meet a tensor take its dtype within their kind; operators broadcast.
    `==` makes a tensor and the hash is the identity. Raises ConcretenessError where Python asks
    for the value of what is not constant.

    >>> from graphc.functions.creation import input
    >>> x = input("x", (2, "n"))
    >>> (x == 0).dtype, (x * 2).dtype, x.shape
    (bool, float32, (2, n))
    """

    __slots__ = ("__weakref__", "_node")
    _node: Node

    def __new__(cls, node: Node) -> Self:
        try:
            alive = node.handle()
        except AttributeError:
            raise GraphError(
                "a tensor is made of a node",
                got=type(node).__name__,
                fix="graphc.asarray(value) makes one of a value; graphc.input, graphc.parameter",
            ) from None
        if alive is not None:
            return alive
        self = object.__new__(cls)
        object.__setattr__(self, "_node", node)
        node.handle = weakref.ref(self)
        return self

    # ---- what it is ----

    @property
    def node(self) -> Node:
        """The node of the graph."""
        return self._node

    @property
    def shape(self) -> tuple[DimLike, ...]:
        """The sizes of the axes: ints, and Dims where they are symbolic."""
        return self._node.type.shape

    @property
    def dtype(self) -> DType:
        """The element type."""
        return self._node.type.dtype

    @property
    def ndim(self) -> int:
        """The number of axes."""
        return len(self._node.type.shape)

    @property
    def size(self) -> DimLike:
        """The number of elements."""
        return self._node.type.size

    if not TYPE_CHECKING:  # a checker of types would take any name for a known one
        __getattr__ = missing.of_tensor

        def __setattr__(self, name: str, new: Any) -> None:
            if name != "value":
                missing.of_assignment(self, name)
            object.__setattr__(self, name, new)

    def __repr__(self) -> str:
        return copying.shown(self._node)

    def named(self, label: str) -> "Tensor":
        """The same values under a label, which prints and drawings show."""
        return Tensor(labelled(ops.identity, self._node, label))

    # ---- values ----

    def eval(self, values: "Mapping[Tensor, Any] | None" = None) -> np.ndarray[Any, Any]:
        """The value, computed by the reference interpreter from the values of the inputs.

        Raises MissingInputError for an input without a value, BindingError for one that does not
        fit, GuardError and IndexRangeError for what the sizes and indices break.
        """
        fed = cells.fed_values({} if values is None else values, Tensor)
        return np.array(evaluate([self._node], fed)[0])

    @property
    def value(self) -> np.ndarray[Any, Any]:
        """A copy of the array of a parameter or state; assigning copies a new one in.

        The copy cannot be written, so that `w.value[0] = 1` raises NumPy's ValueError: change an
        array of your own, `new = w.value.copy()`, and assign it, or `w.value = w.value - step`.
        Raises UpdateError for any other tensor, ShapeError and DTypeError for an array that does
        not fit.
        """
        return cells.read(self._node)

    @value.setter
    def value(self, new: ArrayLike) -> None:
        cells.write(self._node, new)

    def item(self) -> bool | int | float:
        """The only element of a constant, as a Python number."""
        return self._constant("item()").item()

    def _constant(self, wanted: str) -> np.ndarray[Any, Any]:
        if not cells.is_constant(self._node):
            raise cells.not_concrete(self._node, wanted)
        return self.eval()

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray[Any, Any]:
        return np.asarray(self._constant("NumPy"), dtype)

    def __format__(self, spec: str) -> str:
        return format(self._constant("a format").item(), spec) if spec else repr(self)

    def __bool__(self) -> bool:
        return bool(self._constant("bool(), `if` or `while`"))

    def __int__(self) -> int:
        return int(self._constant("int()"))

    def __float__(self) -> float:
        return float(self._constant("float()"))

    def __index__(self) -> int:
        return int(self._constant("an index or range()").__index__())

    def __iter__(self) -> "Iterator[Tensor]":
        rows = self._constant("iteration")
        return iter([self[i] for i in range(len(rows))])

    def __len__(self) -> int:
        n = self.shape[0] if self.shape else None
        if isinstance(n, int):
            return n
        raise ConcretenessError(f"len() of {self}", fix="x.shape[0] is the symbolic size")

    def __contains__(self, value: object) -> NoReturn:
        raise cells.not_concrete(self._node, "`in`")

    # ---- indexing ----

    def __getitem__(self, key: Any) -> "Tensor":
        return subscripts.item(self, key)

    def __setitem__(self, key: Any, value: Any) -> NoReturn:
        raise UpdateError(
            "a tensor does not change: x[key] = values is not possible",
            fix="write x = x.at[key].set(values), or .add(values)",
        )

    @property
    def at(self) -> "At[Tensor]":
        """Updates that give a new tensor: x.at[key].set(values), .add(values)."""
        return At(self)

    # ---- methods ----

    def astype(self, dtype: DTypeLike) -> "Tensor":
        """x in another dtype."""
        return to_dtype(self, as_dtype(dtype))

    def reshape(self, *shape: Sizes) -> "Tensor":
        """x in another shape; -1 stands once for what is left over."""
        return shaping.reshape(self, shape[0] if len(shape) == 1 else shape)  # type: ignore[arg-type]

    def transpose(self, *axes: int | Sequence[int] | None) -> "Tensor":
        """x with its axes in another order, reversed if none is given."""
        order = axes[0] if len(axes) == 1 and not isinstance(axes[0], int) else axes
        new: Any = order or range(self.ndim)[::-1]
        return shaping.permuted(self, new, "transpose")

    @property
    def T(self) -> "Tensor":  # noqa: N802
        """x with its axes reversed."""
        return self.transpose()

    @property
    def mT(self) -> "Tensor":  # noqa: N802
        """x with its last two axes exchanged."""
        return shaping.matrix_transposed(self)

    def sum(self, axis: Axis = None, *, keepdims: bool = False) -> "Tensor":
        """The sum over axes: see `graphc.sum`."""
        return shaping.summed(self, axis, keepdims)

    def mean(self, axis: Axis = None, *, keepdims: bool = False) -> "Tensor":
        """The mean over axes: see `graphc.mean`."""
        return shaping.mean(self, axis, keepdims)

    def max(self, axis: Axis = None, *, keepdims: bool = False) -> "Tensor":
        """The maximum over axes: see `graphc.max`."""
        return shaping.largest(self, axis, keepdims)

    def min(self, axis: Axis = None, *, keepdims: bool = False) -> "Tensor":
        """The minimum over axes: see `graphc.min`."""
        return shaping.smallest(self, axis, keepdims)

    # ---- operators ----

    def __add__(self, other: "TensorLike") -> "Tensor":
        return _apply(ops.add, self, other)

    def __radd__(self, other: "TensorLike") -> "Tensor":
        return _apply(ops.add, self, other, swap=True)

    def __sub__(self, other: "TensorLike") -> "Tensor":
        return _apply(ops.sub, self, other)

    def __rsub__(self, other: "TensorLike") -> "Tensor":
        return _apply(ops.sub, self, other, swap=True)

    def __mul__(self, other: "TensorLike") -> "Tensor":
        return _apply(ops.mul, self, other)

    def __rmul__(self, other: "TensorLike") -> "Tensor":
        return _apply(ops.mul, self, other, swap=True)

    def __truediv__(self, other: "TensorLike") -> "Tensor":
        return _apply(ops.div, self, other)

    def __rtruediv__(self, other: "TensorLike") -> "Tensor":
        return _apply(ops.div, self, other, swap=True)

    def __floordiv__(self, other: "TensorLike") -> "Tensor":
        return _apply(ops.floordiv, self, other)

    def __rfloordiv__(self, other: "TensorLike") -> "Tensor":
        return _apply(ops.floordiv, self, other, swap=True)

    def __mod__(self, other: "TensorLike") -> "Tensor":
        return _apply(ops.mod, self, other)

    def __rmod__(self, other: "TensorLike") -> "Tensor":
        return _apply(ops.mod, self, other, swap=True)

    def __pow__(self, other: "TensorLike") -> "Tensor":
        return _apply(ops.pow_, self, other)

    def __rpow__(self, other: "TensorLike") -> "Tensor":
        return _apply(ops.pow_, self, other, swap=True)

    def __matmul__(self, other: "TensorLike") -> "Tensor":
        return _apply(ops.dot, self, other)

    def __rmatmul__(self, other: "TensorLike") -> "Tensor":
        return _apply(ops.dot, self, other, swap=True)

    def __and__(self, other: "TensorLike") -> "Tensor":
        return _apply(ops.bitwise_and, self, other)

    def __rand__(self, other: "TensorLike") -> "Tensor":
        return _apply(ops.bitwise_and, self, other, swap=True)

    def __or__(self, other: "TensorLike") -> "Tensor":
        return _apply(ops.bitwise_or, self, other)

    def __ror__(self, other: "TensorLike") -> "Tensor":
        return _apply(ops.bitwise_or, self, other, swap=True)

    def __xor__(self, other: "TensorLike") -> "Tensor":
        return _apply(ops.bitwise_xor, self, other)

    def __rxor__(self, other: "TensorLike") -> "Tensor":
        return _apply(ops.bitwise_xor, self, other, swap=True)

    def __lshift__(self, other: "TensorLike") -> "Tensor":
        return _apply(ops.shift_left, self, other)

    def __rlshift__(self, other: "TensorLike") -> "Tensor":
        return _apply(ops.shift_left, self, other, swap=True)

    def __rshift__(self, other: "TensorLike") -> "Tensor":
        return _apply(ops.shift_right, self, other)

    def __rrshift__(self, other: "TensorLike") -> "Tensor":
        return _apply(ops.shift_right, self, other, swap=True)

    def __eq__(self, other: "TensorLike") -> "Tensor":  # type: ignore[override]
        return _apply(ops.eq, self, other)

    def __ne__(self, other: "TensorLike") -> "Tensor":  # type: ignore[override]
        return _apply(ops.ne, self, other)

    def __lt__(self, other: "TensorLike") -> "Tensor":
        return _apply(ops.lt, self, other)

    def __le__(self, other: "TensorLike") -> "Tensor":
        return _apply(ops.le, self, other)

    def __gt__(self, other: "TensorLike") -> "Tensor":
        return _apply(ops.gt, self, other)

    def __ge__(self, other: "TensorLike") -> "Tensor":
        return _apply(ops.ge, self, other)

    def __neg__(self) -> "Tensor":
        return ops.neg(self)

    def __pos__(self) -> "Tensor":
        return self

    def __abs__(self) -> "Tensor":
        return ops.abs_(self)

    def __round__(self, digits: int | None = None) -> "Tensor":
        return lifting.rounded(self, digits)

    def __invert__(self) -> "Tensor":
        return ops.not_(self) if self.dtype.kind == "b" else ops.invert(self)

    def __hash__(self) -> int:
        return id(self) >> 4

    # ---- protocols ----

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **kwargs: Any) -> Any:
        if method != "__call__":
            raise TypeError(f"np.{ufunc.__name__}.{method} of a tensor: use a function of graphc")
        return numpy_protocol.call(ufunc, inputs, kwargs)

    def __array_function__(self, func: Any, types: Any, args: Any, kwargs: Any) -> Any:
        return numpy_protocol.call(func, args, kwargs)

    def __array_namespace__(self, *, api_version: str | None = None) -> ModuleType:
        # the public face stands above this module, and is loaded whenever a user has a tensor
        return sys.modules[__name__.partition(".")[0]]

    # ---- copies ----

    def __deepcopy__(self, memo: dict[int, Any]) -> "Tensor":
        return Tensor(copying.deep_copy(self._node, memo))

    def __reduce__(self) -> tuple[Any, ...]:
        return _restore, (copying.rows(self._node),)


TensorLike: TypeAlias = Tensor | Dim | ArrayLike


def _restore(rows: tuple[copying.Row, ...]) -> Tensor:
    return Tensor(copying.restored(rows))


def _apply(op: Op, a: Tensor, other: Any, swap: bool = False) -> Tensor:
    """An operator; NotImplemented for what is no number, so that Python asks the other side."""
    if not isinstance(other, Tensor):
        if not is_array_like(other):
            return unlike(op, other)
        other = lift(other, a)
    left, right = (other, a) if swap else (a, other)
    if op is ops.dot:
        return products.matmul(left, right)
    if op is ops.pow_:
        return power(left, right)
    return divide(left, right) if op is ops.div else binary(op, left, right)

"""Values behind nodes: which nodes are constant, and the arrays of parameters and state.

Enters: nodes. Leaves: copies of arrays; writing copies in.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from graphc import dims, ops
from graphc.errors import (
    ConcretenessError,
    DTypeError,
    GraphError,
    ShapeError,
    UnknownInputError,
    UpdateError,
)
from graphc.functions.copying import shown
from graphc.functions.lifting import default_dtype
from graphc.graph import INPUT, STATE, Handle, Node, make, order
from graphc.state import STATE_LOCK, State
from graphc.types import DType, TensorType, as_dtype, can_cast_same_kind
from graphc.values import numbers_of, outside, range_text

# What to write where Python asks a symbolic tensor for its value, by what it asks for.
_COMPUTE = "compute it: x.eval({input: array}), or graphc.compile; a function of jit returns it"
_READ = f"w.value reads a parameter; {_COMPUTE}"
_INSTEAD: Mapping[str, str] = {
    "bool(), `if` or `while`": (
        "choose by graphc.where, maximum or minimum; join conditions by &, | and ~, each in"
        " parentheses: (x > 0) & (x < 1), ~(x > 0)"
    ),
    "an index or range()": (
        "sizes come from shapes: x.shape[0]; close over an int that jit shall take as a number"
    ),
    "iteration": (
        "take rows by x[i] for i in range(len(x)), or map a function over them by graphc.vmap;"
        " a, b = (x[i] for i in range(2)) unpacks; x.sum() adds all up"
    ),
    "`in`": "ask graphc.any(x == value)",
}
_FLAG = "a flag that jit shall not trace: graphc.jit(functools.partial(f, train=True))"
_BY_ROWS = (
    "map a function over rows by graphc.vmap; Python's loops need an input of an int size;"
    " x.sum() and x.max() are of all elements"
)


def not_concrete(node: Node, wanted: str) -> ConcretenessError:
    """The error where Python wants the value of what is not constant."""
    what = f"{wanted} needs a value, but the tensor is symbolic"
    return ConcretenessError(what, got=shown(node), fix=_instead(node, wanted))


def _instead(node: Node, wanted: str) -> str:
    if wanted == "iteration" and any(isinstance(size, dims.Dim) for size in node.type.shape[:1]):
        return _BY_ROWS
    if wanted == "NumPy":
        return f"{_READ if node.op is STATE else _COMPUTE}; graphc.stack joins tensors of a list"
    if wanted.startswith("bool") and node.op is INPUT and not node.type.rank:
        return f"{_INSTEAD[wanted]}\n{_FLAG}"
    return _INSTEAD.get(wanted) or (_READ if node.op is STATE else _COMPUTE)


def is_constant(node: Node) -> bool:
    """Whether the value follows from constants alone: no input, no state, no symbolic size."""
    nodes = order([node])
    return not any(n.op in (INPUT, STATE) or _has_names(n) for n in nodes)


def _has_names(node: Node) -> bool:
    sizes = (node.params["dim"],) if node.op is ops.size else node.type.shape
    return any(dims.names(d) for d in sizes)


def fed_values(values: Any, handle: type[Handle]) -> dict[Node, Any]:
    """The values by node; UnknownInputError for what is no dict of tensors."""
    if not isinstance(values, Mapping):
        raise UnknownInputError(
            "values are given by tensor", got=type(values).__name__, fix="x.eval({x: array})"
        )
    return {fed_node(x, handle): value for x, value in values.items()}


def fed_node(key: Any, handle: type[Handle]) -> Node:
    """The node that a value is given for; UnknownInputError for a key that is no tensor."""
    if isinstance(key, handle):
        return key.node
    raise UnknownInputError(
        "values are given by tensor", got=repr(key), fix="x.eval({x: array}), without quotes"
    )


def new_cell(name: str, value: Any, dtype: Any, trainable: bool) -> Node:
    """A node of fresh state that holds a copy of the value.

    Without a dtype, floats are float32 and other arrays keep theirs. DTypeError for a value that
    is not numeric, or that a dtype of a lower kind cannot hold, and for a tuple of ints: a shape.
    """
    if not isinstance(name, str):
        raise GraphError("the name comes first", got=repr(name)[:40], fix="parameter('w', array)")
    if type(value) is tuple and value and all(type(size) is int for size in value):
        raise DTypeError(
            f"{name!r} is made of a value, and a tuple of ints looks like a shape",
            got=repr(value)[:40],
            fix=f"np.zeros({value!r}), or for these numbers a list: {list(value)!r}"[:100],
        )
    array = numbers_of(value, f"{name!r}")
    wanted = default_dtype(array) if dtype is None else as_dtype(dtype)
    array = converted(array, wanted, f"{name!r}")
    type_ = TensorType(wanted, array.shape)
    return make(STATE, (), {"cell": State(name, array, type_, trainable)})


def converted(array: np.ndarray[Any, Any], dtype: DType, what: str) -> np.ndarray[Any, Any]:
    """The array in a dtype, by NumPy's same_kind rule.

    DTypeError where that forbids it, and for an integer that the dtype cannot hold.
    """
    if not can_cast_same_kind(as_dtype(array.dtype), dtype):
        raise DTypeError(
            f"{what} is {dtype}", got=f"an array of {array.dtype}", fix="convert it: .astype"
        )
    check_integers(array, dtype, what)
    with np.errstate(all="ignore"):
        return array.astype(dtype.numpy)


def check_integers(array: np.ndarray[Any, Any], dtype: DType, what: str) -> None:
    """DTypeError for an integer that the dtype cannot hold, where NumPy would wrap around."""
    if (number := outside(array, dtype)) is not None:
        raise DTypeError(
            f"{what} is {dtype}", got=f"the value {number}", fix=f"{range_text(dtype)}: widen it"
        )


def read(node: Node) -> np.ndarray[Any, Any]:
    """A copy of the array of a state node, which cannot be written; UpdateError for any other."""
    with STATE_LOCK:
        array = cell_of(node).array.copy()
    array.flags.writeable = False  # else w.value[0] = 1 would be lost without a word
    return array


def write(node: Node, value: Any) -> None:
    """Copies a value into a state node. Its shape must be the state's."""
    cell = cell_of(node)
    array = numbers_of(value, f"{cell.name!r}")
    if array.shape != cell.array.shape:
        raise ShapeError(
            f"{cell.name!r} has shape {cell.array.shape}",
            got=f"an array of shape {array.shape}",
            fix="give a value of that shape: np.broadcast_to, or a parameter of its own",
        )
    new = converted(array, cell.type.dtype, f"{cell.name!r}")
    with STATE_LOCK:
        cell.array[...] = new


def cell_of(node: Node) -> State:
    """The cell of a state node; UpdateError for any other."""
    if node.op is not STATE:
        raise UpdateError(
            "only parameters and state have a value",
            got=f"{node.op.name}: {node.type}",
            fix="compute it with .eval({x: array}) or graphc.compile",
        )
    return node.params["cell"]

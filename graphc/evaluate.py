"""The reference interpreter: a graph computed node by node with each primitive's NumPy facet.

Enters: nodes and the arrays of its leaves. Leaves: the arrays of its outputs. It is what compiled
programs are compared with, what folds constants, and what `Tensor.eval` runs.

>>> import numpy as np
>>> from graphc.graph import INPUT, make
>>> from graphc.types import TensorType, float32
>>> x = make(INPUT, (), {"name": "x", "type": TensorType(float32, (2,))})
>>> evaluate([x], {x: np.ones(2, np.float32)})
[array([1., 1.], dtype=float32)]
"""

import reprlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import combinations
from typing import Any

import numpy as np

from graphc import dims
from graphc.dims import Dim, DimLike, Guard
from graphc.errors import (
    BindingError,
    DTypeError,
    GraphError,
    GuardError,
    IndexRangeError,
    MissingInputError,
    Where,
)
from graphc.graph import CONSTANT, INPUT, STATE, Node, described, given_name, order
from graphc.state import STATE_LOCK
from graphc.types import TensorType
from graphc.values import array_of, no_number, outside, range_text


def evaluate(outputs: Sequence[Node], values: Mapping[Node, Any]) -> list[np.ndarray]:
    """The value of each output, given the arrays of the inputs that they read.

    A value may also be given for any other node, whose operands are then not computed. State that
    is not given reads its cell: all cells at one moment, between two runs of programs. Raises
    MissingInputError, BindingError for arrays that do not fit their input, GuardError for sizes
    that break an assumption, GraphError for a primitive whose facets contradict each other.
    """
    nodes = _needed(outputs, values)
    with telling_swaps(list(values), list(values.values())):
        fed = {node: fed_array(node, value) for node, value in values.items()}
        sizes = bind_sizes(list(fed), list(fed.values()))
    check_guards(collect_guards(node for node in nodes if node not in fed), sizes)
    return _run(nodes, outputs, fed, sizes)


def evaluate_at(outputs: Sequence[Node], sizes: Mapping[str, int]) -> list[np.ndarray]:
    """The values of nodes that only constants and sizes reach."""
    return _run(order(outputs), outputs, {}, sizes)


def fed_array(node: Node, value: Any) -> np.ndarray:
    """The value as an array of the node's dtype, by NumPy's same_kind rule.

    BindingError for another rank or kind, for lists of unequal lengths, and for an integer that
    the dtype cannot hold. A float that is too large becomes infinite, as in NumPy.
    """
    array = array_of(value, described(node), BindingError)
    if array.dtype.kind not in "fiubc":
        return converted(node, array)  # raises
    wanted = node.type
    rank = len(wanted.shape)
    if array.ndim != rank:
        change = "array[None] adds an axis" if array.ndim < rank else "array[0] drops an axis"
        raise BindingError(
            f"{described(node)} is {wanted}, of rank {rank}",
            got=f"an array of shape {array.shape}",
            fix=f"give an array of rank {rank}; {change}" if rank else "give a number",
        )
    return converted(node, array)


@contextmanager
def telling_swaps(nodes: Sequence[Node], values: Sequence[Any]) -> Iterator[None]:
    """A BindingError from within tells of two values that would fit if they changed places."""
    try:
        yield
    except BindingError as error:
        for i, j in combinations(range(len(nodes)), 2):
            a, b = nodes[i], nodes[j]
            fits = _fits(a, values[i]) and _fits(b, values[j])
            if not fits and _fits(a, values[j]) and _fits(b, values[i]):
                names = [repr(node.params.get("name", node.op.name)) for node in (a, b)]
                error.fix = f"did {' and '.join(names)} change places? {names[1]} is {b.type}"
        raise


def _fits(node: Node, value: Any) -> bool:
    try:
        array, shape = array_of(value), node.type.shape
    except DTypeError:
        return False
    return (
        array.ndim == len(shape)
        and np.can_cast(array.dtype, node.type.dtype.numpy, "same_kind")
        and all(a == b for a, b in zip(shape, array.shape, strict=True) if isinstance(a, int))
    )


def converted(node: Node, array: np.ndarray) -> np.ndarray:
    """An array of any rank in the node's dtype; BindingError as `fed_array`."""
    wanted = node.type
    if array.dtype == wanted.dtype.numpy:
        return array
    if array.dtype.kind not in "fiubc":
        raise BindingError(
            f"{described(node)} is {wanted}",
            got=f"an array of {array.dtype}: {reprlib.repr(array.tolist())}",
            fix="give a number" if not wanted.shape else "give an array of numbers",
        )
    if not np.can_cast(array.dtype, wanted.dtype.numpy, "same_kind"):
        raise BindingError(
            f"{described(node)} is {wanted}",
            got=f"an array of {array.dtype}",
            fix=no_number(array) or f"convert it: array.astype({str(wanted.dtype.numpy)!r})",
        )
    if (number := outside(array, wanted.dtype)) is not None:
        raise BindingError(
            f"{described(node)} is {wanted}",
            got=f"the value {number}",
            fix=f"{range_text(wanted.dtype)}: declare the input in a wider dtype",
        )
    return array.astype(wanted.dtype.numpy)


def bind_sizes(inputs: Sequence[Node], arrays: Sequence[Any]) -> dict[str, int]:
    """The number behind each named size, read off the arrays' shapes.

    Raises BindingError where two inputs disagree about a name (the message names both), and where
    a shape is not what its input's type says.
    """
    sizes: dict[str, int] = {}
    first: dict[str, Node] = {}
    for node, array in zip(inputs, arrays, strict=True):
        for name, got in zip(node.type.shape, array.shape, strict=True):
            if not isinstance(name, Dim) or not dims.is_plain(name):
                continue
            label = str(name)
            if sizes.setdefault(label, int(got)) != got:
                for given, fed in zip(inputs, arrays, strict=True):
                    check_fixed(given, fed)  # an array that is turned is the nearer fault
                raise _conflict(label, first[label], sizes[label], node, int(got))
            first.setdefault(label, node)
    for node, array in zip(inputs, arrays, strict=True):
        _check_known(node, sizes)
        wanted = bound_shape(node.type.shape, sizes)
        if wanted != tuple(array.shape):
            raise BindingError(
                f"{described(node)} is {node.type}",
                got=f"an array of shape {tuple(array.shape)}",
                fix=_wanted_shape(wanted, node.type.shape, array.shape),
            )
    return sizes


def check_fixed(node: Node, array: Any, first: int = 0) -> None:
    """BindingError where an axis from `first` on has not the int size of the node's."""
    shape = node.type.shape
    pairs = list(zip(shape, array.shape, strict=True))[first:]
    if any(isinstance(size, int) and size != got for size, got in pairs):
        raise BindingError(
            f"{described(node)} is {node.type}",
            got=f"an array of shape {tuple(array.shape)}",
            fix=_wanted_shape(shape, shape, array.shape),
        )


def _wanted_shape(wanted: Sequence[DimLike], shape: Sequence[DimLike], got: Sequence[int]) -> str:
    """What to give: the array's transpose, if that fits, or another size of the batch."""
    turned = tuple(got)[::-1]
    if all(not isinstance(a, int) or a == b for a, b in zip(shape, turned, strict=True)):
        return f"did you mean array.T, shape {turned}?"
    fix = f"give an array of shape {wanted}"
    if isinstance(shape[0], int) and tuple(shape[1:]) == tuple(got[1:]):
        fix += f"; an input of shape {('batch', *shape[1:])} takes any number"
    return fix


def _check_known(node: Node, sizes: Mapping[str, int]) -> None:
    unknown = sorted({name for d in node.type.shape for name in dims.names(d)} - sizes.keys())
    if unknown:
        raise BindingError(
            f"no input gives the size {unknown[0]}",
            got=f"{described(node)}: {node.type}",
            fix=f"give an input an axis that is just {unknown[0]}",
        )


def _conflict(label: str, a: Node, size_a: int, b: Node, size_b: int) -> BindingError:
    if a is b:
        return BindingError(f"{described(a)} is {a.type}", got=f"{label} = {size_a} and {size_b}")
    return BindingError(
        f"the size {label} is {size_a} in {described(a)} but {size_b} in {described(b)}",
        fix="feed arrays of one size, or give the sizes different names",
    )


def bound_shape(shape: Sequence[DimLike], sizes: Mapping[str, int]) -> tuple[int, ...]:
    """The shape with numbers for names."""
    return tuple(dims.evaluate(d, sizes) for d in shape)


def bound_params(params: Mapping[str, Any], sizes: Mapping[str, int]) -> dict[str, Any]:
    """The parameters of a node with every Dim replaced by its number, in nested tuples too."""
    return {key: _bound(value, sizes) for key, value in params.items()}


def _bound(value: Any, sizes: Mapping[str, int]) -> Any:
    if isinstance(value, Dim):
        return dims.evaluate(value, sizes)
    if isinstance(value, tuple):
        return tuple(_bound(item, sizes) for item in value)
    return value


def collect_guards(nodes: Iterable[Node]) -> tuple[tuple[Guard, Where | None], ...]:
    """What the nodes assume about sizes, each assumption once, with the line that made it."""
    found: dict[Guard, Where | None] = {}
    for node in nodes:
        for guard in node.op.guards(*(i.type for i in node.inputs), **node.params):
            found.setdefault(guard, guard.where or node.where)
    return tuple(found.items())


def check_guards(guards: Iterable[tuple[Guard, Where | None]], sizes: Mapping[str, int]) -> None:
    """Raises GuardError, with the user's line, for an assumption that these sizes break."""
    for guard, where in guards:
        if not dims.check_guard(guard, sizes):
            known = ", ".join(f"{name} = {size}" for name, size in sizes.items())
            fix = f"give arrays of other sizes: {dims.wanted_by(guard, sizes)}"
            raise GuardError(guard.message, got=known, where=where, fix=fix)


def _needed(outputs: Sequence[Node], values: Mapping[Node, Any]) -> list[Node]:
    # Everything that the outputs reach without passing a given node, operands first.
    reached: set[Node] = set()
    stack = list(outputs)
    while stack:
        node = stack.pop()
        if node not in reached:
            reached.add(node)
            stack.extend(() if node in values else node.inputs)
    return [node for node in order(outputs) if node in reached]


def _states(
    nodes: Iterable[Node], fed: Mapping[Node, np.ndarray]
) -> dict[Node, np.ndarray[Any, Any]]:
    """Copies of the cells that are read, at one moment, while no program writes them."""
    read = [node for node in nodes if node.op is STATE and node not in fed]
    if not read:
        return {}
    with STATE_LOCK:
        return {node: node.params["cell"].array.copy() for node in read}


def _run(
    nodes: Sequence[Node],
    outputs: Sequence[Node],
    fed: Mapping[Node, np.ndarray],
    sizes: Mapping[str, int],
) -> list[np.ndarray]:
    fed = {**_states(nodes, fed), **fed}
    kept = set(outputs)
    last = {operand: node for node in nodes if node not in fed for operand in node.inputs}
    arrays: dict[Node, np.ndarray] = {}
    for node in nodes:
        arrays[node] = _value(node, arrays, fed, sizes)
        for operand in set(node.inputs):
            if last.get(operand) is node and operand not in kept:
                del arrays[operand]
    return [arrays[output].copy() for output in outputs]


def _value(
    node: Node,
    arrays: Mapping[Node, np.ndarray],
    fed: Mapping[Node, np.ndarray],
    sizes: Mapping[str, int],
) -> np.ndarray:
    if node in fed:
        return fed[node]
    if node.op is CONSTANT:
        return node.params["value"].array
    if node.op is INPUT:
        name = node.params["name"]
        raise MissingInputError(
            f"{described(node)} was not given",
            got=f"made at {node.where}",
            fix=f"give its value: eval({{{name}: array, ...}})",
        )
    try:
        with np.errstate(all="ignore"):
            operands = (arrays[i] for i in node.inputs)
            array = node.op.eval(*operands, **bound_params(node.params, sizes))
    except IndexRangeError:  # of the line that indexed, not of the one that evaluates
        raise index_error(node, arrays[node.inputs[1]], sizes, fed) from None
    return _checked(node, np.asarray(array), bound_shape(node.type.shape, sizes))


def index_error(
    node: Node,
    index: np.ndarray,
    sizes: Mapping[str, int],
    fed: Mapping[Node, np.ndarray],
    step: str = "",
    rows: Mapping[Node, np.ndarray | None] | None = None,
) -> IndexRangeError:
    """That a position of a gather or scatter is outside of its axis: which, where, whose.

    `fed` are the arrays of leaves, `rows` the numbers of the rows of those that are a batch; `step`
    says when.
    """
    indexed, axis = node.inputs[0].type, node.params["axis"]
    length = dims.evaluate(indexed.shape[axis], sizes)
    lowest = 0 if index.dtype.kind == "u" else -length
    outside = np.flatnonzero((index >= length) | (index < lowest))
    got, source = "one that reads nothing", ""  # kernels look at it before it is broadcast
    if outside.size:
        got, source = _index_source(node, index, int(outside[0]), fed, rows or {})
    origin = node
    while origin.source is not None:  # a gradient node: the user wrote what it came from
        origin = origin.source
    function = origin.where.function if origin.where else ""
    return IndexRangeError(
        f"{function or 'x[i]'}: an index is outside axis {axis} of {indexed}{step}",
        got=got,
        where=origin.where,
        fix=(f"indices go from {lowest} to {length - 1}" if length else "the axis is empty")
        + source,
    )


def _index_source(
    node: Node,
    index: np.ndarray,
    place: int,
    fed: Mapping[Node, np.ndarray],
    rows: Mapping[Node, np.ndarray | None],
) -> tuple[str, str]:
    """An element of an index, and the leaf that it comes from, where that is just one."""
    number = index.ravel()[place].astype(np.int64)
    given = [n for n in order([node.inputs[1]]) if given_name(n) is not None]
    source = f"; these come from {described(given[0])}" if len(given) == 1 else ""
    array = fed.get(given[0]) if source else None
    if array is None or array.size != index.size or array.ravel()[place].astype("i8") != number:
        at = f" at {place_text(index.shape, place)}" if index.ndim else ""
        return f"{number}{at}", source
    at = place_text(array.shape, place, rows.get(given[0]))
    return f"{given_name(given[0])}{at} is {array.ravel()[place]}", source


def place_text(shape: Sequence[int], place: int, rows: np.ndarray | None = None) -> str:
    """The place, in row-major order, of an element; `rows` numbers the first axis.

    >>> place_text((2, 3), 4), place_text((), 0)
    ('[1, 1]', '')
    """
    at = [int(n) for n in np.unravel_index(place, shape)]
    if rows is not None and at:
        at[0] = int(rows[at[0]])
    return f"[{', '.join(map(str, at))}]" if at else ""


def _checked(node: Node, array: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    if array.shape == shape and array.dtype == node.type.dtype.numpy:
        return array
    got = TensorType(node.type.dtype, array.shape)
    raise GraphError(
        f"{node.op.name}: infer says {node.type}, of shape {shape}",
        got=f"eval gave {array.dtype} of shape {got.shape}",
        where=node.where,
        fix="this is a fault of the primitive's record: its facets contradict each other",
    )

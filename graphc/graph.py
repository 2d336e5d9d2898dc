"""Interned nodes and the graphs they form.

Enters: an `Op` record, its operands and parameters. Leaves: `Node`s, one for each distinct
computation (that is common-subexpression elimination), and free functions over them.

>>> from graphc.types import TensorType, float32
>>> x = make(INPUT, (), {"name": "x", "type": TensorType(float32, ("n",))})
>>> x is make(INPUT, (), {"name": "x", "type": TensorType(float32, ("n",))})
True
"""

import contextvars
import threading
import weakref
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from typing import Any, Protocol, Self, TypeVar

import numpy as np

from graphc.dims import Guard
from graphc.errors import GraphError, Where, caller
from graphc.lowering import Leaf, Lowering
from graphc.types import TensorType


class Handle(Protocol):
    """What users hold: a node and, in `functions.tensor`, its operators."""

    @property
    def node(self) -> "Node": ...
    def __new__(cls, node: "Node") -> Self: ...


H = TypeVar("H", bound=Handle)


def no_guards(*types: TensorType, **params: Any) -> tuple[Guard, ...]:
    """The guards of a primitive whose types prove everything."""
    return ()


@dataclass(frozen=True, slots=True, eq=False)
class Op:
    """A primitive: one record with all its facets.

    infer(*types, **params) -> TensorType, raising ShapeError or DTypeError;
    eval(*arrays, **params) -> array, by NumPy, every dim in params already an int;
    vjp(g, y, *inputs, **params) -> a gradient an input, None where there is no path; a vjp of
    None marks a primitive whose result is not differentiable (integers, booleans);
    batch(size, batched, *inputs, **params) -> the result with one more leading axis of `size`,
    where batched[i] tells whether input i carries that axis in front;
    lower: its kind for the schedule; guards: what must hold once sizes are known.
    """

    name: str
    infer: Callable[..., TensorType]
    eval: Callable[..., Any]
    vjp: Callable[..., tuple[Any, ...]] | None
    batch: Callable[..., Any]
    lower: Lowering
    guards: Callable[..., tuple[Guard, ...]] = no_guards

    def __call__(self, *operands: H, **params: Any) -> H:
        """The primitive applied to handles: a handle of the same class."""
        nodes = tuple(operand.node for operand in operands)
        return type(operands[0])(make(self, nodes, params))

    def __repr__(self) -> str:
        return f"Op({self.name!r})"


class Literal:
    """A constant's value, equal by dtype, shape and bytes: 1 == 1.0 but their literals differ."""

    __slots__ = ("_key", "array")

    array: np.ndarray[Any, Any]

    def __init__(self, array: np.ndarray) -> None:
        self.array = np.array(array, order="C", copy=True)
        self.array.flags.writeable = False
        self._key = (self.array.dtype.str, self.array.shape, self.array.tobytes())

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Literal) and self._key == other._key

    def __hash__(self) -> int:
        return hash(self._key)

    def __repr__(self) -> str:
        return f"Literal({self.array!r})"


def _leaf(name: str, infer: Callable[..., TensorType]) -> Op:
    def eval(**params: Any) -> Any:
        raise GraphError(
            f"{name}: a leaf has no value of its own", fix="give its value to evaluate"
        )

    def batch(size: Any, batched: Any, **params: Any) -> Any:
        raise GraphError(f"{name}: a leaf has no operands to batch")

    return Op(name, infer, eval, None, batch, Leaf())


INPUT = _leaf("input", lambda name, type: type)
STATE = _leaf("state", lambda cell: cell.type)
CONSTANT = _leaf("constant", lambda value, type: type)


class Node:
    """An application of a primitive: interned, immutable, compared by identity.

    `where` is the user's line; `source` is the forward node that a gradient node came from. Both
    stand beside the node and are no part of its identity: the first creator's win.
    """

    __slots__ = ("__weakref__", "handle", "inputs", "op", "params", "source", "type", "where")

    op: Op
    inputs: tuple["Node", ...]
    params: Mapping[str, Any]
    type: TensorType
    where: Where | None
    source: "Node | None"
    handle: Callable[[], Any]

    def __repr__(self) -> str:
        return f"Node({self.op.name}: {self.type})"


@dataclass(frozen=True, slots=True)
class Provenance:
    """Where the nodes made now come from: a fixed line, a forward node, module scopes."""

    where: Where | None = None
    source: Node | None = None


_provenance: contextvars.ContextVar[Provenance] = contextvars.ContextVar(
    "graphc_provenance", default=Provenance()
)


@contextmanager
def provenance(where: Where | None, source: Node | None = None) -> Iterator[None]:
    """Nodes made inside carry this line and this forward node instead of the caller's line."""
    token = _provenance.set(Provenance(where, source))
    try:
        yield
    finally:
        _provenance.reset(token)


def called(function: str) -> AbstractContextManager[None]:
    """Nodes made inside carry the caller's line, and that this function was called there."""
    where = _provenance.get().where or caller()
    return provenance(replace(where, function=where.function or function))


_nodes: weakref.WeakValueDictionary[tuple[Any, ...], Node] = weakref.WeakValueDictionary()
_nodes_lock = threading.RLock()  # reentrant: a collection of garbage inside may make nodes


def _no_handle() -> None:
    return None


def _identity(value: Any) -> Any:
    # 0.0 == -0.0 and 1 == 1.0 == True, but as parameters they are different computations.
    if isinstance(value, float):
        return ("float", value.hex())
    return (bool, value) if isinstance(value, bool) else value


def make(op: Op, inputs: tuple[Node, ...], params: Mapping[str, Any]) -> Node:
    """The node that applies `op`: an equal one that is alive, or a new one; one for all threads.

    Raises what op.infer raises: ShapeError, DTypeError.
    """
    named = [(k, _identity(params[k])) for k in sorted(params)] if params else ()
    key = (op, *map(id, inputs), *named)
    node = _nodes.get(key)
    if node is not None:
        return node
    now = _provenance.get()
    node = Node()
    node.op, node.inputs, node.params = op, inputs, dict(params)
    node.type = op.infer(*[i.type for i in inputs], **params)
    node.where = now.where or caller()
    node.source, node.handle = now.source, _no_handle
    with _nodes_lock:
        first = _nodes.get(key)  # another thread may have made it meanwhile
        if first is not None:
            return first
        _nodes[key] = node
    return node


def live_nodes() -> int:
    """How many distinct nodes are alive in this process."""
    return len(_nodes)


def constant(array: np.ndarray, type: TensorType) -> Node:
    """The constant node of that value; the array's dtype and shape are those of the type."""
    return make(CONSTANT, (), {"value": Literal(array), "type": type})


def order(outputs: Iterable[Node]) -> list[Node]:
    """Every node that the outputs reach, operands first; iterative, the order is reproducible."""
    done: set[Node] = set()
    result: list[Node] = []
    for output in outputs:
        stack = [(output, False)]
        while stack:
            node, ready = stack.pop()
            if node in done:
                continue
            if ready:
                done.add(node)
                result.append(node)
                continue
            stack.append((node, True))
            stack.extend((i, False) for i in reversed(node.inputs) if i not in done)
    return result


def users(nodes: Iterable[Node]) -> dict[Node, list[Node]]:
    """For each node, the nodes among `nodes` that read it, in order, one entry an operand."""
    result: dict[Node, list[Node]] = {}
    for node in nodes:
        result.setdefault(node, [])
        for i in node.inputs:
            result.setdefault(i, []).append(node)
    return result


def rebuild(node: Node, inputs: tuple[Node, ...]) -> Node:
    """The same primitive on other operands, with the same provenance."""
    if inputs == node.inputs:
        return node
    token = _provenance.set(Provenance(node.where, node.source))  # `provenance` takes 1 us more
    try:
        return make(node.op, inputs, node.params)
    finally:
        _provenance.reset(token)


def substitute(outputs: Sequence[Node], mapping: Mapping[Node, Node]) -> list[Node]:
    """The outputs with every node of `mapping` replaced by its image."""
    new: dict[Node, Node] = {}
    for node in order(outputs):
        new[node] = mapping.get(node) or rebuild(node, tuple(new[i] for i in node.inputs))
    return [new[output] for output in outputs]


@dataclass(frozen=True, slots=True)
class Graph:
    """What a program computes: inputs in call order, outputs, and updates (state, new value).

    `labels` are names that the user gave to nodes, or that tell what a node in another form was;
    what only a label reaches is not computed.
    """

    inputs: tuple[Node, ...]
    outputs: tuple[Node, ...]
    updates: tuple[tuple[Node, Node], ...] = ()
    labels: tuple[tuple[Node, str], ...] = ()

    @property
    def roots(self) -> tuple[Node, ...]:
        """Outputs, then the new values of state."""
        return self.outputs + tuple(value for _, value in self.updates)

    @property
    def nodes(self) -> list[Node]:
        """Every node, operands first."""
        return order(self.roots)

    def __str__(self) -> str:
        results = ", ".join(str(node.type) for node in self.outputs)
        return f"Graph({len(self.inputs)} inputs -> {results})"


def mapped(graph: Graph, new: Mapping[Node, Node]) -> Graph:
    """The graph with new[node] in the place of every node that its roots reach."""
    updates = tuple((state, new[value]) for state, value in graph.updates)
    labels = tuple((new[node], label) for node, label in graph.labels if node in new)
    return Graph(graph.inputs, tuple(new[output] for output in graph.outputs), updates, labels)


def given_name(node: Node) -> str | None:
    """The name that the user gave an input or state; None for any other node."""
    if node.op is INPUT:
        return node.params["name"]
    return node.params["cell"].name if node.op is STATE else None


def described(node: Node) -> str:
    """The primitive's name; for an input or state with its own: input 'x'."""
    name = given_name(node)
    return node.op.name if name is None else f"{node.op.name} {name!r}"


def label_of(node: Node) -> str | None:
    """The name that the user gave: to an input or state, or by `labelled`; None for other nodes."""
    if node.op.name == "identity" and node.where is not None:
        return node.where.scope or None
    return given_name(node)


def labelled(identity: Op, node: Node, label: str) -> Node:
    """An identity of the node whose scope is the label.

    Nodes are interned without their scope, so a second label stands on top of the first.
    GraphError for a label that is no text, or empty.
    """
    if not isinstance(label, str) or not label:
        raise GraphError("a label is a text", got=repr(label), fix="x.named('hidden')")
    here = caller()
    with provenance(Where(here.file, here.line, label)):
        node = make(identity, (node,), {})
        while label_of(node) != label:
            node = make(identity, (node,), {})
    return node


def verify(graph: Graph) -> None:
    """Raises GraphError where a node's type is not what its primitive infers, or a leaf is strange.

    >>> verify(Graph((), ()))
    """
    known = set(graph.inputs)
    for node in graph.nodes:
        if node.op is INPUT and node not in known:
            name = node.params["name"]
            raise GraphError(
                f"input {name!r} is used but not listed",
                got=f"made at {node.where}",
                fix=f"add {name} to inputs",
            )
        inferred = node.op.infer(*(i.type for i in node.inputs), **node.params)
        if inferred != node.type:
            raise GraphError(
                f"{node.op.name}: typed {node.type}, infers {inferred}", where=node.where
            )
    for state, value in graph.updates:
        if state.op is not STATE or state.type != value.type:
            raise GraphError(f"update of {state.type} by {value.type}", where=value.where)

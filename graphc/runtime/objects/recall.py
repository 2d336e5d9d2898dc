"""What was made of large graphs, kept on disk: a warm start skips the stages before the binding.

Enters: a graph, and how to make something of it (its code). Leaves: that, from the store of kernels
if an equal graph came by before, else made now and kept.

Graphs are equal if they have the same primitives, parameters and connections, and if the same of
their nodes were made on one line. The key is a digest of that, of every source file of this
package, and of what machine code depends on. What is kept holds the user's nodes, states, large
constants and lines as numbers: it gets those of the graph at hand, so that lines may move, and
values differ. What holds anything else of the user's is not kept, and made each time.

    code = recall(graph, make)
"""

import contextlib
import copyreg
import hashlib
import io
import pickle
import zlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, fields, is_dataclass, replace
from functools import cache, partial
from typing import Any, TypeVar

from graphc.dims import Dim
from graphc.errors import Where, caller
from graphc.graph import CONSTANT, STATE, Graph, Literal, Node, Op, make, order, provenance
from graphc.runtime.language.fingerprint import digest, package
from graphc.runtime.objects.cache import kernel_store
from graphc.runtime.objects.store import Entry
from graphc.state import State
from graphc.types import DType, TensorType

LARGE = 256  # nodes; the stages of smaller graphs take hardly longer than to look for their results

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _Row:
    """A node that is not the user's; nodes are numbers."""

    number: int
    op: Op
    inputs: tuple[int, ...]
    params: Mapping[str, Any]
    where: Where | None
    source: int | None


@dataclass(frozen=True, slots=True)
class _Known:
    """What a graph holds, numbered in the order of its nodes: keys are what stands for a thing."""

    nodes: dict[Node, int]
    lines: dict[Where | None, int]


def recall(graph: Graph, making: Callable[[Graph], T]) -> T:
    """making(graph), or what that was for an equal graph."""
    known = _known(graph)
    if len(known.nodes) < LARGE:
        return making(graph)
    try:
        key = f"program_{_key(graph, known)}"
    except LookupError:
        return making(graph)
    entry = kernel_store().get(key)
    if entry is not None:
        return _restored(entry.data, known)
    made = making(graph)
    with contextlib.suppress(LookupError, pickle.PicklingError):
        kernel_store().put(key, Entry(_written(made, known)))
    return made


def _known(graph: Graph) -> _Known:
    states = [state for state, _ in graph.updates]
    named = [node for node, _ in graph.labels]
    nodes = order([*graph.inputs, *states, *graph.roots, *named])
    while True:
        found = set(nodes)
        sources = [n.source for n in nodes if n.source is not None and n.source not in found]
        if not sources:
            break
        nodes = order([*nodes, *sources])
    lines = dict.fromkeys([caller(), *[node.where for node in nodes]])
    return _Known(_numbered(nodes), _numbered(dict.fromkeys([*lines, *map(_bare, lines)])))


def _bare(line: Where | None) -> Where | None:
    """What a copy of a node has of its line."""
    return line and replace(line, scope="")


def _numbered(things: Iterable[T]) -> dict[T, int]:
    return {thing: number for number, thing in enumerate(things)}


# ---- the key ------------------------------------------------------------------------------------


def _key(graph: Graph, known: _Known) -> str:
    number, line = known.nodes, known.lines
    text = [package()]
    for node in number:
        params = [(name, _told(node.params[name])) for name in sorted(node.params)]
        scope = node.where and node.where.scope
        inputs = [number[i] for i in node.inputs]
        source = node.source and number[node.source]
        text.append(f"{node.op.name} {inputs} {params} {line[node.where]} {scope!r} {source}")
    roots = [number[node] for node in graph.inputs], [number[node] for node in graph.outputs]
    updates = [(number[state], number[value]) for state, value in graph.updates]
    labels = [(number[node], label) for node, label in graph.labels]
    bare = [line[_bare(one)] for one in line]
    return digest("program", "\n".join([*text, f"{roots} {updates} {labels} {bare}"]))


def _told(value: Any) -> str:
    """All that code may depend on: of a state's value nothing, of a constant's every bit.

    LookupError for what may say less of itself than it is.
    """
    match value:
        case int() | float() | str() | None | Dim() | DType() | TensorType():
            return repr(value)
        case tuple():
            return f"({', '.join(map(_told, value))})"
        case State():
            return f"{value.name!r} {value.type} {value.trainable}"
        case Literal(array=array):
            return f"{array.dtype.str} {array.shape} {hashlib.sha256(array.tobytes()).hexdigest()}"
        case _:
            raise LookupError(f"a parameter of type {type(value).__name__}")


# ---- writing ------------------------------------------------------------------------------------


def _written(made: Any, known: _Known) -> bytes:
    """The bytes of something. LookupError if it holds of the user's what the graph does not."""
    new: dict[Node, int] = {}
    body = _dumped(made, known, new)
    nodes = [node for node in order(new) if node not in known.nodes]
    for node in nodes:
        new.setdefault(node, len(known.nodes) + len(new))
    number = known.nodes | new
    rows = [
        _Row(
            number[node],
            node.op,
            tuple([number[i] for i in node.inputs]),
            node.params,
            node.where,
            node.source and known.nodes[node.source],
        )
        for node in nodes
    ]
    return zlib.compress(pickle.dumps((_dumped(rows, known, new), body)), level=1)


def _dumped(made: Any, known: _Known, new: dict[Node, int]) -> bytes:
    file = io.BytesIO()
    cells = {node.params["cell"]: n for node, n in known.nodes.items() if node.op is STATE}
    values = {id(n.params["value"]): k for n, k in known.nodes.items() if n.op is CONSTANT}
    _Writer(file, partial(_reference, known, new, cells, values)).dump(made)
    return file.getvalue()


class _Writer(pickle.Pickler):
    """Writes what `refer` gives for a thing, where that is not None; a subclass as pickle asks for
    one: since Python 3.13 a pickler's attribute cannot be set."""

    def __init__(self, file: io.BytesIO, refer: Callable[[Any], tuple[str, int] | None]) -> None:
        super().__init__(file, protocol=5)
        self._refer = refer

    def persistent_id(self, obj: Any) -> tuple[str, int] | None:
        return self._refer(obj)

    def reducer_override(self, obj: Any) -> Any:
        names = _arguments(type(obj))
        if names is None:
            return NotImplemented  # pickle's own way
        return type(obj), tuple([getattr(obj, name) for name in names])


@cache
def _arguments(kind: type) -> tuple[str, ...] | None:
    """What a record is made again from, for to set the fields of an empty one takes three times as
    long; None if it is no record, or does something of its own."""
    own = kind in copyreg.dispatch_table or kind.__reduce__ is not object.__reduce__
    if own or not is_dataclass(kind) or "__post_init__" in vars(kind):
        return None
    if any(not f.init or f.kw_only for f in fields(kind)):
        return None
    return tuple([f.name for f in fields(kind)])


_REFERRED = {Node, Where, State, Literal}


def _reference(
    known: _Known,
    new: dict[Node, int],
    cells: Mapping[State, int],
    values: Mapping[int, int],
    thing: Any,
) -> tuple[str, int] | None:
    """What stands for a thing; None: the thing itself."""
    if type(thing) not in _REFERRED:
        return None
    if isinstance(thing, Node):
        number = known.nodes.get(thing)
        fresh = len(known.nodes) + len(new)
        return "node", new.setdefault(thing, fresh) if number is None else number
    if isinstance(thing, Where):
        return "line", known.lines[thing]
    if isinstance(thing, State):
        return "cell", cells[thing]
    if isinstance(thing, Literal) and id(thing) in values:
        return "value", values[id(thing)]
    return None


# ---- reading ------------------------------------------------------------------------------------


def _restored(data: bytes, known: _Known) -> Any:
    rows, body = pickle.loads(zlib.decompress(data))
    nodes = {number: node for node, number in known.nodes.items()}
    lines = list(known.lines)
    for row in _loaded(rows, nodes, lines):
        source = None if row.source is None else nodes[row.source]
        with provenance(row.where, source):
            nodes[row.number] = make(row.op, tuple([nodes[i] for i in row.inputs]), row.params)
    return _loaded(body, nodes, lines)


def _loaded(data: bytes, nodes: Mapping[int, Node], lines: list[Where | None]) -> Any:
    def found(reference: tuple[str, int]) -> Any:
        kind, number = reference
        match kind:
            case "node":
                return nodes[number]
            case "line":
                return lines[number]
            case _:
                return nodes[number].params[kind]

    return _Reader(data, found).load()


class _Reader(pickle.Unpickler):
    """Reads what `_Writer` wrote: `found` gives the thing for what stands for it."""

    def __init__(self, data: bytes, found: Callable[[tuple[str, int]], Any]) -> None:
        super().__init__(io.BytesIO(data))
        self._found = found

    def persistent_load(self, pid: Any) -> Any:
        return self._found(pid)

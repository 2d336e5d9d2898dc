"""Print and parse: a graph as text, one line a node, and the graph back from its text.

Enters: a Graph, or nodes. Leaves: text that `parse` turns into the same interned nodes.

>>> from graphc.types import TensorType, float32
>>> x = make(INPUT, (), {"name": "x", "type": TensorType(float32, ("batch", 2))})
>>> print(text(x))
x: f32[batch, 2] = input()
return x
>>> parse(text(x), ()).outputs[0] is x
True
"""

import ast
import base64
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from graphc.dims import Dim, dim, dim_source, parse_dim
from graphc.errors import GraphcError, GraphError
from graphc.graph import (
    CONSTANT,
    INPUT,
    STATE,
    Graph,
    Handle,
    Node,
    Op,
    constant,
    label_of,
    labelled,
    make,
    order,
)
from graphc.state import State
from graphc.tree import flatten
from graphc.types import DType, TensorType, dtype_of_short, parse_type

_INLINE = 8  # constants up to so many elements are written where they are used

Printable = Graph | Node | Handle | list[Any] | tuple[Any, ...] | Mapping[Any, Any]


# ---- print ----


def text(what: Printable, *, lines: bool = False) -> str:
    """The graph of a tensor, or of a tree of them, as text: what is computed forward, and behind
    it gradients and what reads them. `lines` adds each node's line in the user's program as a
    comment; a gradient node's comment names the node that it belongs to.
    """
    graph = _graph(what)
    states = (state for state, _ in graph.updates)  # which nothing may read
    forward, backward = _halves(graph)
    nodes = list(dict.fromkeys([*graph.inputs, *forward, *states, *backward]))
    shown = [node for node in nodes if not _is_inline(node)]
    labels = _labels(shown, nodes)
    texts = {n: _line(n, labels) + (_comment(n, labels) if lines else "") for n in shown}
    later = {*backward}
    result = [texts[node] for node in shown if node not in later]
    result.extend(_headed([texts[node] for node in shown if node in later]))
    result.append(f"return {', '.join(labels[node] for node in graph.outputs)}")
    result.extend(f"update {labels[state]} = {labels[value]}" for state, value in graph.updates)
    return "\n".join(result)


def _graph(what: Printable) -> Graph:
    if isinstance(what, Graph):
        return what
    nodes = tuple(map(_node, flatten(what)[0] or [what]))
    return Graph(tuple(node for node in order(nodes) if node.op is INPUT), nodes)


def _node(item: Any) -> Node:
    try:
        return item if isinstance(item, Node) else item.node
    except AttributeError as error:
        raise GraphError(
            "text is of tensors, a tree of them, or a graph",
            got=repr(item),
            fix="text(y), text([y, z]), text(step.graph), text(jitted.program(x).graph)",
        ) from error


def _halves(graph: Graph) -> tuple[list[Node], list[Node]]:
    """The nodes in an order in which a reader follows them: those that read no gradient, of which
    the deepest result goes first, as it tells most of the story; and the others."""
    nodes, depth = graph.nodes, dict[Node, int]()
    later = _later(nodes, graph.outputs)
    for node in nodes:
        depth[node] = 1 + max((depth[i] for i in node.inputs), default=0)
    read = {i for node in nodes if node not in later for i in node.inputs}
    ends = [node for node in nodes if node not in later and node not in read]
    deepest = sorted(ends, key=lambda node: -depth[node])
    asked = [node for node in graph.outputs if node not in later]
    return order([*asked, *deepest]), [node for node in nodes if node in later]


def _later(nodes: Sequence[Node], outputs: Sequence[Node]) -> set[Node]:
    """The gradient nodes, and what reads them. What follows from numbers and sizes alone stands
    where it is read: such nodes are shared, and may have been made for another gradient."""
    varying, later = set[Node](), set[Node]()
    for node in nodes:
        if node.op in (INPUT, STATE) or any(i in varying for i in node.inputs):
            varying.add(node)
        if any(i in later for i in node.inputs) or (node in varying and node.source is not None):
            later.add(node)
    forward = {node for node in outputs if node.source is None} - later
    for node in reversed(nodes):
        if node not in later and (node in varying or node in forward):
            forward.update((node, *node.inputs))
    return {node for node in nodes if node not in forward}


def _headed(gradient: list[str]) -> list[str]:
    return ["", "# gradient", *gradient] if gradient else []


def _labels(shown: Sequence[Node], nodes: Sequence[Node]) -> dict[Node, str]:
    labels = {node: _inline(node) for node in nodes if _is_inline(node)}
    taken: set[str] = set()
    count = 0
    for node in shown:
        own = _own_name(node)
        labels[node] = f"%{count}" if own is None else _fresh(own, taken)
        count += own is None
    return labels


def _fresh(name: str, taken: set[str]) -> str:
    label, tries = name, 2
    while label in taken:
        label, tries = f"{name}_{tries}", tries + 1
    taken.add(label)
    return label


def _own_name(node: Node) -> str | None:
    name = label_of(node)
    if name is None or re.fullmatch(r"[A-Za-z_][\w./-]*", name):
        return name
    return re.sub(r"\W", "_", f"_{name}")


def _line(node: Node, labels: Mapping[Node, str]) -> str:
    arguments = [labels[i] for i in node.inputs]
    arguments.extend(f"{key}={_value_text(value)}" for key, value in _shown_params(node, labels))
    return f"{labels[node]}: {node.type} = {node.op.name}({', '.join(arguments)})"


def _shown_params(node: Node, labels: Mapping[Node, str]) -> list[tuple[str, Any]]:
    name = label_of(node)
    named = [] if name is None or name == labels[node] else [("name", name)]
    if node.op is INPUT:
        return named
    if node.op is STATE:
        return [*named, ("trainable", node.params["cell"].trainable)]
    if node.op is CONSTANT:
        data = node.params["value"].array.tobytes()
        return [("data", base64.b64encode(data).decode())]
    # sorted: nodes are interned, and the order of the first creator says nothing
    return [*named, *sorted(node.params.items())]


def _value_text(value: Any) -> str:
    match value:
        case DType():
            return value.short
        case Dim():
            return dim_source(value)
        case tuple():
            inside = ", ".join(map(_value_text, value))
            return f"({inside},)" if len(value) == 1 else f"({inside})"
        case float() if value - value != 0.0:
            return f"float({str(value)!r})"
        case None | bool() | int() | float() | str():
            return repr(value)
        case _:
            raise GraphError(f"text: a parameter of type {type(value).__name__} has no text")


def _is_inline(node: Node) -> bool:
    if node.op is not CONSTANT:
        return False
    array = node.params["value"].array
    if array.size > _INLINE or array.size == 0:
        return False
    # a nan's payload, for one, would be lost
    return _read_constant(_inline(node)).params["value"] == node.params["value"]


def _inline(node: Node) -> str:
    return f"{_numbers(node.params['value'].array)}:{node.type.dtype.short}"


def _numbers(array: np.ndarray) -> str:
    if array.ndim:
        return f"[{', '.join(map(_numbers, array))}]"
    number = array[()]
    short = str(number)  # the shortest text; reading it goes through float64, which may round twice
    if number.dtype.kind == "f" and number == number and number.dtype.type(float(short)) != number:
        return repr(float(number))
    return short


def _comment(node: Node, labels: Mapping[Node, str]) -> str:
    where = node.where
    if where is not None and _is_label(node.source or node):
        where = replace(where, scope="")
    place = f"  # {where}" if where is not None else ""
    if node.source is None:
        return place
    source = labels.get(node.source) or node.source.op.name  # which another graph may show
    return f"  # gradient of {source}" + (f", {where}" if where is not None else "")


def _is_label(node: Node) -> bool:
    """Whether the scope of a node's line is the label that it was given, and no function."""
    return label_of(node) is not None and node.op not in (INPUT, STATE)


# ---- parse ----


def parse(
    source: str, primitives: Iterable[Op], states: Mapping[str, State] | None = None
) -> Graph:
    """The graph that a text describes, made of these primitives.

    A state takes the cell of its name in `states`, or a new one of zeros. Raises GraphError, with
    the line's number, for a text that is not a graph or whose types are not what it computes.
    """
    reader = _Reader({op.name: op for op in primitives}, states or {})
    for number, line in enumerate(source.splitlines(), 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        try:
            reader.read(line.strip())
        except (GraphcError, ValueError, SyntaxError, TypeError, KeyError) as error:
            reason = error.what if isinstance(error, GraphcError) else str(error)
            raise GraphError(f"text, line {number}: {reason}", got=line.strip()) from error
    return Graph(tuple(reader.inputs), tuple(reader.outputs), tuple(reader.updates))


class _Reader:
    """What the lines so far have defined."""

    def __init__(self, primitives: Mapping[str, Op], states: Mapping[str, State]) -> None:
        self.primitives, self.states = primitives, states
        self.nodes: dict[str, Node] = {}
        self.inputs: list[Node] = []
        self.outputs: list[Node] = []
        self.updates: list[tuple[Node, Node]] = []

    def read(self, line: str) -> None:
        if match := re.match(r"(\S+): (\w+\[[^\]]*\]) = (\w+)\((.*)", line):
            label, type_text, op, rest = match.groups()
            self.define(label, parse_type(type_text), op, _arguments(rest))
        elif match := re.match(r"update (\S+) = (.*)", line):
            self.updates.append((self.nodes[match[1]], self.operand(match[2])))
        elif match := re.match(r"return(?: (.*))?$", line):
            self.outputs = [self.operand(name) for name in _arguments(f"{match[1] or ''})")]
        else:
            raise GraphError("not a definition, a return or an update")

    def define(self, label: str, type: TensorType, op: str, arguments: Sequence[str]) -> None:
        pairs = [re.match(r"(\w+)=(.*)", argument) for argument in arguments]
        params = {pair[1]: _read_param(pair[1], pair[2]) for pair in pairs if pair}
        names = [name for name, pair in zip(arguments, pairs, strict=True) if not pair]
        operands = tuple(map(self.operand, names))
        node = self.leaf(label, type, op, params) or self.apply(label, op, operands, params)
        if node.type != type:
            raise GraphError(f"{op} gives {node.type}, not {type}")
        self.nodes[label] = node

    def leaf(self, label: str, type: TensorType, op: str, params: dict[str, Any]) -> Node | None:
        name = params.get("name", label)
        if op == "input":
            node = make(INPUT, (), {"name": name, "type": type})
            self.inputs.append(node)
            return node
        if op == "state":
            return make(STATE, (), {"cell": self.cell(name, type, params["trainable"])})
        if op == "constant":
            data = np.frombuffer(base64.b64decode(params["data"]), type.dtype.numpy)
            return constant(data.reshape(_fixed(type)), type)
        return None

    def cell(self, name: str, type: TensorType, trainable: bool) -> State:
        known = self.states.get(name)
        return known or State(name, np.zeros(_fixed(type), type.dtype.numpy), type, trainable)

    def apply(
        self, label: str, op: str, operands: tuple[Node, ...], params: dict[str, Any]
    ) -> Node:
        if op not in self.primitives:
            raise GraphError(f"no primitive has the name {op!r}")
        if op == "identity" and not label.startswith("%"):
            return labelled(self.primitives[op], operands[0], params.get("name", label))
        return make(self.primitives[op], operands, params)

    def operand(self, name: str) -> Node:
        if name in self.nodes:
            return self.nodes[name]
        if ":" in name:
            return _read_constant(name)
        raise GraphError(f"{name!r} is not defined above")


def _fixed(type: TensorType) -> tuple[int, ...]:
    sizes = tuple(size for size in type.shape if isinstance(size, int))
    if len(sizes) != type.rank:
        raise GraphError(f"a constant or a state has a fixed shape, not {type}")
    return sizes


def _arguments(rest: str) -> list[str]:
    # What stands between the brackets, split at the commas that no bracket or quote encloses.
    return [argument.strip() for argument in _split(rest) if argument.strip()]


def _split(rest: str) -> Iterator[str]:
    depth, start, quote = 0, 0, ""
    for at, char in enumerate(rest):
        if quote:
            quote = "" if char == quote and rest[at - 1] != "\\" else quote
        elif char in "'\"":
            quote = char
        elif char in "([":
            depth += 1
        elif depth and char in ")]":
            depth -= 1
        elif not depth and char in ",)":
            yield rest[start:at]
            start = at + 1
            if char == ")":
                return
    raise GraphError("a bracket is not closed")


def _read_param(key: str, value: str) -> Any:
    return (
        dtype_of_short(value) if key == "dtype" else _read_value(ast.parse(value, mode="eval").body)
    )


def _read_value(node: ast.expr) -> Any:
    match node:
        case ast.Constant(value=value):
            return value
        case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int() | float() as value)):
            return -value
        case ast.Tuple(elts=items):
            return tuple(map(_read_value, items))
        case ast.Call(func=ast.Name(id="float"), args=[ast.Constant(value=str(value))]):
            return float(value)
        case ast.Name(id=name):
            return dim(name)
        case _:
            return parse_dim(ast.unparse(node))


def _read_constant(source: str) -> Node:
    numbers, _, short = source.rpartition(":")
    dtype = dtype_of_short(short)
    if dtype.kind == "f":
        values = re.sub(r"-?(?:nan|inf)\b", lambda found: f"float({found[0]!r})", numbers)
        array = np.array(_read_list(ast.parse(values, mode="eval").body), dtype.numpy)
    else:
        array = np.array(ast.literal_eval(numbers), dtype.numpy)
    return constant(array, TensorType(dtype, array.shape))


def _read_list(node: ast.expr) -> Any:
    return list(map(_read_list, node.elts)) if isinstance(node, ast.List) else _read_value(node)

"""Copies and pickles of graphs, and the names that they print.

Enters: nodes. Leaves: rows that can be pickled, nodes made from them again; and copies whose
state is their own. State that two tensors share stays shared inside one pickle or one deepcopy.
"""

import copy
import copyreg
from collections.abc import Mapping
from typing import Any, NamedTuple

from graphc.errors import GraphError, Where
from graphc.graph import (
    CONSTANT,
    INPUT,
    STATE,
    Literal,
    Node,
    Op,
    label_of,
    make,
    order,
    provenance,
    substitute,
)
from graphc.ops import PRIMITIVES
from graphc.state import STATE_LOCK, State


class Row(NamedTuple):
    """One node: its primitive's name, its operands as earlier rows' numbers, its parameters, and
    the line that made it."""

    op: str
    inputs: tuple[int, ...]
    params: Mapping[str, Any]
    where: Where | None


_OPS = {op.name: op for op in (INPUT, STATE, CONSTANT, *PRIMITIVES)}


def label(node: Node) -> str:
    """A short name: that of an input or state, or a label, in quotes; else the primitive's."""
    name = label_of(node)
    return node.op.name if name is None else repr(name)


def shown(node: Node) -> str:
    """A tensor as it prints."""
    return f"Tensor({label(node)}: {node.type})"


def rows(node: Node) -> tuple[Row, ...]:
    """The graph that computes a node, operands first."""
    nodes = order([node])
    number = {n: i for i, n in enumerate(nodes)}
    return tuple(
        Row(n.op.name, tuple(number[i] for i in n.inputs), n.params, n.where) for n in nodes
    )


def restored(table: tuple[Row, ...]) -> Node:
    """The node of the last row. GraphError for a primitive that this version does not have."""
    nodes: list[Node] = []
    for row in table:
        with provenance(row.where):
            nodes.append(make(_op(row.op), tuple(nodes[i] for i in row.inputs), row.params))
    return nodes[-1]


def _op(name: str) -> Op:
    if name not in _OPS:
        raise GraphError("a pickle names an unknown primitive", got=name)
    return _OPS[name]


def deep_copy(node: Node, memo: dict[int, Any]) -> Node:
    """The same computation on copies of the state that it reads, all as of one moment."""
    copies: dict[Node, Node] = {}
    states = [old for old in order([node]) if old.op is STATE]
    with STATE_LOCK:
        cells = [copy.deepcopy(old.params["cell"], memo) for old in states]
    for old, cell in zip(states, cells, strict=True):
        with provenance(old.where):
            copies[old] = make(STATE, (), {"cell": cell})
    return substitute([node], copies)[0] if copies else node


# State is rebuilt through its constructor, which aligns the array; a literal, too, is rebuilt,
# since it owns an array that cannot be written. An Op is code: its name stands for it.
def _reduce_state(cell: State) -> tuple[Any, ...]:
    with STATE_LOCK:
        array = cell.array.copy()
    return State, (cell.name, array, cell.type, cell.trainable)


def _reduce_literal(value: Literal) -> tuple[Any, ...]:
    return Literal, (value.array,)


def _reduce_op(op: Op) -> tuple[Any, ...]:
    return _op, (op.name,)


copyreg.pickle(State, _reduce_state)
copyreg.pickle(Literal, _reduce_literal)
copyreg.pickle(Op, _reduce_op)

"""The order of a value's axes in memory: that of what it is computed from.

Enters: a graph. Leaves: an equal one, where pointwise work, reductions and wholes that are put
together from parts go along memory; their readers see them transposed, which costs contractions
nothing:

    t = transpose(dot(a, b): f32[k, i, n], axes=(2, 0, 1)); sum(t * t, axes=(2,))
    ->    transpose(sum(dot(a, b) * dot(a, b), axes=(1,)), axes=(1, 0))

What is made of repeated values alone has no such order. Where contractions alone read it, its
longest axis is the last one: rows of 20 elements would fill vectors in part.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from graphc.graph import Graph, Node, make, mapped, provenance, rebuild, users
from graphc.lowering import Assemble, Contract, Pointwise, Reduce, Source
from graphc.ops import (
    broadcast_to,
    concat,
    conv,
    dot,
    identity,
    interleave,
    pad,
    reshape,
    slice_,
    transpose,
    windows,
)
from graphc.ops.views import inverse
from graphc.schedule.access import regroup

SHORT = 32  # elements: two vectors

Order = tuple[int, ...]  # the axes along which a value varies, the outermost in memory first
Orders = dict[Node, Order]
Readers = Mapping[Node, Sequence[Node]]
Groups = list[tuple[Order, Order]]  # axes of an operand, and those that stand for them


def laid_out(graph: Graph) -> Graph:
    """The graph with pointwise work and reductions in the order of the memory that they read."""
    nodes = graph.nodes
    kept = {*graph.outputs, *(value for _, value in graph.updates)}
    readers = users(nodes)
    wishes = _wishes(nodes, readers, kept)
    orders: Orders = {}
    firm: set[Node] = set()
    for node in nodes:
        orders[node] = _order(node, orders, firm, wishes.get(node))
        if _is_firm(node, orders, firm):
            firm.add(node)
    for node in reversed(nodes):
        if isinstance(node.op.lower, Pointwise) and not orders[node]:
            orders[node] = _order_of_readers(node, readers[node], orders)
    turned = _turned(nodes, orders, firm, _exposed(nodes, orders, kept))
    if not turned:
        return graph
    new: dict[Node, Node] = {}
    for node in nodes:
        inputs = tuple(new[i] for i in node.inputs)
        if node.op is transpose and inputs != node.inputs:
            new[node] = _transposed(inputs[0], node.params["axes"])
        elif node.op is reshape and inputs[0].op is transpose and inputs != node.inputs:
            new[node] = _reshaped(node, inputs[0])
        else:
            new[node] = _in_order(node, inputs, orders) if node in turned else rebuild(node, inputs)
    return mapped(graph, new)


# ---- the order of each value --------------------------------------------------------------------


def _varying(node: Node) -> Order:
    return tuple(axis for axis, size in enumerate(node.type.shape) if size != 1)


def _order(node: Node, orders: Orders, firm: set[Node], wish: Order | None) -> Order:
    """The order of a value, given those of its operands."""
    match node.op.lower:
        case Pointwise() | Assemble():
            operands = [i for i in node.inputs if len(orders[i]) == len(_varying(node))]
            whole = {orders[i] for i in operands if i in firm} or {orders[i] for i in operands}
            if len(whole) == 1:
                return whole.pop()
            repeated = not whole and isinstance(node.op.lower, Pointwise)
            return wish or () if repeated else _varying(node)
        case Reduce():
            return _left(node, orders[node.inputs[0]])
        case Source():
            return ()
        case _ if node.op is reshape:
            passed = _in_turn(_grouped(node), orders[node.inputs[0]])
            return _varying(node) if passed is None else tuple(a for _, new in passed for a in new)
        case _ if _passes(node, orders):
            places = _places(node)
            moved = (*(places[axis] for axis in orders[node.inputs[0]]), *_taps(node))
            return tuple(axis for axis in moved if node.type.shape[axis] != 1)
        case _:
            return _varying(node)


def _order_of_readers(node: Node, readers: Sequence[Node], orders: Orders) -> Order:
    """The order of a value of repeated ones alone: that in which what is made of it is computed."""
    loops = [reader for reader in readers if isinstance(reader.op.lower, Pointwise)]
    found = {orders[r] for r in loops if len(orders[r]) == len(_varying(node))}
    return found.pop() if len(found) == 1 else _varying(node)


def _is_firm(node: Node, orders: Orders, firm: set[Node]) -> bool:
    """Whether a value lies as convolutions have theirs: all that it meets is read in that order."""
    loops = isinstance(node.op.lower, Pointwise | Reduce | Assemble) or _passes(node, orders)
    return _slides(node) or (loops and any(i in firm for i in node.inputs))


def _slides(node: Node) -> bool:
    """Whether it is a convolution with windows."""
    return node.op is conv and node.params["windows"] != ((), ())


def _left(node: Node, order: Order) -> Order:
    """What is left of the order of a reduction's operand, in the numbers of its result."""
    kept = [axis for axis in order if axis not in node.params["axes"]]
    return tuple(axis - sum(gone < axis for gone in node.params["axes"]) for axis in kept)


def _passes(node: Node, orders: Orders) -> bool:
    """Whether a view's axes are those of its operand: moved, repeated, cut, split, or merged where
    they lie side by side."""
    if node.op is reshape:
        return _in_turn(_grouped(node), orders[node.inputs[0]]) is not None
    return node.op in (transpose, broadcast_to, slice_, windows)


def _grouped(node: Node) -> Groups:
    """Axes of a reshape's operand and those that stand for them, one for several or several for
    one; none for axes of size 1, and none at all where sizes go over from one axis to another."""
    outer, inner = node.type.shape, node.inputs[0].type.shape
    split = regroup(outer, inner)
    if split is not None:
        return [((axis,), group) for axis, group in enumerate(split) if group]
    return [(group, (axis,)) for axis, group in enumerate(regroup(inner, outer) or ()) if group]


def _in_turn(groups: Groups, order: Order) -> Groups | None:
    """The groups in the order of the operand's axes, without those along which it is repeated; None
    where one does not lie side by side."""
    varying = [(tuple(axis for axis in old if axis in order), new) for old, new in groups]
    first = {old[0]: (old, new) for old, new in varying if old}
    found: Groups = []
    while order:
        old, new = first.get(order[0], ((), ()))
        if not old or order[: len(old)] != old:
            return None
        found.append((old, new))
        order = order[len(old) :]
    return found


def _places(node: Node) -> Mapping[int, int]:
    """Where a view has the axes of its operand."""
    (operand,) = node.inputs
    if node.op is transpose:
        return dict(enumerate(inverse(node.params["axes"])))
    added = node.type.rank - operand.type.rank if node.op is broadcast_to else 0
    return {axis: axis + added for axis in range(operand.type.rank)}


def _taps(node: Node) -> range:
    """The axes that windows add."""
    return range(node.inputs[0].type.rank if node.op is windows else node.type.rank, node.type.rank)


# ---- what contractions want ---------------------------------------------------------------------


def _wishes(nodes: Sequence[Node], readers: Readers, kept: set[Node]) -> Mapping[Node, Order]:
    """Orders of values that in the end contractions alone read, who want the same."""
    wishes: dict[Node, Order] = {}
    for node in reversed(nodes):
        if node in kept or not isinstance(node.op.lower, Pointwise):
            continue
        wanted = {_wanted(node, reader, wishes) for reader in readers[node]}
        wish = wanted.pop() if len(wanted) == 1 else None
        if wish is not None:
            wishes[node] = wish
    return wishes


def _wanted(node: Node, reader: Node, wishes: Mapping[Node, Order]) -> Order | None:
    if reader.op is not dot:
        return wishes.get(reader)
    side = reader.inputs.index(node)
    batch, axes = reader.params["batch"][side], _varying(node)
    if not batch or not axes or not _is_short(node, axes[-1]):
        return None
    long = [axis for axis in axes if axis not in batch and not _is_short(node, axis)]
    rest = [axis for axis in axes if axis not in batch and axis not in long[-1:]]
    first = [axis for axis in batch if axis in axes]
    return (*first, *rest, long[-1]) if long else None


def _is_short(node: Node, axis: int) -> bool:
    size = node.type.shape[axis]
    return isinstance(size, int) and size <= SHORT


# ---- which of them are computed so --------------------------------------------------------------


def _loops(node: Node, orders: Orders) -> Order:
    """The order in which a kernel goes over what a node reads; () for what is no loop."""
    match node.op.lower:
        case Pointwise() | Assemble():
            return orders[node]
        case Reduce():
            return orders[node.inputs[0]]
        case _:
            return ()


def _exposed(nodes: Sequence[Node], orders: Orders, kept: set[Node]) -> set[Node]:
    """Values that something else than loops and products reads, or a caller, and would not see in
    the order of the axes."""
    seen = [*kept, *(i for node in nodes if not _takes_any(node, orders) for i in node.inputs)]
    return {_base(value, orders) for value in seen if orders[value] != tuple(sorted(orders[value]))}


def _takes_any(reader: Node, orders: Orders) -> bool:
    """Whether a reader does not care about the order of what it reads."""
    match reader.op.lower:
        case Pointwise() | Reduce() | Assemble():
            return True
        case Contract():
            return not _slides(reader)
        case _:
            return _passes(reader, orders)


def _turned(
    nodes: Sequence[Node], orders: Orders, firm: set[Node], exposed: set[Node]
) -> set[Node]:
    """The nodes of which all that may run in one kernel with them agrees on the order, and those
    that lie as convolutions do."""
    first: dict[Node, Node] = {}  # of what belongs together, the node that stands for it
    refused: list[Node] = []
    for node in nodes:
        loops = _loops(node, orders)
        if len(loops) < 2:
            continue
        first[node] = node
        for operand in node.inputs:
            base = _base(operand, orders)
            if base in first:
                first[_first(first, base)] = _first(first, node)
                if not _is_within(orders[operand], loops):
                    refused.append(node)
        if node in exposed and orders[node] != tuple(sorted(orders[node])):
            refused.append(node)
    out = {_first(first, node) for node in refused}
    moved = (node for node in first if _loops(node, orders) != _natural(node, orders))
    return {node for node in moved if node in firm or _first(first, node) not in out}


def _first(first: dict[Node, Node], node: Node) -> Node:
    while first[node] is not node:
        first[node] = first[first[node]]
        node = first[node]
    return node


def _natural(node: Node, orders: Orders) -> Order:
    return tuple(sorted(_loops(node, orders)))


def _base(node: Node, orders: Orders) -> Node:
    while _passes(node, orders):
        (node,) = node.inputs
    return node


def _is_within(part: Order, whole: Order) -> bool:
    """Whether the axes of `part` come in the same order in `whole`."""
    return part == tuple(axis for axis in whole if axis in part)


# ---- the same computation in that order ---------------------------------------------------------


def _in_order(node: Node, inputs: tuple[Node, ...], orders: Orders) -> Node:
    """The node on turned operands, turned back."""
    loops = _loops(node, orders)
    axes = (*(axis for axis in range(node.inputs[0].type.rank) if axis not in loops), *loops)
    with provenance(node.where, node.source):
        if isinstance(node.op.lower, Reduce):
            gone = tuple(sorted(axes.index(axis) for axis in node.params["axes"]))
            made = make(node.op, (_transposed(inputs[0], axes),), {**node.params, "axes": gone})
            return _transposed(made, inverse(_left(node, axes)))
        pairs = zip(node.inputs, inputs, strict=True)
        turned = tuple(_operand(new, axes, _is_within(orders[old], loops)) for old, new in pairs)
        return _transposed(make(node.op, turned, _along(node, axes)), inverse(axes))


def _along(node: Node, axes: Order) -> dict[str, Any]:
    """The parameters of pointwise work, or of a whole of parts, on operands in this order."""
    params = dict(node.params)
    if node.op is concat:
        return {**params, "axis": axes.index(params["axis"])}
    if isinstance(node.op.lower, Assemble):
        for name in ("shape", "steps"):
            params[name] = tuple(params[name][axis] for axis in axes)
    if node.op is pad:
        params["starts"] = tuple(params["starts"][axis] for axis in axes)
    if node.op is interleave:
        params["starts"] = tuple(tuple(s[axis] for axis in axes) for s in params["starts"])
    return params


def _operand(new: Node, axes: Order, along: bool) -> Node:
    """An operand in this order; what is repeated, from a copy if it does not lie `along` it."""
    if new.op is not broadcast_to:
        return _transposed(new, axes)
    (small,) = new.inputs
    if small.type.rank:
        shape = (1,) * (len(axes) - small.type.rank) + small.type.shape
        small = _transposed(make(reshape, (small,), {"shape": shape}), axes)
    if not along:
        small = make(identity, (small,), {})
    return make(broadcast_to, (small,), {"shape": tuple(new.type.shape[axis] for axis in axes)})


def _reshaped(node: Node, operand: Node) -> Node:
    """A reshape of a new operand, which is transposed: of what lies in memory, where it can be.

    reshape(transpose(x: f32[c, h, 2], axes=(1, 2, 0)), (2 h, c))
    ->    transpose(reshape(x, (c, 2 h)), axes=(1, 0))
    """
    (inner,), shape = operand.inputs, node.type.shape
    order = [a for a in inverse(operand.params["axes"]) if operand.type.shape[a] != 1]
    passed = _in_turn(_grouped(node), tuple(order))
    if not passed:
        return rebuild(node, (operand,))
    ones = [axis for axis, size in enumerate(shape) if size == 1]
    axes = (*ones, *(axis for _, new in passed for axis in new))
    with provenance(node.where, node.source):
        made = make(reshape, (inner,), {"shape": tuple(shape[axis] for axis in axes)})
        return _transposed(made, inverse(axes))


def _transposed(node: Node, axes: Order) -> Node:
    if node.op is transpose:
        inner = node.params["axes"]
        node, axes = node.inputs[0], tuple(inner[axis] for axis in axes)
    if axes == tuple(range(len(axes))):
        return node
    return make(transpose, (node,), {"axes": axes})

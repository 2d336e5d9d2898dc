"""The body of a kernel: a group's items as values, loads and stores on the group's loops.

Enters: a group and the buffers of what is stored. Leaves: a `Body`, still over the group's own
loops.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from graphc.dims import DimLike
from graphc.graph import Node, constant
from graphc.lowering import (
    Contract,
    Gather,
    Index,
    Piece,
    Pointwise,
    Reduce,
    Scatter,
    Source,
    plus,
    scaled,
    variable,
)
from graphc.ops import add, eq
from graphc.ops import where as select
from graphc.schedule.access import Coords, flat_index, resolve
from graphc.schedule.group import Group, Read, conversions, integers, position_coords, reads
from graphc.schedule.items import Item
from graphc.schedule.kernel import (
    Buffer,
    Compute,
    Count,
    Load,
    Operand,
    Position,
    Reduced,
    Scalar,
    Store,
    Value,
)
from graphc.schedule.merge import coefficient, renumbered
from graphc.schedule.numbers import Numbers
from graphc.types import TensorType, bool_, int64

POSITION = 1 << 30  # stands for the run-time position while a gather's index is made


@dataclass(slots=True)
class Body:
    """Values in order, each once; stores; operands, one a buffer."""

    group: Group
    numbers: Numbers
    buffer_of: Callable[[Node], Buffer]
    values: list[Value] = field(default_factory=list)
    stores: list[Store] = field(default_factory=list)
    operands: list[Operand] = field(default_factory=list)
    of_node: dict[Node, int] = field(default_factory=dict)
    errors: list[Item] = field(default_factory=list)
    _numbers: dict[Value, int] = field(default_factory=dict)

    def value(self, value: Value) -> int:
        """The number of the value; equal values are one."""
        if value not in self._numbers:
            self._numbers[value] = len(self.values)
            self.values.append(value)
        return self._numbers[value]

    def operand(self, buffer: Buffer, written: bool = False) -> int:
        """The number of the pointer to this buffer."""
        for number, known in enumerate(self.operands):
            if known.buffer is buffer:
                if written and not known.written:
                    self.operands[number] = Operand(buffer, known.dtype, True)
                return number
        self.operands.append(Operand(buffer, buffer.type.dtype, written))
        return len(self.operands) - 1

    def read(self, read: Read) -> int:
        """The value that a read gives: computed in this group, a number, or loaded."""
        place = resolve(read.node, read.coords, frozenset())
        base = place.base
        if base in self.numbers.host:
            return self.value(Scalar(base, base.type.dtype))
        if isinstance(base.op.lower, Source):
            return self.value(Count(place.coords[base.params["axis"]], base.type.dtype))
        if base in self.of_node:
            return self.of_node[base]
        if base in self.numbers.inline:
            args = [self.read(Read(i, (Index(0),) * i.type.rank)) for i in base.inputs]
            return self.value(Compute(base.op, tuple(args), base.type.dtype))
        return self.value(Load(self.operand(self.buffer_of(base)), place.flat, base.type.dtype))

    def index(self, item: Item, read: Read) -> int:
        """The integer that a gather or scatter reads, converted."""
        number = self.read(read)
        for cast in reversed(conversions(item.node)):
            number = self.value(Compute(cast.op, (number,), cast.type.dtype))
        return number

    def position(self, item: Item, home: Coords) -> int:
        """The checked position that a gather or scatter reads at this point of its domain."""
        node = item.node
        where = self.index(item, Read(integers(node), position_coords(item, home)))
        self.errors.append(item)
        extent = node.inputs[0].type.shape[node.params["axis"]]
        return self.value(Position(where, extent, len(self.errors)))


def add_item(body: Body, item: Item, stored: set[Node]) -> None:
    """Appends what the item computes and stores."""
    home = body.group.home[item]
    match item.role:
        case "compute":
            number = _computed(body, item, home)
            body.of_node[item.node] = number
            if item.node in stored and item.node not in body.group.again:
                index = flat_index(body.group.place[item.node], item.node.type.shape)
                store(body, item.node, index, number)
        case "fill":
            scalar = TensorType(item.node.type.dtype, ())
            node = constant(np.asarray(item.pieces[0].fill, scalar.dtype.numpy), scalar)
            number = body.value(Scalar(node, scalar.dtype))
            for piece in item.pieces:
                coords = _turned(home, item.domain, piece.sizes)
                store(body, item.node, _piece_index(item, piece, coords), number)
        case "piece":
            number = body.read(Read(item.value, home))
            (piece,) = item.pieces
            store(body, item.node, _piece_index(item, piece, home), number)
        case "base" | "state":
            number = body.read(Read(item.value, home))
            store(body, item.node, flat_index(home, item.domain), number)
        case "scatter":
            _scatter(body, item, home)


def _turned(coords: Coords, sizes: Sequence[DimLike], wanted: Sequence[DimLike]) -> Coords:
    """The coordinates with each axis in the place of one that has its size."""
    left = list(range(len(sizes)))
    result = []
    for size in wanted:
        axis = next(axis for axis in left if sizes[axis] == size)
        left.remove(axis)
        result.append(coords[axis])
    return tuple(result)


def _piece_index(item: Item, piece: Piece, home: Coords) -> Index:
    """Where in the whole a point of a piece goes."""
    coords = tuple(
        plus(Index(start), scaled(index, step))
        for start, step, index in zip(piece.starts, piece.steps, home, strict=True)
    )
    return flat_index(coords, item.node.type.shape)


def store(body: Body, node: Node, index: Index, value: int) -> None:
    """Stores a value into the node's memory."""
    body.stores.append(Store(body.operand(body.buffer_of(node), True), index, value))


def _computed(body: Body, item: Item, home: Coords) -> int:
    node = item.node
    match node.op.lower:
        case Gather():
            return _gathered(body, item, home)
        case Contract():
            return body.value(Reduced("sum", -1, node.type.dtype))
        case Reduce(combine):
            (read,) = reads(item, home)
            axes = node.params["axes"]
            counted = home[axes[0]].terms if combine in ("argmax", "argmin") else ()
            axis = counted[0][0] if counted else None
            return body.value(Reduced(combine, body.read(read), node.type.dtype, axis))
        case Scatter():
            return _picked(body, item, home)
        case Pointwise():
            args = tuple(body.read(read) for read in reads(item, home))
            return body.value(Compute(node.op, args, node.type.dtype))
        case _:
            raise AssertionError(f"{node.op.name} is not computed in a loop")


def _gathered(body: Body, item: Item, home: Coords) -> int:
    data = item.node.inputs[0]
    position = body.position(item, home)
    place = resolve(data, _target_coords(item, home), frozenset())
    rest, stride = _without_position(place.flat)
    operand = body.operand(body.buffer_of(place.base))
    return body.value(Load(operand, rest, data.type.dtype, position, stride))


def _picked(body: Body, item: Item, home: Coords) -> int:
    """where(counter == position, base + update, base): a scatter of one position a row."""
    node, dtype = item.node, item.node.type.dtype
    under, row, new = reads(item, home)
    base, where, update = body.read(under), body.index(item, row), body.read(new)
    body.errors.append(item)
    extent = node.inputs[0].type.shape[node.params["axis"]]
    position = body.value(Position(where, extent, len(body.errors)))
    counter = body.value(Count(home[node.params["axis"]], int64))
    here = body.value(Compute(eq, (counter, position), bool_))
    if node.params["combine"] == "add":
        update = body.value(Compute(add, (base, update), dtype))
    return body.value(Compute(select, (here, update, base), dtype))


def _scatter(body: Body, item: Item, home: Coords) -> None:
    lower = item.node.op.lower
    assert isinstance(lower, Scatter)
    value = body.read(Read(item.value, home))
    position = body.position(item, home)
    flat = flat_index(_target_coords(item, home), item.node.type.shape)
    rest, stride = _without_position(flat)
    operand = body.operand(body.buffer_of(item.node), True)
    add = item.node.params["combine"] == "add"
    body.stores.append(Store(operand, rest, value, position, stride, add))


def _target_coords(item: Item, home: Coords) -> Coords:
    """Coordinates in operand 0 at a point of the domain, POSITION standing for the run-time one."""
    axis = item.node.params["axis"]
    width = len(position_coords(item, home)) if not _along(item.node) else 1
    return (*home[:axis], variable(POSITION), *home[axis + width :])


def _along(node: Node) -> bool:
    return isinstance(node.op.lower, Gather | Scatter) and node.op.lower.along


def _without_position(index: Index) -> tuple[Index, DimLike]:
    rest = tuple(term for term in index.terms if term[0] != POSITION)
    return Index(index.offset, rest), coefficient(index, POSITION)


def renumbered_value(value: Value, mapping: dict[int, int]) -> Value:
    """The value over new loop variables."""
    if isinstance(value, Load | Count):
        return replace(value, index=renumbered(value.index, mapping))
    if isinstance(value, Reduced) and value.axis is not None:
        return replace(value, axis=mapping[value.axis])
    return value

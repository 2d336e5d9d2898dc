"""Groups: kernels in the making, and what an item reads when it stands on a group's loops.

Enters: items. Leaves: for each, its `home` (the coordinates of its domain on the loops) or None.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal

from graphc.dims import DimLike, product
from graphc.graph import Node
from graphc.lowering import (
    Contract,
    Gather,
    Index,
    Pointwise,
    Reduce,
    Scatter,
    Source,
    plus,
    scaled,
    variable,
)
from graphc.ops import cast
from graphc.schedule.access import Coords, Place, own_coords, resolve, through_reshape
from graphc.schedule.items import Item
from graphc.schedule.numbers import Numbers
from graphc.schedule.reasons import Reason, Refusal

CAP = 60  # items a kernel: compile time grows faster than its length (100 operations: 0.85 s)
LENGTH = 2 * CAP  # items, and the numbers that they compute inline

FEW_ROWS = 512  # columns of so few rows stay in the cache, and one kernel goes over them again

GroupKind = Literal["map", "rows", "contract", "scatter"]


@dataclass(slots=True, eq=False)
class Group:
    """A kernel in the making, compared by identity.

    `extents` are its loops, `inner` those that reductions run over; `home` places each item's
    domain on the loops, `place` each value's axes; `late` values wait for a reduction; `inline`
    numbers and `again` values are computed elsewhere too. `refusals` tell what its items read but
    did not join, `stays` why it did not move into its reader.
    """

    kind: GroupKind
    extents: tuple[DimLike, ...]
    level: int
    phase: int
    items: list[Item] = field(default_factory=list)
    home: dict[Item, Coords] = field(default_factory=dict)
    place: dict[Node, Coords] = field(default_factory=dict)
    late: set[Node] = field(default_factory=set)
    inline: set[Node] = field(default_factory=set)
    again: set[Node] = field(default_factory=set)
    inner: frozenset[int] = frozenset()
    refusals: list[Refusal] = field(default_factory=list)
    stays: Reason | None = None

    @property
    def outer(self) -> tuple[int, ...]:
        """The loop variables that are not reduced over."""
        return tuple(v for v in range(len(self.extents)) if v not in self.inner)


@dataclass(frozen=True, slots=True)
class Read:
    """A node that an item reads at coordinates; `stored`: from memory, never within the group."""

    node: Node
    coords: Coords
    stored: bool = False


def conversions(node: Node) -> list[Node]:
    """The conversions, the last one first, that integers pass before a gather or scatter reads
    them: they are computed there, so that no kernel has to be waited for."""
    result: list[Node] = []
    index = node.inputs[1]
    while index.op is cast and index.inputs[0].type.dtype.kind in "iu":
        result.append(index)
        index = index.inputs[0]
    return result


def integers(node: Node) -> Node:
    """The integers that a gather or scatter reads, below conversions."""
    found = conversions(node)
    return found[-1].inputs[0] if found else node.inputs[1]


def position_coords(item: Item, home: Coords) -> Coords:
    """The coordinates, in the integers that a gather or scatter reads, of a point of its domain."""
    node = item.node
    along = isinstance(node.op.lower, Gather | Scatter) and node.op.lower.along
    if along:
        return home
    axis, rank = node.params["axis"], len(node.inputs[1].type.shape)
    return home[axis : axis + rank]


def row_coords(item: Item, home: Coords) -> Coords:
    """The coordinates of the one position a row that a scatter by picking reads."""
    axis = item.node.params["axis"]
    return (*home[:axis], Index(0), *home[axis + 1 :])


def reads(item: Item, home: Coords) -> list[Read]:
    """What the item reads when its domain stands at `home`."""
    if item.role == "fill":
        return []
    if item.role == "scatter":
        return [Read(item.value, home), Read(integers(item.node), position_coords(item, home))]
    if item.role != "compute":
        return [Read(item.value, home)]
    inputs = item.node.inputs
    match item.node.op.lower:
        case Contract():
            return [Read(i, own_coords(i.type.shape)[0], stored=True) for i in inputs]
        case Gather():
            data = Read(inputs[0], own_coords(inputs[0].type.shape)[0], stored=True)
            return [data, Read(integers(item.node), position_coords(item, home))]
        case Scatter():
            row = row_coords(item, home)
            return [Read(inputs[0], home), Read(integers(item.node), row), Read(inputs[2], row)]
        case _:
            return [Read(i, home) for i in inputs]


def memory_reads(item: Item, home: Coords, numbers: Numbers) -> list[tuple[Read, Place]]:
    """The reads of an item that end in memory or in another item, each with where.

    Below numbers that are computed inline stands what those read.
    """
    known = numbers.reads.setdefault(item, {})  # by id: nearly all ask for the same coordinates
    if id(home) not in known:
        known[id(home)] = home, list(_memory_reads(item, home, numbers))
    return known[id(home)][1]


def _memory_reads(item: Item, home: Coords, numbers: Numbers) -> Iterator[tuple[Read, Place]]:
    waiting = reads(item, home)
    while waiting:
        read = waiting.pop(0)
        place = resolve(read.node, read.coords, frozenset())
        if place.base in numbers.inline and not read.stored:
            waiting.extend(Read(i, (Index(0),) * i.type.rank) for i in place.base.inputs)
        elif place.base not in numbers.host and not isinstance(place.base.op.lower, Source):
            yield read, place


def inline_numbers(item: Item, numbers: Numbers) -> set[Node]:
    """The numbers that an item's kernel computes again for it."""
    if item not in numbers.needed:
        numbers.needed[item] = _inline_numbers(item, numbers)
    return numbers.needed[item]


def _inline_numbers(item: Item, numbers: Numbers) -> set[Node]:
    found: set[Node] = set()
    waiting = [(r.node, r.coords) for r in reads(item, own_coords(item.domain)[0]) if not r.stored]
    while waiting and numbers.inline:
        base = resolve(*waiting.pop(), frozenset()).base
        if base in numbers.inline and base not in found:
            found.add(base)
            waiting.extend((i, (Index(0),) * i.type.rank) for i in base.inputs)
    return found


def fits(groups: Sequence[Group], items: int, inline: set[Node]) -> bool:
    """Whether one kernel can hold these groups, so many more items, and what those need inline."""
    items += sum(len(g.items) for g in groups)
    return items <= CAP and items + len(inline.union(*(g.inline for g in groups))) <= LENGTH


def home_on(item: Item, groups: Sequence[Group]) -> Coords | None:
    """Where the item's domain stands on the loops of these groups: on all of them, of maps also
    with several of them in the place of an axis, or on the rows."""
    sizes = tuple(size for size in item.domain if size != 1)
    extents = groups[0].extents
    chosen: Sequence[int] | None = None
    if sizes == extents:
        chosen = range(len(extents))
    elif not isinstance(item.node.op.lower, Reduce) or item.role != "compute":
        rows = next((g.outer for g in groups if g.kind == "rows"), None)
        if rows is not None and sizes == tuple(extents[v] for v in rows):
            chosen = rows
    if chosen is None:
        parts = len(sizes) < len(extents) and _takes_parts_of_axes(item, groups)
        return through_reshape(own_coords(extents)[0], extents, item.domain) if parts else None
    numbers = iter(chosen)
    return tuple(Index(0) if size == 1 else variable(next(numbers)) for size in item.domain)


def _takes_parts_of_axes(item: Item, groups: Sequence[Group]) -> bool:
    pointwise = item.role == "compute" and isinstance(item.node.op.lower, Pointwise)
    loops = all(group.kind in ("map", "rows") for group in groups)
    return loops and (pointwise or item.role in ("piece", "state"))


def reduced_variables(item: Item, home: Coords) -> frozenset[int]:
    """The loop variables that a reduction runs over."""
    return frozenset(v for axis in item.node.params["axes"] for v, _ in home[axis].terms)


def refusal(group: Group, item: Item) -> Reason | None:
    """Why the item is not of a kind that a group of this kind takes in."""
    if takes(group, item):
        return None
    if item.role in ("fill", "base", "scatter"):
        return "own loops"
    return "scatter" if group.kind == "scatter" else "contraction"


def is_shared(group: Group) -> bool:
    """Whether parts share out the group's reductions: of everything, or of long columns.

    What waits for them at a point of the loops is then another kernel's.
    """
    if group.kind != "rows" or not group.outer:
        return group.kind == "rows"
    rows = product(group.extents[v] for v in group.inner)
    few = isinstance(rows, int) and rows <= FEW_ROWS
    return max(group.inner) < min(group.outer) and not few


def alike(groups: Sequence[Group]) -> bool:
    """Whether groups of one level can be one kernel: the same loops, at most one contraction."""
    inners = {g.inner for g in groups if g.kind == "rows"}
    contracts = [g for g in groups if g.kind == "contract"]
    if len(inners) > 1 or len(contracts) + bool(inners) > 1:
        return False
    if any(g.extents != groups[0].extents or g.phase != groups[0].phase for g in groups):
        return False
    others = (item for g in groups if g.kind != "contract" for item in g.items)
    return not contracts or all(takes(contracts[0], item) for item in others)


def takes(group: Group, item: Item) -> bool:
    """Whether the item is of a kind that a group of this kind takes in."""
    if item.role in ("fill", "base", "scatter"):
        return False
    lower = item.node.op.lower
    if item.role != "compute":
        return group.kind != "scatter"
    if group.kind == "contract":
        return isinstance(lower, Pointwise)
    return group.kind in ("map", "rows") and not isinstance(lower, Contract)


def absorb(first: Group, other: Group) -> None:
    """Moves all of the other group into the first, whose loops are the same."""
    if other.kind == "rows":
        first.kind, first.inner = "rows", other.inner
    first.items = sorted(first.items + other.items, key=lambda item: item.order)
    first.home |= other.home
    first.place |= other.place
    first.late |= other.late
    first.inline |= other.inline
    first.refusals += other.refusals


def moved(coords: Coords, mapping: dict[int, Index]) -> Coords:
    """The coordinates with each loop variable replaced by an index over other loops."""
    result = []
    for index in coords:
        new = Index(index.offset)
        for v, factor in index.terms:
            new = plus(new, scaled(mapping[v], factor))
        result.append(new)
    return tuple(result)

"""Recomputation: a reader computes a value again where that costs less than the value's memory.

Enters: fused groups. Leaves: groups of which some have taken in copies of others' pointwise items;
what nobody reads any more is neither stored nor computed:

    forward:  h = x @ w; store h; t = tanh(h); store t       ->    h = x @ w; store h
    backward: g * (1 - t * t)                                ->    t = tanh(h); g * (1 - t * t)

What to store is a minimum cut. Every value is an edge that costs its bytes, written and read; what
it is computed from points to it; behind it stand its readers. A value behind the cut is computed
again, which costs time too: an edge from the source. Sizes are unknown, so names count as NOMINAL.
"""

from collections import Counter, deque
from collections.abc import Iterable
from dataclasses import dataclass, field

from graphc.dims import evaluate, names, product
from graphc.graph import STATE, Node
from graphc.lowering import Leaf, Pointwise
from graphc.schedule.access import Coords, Place
from graphc.schedule.cut import Network
from graphc.schedule.group import CAP, Group, fits, inline_numbers, memory_reads
from graphc.schedule.items import Item
from graphc.schedule.numbers import Numbers
from graphc.schedule.reasons import Refusal
from graphc.schedule.stages import APART

NOMINAL = 256  # elements: what a named size counts as
BYTES_A_COST = 0.5  # measured: a core moves 8 bytes a cycle from its caches, 16 costs take a cycle
WRITES = 2  # a line that is written is read before and evicted later
# Where a value that rounds otherwise gives another result, not one that is a little different.
STEPS = (
    *("eq", "ne", "lt", "le", "gt", "ge", "sign", "floor", "ceil", "trunc", "round"),
    *("floordiv", "mod"),
)


@dataclass(slots=True)
class _Region:
    """What a group could compute again: nodes with their coordinates there, and what each is
    computed from in memory. `wanted` are those that it reads now, `fixed` those that it cannot, of
    `exact` ones it needs every bit; `room` more items fit."""

    group: Group
    room: int
    coords: dict[Node, Coords] = field(default_factory=dict)
    sources: dict[Node, list[Node]] = field(default_factory=dict)
    wanted: set[Node] = field(default_factory=set)
    fixed: set[Node] = field(default_factory=set)
    exact: set[Node] = field(default_factory=set)

    @property
    def free(self) -> Iterable[Node]:
        """The nodes that the group can compute again."""
        return (node for node in self.coords if node not in self.fixed)

    def reach(self, place: Place) -> None:
        """Takes in what is read at this place; fixed where there is no one element to compute."""
        other = self.coords.setdefault(place.base, place.coords) != place.coords
        if other or place.shape != place.base.type.shape:
            self.fixed.add(place.base)


def recompute(groups: list[Group], numbers: Numbers, roots: set[Node]) -> list[Group]:
    """The groups, with copies of what they read; `roots` are stored in any case."""
    stored = roots | _addressed(groups, numbers)
    items = {
        i.node: i for g in groups for i in g.items if i.role == "compute" and i.node not in stored
    }
    regions = [_region(group, items, numbers) for group in groups]
    again = _cheaper_again(regions, stored)
    for region in regions:
        _copy(region, again, items, numbers)
    _drop_unread(groups, numbers, set(roots))
    return [group for group in groups if group.items]


# ---- what a group could compute again -----------------------------------------------------------


def _region(group: Group, items: dict[Node, Item], numbers: Numbers) -> _Region:
    region = _Region(group, CAP - len(group.items))
    exact = _exact(group, numbers)
    for item in group.items:
        for read, place in memory_reads(item, group.home[item], numbers):
            if place.base not in group.place:
                region.wanted.add(place.base)
                region.reach(place)
                if read.stored:
                    region.fixed.add(place.base)
                if item in exact:
                    region.exact.add(place.base)
    waiting = deque(region.coords)
    while waiting:
        node = waiting.popleft()
        if node not in region.sources:
            waiting.extend(_extended(region, node, items.get(node), numbers))
    region.fixed |= {node for node in region.exact if not _is_steady(node, region)}
    return region


def _is_steady(node: Node, region: _Region) -> bool:
    """Whether a copy has the same bits: what it is computed from is in memory, and rounded once."""
    return node.op.name in APART and region.fixed.issuperset(region.sources[node])


def _extended(region: _Region, node: Node, item: Item | None, numbers: Numbers) -> Iterable[Node]:
    """What the node is computed from in memory, if the group can compute it."""
    sources = region.sources[node] = list[Node]()
    region.room -= 1
    fixed = node in region.fixed or region.room < 0
    if item is None or fixed or not _repeatable(node, region):
        region.fixed.add(node)
        return ()
    for _, place in memory_reads(item, region.coords[node], numbers):
        if not _readable(place, region.group):
            region.fixed.add(node)
        if place.base not in region.group.place:
            sources.append(place.base)
            region.reach(place)
    return sources


def _exact(group: Group, numbers: Numbers) -> set[Item]:
    """Items whose values a step of this group depends on."""
    result: set[Item] = set()
    nodes: set[Node] = set()
    for item in reversed(group.items):
        if item.role == "compute" and (item.node in nodes or _is_step(item.node)):
            result.add(item)
            nodes |= {p.base for _, p in memory_reads(item, group.home[item], numbers)}
    return result


def _is_step(node: Node) -> bool:
    if not any(i.type.dtype.kind == "f" for i in node.inputs):
        return False
    return node.op.name in STEPS or node.type.dtype.kind in "iu"


def _repeatable(node: Node, region: _Region) -> bool:
    """Whether it is pointwise, no step, and computed at most once a point."""
    if not isinstance(node.op.lower, Pointwise) or _is_step(node):
        return False
    group = region.group
    reached = {v for index in region.coords[node] for v, _ in index.terms}
    every = set(range(len(group.extents)))
    return reached == every or (group.kind == "rows" and reached == set(group.outer))


def _readable(place: Place, group: Group) -> bool:
    """Whether a copy in the group can read this: from memory, or where the group computes it."""
    if place.base in group.place:
        here = place.shape == place.base.type.shape and place.coords == group.place[place.base]
        return here and place.base not in group.late
    # Behind the commit point state changes in place.
    return group.phase == 0 or place.base.op is not STATE


# ---- what to store ------------------------------------------------------------------------------


def _addressed(groups: Iterable[Group], numbers: Numbers) -> set[Node]:
    """What contractions and gathers read, in any order: only from memory."""
    return {
        place.base
        for group in groups
        for item in group.items
        for read, place in memory_reads(item, group.home[item], numbers)
        if read.stored
    }


def _cheaper_again(regions: list[_Region], stored: set[Node]) -> set[Node]:
    """The nodes that their readers compute again; `stored` ones have memory in any case."""
    wanted = Counter(node for region in regions for node in region.wanted)
    reached = Counter(node for region in regions for node in region.coords)
    fixed = {node for region in regions for node in region.fixed}
    kept = stored | {node for region in regions for node in region.fixed & region.wanted}
    network = Network()
    for node, count in reached.items():
        free = node not in fixed
        size, lower = _elements(node), node.op.lower
        writes = 0 if node in kept or isinstance(lower, Leaf) else WRITES
        moved = node.type.dtype.itemsize * (writes + max(wanted[node], 1))
        network.connect((node, "in"), (node, "out"), size * moved)
        cost = lower.cost * BYTES_A_COST if free and isinstance(lower, Pointwise) else float("inf")
        network.connect("source", (node, "in"), size * cost * count)
    edges = {(u, node) for r in regions for node in r.free for u in r.sources[node]}
    for u, node in edges:
        network.connect((u, "out"), (node, "in"), float("inf"))
    for node in wanted:
        network.connect((node, "out"), "sink", float("inf"))
    before = network.source_side("source", "sink")
    return {node for node in reached if (node, "in") not in before}


def _elements(node: Node) -> int:
    size = product(node.type.shape)
    return max(evaluate(size, dict.fromkeys(names(size), NOMINAL)), 1)


# ---- copies -------------------------------------------------------------------------------------


def _copy(region: _Region, again: set[Node], items: dict[Node, Item], numbers: Numbers) -> None:
    group = region.group
    found: dict[Node, None] = {}
    waiting = [node for node in region.wanted if node not in region.fixed]
    while waiting:
        node = waiting.pop()
        if node in again and node not in found:
            found[node] = None
            waiting.extend(region.sources[node])
    copies = [items[node] for node in found]
    inline = {n for item in copies for n in inline_numbers(item, numbers)}
    if not fits([group], len(copies), inline):
        return
    for item in copies:
        made = (n for n in region.sources[item.node] if not isinstance(n.op.lower, Leaf))
        group.refusals.extend(Refusal(source, item.node, "again") for source in made)
        group.home[item] = group.place[item.node] = region.coords[item.node]
    group.again |= found.keys()
    group.inline |= inline
    group.items = sorted([*group.items, *copies], key=lambda item: item.order)


def _drop_unread(groups: list[Group], numbers: Numbers, wanted: set[Node]) -> None:
    """Drops items whose values nobody reads, from the last group to the first."""
    for group in sorted(groups, key=lambda g: -g.level):
        here: set[Node] = set()
        kept = []
        for item in reversed(group.items):
            stored = item.node in wanted and item.node not in group.again
            if item.role != "compute" or stored or item.node in here:
                kept.append(item)
                for read, place in memory_reads(item, group.home[item], numbers):
                    inside = place.base in group.place and not read.stored
                    (here if inside else wanted).add(place.base)
        group.items = kept[::-1]

"""Fusion: which items run in one kernel.

Enters: items in order. Leaves: groups, each a kernel, with a level: groups of one level do not
depend on each other, and a group reads only what lower levels stored.

An item joins the groups of the highest level that it reads, if all of them take it. Levels grow
along every edge, so joining can make no cycle and the pass is linear. A "map" has one loop nest;
the first reduction makes it "rows", that takes in all that lives on its rows or its points; a
"contract" takes pointwise work on its result. Then a map that only one other group reads sinks into
it, siblings join, and what is cheap is computed again rather than stored.
"""

from graphc.graph import Node
from graphc.lowering import Contract, Reduce
from graphc.schedule.access import Coords, Place, flat_index, own_coords
from graphc.schedule.group import (
    Group,
    Read,
    absorb,
    alike,
    fits,
    home_on,
    inline_numbers,
    is_shared,
    memory_reads,
    reduced_variables,
    refusal,
)
from graphc.schedule.items import Item
from graphc.schedule.join import join
from graphc.schedule.numbers import Numbers
from graphc.schedule.reasons import Reason, Refusal
from graphc.schedule.recompute import recompute
from graphc.schedule.sink import sink

Bases = list[tuple[Node, bool]]  # what an item reads, and whether it does from memory


class Fusion:
    """The state of the pass: the groups so far, and where every node is computed."""

    __slots__ = ("_filled", "_groups", "_numbers", "group_of", "level_of")

    def __init__(self, numbers: Numbers) -> None:
        self._numbers = numbers
        self._groups: dict[Group, None] = {}
        self.group_of: dict[Node, Group] = {}
        self.level_of: dict[Node, int] = {}
        self._filled: dict[Node, int] = {}

    @property
    def groups(self) -> list[Group]:
        """All groups, in the order of their first items."""
        return list(self._groups)

    def _reads(self, item: Item, home: Coords) -> list[tuple[Read, Place]]:
        return memory_reads(item, home, self._numbers)

    def add(self, item: Item, phase: int) -> None:
        """Puts the item into the group that takes it, or into a new one."""
        generic, extents = own_coords(item.domain)
        bases = [(place.base, read.stored) for read, place in self._reads(item, generic)]
        level = max((self.level_of.get(base, 0) for base, _ in bases), default=0)
        level = max(level, self._written(item))
        groups = self._highest(bases, level)
        reason = self._objection(groups, item, phase) if groups else "pieces"
        if reason is None:
            group = self._merge(groups)
        else:
            contract = item.role == "compute" and isinstance(item.node.op.lower, Contract)
            kind = "contract" if contract else "scatter" if item.role == "scatter" else "map"
            group = Group(kind, extents, level + 1, phase)
            self._groups[group] = None
        self._record(item, group)
        self._refuse(item, group, bases, reason)

    def _refuse(self, item: Item, group: Group, bases: Bases, reason: Reason | None) -> None:
        """Writes down, for each kernel that the item reads and is no part of, why."""
        for base, stored in bases:
            if self.level_of.get(base, 0) and self.group_of.get(base) is not group:
                below = self.level_of[base] < group.level - (reason is not None)
                why = "memory" if stored else "later" if below or reason is None else reason
                group.refusals.append(Refusal(base, item.node, why))

    def _written(self, item: Item) -> int:
        # A scatter adds to its base, a piece goes over what filled the whole. Pieces do not meet.
        if item.role == "piece":
            return self._filled.get(item.node, 0)
        return self.level_of.get(item.node, 0) if item.role == "scatter" else 0

    def _highest(self, bases: Bases, level: int) -> list[Group]:
        found: dict[Group, None] = {}
        for base, stored in bases:
            if level and self.level_of.get(base, 0) == level:
                if stored or base not in self.group_of:
                    return []
                found[self.group_of[base]] = None
        return list(found)

    def _objection(self, groups: list[Group], item: Item, phase: int) -> Reason | None:
        """Why the groups do not take the item; None if they do."""
        if any(group.phase != phase for group in groups):
            return "commit"
        for group in groups:
            reason = refusal(group, item)
            if reason is not None:
                return reason
        if not alike(groups):
            return "unlike"
        if self._written(item) >= groups[0].level:
            return "overwrites"
        if not fits(groups, 1, inline_numbers(item, self._numbers)):
            return "size"
        home = home_on(item, groups)
        return "extents" if home is None else self._misplaced(groups, item, home)

    def _misplaced(self, groups: list[Group], item: Item, home: Coords) -> Reason | None:
        late = False
        for _, place in self._reads(item, home):
            group = self.group_of.get(place.base)
            if group is None or group not in groups:
                continue
            if place.flat != flat_index(group.place[place.base], place.base.type.shape):
                return "moved"
            late = late or place.base in group.late
        rows = next((g for g in groups if g.kind == "rows"), None)
        reduces = item.role == "compute" and isinstance(item.node.op.lower, Reduce)
        if reduces and rows and reduced_variables(item, home) != rows.inner:
            return "axes"
        # A reduction that is shared out over parts has its result a kernel later.
        points = rows and any(v in rows.inner for index in home for v, _ in index.terms)
        return "unfinished" if late and rows and points and is_shared(rows) else None

    def _merge(self, groups: list[Group]) -> Group:
        first = next((g for g in groups if g.kind != "map"), groups[0])
        for other in groups:
            if other is not first:
                absorb(first, other)
                self.group_of.update(dict.fromkeys(other.place, first))
                del self._groups[other]
        return first

    def _record(self, item: Item, group: Group) -> None:
        home = home_on(item, [group])
        assert home is not None
        group.items.append(item)
        group.inline |= inline_numbers(item, self._numbers)
        group.home[item] = home
        if item.role != "state":  # what reads state reads it before the update
            self.level_of[item.node] = max(group.level, self.level_of.get(item.node, 0))
        if item.role == "fill" and item.domain == item.node.type.shape:
            self._filled[item.node] = group.level
        if item.role != "compute":
            return
        self.group_of[item.node] = group
        late = any(place.base in group.late for _, place in self._reads(item, home))
        group.place[item.node] = home
        if isinstance(item.node.op.lower, Reduce):
            axes = item.node.params["axes"]
            group.place[item.node] = tuple(c for axis, c in enumerate(home) if axis not in axes)
            group.kind, group.inner = "rows", reduced_variables(item, home)
            late = True
        if late:
            group.late.add(item.node)


def fuse(
    items: list[Item], numbers: Numbers, committing: set[Node], roots: set[Node]
) -> list[Group]:
    """The groups of a program; `roots` are nodes that must be stored.

    `committing` nodes run in groups of phase 1, whose levels `commit` sets anew.
    """
    fusion = Fusion(numbers)
    later = []
    for item in items:
        committed = item.role == "compute" and item.node in committing
        if item.role == "state" or committed:
            later.append(item)
        else:
            fusion.add(item, 0)
    for item in later:
        fusion.add(item, 1)
    groups = join(sink(fusion.groups, numbers, roots), numbers)
    return recompute(groups, numbers, roots)

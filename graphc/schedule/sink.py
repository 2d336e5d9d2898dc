"""Sinking: a pointwise group moves into the only group that reads it, and is never stored.

Enters: groups and what must be stored. Leaves: fewer groups.
"""

from collections.abc import Collection

from graphc.graph import Node
from graphc.lowering import Gather, Index, Scatter
from graphc.schedule.access import Coords, Place
from graphc.schedule.group import Group, fits, memory_reads, moved
from graphc.schedule.items import Item
from graphc.schedule.nest import points_of
from graphc.schedule.numbers import Numbers
from graphc.schedule.reasons import Reason


def sink(groups: list[Group], numbers: Numbers, roots: set[Node]) -> list[Group]:
    """The groups that are left when every map that can has moved into its reader."""
    readers: dict[Node, list[tuple[Item, bool]]] = {}
    owner: dict[Item, Group] = {}
    for group in groups:
        for item in group.items:
            owner[item] = group
            for read, place in memory_reads(item, group.home[item], numbers):
                readers.setdefault(place.base, []).append((item, read.stored))
    left = dict.fromkeys(groups)
    for group in sorted(groups, key=lambda g: -g.level):
        if group.kind != "map":
            continue
        reading = _reading(group, readers, owner)
        group.stays = _objection(group, reading, roots)
        if group.stays is not None:
            continue
        (target,) = reading
        mapping = _mapping(group, target, numbers)
        if isinstance(mapping, str):
            group.stays = mapping
            continue
        for item in group.items:
            target.home[item] = moved(group.home[item], mapping)
            target.place[item.node] = moved(group.place[item.node], mapping)
        target.items = sorted(target.items + group.items, key=lambda item: item.order)
        target.inline |= group.inline
        target.refusals += group.refusals
        owner.update(dict.fromkeys(group.items, target))
        del left[group]
    return list(left)


def _reading(
    group: Group, readers: dict[Node, list[tuple[Item, bool]]], owner: dict[Item, Group]
) -> dict[Group, bool]:
    """The other groups that read this one, and whether any of them does from memory."""
    found: dict[Group, bool] = {}
    for item in group.items:
        for reader, stored in readers.get(item.node, ()):
            if owner[reader] is not group:
                found[owner[reader]] = stored or found.get(owner[reader], False)
    return found


def _objection(group: Group, reading: dict[Group, bool], roots: set[Node]) -> Reason | None:
    """Why a map cannot move: one other group may read it, point by point and in the same phase."""
    if any(i.role != "compute" or i.node in roots for i in group.items):
        return "output"
    if any(reading.values()):
        return "memory"
    if len(reading) != 1:
        return "readers"
    (target,) = reading
    return None if target.phase == group.phase else "commit"


def _mapping(group: Group, target: Group, numbers: Numbers) -> dict[int, Index] | Reason:
    """What each loop of `group` is in `target`, or why it cannot be told."""
    if not fits([group, target], 0, set()):
        return "size"
    gathers = any(isinstance(item.node.op.lower, Gather | Scatter) for item in group.items)
    if gathers and target.kind == "contract":
        return "checks"
    mapping: dict[int, Index] = {}
    moving: set[int] = set()
    for item in target.items:
        for _, place in memory_reads(item, target.home[item], numbers):
            if place.base not in target.place:
                moving.update(v for index in place.coords for v, _ in index.terms)
            if place.base not in group.place:
                continue
            found = _matched(group.place[place.base], place)
            if found is None or (mapping and found != mapping):
                return "disagree"
            mapping = found
    return mapping if _covers(mapping, group, target, moving) else "broadcast"


def _matched(place: Coords, read: Place) -> dict[int, Index] | None:
    if read.shape != read.base.type.shape:
        return None
    result = {}
    for own, there in zip(place, read.coords, strict=True):
        if len(own.terms) > 1:
            return None
        for v, _ in own.terms:
            result[v] = there
    return result


def _covers(
    mapping: dict[int, Index], group: Group, target: Group, moving: Collection[int]
) -> bool:
    # A value broadcast along a loop would be computed again at each step of it; but along the short
    # ones of a map where nothing moves, which go around each element.
    reached = {v for index in mapping.values() for v, _ in index.terms}
    every = set(range(len(target.extents)))
    outer = set(target.outer) if target.kind == "rows" else every
    if target.kind == "map":
        outer = every.difference(points_of(target.extents, moving))
    return not group.extents or reached >= every or reached == outer

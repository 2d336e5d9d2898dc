"""Sinking: a pointwise group moves into the only group that reads it, and is never stored.

Enters: groups and what must be stored. Leaves: fewer groups.
"""

from graphc.graph import Node
from graphc.lowering import Gather, Index, Scatter
from graphc.schedule.access import Coords, Place
from graphc.schedule.group import Group, fits, memory_reads, moved
from graphc.schedule.items import Item
from graphc.schedule.numbers import Numbers


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
        target = _target(group, readers, owner, roots)
        mapping = None if target is None else _mapping(group, target, numbers)
        if target is None or mapping is None:
            continue
        for item in group.items:
            target.home[item] = moved(group.home[item], mapping)
            target.place[item.node] = moved(group.place[item.node], mapping)
        target.items = sorted(target.items + group.items, key=lambda item: item.order)
        target.inline |= group.inline
        owner.update(dict.fromkeys(group.items, target))
        del left[group]
    return list(left)


def _target(
    group: Group,
    readers: dict[Node, list[tuple[Item, bool]]],
    owner: dict[Item, Group],
    roots: set[Node],
) -> Group | None:
    """The only other group that reads this one, point by point and in the same phase."""
    if group.kind != "map" or any(i.role != "compute" or i.node in roots for i in group.items):
        return None
    found: dict[Group, None] = {}
    for item in group.items:
        for reader, stored in readers.get(item.node, ()):
            if owner[reader] is not group:
                if stored:
                    return None
                found[owner[reader]] = None
    if len(found) != 1:
        return None
    (target,) = found
    return target if target.phase == group.phase else None


def _mapping(group: Group, target: Group, numbers: Numbers) -> dict[int, Index] | None:
    """What each loop of `group` is in `target`; None where the readers there do not agree."""
    if not fits([group, target], 0, set()):
        return None
    gathers = any(isinstance(item.node.op.lower, Gather | Scatter) for item in group.items)
    if gathers and target.kind == "contract":
        return None
    mapping: dict[int, Index] | None = None
    for item in target.items:
        for _, place in memory_reads(item, target.home[item], numbers):
            if place.base not in group.place:
                continue
            found = _matched(group.place[place.base], place)
            if found is None or (mapping is not None and found != mapping):
                return None
            mapping = found
    if mapping is None or not _covers(mapping, group, target):
        return None
    return mapping


def _matched(place: Coords, read: Place) -> dict[int, Index] | None:
    if read.shape != read.base.type.shape:
        return None
    result = {}
    for own, there in zip(place, read.coords, strict=True):
        for v, _ in own.terms:
            result[v] = there
    return result


def _covers(mapping: dict[int, Index], group: Group, target: Group) -> bool:
    # A value broadcast along a loop would be computed again at each step of it.
    reached = {v for index in mapping.values() for v, _ in index.terms}
    every = set(range(len(target.extents)))
    rows = set(target.outer) if target.kind == "rows" else every
    return not group.extents or reached >= every or reached == rows

"""Sinking: a pointwise group moves into the only group that reads it, and is never stored.

Enters: groups and what must be stored. Leaves: fewer groups. Groups of a single number are cheap
enough to be computed by every group that reads them.
"""

from graphc.graph import Node
from graphc.lowering import Gather, Index, Pointwise, Scatter
from graphc.schedule.access import Coords, Place
from graphc.schedule.group import CAP, Group, column_axes, moved, place_of, reads
from graphc.schedule.items import Item

SCALAR_COST = 64  # cycles that each part may repeat rather than wait for another kernel


def sink(groups: list[Group], skip: set[Node], roots: set[Node]) -> list[Group]:
    """The groups that are left when every map that can has moved into its reader."""
    readers: dict[Node, list[tuple[Item, bool]]] = {}
    owners: dict[Item, list[Group]] = {}
    for group in groups:
        for item in group.items:
            owners[item] = [group]
            for read in reads(item, group.home[item]):
                place = place_of(read, skip)
                if place is not None:
                    readers.setdefault(place.base, []).append((item, read.stored))
    left = dict.fromkeys(groups)
    for group in sorted(groups, key=lambda g: -g.level):
        targets = _targets(group, readers, owners, roots)
        moves = [_mapping(group, target, skip) for target in targets]
        if not targets or any(mapping is None for mapping in moves):
            continue
        for target, mapping in zip(targets, moves, strict=True):
            assert mapping is not None
            _move(group, target, mapping)
        for item in group.items:
            owners[item] = [*owners[item], *targets]
            owners[item].remove(group)
        del left[group]
    return list(left)


def _targets(
    group: Group,
    readers: dict[Node, list[tuple[Item, bool]]],
    owners: dict[Item, list[Group]],
    roots: set[Node],
) -> list[Group]:
    if group.kind != "map" or any(i.role != "compute" or i.node in roots for i in group.items):
        return []
    found: dict[Group, None] = {}
    for item in group.items:
        for reader, stored in readers.get(item.node, ()):
            for owner in owners[reader]:
                if stored and owner is not group:
                    return []
                found[owner] = None
    found.pop(group, None)
    targets = list(found)
    single = not group.extents and _cost(group) <= SCALAR_COST
    if len(targets) > 1 and not single:
        return []
    if any(target.phase != group.phase and not single for target in targets):
        return []
    return targets


def _cost(group: Group) -> int:
    lowers = [item.node.op.lower for item in group.items]
    return sum(lower.cost if isinstance(lower, Pointwise) else SCALAR_COST for lower in lowers)


def _mapping(group: Group, target: Group, skip: set[Node]) -> dict[int, Index] | None:
    """What each loop of `group` is in `target`; None where the readers there do not agree."""
    if len(group.items) + len(target.items) > CAP or column_axes(target) > 1:
        return None
    gathers = any(isinstance(item.node.op.lower, Gather | Scatter) for item in group.items)
    if gathers and target.kind == "contract":
        return None
    mapping: dict[int, Index] | None = None
    for item in target.items:
        for read in reads(item, target.home[item]):
            place = place_of(read, skip)
            if place is None or place.base not in group.place:
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


def _move(group: Group, target: Group, mapping: dict[int, Index]) -> None:
    for item in group.items:
        target.home[item] = moved(group.home[item], mapping)
        target.place[item.node] = moved(group.place[item.node], mapping)
    target.items = sorted({*target.items, *group.items}, key=lambda item: item.order)

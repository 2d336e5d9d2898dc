"""The commit: an order of updates in which everyone reads old state, in place where that is possible.

Enters: groups behind the commit point. Leaves: their levels, or the states that must be staged: computed
into memory of their own before the commit point and copied behind it.
"""

from graphc.graph import STATE, Node
from graphc.lowering import Index
from graphc.schedule.access import flat_index
from graphc.schedule.group import Group, place_of, reads


def states_read(group: Group, skip: set[Node]) -> dict[Node, set[Index]]:
    """The state nodes that a group reads, each with the indices at which it does."""
    result: dict[Node, set[Index]] = {}
    for item in group.items:
        for read in reads(item, group.home[item]):
            place = place_of(read, skip)
            if place is not None and place.base.op is STATE:
                result.setdefault(place.base, set()).add(place.flat)
    return result


def states_written(group: Group) -> dict[Node, Index]:
    """The state nodes that a group writes, each with the index at which it does."""
    return {
        item.node: flat_index(group.home[item], item.domain)
        for item in group.items
        if item.role == "state"
    }


def order_commit(groups: list[Group], skip: set[Node]) -> set[Node]:
    """Sets the levels of phase 1, readers of a state before its writer; returns states to stage.

    Where it returns any, levels are unchanged: stage them and fuse again.
    """
    later = [group for group in groups if group.phase == 1]
    written = {group: states_written(group) for group in later}
    read = {group: states_read(group, skip) for group in later}
    staged = {
        state
        for group in later
        for state, index in written[group].items()
        if any(other != index for other in read[group].get(state, ()))
    }
    if staged:
        return staged
    before = _edges(later, read, written, skip)
    depth: dict[Group, int] = {}
    waiting = list(later)
    while waiting:
        ready = [g for g in waiting if all(b in depth for b in before[g])]
        if not ready:
            return {state for group in waiting for state in written[group]}
        for group in ready:
            depth[group] = 1 + max((depth[b] for b in before[group]), default=0)
        done = set(ready)
        waiting = [g for g in waiting if g not in done]
    base = max((g.level for g in groups if g.phase == 0), default=0)
    for group in later:
        group.level = base + depth[group]
    return set()


def _edges(
    groups: list[Group],
    read: dict[Group, dict[Node, set[Index]]],
    written: dict[Group, dict[Node, Index]],
    skip: set[Node],
) -> dict[Group, set[Group]]:
    """For each group, those that must run before it: they read its states, or write what it reads."""
    readers: dict[Node, list[Group]] = {}
    makers: dict[Node, Group] = {}
    for group in groups:
        for state in read[group]:
            readers.setdefault(state, []).append(group)
        makers.update(dict.fromkeys(group.place, group))
    before: dict[Group, set[Group]] = {}
    for group in groups:
        found = {other for state in written[group] for other in readers.get(state, ())}
        for item in group.items:
            for own in reads(item, group.home[item]):
                place = place_of(own, skip)
                if place is not None and place.base in makers and place.base not in group.place:
                    found.add(makers[place.base])
        before[group] = found - {group}
    return before

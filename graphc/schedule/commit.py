"""The commit: where in the order of kernels state is written, in place where that is possible.

Enters: groups, of which those of phase 1 compute what only new state needs. Leaves: levels for
these: above every kernel that can fail (a failed call leaves state as it was) and above every
reader of the old state. Where no such order exists, the states to be staged: computed into memory
of their own and copied at the end.
"""

from graphc.graph import STATE, Node
from graphc.lowering import Gather, Index, Scatter
from graphc.schedule.access import flat_index
from graphc.schedule.group import Group, memory_reads
from graphc.schedule.numbers import Numbers


def states_read(group: Group, numbers: Numbers) -> dict[Node, set[Index | None]]:
    """The state nodes that a group reads, each with the indices at which it does; None: any."""
    result: dict[Node, set[Index | None]] = {}
    for item in group.items:
        for read, place in memory_reads(item, group.home[item], numbers):
            if place.base.op is STATE:
                index = None if read.stored else place.flat
                result.setdefault(place.base, set()).add(index)
    return result


def states_written(group: Group) -> dict[Node, Index]:
    """The state nodes that a group writes, each with the index at which it does."""
    return {
        item.node: flat_index(group.home[item], item.domain)
        for item in group.items
        if item.role == "state"
    }


def fails(group: Group) -> bool:
    """Whether a kernel of the group checks positions at run time."""
    return any(isinstance(item.node.op.lower, Gather | Scatter) for item in group.items)


def order_commit(groups: list[Group], numbers: Numbers) -> set[Node]:
    """Sets the levels of phase 1; returns states to stage.

    Where it returns any, levels are unchanged: stage them and fuse again.
    """
    later = [group for group in groups if group.phase == 1]
    written = {group: states_written(group) for group in later}
    read = {group: states_read(group, numbers) for group in groups}
    staged = {s for group in later for s in _overwritten(group, written[group], read[group])}
    if staged:
        return staged
    before = _edges(groups, later, read, written, numbers)
    level = {group: group.level for group in groups if group.phase == 0}
    waiting = later
    while waiting:
        ready = [group for group in waiting if before[group] <= level.keys()]
        if not ready:
            return {state for group in waiting for state in written[group]}
        for group in ready:
            level[group] = 1 + max((level[b] for b in before[group]), default=0)
        waiting = [group for group in waiting if group not in level]
    for group in later:
        group.level = level[group]
    return set()


def _overwritten(
    group: Group, written: dict[Node, Index], read: dict[Node, set[Index | None]]
) -> list[Node]:
    """States of which the group might read an element that it has already written."""
    sweeps = group.kind == "rows" and any(i.node in group.late for i in group.items)
    result = []
    for state, index in written.items():
        points = any(v in group.inner for v, _ in index.terms)
        others = [other for other in read.get(state, ()) if other != index]
        if others or (sweeps and points and state in read):
            result.append(state)
    return result


def _edges(
    groups: list[Group],
    later: list[Group],
    read: dict[Group, dict[Node, set[Index | None]]],
    written: dict[Group, dict[Node, Index]],
    numbers: Numbers,
) -> dict[Group, set[Group]]:
    """For each later group those that must run before it: what they store it reads, what it
    overwrites they read, or they can fail and it writes state."""
    readers: dict[Node, list[Group]] = {}
    makers: dict[Node, list[Group]] = {}
    for group in groups:
        for state in read[group]:
            readers.setdefault(state, []).append(group)
        for item in group.items:
            if item.role != "state":
                makers.setdefault(item.node, []).append(group)
    failing = [group for group in groups if group.phase == 0 and fails(group)]
    last = max(failing, key=lambda group: group.level, default=None)
    before: dict[Group, set[Group]] = {}
    for group in later:
        found = {other for state in written[group] for other in readers.get(state, ())}
        for item in group.items:
            for _, place in memory_reads(item, group.home[item], numbers):
                if place.base not in group.place:
                    found.update(makers.get(place.base, ()))
        if written[group] and last is not None:
            found.add(last)
        before[group] = found - {group}
    return before

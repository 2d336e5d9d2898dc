"""Joining: groups that read the same along the same loops become one, which reads it once.

Enters: groups. Leaves: fewer groups. Those of one level do not depend on each other, so any two of
them may run as one; they do if they read the same memory, or what one kernel stored:

    sum(dy), sum(dy * x): two kernels that read dy   ->   one kernel with two accumulators

So do those that write interleaved parts of one whole: no line of memory is then written twice.
"""

from collections.abc import Mapping

from graphc.dims import product
from graphc.graph import Node
from graphc.lowering import Reduce
from graphc.ops import interleave
from graphc.schedule.group import Group, absorb, fits, is_shared, memory_reads
from graphc.schedule.numbers import Numbers


def join(groups: list[Group], numbers: Numbers) -> list[Group]:
    """The groups with siblings in one."""
    makers = {node: group for group in groups for node in group.place}
    latest: dict[tuple[object, ...], Group] = {}
    left: list[Group] = []
    for group in groups:
        meeting = _sources(group, makers, numbers) if _joins(group) else _wholes(group)
        keys = [(group.level, group.phase, group.extents, place) for place in meeting]
        siblings = (latest[key] for key in keys if key in latest)
        into = next((g for g in siblings if _fit(g, group)), None)
        if into is None:
            left.append(group)
        else:
            absorb(into, group)
        latest.update(dict.fromkeys(keys, into or group))
    return left


def _sources(group: Group, makers: Mapping[Node, Group], numbers: Numbers) -> list[Node | Group]:
    """What the group reads that has as many elements as it has points, and which groups make it."""
    points = product(group.extents)
    found: dict[Node | Group, None] = {}
    for item in group.items:
        for _, place in memory_reads(item, group.home[item], numbers):
            base = place.base
            if base not in group.place and product(base.type.shape) == points:
                found[base] = None
                if base in makers:
                    found[makers[base]] = None
    return list(found)


def _wholes(group: Group) -> list[Node]:
    """The whole of which the group writes interleaved parts, and nothing else."""
    wholes = dict.fromkeys(item.node for item in group.items if item.role != "compute")
    parts = all(item.role in ("compute", "piece") for item in group.items)
    interleaved = group.kind == "map" and all(node.op is interleave for node in wholes)
    return list(wholes) if parts and interleaved else []


def _joins(group: Group) -> bool:
    kinds = group.kind in ("map", "rows")
    return kinds and all(item.role in ("compute", "state") for item in group.items)


def _fit(first: Group, second: Group) -> bool:
    rows = [group for group in (first, second) if group.kind == "rows"]
    if len({group.inner for group in rows}) > 1 or not fits([first, second], 0, set()):
        return False
    # A best element is found by one part, which would then do the sums of all others too.
    return not any(is_shared(group) and _counts(group) for group in rows)


def _counts(group: Group) -> bool:
    lowers = [item.node.op.lower for item in group.items]
    return any(isinstance(o, Reduce) and o.combine in ("argmax", "argmin") for o in lowers)

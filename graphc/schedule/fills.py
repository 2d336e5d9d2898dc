"""Fills: what stands around parts is written when the parts are, not at the start of the program.

Enters: groups with their levels. Leaves: the same, those that only fill at later levels. A fill
reads nothing, so nothing but this keeps it from the first level: there its memory would be taken
from the start on, and no longer be in a cache when the parts are written.
"""

from collections.abc import Sequence

from graphc.graph import Node
from graphc.schedule.group import Group
from graphc.schedule.items import Item


def fill_late(groups: Sequence[Group]) -> None:
    """Moves groups of fills to the level of the first part; if parts go on top, right before it."""
    first: dict[Node, int] = {}
    for group in groups:
        for item in group.items:
            if item.role == "piece":
                first[item.node] = min(first.get(item.node, group.level), group.level)
    for group in groups:
        if all(item.role == "fill" for item in group.items):
            latest = min(first.get(i.node, group.level) - _is_whole(i) for i in group.items)
            group.level = max(group.level, latest)


def _is_whole(item: Item) -> bool:
    """Whether the fill writes where parts are put."""
    return item.domain == item.node.type.shape

"""The people's side of a kernel: what it does, for whom, and why its neighbours are others.

Enters: a group and those of its items that became a kernel. Leaves: the kernel's `Origin`.
"""

from collections.abc import Sequence

from graphc.graph import STATE, Node
from graphc.lowering import Contract, Reduce, Scatter
from graphc.ops import conv
from graphc.schedule.group import Group
from graphc.schedule.items import Item
from graphc.schedule.kernel import Origin, Part, PartRole


def origin_of(group: Group, items: Sequence[Item]) -> Origin:
    """A title from the items' primitives, the line that weighs most, and the group's records."""
    nodes = [item.node for item in items if item.node not in group.again]
    heavy = [node for node in nodes if isinstance(node.op.lower, Contract | Reduce | Scatter)]
    own = {item.node for item in items}
    parts = tuple(Part(_role(group, item), item.node, item.value) for item in items)
    refusals = tuple(r for r in group.refusals if r.reader in own and r.made not in group.place)
    computed = [node for node in nodes if node.op is not STATE]  # not where state was made
    where = (heavy or computed or nodes)[-1].where
    return Origin(_title(group, items), where, parts, refusals, group.stays)


def _title(group: Group, items: Sequence[Item]) -> str:
    named = [item for item in items if item.node not in group.again]
    names = [told_name(item.node) if item.role == "compute" else item.role for item in named]
    names = list(dict.fromkeys(names))
    if len(names) > 4:
        names = [*names[:2], f"{len(names) - 3}_more", names[-1]]
    return "_".join(names)


def told_name(node: Node) -> str:
    """A primitive as people know it: a convolution without windows is a product of matrices, whose
    result has its axes in another order."""
    return "dot" if node.op is conv and node.params["windows"] == ((), ()) else node.op.name


def _role(group: Group, item: Item) -> PartRole:
    match item.role:
        case "state":
            return "update"
        case "fill" | "piece":
            return "piece"
        case "base" | "scatter":
            return "scatter"
        case "compute":
            return _computed(group, item)


def _computed(group: Group, item: Item) -> PartRole:
    if item.node in group.again:
        return "again"
    match item.node.op.lower, group.kind:
        case Contract(), _:
            return "contraction"
        case Reduce(), _:
            return "reduction"
        case _, "map":
            return "pointwise"
        case _, "contract":
            return "epilogue"
        case _:
            return "epilogue" if item.node in group.late else "prologue"

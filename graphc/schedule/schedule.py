"""From a simplified graph to a schedule: items, fused groups, kernels in order, buffers.

Enters: a graph. Leaves: a `Schedule`, frozen, without a run-time size in it.
"""

from dataclasses import dataclass, field, replace

from graphc.graph import CONSTANT, INPUT, STATE, Graph, Node
from graphc.ops import identity
from graphc.schedule.commit import order_commit
from graphc.schedule.fuse import fuse
from graphc.schedule.group import Group, memory_reads
from graphc.schedule.items import committing, items_of
from graphc.schedule.kernel import Buffer, Schedule, Step
from graphc.schedule.lower import Context, lower_group
from graphc.schedule.normalise import addressed, normalise, own_memory
from graphc.schedule.numbers import Numbers, numbers_of
from graphc.schedule.strips import in_strips
from graphc.schedule.tasks import levelled


@dataclass(slots=True)
class Buffers:
    """The memory of each node that has any: made on first use."""

    known: dict[Node, Buffer] = field(default_factory=dict)

    def of(self, node: Node) -> Buffer:
        """The node's buffer."""
        if node not in self.known:
            self.known[node] = _buffer(node)
        return self.known[node]


def _buffer(node: Node) -> Buffer:
    if node.op is INPUT:
        return Buffer("input", node.type, node.params["name"], node)
    if node.op is STATE:
        return Buffer("state", node.type, node.params["cell"].name, node.params["cell"])
    if node.op is CONSTANT:
        return Buffer("constant", node.type, "constant", node.params["value"])
    return Buffer("arena", node.type, node.op.name, node)


def build_schedule(graph: Graph) -> Schedule:
    """The program of a graph: its kernels by level, those that write state behind all others."""
    graph = normalise(graph)
    groups, graph, numbers = _fused(graph)
    buffers = Buffers()
    context = Context(numbers, _stored(groups, graph, numbers), buffers.of)
    steps: list[Step] = []
    for group in groups:
        kernels = lower_group(group, context)
        # The second kernel of a group waits for the first: levels are doubled to make room.
        for number, kernel in enumerate(kernels):
            steps.append(Step(kernel, 2 * group.level + number))
    steps.sort(key=lambda step: step.level)
    inputs = tuple(buffers.of(node) for node in graph.inputs)
    outputs = tuple(buffers.of(node) for node in graph.outputs)
    placed = in_strips(levelled(steps), outputs)
    return Schedule(graph, placed, inputs, outputs, numbers.host)


def _fused(graph: Graph) -> tuple[list[Group], Graph, Numbers]:
    """Groups by level, and the graph with staged updates where an order in place is impossible."""
    staged: set[Node] = set()
    while True:
        graph = _with_staged(graph, staged)
        early = {value for state, value in graph.updates if state in staged}
        roots = set(graph.outputs) | early
        numbers = numbers_of(graph, roots | _computed(addressed(graph.nodes)))
        groups = fuse(items_of(graph, numbers), numbers, committing(graph, early), roots)
        found = order_commit(groups, numbers)
        if not found:
            return sorted(groups, key=lambda group: group.level), graph, numbers
        staged |= found


def _computed(nodes: set[Node]) -> set[Node]:
    return {node for node in nodes if node.op is not CONSTANT}


def _with_staged(graph: Graph, staged: set[Node]) -> Graph:
    updates = []
    for state, value in graph.updates:
        if state in staged and value.op is not identity:
            value = own_memory(value)
        updates.append((state, value))
    return replace(graph, updates=tuple(updates))


def _stored(groups: list[Group], graph: Graph, numbers: Numbers) -> set[Node]:
    """Nodes that need memory: outputs, and what a group reads that it does not compute."""
    result = set(graph.outputs)
    for group in groups:
        for item in group.items:
            for read, place in memory_reads(item, group.home[item], numbers):
                if read.stored or place.base not in group.place:
                    result.add(place.base)
    return result

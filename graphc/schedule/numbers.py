"""Single numbers, which no kernel of their own computes.

Enters: a graph. Leaves: which nodes a binding evaluates, and which every kernel that reads them
computes again: a learning rate's schedule costs less than waiting for another kernel.
"""

from dataclasses import dataclass, field
from typing import Any

from graphc.graph import CONSTANT, Graph, Node
from graphc.lowering import Pointwise, Source

INLINE_COST = 100  # cycles that each kernel and part may spend on one number


@dataclass(frozen=True, slots=True)
class Numbers:
    """`host`: reached by constants and sizes alone. `inline`: pointwise, from numbers in memory.

    `reads` remembers what items read, by where they stand, and `needed` which inline numbers they
    need: every step of the fusion asks for it.
    """

    host: frozenset[Node]
    inline: frozenset[Node]
    reads: dict[Any, dict[int, tuple[Any, list[Any]]]] = field(
        default_factory=dict, repr=False, compare=False
    )
    needed: dict[Any, set[Node]] = field(default_factory=dict, repr=False, compare=False)


def numbers_of(graph: Graph, stored: set[Node]) -> Numbers:
    """The numbers among the nodes of a graph that need not be `stored`."""
    host: set[Node] = set()
    costs: dict[Node, int] = {}
    for node in graph.nodes:
        if node in stored or any(size != 1 for size in node.type.shape):
            continue
        known = node.op is CONSTANT or isinstance(node.op.lower, Source)
        if known or (node.inputs and all(i in host for i in node.inputs)):
            host.add(node)
        elif isinstance(node.op.lower, Pointwise):
            cost = node.op.lower.cost + sum(costs.get(i, 1) for i in node.inputs)
            if cost <= INLINE_COST:
                costs[node] = cost
    return Numbers(frozenset(host), frozenset(costs))

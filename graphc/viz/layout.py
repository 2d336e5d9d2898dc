"""A layered layout: which row each node stands in, in which order, and at which x.

Enters: a networkx DiGraph without cycles and a width for each node. Leaves: a `Layout`, the
centre of each node (x in pixels, row from 0 at the sources down) and, for each edge, the
places in the rows between its ends that it passes through. Source: Sugiyama, Tagawa and Toda
1981 (layers, barycentres); the x positions are a least-squares fit under the order.

>>> graph = networkx().DiGraph([("x", "y"), ("y", "z"), ("x", "z")])
>>> layout = layered(graph, {"x": 40, "y": 40, "z": 40}, gap=20)
>>> [layout.at[name][1] for name in "xyz"], len(layout.via["x", "z"])
([0, 1, 2], 1)
"""

import bisect
import itertools
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from graphc.viz.loader import networkx

Point = tuple[float, int]
Edge = tuple[Hashable, Hashable]

SWEEPS = 8
HEAVIEST = 2.0**40
PASSING = 6.0  # the width that an edge takes in a row it passes through


@dataclass(frozen=True, slots=True)
class Layout:
    """Where everything stands: (x, row) of nodes, and of the passings of long edges."""

    at: Mapping[Hashable, Point]
    via: Mapping[Edge, tuple[Point, ...]]
    width: float
    rows: int


def layered(graph: Any, widths: Mapping[Hashable, float], gap: float) -> Layout:
    """The layout of an acyclic DiGraph whose nodes have these widths, at least `gap` apart."""
    rows = assign_rows(graph)
    proper, chains = split_long_edges(graph, rows)
    wide = {node: widths.get(node, PASSING) for node in proper}
    layers = order_layers(proper)
    x = place(proper, layers, wide, gap)
    at = {node: (x[node], proper.nodes[node]["row"]) for node in proper}
    return Layout(
        {node: at[node] for node in graph},
        {edge: tuple(at[node] for node in chain) for edge, chain in chains.items()},
        max((x[node] + wide[node] / 2 for node in proper), default=0.0),
        len(layers),
    )


def assign_rows(graph: Any) -> dict[Hashable, int]:
    """Below all operands; what few nodes feed slides down to its first reader."""
    generations = list(networkx().topological_generations(graph))
    rows = {node: row for row, generation in enumerate(generations) for node in generation}
    for node in reversed([node for generation in generations for node in generation]):
        readers = list(graph.successors(node))
        if readers and graph.in_degree(node) <= len(readers):
            rows[node] = min(rows[reader] for reader in readers) - 1
    return rows


def split_long_edges(
    graph: Any, rows: Mapping[Hashable, int]
) -> tuple[Any, dict[Edge, list[Hashable]]]:
    """The graph with a passing node in every row that an edge skips, and each edge's passings.

    The edges of a node pass as one trunk, which each leaves above its reader: what every layer
    reads takes a place in each row, not one a layer.
    """
    proper = networkx().DiGraph()
    proper.add_nodes_from((node, {"row": rows[node]}) for node in graph)
    chains: dict[Edge, list[Hashable]] = {}
    for a in graph:
        skipped = range(rows[a] + 1, max((rows[b] for b in graph.successors(a)), default=0))
        trunk = [a, *(("passing", a, row) for row in skipped)]
        proper.add_nodes_from(
            (node, {"row": row}) for node, row in zip(trunk[1:], skipped, strict=True)
        )
        networkx().add_path(proper, trunk)
        for b in graph.successors(a):
            above = rows[b] - rows[a]
            chains[a, b] = trunk[1:above]
            proper.add_edge(trunk[above - 1], b)
    return proper, chains


def order_layers(proper: Any) -> list[list[Hashable]]:
    """Each row's nodes from left to right, by sweeps of barycentres down and up."""
    last = max((row for _, row in proper.nodes(data="row")), default=-1)
    layers: list[list[Hashable]] = [[] for _ in range(last + 1)]
    for node in networkx().dfs_preorder_nodes(proper.to_undirected()):
        layers[proper.nodes[node]["row"]].append(node)
    best, fewest = [list(layer) for layer in layers], crossings(proper, layers)
    for sweep in range(SWEEPS):
        down = sweep % 2 == 0
        _sweep(proper, layers if down else layers[::-1], proper.pred if down else proper.succ)
        count = crossings(proper, layers)
        if count < fewest:
            best, fewest = [list(layer) for layer in layers], count
    return best


def _sweep(proper: Any, layers: Sequence[list[Hashable]], neighbours: Any) -> None:
    for fixed, free in itertools.pairwise(layers):
        position = {node: i for i, node in enumerate(fixed)}
        mine = {node: i for i, node in enumerate(free)}

        def barycentre(node: Hashable, position: Any = position, mine: Any = mine) -> float:
            near = [position[other] for other in neighbours[node]]
            return sum(near) / len(near) if near else mine[node]

        free.sort(key=barycentre)


def crossings(proper: Any, layers: Sequence[Sequence[Hashable]]) -> int:
    """How many pairs of edges cross."""
    total = 0
    for upper, lower in itertools.pairwise(layers):
        position = {node: i for i, node in enumerate(lower)}
        seen: list[int] = []
        for end in (e for a in upper for e in sorted(position[b] for b in proper.succ[a])):
            total += len(seen) - bisect.bisect_right(seen, end)
            bisect.insort(seen, end)
    return total


def place(
    proper: Any,
    layers: Sequence[Sequence[Hashable]],
    wide: Mapping[Hashable, float],
    gap: float,
) -> dict[Hashable, float]:
    """The x of every node: near its neighbours' mean, in order, at least `gap` apart, from 0."""
    x: dict[Hashable, float] = {}
    for layer in layers:
        left = 0.0
        for node in layer:
            x[node] = left + wide[node] / 2
            left += wide[node] + gap
    # A parameter hangs beside what reads it: it must not pull the long chain aside.
    weight: dict[Hashable, float] = {}
    for node in networkx().topological_sort(proper):
        above = max((weight[a] for a in proper.pred[node]), default=0.25)
        weight[node] = min(4 * above, HEAVIEST)
    for sweep in range(2 * SWEEPS):
        for layer in layers if sweep % 2 == 0 else layers[::-1]:
            wanted = [_mean(x, weight, (*proper.pred[a], *proper.succ[a]) or (a,)) for a in layer]
            sizes, weights = [wide[a] for a in layer], [weight[a] for a in layer]
            x.update(zip(layer, spread(wanted, weights, sizes, gap), strict=True))
    left = min((x[node] - wide[node] / 2 for node in x), default=0.0)
    return {node: value - left for node, value in x.items()}


def _mean(
    x: Mapping[Hashable, float], weight: Mapping[Hashable, float], near: Sequence[Hashable]
) -> float:
    return sum(x[node] * weight[node] for node in near) / sum(weight[node] for node in near)


def spread(
    wanted: Sequence[float], weights: Sequence[float], wide: Sequence[float], gap: float
) -> list[float]:
    """The centres nearest to the wanted ones, by least squares, that keep the order and the gap.

    >>> spread([5.0, 5.0], [1.0, 1.0], [10.0, 10.0], gap=2.0)
    [-1.0, 11.0]
    """
    offsets = [0.0]
    for a, b in itertools.pairwise(wide):
        offsets.append(offsets[-1] + (a + b) / 2 + gap)
    # Without the offsets this is isotonic regression: pool neighbours that are out of order.
    pools: list[tuple[float, float, int]] = []
    for target, weight, offset in zip(wanted, weights, offsets, strict=True):
        pools.append((target - offset, weight, 1))
        while len(pools) > 1 and pools[-2][0] > pools[-1][0]:
            (a, v, m), (b, w, n) = pools[-2:]
            pools[-2:] = [((a * v + b * w) / (v + w), v + w, m + n)]
    flat = [mean for mean, _, count in pools for _ in range(count)]
    return [value + offset for value, offset in zip(flat, offsets, strict=True)]

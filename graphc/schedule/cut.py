"""Minimum cuts of small flow networks: Dinic's algorithm, without recursion.

Enters: edges with capacities. Leaves: the nodes on the source's side of a cheapest cut.

>>> network = Network()
>>> for edge in (("s", "a", 3.0), ("s", "b", 1.0), ("a", "t", 2.0), ("b", "t", 4.0)):
...     network.connect(*edge)
>>> sorted(network.source_side("s", "t"))
['a', 's']

networkx has the algorithm too, but importing it takes longer than most programs take to schedule.
Source: E. A. Dinic, Algorithm for solution of a problem of maximum flow, 1970.
"""

from collections import deque
from collections.abc import Hashable

Label = Hashable


class Network:
    """Nodes are hashable labels; every edge stands beside its reverse, whose number differs in the
    last bit."""

    __slots__ = ("_edges_of", "_head", "_left")

    def __init__(self) -> None:
        self._edges_of: dict[Label, list[int]] = {}
        self._head: list[Label] = []
        self._left: list[float] = []

    def connect(self, tail: Label, head: Label, capacity: float) -> None:
        """An edge from tail to head."""
        for start, end, left in ((tail, head, capacity), (head, tail, 0.0)):
            self._edges_of.setdefault(start, []).append(len(self._head))
            self._head.append(end)
            self._left.append(left)

    def source_side(self, source: Label, sink: Label) -> set[Label]:
        """The nodes that a cheapest cut leaves with the source; the fewest where several do."""
        self._edges_of.setdefault(source, [])
        while sink in (distance := self._distances(source)):
            self._fill(source, sink, distance)
        return set(distance)

    def _distances(self, source: Label) -> dict[Label, int]:
        distance = {source: 0}
        waiting = deque([source])
        while waiting:
            node = waiting.popleft()
            for edge in self._edges_of[node]:
                head = self._head[edge]
                if self._left[edge] > 0 and head not in distance:
                    distance[head] = distance[node] + 1
                    waiting.append(head)
        return distance

    def _fill(self, source: Label, sink: Label, distance: dict[Label, int]) -> None:
        """Sends flow along shortest paths until each of them has a full edge."""
        tried = dict.fromkeys(distance, 0)
        path: list[int] = []
        node = source
        while True:
            if node == sink:
                self._send(path)
                path, node = [], source
            edge = self._next(node, tried, distance)
            if edge is not None:
                path.append(edge)
                node = self._head[edge]
            elif path:
                node = self._head[path.pop() ^ 1]
                tried[node] += 1
            else:
                return

    def _next(self, node: Label, tried: dict[Label, int], distance: dict[Label, int]) -> int | None:
        edges = self._edges_of[node]
        while tried[node] < len(edges):
            edge = edges[tried[node]]
            if self._left[edge] > 0 and distance.get(self._head[edge]) == distance[node] + 1:
                return edge
            tried[node] += 1
        return None

    def _send(self, path: list[int]) -> None:
        flow = min(self._left[edge] for edge in path)
        for edge in path:
            self._left[edge] -= flow
            self._left[edge ^ 1] += flow

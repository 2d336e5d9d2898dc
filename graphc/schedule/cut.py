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
    """Nodes are hashable labels, numbered as they come; every edge stands beside its reverse, whose
    number differs in the last bit."""

    __slots__ = ("_edges_of", "_head", "_left", "_number")

    def __init__(self) -> None:
        self._number: dict[Label, int] = {}
        self._edges_of: list[list[int]] = []
        self._head: list[int] = []
        self._left: list[float] = []

    def connect(self, tail: Label, head: Label, capacity: float) -> None:
        """An edge from tail to head."""
        ends = self._numbered(tail), self._numbered(head)
        for (start, end), left in ((ends, capacity), (ends[::-1], 0.0)):
            self._edges_of[start].append(len(self._head))
            self._head.append(end)
            self._left.append(left)

    def _numbered(self, label: Label) -> int:
        if label not in self._number:
            self._number[label] = len(self._edges_of)
            self._edges_of.append([])
        return self._number[label]

    def source_side(self, source: Label, sink: Label) -> set[Label]:
        """The nodes that a cheapest cut leaves with the source; the fewest where several do."""
        start, end = self._numbered(source), self._numbered(sink)
        while (distance := self._distances(start))[end] >= 0:
            self._fill(start, end, distance)
        return {label for label, number in self._number.items() if distance[number] >= 0}

    def _distances(self, source: int) -> list[int]:
        """Of every node; -1 where no edge with anything left leads."""
        distance = [-1] * len(self._edges_of)
        distance[source] = 0
        waiting = deque([source])
        while waiting:
            node = waiting.popleft()
            for edge in self._edges_of[node]:
                head = self._head[edge]
                if self._left[edge] > 0 and distance[head] < 0:
                    distance[head] = distance[node] + 1
                    waiting.append(head)
        return distance

    def _fill(self, source: int, sink: int, distance: list[int]) -> None:
        """Sends flow along shortest paths until each of them has a full edge."""
        tried = [0] * len(distance)
        path: list[int] = []
        node = source
        while True:
            if node == sink:
                path = path[: self._send(path)]
                node = self._head[path[-1]] if path else source
            edge = self._next(node, tried, distance)
            if edge is not None:
                path.append(edge)
                node = self._head[edge]
            elif path:
                node = self._head[path.pop() ^ 1]
                tried[node] += 1
            else:
                return

    def _next(self, node: int, tried: list[int], distance: list[int]) -> int | None:
        edges, left, head = self._edges_of[node], self._left, self._head
        for at in range(tried[node], len(edges)):
            edge = edges[at]
            if left[edge] > 0 and distance[head[edge]] == distance[node] + 1:
                tried[node] = at
                return edge
        tried[node] = len(edges)
        return None

    def _send(self, path: list[int]) -> int:
        """Sends what the path can take; where it is full from now on."""
        flow = min(self._left[edge] for edge in path)
        for edge in path:
            self._left[edge] -= flow
            self._left[edge ^ 1] += flow
        return next(at for at, edge in enumerate(path) if self._left[edge] <= 0)

"""Projections: products of the slices of one array with the same matrix are one product.

Enters: a graph. Leaves: an equal one, in which

    dot(x[:, 0], w), dot(x[:, 1], w), ...  ->  y[:, 0], y[:, 1], ...    y = dot(x, w)

as a recurrent net projects its inputs. Where all of y would not stay in the caches a step's share
is better made when it is wanted: only products of known sizes are put together.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from graphc.dims import product
from graphc.functions.tensor import Tensor
from graphc.graph import Graph, Node, mapped, provenance, rebuild
from graphc.ops import concat, dot, slice_
from graphc.ops.contraction import free_axes
from graphc.ops.views import fitted
from graphc.passes.steps import below, inserted, sliced
from graphc.passes.views import joined

FEWEST = 4  # products that are worth a product of their own
# Elements of all results. Measured, nets of 128 with 32 rows a step: 1 to 9 % less time and a third
# fewer kernels; with 1024 rows, 16 times as many elements as here, 17 to 30 % more.
MOST = 1 << 20


@dataclass(frozen=True, slots=True)
class _Row:
    """Products of the slices of an array, in their order along `axis`; `side`: of which operand."""

    side: int
    axis: int
    terms: tuple[Node, ...]


def projected(graph: Graph) -> Graph:
    """The graph with products of slices put together."""
    rows = {term: row for row in _rows(graph.nodes) for term in row.terms}
    if not rows:
        return graph
    new: dict[Node, Node] = {}
    for node in graph.nodes:
        if node not in rows:
            new[node] = rebuild(node, tuple([new[i] for i in node.inputs]))
        elif node not in new:
            new.update(_parts(rows[node], new))
    return mapped(graph, {**{node: node for node, _ in graph.labels}, **new})


def _rows(nodes: Sequence[Node]) -> Iterator[_Row]:
    groups: dict[tuple[Any, ...], list[Node]] = {}
    for term in nodes:
        for side, cut in enumerate(below(i) for i in term.inputs if term.op is dot):
            if cut.op is slice_ and term.params["batch"] == ((), ()):
                key = cut.inputs[0], term.inputs[1 - side], side, term.params["contract"], term.type
                groups.setdefault(key, []).append(term)
    for (_, _, side, *_), terms in groups.items():
        row = _row(side, terms)
        if row is not None:
            yield row


def _row(side: int, terms: Sequence[Node]) -> _Row | None:
    """The products as a row, if their slices are one behind the other and their results small."""
    size = product((len(terms), *terms[0].type.shape))
    few = len(terms) < FEWEST or not isinstance(size, int) or size > MOST
    home = None if few else sliced([term.inputs[side] for term in terms])
    if home is None:
        return None
    ordered = tuple(terms[n] for n in home.order)
    whole = joined([Tensor(below(term.inputs[side])) for term in ordered], home.axis)
    return None if whole.node.op is concat else _Row(side, home.axis, ordered)


def _parts(row: _Row, new: Mapping[Node, Node]) -> Iterator[tuple[Node, Node]]:
    """The products, and their shares in that of the whole array."""
    first = row.terms[0]
    with provenance(first.where, first.source):
        whole, at = _whole(row, new), _counting(row)
    sizes = inserted(first.type.shape, at)
    for number, term in enumerate(row.terms):
        starts = tuple(number if n == at else 0 for n in range(whole.ndim))
        with provenance(term.where, term.source):
            part = slice_(whole, starts=starts, sizes=sizes, steps=(1,) * whole.ndim)
            yield term, fitted(part, term.type.shape).node


def _whole(row: _Row, new: Mapping[Node, Node]) -> Tensor:
    slices = [below(term.inputs[row.side]) for term in row.terms]
    wide = joined([Tensor(rebuild(s, (new[s.inputs[0]],))) for s in slices], row.axis)
    contract = list(row.terms[0].params["contract"])
    contract[row.side] = tuple(c + (c >= row.axis) for c in contract[row.side])
    other = Tensor(new[row.terms[0].inputs[1 - row.side]])
    return dot(
        *((wide, other) if row.side == 0 else (other, wide)),
        contract=tuple(contract),
        batch=((), ()),
    )


def _counting(row: _Row) -> int:
    """The axis of the whole that counts the products."""
    term = row.terms[0]
    operands = zip(term.inputs, term.params["contract"], strict=True)
    free = [free_axes(i.type.rank, own) for i, own in operands]
    return sum(axis < row.axis for axis in free[row.side]) + row.side * len(free[0])

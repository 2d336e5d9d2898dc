"""The pipeline: a graph in, a smaller graph that computes the same out.

Enters: a Graph. Leaves: a Graph with the same inputs, outputs and updates in the same order.

>>> import graphc as gx
>>> x = gx.input("x", ("n",))
>>> y = gx.log(1 + -(-x)) * 1.0
>>> print(gx.text(simplify(Graph((x.node,), (y.node,)))))
x: f32[n] = input()
%0: f32[n] = log1p(x)
return %0
"""

from collections.abc import Iterable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace

from graphc.graph import Graph, Node, label_of
from graphc.passes.algebra import ALGEBRA
from graphc.passes.fold import FOLD
from graphc.passes.positions import POSITIONS
from graphc.passes.products import PRODUCTS
from graphc.passes.projections import projected
from graphc.passes.rewrite import Table, rewrite, table
from graphc.passes.shares import RECIPROCALS, SHARES
from graphc.passes.stabilise import STABILISE
from graphc.passes.steps import gathered
from graphc.passes.sums import SUMS
from graphc.passes.views import REMOVAL, VIEWS


@dataclass(frozen=True, slots=True)
class Step:
    """A table of rules under the name that errors and traces give it."""

    name: str
    rules: Table


PIPELINE = (
    # First, while log(1 + x) is still written so: folding and algebra would take it apart.
    Step("stabilise", table(REMOVAL, STABILISE)),
    # One fixpoint of all others: folding feeds algebra, algebra lines up views, and back.
    # Stabilising again, because removed signs and views may have hidden a pattern.
    Step(
        "simplify",
        table(REMOVAL, STABILISE, FOLD, VIEWS, ALGEBRA, POSITIONS, PRODUCTS, SUMS, SHARES),
    ),
    # Last: rules of logarithms and gradients know a share by its division.
    Step("divide", table(RECIPROCALS)),
)

# Before the gradient only what changes its value for the better: the rest runs on the whole
# program later, and stop_gradient still has its work to do.
_BEFORE_GRADIENT = table(STABILISE)


def simplify(graph: Graph) -> Graph:
    """The graph after every step of the pipeline.

    It is not verified again: interned nodes have the types that their primitives infer. Tests do it
    after each step.
    """
    graph = replace(graph, labels=tuple(_labels(graph.nodes)))
    for step in PIPELINE:
        graph = apply(step, graph)
    return gathered(projected(graph))


def apply(step: Step, graph: Graph) -> Graph:
    """The graph after one step."""
    labelled = [node for node, _ in graph.labels]
    return _with_roots(graph, rewrite([*graph.roots, *labelled], step.rules))


def stabilise(outputs: Sequence[Node], opaque: AbstractSet[Node] = frozenset()) -> list[Node]:
    """The outputs in the form to differentiate; nodes of `opaque`, which it is by, stay."""
    return rewrite(outputs, _BEFORE_GRADIENT, opaque)


def _labels(nodes: Iterable[Node]) -> Iterator[tuple[Node, str]]:
    """What has been named: the rules remove the names' own nodes."""
    for node in nodes:
        label = label_of(node)
        if node.inputs and label is not None:
            yield node.inputs[0], label


def _with_roots(graph: Graph, roots: Sequence[Node]) -> Graph:
    """The graph with other outputs, new values and nodes for its labels, in this order."""
    outputs, updates = len(graph.outputs), len(graph.updates)
    values = zip(graph.updates, roots[outputs : outputs + updates], strict=True)
    named = zip(roots[outputs + updates :], graph.labels, strict=True)
    return Graph(
        graph.inputs,
        tuple(roots[:outputs]),
        tuple((state, value) for (state, _), value in values),
        tuple((node, label) for node, (_, label) in named),
    )

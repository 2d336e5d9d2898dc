"""Reading a graph back from its text.

Enters: what `graphc.text` printed. Leaves: a Graph, whose nodes are those that are alive already.

>>> from graphc.functions.creation import input
>>> from graphc.text import text
>>> x = input("x", ("n",))
>>> y = x * 2
>>> Tensor(parse(text(y)).outputs[0]) is y
True
"""

from collections.abc import Mapping

from graphc.functions import cells
from graphc.functions.tensor import Tensor
from graphc.graph import Graph
from graphc.ops import PRIMITIVES
from graphc.text import parse as parse_with


def parse(source: str, states: Mapping[str, Tensor] | None = None) -> Graph:
    """The graph that a text describes: `graphc.text` prints it, and `Tensor(node)` is the tensor
    of one of its nodes.

    A parameter or state takes the place of the one in `states` under its name, else it is new and
    zero. Raises GraphError, with the line's number, for a text that is no graph.
    """
    known = {name: cells.cell_of(tensor.node) for name, tensor in (states or {}).items()}
    return parse_with(source, PRIMITIVES, known)

"""Folding: what depends on constants alone is computed now.

Enters: nothing. Leaves: `FOLD`, a table of rules. Parameters and other state are never folded: they
change. Results stay small, and an array of one repeated number becomes that number, broadcast.
"""

import numpy as np

from graphc.errors import IndexRangeError
from graphc.evaluate import evaluate
from graphc.functions.tensor import Tensor
from graphc.graph import CONSTANT, Node, constant
from graphc.lowering import Leaf, Pointwise, Source
from graphc.ops import PRIMITIVES, broadcast_to, filled
from graphc.passes.names import y
from graphc.passes.rewrite import KNOWN, As, Rule

_LARGEST = 4096  # elements: a constant is memory that every program carries


def _computed(y: Tensor) -> Tensor | None:
    """f(constant, ...) -> constant, where at least one is an array of several numbers."""
    node = y.node
    if not any(i.op is CONSTANT for i in node.inputs) or not _is_small(node):
        return None
    if node.op.guards(*(i.type for i in node.inputs), **node.params):
        return None
    try:
        (array,) = evaluate([node], {})
    except IndexRangeError:
        return None  # the program says so, if it gets there
    return Tensor(constant(array, node.type))


def _is_small(node: Node) -> bool:
    size = node.type.size
    return isinstance(size, int) and size <= _LARGEST


def _on_scalars(y: Tensor) -> Tensor | None:
    """f(broadcast_to(a), broadcast_to(b)) -> broadcast_to(f(a, b)), for scalars a and b."""
    node = y.node
    scalars = [i.inputs[0] for i in node.inputs]
    if any(scalar.type.shape != () for scalar in scalars):
        return None
    result: Tensor = node.op(*map(Tensor, scalars), **node.params)
    return broadcast_to(result, shape=node.type.shape)


def _one_number(y: Tensor) -> Tensor | None:
    """[2., 2., 2.] -> broadcast_to(2., shape=(3,))."""
    array = y.node.params["value"].array
    if array.size < 2 or array.flat[0] != array.flat[-1]:
        return None
    number = array.reshape(-1)[:1]
    same_bits = array.reshape(-1).view(np.uint8).reshape(array.size, -1) == number.view(np.uint8)
    return filled(y, number[0]) if same_bits.all() else None


# broadcast_to of a constant is the form that the other rules look for, and costs no memory.
_FOLDED = tuple(
    op for op in PRIMITIVES if not isinstance(op.lower, Leaf | Source) and op is not broadcast_to
)
_POINTWISE = tuple(op for op in _FOLDED if isinstance(op.lower, Pointwise))

FOLD = (
    Rule(As(y, (CONSTANT,)), _one_number),
    *(Rule(As(y, (op, KNOWN, ...)), _computed) for op in _FOLDED),
    *(Rule(As(y, (op, (broadcast_to, ...), ...)), _on_scalars) for op in _POINTWISE),
)

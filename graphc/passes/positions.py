"""Constant positions: a gather that reads nothing of what a scatter wrote looks past it.

Enters: nothing. Leaves: `POSITIONS`, a table of rules. The gradients of a triangle and a diagonal
that are set into the same square read two parts of one array, of which neither is written first.
"""

import numpy as np

from graphc.functions.tensor import Tensor
from graphc.graph import CONSTANT
from graphc.ops import scatter, take
from graphc.passes.names import a, b, e, x, y, z
from graphc.passes.rewrite import As, Rule


def _past_scatter(x: Tensor, a: Tensor, b: Tensor, y: Tensor, z: Tensor) -> Tensor | None:
    """take(scatter(x, [0, 2], e), [1, 3]) -> take(x, [1, 3])."""
    axis = z.node.params["axis"]
    size = x.shape[axis]
    if y.node.params["axis"] != axis or not isinstance(size, int):
        return None
    written, read = (index.node.params["value"].array.astype(np.int64) for index in (a, b))
    # What is no position of the axis is an error of the program, if it gets there.
    if any(((places < -size) | (places >= size)).any() for places in (written, read)):
        return None
    return None if np.isin(read % size, written % size).any() else take(x, b, axis=axis)


POSITIONS = (
    Rule(
        As(z, (take, As(y, (scatter, x, As(a, (CONSTANT,)), e)), As(b, (CONSTANT,)))),
        _past_scatter,
    ),
)

"""Constants of the size that a rule needs.

Enters: a handle whose shape, dtype and class to follow, and a number. Leaves: a handle to a
constant scalar, broadcast.
"""

from typing import Any

import numpy as np

from graphc.graph import CONSTANT, H, Node, constant
from graphc.ops.views import broadcast_to
from graphc.types import DType, Shape, TensorType


def filled(like: H, value: Any, shape: Shape | None = None, dtype: DType | None = None) -> H:
    """`value` in every element, with the shape and dtype of `like` where they are not given."""
    dtype = dtype or like.node.type.dtype
    shape = like.node.type.shape if shape is None else shape
    scalar = type(like)(constant(np.array(value, dtype.numpy), TensorType(dtype, ())))
    return scalar if shape == () else broadcast_to(scalar, shape=shape)


def is_zero(node: Node) -> bool:
    """Whether a node is `filled` with zero."""
    while node.op is broadcast_to:
        node = node.inputs[0]
    return node.op is CONSTANT and node.type.shape == () and not node.params["value"].array.any()

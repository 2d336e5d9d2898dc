"""Positions of extremes along rows, found in two sweeps of vectors.

Enters: an argmax or argmin and its new operand. Leaves: an equal node,

    argmax(x)  ->  min(where((x == max(x)) | (x != x), 0 1 2 ..., n))

for the first of the largest is the first that is equal to it, and a nan, as in NumPy, the largest
of all. What is compared is kept between the sweeps where it might round otherwise in the second.
One sweep would compare each element with the best one before it, and wait for that. (Measured, 64
rows of 1000 float32: 268 and 8.5 us.)
"""

from graphc.functions.tensor import Tensor
from graphc.graph import Node, provenance
from graphc.ops import argmax, argmin, iota, max_, min_, ne, size, source, where
from graphc.ops.views import expand
from graphc.types import int64

LEAST = 32  # elements of a row: shorter ones are compared side by side


def is_along_rows(node: Node) -> bool:
    """Whether a node looks for an extreme along the last axis, which may be long."""
    if node.op not in (argmax, argmin):
        return False
    shape = node.inputs[0].type.shape
    (axis,), length = node.params["axes"], shape[-1]
    return axis == len(shape) - 1 and not (isinstance(length, int) and length < LEAST)


def winners(node: Node, operand: Node) -> Node:
    """The positions that such a node finds in its new operand."""
    x, axes = Tensor(operand), node.params["axes"]
    with provenance(node.where, node.source):
        best = max_(x, axes=axes) if node.op is argmax else min_(x, axes=axes)
        equal = x == expand(best, axes, x.shape)
        if x.dtype.kind == "f":
            equal = equal | ne(x, x)
        place = source(x, iota, shape=x.shape, axis=axes[0], dtype=int64)
        last = expand(source(x, size, dim=x.shape[-1]), tuple(range(x.ndim)), x.shape)
        return min_(where(equal, place, last), axes=axes).node

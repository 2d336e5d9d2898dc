"""Convolutions that slide nowhere, for their windows are as long as the axes, as products.

Enters: a graph. Leaves: an equal one. Along such windows products are summed as along channels, and
what they are made of may lie in any order, where that of what windows slide along is fixed. Those
are the gradients by the weights of 1x1 convolutions, and layers that see a whole image:

    conv(x: f32[n, h, w, c], v: f32[h, w, c, k], windows=((1, 2), (0, 1)))
    ->    reshape(conv(x, v, contract=((1, 2, 3), (0, 1, 2)), windows=((), ())), (n, 1, 1, k))
"""

from graphc.graph import Graph, Node, make, mapped, provenance, rebuild
from graphc.ops import conv, reshape
from graphc.ops.convolution import Roles, roles


def with_whole_windows(graph: Graph) -> Graph:
    """The graph with products for convolutions whose windows have one position each."""
    if not any(map(_is_whole, graph.nodes)):
        return graph
    new: dict[Node, Node] = {}
    for node in graph.nodes:
        inputs = tuple(new[i] for i in node.inputs)
        new[node] = _product(node, inputs) if _is_whole(node) else rebuild(node, inputs)
    return mapped(graph, new)


def _is_whole(node: Node) -> bool:
    """Whether it has windows, and each is as long as its axis."""
    if node.op is not conv or not node.params["windows"][0]:
        return False
    a, b = node.inputs
    pairs = zip(*node.params["windows"], strict=True)
    whole = all(a.type.shape[i] == b.type.shape[j] for i, j in pairs)
    return whole and set(node.params["pads"]) <= {(0, 0)} and set(node.params["dilation"]) <= {1}


def _product(node: Node, inputs: tuple[Node, ...]) -> Node:
    r = roles(inputs[0].type.rank, inputs[1].type.rank, **node.params)
    pairs = sorted(zip(*(c + w for c, w in zip(r.contract, r.windows, strict=True)), strict=True))
    first, second = (tuple(pair[side] for pair in pairs) for side in (0, 1))
    params = {"contract": (first, second), "batch": r.batch, "windows": ((), ())}
    rest = {"strides": (), "dilation": (), "pads": (), "order": _order(r)}
    with provenance(node.where, node.source):
        made = make(conv, inputs, {**params, **rest})
        return make(reshape, (made,), {"shape": node.type.shape})


def _order(r: Roles) -> tuple[int, ...]:
    """The axes of the result but for the positions, of which there is one."""
    kept = [axis for axis in r.order if axis not in r.slid]
    return tuple(axis - sum(gone < axis for gone in r.slid) for axis in kept)

"""Contractions in the form in which they are computed best.

Enters: a graph. Leaves: an equal one, in which a contraction that is only read transposed is one
whose result has that order, and one without rows and columns is a sum. Attention merges its heads
so without a copy, and a product of long vectors is shared out over parts:

    transpose(dot(p, v): f32[batch, head, t, d], axes=(0, 2, 1, 3))    ->    conv(p, v, order=...)
    dot(a: f32[n], b: f32[n])    ->    sum(mul(a, b), axes=(0,))

One whose sums have one product each is no contraction, and its readers may compute it:

    dot(a: f32[n, 1], b: f32[1, m])    ->    mul(broadcast_to(a), broadcast_to(b))

One that slides nowhere and that is read transposed alone, as by the caller of a 1x1 convolution of
NCHW images, has its operands changed over, where the first lies along what becomes the last axis:

    transpose(conv(transpose(x: f32[n, c, h, w]), v), axes=(0, 3, 1, 2))    ->    conv(v, x, order)

From up to 4 channels it has them if its result is shown, or many channels are made of that: the
gradient by the weights sums along images, and would turn the many channels of its cotangent for the
few of x. (Measured, 8 images of 32x32, 3 to 64 channels, gradients alone: 129 and 82 us.)

One that is only read by a sum along axes of one operand alone becomes a product of that sum:

    sum(dot(a, b: f32[j, n]), axes=(1,))    ->    dot(a, sum(b, axes=(1,)))
"""

from collections.abc import Mapping, Sequence
from math import prod

from graphc.graph import Graph, Node, make, mapped, provenance, rebuild, users
from graphc.lowering import Contract, Reduce
from graphc.ops import broadcast_to, conv, dot, mul, reshape, sum_, transpose
from graphc.ops.contraction import Axes, Pair, free_axes
from graphc.ops.convolution import roles

FEW = 4  # channels


def arranged(graph: Graph) -> Graph:
    """The graph with transposed contractions in one node, if their last axis stays the last, and
    with sums for products of vectors."""
    nodes = graph.nodes
    readers = users(nodes)
    kept = {*graph.outputs, *(value for _, value in graph.updates)}
    new: dict[Node, Node] = {}
    ahead, shown = _slid_ahead(nodes), _shown(nodes, kept)
    for node in nodes:
        if node.op is transpose and _folds(node, readers, kept):
            new[node] = _ordered(new[node.inputs[0]], node.params["axes"])
        elif node not in ahead and _changes_over(node, readers, kept, shown):
            whole = _changed_over(new[node.inputs[0]])
            new[node] = _ordered(whole, node.params["axes"])
        elif _of_single_products(node) and not any(r.op is sum_ for r in readers[node]):
            new[node] = _multiplied(node, *(new[i] for i in node.inputs))
        elif _of_vectors(node):
            new[node] = _summed(node, *(new[i] for i in node.inputs))
        elif node.op is sum_ and _is_alone(node.inputs[0], readers, kept):
            new[node] = _summed_first(node, new[node.inputs[0]])
        else:
            new[node] = rebuild(node, tuple(new[i] for i in node.inputs))
    return mapped(graph, new)


def _folds(node: Node, readers: Mapping[Node, Sequence[Node]], kept: set[Node]) -> bool:
    (operand,), axes = node.inputs, node.params["axes"]
    alone = _is_alone(operand, readers, kept)
    alone = alone and not (_of_vectors(operand) or _of_single_products(operand))
    # Memory lies along the last axis: in another order its columns would become rows.
    return alone and axes[-1:] == (len(axes) - 1,)


def _is_alone(product: Node, readers: Mapping[Node, Sequence[Node]], kept: set[Node]) -> bool:
    """Whether it is a product that one other node reads."""
    one = product not in kept and len(readers[product]) == 1
    return one and (product.op is dot or product.op is conv)


# ---- operands that are changed over -------------------------------------------------------------


def _slid_ahead(nodes: Sequence[Node]) -> set[Node]:
    """What a convolution with windows is computed from: channels are better last there."""
    found: set[Node] = set()
    for node in reversed(nodes):
        if node in found or (node.op is conv and not _stands(node) and not _ends(node)):
            found.update(node.inputs)
    return found


def _stands(node: Node) -> bool:
    """Whether the windows of a convolution are single elements that go everywhere."""
    b, params = node.inputs[1], node.params
    taps = all(b.type.shape[axis] == 1 for axis in params["windows"][1])
    return taps and set(params["strides"]) <= {1} and set(params["pads"]) <= {(0, 0)}


def _ends(node: Node) -> bool:
    """Whether its windows have one position each, as in the gradient by single taps."""
    pairs = zip(*node.params["windows"], strict=True)
    whole = all(node.inputs[0].type.shape[i] == node.inputs[1].type.shape[j] for i, j in pairs)
    return whole and set(node.params["pads"]) <= {(0, 0)}


def _shown(nodes: Sequence[Node], kept: set[Node]) -> set[Node]:
    """What is read in the order of its axes in the end: by callers, or by products of many
    channels."""
    found = set(kept)
    for node in reversed(nodes):
        if _asks(node, found):
            found.update(node.inputs)
    return found


def _asks(node: Node, shown: set[Node]) -> bool:
    match node.op.lower:
        case Contract():
            return node.op is dot or (_stands(node) and not _has_few(node))
        case Reduce() if node.type.rank <= 2:  # of images nothing is left
            return False
        case _:
            return node in shown


def _has_few(product: Node) -> bool:
    """Whether few channels are summed, or few are made."""
    return min(_summed_size(product), _free_size(product)) <= FEW


def _summed_size(product: Node) -> int:
    """How many products a sum has, as far as it is known to be few."""
    return _known(product.inputs[1], product.params["contract"][1])


def _free_size(product: Node) -> int:
    """How many columns the second operand has, as far as it is known to be few."""
    b = product.inputs[1]
    r = roles(product.inputs[0].type.rank, b.type.rank, **product.params)
    return _known(b, r.b)


def _known(operand: Node, axes: Axes) -> int:
    sizes = (operand.type.shape[axis] for axis in axes)
    return prod(size if isinstance(size, int) else FEW + 1 for size in sizes)


def _changes_over(
    node: Node, readers: Mapping[Node, Sequence[Node]], kept: set[Node], shown: set[Node]
) -> bool:
    """Whether it is a transposed product whose last axis is one along which the first operand
    lies. Of few channels it is so where it is shown."""
    if node.op is not transpose or not _is_alone(node.inputs[0], readers, kept):
        return False
    if _summed_size(node.inputs[0]) <= FEW and node not in shown:
        return False
    product = node.inputs[0]
    a = product.inputs[0]
    if product.op is not conv or not _stands(product) or a.op is not transpose:
        return False
    r = roles(a.type.rank, product.inputs[1].type.rank, **product.params)
    last = r.order[node.params["axes"][-1]]
    along = [axis for axis in r.a if a.params["axes"][axis] == a.type.rank - 1]
    return [r.at[axis] for axis in along] == [last]


def _changed_over(product: Node) -> Node:
    """The product of the second operand and the first; its result has the order that it had."""
    a, b = product.inputs
    r = roles(a.type.rank, b.type.rank, **product.params)
    taps = r.windows[1]
    left = free_axes(b.type.rank, taps)
    place = {axis: n for n, axis in enumerate(left)}
    count, firsts, seconds = len(r.batch[0]), len(r.a), len(r.b)
    turned = {count + n: count + seconds + n for n in range(firsts)}
    turned |= {count + firsts + n: count + n for n in range(seconds)}
    sides = [(tuple(place[x] for x in pair[1]), pair[0]) for pair in (r.contract, r.batch)]
    params = {"contract": sides[0], "batch": sides[1], "windows": ((), ())}
    rest = {"strides": (), "dilation": (), "pads": ()}
    order = tuple(turned.get(axis, axis) for axis in r.order)
    with provenance(product.where, product.source):
        small = make(reshape, (b,), {"shape": tuple(b.type.shape[axis] for axis in left)})
        return make(conv, (small, a), {**params, **rest, "order": order})


# ---- the same in another form -------------------------------------------------------------------


def _ordered(contraction: Node, axes: tuple[int, ...]) -> Node:
    params = {"windows": ((), ()), "strides": (), "dilation": (), "pads": (), **contraction.params}
    order = params.get("order", tuple(range(len(axes))))
    params["order"] = tuple(order[axis] for axis in axes)
    with provenance(contraction.where, contraction.source):
        return make(conv, contraction.inputs, params)


def _of_vectors(node: Node) -> bool:
    """Whether each element of the product is made of two vectors that no other element reads."""
    if node.op is not dot:
        return False
    taken = [{*c, *b} for c, b in zip(node.params["contract"], node.params["batch"], strict=True)]
    free = [
        size
        for operand, axes in zip(node.inputs, taken, strict=True)
        for axis, size in enumerate(operand.type.shape)
        if axis not in axes
    ]
    return bool(node.params["contract"][0]) and all(size == 1 for size in free)


def _of_single_products(node: Node) -> bool:
    """Whether it is a product of floats, each sum of which has one term: known sizes of 1."""
    if node.op is not dot or node.type.dtype.numpy.kind != "f":
        return False
    contract, operand = node.params["contract"][0], node.inputs[0]
    return all(operand.type.shape[axis] == 1 for axis in contract)


def _multiplied(node: Node, *operands: Node) -> Node:
    """The operands side by side: the axes of both, then those of the first, then of the second."""
    contract, batch = node.params["contract"], node.params["batch"]
    with provenance(node.where, node.source):
        sides = []
        for n, operand in enumerate(operands):
            free = free_axes(operand.type.rank, contract[n], batch[n])
            laid = _laid_out(operand, (*batch[n], *free))
            ones = (1,) * (node.type.rank - laid.type.rank)
            count = len(batch[n])
            sizes = laid.type.shape
            shape = (*sizes, *ones) if n == 0 else (*sizes[:count], *ones, *sizes[count:])
            wide = make(reshape, (laid,), {"shape": shape})
            sides.append(make(broadcast_to, (wide,), {"shape": node.type.shape}))
        return make(mul, tuple(sides), {})


def _summed(node: Node, *operands: Node) -> Node:
    count = len(node.params["batch"][0])
    with provenance(node.where, node.source):
        both = [
            _laid_out(operand, (*batch, *contract))
            for operand, batch, contract in zip(
                operands, node.params["batch"], node.params["contract"], strict=True
            )
        ]
        product = make(mul, tuple(both), {})
        axes = tuple(range(count, product.type.rank))
        total = make(sum_, (product,), {"axes": axes})
        return make(reshape, (total,), {"shape": node.type.shape})


def _summed_first(node: Node, product: Node) -> Node:
    """The sum of a product, as a product of sums if no axis of it is one of both operands."""
    axes = node.params["axes"]
    if product.op is not dot or any(axis < len(product.params["batch"][0]) for axis in axes):
        return rebuild(node, (product,))
    contract, batch = product.params["contract"], product.params["batch"]
    free = [
        (n, axis)
        for n, operand in enumerate(product.inputs)
        for axis in free_axes(operand.type.rank, contract[n], batch[n])
    ]
    gone = [free[axis - len(batch[0])] for axis in axes]
    out = [tuple(axis for n, axis in gone if n == side) for side in (0, 1)]
    with provenance(node.where, node.source):
        operands = [
            make(sum_, (operand,), {"axes": axes}) if axes else operand
            for operand, axes in zip(product.inputs, out, strict=True)
        ]
        return make(
            dot, tuple(operands), {"contract": _kept(contract, out), "batch": _kept(batch, out)}
        )


def _kept(pair: Pair, out: Sequence[Axes]) -> Pair:
    """The axes of either operand, in the numbers that they have without those that are gone."""
    first, second = (
        tuple(axis - sum(g < axis for g in gone) for axis in axes)
        for axes, gone in zip(pair, out, strict=True)
    )
    return first, second


def _laid_out(operand: Node, axes: tuple[int, ...]) -> Node:
    """The operand with these axes, in order; the others are of size 1."""
    rest = tuple(axis for axis in range(operand.type.rank) if axis not in axes)
    turned = make(transpose, (operand,), {"axes": (*axes, *rest)})
    return make(reshape, (turned,), {"shape": turned.type.shape[: len(axes)]})

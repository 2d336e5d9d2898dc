"""Sums of products whose factors lie in different orders: one is copied into that of the other.

Enters: a graph. Leaves: an equal one. Where the sums are long, and one factor has neighbours along
the last axis that is kept, where the other jumps, no lanes could go along either. What is read so
for several sums is turned once for all of them:

    sum(x: f32[9, n, c] * broadcast_to(transpose(g: f32[c, n])), axes=(1,))
    ->    sum(x * broadcast_to(identity(transpose(g))), axes=(1,))

So is the cotangent of a depthwise convolution of NCHW images, which lie channels last inside: the
gradient by the weights reads it once a tap.
"""

from collections.abc import Sequence
from math import prod

from graphc.dims import product
from graphc.graph import Graph, Node, make, mapped, provenance, rebuild, users
from graphc.lowering import variable
from graphc.ops import broadcast_to, identity, mul, reshape, slice_, sum_, transpose
from graphc.ops.views import inverse
from graphc.schedule.access import Place, regroup, resolve
from graphc.schedule.merge import coefficient
from graphc.types import Shape

SHORT = 32  # elements: sums of so few go side by side in any order
OFTEN = 4  # reads of each element: a copy is another one


def lying_alike(graph: Graph) -> Graph:
    """The graph with copies of factors that lie otherwise than what they are multiplied with."""
    readers = users(graph.nodes)
    kept = {*graph.outputs, *(value for _, value in graph.updates)}
    alone = {node for node in graph.nodes if node not in kept and len(readers[node]) == 1}
    new: dict[Node, Node] = {}
    for node in graph.nodes:
        inputs = tuple(new[i] for i in node.inputs)
        if node.op is sum_ and _is_long(node) and node.inputs[0] in alone:
            inputs = (_summand(node.inputs[0], inputs[0], node.params["axes"], alone),)
        new[node] = rebuild(node, inputs)
    return mapped(graph, new)


def _summand(old: Node, new: Node, axes: Sequence[int], alone: set[Node]) -> Node:
    """What is summed along these axes: a product, or one with other axes of size 1."""
    if new.op is mul:
        return _alike(new, axes)
    if new.op is not reshape or new.inputs[0].op is not mul or old.inputs[0] not in alone:
        return new
    groups = regroup(new.type.shape, new.inputs[0].type.shape)
    if groups is None:
        return new
    summed = [axis for axis, group in enumerate(groups) if set(group) <= set(axes)]
    return rebuild(new, (_alike(new.inputs[0], summed),))


def _is_long(total: Node) -> bool:
    sizes = [total.inputs[0].type.shape[axis] for axis in total.params["axes"]]
    known = [size for size in sizes if isinstance(size, int)]
    return len(known) < len(sizes) or prod(known) > SHORT


def _alike(factors: Node, summed: Sequence[int]) -> Node:
    """The product, with a copy of the factor that jumps along the last axis that is kept."""
    shape = factors.type.shape
    kept = [axis for axis, size in enumerate(shape) if size != 1 and axis not in summed]
    if not kept:
        return factors
    places = [_place(factor) for factor in factors.inputs]
    steps = [coefficient(place.flat, kept[-1]) for place in places]
    jumps = [step not in (0, 1) for step in steps]
    if 1 not in steps or True not in jumps:
        return factors
    at = jumps.index(True)
    factor, fixed = factors.inputs[at], _fixed(places[at], shape)
    if fixed is None:
        return factors
    order = tuple(sorted(range(len(shape)), key=lambda a: (a not in fixed, a not in summed)))
    with provenance(factors.where, factors.source):
        copied = _copied(factor, fixed, order)
        return make(mul, (*factors.inputs[:at], copied, *factors.inputs[at + 1 :]), {})


def _place(factor: Node) -> Place:
    """Where an element of a factor lies, by its coordinates."""
    coords = tuple(variable(axis) for axis in range(factor.type.rank))
    return resolve(factor, coords, frozenset())


def _fixed(place: Place, shape: Shape) -> list[int] | None:
    """The axes along which it repeats all of some memory; None where it does not do so often."""
    moving = {axis for axis, _ in place.flat.terms}
    fixed = [axis for axis in range(len(shape)) if axis not in moving]
    known = [size for axis in fixed if isinstance(size := shape[axis], int)]
    once = product(shape[axis] for axis in moving) == product(place.shape)
    return fixed if once and len(known) == len(fixed) and prod(known) >= OFTEN else None


def _copied(factor: Node, fixed: Sequence[int], order: tuple[int, ...]) -> Node:
    """The factor from a copy that has its axes in this order, and those that are fixed once."""
    shape = factor.type.shape
    sizes = tuple(1 if axis in fixed else size for axis, size in enumerate(shape))
    ones = {"starts": (0,) * len(shape), "sizes": sizes, "steps": (1,) * len(shape)}
    once = make(transpose, (make(slice_, (factor,), ones),), {"axes": order})
    turned = make(transpose, (make(identity, (once,), {}),), {"axes": inverse(order)})
    return make(broadcast_to, (turned,), {"shape": shape})

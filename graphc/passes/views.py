"""Views: chains of rearrangements become one, or none.

Enters: nothing. Leaves: `VIEWS`, a table of rules on reshape, transpose, broadcast_to, slice, pad,
concat and the reductions and products that can take a view's work; and `REMOVAL`, which takes out
what only the gradient reads.
"""

from collections.abc import Sequence

from graphc.functions.tensor import Tensor
from graphc.graph import Node, Op
from graphc.ops import (
    add,
    all_,
    any_,
    broadcast_to,
    cast,
    concat,
    dot,
    identity,
    interleave,
    max_,
    min_,
    pad,
    prod,
    reshape,
    slice_,
    stop_gradient,
    sum_,
    transpose,
)
from graphc.ops.contraction import free_axes
from graphc.ops.views import fitted
from graphc.passes.names import a, b, c, e, x, y, z
from graphc.passes.rewrite import As, Rule
from graphc.types import Shape

Axes = tuple[int, ...]
TERMS = 64  # of a sum, that are looked into at most


def _same_type(x: Tensor, y: Tensor) -> Tensor | None:
    """reshape(x, x.shape) -> x, and so for every view that keeps the shape."""
    return x if x.node.type == y.node.type else None


# ---- transpose ----


def _transpose(x: Tensor, axes: Axes) -> Tensor:
    return x if axes == tuple(range(x.ndim)) else transpose(x, axes=axes)


def _same_order(x: Tensor, y: Tensor) -> Tensor | None:
    """transpose that moves only axes of size 1 -> reshape."""
    moved = [axis for axis in y.node.params["axes"] if x.shape[axis] != 1]
    return fitted(x, y.shape) if moved == sorted(moved) else None


def _composed(x: Tensor, y: Tensor, z: Tensor) -> Tensor:
    """transpose(transpose(x, p), q) -> transpose(x, p[q])."""
    inner = y.node.params["axes"]
    return _transpose(x, tuple(inner[axis] for axis in z.node.params["axes"]))


# ---- broadcast ----


def _broadcast_once(x: Tensor, y: Tensor, z: Tensor) -> Tensor | None:
    """broadcast_to(broadcast_to(x, (4, 3)), (5, 4, 3)) -> broadcast_to(x, (5, 4, 3)).

    Not through a size that only a guard holds equal: (n,) -> (1,) -> (5,) is not (n,) -> (5,).
    """
    sizes = zip(reversed(x.shape), reversed(y.shape), reversed(z.shape), strict=False)
    literal = all(inner in (1, outer) or middle == outer for inner, middle, outer in sizes)
    return broadcast_to(x, shape=z.shape) if literal else None


def _leading_ones(x: Tensor, y: Tensor, z: Tensor) -> Tensor | None:
    """broadcast_to(reshape(x, (1, n)), (m, n)) -> broadcast_to(x, (m, n))."""
    added = y.ndim - x.ndim
    if added <= 0 or y.shape != (1,) * added + x.shape:
        return None
    return broadcast_to(x, shape=z.shape)


def _of_scalar(x: Tensor, z: Tensor) -> Tensor | None:
    """A view of a broadcast scalar -> the scalar, broadcast."""
    return (broadcast_to(x, shape=z.shape) if z.shape else x) if x.shape == () else None


# ---- slice, pad, concat ----


def _slice_once(x: Tensor, y: Tensor, z: Tensor) -> Tensor:
    """x[2:][::3] -> x[2::3]."""
    inner, outer = y.node.params, z.node.params
    places = zip(inner["starts"], inner["steps"], outer["starts"], strict=True)
    steps = zip(inner["steps"], outer["steps"], strict=True)
    return slice_(
        x,
        starts=tuple(first + step * start for first, step, start in places),
        sizes=outer["sizes"],
        steps=tuple(s * t for s, t in steps),
    )


def _whole_slice(x: Tensor, y: Tensor) -> Tensor | None:
    """x[:] -> x. Of an axis of size 1 the step does not matter."""
    if x.shape != y.shape or any(start != 0 for start in y.node.params["starts"]):
        return None
    steps = zip(x.shape, y.node.params["steps"], strict=True)
    return x if all(step == 1 or size == 1 for size, step in steps) else None


def _sliced_pad(x: Tensor, y: Tensor, z: Tensor) -> Tensor | None:
    """What pad placed and slice takes out again -> x."""
    placed, taken = y.node.params, z.node.params
    same = placed["starts"] == taken["starts"] and placed["steps"] == taken["steps"]
    return x if same and z.shape == x.shape else None


def _whole_pad(x: Tensor, y: Tensor) -> Tensor | None:
    """A pad that adds nothing -> x, or x flipped along the axes whose step is -1."""
    if x.shape != y.shape:
        return None
    starts, steps = y.node.params["starts"], y.node.params["steps"]
    forward = (step == 1 or size == 1 for step, size in zip(steps, x.shape, strict=True))
    return x if all(forward) else slice_(x, starts=starts, sizes=x.shape, steps=steps)


def _added_pads(x: Tensor, y: Tensor) -> Tensor | None:
    """Zeros around each of some terms, where one ends and the next begins -> concat, padded.

    The gradients of the gates that a layer is split into are added up in any order.
    """
    terms = _pads_of([x.node, y.node])
    first = terms[0].params if terms else {}
    apart = {
        axis
        for term in terms
        for axis, (s, t) in enumerate(zip(first["starts"], term.params["starts"], strict=True))
        if s != t
    }
    if len(apart) != 1:
        return None
    (axis,) = apart
    others = {(*n.inputs[0].type.shape[:axis], *n.inputs[0].type.shape[axis + 1 :]) for n in terms}
    row = _in_a_row(terms, axis) if len(others) == 1 else []
    if not row:
        return None
    whole = concat(*(Tensor(term.inputs[0]) for term in row), axis=axis)
    return pad(whole, **{**first, "starts": row[0].params["starts"]})


def _pads_of(waiting: list[Node]) -> list[Node]:
    """The terms of a sum, if all are zeros around something; [] if not, or if they are many."""
    found: list[Node] = []
    while waiting:
        node = waiting.pop()
        plain = node.op is pad and node.params["value"] == 0 and set(node.params["steps"]) <= {1}
        if plain:
            found.append(node)
        elif node.op is add and len(waiting) + len(found) < TERMS:
            waiting.extend(node.inputs)
        else:
            return []
    return found


def _in_a_row(terms: Sequence[Node], axis: int) -> list[Node]:
    """The terms in the order in which one begins where another ends; [] if there is none."""
    begins = {term.params["starts"][axis]: term for term in terms}
    ends = {t.params["starts"][axis] + t.inputs[0].type.shape[axis] for t in terms}
    (start, *others) = [start for start in begins if start not in ends] or [None]
    row: list[Node] = []
    while start in begins and not others:
        term = begins.pop(start)
        row.append(term)
        start = start + term.inputs[0].type.shape[axis]
    return row if len(row) == len(terms) else []


def _added_interleaves(x: Tensor, y: Tensor) -> Tensor | None:
    """Parts in steps plus parts in the same steps -> the sums of those that stand at one place."""
    first, second = x.node.params, y.node.params
    if (first["shape"], first["steps"]) != (second["shape"], second["steps"]):
        return None
    parts = dict(zip(first["starts"], map(Tensor, x.node.inputs), strict=True))
    for start, node in zip(second["starts"], y.node.inputs, strict=True):
        part = parts.get(start)
        if part is not None and part.shape != node.type.shape:
            return None
        parts[start] = Tensor(node) if part is None else add(part, Tensor(node))
    return interleave(*parts.values(), **{**first, "starts": tuple(parts)})


def _sliced_concat(y: Tensor, z: Tensor) -> Tensor | None:
    """A slice of a concat that is one of its parts -> the part."""
    axis, starts = y.node.params["axis"], z.node.params["starts"]
    others = [start for i, start in enumerate(starts) if i != axis]
    if any(step != 1 for step in z.node.params["steps"]) or any(start != 0 for start in others):
        return None
    at = 0
    for part in y.node.inputs:
        if starts[axis] == at and part.type.shape == z.shape:
            return Tensor(part)
        at = at + part.type.shape[axis]
    return None


def _flat_concat(y: Tensor) -> Tensor | None:
    """concat(concat(a, b), c) -> concat(a, b, c); concat(a) -> a."""
    axis = y.node.params["axis"]
    parts = [
        part
        for i in y.node.inputs
        for part in (i.inputs if i.op is concat and i.params["axis"] == axis else (i,))
    ]
    if len(parts) == 1:
        return Tensor(parts[0])
    if len(parts) == len(y.node.inputs):
        return None
    return concat(*map(Tensor, parts), axis=axis)


def _joined_slices(y: Tensor) -> Tensor | None:
    return _slice_of([Tensor(i) for i in y.node.inputs], y.node.params["axis"])


def joined(parts: Sequence[Tensor], axis: int) -> Tensor:
    """The parts in a row: concat, or what they are slices of."""
    found = _slice_of(parts, axis)
    return concat(*parts, axis=axis) if found is None else found


def _slice_of(parts: Sequence[Tensor], axis: int) -> Tensor | None:
    """concat(x[:2], x[2:5]) -> x[:5]."""
    nodes = [part.node for part in parts]
    if any(n.op is not slice_ or n.inputs[0] is not nodes[0].inputs[0] for n in nodes):
        return None
    starts = list(nodes[0].params["starts"])
    for node in nodes:
        if node.params != {**node.params, "starts": tuple(starts), "steps": (1,) * len(starts)}:
            return None
        starts[axis] = starts[axis] + node.type.shape[axis]
    x, first = Tensor(nodes[0].inputs[0]), nodes[0].params
    size = starts[axis] - first["starts"][axis]
    sizes = (*first["sizes"][:axis], size, *first["sizes"][axis + 1 :])
    return x if sizes == x.shape else slice_(x, **{**first, "sizes": sizes})


# ---- reductions ----


def _unit_axes(x: Tensor, y: Tensor) -> Tensor | None:
    """sum over an axis of size 1 -> reshape."""
    axes = y.node.params["axes"]
    unit = [axis for axis in axes if x.shape[axis] == 1]
    if not unit:
        return None
    kept = [axis for axis in range(x.ndim) if axis not in unit]
    small = fitted(x, tuple(x.shape[axis] for axis in kept))
    rest = tuple(kept.index(axis) for axis in axes if axis not in unit)
    return y.node.op(small, axes=rest) if rest else small


def _reduced_once(x: Tensor, y: Tensor, z: Tensor) -> Tensor:
    """sum(sum(x, axes=(2,)), axes=(0,)) -> sum(x, axes=(0, 2))."""
    inner = y.node.params["axes"]
    kept = free_axes(x.ndim, inner)
    outer = tuple(kept[axis] for axis in z.node.params["axes"])
    return z.node.op(x, axes=tuple(sorted(inner + outer)))


def _reduced_before_transpose(x: Tensor, y: Tensor, z: Tensor) -> Tensor:
    """sum(transpose(x)) -> sum(x) over other axes, transposed where an order is left."""
    order = y.node.params["axes"]
    axes = tuple(sorted(order[axis] for axis in z.node.params["axes"]))
    left = [order[axis] for axis in free_axes(y.ndim, z.node.params["axes"])]
    return _transpose(z.node.op(x, axes=axes), tuple(sorted(left).index(axis) for axis in left))


def _reductions(*ops: Op, exact: bool) -> tuple[Rule, ...]:
    return tuple(
        rule
        for op in ops
        for rule in (
            Rule(As(y, (op, x)), _unit_axes, exact),
            Rule(As(z, (op, As(y, (op, x)))), _reduced_once, exact),
            Rule(As(z, (op, As(y, (transpose, x)))), _reduced_before_transpose, exact),
        )
    )


# ---- dot ----


def _transposed_operand(x: Tensor, y: Tensor, z: Tensor, side: int) -> Tensor | None:
    """dot(transpose(x), b) -> dot(x, b) along other axes, where the free axes keep their order."""
    order = y.node.params["axes"]
    contract, batch = z.node.params["contract"][side], z.node.params["batch"][side]
    free = [order[axis] for axis in free_axes(y.ndim, contract, batch)]
    if free != sorted(free):
        return None
    operands = [Tensor(i) for i in z.node.inputs]
    operands[side] = x
    mapped = {
        key: _replaced(z.node.params[key], side, tuple(order[i] for i in z.node.params[key][side]))
        for key in ("contract", "batch")
    }
    return dot(*operands, **mapped)


def _replaced(pair: tuple[Axes, Axes], side: int, axes: Axes) -> tuple[Axes, Axes]:
    return (axes, pair[1]) if side == 0 else (pair[0], axes)


def _transposed_dot(a: Tensor, b: Tensor, y: Tensor, z: Tensor) -> Tensor | None:
    """transpose(dot(a, b)) that puts b's axes before a's -> dot(b, a)."""
    contract, batch = y.node.params["contract"], y.node.params["batch"]
    count = len(batch[0])
    middle = count + len(free_axes(a.ndim, contract[0], batch[0]))
    swapped = (*range(count), *range(middle, y.ndim), *range(count, middle))
    if z.node.params["axes"] != swapped:
        return None
    return dot(b, a, contract=contract[::-1], batch=batch[::-1])


def _unit_reshape(x: Tensor, y: Tensor, z: Tensor) -> Tensor | None:
    """reshape(broadcast_to(x, (1, n)), (n,)) -> x, where nothing but axes of size 1 was added."""
    return x if x.node.type == z.node.type and _full(x.shape) == _full(y.shape) else None


def _full(shape: Shape) -> Shape:
    return tuple(size for size in shape if size != 1)


VIEWS = (
    *(Rule(As(y, (op, x)), _same_type) for op in (reshape, broadcast_to, cast)),
    Rule(As(y, (reshape, (reshape, x))), lambda x, y: fitted(x, y.shape)),
    Rule(As(z, (reshape, As(y, (broadcast_to, x)))), _unit_reshape),
    Rule(As(y, (transpose, x)), _same_order),
    Rule(As(z, (transpose, As(y, (transpose, x)))), _composed),
    Rule(As(z, (broadcast_to, As(y, (broadcast_to, x)))), _broadcast_once),
    Rule(As(z, (broadcast_to, As(y, (reshape, x)))), _leading_ones),
    *(Rule(As(z, (op, (broadcast_to, x))), _of_scalar) for op in (reshape, transpose, slice_)),
    Rule(As(y, (slice_, x)), _whole_slice),
    Rule(As(z, (slice_, As(y, (slice_, x)))), _slice_once),
    Rule(As(z, (slice_, As(y, (pad, x)))), _sliced_pad),
    Rule(As(z, (slice_, As(y, (concat, ...)))), _sliced_concat),
    Rule(As(y, (pad, x)), _whole_pad),
    *(
        Rule((add, *terms), _added_pads, exact=False)  # -0.0 + 0.0 is 0.0
        for first in (As(x, (pad, a)), As(x, (add, a, b)))
        for terms in ((first, As(y, (pad, c))), (first, As(y, (add, c, e))))
    ),
    Rule(
        (add, As(x, (interleave, ...)), As(y, (interleave, ...))),
        _added_interleaves,
        exact=False,  # -0.0 + 0.0 is 0.0
    ),
    Rule(As(y, (concat, ...)), _flat_concat),
    Rule(As(y, (concat, (slice_, ...), ...)), _joined_slices),
    *_reductions(max_, min_, any_, all_, exact=True),
    *_reductions(sum_, prod, exact=False),  # another order of rounding
    Rule(
        As(z, (dot, As(y, (transpose, x)), b)),
        lambda x, y, z: _transposed_operand(x, y, z, 0),
    ),
    Rule(
        As(z, (dot, a, As(y, (transpose, x)))),
        lambda x, y, z: _transposed_operand(x, y, z, 1),
    ),
    Rule(As(z, (transpose, As(y, (dot, a, b)))), _transposed_dot),
)

REMOVAL = (
    Rule((identity, x), lambda x: x),
    Rule((stop_gradient, x), lambda x: x),
)

"""A graph for every rewrite rule to fire on.

Rules on elementwise primitives get theirs from their own patterns (`from_pattern`), under every
assignment of dtypes that the primitives accept; the rest stand in `EXAMPLES`, by the rule's print.
"""

from collections.abc import Callable, Iterator
from itertools import product
from typing import Any

import numpy as np

from graphc import ops
from graphc.dims import dim
from graphc.errors import DTypeError, ShapeError
from graphc.functions.tensor import Tensor
from graphc.graph import INPUT, Op, constant, make, provenance
from graphc.lowering import Pointwise
from graphc.ops.views import expand
from graphc.passes.rewrite import As, Name, Rule
from graphc.types import DType, TensorType, float32, float64, int32, int64
from graphc.types import bool_ as b1

SIZE = 10


def given(name: str, *shape: Any, dtype: DType = float32) -> Tensor:
    type = TensorType(dtype, shape)
    with provenance(None):
        return Tensor(make(INPUT, (), {"name": name, "type": type}))


def number(value: Any, *shape: Any, dtype: DType = float32) -> Tensor:
    return ops.filled(given("like", *shape, dtype=dtype), value)


# ---- from the pattern itself ----

# What may stand for a name: an input of a dtype, or a constant.
CHOICES: tuple[Any, ...] = (float32, int32, b1, 4.0, -2)


def is_elementwise(pattern: Any) -> bool:
    if isinstance(pattern, As):
        return is_elementwise(pattern.pattern)
    if not isinstance(pattern, tuple):
        return pattern is not ...
    op = pattern[0]
    plain = isinstance(op.lower, Pointwise) and op is not ops.cast
    return plain and all(map(is_elementwise, pattern[1:]))


def from_pattern(rule: Rule) -> Iterator[Tensor]:
    if not is_elementwise(rule.pattern):
        return
    names = sorted(_names(rule.pattern))
    for chosen in product(CHOICES, repeat=len(names)):
        try:
            yield _instance(rule.pattern, dict(zip(names, chosen, strict=True)))
        except (DTypeError, ShapeError):
            continue


def _names(pattern: Any) -> set[str]:
    match pattern:
        case Name(text):
            return {text}
        case As(_, inner):
            return _names(inner)
        case tuple():
            return set().union(*map(_names, pattern[1:]))
        case _:
            return set()


def _instance(pattern: Any, chosen: dict[str, Any], like: DType = float32) -> Tensor:
    match pattern:
        case Name(text):
            choice = chosen[text]
            if isinstance(choice, DType):
                return given(text, SIZE, dtype=choice)
            return number(choice, SIZE, dtype=float32 if isinstance(choice, float) else int32)
        case As(_, inner):
            return _instance(inner, chosen)
        case tuple():
            return _applied(pattern, chosen)
        case bool():
            return number(pattern, SIZE, dtype=b1)
        case _:
            integer = isinstance(pattern, int) and like.kind == "f"
            return number(pattern, SIZE, dtype=int32 if integer else like)


def _applied(pattern: tuple[Any, ...], chosen: dict[str, Any]) -> Tensor:
    # numbers take the dtype of the operands beside them
    op, *patterns = pattern
    first = [p for p in patterns if not isinstance(p, int | float)]
    dtype = _instance(first[-1], chosen).dtype
    return op(*(_instance(p, chosen, dtype) for p in patterns))


# ---- by hand ----

n = dim("n")
X = given("x", 2, 3)
Y = given("y", 3, 4)
CUBE = given("cube", 2, 3, 4)
UNIT = given("unit", 2, 1, 3)
ROW = given("row", 3)
LONG = given("long", "n", 3)
ONE = given("one")
MATMUL: Any = {"contract": ((1,), (0,)), "batch": ((), ())}


def softmax(x: Tensor) -> Tensor:
    e = ops.exp(x)
    return e / e.sum(axis=-1, keepdims=True)


def shifted_softmax(x: Tensor, axes: tuple[int, ...]) -> Tensor:
    e = ops.exp(x - expand(ops.max_(x, axes=axes), axes, x.shape))
    return e / expand(ops.sum_(e, axes=axes), axes, x.shape)


def softmax_gradient(x: Tensor, g: Tensor, axes: tuple[int, ...]) -> Tensor:
    e = ops.exp(x)
    total = expand(ops.sum_(e, axes=axes), axes, x.shape)
    each = ops.sum_(g / total * (e / total), axes=axes)
    return (g / total + expand(-each, axes, x.shape)) * e


def slices(x: Tensor, starts: Any, sizes: Any, steps: Any) -> Tensor:
    return ops.slice_(x, starts=starts, sizes=sizes, steps=steps)


def flipped(x: Tensor) -> Tensor:
    return ops.transpose(x, axes=(1, 0))


def quarters(start: int) -> Tensor:
    x = given(f"quarter{start}", 3, 2)
    return ops.pad(x, shape=(3, 8), starts=(0, start), steps=(1, 1), value=0.0)


def halves(start: int) -> Tensor:
    x = given(f"half{start}", 3, 2)
    return ops.pad(x, shape=(3, 5), starts=(0, start), steps=(1, 1), value=0.0)


def chosen(x: Tensor, *scales: Tensor, first: bool = True) -> Tensor:
    for scale in scales:
        x = x * ops.broadcast_to(scale, shape=x.shape)
    zero = ops.filled(x, 0.0)
    return ops.where(x > 0, zero, x) if first else ops.where(x > 0, x, zero)


def stepped(*starts: int) -> Tensor:
    parts = [given(f"part{start}_{len(starts)}", 2, 3) for start in starts]
    places = tuple((start, 0) for start in starts)
    return ops.interleave(*parts, shape=(6, 3), starts=places, steps=(3, 1))


def of_centred(x: Tensor, c: Tensor, axes: tuple[int, ...]) -> Tensor:
    away = x - x.mean(axis=axes, keepdims=True)
    return ops.sum_(x * x + ops.broadcast_to(c, shape=x.shape) * away, axes=axes)


def of_layer_norm(x: Tensor, axes: tuple[int, ...], first: bool) -> Tensor:
    """What is summed up in the gradient of a normalisation: times 1 / the deviation."""
    away = x - x.mean(axis=axes, keepdims=True)
    small = ops.rsqrt((away * away).mean(axis=axes, keepdims=True) + 0.5)
    wide = ops.broadcast_to(small, shape=x.shape)
    return ops.sum_((wide * x if first else x * wide) + wide * away, axes=axes)


def depthwise(x: Tensor, w: Tensor, strides: tuple[int, int]) -> Tensor:
    return ops.conv(
        x,
        w,
        contract=((), ()),
        batch=((3,), (2,)),
        windows=((1, 2), (0, 1)),
        strides=strides,
        dilation=(1, 1),
        pads=((0, 1), (1, 0)),
        order=(1, 2, 3, 0),
    )


def places(positions: Any) -> Tensor:
    array = np.asarray(positions, np.int64)
    return Tensor(constant(array, TensorType(int64, array.shape)))


def written(combine: str, positions: list[int], axis: int) -> Tensor:
    wide = given("wide", 2, 4)
    shape = tuple(len(positions) if n == axis else size for n, size in enumerate(wide.shape))
    new = given("new", *shape)
    return ops.scatter(wide, places(positions), new, axis=axis, combine=combine)


def reductions(name: str, op: Op, dtype: DType) -> dict[str, list[Callable[[], Tensor]]]:
    x, unit = given("c", 2, 3, 4, dtype=dtype), given("u", 2, 1, 3, dtype=dtype)
    return {
        f"{name}(x)": [
            lambda: op(unit, axes=(1,)),
            lambda: op(unit, axes=(0, 1)),
        ],
        f"{name}({name}(x))": [
            lambda: op(op(x, axes=(1,)), axes=(0, 1)),
            lambda: op(op(x, axes=(0, 2)), axes=(0,)),
        ],
        f"{name}(transpose(x))": [
            lambda: op(ops.transpose(x, axes=(2, 0, 1)), axes=(1,)),
            lambda: op(ops.transpose(x, axes=(2, 1, 0)), axes=(1,)),
        ],
    }


EXAMPLES: dict[str, list[Callable[[], Tensor]]] = {
    # algebra
    "cast(cast(x))": [
        lambda: ops.cast(ops.cast(X, dtype=float64), dtype=float32),
        lambda: ops.cast(ops.cast(X > 0, dtype=int32), dtype=float32),
    ],
    "cast(broadcast_to(x))": [
        lambda: ops.cast(ops.broadcast_to(ROW, shape=(5, 3)), dtype=float64),
    ],
    "sum(add(a, mul(broadcast_to(c), sub(b, e))))": [
        lambda: of_centred(LONG, ROW, (0,)),
        lambda: of_centred(CUBE, given("u", 2, 1, 4), (1,)),
        lambda: of_centred(CUBE, ONE, (0, 2)),
        lambda: of_layer_norm(LONG, (1,), first=True),
        lambda: of_layer_norm(CUBE, (0, 2), first=False),
    ],
    "sum(where(c, 0.0, x))": [
        lambda: ops.sum_(chosen(LONG, ROW), axes=(0,)),
        lambda: ops.sum_(chosen(LONG * (LONG - LONG.mean(0)), ROW, ROW), axes=(0,)),
        lambda: ops.sum_(chosen(CUBE, given("u", 2, 1, 4)), axes=(1,)),
    ],
    "sum(where(c, x, 0.0))": [lambda: ops.sum_(chosen(CUBE, ONE, first=False), axes=(0, 2))],
    "sum(neg(x))": [lambda: ops.sum_(-X, axes=(1,))],
    "sum(broadcast_to(x))": [
        lambda: (
            ops.sum_(LONG, axes=(0,)) + ops.sum_(ops.broadcast_to(ROW, shape=(n, 3)), axes=(0,))
        ),
        lambda: ops.sum_(ops.broadcast_to(ROW, shape=(4, 5, 3)), axes=(0, 2)),
        lambda: ops.sum_(ops.broadcast_to(UNIT, shape=(2, 7, 3)), axes=(1, 2)),
        lambda: ops.sum_(ops.broadcast_to(ONE, shape=(2, 7)), axes=(0, 1)),
    ],
    "mul(add(div(y, s), c), e)": [
        lambda: softmax_gradient(X, given("g", 2, 3), (1,)),
        lambda: softmax_gradient(LONG, given("g", "n", 3), (0,)),
        lambda: softmax_gradient(CUBE, given("g", 2, 3, 4), (0, 2)),
    ],
    "div(exp(sub(x, y)), s)": [
        lambda: shifted_softmax(X, (1,)),
        lambda: shifted_softmax(LONG, (0,)),
        lambda: shifted_softmax(CUBE, (0, 2)),
    ],
    # stabilise
    "log(div(exp(x), s))": [lambda: ops.log(softmax(X))],
    "log(sum(exp(x)))": [
        lambda: ops.log(ops.sum_(ops.exp(X), axes=(1,))),
        lambda: ops.log(ops.sum_(ops.exp(CUBE), axes=(0, 2))),
        lambda: ops.log(ops.sum_(ops.exp(LONG), axes=(0,))),
    ],
    # views
    "reshape(x)": [lambda: ops.reshape(X, shape=(2, 3))],
    "broadcast_to(x)": [lambda: ops.broadcast_to(X, shape=(2, 3))],
    "cast(x)": [lambda: ops.cast(X, dtype=float32)],
    "reshape(reshape(x))": [
        lambda: ops.reshape(ops.reshape(X, shape=(6,)), shape=(3, 2)),
        lambda: ops.reshape(ops.reshape(X, shape=(6,)), shape=(2, 3)),
    ],
    "reshape(broadcast_to(x))": [
        lambda: ops.reshape(ops.broadcast_to(ROW, shape=(1, 3)), shape=(3,)),
        lambda: ops.reshape(ops.broadcast_to(ONE, shape=(6,)), shape=(2, 3)),
    ],
    "transpose(broadcast_to(x))": [lambda: flipped(ops.broadcast_to(ONE, shape=(2, 3)))],
    "slice(broadcast_to(x))": [
        lambda: slices(ops.broadcast_to(ONE, shape=(6,)), (1,), (2,), (2,)),
    ],
    "transpose(x)": [
        lambda: ops.transpose(X, axes=(0, 1)),
        lambda: ops.transpose(UNIT, axes=(1, 0, 2)),
    ],
    "transpose(transpose(x))": [
        lambda: ops.transpose(ops.transpose(CUBE, axes=(2, 0, 1)), axes=(1, 2, 0)),
        lambda: ops.transpose(ops.transpose(CUBE, axes=(2, 0, 1)), axes=(2, 1, 0)),
    ],
    "broadcast_to(broadcast_to(x))": [
        lambda: ops.broadcast_to(ops.broadcast_to(ROW, shape=(1, 3)), shape=(5, 4, 3)),
        lambda: ops.broadcast_to(ops.broadcast_to(UNIT, shape=(2, 5, 3)), shape=(4, 2, 5, 3)),
        lambda: ops.broadcast_to(ops.broadcast_to(LONG, shape=(2, n, 3)), shape=(5, 2, n, 3)),
    ],
    "broadcast_to(reshape(x))": [
        lambda: ops.broadcast_to(ops.reshape(ROW, shape=(1, 3)), shape=(4, 3)),
    ],
    "slice(x)": [
        lambda: slices(LONG, (0, 0), (n, 3), (1, 1)),
        lambda: slices(UNIT, (0, 0, 0), (2, 1, 3), (1, -1, 1)),
    ],
    "slice(slice(x))": [
        lambda: slices(
            slices(CUBE, (0, 2, 1), (2, 3, 2), (1, -1, 2)), (1, 1, 1), (1, 2, 1), (1,) * 3
        ),
    ],
    "slice(pad(x))": [
        lambda: slices(
            ops.pad(X, shape=(4, 7), starts=(1, 1), steps=(1, 2), value=0.0), (1, 1), (2, 3), (1, 2)
        ),
    ],
    "slice(concat(...))": [
        lambda: slices(ops.concat(X, LONG, X, axis=0), (2, 0), (n, 3), (1, 1)),
    ],
    "pad(x)": [
        lambda: ops.pad(X, shape=(2, 3), starts=(0, 0), steps=(1, 1), value=7.0),
        lambda: ops.pad(X, shape=(2, 3), starts=(0, 2), steps=(1, -1), value=7.0),
    ],
    "add(pad(a), pad(c))": [lambda: halves(0) + halves(2), lambda: halves(3) + halves(1)],
    "add(pad(a), add(c, e))": [lambda: quarters(2) + (quarters(4) + quarters(0))],
    "add(add(a, b), pad(c))": [lambda: (quarters(4) + quarters(0)) + quarters(2)],
    "add(add(a, b), add(c, e))": [
        lambda: (quarters(4) + quarters(0)) + (quarters(2) + quarters(6))
    ],
    "add(interleave(...), interleave(...))": [
        lambda: stepped(0, 1, 2) + stepped(2),
        lambda: stepped(1) + stepped(2, 0),
        lambda: stepped(0, 1) + stepped(1, 0),
    ],
    "conv(a, b)": [
        lambda: depthwise(given("image", 2, 5, 6, 3), given("taps", 3, 2, 3), (2, 1)),
        lambda: depthwise(given("wide", n, 4, 9, 3), given("one", 1, 3, 3), (1, 3)),
    ],
    "dot(a, b)": [
        lambda: ops.dot(X, X, contract=((1,), (1,)), batch=((0,), (0,))),
        lambda: ops.dot(X, flipped(X), contract=((), ()), batch=((1, 0), (0, 1))),
    ],
    "take(scatter(x, constant(), e), constant())": [
        lambda: ops.take(written("set", [1, -1], axis=1), places([0, 0, -4]), axis=1),
        lambda: ops.take(written("add", [1], axis=0), places([[0, -2]]), axis=0),
    ],
    "concat(slice(...), ...)": [
        lambda: ops.concat(
            *(slices(LONG, at, size, (1, 1)) for at, size in (((1, 0), (2, 2)), ((3, 0), (1, 2)))),
            axis=0,
        ),
    ],
    "concat(...)": [
        lambda: ops.concat(X, axis=1),
        lambda: ops.concat(ops.concat(X, LONG, axis=0), X, axis=0),
    ],
    **reductions("max", ops.max_, float32),
    **reductions("min", ops.min_, float32),
    **reductions("any", ops.any_, b1),
    **reductions("all", ops.all_, b1),
    **reductions("sum", ops.sum_, float32),
    **reductions("prod", ops.prod, float32),
    "dot(transpose(x), b)": [
        lambda: ops.dot(flipped(given("w", 3, 2)), Y, **MATMUL),
        lambda: ops.dot(
            ops.transpose(CUBE, axes=(1, 0, 2)), CUBE, contract=((2,), (2,)), batch=((1,), (0,))
        ),
    ],
    "dot(a, transpose(x))": [lambda: ops.dot(X, flipped(given("v", 4, 3)), **MATMUL)],
    "transpose(dot(a, b))": [
        lambda: flipped(ops.dot(X, Y, **MATMUL)),
        lambda: ops.transpose(
            ops.dot(CUBE, CUBE, contract=((2,), (2,)), batch=((0,), (0,))), axes=(0, 2, 1)
        ),
    ],
}


# ---- values ----

_ODD = np.array([0.0, -0.0, np.inf, -np.inf, np.nan, 1.5, -2.5, 1e30, -1e-40, 3.0])


def arrays(inputs: list[Any], exact: bool) -> dict[Any, np.ndarray]:
    """An array for each input; with signed zeros, infinities and nans where the rule is exact."""
    rng = np.random.default_rng(0)
    return {node: _array(node.type, rng, exact) for node in inputs}


def _array(type: TensorType, rng: np.random.Generator, exact: bool) -> np.ndarray:
    shape = tuple(size if isinstance(size, int) else 4 for size in type.shape)
    if type.dtype.kind != "f":
        return rng.integers(-3, 4, shape).astype(type.dtype.numpy)
    data = rng.uniform(0.1, 0.9, shape)
    if exact:
        data = np.resize(rng.permutation(_ODD), shape)
    return data.astype(type.dtype.numpy)

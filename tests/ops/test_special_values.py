"""Where calculus needs a decision: ties, zeros, infinities, branches not taken, bad arguments."""

import math
from typing import Any

import numpy as np
import pytest

from graphc import ops
from graphc.autodiff.check import check_gradient
from graphc.autodiff.reverse import grad
from graphc.dims import dim
from graphc.errors import DTypeError, GuardError, IndexRangeError, ShapeError
from graphc.evaluate import evaluate
from graphc.functions.tensor import Tensor
from graphc.graph import INPUT, Op, make
from graphc.types import TensorType, as_dtype, float32, float64, int8, int64

INF, NAN = math.inf, math.nan


def handle(name: str, shape: Any, dtype: Any = float64) -> Tensor:
    return Tensor(make(INPUT, (), {"name": name, "type": TensorType(as_dtype(dtype), shape)}))


def total(y: Tensor) -> Tensor:
    return ops.sum_(y, axes=tuple(range(len(y.shape))))


def gradients(f: Any, *arrays: Any, order: int = 1) -> list[list[float]]:
    """The gradient of the sum of f by each float array; the order-th one, summed in between."""
    values = [np.asarray(array) for array in arrays]
    values = [v.astype(np.float64) if v.dtype.kind == "f" else v for v in values]
    xs = [handle(f"x{i}", v.shape, v.dtype) for i, v in enumerate(values)]
    wrt = [x for x in xs if x.dtype.kind == "f"]
    slopes = grad(total(f(*xs)), wrt)
    for _ in range(order - 1):
        slopes = grad(sum((total(s) for s in slopes[1:]), total(slopes[0])), wrt)
    fed = {x.node: v for x, v in zip(xs, values, strict=True)}
    return [g.tolist() for g in evaluate([s.node for s in slopes], fed)]


def test_power_at_zero_and_of_negative_bases() -> None:
    x = [0.0, -2.0, 3.0]
    assert gradients(lambda x: ops.pow_(x, ops.filled(x, 2)), x) == [[0, -4, 6]]
    assert gradients(lambda x: ops.pow_(x, ops.filled(x, 2)), x, order=2) == [[2, 2, 2]]
    assert gradients(lambda x: ops.pow_(x, ops.filled(x, 1)), x) == [[1, 1, 1]]
    assert gradients(lambda x: ops.pow_(x, ops.filled(x, 1)), x, order=2) == [[0, 0, 0]]
    assert gradients(lambda x: ops.pow_(x, ops.filled(x, 0)), x) == [[0, 0, 0]]
    assert gradients(ops.pow_, [0.0], [2.0]) == [[0.0], [0.0]]
    check_gradient(ops.pow_, [np.array([0.5, 2.0]), np.array([0.0, 1.0])])


def test_integer_powers() -> None:
    base, exponent = np.array([-1, -1, 1, 0, 2, 3]), np.array([-3, -2, -5, -1, -1, 2])
    assert ops.pow_.eval(base, exponent).tolist() == [-1, 1, 1, 0, 0, 9]


def test_ties_share_evenly() -> None:
    assert gradients(ops.maximum, [1.0, 2.0, 3.0], [1.0, 3.0, 2.0]) == [[0.5, 0, 1], [0.5, 1, 0]]
    assert gradients(ops.minimum, [1.0, 2.0, 3.0], [1.0, 3.0, 2.0]) == [[0.5, 1, 0], [0.5, 0, 1]]
    assert gradients(lambda x: ops.max_(x, axes=(0,)), [3.0, 1.0, 3.0]) == [[0.5, 0, 0.5]]
    assert gradients(lambda x: ops.min_(x, axes=(0,)), [3.0, 1.0, 3.0]) == [[0, 1, 0]]


def test_kinks_have_slope_zero() -> None:
    assert gradients(ops.abs_, [0.0, -1.0]) == [[0, -1]]
    assert gradients(ops.hypot, [0.0, 4.0], [0.0, 0.0]) == [[0, 1], [0, 0]]
    assert gradients(ops.atan2, [0.0], [0.0]) == [[0], [0]]


def safe_log(x: Tensor) -> Tensor:
    return ops.where(x > 0, ops.log(x), ops.filled(x, 0))


def safe_root(x: Tensor) -> Tensor:
    root = ops.sqrt(ops.mul(x, ops.exp(x)))
    return ops.where(x > 0, ops.tanh(root), x)


def nested(x: Tensor) -> Tensor:
    inner = ops.where(x > 0, ops.log(x), ops.filled(x, 0))
    return ops.where(x < 4, ops.mul(inner, x), ops.filled(x, 0))


def swapped(x: Tensor) -> Tensor:
    return ops.where(x <= 0, ops.filled(x, 0), ops.sqrt(safe_log(x + 2.0) * x))


def of_rows(x: Tensor) -> Tensor:
    rows = ops.broadcast_to(ops.reshape(x, shape=(4, 1)), shape=(4, 3))
    logs = ops.sum_(ops.log(rows), axes=(1,))
    return ops.where(x > 0, logs, x)


@pytest.mark.parametrize("order", [1, 2])
@pytest.mark.parametrize("f", [safe_log, safe_root, nested, swapped, of_rows])
def test_the_branch_not_taken_makes_no_nan(f: Any, order: int) -> None:
    (slope,) = gradients(f, [0.0, -1.0, 2.0, 5.0], order=order)
    assert np.isfinite(slope).all()
    check_gradient(f, [np.array([-1.0, 0.5, 2.0, 5.0])])


@pytest.mark.parametrize("zeros", [0, 1, 2, 3])
def test_product_with_zeros(zeros: int) -> None:
    values = np.array([0.0] * zeros + [2.0, -3.0, 0.5])
    check_gradient(lambda x: ops.prod(x, axes=(0,)), [values])
    check_gradient(lambda x: ops.prod(x, axes=(0, 1)), [np.stack([values, values + 1])])


def test_logaddexp_of_infinities() -> None:
    got = gradients(ops.logaddexp, [-INF, -INF, INF, INF, 0.0], [-INF, 0.0, INF, 0.0, -INF])
    assert got == [[0.5, 0, 0.5, 1, 1], [0.5, 1, 0.5, 0, 0]]
    check_gradient(ops.logaddexp, [np.array([1.0, 2.0]), np.array([1.0, -3.0])])


def test_overwritten_updates_get_nothing() -> None:
    def write(x: Tensor, index: Tensor, updates: Tensor) -> Tensor:
        return ops.scatter(x, index, updates, axis=0, combine="set")

    assert gradients(write, [1.0, 2.0, 3.0], np.array([0, 2, 0, -1]), [1.0, 2.0, 3.0, 4.0]) == [
        [0, 1, 0],
        [0, 0, 1, 1],
    ]


@pytest.mark.parametrize(
    "f",
    [
        lambda x, i: ops.prod(x, axes=(1,)),
        lambda x, i: ops.max_(x, axes=(0, 1)),
        lambda x, i: ops.exp(ops.sum_(x, axes=(1,))),
        lambda x, i: ops.dot(x, x, contract=((0,), (0,)), batch=((), ())),
        lambda x, i: ops.concat(x, ops.exp(x), axis=1),
        lambda x, i: ops.take(ops.sin(x), i, axis=0),
        lambda x, i: ops.scatter(x, i, ops.sin(x), axis=0, combine="set"),
        lambda x, i: ops.slice_(
            ops.sin(x), starts=(x.shape[0] - 1, 0), sizes=x.shape, steps=(-1, 1)
        ),
    ],
)
def test_rules_hold_for_named_sizes(f: Any) -> None:
    """The same gradient graph, built once, as one of plain sizes."""
    n, m = dim("n"), dim("m")
    x, i = handle("x", (n, m)), handle("i", (n,), int64)
    slope = grad(total(f(x, i)), x)
    for rows, columns in ((3, 2), (2, 4)):
        value = np.arange(1.0, rows * columns + 1).reshape(rows, columns)
        index = np.arange(rows) % 2
        (got,) = evaluate([slope.node], {x.node: value, i.node: index})
        assert got.tolist() == gradients(f, value, index)[0]


@pytest.mark.parametrize(
    ("op", "function", "points"),
    [
        (ops.erf, math.erf, (-3.0, 0.0, 0.3, 6.0)),
        (ops.erfc, math.erfc, (-3.0, 0.0, 0.3, 20.0)),
        (ops.sigmoid, lambda x: math.exp(x) / (1 + math.exp(x)), (-700.0, -5.0, 0.0, 30.0)),
        (ops.softplus, lambda x: math.log1p(math.exp(x)), (-700.0, -5.0, 0.0, 30.0)),
        (ops.rsqrt, lambda x: x**-0.5, (0.25, 2.0, 1e300)),
    ],
)
def test_functions_that_numpy_lacks(op: Op, function: Any, points: tuple[float, ...]) -> None:
    expected = [function(x) for x in points]
    np.testing.assert_allclose(op.eval(np.array(points)), expected, rtol=1e-14)
    assert op.eval(np.array([0.5, INF, NAN], np.float32)).dtype == np.float32


def test_casts_saturate() -> None:
    x = np.array([NAN, INF, -INF, 127.9, -128.9, 1e30, -0.5])
    assert ops.cast.eval(x, dtype=int8).tolist() == [0, 127, -128, 127, -128, 127, 0]
    limits = ops.cast.eval(np.array([2.0**63, -(2.0**63), 2.0**62], np.float32), dtype=int64)
    assert limits.tolist() == [2**63 - 1, -(2**63), 2**62]


def test_integers_divide_by_zero_to_zero() -> None:
    a, b = np.array([5, -128], np.int8), np.array([0, -1], np.int8)
    assert ops.floordiv.eval(a, b).tolist() == [0, -128]
    assert ops.mod.eval(a, b).tolist() == [0, 0]


@pytest.mark.parametrize(
    ("apply", "error", "message"),
    [
        (lambda x, n: ops.add(x, n), DTypeError, "add: the dtypes differ"),
        (lambda x, n: ops.exp(n), DTypeError, "exp: a float is needed"),
        (lambda x, n: ops.add(x, ops.reshape(x, shape=(6,))), ShapeError, "the shapes differ"),
        (lambda x, n: ops.where(x, x, x), DTypeError, "the condition is not a bool"),
        (lambda x, n: ops.reshape(x, shape=(4,)), ShapeError, "number of elements changes"),
        (lambda x, n: ops.transpose(x, axes=(0, 0)), ShapeError, "permutation"),
        (lambda x, n: ops.broadcast_to(x, shape=(3, 3)), ShapeError, "of length 1 expand"),
        (lambda x, n: ops.sum_(x, axes=(1, 0)), ShapeError, "sum: no such axes"),
        (lambda x, n: ops.argmax(x, axes=(0, 1)), ShapeError, "one axis"),
        (
            lambda x, n: ops.max_(ops.broadcast_to(x, shape=(0, 2, 3)), axes=(0,)),
            ShapeError,
            "of no",
        ),
        (lambda x, n: ops.concat(x, x, axis=2), ShapeError, "no axis 2"),
        (lambda x, n: ops.take(x, x, axis=0), DTypeError, "an integer is needed"),
        (
            lambda x, n: ops.slice_(x, starts=(0, 1), sizes=(2, 3), steps=(1, 1)),
            ShapeError,
            "reaches outside",
        ),
        (
            lambda x, n: ops.dot(x, x, contract=((1,), (0,)), batch=((), ())),
            ShapeError,
            "the shapes differ",
        ),
    ],
)
def test_mistakes_are_found_when_the_node_is_built(
    apply: Any, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        apply(handle("x", (2, 3), float32), handle("n", (2, 3), int64))


def test_indices_out_of_range_are_errors() -> None:
    x, i = np.arange(3.0), np.array([0, 3])
    with pytest.raises(IndexRangeError, match="take: an index is outside"):
        ops.take.eval(x, i, axis=0)
    with pytest.raises(IndexRangeError, match="indices go from -3 to 2"):
        ops.scatter.eval(x, np.array([-4]), x[:1], axis=0, combine="add")


@pytest.mark.parametrize(
    "apply",
    [
        lambda x, n: ops.max_(x, axes=(0,)),
        lambda x, n: ops.reshape(x, shape=(n // 2, 2)),
        lambda x, n: ops.slice_(x, starts=(2,), sizes=(n - 2,), steps=(1,)),
        lambda x, n: ops.slice_(x, starts=(0,), sizes=(4,), steps=(1,)),
    ],
)
def test_what_sizes_must_satisfy_is_guarded(apply: Any) -> None:
    n = dim("n")
    x = handle("x", (n,))
    y = apply(x, n)
    evaluate([y.node], {x.node: np.arange(8.0)})
    with pytest.raises(GuardError):
        evaluate(
            [y.node], {x.node: np.arange(0.0)} if y.node.op is ops.max_ else {x.node: np.ones(1)}
        )

"""Tensor: operators and promotion against NumPy, concreteness, state, copies and pickles."""

import copy
import gc
import operator
import pickle
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import graphc as gx
from graphc.graph import live_nodes

X = gx.input("x", ("n", 3))
VALUES = np.array([[1.5, -2.0, 3.0], [4.0, 5.0, -6.0]], np.float32)

FLOAT_OPERATORS = (operator.add, operator.sub, operator.mul, operator.truediv, operator.floordiv)
COMPARISONS = (operator.eq, operator.ne, operator.lt, operator.le, operator.gt, operator.ge)
BITS = (operator.and_, operator.or_, operator.xor)


@given(hnp.mutually_broadcastable_shapes(num_shapes=2, max_dims=3, max_side=3), st.data())
def test_operators_broadcast_as_numpy_does(
    shapes: hnp.BroadcastableShapes, data: st.DataObject
) -> None:
    apply = data.draw(st.sampled_from((*FLOAT_OPERATORS, operator.mod, *COMPARISONS)))
    numbers = st.floats(-4, 4, width=32).filter(lambda v: abs(v) > 0.1)
    a, b = (
        data.draw(hnp.arrays(np.float32, shape, elements=numbers)) for shape in shapes.input_shapes
    )
    x, y = gx.input("a", a.shape), gx.input("b", b.shape)
    result = apply(x, y)
    value = result.eval({x: a, y: b})
    expected = apply(a, b)
    assert result.shape == shapes.result_shape
    np.testing.assert_array_equal(value, expected)
    assert value.dtype == expected.dtype


@pytest.mark.parametrize("apply", [*BITS, operator.lshift, operator.rshift, operator.mod])
@pytest.mark.parametrize("dtype", ["int8", "int32", "int64", "uint8"])
def test_integer_operators(apply: Callable[[Any, Any], Any], dtype: str) -> None:
    a, b = np.array([1, 5, 100], dtype), np.array([3, 1, 2], dtype)
    x, y = gx.constant(a), gx.constant(b)
    np.testing.assert_array_equal(apply(x, y).eval(), apply(a, b))
    np.testing.assert_array_equal(apply(x, 2).eval(), apply(a, 2))
    np.testing.assert_array_equal(apply(7, x).eval(), apply(7, a))
    assert apply(x, 2).dtype == dtype


@pytest.mark.parametrize(
    ("tensor", "other", "expected"),
    [
        ("float32", 2, "float32"),
        ("float32", 2.5, "float32"),
        ("float32", True, "float32"),
        ("float32", np.float64(2.5), "float32"),
        ("float32", np.ones(3), "float32"),
        ("float64", np.ones(3, np.float32), "float64"),
        ("int8", 2, "int8"),
        ("int8", np.int64(2), "int8"),
        ("int32", 0.5, "float32"),
        ("bool", 2, "int64"),
        ("bool", np.ones(3, np.int32), "int64"),
    ],
)
def test_what_meets_a_tensor_takes_its_dtype_within_its_kind(
    tensor: str, other: Any, expected: str
) -> None:
    x = gx.input("t", (3,), tensor)
    assert (x * other).dtype == expected
    assert (other * x).dtype == expected


def test_tensors_promote_as_the_standard_says() -> None:
    small, wide = gx.input("a", (2,), "int8"), gx.input("b", (2,), "uint8")
    assert (small + wide).dtype == "int16"
    assert (small + gx.input("c", (2,), "float64")).dtype == "float64"
    assert (small / small).dtype == "float32"
    with pytest.raises(gx.errors.DTypeError, match="300"):
        _ = wide + 300


def test_symbolic_sizes_enter_arithmetic() -> None:
    mean = X.sum(0) / X.shape[0]
    np.testing.assert_allclose(mean.eval({X: VALUES}), VALUES.mean(0))
    assert mean.dtype == "float32"
    assert (X.shape[0] * X).eval({X: VALUES})[0, 0] == 3.0
    assert (X.shape[0] - X).shape == X.shape
    assert (1 + X.shape[0] // 2).__class__ is gx.Dim


def test_a_node_has_one_live_tensor() -> None:
    assert X + 1 is X + 1
    assert X + 1 is not X + 1.5
    assert {X: "found"}[gx.input("x", ("n", 3))] == "found"
    assert (X == X) is not True
    assert X.eval({X: VALUES}).shape == (2, 3)


def test_dropped_tensors_are_freed() -> None:
    gc.collect()
    before = live_nodes()
    y = X * 17 + 3
    assert live_nodes() > before
    del y
    gc.collect()
    assert live_nodes() == before


def test_augmented_assignment_rebinds() -> None:
    y = X
    y += 1
    assert y is not X
    np.testing.assert_array_equal(y.eval({X: VALUES}), VALUES + 1)


@pytest.mark.parametrize(
    ("ask", "fix"),
    [
        (lambda x: bool(x.sum() > 0), "graphc.where"),
        (lambda x: int(x.sum()), "eval"),
        (lambda x: float(x.sum()), "eval"),
        (lambda x: [1, 2][x.sum().astype("int64")], "x.shape"),
        (lambda x: list(x), "graphc.vmap"),
        (lambda x: np.asarray(x), "graphc.compile"),
        (lambda x: 3 in x, "graphc.any"),
        (lambda x: x.sum().item(), "eval"),
    ],
)
@pytest.mark.parametrize("x", [X, gx.parameter("p", np.ones((2, 3)))], ids=["input", "parameter"])
def test_symbolic_tensors_have_no_number(ask: Callable[[Any], Any], fix: str, x: gx.Tensor) -> None:
    with pytest.raises(gx.errors.ConcretenessError) as caught:
        ask(x)
    assert "test_tensor.py" in str(caught.value)
    assert fix in caught.value.fix


def test_symbolic_sizes_are_not_constant_either() -> None:
    count = gx.as_tensor(X.shape[0])
    with pytest.raises(gx.errors.ConcretenessError):
        int(count)
    assert len(X.T) == 3
    with pytest.raises(gx.errors.ConcretenessError):
        len(X)


def test_constants_give_their_number() -> None:
    c = gx.constant([1, 2, 3])
    assert bool(c.sum() > 5)
    assert int(c[1]) == 2
    assert float(c[0] / 2) == 0.5
    assert "abcd"[c[2]] == "d"
    assert [int(v) for v in c] == [1, 2, 3]
    assert c.max().item() == 3
    np.testing.assert_array_equal(np.asarray(c * 2), [2, 4, 6])
    assert np.asarray(c, dtype=np.float64).dtype == np.float64


def test_item_assignment_names_the_way_out() -> None:
    with pytest.raises(TypeError, match=r"\.at\[key\]\.set"):
        X[0] = 1.0


def test_what_is_no_number_is_refused() -> None:
    with pytest.raises(TypeError):
        _ = X + "a"
    with pytest.raises(TypeError):
        _ = X + None  # type: ignore[operator]
    assert (X == None) is False  # noqa: E711
    with pytest.raises(gx.errors.DTypeError):
        gx.constant("a")


def test_value_copies_in_and_out() -> None:
    start = np.ones((2, 2))
    w = gx.parameter("w", start)
    start[:] = 9
    with pytest.raises(ValueError, match="read-only"):
        w.value[0] = 7
    np.testing.assert_array_equal(w.value, np.ones((2, 2), np.float32))
    w.value = [[1, 2], [3, 4]]
    assert (w.value.dtype, w.value[1, 1]) == (np.float32, 4)
    with pytest.raises(gx.errors.ShapeError, match=r"\(3,\)"):
        w.value = np.ones(3)
    counter = gx.state("steps", 0)
    with pytest.raises(gx.errors.DTypeError, match="int64"):
        counter.value = 0.5
    with pytest.raises(gx.errors.UpdateError):
        _ = X.value
    with pytest.raises(gx.errors.UpdateError):
        X.value = 3


def test_parameters_are_float32_unless_told() -> None:
    assert gx.parameter("w", np.ones(2)).dtype == "float32"
    assert gx.parameter("w", np.ones(2), "float64").dtype == "float64"
    assert gx.parameter("w", [1, 2]).dtype == "int64"
    assert gx.parameter("w", [True]).dtype == "bool"
    assert gx.parameter("w", 1.0) is not gx.parameter("w", 1.0)


def test_pickles_carry_values_and_sharing() -> None:
    w = gx.parameter("w", np.ones((3, 2)))
    y = (X @ w).named("logits")
    y2, w2, w3 = pickle.loads(pickle.dumps((y, w, w)))
    assert w2 is w3
    assert w2 is not w
    w2.value = np.zeros((3, 2))
    np.testing.assert_array_equal(y2.eval({X: VALUES}), np.zeros((2, 2)))
    np.testing.assert_array_equal(y.eval({X: VALUES}), VALUES @ np.ones((3, 2)))
    assert pickle.loads(pickle.dumps(X)) is X
    assert w2.node.params["cell"].array.ctypes.data % 64 == 0


@dataclass(eq=False)
class Layer:
    w: gx.Tensor
    b: gx.Tensor


def test_a_deep_copied_model_has_parameters_of_its_own() -> None:
    layer = Layer(gx.parameter("w", np.ones((3, 1))), gx.parameter("b", np.zeros(1)))
    model = {"layers": [layer, layer], "out": X @ layer.w + layer.b, "x": X}
    new = copy.deepcopy(model)
    twin = new["layers"][0]
    assert new["layers"][1] is twin
    assert twin.w is not layer.w
    assert new["x"] is X
    twin.w.value = np.full((3, 1), 2.0)
    np.testing.assert_array_equal(new["out"].eval({X: VALUES}), 2 * model["out"].eval({X: VALUES}))
    assert copy.copy(layer.w) is layer.w


def test_a_deep_graph_is_copied_pickled_and_deleted() -> None:
    w = gx.parameter("w", [1.0, 2.0])
    h = w
    for _ in range(50_000):
        h = gx.sin(h)
    assert repr(h) == "Tensor(sin: f32[2])"
    read = pickle.loads(pickle.dumps(h))
    assert copy.deepcopy(read) is not read
    before = live_nodes()
    del h
    assert before - live_nodes() == 50_000


def test_named_keeps_the_value_and_the_label() -> None:
    y = (X * 2).named("doubled")
    assert "doubled" in repr(y)
    np.testing.assert_array_equal(y.eval({X: VALUES}), VALUES * 2)
    again = (X * 2).named("twice")
    assert "twice" in repr(again)
    assert (X * 2).named("doubled") is y
    assert (X * 2).named("twice") is again
    new = pickle.loads(pickle.dumps((gx.parameter("w", 1.0) * 2).named("out")))
    assert "'out'" in repr(new)


def test_methods_and_attributes() -> None:
    assert X.T.shape == (3, X.shape[0])
    assert (X.ndim, X.size) == (2, X.shape[0] * 3)
    for build, expected in (
        (X.reshape(-1, 1), VALUES.reshape(-1, 1)),
        (X.reshape((1, -1, 3)), VALUES.reshape(1, -1, 3)),
        (X.transpose(1, 0), VALUES.T),
        (X[None].mT, VALUES[None].swapaxes(1, 2)),
        (X.mean(axis=-1, keepdims=True), VALUES.mean(-1, keepdims=True)),
        (X.max(0), VALUES.max(0)),
        (X.min(), VALUES.min()),
        (X.astype("int32"), VALUES.astype(np.int32)),
        (abs(-X), abs(VALUES)),
        (~(X > 0), ~(VALUES > 0)),
        (+X, VALUES),
        (2.0**X, 2.0**VALUES),
    ):
        np.testing.assert_allclose(build.eval({X: VALUES}), expected, rtol=1e-6)


def test_a_size_meets_a_tensor_on_either_side() -> None:
    n = X.shape[0]
    for apply in (operator.eq, operator.ne, operator.add, operator.mul):
        result = apply(n, X)
        assert isinstance(result, gx.Tensor)
        np.testing.assert_array_equal(result.eval({X: VALUES}), apply(2, VALUES))


def test_a_constant_has_a_format_and_a_tensor_divides_by_a_size() -> None:
    assert f"{gx.constant(2.0) / 3:.3f} {X}" == "0.667 Tensor('x': f32[n, 3])"
    mean = gx.sum(X) / X.shape[0]
    np.testing.assert_allclose(mean.eval({X: VALUES}), VALUES.sum() / 2)
    np.testing.assert_allclose((X.shape[0] / X).eval({X: VALUES}), 2 / VALUES)

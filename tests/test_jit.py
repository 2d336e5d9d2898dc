"""jit: Python functions of arrays."""

import collections
import copy
import dataclasses
import pickle
import sys
from typing import Any, NamedTuple

import numpy as np
import pytest

import graphc as gx
from graphc import errors


class Pair(NamedTuple):
    left: Any
    right: Any


@dataclasses.dataclass
class Layer:
    w: Any
    b: Any


def test_trees_go_in_and_come_out() -> None:
    @gx.jit
    def f(layer: Layer, pair: Pair, *, scale: Any) -> dict[str, Any]:
        total = layer.w @ pair.left + layer.b
        return {"pair": Pair(total, None), "rest": [total * scale, (pair.right["k"],)], "n": 2}

    layer = Layer(np.eye(3, dtype="f"), np.ones(3, "f"))
    result = f(layer, Pair(np.arange(3.0, dtype="f"), {"k": np.array([True, False])}), scale=2.0)
    assert isinstance(result["pair"], Pair)
    assert result["pair"].right is None
    np.testing.assert_array_equal(result["pair"].left, [1, 2, 3])
    np.testing.assert_array_equal(result["rest"][0], [2, 4, 6])
    np.testing.assert_array_equal(result["rest"][1][0], [True, False])
    assert result["n"] == 2
    assert f.__name__ == "f"


@pytest.mark.parametrize(
    ("value", "dtype"),
    [
        (1.5, "float32"),
        (2, "int64"),
        (True, "bool"),
        (np.float64(1.5), "float64"),
        (np.ones(2), "float64"),
        (np.ones(2, "f"), "float32"),
        (np.ones(2, ">f4"), "float32"),
        (np.ones(2, "u1"), "uint8"),
        (np.ones((2, 3), "i4").T, "int32"),
        (np.zeros((0, 3), "f"), "float32"),
    ],
)
def test_dtypes_are_kept(value: Any, dtype: str) -> None:
    result = gx.jit(lambda x: x)(value)
    assert result.dtype == dtype
    np.testing.assert_array_equal(result, value)


@pytest.mark.parametrize("value", ["text", np.ones(2, complex), object(), 2**70, np.float16(1)])
def test_what_is_no_array_is_refused(value: Any) -> None:
    with pytest.raises(errors.DTypeError) as caught:
        gx.jit(lambda x: x)([np.ones(2), value])
    assert "test_jit.py" in str(caught.value)


def test_a_result_that_is_no_tensor_is_refused() -> None:
    with pytest.raises(errors.GraphError, match="outputs are tensors"):
        gx.jit(lambda x: "text")(1.0)
    assert gx.jit(lambda x: None)(1.0) is None


def test_a_shape_is_traced_once_and_compiles_nothing() -> None:
    traced = []

    @gx.jit
    def f(p: dict[str, Any], x: Any) -> Any:
        traced.append(x.shape)
        return gx.sum(gx.tanh(x * p["scale"] + p["shift"]), axis=1)

    def call(rows: int, columns: int) -> None:
        x = np.linspace(-1, 1, rows * columns, dtype="f").reshape(rows, columns)
        shift = np.linspace(0, 1, columns, dtype="f")
        wanted = np.tanh(x * 0.5 + shift).sum(axis=1)
        result = f({"scale": 0.5, "shift": shift}, x)
        np.testing.assert_allclose(result, wanted, rtol=1e-4, atol=1e-4)

    call(70, 80)
    compiled = gx.cache_stats().compiled
    for rows, columns in [(71, 80), (70, 99), (300, 130), (71, 80)]:
        call(rows, columns)
    assert traced == [(70, 80), (71, 80), (70, 99), (300, 130)]
    assert gx.cache_stats().compiled == compiled


def test_old_programs_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.modules[gx.Jitted.__module__], "PROGRAMS", 3)
    f = gx.jit(lambda x: x * 2)
    for n in (1, 2, 3, 4, 5, 1, 2, 1):
        np.testing.assert_array_equal(f(np.ones(n)), 2 * np.ones(n))
        assert len(f._programs) <= 3


def test_dims_name_sizes() -> None:
    def f(p: dict[str, Any], x: Any, k: Any) -> Any:
        return x @ p["w"] + p["b"][0] * k

    named = gx.jit(f, dims=({"w": ("k", None), "b": [None]}, ("n", "k"), None))
    for rows, depth in [(2, 3), (5, 7), (1, 3)]:
        w, x = np.ones((depth, 4), "f"), np.ones((rows, depth), "f")
        result = named({"w": w, "b": [np.ones(4, "f")]}, x, 2.0)
        np.testing.assert_array_equal(result, x @ w + 2)
    assert len(named._programs) == 1
    program = named.program({"w": w, "b": [np.ones(4, "f")]}, x, 2.0)
    assert "f.x: f32[n, k]" in repr(program)
    assert "f.p.w: f32[k, 4]" in repr(program)
    with pytest.raises(errors.BindingError, match="the size k is"):
        named({"w": w, "b": [np.ones(4, "f")]}, np.ones((2, 9), "f"), 2.0)


@pytest.mark.parametrize(
    ("dims", "message"),
    [
        ((None,), "an entry an argument"),
        ((("n",), None), "dims names 1 axes"),
        (([None], None), "no tree like"),
        (({"v": None}, None), "no tree like"),
    ],
)
def test_dims_that_do_not_fit(dims: Any, message: str) -> None:
    with pytest.raises(errors.ShapeError, match=message):
        gx.jit(lambda p, x: p["w"] * x, dims=dims)({"w": np.ones((2, 2))}, 1.0)


def test_tensors_go_through() -> None:
    inner = gx.jit(lambda x: x * 2)
    x = gx.input("x", (2,))
    assert isinstance(inner(x), gx.Tensor)
    outer = gx.jit(lambda x: inner(x) + 1)
    np.testing.assert_array_equal(outer(np.ones(2)), [3, 3])
    assert not inner._programs


def test_parameters_are_read_anew() -> None:
    w = gx.parameter("w", [1.0, 2.0])
    f = gx.jit(lambda x: x * w)
    np.testing.assert_array_equal(f(2.0), [2, 4])
    w.value = [3.0, 4.0]
    np.testing.assert_array_equal(f(2.0), [6, 8])


def test_a_result_that_depends_on_an_input_is_a_tensor() -> None:
    x = gx.input("x", ())
    f = gx.jit(lambda y: [x + y, y * 2])
    total, doubled = f(1.5)
    assert total.eval({x: 1.0}) == 2.5
    assert doubled.eval() == 3
    outer = gx.jit(lambda x: gx.jit(lambda y: x * y)(3.0))
    assert outer(2.0) == 6
    with pytest.raises(errors.GraphError, match="input 'x' is used but not listed"):
        f.program(1.0)


def test_names_of_leaves_are_distinct() -> None:
    program = gx.jit(lambda t: t["a"]["b"] - t["a.b"]).program({"a": {"b": 1.0}, "a.b": 2.0})
    names = [node.params["name"] for node in program.graph.inputs]
    assert names == ["lambda.t.a.b", "lambda.t.a.b_"]
    assert program(3.0, 1.0) == 2
    many = gx.jit(lambda *xs, **ys: xs[0] + ys["k"])
    assert many(1.0, 2.0, k=3.0) == 4


def test_a_named_argument_may_be_self() -> None:
    assert gx.jit(lambda **named: named["self"] * 2)(self=2.0) == 4


class Scaled:
    """A model that holds its own jitted method."""

    def __init__(self) -> None:
        self.w = gx.parameter("w", [1.0, 2.0])
        self.call = gx.jit(self.forward)

    def forward(self, x: Any) -> Any:
        return x * self.w


def test_keywords_in_any_order_are_traced_once() -> None:
    traced = []

    @gx.jit
    def f(x: Any, a: Any, b: Any) -> Any:
        traced.append(1)
        return x + a - b

    for given in ({"a": 1.0, "b": 2.0}, {"b": 2.0, "a": 1.0}, {"a": 4.0, "b": 5.0}):
        assert f(np.ones(3, "f"), **given).tolist() == [0, 0, 0]
    assert len(traced) == 1


def test_a_list_of_its_own_kind_is_refused() -> None:
    with pytest.raises(errors.DTypeError, match="no array of numbers"):
        gx.jit(lambda a: a)(collections.deque([[1, 2], [3]]))


def test_profiles_and_explanations_take_what_a_call_takes() -> None:
    @gx.jit
    def f(p: dict[str, Any], *, x: Any) -> Any:
        return gx.sum(gx.tanh(p["w"] * x))

    given = {"w": np.ones(9, "f")}
    x = np.arange(9, dtype="f")
    assert "tanh" in str(f.profile(given, x=x, repeats=1))
    assert "tanh" in str(f.explain(given, x=x))


def test_a_deep_copy_traces_again() -> None:
    model = Scaled()
    model.call(1.0)
    new = copy.deepcopy(model)
    assert not new.call._programs
    new.w.value = [5.0, 6.0]
    np.testing.assert_array_equal(new.call(1.0), [5, 6])
    np.testing.assert_array_equal(model.call(1.0), [1, 2])
    call = copy.deepcopy(model.call)
    del model
    np.testing.assert_array_equal(call(1.0), [1, 2])


@gx.jit
def twice(x: Any) -> Any:
    return x * 2


def plain(x: Any) -> Any:
    return x * 3


def test_it_prints_its_name_and_how_many_programs_it_has() -> None:
    f = gx.jit(plain)
    assert repr(f) == "Jitted(plain; 0 programs)"
    f(1.0)
    assert repr(f) == "Jitted(plain; 1 programs)"


def test_pickles_trace_again() -> None:
    twice(1.0)
    assert pickle.loads(pickle.dumps(twice)) is twice
    assert copy.deepcopy(twice)(2.0) == copy.copy(twice)(2.0) == 4
    thrice = gx.jit(plain)
    thrice(1.0)
    for again in (pickle.loads(pickle.dumps(thrice)), copy.copy(thrice)):
        assert not again._programs
        assert again(2.0) == 6

"""The reference interpreter: binding of sizes, guards, state, and faults that must not pass."""

import copy
import pickle
import threading
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from graphc import evaluate as interpreter
from graphc.dims import dim
from graphc.errors import BindingError, GraphError, GuardError, MissingInputError
from graphc.evaluate import bind_sizes, bound_params, collect_guards, evaluate
from graphc.functions.tensor import Tensor
from graphc.graph import INPUT, STATE, Node, make
from graphc.ops import add, exp, neg, reshape, sum_, transpose
from graphc.state import STATE_LOCK, State
from graphc.types import DType, TensorType, float32, int64


def given(name: str, *shape: Any, dtype: DType = float32) -> Tensor:
    return Tensor(make(INPUT, (), {"name": name, "type": TensorType(dtype, shape)}))


def state(array: np.ndarray) -> Tensor:
    cell = State("w", array, TensorType(float32, array.shape), trainable=True)
    return Tensor(make(STATE, (), {"cell": cell}))


def ones(*shape: int) -> np.ndarray:
    return np.ones(shape, np.float32)


A, B = given("a", "n", 3), given("b", "n")


def test_shared_nodes_are_computed_once() -> None:
    seen: list[int] = []

    def counted(x: np.ndarray) -> np.ndarray:
        seen.append(1)
        return np.exp(x)

    once = replace(exp, eval=counted)
    y = once(A)
    a, b = evaluate([add(y, y).node, neg(y).node], {A.node: ones(2, 3)})
    assert len(seen) == 1
    np.testing.assert_array_equal(a, -2 * b)


def test_sizes_bind_and_enter_parameters() -> None:
    y = reshape(A, shape=(dim("n") * 3,))
    assert evaluate([y.node], {A.node: ones(5, 3)})[0].shape == (15,)
    assert bind_sizes([A.node, B.node], [ones(5, 3), ones(5)]) == {"n": 5}
    n = dim("n")
    params = {"a": n, "b": (n + 1, (n * n, "keep")), "c": 0.5}
    assert bound_params(params, {"n": 3}) == {"a": 3, "b": (4, (9, "keep")), "c": 0.5}


def test_a_conflict_of_sizes_names_both_inputs() -> None:
    with pytest.raises(BindingError, match="the size n is 2 in input 'a' but 4 in input 'b'"):
        bind_sizes([A.node, B.node], [ones(2, 3), ones(4)])
    square = given("s", "n", "n")
    with pytest.raises(BindingError, match="input 's'"):
        bind_sizes([square.node], [ones(2, 3)])


@pytest.mark.parametrize(
    "array", [ones(2, 4), ones(2), ones(2, 3).astype(complex), np.array([["a"] * 3])], ids=str
)
def test_arrays_that_do_not_fit_their_input(array: np.ndarray) -> None:
    with pytest.raises(BindingError, match=r"input 'a' is f32\[n, 3\]"):
        evaluate([A.node], {A.node: array})


def test_arrays_convert_within_their_kind() -> None:
    k = given("k", 2, dtype=int64)
    assert evaluate([A.node], {A.node: np.ones((1, 3), np.int8)})[0].dtype == np.float32
    with pytest.raises(BindingError, match="convert it"):
        evaluate([k.node], {k.node: np.array([0.5, 1.5])})


def test_expressions_in_input_types_are_checked() -> None:
    double = given("double", dim("n") * 2)
    assert bind_sizes([B.node, double.node], [ones(2), ones(4)]) == {"n": 2}
    with pytest.raises(BindingError, match="input 'double'"):
        bind_sizes([B.node, double.node], [ones(2), ones(5)])
    with pytest.raises(BindingError, match="no input gives the size n"):
        bind_sizes([double.node], [ones(4)])


def test_a_missing_input_is_named() -> None:
    with pytest.raises(MissingInputError, match="input 'b' was not given"):
        evaluate([add(B, neg(B)).node], {})


def test_guards_are_checked_with_the_users_line() -> None:
    even = given("even", dim("n") * 2, "n")
    y = reshape(sum_(even, axes=(1,)), shape=(2, 3))
    ((guard, where),) = collect_guards([y.node])
    assert guard.kind == "equal"
    assert where is not None
    assert where.file == __file__
    assert evaluate([y.node], {even.node: ones(6, 3)})[0].shape == (2, 3)
    with pytest.raises(GuardError, match=r"reshape(.|\n)*n = 5(.|\n)*test_evaluate.py"):
        evaluate([y.node], {even.node: ones(10, 5)})


def test_state_reads_its_cell_and_outputs_are_copies() -> None:
    w = state(ones(2, 3))
    (value, flipped) = evaluate([w.node, transpose(w, axes=(1, 0)).node], {})
    value[0, 0] = flipped[0, 1] = 7
    np.testing.assert_array_equal(evaluate([w.node], {})[0], ones(2, 3))


def test_a_value_may_be_given_for_any_node() -> None:
    y = exp(A)
    (value,) = evaluate([neg(y).node], {y.node: ones(2, 3)})
    np.testing.assert_array_equal(value, -ones(2, 3))


def wrong_shape(x: Any, axes: Any) -> Any:
    return np.sum(x, axis=axes, keepdims=True)


def wrong_dtype(x: Any, axes: Any) -> Any:
    return np.sum(x, axis=axes, dtype=np.float64)


@pytest.mark.parametrize("facet", [wrong_shape, wrong_dtype])
def test_a_facet_that_contradicts_another_is_a_fault(facet: Any) -> None:
    y = replace(sum_, eval=facet)(A, axes=(0,))
    with pytest.raises(GraphError, match=r"sum: infer says f32\[3\]"):
        evaluate([y.node], {A.node: ones(2, 3)})


def test_intermediates_are_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    alive: list[int] = []
    value = interpreter._value

    def watched(node: Node, arrays: Any, *rest: Any) -> Any:
        alive.append(len(arrays))
        return value(node, arrays, *rest)

    monkeypatch.setattr(interpreter, "_value", watched)
    y = A
    for _ in range(50):
        y = neg(exp(y))
    evaluate([y.node], {A.node: ones(2, 3)})
    assert max(alive) <= 2


def test_threads_make_one_node() -> None:
    barrier = threading.Barrier(4)

    def infer(type: TensorType) -> TensorType:
        barrier.wait(timeout=100)  # all are past the look-up when the first one goes on
        return type

    slow, made = replace(neg, infer=infer), list[Node]()
    threads = [
        threading.Thread(target=lambda: made.append(make(slow, (A.node,), {}))) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(made) == 4
    assert len(set(made)) == 1


@pytest.mark.parametrize("read", [lambda w: evaluate([w.node], {})[0], copy.deepcopy, pickle.dumps])
def test_state_is_read_between_two_runs(read: Callable[[Tensor], Any]) -> None:
    w, found = state(ones(2)), list[Any]()
    reader = threading.Thread(target=lambda: found.append(read(w)))
    with STATE_LOCK:  # as a running program does
        w.node.params["cell"].array[0] = 5
        reader.start()
        reader.join(timeout=0.1)
        assert not found
        w.node.params["cell"].array[1] = 5
    reader.join()
    got = pickle.loads(found[0]) if isinstance(found[0], bytes) else found[0]
    got = evaluate([got.node], {})[0] if isinstance(got, Tensor) else got
    np.testing.assert_array_equal(got, [5, 5])

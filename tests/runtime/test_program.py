"""Programs: what they take, what they refuse and how they say it, what a failure leaves behind."""

import copy
import dataclasses
import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import graphc as gx
from graphc import errors
from graphc.runtime import bindings
from graphc.runtime.backends import PYTHON
from graphc.runtime.program import Program

HERE = "test_program.py"


@dataclasses.dataclass
class Training:
    """A step that reads and writes state, can fail, and has a guard."""

    w: gx.Tensor
    count: gx.Tensor
    step: Program

    def state(self) -> tuple[bytes, int]:
        return self.w.value.tobytes(), int(self.count.value)


def make_training() -> Training:
    x = gx.input("x", ("batch", 3))
    rows = gx.input("rows", ("batch",), "int64")
    rate = gx.input("rate", ())
    w = gx.parameter("w", np.arange(12.0).reshape(4, 3))
    count = gx.state("count", 0)
    picked = gx.take(w, rows, axis=0)
    pairs = gx.reshape(picked * x, ("batch//2", 2, 3))
    loss = gx.sum(pairs * pairs)
    updates = {w: w - rate * gx.grad(loss, w), count: count + 1}
    return Training(w, count, gx.compile([x, rows, rate], loss, updates=updates))


X, ROWS = np.ones((4, 3), np.float32), np.array([0, 1, 2, 3])


def frozen(array: np.ndarray) -> np.ndarray:
    array.flags.writeable = False
    return array


REFUSED: dict[str, tuple[Callable[[Program], Any], type[Exception], str]] = {
    "a wrong size": (
        lambda p: p(np.ones((4, 5), "f"), ROWS, 0.1),
        errors.BindingError,
        r"input 'x' is f32\[batch, 3\]  \[an array of shape \(4, 5\)\]",
    ),
    "a wrong rank": (
        lambda p: p(np.ones(4, "f"), ROWS, 0.1),
        errors.BindingError,
        r"input 'x' is f32\[batch, 3\], of rank 2  \[an array of shape \(4,\)\]",
    ),
    "an array for a scalar": (
        lambda p: p(X, ROWS, [0.1]),
        errors.BindingError,
        r"input 'rate' is f32\[\], of rank 0.*\n.*\n  give a number$",
    ),
    "a scalar for an array": (
        lambda p: p(1.0, ROWS, 0.1),
        errors.BindingError,
        r"input 'x' is f32\[batch, 3\], of rank 2",
    ),
    "sizes that disagree": (
        lambda p: p(X, ROWS[:2], 0.1),
        errors.BindingError,
        "size batch is 4 in input 'x' but 2 in input 'rows'",
    ),
    "floats for integers": (
        lambda p: p(X, ROWS.astype(float), 0.1),
        errors.BindingError,
        r"input 'rows' is i64\[batch\]  \[an array of float64\]\n.*\n  convert it",
    ),
    "complex for floats": (
        lambda p: p(X.astype(complex), ROWS, 0.1),
        errors.BindingError,
        "an array of complex128",
    ),
    "text": (lambda p: p(X, ROWS, "0.1"), errors.BindingError, "an array of <U3"),
    "an object": (lambda p: p(X, ROWS, None), errors.BindingError, "an array of object"),
    "ragged lists": (
        lambda p: p([[1, 2, 3], [1, 2]], ROWS, 0.1),
        errors.BindingError,
        "input 'x' is made of lists",
    ),
    "an input that is missing": (
        lambda p: p(X, ROWS),
        errors.MissingInputError,
        "input 'rate' was not given",
    ),
    "an input too many": (
        lambda p: p(X, ROWS, 0.1, 0.2),
        errors.UnknownInputError,
        "3 inputs: x, rows, rate  \\[4 arrays\\]",
    ),
    "a dict by name": (
        lambda p: p({"x": X, "rows": ROWS, "rate": 0.1}),
        errors.MissingInputError,
        r"by place or by name(.|\n)*\*\*d",
    ),
    "no number": (
        lambda p: p(X, ROWS, None),
        errors.BindingError,
        r"'rate' is f32\[\]  \[.*: None\](.|\n)*give a number$",
    ),
    "an array turned": (
        lambda p: p(X.T, ROWS, 0.1),
        errors.BindingError,
        r"'x' is f32\[batch, 3\]  \[an array of shape \(3, 4\)\]\n.*\n.*array\.T, shape \(4, 3\)",
    ),
    "a rank too many": (
        lambda p: p(X[None], ROWS, 0.1),
        errors.BindingError,
        "array\\[0\\] drops an axis",
    ),
    "an unknown name": (
        lambda p: p(X, ROWS, ratio=0.1),
        errors.UnknownInputError,
        "no input is named 'ratio'",
    ),
    "an input given twice": (
        lambda p: p(X, ROWS, 0.1, x=X),
        errors.UnknownInputError,
        "input 'x' was given twice",
    ),
    "an index that is too large": (
        lambda p: p(X, [0, 1, 2, 4], 0.1),
        errors.IndexRangeError,
        r"take: an index is outside axis 0 of f32\[4, 3\]  \[rows\[3\] is 4\]\n.*\n"
        "  indices go from -4 to 3;"
        " these come from input 'rows'",
    ),
    "an index that is too small": (
        lambda p: p(X, [0, 1, 2, -5], 0.1),
        errors.IndexRangeError,
        "indices go from -4 to 3",
    ),
    "a size that breaks a guard": (
        lambda p: p(X[:3], ROWS[:3], 0.1),
        errors.GuardError,
        r"batch = 3(.|\n)* give arrays of other sizes: .* is .*, and must be",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_refused_call_says_why_and_changes_nothing(name: str) -> None:
    call, kind, message = REFUSED[name]
    training = make_training()
    training.step(X, ROWS, 0.1)
    before = training.state()
    with pytest.raises(kind, match=message) as caught:
        call(training.step)
    assert HERE in str(caught.value)  # the user's line
    assert training.state() == before
    twin = make_training()
    twin.step(X, ROWS, 0.1)
    assert training.step(X, ROWS, 0.2) == twin.step(X, ROWS, 0.2)
    assert training.state() == twin.state()
    assert training.count.value == 2


def test_python_mode_fails_like_machine_code() -> None:
    rows, s = gx.input("rows", ("n",), "int64"), gx.state("s", [1.0, 2.0])
    program = gx.compile([rows], gx.take(s, rows, axis=0), updates={s: s * 2}, backend=PYTHON)
    with pytest.raises(errors.IndexRangeError, match="indices go from -2 to 1"):
        program([0, 2])
    np.testing.assert_array_equal(s.value, [1, 2])
    np.testing.assert_array_equal(program([1, -2]), [2, 1])
    np.testing.assert_array_equal(s.value, [2, 4])


def test_an_index_that_reads_nothing() -> None:
    x, i = gx.input("x", (4, "n")), gx.input("i", ("m",), "int64")
    program = gx.compile([x, i], gx.take_along_axis(x, i[:, None], axis=0))
    assert program(np.ones((4, 0), "f"), [3, -4]).shape == (2, 0)
    with pytest.raises(errors.IndexRangeError, match="that reads nothing") as caught:
        program(np.ones((4, 0), "f"), [3, 4])
    assert caught.value.fix == "indices go from -4 to 3"


def test_a_profile_of_a_refused_call_raises_too() -> None:
    training = make_training()
    before = training.state()
    with pytest.raises(errors.BindingError, match="at least once"):
        training.step.profile(X, ROWS, 0.1, repeats=0)
    with pytest.raises(errors.IndexRangeError):
        training.step.profile(X, [0, 1, 2, 9], 0.1)
    assert training.state() == before


TAKEN: dict[str, Callable[[Program], Any]] = {
    "by name": lambda p: p(rate=0.1, rows=ROWS, x=X),
    "lists": lambda p: p(X.tolist(), ROWS.tolist(), 0.1),
    "float64": lambda p: p(X.astype("f8"), ROWS, np.float64(0.1)),
    "integers": lambda p: p(X.astype("u1"), ROWS.astype("i1"), np.float32(0.1)),
    "big-endian": lambda p: p(X.astype(">f4"), ROWS.astype(">i8"), 0.1),
    "Fortran order": lambda p: p(np.asfortranarray(X), ROWS, 0.1),
    "strides": lambda p: p(np.ones((8, 6), "f")[::2, ::-2], ROWS[::-1][::-1], 0.1),
    "read-only": lambda p: p(frozen(X.copy()), ROWS, np.array(0.1)),
    "a subclass": lambda p: p(X.view(np.recarray), ROWS, 0.1),
    "indices from the end": lambda p: p(X, ROWS - 4, 0.1),
}


@pytest.mark.parametrize("name", TAKEN)
def test_arrays_of_all_kinds_are_taken(name: str) -> None:
    training, twin = make_training(), make_training()
    assert TAKEN[name](training.step) == twin.step(X, ROWS, np.float32(0.1))
    assert training.state() == twin.state()


def test_a_batch_of_no_rows() -> None:
    training = make_training()
    before = training.w.value
    assert training.step(X[:0], ROWS[:0], 0.1) == 0
    np.testing.assert_array_equal(training.w.value, before)
    assert training.count.value == 1


def test_infinities_and_nans_are_values() -> None:
    x = gx.input("x", ("n",))
    double = gx.compile([x], [x * 2, gx.sum(x), gx.max(x)])
    given = np.array([np.inf, -np.inf, np.nan, 1.0], "f")
    doubled, total, largest = double(given)
    np.testing.assert_array_equal(doubled, given * 2)
    assert np.isnan(total)
    assert np.isnan(largest)
    assert double([np.inf, 1.0, 2.0, 3.0])[1] == np.inf
    doubled, _, _ = double(np.array([1e300, -1e300, 0.0]))  # too large for float32: no warning
    np.testing.assert_array_equal(doubled, [np.inf, -np.inf, 0.0])


def test_scalars_of_python() -> None:
    a, b, c = gx.input("a", ()), gx.input("b", (), "int64"), gx.input("c", (), "bool")
    program = gx.compile([a, b, c], [a * 2, b * 2, gx.logical_not(c)])
    assert program(1.5, -3, True) == [3.0, -6, False]
    assert [type(v) for v in program(1, True, False)] == [np.float32, np.int64, np.bool_]
    with pytest.raises(errors.BindingError, match="input 'b' is i64"):
        program(1.0, 2.0, True)
    with pytest.raises(errors.BindingError, match="input 'c' is b1"):
        program(1.0, 2, 1)
    with pytest.raises(errors.BindingError, match="input 'b' is i64"):
        program(1.0, 2**70, True)


# ---- results ----


x = gx.input("x", ("n",))
w = gx.parameter("w", [1.0, 2.0])


def test_results_have_the_structure_of_the_outputs() -> None:
    outputs = {"a": x + 1, "b": (gx.sum(x), [None, x * 2]), "c": None}
    result = gx.compile([x], outputs)([1, 2])
    assert list(result) == ["a", "b", "c"]
    assert result["c"] is None
    total, (nothing, doubled) = result["b"]
    assert (type(total), total, nothing) == (np.float32, 3, None)
    np.testing.assert_array_equal(doubled, [2, 4])
    assert gx.compile([x], None)([1, 2]) is None
    assert gx.compile([], [])() == []


def test_outputs_may_be_anything_that_is_a_tensor() -> None:
    result = gx.compile([x], [x, x, w, 2.5, [x.shape[0]], x[::2]])([1, 2])
    x0, x1, w0, number, (size,), even = result
    np.testing.assert_array_equal(x0, [1, 2])
    np.testing.assert_array_equal(w0, [1, 2])
    assert (number, size, even.tolist()) == (2.5, 2, [1])
    x0[0], w0[0] = 9, 9
    assert x1[0] == w.value[0] == 1


def test_updates_without_outputs_are_simultaneous() -> None:
    a, b = gx.state("a", [1.0, 2.0]), gx.state("b", [3.0, 4.0])
    swap = gx.compile([], None, updates={a: b, b: a})
    assert swap() is None
    np.testing.assert_array_equal([a.value, b.value], [[3, 4], [1, 2]])
    both = gx.compile([], a, updates={a: a + b, b: a * 10})
    np.testing.assert_array_equal(both(), [3, 4])
    np.testing.assert_array_equal([a.value, b.value], [[4, 6], [30, 40]])


def test_a_program_keeps_its_results() -> None:
    a = gx.state("a", 0.0)
    count = gx.compile([], a + 1, updates={a: a + 1})
    assert [count() for _ in range(3)] == [1, 2, 3]
    s = gx.state("s", np.zeros(3))
    three = gx.input("three", (3,))
    step = gx.compile([three], s + three, updates={s: s + three})
    first, second, third = (step([1, 2, 3]) for _ in range(3))
    np.testing.assert_array_equal([first, second, third], [[1, 2, 3], [2, 4, 6], [3, 6, 9]])


def test_a_program_prints_its_types() -> None:
    assert repr(gx.compile([x], x + 1)) == "Program(x: f32[n] -> f32[n]; 1 kernels)"


def test_a_program_forgets_the_oldest_sizes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bindings, "REMEMBERED", 3)
    program = gx.compile([x], gx.exp(x))
    for n in (5, 1000, 7, 9, 1000, 5, 3, 2000, 5, 1000):  # the arena grows twice and moves
        given = np.linspace(0, 1, n, dtype="f")
        np.testing.assert_allclose(program(given), np.exp(given), rtol=1e-6)
        assert len(program._bindings.known) <= 3


# ---- copies ----


def test_a_deep_copy_has_states_of_its_own() -> None:
    training = make_training()
    training.step(X, ROWS, 0.1)
    before = training.state()
    w, count, step = copy.deepcopy((training.w, training.count, training.step))
    alone = copy.deepcopy(training.step)
    again, after = training.step(X, ROWS, 0.1), training.state()
    del training
    assert w.value.tobytes() == before[0]
    assert step(X, ROWS, 0.1) == again
    assert (w.value.tobytes(), int(count.value)) == after
    w.value = np.zeros((4, 3))
    assert step(X, ROWS, 0.1) == 0  # the copy reads the copied parameter
    assert alone(X, ROWS, 0.1) == again  # and a program alone brings its own


def test_a_copy_shares_states_but_no_memory() -> None:
    training = make_training()
    twin = copy.copy(training.step)
    twin(np.ones((400, 3), "f"), np.zeros(400, int), 0.0)
    training.step(X, ROWS, 0.0)
    twin(X, ROWS, 0.0)
    assert training.count.value == 3
    with pytest.raises(errors.GraphError, match="cannot be pickled"):
        pickle.dumps(twin)

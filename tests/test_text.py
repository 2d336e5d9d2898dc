"""Printed graphs read back as the same nodes: every primitive, every kind of constant."""

import numpy as np
import pytest

import graphc as gx
from graphc.dims import dim
from graphc.errors import GraphError
from graphc.functions.tensor import Tensor
from graphc.graph import INPUT, STATE, Graph, Node, constant, make
from graphc.ops import PRIMITIVES, add, broadcast_to, iota, neg, pad, size, slice_, tanh
from graphc.state import State
from graphc.text import parse, text
from graphc.types import DTYPES, TensorType, as_dtype, float32, float64
from tests.ops.samples import SAMPLES


def given(name: str, *shape: object, dtype: object = float32) -> Tensor:
    type = TensorType(as_dtype(dtype), shape)  # type: ignore[arg-type]
    return Tensor(make(INPUT, (), {"name": name, "type": type}))


def literal(array: np.ndarray) -> Node:
    return constant(array, TensorType(as_dtype(array.dtype), array.shape))


@pytest.mark.parametrize("op", PRIMITIVES, ids=lambda op: op.name)
def test_every_primitive_round_trips(op: object) -> None:
    (op,) = (p for p in PRIMITIVES if p is op)
    for sample in SAMPLES[op.name]:
        arrays = sample.arrays()
        inputs = tuple(given(f"x{i}", *a.shape, dtype=a.dtype).node for i, a in enumerate(arrays))
        graph = Graph(inputs, (make(op, inputs, dict(sample.params)),))
        assert parse(text(graph), PRIMITIVES) == graph


def test_symbolic_sizes_round_trip() -> None:
    n = dim("n")
    x = given("x", "n", 4)
    nodes = [
        slice_(x, starts=(n // 2, 1), sizes=(n - n // 2, 2), steps=(1, -1)),
        pad(x, shape=(n + 3, 4), starts=(n % 2, 0), steps=(1, 1), value=float("-inf")),
        broadcast_to(x, shape=(n * n - 1, n, 4)),
    ]
    sources = [
        make(size, (), {"dim": (n + 1) // 2}),
        make(iota, (), {"shape": (n,), "axis": 0, "dtype": float32}),
    ]
    graph = Graph((x.node,), (*(y.node for y in nodes), *sources))
    assert parse(text(graph), PRIMITIVES) == graph


CONSTANTS = [
    *(np.zeros((), dtype.numpy) for dtype in DTYPES),
    *(np.ones((2, 2), dtype.numpy) for dtype in DTYPES),
    np.float32([0.1, -0.0, np.inf, -np.inf, np.nan, 1e-45, 3.4028235e38]),
    np.array([0.1, 1 / 3, -np.inf]),
    np.array([[1, 2], [3, 4]], np.uint8),
    np.array([], np.float32),
    np.zeros((0, 3), np.int64),
    np.array([2**63], np.uint64),
    np.array([-(2**63)], np.int64),
    np.uint32(0x7FC00001).view(np.float32)[()],  # a nan with a payload
    np.linspace(0, 1, 100, dtype=np.float32).reshape(4, 25),
    np.arange(30) % 2 == 0,
]


@pytest.mark.parametrize("array", CONSTANTS, ids=lambda a: f"{a.dtype}{a.shape}")
def test_constants_round_trip_bit_by_bit(array: np.ndarray) -> None:
    node = literal(np.asarray(array))
    assert parse(text(node), PRIMITIVES).outputs == (node,)


def test_small_constants_stand_where_they_are_used() -> None:
    x = given("x", 2)
    y = add(x, Tensor(literal(np.float32([0.1, -2]))))
    assert text(y).splitlines()[1] == "%0: f32[2] = add(x, [0.1, -2.0]:f32)"


def cell(name: str) -> Node:
    state = State(name, np.ones(2), TensorType(float64, (2,)), trainable=True)
    return make(STATE, (), {"cell": state})


def test_names_that_clash_or_are_no_names() -> None:
    first, second, odd = cell("w"), cell("w"), given("x y", 2, dtype=float64)
    graph = Graph((odd.node,), (make(add, (first, second), {}), neg(odd).node), ((first, second),))
    printed = text(graph)
    assert "w_2: f64[2] = state(name='w', trainable=True)" in printed
    assert "_x_y: f64[2] = input(name='x y')" in printed
    assert "update w = w_2" in printed
    read = parse(printed, PRIMITIVES)
    assert text(read) == printed
    assert read.inputs == graph.inputs


def test_states_take_their_cells() -> None:
    w = cell("w")
    graph = Graph((), (w,), ((w, make(neg, (w,), {})),))
    assert parse(text(graph), PRIMITIVES, {"w": w.params["cell"]}) == graph


def test_a_state_that_nothing_reads_is_shown_for_its_update() -> None:
    w, x = cell("w"), given("x", 2, dtype=float64)
    graph = Graph((x.node,), (neg(x).node,), ((w, x.node),))
    printed = text(graph)
    assert printed.endswith("w: f64[2] = state(trainable=True)\nreturn %0\nupdate w = x")
    assert parse(printed, PRIMITIVES, {"w": w.params["cell"]}) == graph


def test_lines_name_the_users_program() -> None:
    x = given("x", 2)
    y = tanh(x)
    assert "tanh(x)  # tests/test_text.py:" in text(y, lines=True)
    assert parse(text(y, lines=True), PRIMITIVES).outputs == (y.node,)


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("%1: f32[2] = tanh(y)", "'y' is not defined above"),
        ("%1: f32[2] = tanhh(x)", "no primitive has the name 'tanhh'"),
        ("%1: f32[3] = tanh(x)", r"tanh gives f32\[2\], not f32\[3\]"),
        ("%1: f32[2] = tanh(x", "a bracket is not closed"),
        ("%1: f99[2] = tanh(x)", "unknown dtype"),
        ("%1: f32[4] = reshape(x, shape=(4,))", "number of elements"),
        ("hello", "not a definition"),
    ],
)
def test_errors_name_the_line(line: str, reason: str) -> None:
    with pytest.raises(GraphError, match=rf"text, line 2: .*{reason}"):
        parse(f"x: f32[2] = input()\n{line}", PRIMITIVES)


def test_labels_show_and_survive() -> None:
    x = given("x", 2)
    hidden = tanh(x).named("hidden")
    y = add(hidden, hidden.named("x")).named("the sum")
    printed = text(y)
    assert "hidden: f32[2] = identity(%0)" in printed
    assert "x_2: f32[2] = identity(hidden, name='x')" in printed
    assert "_the_sum: f32[2] = identity(%1, name='the sum')" in printed
    read = parse(printed, PRIMITIVES)
    assert read.outputs == (y.node,)
    assert text(read) == printed
    elsewhere = parse(printed.replace("f32[2]", "f32[3]"), PRIMITIVES)  # nodes of its own
    assert text(elsewhere) == printed.replace("f32[2]", "f32[3]")


def test_gradients_stand_behind_what_is_computed_forward() -> None:
    x, w = given("text_x", 3), given("text_w", 3)
    hidden = tanh(x * w).named("hidden")
    slope = gx.grad(gx.sum(hidden * hidden), w)
    update = w - 0.5 * slope
    lines = text([slope, update, hidden * 3], lines=True).splitlines()
    forward, gradient = lines[: lines.index("")], lines[lines.index("# gradient") + 1 :]
    assert not any("# gradient of" in line for line in forward)
    assert [line.split(":")[0] for line in forward][-2:] == ["%2", "%3"]
    assert "# gradient of sum, " in gradient[0]  # which is not needed
    assert "# gradient of hidden" in "".join(gradient)
    assert not any("in hidden" in line for line in lines)  # which is no function
    assert "sub(text_w, " in gradient[-2]
    assert parse("\n".join(line.split("  #")[0] for line in lines), PRIMITIVES).outputs == (
        slope.node,
        update.node,
        (hidden * 3).node,
    )


def test_numbers_that_a_gradient_shares_are_no_gradient() -> None:
    x = given("text_x", 3)
    slope = gx.grad(gx.sum(x * x), x)  # made of broadcast_to(1.0)
    assert text([x + 1, tanh(x)]).splitlines()[1:] == [
        "%0: f32[3] = broadcast_to(1.0:f32, shape=(3,))",
        "%1: f32[3] = add(text_x, %0)",
        "%2: f32[3] = tanh(text_x)",
        "return %1, %2",
    ]
    assert text(slope).splitlines()[1:3] == ["", "# gradient"]
    assert text(gx.zeros(2) + 1).splitlines()[-1] == "return %2"


def test_text_is_of_tensors() -> None:
    with pytest.raises(GraphError, match="text is of tensors"):
        gx.text(None)  # type: ignore[arg-type]


def test_what_is_simplified_is_the_same_tree_of_the_same_values() -> None:
    x, w = given("x", "n"), gx.parameter("w", [1.0, 2.0])
    made = {"loss": gx.sum(x**3), "grads": [gx.grad(gx.sum(x**3), x), w * 1.0], "none": None}
    found = gx.simplify(made)
    assert found["none"] is None
    assert found["grads"][1].node is w.node
    assert "where" in text(made["grads"])
    assert "where" not in text(found["grads"])
    at = {x: np.linspace(-1, 1, 5)}
    np.testing.assert_allclose(found["loss"].eval(at), made["loss"].eval(at), atol=1e-6)
    np.testing.assert_allclose(found["grads"][0].eval(at), made["grads"][0].eval(at), rtol=1e-6)
    step = gx.compile([x], made)
    assert "where" in text(step.graph)
    assert "where" not in text(gx.simplify(step.graph))
    with pytest.raises(GraphError, match="tensor"):
        gx.simplify([x, "y"])

"""Wide rows that are copied while they are added up: every way agrees, and none reads what is
overwritten."""

from collections.abc import Callable

import numpy as np
import pytest

import graphc as gx
from graphc.codegen import copied as rule
from graphc.codegen.copied import WIDE
from graphc.graph import Graph
from tests.compiled.checking import Case, check_text

Make = Callable[[gx.Tensor, gx.Tensor], gx.Tensor]


def hard(x: gx.Tensor) -> gx.Tensor:
    return x * 0.3 + 0.1


def largest(x: gx.Tensor) -> gx.Tensor:
    return gx.max(x, axis=1, keepdims=True)


# What they take along a row for each element of the result: numbers.
COPIED: dict[str, tuple[Make, int]] = {
    "layer_norm": (lambda x, s: gx.nn.layer_norm(x), 2),
    "scaled": (lambda x, s: gx.nn.layer_norm(x, s), 3),
    "rms_norm": (lambda x, s: gx.nn.rms_norm(x), 2),
    "scaled by its norm": (lambda x, s: gx.nn.rms_norm(x, s), 3),
    "times its largest": (lambda x, s: x * gx.max(abs(x), axis=1, keepdims=True), 2),
}
READ: dict[str, Make] = {
    "another dtype": lambda x, s: gx.astype(gx.nn.layer_norm(x), "float64"),
    "two rows": lambda x, s: gx.nn.rms_norm(x + 2 * gx.flip(x, axis=0)),
    "three sweeps": lambda x, s: gx.nn.rms_norm(x - gx.max(x, axis=1, keepdims=True)),
    "a value that is kept": lambda x, s: gx.where(hard(x) == largest(hard(x)), x, 0.0),
    "what cost too much": lambda x, s: (
        x / (x * x + 1) / gx.sum(abs(x / (x * x + 1)), 1)[:, None] * x
    ),
    "divided by its largest": lambda x, s: x / gx.max(abs(x), axis=1, keepdims=True),
    "functions": lambda x, s: gx.tanh(gx.nn.rms_norm(x)),
    "no rows": lambda x, s: gx.sum(gx.nn.rms_norm(x), axis=1),
}


def data(dtype: str, columns: int) -> tuple[np.ndarray, np.ndarray]:
    """Rows with good guesses and with bad ones, and such as are not finite; a scale."""
    rng = np.random.default_rng(columns)
    rows = rng.standard_normal((7, columns))
    rows[1, :8] = 1e3
    rows[2] += 100
    rows[3, columns // 2] = np.nan
    rows[4, -1] = np.inf
    rows[5] = 3
    return rows.astype(dtype), rng.standard_normal(columns).astype(dtype)


def agree(make: Make, dtype: str, columns: int, copied: bool) -> None:
    x = gx.input("x", ("rows", "columns"), dtype)
    scale = gx.input("scale", ("columns",), dtype)
    graph = Graph((x.node, scale.node), (make(x, scale).node,))
    case = Case(graph, data(dtype, columns))
    check_text(case, "if wide:", copied, 1e-4 if dtype == "float32" else 1e-11)


@pytest.mark.parametrize("name", COPIED)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("more", [-1, 0, 5])
@pytest.mark.filterwarnings("ignore:.*:RuntimeWarning")
@pytest.mark.parametrize("many", [0, rule.MANY])
def test_every_way_agrees(
    name: str, dtype: str, more: int, many: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a few rows, where `many` are few, and where only such are copied that surely are wide."""
    monkeypatch.setattr(rule, "MANY", many)
    make, numbers = COPIED[name]
    size = np.dtype(dtype).itemsize
    least, sure = WIDE // (numbers * size), rule.READ // ((numbers - 1) * size)
    agree(make, dtype, (max(least, sure) if many else least) + more, True)


@pytest.mark.parametrize("name", READ)
@pytest.mark.filterwarnings("ignore:.*:RuntimeWarning")
def test_what_cannot_be_copied_is_read_twice(name: str) -> None:
    agree(READ[name], "float32", WIDE // 8 + 5, False)


def test_rows_that_are_known_to_fit_are_not_copied() -> None:
    for columns in (WIDE // 8 - 1, WIDE // 8):
        x = gx.input("x", ("rows", columns))
        source = gx.compile([x], gx.nn.layer_norm(x)).source
        assert ("wide" in source) == (columns == WIDE // 8)


def test_a_state_is_normalised_by_what_it_was() -> None:
    value = np.random.default_rng(0).standard_normal((5, WIDE // 8)).astype(np.float32)
    state = gx.state("state", value)
    step = gx.compile([], [], updates={state: gx.nn.rms_norm(state)})
    step()
    d = value.astype(np.float64)
    wanted = d / np.sqrt((d * d).mean(axis=1, keepdims=True) + 1e-5)
    np.testing.assert_allclose(state.value, wanted, rtol=1e-5, atol=1e-6)


def test_a_row_is_the_same_whatever_stands_beside_it() -> None:
    x = gx.input("x", ("rows", "columns"))
    program = gx.compile([x], gx.nn.layer_norm(x))
    rows, _ = data("float32", WIDE // 8 + 3)
    np.testing.assert_array_equal(program(rows)[:3], program(rows[:3]))

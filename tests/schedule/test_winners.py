"""Positions of extremes along rows: the first one, a nan before all, in vectors."""

from collections.abc import Callable

import numpy as np
import pytest

import graphc as gx
from graphc.graph import Graph
from graphc.schedule.winners import LEAST
from tests.compiled.checking import BOTH, Case, expected, program_of, ran

Find = Callable[..., gx.Tensor]


def rows(columns: int, dtype: str) -> np.ndarray:
    """With ties, and where there are any, with nan and inf in all sorts of places."""
    rng = np.random.default_rng(columns)
    found = rng.integers(-3 if dtype[0] != "u" else 0, 4, (40, columns)).astype(dtype)
    if dtype[0] == "f":
        found[::3, columns // 2] = np.nan
        found[::5, columns - 1] = np.nan
        found[1], found[2], found[4] = np.inf, -np.inf, np.nan
    return found


@pytest.mark.parametrize("find", [gx.argmax, gx.argmin])
@pytest.mark.parametrize("dtype", ["float32", "float64", "int32", "int64", "uint8", "uint64"])
@pytest.mark.parametrize("known", [True, False])
def test_the_first_of_the_best_is_found(find: Find, dtype: str, known: bool) -> None:
    for columns in (LEAST, LEAST + 5, 200):
        array = rows(columns, dtype)
        x = gx.input("x", ("rows", columns if known else "columns"), dtype)
        case = Case(Graph((x.node,), (find(x, axis=1).node,)), (array,))
        for backend in BOTH:
            program = program_of(case.graph, backend)
            (got,), (wanted,) = ran(case, program), expected(case)
            np.testing.assert_array_equal(got, wanted)
            assert "better" not in program.source


def test_short_rows_and_columns_are_compared_one_by_one() -> None:
    for columns, axes in ((LEAST - 1, (0, 1)), (LEAST, (0,))):
        x = gx.input("x", ("rows", columns))
        for axis in axes:
            assert "better" in gx.compile([x], gx.argmax(x, axis=axis)).source
    x = gx.input("x", (LEAST, LEAST, LEAST))
    assert [("better" in gx.compile([x], gx.argmin(x, axis=a)).source) for a in range(3)] == [
        True,
        True,
        False,
    ]


def test_what_is_computed_is_compared_with_itself() -> None:
    """A product that is rounded in one sweep is not rounded otherwise in the next."""
    x, y = gx.input("x", ("rows", "columns")), gx.input("y", ("columns",))
    best = gx.compile([x, y], gx.argmax(x * 0.37 + y * y, axis=1))
    array, other = rows(333, "float32"), np.linspace(0, 1, 333, dtype=np.float32)
    graph = Graph((x.node, y.node), (gx.argmax(x * 0.37 + y * y, axis=1).node,))
    (wanted,) = expected(Case(graph, (array, other)))
    found = best(array, other)
    assert ((found >= 0) & (found < 333)).all()
    np.testing.assert_array_equal(found, wanted)


def test_a_whole_array_is_shared_out() -> None:
    x = gx.input("x", ("n",))
    array = np.random.default_rng(0).standard_normal(300_000).astype(np.float32)
    assert gx.compile([x], gx.argmax(x))(array) == array.argmax()

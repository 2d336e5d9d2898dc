"""Sweeps over rows: how many there are, and which of them makes which sum."""

from collections.abc import Callable

import numpy as np
import pytest

import graphc as gx
from graphc.graph import Graph
from graphc.passes.pipeline import simplify
from graphc.schedule.kernel import LoopKernel, Reduced
from graphc.schedule.schedule import build_schedule
from tests.compiled.checking import Case, check

ROWS, COLUMNS = 3, 40


def given() -> tuple[gx.Tensor, ...]:
    return tuple(gx.input(name, (ROWS, COLUMNS)) for name in ("x", "g"))


def row_mean(x: gx.Tensor) -> gx.Tensor:
    return gx.mean(x, axis=1, keepdims=True)


def layer_norm_gradient(x: gx.Tensor, g: gx.Tensor) -> list[gx.Tensor]:
    return [gx.grad(gx.sum(gx.nn.layer_norm(x, shift=g) * g), x)]


def beside(x: gx.Tensor, g: gx.Tensor) -> list[gx.Tensor]:
    """A sum of what the second sweep loads, which the last one needs."""
    mean = row_mean(x)
    spread = gx.sum((x - mean) * g, axis=1, keepdims=True)
    return [x * spread + gx.sum(g, axis=1, keepdims=True)]


def alone(x: gx.Tensor, g: gx.Tensor) -> list[gx.Tensor]:
    """A sum that nothing else needs, of what the sweep that stores loads."""
    away = x - row_mean(x)
    small = gx.rsqrt(row_mean(away * away))
    return [away * small, gx.sum(away, axis=1)]


def at_once(x: gx.Tensor, g: gx.Tensor) -> list[gx.Tensor]:
    """A sum of what no later sweep loads."""
    spread = gx.sum((x - row_mean(x)) ** 2, axis=1, keepdims=True)
    return [x * spread + gx.sum(g, axis=1, keepdims=True)]


def dear(x: gx.Tensor, g: gx.Tensor) -> list[gx.Tensor]:
    """A sum of functions of what a later sweep only loads."""
    spread = gx.sum((x - row_mean(x)) * g, axis=1, keepdims=True)
    return [x * spread + gx.sum(gx.tanh(x), axis=1, keepdims=True)]


def largest(x: gx.Tensor, g: gx.Tensor) -> list[gx.Tensor]:
    """A maximum, which does not wait, though the last sweep loads what it needs too."""
    spread = gx.sum((x - row_mean(x)) * g, axis=1, keepdims=True)
    return [x * spread + gx.max(g, axis=1, keepdims=True)]


# The combinations that each sweep makes; those that make none only store.
SWEEPS: dict[str, tuple[Callable[..., list[gx.Tensor]], list[list[str]]]] = {
    "gradient of layer norm": (layer_norm_gradient, [["sum"], ["sum"] * 4, []]),
    "beside": (beside, [["sum"], ["sum", "sum"], []]),
    "alone": (alone, [["sum"], ["sum"], ["sum"]]),
    "at once": (at_once, [["sum", "sum"], ["sum"], []]),
    "dear": (dear, [["sum", "sum"], ["sum"], []]),
    "largest": (largest, [["max", "sum"], ["sum"], []]),
}


def graph_of(make: Callable[..., list[gx.Tensor]]) -> Graph:
    x, g = given()
    return Graph((x.node, g.node), tuple(t.node for t in make(x, g)))


def made(graph: Graph) -> list[list[str]]:
    """What each sweep of the only kernel makes, in the order of their names."""
    (step,) = build_schedule(simplify(graph)).steps
    kernel = step.kernel
    assert isinstance(kernel, LoopKernel)
    sweeps = [stage.reduces for stage in kernel.stages if stage.level == "inner"]
    values = [[kernel.values[n] for n in reduces] for reduces in sweeps]
    return [sorted(v.combine for v in found if isinstance(v, Reduced)) for found in values]


@pytest.mark.parametrize("name", SWEEPS)
def test_a_sum_waits_for_the_last_sweep_that_loads_what_it_needs(name: str) -> None:
    make, wanted = SWEEPS[name]
    assert made(graph_of(make)) == wanted


@pytest.mark.parametrize("name", SWEEPS)
def test_what_waits_is_made_right(name: str) -> None:
    rng = np.random.default_rng(0)
    arrays = tuple(rng.standard_normal((ROWS, COLUMNS)).astype(np.float32) for _ in range(2))
    check(Case(graph_of(SWEEPS[name][0]), arrays), tolerance=1e-4)


def test_a_gradient_is_finite_where_its_terms_are_near_the_largest_number() -> None:
    """Though the deviation, by which the sum of them is divided, is large."""
    x, g = given()
    program = gx.compile([x, g], layer_norm_gradient(x, g))
    rng = np.random.default_rng(1)
    rows = rng.standard_normal((ROWS, COLUMNS)).astype(np.float32) * 1e3
    (got,) = program(rows, rng.standard_normal(rows.shape).astype(np.float32) * 1e32)
    assert np.isfinite(got).all()

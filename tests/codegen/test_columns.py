"""Few rows are added up at once, many in groups of a power of two and the rest one by one."""

from collections.abc import Callable

import numpy as np
import pytest

import graphc as gx
from graphc.codegen.columns import rows_together
from graphc.graph import Graph
from graphc.schedule.kernel import LoopKernel
from tests.compiled.checking import Case, check
from tests.schedule.test_fusion import scheduled

SUMS: dict[str, tuple[Callable[[gx.Tensor], gx.Tensor], dict[int, int]]] = {
    "sum": (lambda x: gx.sum(x, axis=1), {5: 5, 6: 6, 7: 7, 8: 8, 9: 8}),
    "max": (lambda x: gx.max(x, axis=1), {5: 5, 6: 6, 7: 7, 8: 8, 9: 8}),
    "dear": (lambda x: gx.sum(gx.exp(-x * x), axis=1), {5: 1, 7: 1, 9: 1}),
    "the first of the best": (lambda x: gx.argmax(x, axis=1), {5: 1, 8: 1}),
}


@pytest.mark.parametrize(
    ("name", "rows", "count"),
    [(name, rows, count) for name, (_, counts) in SUMS.items() for rows, count in counts.items()],
)
def test_rows_at_once(name: str, rows: int, count: int) -> None:
    x = gx.input("x", (3, rows, 200))
    y = SUMS[name][0](x)
    (kernel,) = (step.kernel for step in scheduled([y]).steps)
    assert isinstance(kernel, LoopKernel)
    assert kernel.lanes == "outer"
    assert [rows_together(kernel, s) for s in kernel.stages if s.reduces] == [count]
    values = np.random.default_rng(0).integers(-4, 5, x.shape).astype(np.float32)
    values[0, 1, 3], values[1, 2] = np.nan, -0.0
    check(Case(Graph((x.node,), (y.node,)), (values,)), tolerance=1e-5)

"""Short rows: the strides of lanes across them are text where the rows are read whole."""

import numpy as np
import pytest

import graphc as gx
from graphc.codegen.emit import emit
from graphc.graph import Graph
from tests.compiled.checking import Case, check
from tests.schedule.test_fusion import scheduled


def source(y: gx.Tensor) -> str:
    return "".join(emit(step.kernel).source for step in scheduled([y]).steps)


@pytest.mark.parametrize("columns", [2, 3, 4, 5])
@pytest.mark.parametrize("rows", [1, 7, 33, 200])
def test_rows_of_a_few_elements(columns: int, rows: int) -> None:
    x = gx.input("x", (rows, columns))
    y = gx.sum(x * x, axis=1)
    assert (f" * {columns} + " in source(y)) == (columns <= 4 and rows > 1)
    values = np.random.default_rng(0).integers(-4, 5, (rows, columns)).astype(np.float32)
    check(Case(Graph((x.node,), (y.node,)), (values,)))


@pytest.mark.parametrize(("size", "stride"), [(3, 2), (2, 3), (3, 4)])
def test_windows_in_steps(size: int, stride: int) -> None:
    x = gx.input("x", (2, 3, 11, 37))
    y = gx.nn.max_pool(x, size, stride, layout="NCHW")
    assert f" * {stride} + " in source(y)
    values = np.random.default_rng(0).standard_normal(x.shape).astype(np.float32)
    check(Case(Graph((x.node,), (y.node,)), (values,)))

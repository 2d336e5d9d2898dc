"""Short rows: the strides of lanes across them are text where the rows are read whole."""

from collections.abc import Callable

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


ROWS: dict[str, Callable[[gx.Tensor], gx.Tensor]] = {
    "shares": gx.nn.softmax,
    "of length one": lambda x: x / gx.sqrt(gx.sum(x * x, axis=1, keepdims=True)),
    "the gradient of a maximum": lambda x: gx.grad(gx.sum(gx.max(x, axis=1) ** 2), x),
    "beside a lone element": lambda x: gx.sum(x, axis=1) * x[:, 1],
    "turned round": lambda x: (x * gx.sum(x, axis=1, keepdims=True))[:, ::-1] + 1,
    "within wider rows": lambda x: gx.concat([x - gx.mean(x, axis=1, keepdims=True), x], axis=1),
}


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("columns", [2, 3, 4])
@pytest.mark.parametrize("name", ROWS)
def test_rows_are_written_too(name: str, columns: int, dtype: str) -> None:
    x = gx.input("x", (77, columns), dtype)
    y = ROWS[name](x)
    values = np.random.default_rng(0).integers(-4, 5, (77, columns)).astype(dtype)
    values[5], values[7, 1] = 1, np.nan
    check(Case(Graph((x.node,), (y.node,)), (values,)), tolerance=1e-5)


def test_what_is_written_with_gaps_has_strides_that_arrive_at_run_time() -> None:
    x = gx.input("x", (50, 2))
    assert "out1[i0 * 2 + i1]" in source(gx.nn.softmax(x))
    text = source(gx.concat([gx.nn.softmax(x), x], axis=1))
    assert "out1[i0 * s1_0 + i1]" in text

"""Narrow columns swept side by side: the interpreter, the generated Python and the compiled kernels
agree, whatever the number of rows leaves over."""

from collections.abc import Callable

import numpy as np
import pytest

import graphc as gx
from graphc.codegen.columns import LANES
from graphc.graph import Graph
from tests.compiled.checking import BOTH, Case, assert_close, expected, program_of, ran

Tensors = list[gx.Tensor]


def plain(x: gx.Tensor, c: gx.Tensor) -> Tensors:
    return [gx.sum(x, axis=(0, 1)), gx.max(x * c, axis=(0, 1))]


def centred(x: gx.Tensor, c: gx.Tensor) -> Tensors:
    away = x - gx.mean(x, axis=(0, 1))
    scaled = away * gx.rsqrt(gx.mean(away * away, axis=(0, 1)) + 1e-5) * c
    return [
        scaled,
        gx.sum(gx.where(scaled > 0, scaled, 0.0), axis=(0, 1)),
        gx.any(x > c, axis=(0, 1)),
    ]


def moved(x: gx.Tensor, c: gx.Tensor) -> Tensors:
    return [gx.sum(x * gx.exp(c) + gx.cos(c), axis=(0, 1)), gx.prod(x * 0.1 + 1, axis=(0, 1))]


ROWS = ((1, 1), (3, 5), (8, 16), (37, 29))


@pytest.mark.parametrize("make", [plain, centred, moved])
@pytest.mark.parametrize("columns", [2, 10, 16, 64, 65])
def test_folded(make: Callable[..., Tensors], columns: int) -> None:
    x, c = gx.input("x", ("n", "m", columns)), gx.input("c", (columns,))
    rng = np.random.default_rng(columns)
    graph = Graph((x.node, c.node), tuple(t.node for t in make(x, c)))
    programs = [program_of(graph, backend) for backend in BOTH]
    for rows in ROWS if make is not centred else ROWS[1:]:
        shapes = (*rows, columns), (columns,)
        case = Case(graph, tuple(rng.standard_normal(s).astype("f") for s in shapes))
        wanted = expected(case)
        for program in programs:
            assert ("fold = " in program.source) == (columns <= LANES // 2)
            for got, value in zip(ran(case, program), wanted, strict=True):
                assert_close(got, value, 2e-5 * np.abs(value).max(initial=1), make.__name__)


def test_sums_of_products_round_as_those_of_what_is_stored() -> None:
    """Rows are added in pairs: one chain of fused additions is five times as far off."""
    x = gx.input("x", ("n", 16))
    h = x * x * 0.7
    mean, row = gx.compile([x], gx.mean(h, axis=0)), gx.compile([x], h[0])
    for n, bound in ((33, 2e-7), (100, 4e-7), (1000, 5e-7), (4096, 1e-6)):
        equal = np.tile(np.random.default_rng(n).standard_normal(16).astype("f"), (n, 1))
        np.testing.assert_allclose(mean(equal), row(equal), rtol=bound)

"""Products of an array's slices: which become one product, and that their parts are the same."""

import numpy as np
import pytest

import graphc as gx
from graphc.evaluate import evaluate
from graphc.graph import Graph, Node
from graphc.passes.pipeline import simplify
from graphc.passes.projections import MOST

RNG = np.random.default_rng(0)


def simplified(outputs: list[gx.Tensor], *inputs: gx.Tensor) -> Graph:
    return simplify(Graph(tuple(i.node for i in inputs), tuple(o.node for o in outputs)))


def products(graph: Graph) -> list[Node]:
    return [node for node in graph.nodes if node.op.name == "dot"]


@pytest.mark.parametrize("order", [(0, 1, 2, 3, 4), (3, 1, 2, 4)])
@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize("side", [0, 1])
def test_slices_are_multiplied_as_one_array(side: int, axis: int, order: tuple[int, ...]) -> None:
    x, w = gx.input("x", (5, 5, 5)), gx.input("w", (5, 5))
    cuts = [x[(slice(None),) * axis + (n,)] for n in order]
    outputs = [gx.tanh(cut @ w if side == 0 else w @ cut) for cut in cuts]
    graph = simplified(outputs, x, w)
    assert len(products(graph)) == 1
    fed = {t.node: RNG.uniform(-1, 1, t.node.type.shape).astype(np.float32) for t in (x, w)}
    wanted = evaluate([output.node for output in outputs], fed)
    for got, one in zip(evaluate(graph.outputs, fed), wanted, strict=True):
        np.testing.assert_allclose(got, one, rtol=1e-5, atol=1e-6)


def test_products_stay_whose_results_are_large_unknown_or_apart() -> None:
    w, v = gx.input("w", (8, 8)), gx.input("v", (8, 8))
    small, named = gx.input("x", (9, 8, 8)), gx.input("x", (9, "n", 8))
    large = gx.input("x", (9, MOST // 64, 8))
    for x, steps, left in (
        (small, range(9), 1),
        (small, range(3), 3),  # few
        (small, range(0, 9, 2), 5),  # with others between them
        (named, range(9), 9),
        (large, range(9), 9),
    ):
        assert len(products(simplified([x[n] @ w for n in steps], x, w))) == left
    many = gx.input("w", (4, 8, 8))
    batched = [gx.input("x", (9, 4, 8, 8))[n] @ many for n in range(9)]
    assert len(products(simplified(batched, gx.input("x", (9, 4, 8, 8)), many))) == 9
    pairs = [small[n] @ (w if n % 2 else v) for n in range(9)]
    assert len(products(simplified(pairs, small, w, v))) == 9

"""Gradients of convolutions by their weights: few sums, so long that every part has its own."""

from collections.abc import Callable
from itertools import product

import numpy as np
import pytest

import graphc as gx
from graphc.graph import Graph
from graphc.runtime.backends import NATIVE
from graphc.runtime.program import Program
from graphc.schedule.kernel import ContractKernel
from tests.compiled.checking import BOTH, Case, assert_close, expected, program_of, ran

LAYERS = {  # taps, channels in and out, stride, padding
    "first": (3, 3, 16, 1, 1),
    "one channel": (5, 1, 6, 1, 0),
    "equal": (3, 8, 8, 1, 1),
    "stride": (3, 4, 20, 2, 1),
    "no taps": (1, 5, 7, 2, 0),
}
IMAGES = ((4, 8, 9), (3, 7, 7), (1, 6, 5), (0, 6, 6), (6, 12, 12))


def weight_gradient(layer: str, dtype: str = "float32") -> Graph:
    """A gradient, also changed by an epilogue, of images of any number and size."""
    taps, wide, narrow, stride, pad = LAYERS[layer]
    x = gx.input("x", ("n", "h", "w", wide), dtype)
    w = gx.input("w", (taps, taps, wide, narrow), dtype)
    y = gx.nn.conv(x, w, stride=stride, padding=pad)
    gradient = gx.grad(gx.sum(y * y), w)
    return Graph((x.node, w.node), (gradient.node, (w - 0.5 * gradient).node))


def arrays(layer: str, images: tuple[int, int, int], dtype: str) -> tuple[np.ndarray, np.ndarray]:
    taps, wide, narrow, _, _ = LAYERS[layer]
    rng = np.random.default_rng([*images, taps])
    shapes = (*images, wide), (taps, taps, wide, narrow)
    x, w = (rng.standard_normal(shape).astype(dtype) for shape in shapes)
    return x, w


def shared(program: Program) -> list[ContractKernel]:
    """The contractions whose depth parts share out."""
    kernels = (step.kernel for step in program._code.steps)
    return [k for k in kernels if isinstance(k, ContractKernel) and k.share is not None]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("layer", LAYERS)
def test_any_images_in_any_parts(layer: str, dtype: str, split: Callable[[int], None]) -> None:
    """Shares of the images where these divide, else of their rows or columns, else one."""
    graph = weight_gradient(layer, dtype)
    for backend in BOTH:
        program = program_of(graph, backend)
        assert len(shared(program)) == 1
        for images, parts in product(IMAGES if backend is NATIVE else IMAGES[:2], (1, 2, 3)):
            split(parts)
            case = Case(graph, arrays(layer, images, dtype))
            got, again = ran(case, program), ran(case, program)
            for one, two, wanted in zip(got, again, expected(case), strict=True):
                size = np.abs(wanted).max(initial=1)
                eps = float(np.finfo(dtype).eps * size)
                assert_close(one, wanted, 300 * eps, f"{images} {parts}")
                np.testing.assert_array_equal(one, two)

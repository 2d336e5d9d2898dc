"""Loop bodies in phases: the interpreter, the generated Python and the compiled kernels agree."""

from collections.abc import Callable

import numpy as np
import pytest

import graphc as gx
from graphc.codegen.phases import STRIP
from graphc.graph import Graph
from tests.compiled.checking import BOTH, Case, assert_close, expected, program_of, ran

Tensors = list[gx.Tensor]


def points(x: gx.Tensor, y: gx.Tensor) -> Tensors:
    deep = gx.exp(gx.tanh(gx.exp(x) * y + x))
    return [deep, gx.sin(deep) + x, x]


def sums(x: gx.Tensor, y: gx.Tensor) -> Tensors:
    deep = gx.tanh(gx.log(gx.exp(x) + 1) * gx.erf(y))
    return [gx.sum(deep), gx.sum(gx.tanh(deep * y))]


def rows(x: gx.Tensor, y: gx.Tensor) -> Tensors:
    deep = gx.exp(gx.tanh(gx.exp(x) * y))
    return [gx.sum(deep, axis=1), gx.argmax(deep + 9 * x, axis=1), gx.nn.softmax(deep, axis=1)]


def gradients(x: gx.Tensor, y: gx.Tensor) -> Tensors:
    deep = gx.tanh(x * gx.tanh(y * gx.nn.sigmoid(x + y)))
    return list(gx.grad(gx.sum(deep), [x, y]))


def picked(x: gx.Tensor, y: gx.Tensor) -> Tensors:
    order = gx.astype(gx.floor(gx.exp(gx.tanh(y)) * 0.3), "int64")
    return [gx.exp(gx.tanh(gx.exp(gx.take_along_axis(x, order, axis=1))) * y) > 1.5]


@pytest.mark.parametrize("make", [points, sums, rows, gradients, picked])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("width", [3, STRIP - 1, STRIP + 1, 2 * STRIP + 5])
def test_phases(make: Callable[..., Tensors], dtype: str, width: int) -> None:
    rng = np.random.default_rng(width)
    inputs = [gx.input(name, ("rows", "columns"), dtype) for name in "xy"]
    arrays = [rng.standard_normal((2, width)).astype(dtype) for _ in inputs]
    graph = Graph(tuple(x.node for x in inputs), tuple(t.node for t in make(*inputs)))
    case = Case(graph, tuple(arrays))
    wanted = expected(case)
    for backend in BOTH:
        program = program_of(graph, backend)
        assert "for strip in" in program.source
        for got, value in zip(ran(case, program), wanted, strict=True):
            bound = np.finfo(dtype).eps * 64 * max(1, width**0.5)
            assert_close(got, value, bound * np.abs(value).max(initial=1), make.__name__)


def test_state_is_updated_in_place_after_all_its_reads() -> None:
    start = np.linspace(-1, 1, 2 * STRIP + 3).astype(np.float32)
    w = gx.parameter("w", start)
    x = gx.input("x", start.shape)
    deep = gx.exp(gx.tanh(gx.exp(w) * x))
    step = gx.compile([x], gx.sum(w * deep), updates={w: w - 0.1 * deep * w})
    assert "for strip in" in step.source
    data = np.cos(np.arange(start.size)).astype(np.float32)
    wanted = np.exp(np.tanh(np.exp(start.astype(float)) * data))
    total = step(data)
    np.testing.assert_allclose(total, np.sum(start * wanted), rtol=1e-4)
    np.testing.assert_allclose(w.value, start - 0.1 * wanted * start, rtol=1e-5, atol=1e-6)


def test_functions_of_one_value_share_a_phase() -> None:
    x, y = gx.input("x", ("n",)), gx.input("y", ("n",))
    (gradient,) = gx.grad(gx.sum(gx.nn.softplus(x) * y), [y])
    program = gx.compile([x, y], [gx.exp(gradient * gx.nn.sigmoid(x))])
    loops = program.source.split("for i0 in range(first, last):")
    assert any("softplus_f32" in loop and "sigmoid_f32" in loop for loop in loops)


def test_short_bodies_and_bodies_without_calls_are_one_loop() -> None:
    x = gx.input("x", ("n",))
    root = x
    for _ in range(30):
        root = gx.sqrt(root + 1) / (root + 2)
    for y in (root, gx.exp(x) + 1, gx.tanh(x)):
        assert "for strip in" not in gx.compile([x], y).source

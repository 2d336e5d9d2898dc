"""Convolution and pooling: against loops over positions, gradients, layouts, sizes by name."""

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import graphc as gx
from graphc import ops
from graphc.autodiff.check import check_gradient
from graphc.autodiff.reverse import vjp
from graphc.compiler import compile
from graphc.errors import ShapeError
from graphc.evaluate import evaluate
from graphc.functions.tensor import Tensor
from graphc.graph import order

RNG = np.random.default_rng(0)


def normal(*shape: int, dtype: str = "float64") -> np.ndarray:
    return RNG.standard_normal(shape).astype(dtype)


def by_loops(
    x: np.ndarray, w: np.ndarray, stride: int, pairs: Any, dilation: int, groups: int
) -> np.ndarray:
    """A convolution over two axes as its definition reads."""
    x = np.pad(x, ((0, 0), *pairs, (0, 0)))
    (n, *sizes, _), (*taps, inner, co) = x.shape, w.shape
    places = [(s - (k - 1) * dilation - 1) // stride + 1 for s, k in zip(sizes, taps, strict=True)]
    y = np.zeros((n, *places, co))
    for (i, j), o in itertools.product(np.ndindex(*places), range(co)):
        first = o // (co // groups) * inner
        rows = slice(i * stride, i * stride + (taps[0] - 1) * dilation + 1, dilation)
        columns = slice(j * stride, j * stride + (taps[1] - 1) * dilation + 1, dilation)
        seen = x[:, rows, columns, first : first + inner]
        y[:, i, j, o] = (seen * w[..., o]).sum((1, 2, 3))
    return y


@pytest.mark.parametrize("groups", [1, 2, 4])
@pytest.mark.parametrize(("stride", "dilation"), [(1, 1), (2, 1), (3, 2), (1, 2)])
@pytest.mark.parametrize("pairs", [((0, 0), (0, 0)), ((1, 2), (0, 1))])
def test_conv_is_its_definition(groups: int, stride: int, dilation: int, pairs: Any) -> None:
    x, w = normal(2, 8, 7, 4), normal(3, 2, 4 // groups, 8)
    got = gx.nn.conv(x, w, stride, pairs, dilation, groups).eval()
    np.testing.assert_allclose(got, by_loops(x, w, stride, pairs, dilation, groups), atol=1e-4)


@pytest.mark.parametrize(("length", "stride", "taps"), [(7, 1, 3), (8, 2, 3), (9, 3, 2), (5, 2, 1)])
def test_same_padding_gives_a_position_every_stride(length: int, stride: int, taps: int) -> None:
    x, w = normal(1, length, 2), normal(taps, 2, 3)
    y = gx.nn.conv(x, w, stride)
    assert y.shape == (1, -(-length // stride), 3)
    named = gx.input("x", (1, "n", 2))
    got = gx.nn.conv(named, w, stride).eval({named: x.astype("float32")})
    np.testing.assert_array_equal(got, y.eval())


def test_channels_first() -> None:
    x, w = normal(2, 3, 6, 5), normal(3, 3, 3, 4)
    last = gx.nn.conv(x.transpose(0, 2, 3, 1), w).eval()
    np.testing.assert_array_equal(
        gx.nn.conv(x, w, layout="NCHW").eval().transpose(0, 2, 3, 1), last
    )
    pooled = gx.nn.max_pool(x.transpose(0, 2, 3, 1), 2).eval()
    got = gx.nn.max_pool(x, 2, layout="NCHW").eval()
    np.testing.assert_array_equal(got.transpose(0, 2, 3, 1), pooled)


@pytest.mark.parametrize("groups", [1, 2])
@pytest.mark.parametrize(("stride", "padding"), [(1, "same"), (2, "same"), (2, "valid"), (3, 1)])
def test_conv_transpose_is_the_transpose(groups: int, stride: int, padding: Any) -> None:
    """<conv_transpose(x), y> == <x, conv(y)>."""
    x, w = normal(2, 5, 4), normal(3, 6 // groups, 4)
    back = gx.nn.conv_transpose(x, w, stride, padding, groups=groups).eval()
    y = normal(*back.shape)
    there = gx.nn.conv(y, w, stride, padding, groups=groups).eval()
    np.testing.assert_allclose((back * y).sum(), (x * there).sum(), atol=1e-3)


GRADIENTS: dict[str, tuple[Callable[..., Tensor], tuple[np.ndarray, ...]]] = {
    "plain": (gx.nn.conv, (normal(1, 3, 3, 2), normal(3, 2, 2, 2))),
    "stride": (lambda x, w: gx.nn.conv(x, w, 2), (normal(1, 5, 4, 1), normal(3, 3, 1, 2))),
    "dilation": (lambda x, w: gx.nn.conv(x, w, dilation=2), (normal(1, 4, 2), normal(3, 2, 2))),
    "both": (lambda x, w: gx.nn.conv(x, w, 3, 2, 2), (normal(1, 7, 1), normal(3, 1, 2))),
    "short": (lambda x, w: gx.nn.conv(x, w, 2), (normal(2, 1, 1, 2), normal(3, 3, 2, 2))),
    "unreached": (lambda x, w: gx.nn.conv(x, w, 5, 1), (normal(1, 4, 2), normal(3, 2, 1))),
    "groups": (lambda x, w: gx.nn.conv(x, w, groups=2), (normal(1, 3, 4), normal(2, 2, 4))),
    "depthwise": (lambda x, w: gx.nn.conv(x, w, 2, groups=3), (normal(1, 5, 3), normal(3, 1, 3))),
    "three": (gx.nn.conv, (normal(1, 2, 2, 2, 1), normal(2, 1, 2, 1, 2))),
    "back": (lambda x, w: gx.nn.conv_transpose(x, w, 2), (normal(1, 3, 2), normal(3, 1, 2))),
    "max": (lambda x: gx.nn.max_pool(x, 3, 2, 1), (RNG.permutation(15).reshape(1, 15, 1) / 7,)),
    "max tiles": (lambda x: gx.nn.max_pool(x, 2), (RNG.permutation(18).reshape(1, 3, 6, 1) / 7,)),
    "avg": (lambda x: gx.nn.avg_pool(x, 3, 1, "same"), (normal(1, 5, 2),)),
}


@pytest.mark.parametrize("name", GRADIENTS)
def test_gradients_to_second_order(name: str) -> None:
    f, arrays = GRADIENTS[name]
    check_gradient(f, list(arrays))


SHAPES = (
    ((2, 9, 9, 3), (3, 3, 3, 17), 1, 1),
    ((2, 8, 8, 16), (3, 3, 16, 8), 2, 1),
    ((3, 12, 1), (5, 1, 6), 1, 1),
    ((2, 6, 5, 8), (3, 3, 2, 12), 1, 4),
    ((2, 7, 7, 5), (3, 3, 1, 5), 2, 5),
    ((1, 4, 5, 6, 2), (2, 3, 3, 2, 3), 1, 1),
    ((2, 1, 1, 6), (3, 3, 6, 5), 2, 1),
    ((2, 3, 1, 4), (5, 3, 2, 4), 4, 2),
)


@pytest.mark.parametrize(("x_shape", "w_shape", "stride", "groups"), SHAPES)
def test_compiled_with_gradients(x_shape: Any, w_shape: Any, stride: int, groups: int) -> None:
    """Bias and activation fused behind, the batch named."""
    x = gx.input("x", ("n", *x_shape[1:]))
    w = gx.input("w", w_shape)
    y = gx.nn.relu(gx.nn.conv(x, w, stride, groups=groups) + 0.5)
    g = gx.input("g", y.shape)
    dx, dw = vjp(y, [x, w], g)
    program = compile([x, w, g], [y, dx, dw])
    fed = normal(*x_shape, dtype="float32"), normal(*w_shape, dtype="float32")
    shape = y.eval({x: fed[0], w: fed[1]}).shape
    fed = (*fed, normal(*shape, dtype="float32"))
    values = dict(zip((x.node, w.node, g.node), fed, strict=True))
    expected = evaluate([y.node, dx.node, dw.node], values)
    for got, wanted in zip(program(*fed), expected, strict=True):
        np.testing.assert_allclose(got, wanted, rtol=1e-4, atol=1e-3)


def test_a_convolution_is_one_kernel_with_its_epilogue() -> None:
    x, w, b = gx.input("x", (4, 8, 8, 16)), gx.input("w", (3, 3, 16, 32)), gx.input("b", (32,))
    program = compile([x, w, b], gx.nn.relu(gx.nn.conv(x, w, padding="valid") + b))
    assert [kernel.name for kernel in program.kernels] == ["conv_add_le_where"]


def test_depthwise_is_a_loop_over_taps() -> None:
    x, w = gx.input("x", (2, 8, 8, 24)), gx.input("w", (3, 3, 1, 24))
    program = compile([x, w], gx.nn.conv(x, w, padding="valid", groups=24))
    assert [kernel.name for kernel in program.kernels] == ["mul_sum_identity"]


def test_a_strided_gradient_multiplies_no_zeros() -> None:
    """Each phase of the stride meets its own taps: together as many products as forward."""
    x, w = gx.input("x", (1, 8, 8, 2)), gx.input("w", (3, 3, 2, 2))
    y = gx.nn.conv(x, w, 2, 1)
    (dx,) = vjp(y, [x], gx.input("g", y.shape))
    taps = [n.inputs[1].type.shape[:2] for n in order([dx.node]) if n.op is ops.conv]
    assert sorted(taps) == [(1, 1), (1, 2), (2, 1), (2, 2)]


def test_pooling() -> None:
    x = np.arange(24.0).reshape(1, 4, 6, 1)
    blocks = x.reshape(1, 2, 2, 3, 2, 1)
    np.testing.assert_array_equal(gx.nn.max_pool(x, 2).eval(), blocks.max((2, 4)))
    np.testing.assert_array_equal(gx.nn.avg_pool(x, 2).eval(), blocks.mean((2, 4)))
    assert gx.nn.max_pool(x, 3).shape == (1, 1, 2, 1)
    np.testing.assert_array_equal(
        gx.nn.avg_pool(x, 3, 1, "same").eval()[0, 0, 0, 0], x[0, :2, :2].mean()
    )
    ints = gx.nn.max_pool(np.array([[[-5], [-7], [-6]]]), 3, 1, "same")
    np.testing.assert_array_equal(ints.eval()[0, :, 0], [-5, -5, -6])


@pytest.mark.parametrize("pool", [gx.nn.max_pool, gx.nn.avg_pool])
def test_pooling_of_lengths_with_names(pool: Callable[..., Tensor]) -> None:
    """Where not even one window fits there is an error: a result of no elements hides it."""
    x, a = gx.input("x", ("n", "h", 7, 3)), np.arange(84.0).reshape(1, 4, 7, 3)
    for run in (compile([x], pool(x, 2)), lambda value: pool(x, 2).eval({x: value})):
        np.testing.assert_array_equal(run(a), pool(a, 2).eval())
        with pytest.raises(gx.errors.GuardError, match="does not fit into h"):
            run(a[:, :1])


LENGTHS: dict[str, Any] = {
    "stride": (gx.nn.conv, 3, {"stride": 2}),
    "one tap": (gx.nn.conv, 1, {"stride": 3}),
    "wide": (gx.nn.conv, 3, {"stride": 4, "padding": 2}),
    "coprime": (gx.nn.conv, 3, {"stride": 3, "dilation": 2}),
    "coprime, one tap": (gx.nn.conv, 1, {"stride": 5, "dilation": 4, "padding": 3}),
    "in turn": (gx.nn.conv, 2, {"stride": 2, "dilation": 3, "padding": 3}),
    "valid": (gx.nn.conv, 2, {"stride": 3, "dilation": 2, "padding": "valid"}),
    "groups": (gx.nn.conv, 3, {"stride": 4, "groups": 2}),
    "depthwise": (gx.nn.conv, 3, {"stride": 3, "dilation": 2, "groups": 4}),
    "back": (gx.nn.conv_transpose, 3, {"stride": 3}),
    "back, valid": (gx.nn.conv_transpose, 2, {"stride": 3, "padding": "valid", "dilation": 2}),
    "back, less": (gx.nn.conv_transpose, 3, {"stride": 2, "padding": 1, "groups": 2}),
}


def with_gradients(name: str, x: Tensor, w: Tensor) -> list[Tensor]:
    """A result, the gradients of half its squares, and those of their squares."""
    function, _, options = LENGTHS[name]
    y = function(x, w, **options)
    first = gx.grad(gx.sum(y * y) / 2, [x, w])
    return [y, *first, *gx.grad(gx.sum(first[0] ** 2) + gx.sum(first[1] ** 2), [x, w])]


@pytest.mark.parametrize("name", LENGTHS)
def test_lengths_with_names_below_the_stride(name: str) -> None:
    """Some phases of the stride have no element then, some taps of a gradient see none."""
    function, taps, options = LENGTHS[name]
    inner = 4 // options.get("groups", 1)
    weights = (taps, inner, 4)
    x, w = gx.input("x", ("n", "h", 4)), gx.input("w", weights)
    program = compile([x, w], with_gradients(name, x, w))
    for h in range(9):
        a, u = (RNG.integers(-2, 3, (2, h, 4)).astype("f") for _ in range(2))
        b, v = (RNG.integers(-2, 3, weights).astype("f") for _ in range(2))
        fixed = gx.input("x", (2, h, 4))
        try:
            wanted = [t.eval({fixed: a, w: b}) for t in with_gradients(name, fixed, w)]
        except ShapeError:
            with pytest.raises(gx.errors.GuardError):
                program(a, b)
            continue
        got = program(a, b)
        for one, other in zip(got, wanted, strict=True):
            np.testing.assert_array_equal(one, other)
        y, dx, dw, *_ = got  # it is linear in x and in w
        assert (dx * u).sum() == (y * function(u, b, **options).eval()).sum()
        assert (dw * v).sum() == (y * function(a, v, **options).eval()).sum()


@pytest.mark.parametrize("pool", [gx.nn.max_pool, gx.nn.avg_pool])
@pytest.mark.parametrize("padding", ["same", "valid", 1])
def test_pools_of_lengths_below_the_stride(pool: Callable[..., Tensor], padding: Any) -> None:
    x = gx.input("x", ("n", "h", 3))

    def outputs(x: Tensor) -> list[Tensor]:
        y = pool(x, 2, 5, padding)
        return [y, gx.grad(gx.sum(y * y), x)]

    program = compile([x], outputs(x))
    for h in range(0 if padding == "same" else 2, 8):
        a, fixed = normal(2, h, 3, dtype="float32"), gx.input("x", (2, h, 3))
        for got, wanted in zip(program(a), outputs(fixed), strict=True):
            np.testing.assert_allclose(got, wanted.eval({fixed: a}), rtol=1e-6)


def test_the_mean_of_padding_alone_is_the_mean_of_nothing() -> None:
    a, named = np.ones((1, 3, 1), "f"), gx.input("x", (1, "n", 1))
    for x in (named, gx.input("x", a.shape)):
        got = compile([x], gx.nn.avg_pool(x, 2, 1, [(3, 3)]))(a)
        np.testing.assert_array_equal(got[0, :, 0], [np.nan] * 2 + [1] * 4 + [np.nan] * 2)


def test_same_padding_of_nothing_is_nothing() -> None:
    x, w = np.zeros((2, 0, 3), "f"), np.ones((3, 3, 5), "f")
    assert gx.nn.conv(x, w, 2).eval().shape == (2, 0, 5)
    assert gx.nn.max_pool(x, 3, 2, "same").eval().shape == (2, 0, 3)
    assert gx.nn.conv_transpose(x, np.ones((3, 5, 3), "f"), 2).eval().shape == (2, 0, 5)


@pytest.mark.parametrize(
    "wrong",
    [
        lambda x, w: gx.nn.conv(x, w, layout="HWCN"),
        lambda x, w: gx.nn.conv(x, w, padding="full"),
        lambda x, w: gx.nn.conv(x, w, stride=0),
        lambda x, w: gx.nn.conv(x, w, stride=(1, 2, 3)),
        lambda x, w: gx.nn.conv(x, w, groups=2),
        lambda x, w: gx.nn.conv(x, w, dilation=9, padding="valid"),
        lambda x, w: gx.nn.conv(x, w[0]),
        lambda x, w: gx.nn.conv(x, w, padding=[(1, 1)]),
        lambda x, w: gx.nn.conv_transpose(x, w[:, :, :, :2]),
        lambda x, w: gx.nn.max_pool(x[0, 0], 2),
    ],
)
def test_errors(wrong: Callable[..., Tensor]) -> None:
    with pytest.raises(ShapeError):
        wrong(gx.input("x", (2, 8, 8, 3)), gx.input("w", (3, 3, 3, 5)))

"""The losses and objectives of the workloads, in graphc.

Enters: a model and its leaves. Leaves: the loss, or the value of an objective, as a tensor.
"""

import math
from typing import TypeAlias

import numpy as np

import graphc as gx
from benchmarks.workloads import (
    INTEREST,
    NORM_EPSILON,
    VOLATILITY,
    Gpt,
    Lenet,
    Lstm,
    Mixture,
    Mlp,
    Model,
    Options,
    Resnet,
    UnsupportedError,
)

Tensor: TypeAlias = gx.Tensor
Parameters: TypeAlias = dict[str, Tensor]


def loss_of(model: Model, p: Parameters, x: Tensor, y: Tensor) -> Tensor:
    """The loss of a model that is trained; UnsupportedError for an objective."""
    match model:
        case Mlp(dims):
            return gx.nn.cross_entropy(_mlp(p, x, len(dims) - 1), y)
        case Gpt():
            return gx.nn.cross_entropy(_gpt(p, x, model), y)
        case Lenet():
            return gx.nn.cross_entropy(_lenet(p, x), y)
        case Resnet():
            return gx.nn.cross_entropy(_resnet(p, x), y)
        case Lstm():
            return gx.nn.cross_entropy(_lstm(p, x, model), y)
        case Options() | Mixture():
            raise UnsupportedError("is an objective")


def value_of(model: Model, arguments: list[Tensor]) -> Tensor:
    """The value of an objective."""
    match model:
        case Options():
            return _black_scholes(*arguments)
        case Mixture():
            return _mixture(model, *arguments)
        case _:
            raise UnsupportedError("is trained")


def _mlp(p: Parameters, x: Tensor, layers: int) -> Tensor:
    for i in range(layers):
        x = x @ p[f"w{i}"] + p[f"b{i}"]
        if i < layers - 1:
            x = gx.nn.relu(x)
    return x


def _convolved(x: Tensor, w: Tensor, stride: int = 1) -> Tensor:
    around = w.node.type.shape[0] // 2
    return gx.nn.conv(x, w, stride=stride, padding=[(around, around)] * 2)


def _lenet(p: Parameters, x: Tensor) -> Tensor:
    for layer in "12":
        x = gx.nn.relu(_convolved(x, p[f"c{layer}"]) + p[f"cb{layer}"])
        x = gx.nn.max_pool(x, 2)
    x = gx.nn.relu(x.reshape((x.shape[0], -1)) @ p["w1"] + p["b1"])
    return x @ p["w2"] + p["b2"]


def _resnet(p: Parameters, x: Tensor) -> Tensor:
    x = gx.nn.relu(_batch_normalised(p, "s", x))
    for block, stride in enumerate((1, 2, 2)):
        inner = gx.nn.relu(_batch_normalised(p, f"a{block}", x, stride))
        shortcut = p.get(f"k{block}")
        around = x if shortcut is None else _convolved(x, shortcut, stride)
        x = gx.nn.relu(_batch_normalised(p, f"d{block}", inner) + around)
    return gx.mean(x, axis=(1, 2)) @ p["w"] + p["b"]


def _batch_normalised(p: Parameters, name: str, x: Tensor, stride: int = 1) -> Tensor:
    x = _convolved(x, p[name], stride)
    return _normalised(x, p[f"{name}_g"], p[f"{name}_b"], (0, 1, 2))


def _normalised(
    x: Tensor, gain: Tensor, offset: Tensor, axes: int | tuple[int, ...] = -1
) -> Tensor:
    """Mean 0 and variance 1 over the axes, times the gain, plus the offset."""
    away = x - gx.mean(x, axis=axes, keepdims=True)
    variance = gx.mean(away * away, axis=axes, keepdims=True)
    return away * gx.rsqrt(variance + NORM_EPSILON) * gain + offset


def _lstm(p: Parameters, x: Tensor, model: Lstm) -> Tensor:
    """Unrolled: a step of the layer is a few kernels, the same ones for all steps."""
    fed = gx.nn.embedding(p["e"], x) @ p["wx"] + p["bh"]
    h = c = gx.zeros((x.shape[0], model.hidden))
    hidden = []
    for step in range(model.steps):
        i, f, g, o = gx.split(fed[:, step] + h @ p["wh"], 4, axis=1)
        c = gx.nn.sigmoid(f) * c + gx.nn.sigmoid(i) * gx.tanh(g)
        h = gx.nn.sigmoid(o) * gx.tanh(c)
        hidden.append(h)
    return gx.stack(hidden, axis=1) @ p["wo"] + p["bo"]


def _gpt(p: Parameters, x: Tensor, model: Gpt) -> Tensor:
    h = gx.nn.embedding(p["te"], x) + p["pe"]
    for i in range(model.layers):
        n = f"l{i}"
        a = _normalised(h, p[f"{n}g1"], p[f"{n}n1"])
        a = _attended(a @ p[f"{n}qkv"] + p[f"{n}bq"], model)
        h = h + a @ p[f"{n}o"] + p[f"{n}bo"]
        a = _normalised(h, p[f"{n}g2"], p[f"{n}n2"])
        a = gx.nn.gelu(a @ p[f"{n}u"] + p[f"{n}bu"], approximate=True)
        h = h + a @ p[f"{n}d"] + p[f"{n}bd"]
    return _normalised(h, p["gf"], p["nf"]) @ p["head"]


def _attended(a: Tensor, model: Gpt) -> Tensor:
    batch, steps = a.shape[0], model.steps
    size = model.width // model.heads
    parts = gx.permute_dims(a.reshape((batch, steps, 3, model.heads, size)), (2, 0, 3, 1, 4))
    q, k, v = parts[0], parts[1], parts[2]
    scores = (q @ k.mT) / math.sqrt(size)
    seen = np.tril(np.ones((steps, steps), bool))
    mixed = gx.nn.softmax(gx.where(seen, scores, -1e30)) @ v
    return gx.permute_dims(mixed, (0, 2, 1, 3)).reshape((batch, steps, model.width))


def _black_scholes(spot: Tensor, strike: Tensor, years: Tensor) -> Tensor:
    def below(x: Tensor) -> Tensor:
        return 0.5 * (1 + gx.erf(x * 0.5**0.5))

    spread = VOLATILITY * gx.sqrt(years)
    drift = (INTEREST + 0.5 * VOLATILITY**2) * years
    d1 = (gx.log(spot / strike) + drift) / spread
    paid = strike * gx.exp(-INTEREST * years)
    return gx.sum(spot * below(d1) - paid * below(d1 - spread))


def _mixture(model: Mixture, alphas: Tensor, means: Tensor, factors: Tensor, x: Tensor) -> Tensor:
    dims = model.dims
    logs, below = factors[:, :dims], factors[:, dims:]
    scales = gx.exp(logs)
    y = gx.einsum("kij,nkj->nki", _lower(model, below, scales), x[:, None] - means)
    main = alphas + gx.sum(logs, axis=1) - 0.5 * gx.sum(y * y, axis=2)
    prior = 0.5 * (gx.sum(scales * scales) + gx.sum(below * below))
    total = gx.sum(gx.logsumexp(main, axis=1))
    return total - x.shape[0] * gx.logsumexp(alphas) + prior


def _lower(model: Mixture, below: Tensor, diagonal: Tensor) -> Tensor:
    """Lower triangular matrices, from what is below their diagonals, row by row, and these."""
    rows, columns = np.tril_indices(model.dims, -1)
    square = gx.zeros((model.components, model.dims, model.dims))
    main = np.arange(model.dims)
    return square.at[:, rows, columns].set(below).at[:, main, main].set(diagonal)

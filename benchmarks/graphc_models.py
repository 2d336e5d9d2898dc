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
    """The loss of a model that is trained. UnsupportedError for what cannot be done yet."""
    match model:
        case Mlp(dims):
            return gx.nn.cross_entropy(_mlp(p, x, len(dims) - 1), y)
        case Gpt():
            return gx.nn.cross_entropy(_gpt(p, x, model), y)
        case Lenet() | Resnet():
            raise UnsupportedError("needs convolution")
        case Lstm():
            raise UnsupportedError("needs loops")
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


def _normalised(x: Tensor, gain: Tensor, offset: Tensor) -> Tensor:
    """Mean 0 and variance 1 over the last axis, times the gain, plus the offset."""
    away = x - gx.mean(x, axis=-1, keepdims=True)
    variance = gx.mean(away * away, axis=-1, keepdims=True)
    return away * gx.rsqrt(variance + NORM_EPSILON) * gain + offset


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

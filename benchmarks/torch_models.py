"""The losses and objectives of the workloads, in PyTorch.

Enters: a model. Leaves: a function of its parameters, x and y, or of the arrays of an objective.
"""

from collections.abc import Callable
from typing import Any, TypeAlias

import torch
import torch.nn.functional as nn

from benchmarks.workloads import (
    INTEREST,
    VOLATILITY,
    Gpt,
    Lenet,
    Lstm,
    Mixture,
    Mlp,
    Model,
    Options,
    Resnet,
)

Tensor: TypeAlias = torch.Tensor
Parameters: TypeAlias = dict[str, Tensor]
Function: TypeAlias = Callable[..., Tensor]


def function_of(model: Model) -> Function:
    """loss(parameters, x, y) of a model that is trained, value(*arrays) of an objective."""
    match model:
        case Mlp(dims):
            return lambda p, x, y: nn.cross_entropy(_mlp(p, x, len(dims) - 1), y)
        case Lenet():
            return lambda p, x, y: nn.cross_entropy(_lenet(p, x), y)
        case Resnet():
            return lambda p, x, y: nn.cross_entropy(_resnet(p, x), y)
        case Lstm():
            return lambda p, x, y: _over_steps(_lstm(p, x, model), y)
        case Gpt():
            return lambda p, x, y: _over_steps(_gpt(p, x, model), y)
        case Options():
            return _black_scholes
        case Mixture(_, dims, components):
            return _mixture(dims, components)


def _over_steps(logits: Tensor, y: Tensor) -> Tensor:
    return nn.cross_entropy(logits.reshape(-1, logits.shape[-1]), y.reshape(-1))


def _mlp(p: Parameters, x: Tensor, layers: int) -> Tensor:
    for i in range(layers):
        x = x @ p[f"w{i}"] + p[f"b{i}"]
        if i < layers - 1:
            x = torch.relu(x)
    return x


def _lenet(p: Parameters, x: Tensor) -> Tensor:
    for layer in "12":
        maps = nn.conv2d(x, p[f"c{layer}"], p[f"cb{layer}"], padding=1)
        x = nn.max_pool2d(torch.relu(maps), 2)
    x = torch.relu(x.flatten(1) @ p["w1"] + p["b1"])
    return x @ p["w2"] + p["b2"]


def _normalised(p: Parameters, name: str, x: Tensor, stride: int = 1) -> Tensor:
    x = nn.conv2d(x, p[name], stride=stride, padding=1)
    return nn.batch_norm(x, None, None, p[f"{name}_g"], p[f"{name}_b"], training=True)


def _resnet(p: Parameters, x: Tensor) -> Tensor:
    x = torch.relu(_normalised(p, "s", x))
    for block, stride in enumerate((1, 2, 2)):
        inner = torch.relu(_normalised(p, f"a{block}", x, stride))
        shortcut = p.get(f"k{block}")
        around = x if shortcut is None else nn.conv2d(x, shortcut, stride=stride)
        x = torch.relu(_normalised(p, f"d{block}", inner) + around)
    return x.mean((2, 3)) @ p["w"] + p["b"]


def _lstm(p: Parameters, x: Tensor, model: Lstm) -> Tensor:
    batch, steps = x.shape
    fed = p["e"][x] @ p["wx"] + p["bh"]
    h = c = torch.zeros(batch, model.hidden)
    hidden = []
    for t in range(steps):
        i, f, g, o = (fed[:, t] + h @ p["wh"]).chunk(4, 1)
        c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
        h = torch.sigmoid(o) * torch.tanh(c)
        hidden.append(h)
    return torch.stack(hidden, 1) @ p["wo"] + p["bo"]


def _gpt(p: Parameters, x: Tensor, model: Gpt) -> Tensor:
    batch, steps = x.shape
    width, heads = model.width, model.heads
    h = p["te"][x] + p["pe"]
    for i in range(model.layers):
        n = f"l{i}"
        a = nn.layer_norm(h, (width,), p[f"{n}g1"], p[f"{n}n1"])
        a = (a @ p[f"{n}qkv"] + p[f"{n}bq"]).reshape(batch, steps, 3, heads, width // heads)
        q, k, v = a.permute(2, 0, 3, 1, 4)
        a = nn.scaled_dot_product_attention(q, k, v, is_causal=True)
        h = h + a.transpose(1, 2).reshape(batch, steps, width) @ p[f"{n}o"] + p[f"{n}bo"]
        a = nn.layer_norm(h, (width,), p[f"{n}g2"], p[f"{n}n2"])
        a = nn.gelu(a @ p[f"{n}u"] + p[f"{n}bu"], approximate="tanh")
        h = h + a @ p[f"{n}d"] + p[f"{n}bd"]
    return nn.layer_norm(h, (width,), p["gf"], p["nf"]) @ p["head"]


def _black_scholes(spot: Tensor, strike: Tensor, years: Tensor) -> Tensor:
    def below(x: Tensor) -> Tensor:
        return 0.5 * (1 + torch.erf(x * 0.5**0.5))

    spread = VOLATILITY * torch.sqrt(years)
    drift = (INTEREST + 0.5 * VOLATILITY**2) * years
    d1 = (torch.log(spot / strike) + drift) / spread
    paid = strike * torch.exp(-INTEREST * years)
    return (spot * below(d1) - paid * below(d1 - spread)).sum()


def _mixture(dims: int, components: int) -> Function:
    rows, columns = torch.tril_indices(dims, dims, -1)
    which = torch.arange(components)[:, None]

    def value(alphas: Tensor, means: Tensor, factors: Tensor, x: Any) -> Tensor:
        logs, below = factors[:, :dims], factors[:, dims:]
        scales = torch.exp(logs)
        square = torch.zeros(components, dims, dims)
        square = square.index_put((which, rows, columns), below) + torch.diag_embed(scales)
        y = torch.einsum("kij,nkj->nki", square, x[:, None] - means)
        main = alphas + logs.sum(1) - 0.5 * (y * y).sum(2)
        prior = 0.5 * ((scales * scales).sum() + (below**2).sum())
        total = torch.logsumexp(main, 1).sum()
        return total - x.shape[0] * torch.logsumexp(alphas, 0) + prior

    return value

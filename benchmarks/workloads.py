"""The ten workloads: their sizes, data and parameters, the same for every framework.

Enters: the name of a workload. Leaves: a `Work`, and NumPy arrays made with fixed seeds. Dense
weights are (in, out), convolution weights (out, in, height, width), images (batch, channels,
height, width); `channels_last` turns all of them for frameworks that want the channels last.

    work = WORKS["mlp_tiny"]
    data(work.model)                  # (x, y), or the arrays that an objective takes
    parameters(work.model)            # {"w0": ..., "b0": ...}
"""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Literal, TypeAlias

import numpy as np

Array: TypeAlias = np.ndarray[Any, Any]
Arrays: TypeAlias = tuple[Array, ...]
Step: TypeAlias = Callable[[], Any]  # one whole step; the result becomes the loss by float()

SGD_RATE, MOMENTUM = 0.01, 0.9
ADAM_RATE, BETA1, BETA2, EPSILON = 1e-3, 0.9, 0.999, 1e-8
INTEREST, VOLATILITY = 0.02, 0.3
NORM_EPSILON = 1e-5


class UnsupportedError(Exception):
    """This framework has no version of this workload; the message is shown in the table."""


@dataclass(frozen=True, slots=True)
class Mlp:
    """Dense layers with relu between them, and cross-entropy."""

    dims: tuple[int, ...]
    batch: int


@dataclass(frozen=True, slots=True)
class Lenet:
    """Two 3x3 convolutions with pooling, two dense layers; images of 1 x 28 x 28."""

    batch: int


@dataclass(frozen=True, slots=True)
class Resnet:
    """A stem and three residual blocks with batch normalisation; images of 3 x 32 x 32."""

    batch: int


@dataclass(frozen=True, slots=True)
class Lstm:
    """One LSTM layer that predicts the next character."""

    vocab: int
    hidden: int
    steps: int
    batch: int


@dataclass(frozen=True, slots=True)
class Gpt:
    """A decoder of pre-norm blocks that predicts the next character."""

    vocab: int
    width: int
    heads: int
    layers: int
    steps: int
    batch: int


@dataclass(frozen=True, slots=True)
class Options:
    """The Black-Scholes price of many options, summed, and its three gradients."""

    count: int


@dataclass(frozen=True, slots=True)
class Mixture:
    """The log-likelihood of a Gaussian mixture, as ADBench has it, and its three gradients."""

    points: int
    dims: int
    components: int


Model: TypeAlias = Mlp | Lenet | Resnet | Lstm | Gpt | Options | Mixture


@dataclass(frozen=True, slots=True)
class Work:
    """A model, and the optimiser that trains it; an objective has none."""

    name: str
    model: Model
    optimiser: Literal["sgd", "adam"] | None = None


WORKS = {
    work.name: work
    for work in (
        Work("mlp_tiny", Mlp((4, 64, 64, 2), 32), "sgd"),
        Work("mlp_small", Mlp((784, 128, 64, 10), 32), "adam"),
        Work("mlp_mid", Mlp((784, 512, 512, 10), 128), "adam"),
        Work("mlp_large", Mlp((1024, 2048, 2048, 1000), 256), "sgd"),
        Work("lenet", Lenet(64), "sgd"),
        Work("resnet8", Resnet(32), "sgd"),
        Work("lstm", Lstm(vocab=65, hidden=128, steps=64, batch=32), "adam"),
        Work("gpt_tiny", Gpt(vocab=65, width=128, heads=4, layers=4, steps=64, batch=16), "adam"),
        Work("blackscholes", Options(1_000_000)),
        Work("gmm", Mixture(points=1000, dims=20, components=25)),
    )
}

# ---- data ---------------------------------------------------------------------------------------


def data(model: Model) -> Arrays:
    """What a step is fed: (x, y) of a model that is trained, all arguments of an objective."""
    rng = np.random.default_rng(0)
    match model:
        case Mlp(dims, batch):
            return _normal(rng, batch, dims[0]), rng.integers(0, dims[-1], batch)
        case Lenet(batch):
            return _normal(rng, batch, 1, 28, 28), rng.integers(0, 10, batch)
        case Resnet(batch):
            return _normal(rng, batch, 3, 32, 32), rng.integers(0, 10, batch)
        case Lstm() | Gpt():
            text = rng.integers(0, model.vocab, (model.batch, model.steps + 1))
            return text[:, :-1].copy(), text[:, 1:].copy()
        case Options(count):
            ranges = ((5, 30), (1, 100), (0.25, 10))  # spot, strike, years
            return tuple(rng.uniform(*ends, count).astype(np.float32) for ends in ranges)
        case Mixture(points, dims, components):
            alphas, means = _normal(rng, components), _normal(rng, components, dims)
            factors = 0.1 * rng.standard_normal((components, dims * (dims + 1) // 2))
            return alphas, means, factors.astype(np.float32), _normal(rng, points, dims)


def _normal(rng: np.random.Generator, *shape: int) -> Array:
    return rng.standard_normal(shape).astype(np.float32)


# ---- parameters ---------------------------------------------------------------------------------


def parameters(model: Model) -> dict[str, Array]:
    """Fresh parameters by name; objectives have none. The order is that of the random draws."""
    rng = np.random.default_rng(1)
    match model:
        case Mlp(dims, _):
            layers = [_dense(rng, f"w{i}", f"b{i}", *ends) for i, ends in enumerate(pairwise(dims))]
        case Lenet():
            layers = [
                _convolution(rng, "c1", 1, 32, 3) | _full("cb1", 32),
                _convolution(rng, "c2", 32, 64, 3) | _full("cb2", 64),
                _dense(rng, "w1", "b1", 64 * 49, 128),
                _dense(rng, "w2", "b2", 128, 10),
            ]
        case Resnet():
            layers = [_normalised(rng, "s", 3, 16), *_residual_blocks(rng)]
            layers.append(_dense(rng, "w", "b", 64, 10))
        case Lstm(vocab, hidden):
            layers = [
                _weight(rng, "e", (vocab, hidden), hidden),
                _weight(rng, "wx", (hidden, 4 * hidden), hidden),
                _weight(rng, "wh", (hidden, 4 * hidden), hidden),
                _full("bh", 4 * hidden),
                _dense(rng, "wo", "bo", hidden, vocab),
            ]
        case Gpt(vocab, width, _, count, steps):
            layers = [
                _weight(rng, "te", (vocab, width), width),
                _weight(rng, "pe", (steps, width), width),
                *(_block(rng, f"l{i}", width) for i in range(count)),
                _full("gf", width, 1.0) | _full("nf", width),
                _weight(rng, "head", (width, vocab), width),
            ]
        case Options() | Mixture():
            layers = []
    return {name: array for layer in layers for name, array in layer.items()}


Layer: TypeAlias = dict[str, Array]


def _weight(rng: np.random.Generator, name: str, shape: tuple[int, ...], fan: int) -> Layer:
    return {name: (rng.standard_normal(shape) / np.sqrt(fan)).astype(np.float32)}


def _full(name: str, size: int, value: float = 0.0) -> Layer:
    return {name: np.full(size, value, np.float32)}


def _dense(rng: np.random.Generator, weight: str, bias: str, wide: int, narrow: int) -> Layer:
    return _weight(rng, weight, (wide, narrow), wide) | _full(bias, narrow)


def _convolution(rng: np.random.Generator, name: str, wide: int, narrow: int, side: int) -> Layer:
    return _weight(rng, name, (narrow, wide, side, side), wide * side * side)


def _normalised(rng: np.random.Generator, name: str, wide: int, narrow: int) -> Layer:
    """A 3x3 convolution, and the gain and offset of its batch normalisation."""
    offsets = _full(f"{name}_g", narrow, 1.0) | _full(f"{name}_b", narrow)
    return _convolution(rng, name, wide, narrow, 3) | offsets


def _residual_blocks(rng: np.random.Generator) -> list[Layer]:
    layers = []
    for block, (wide, narrow) in enumerate(((16, 16), (16, 32), (32, 64))):
        layers.append(_normalised(rng, f"a{block}", wide, narrow))
        layers.append(_normalised(rng, f"d{block}", narrow, narrow))
        if wide != narrow:
            layers.append(_convolution(rng, f"k{block}", wide, narrow, 1))
    return layers


def _block(rng: np.random.Generator, name: str, width: int) -> Layer:
    """Attention and a feed-forward part, each behind its layer normalisation."""
    attention = _full(f"{name}g1", width, 1.0) | _full(f"{name}n1", width)
    attention |= _dense(rng, f"{name}qkv", f"{name}bq", width, 3 * width)
    attention |= _dense(rng, f"{name}o", f"{name}bo", width, width)
    forward = _full(f"{name}g2", width, 1.0) | _full(f"{name}n2", width)
    forward |= _dense(rng, f"{name}u", f"{name}bu", width, 4 * width)
    forward |= _dense(rng, f"{name}d", f"{name}bd", 4 * width, width)
    return attention | forward


def channels_last(model: Model, arrays: dict[str, Array]) -> dict[str, Array]:
    """Images as (batch, height, width, channels), weights as (height, width, in, out)."""
    turned = {
        name: np.ascontiguousarray(a.transpose(2, 3, 1, 0)) if a.ndim == 4 else a
        for name, a in arrays.items()
    }
    if isinstance(model, Lenet):  # the first dense layer reads the flattened images
        maps = arrays["w1"].reshape(64, 7, 7, 128).transpose(1, 2, 0, 3)
        turned["w1"] = np.ascontiguousarray(maps.reshape(-1, 128))
    return turned


def images_last(x: Array) -> Array:
    """(batch, channels, height, width) -> (batch, height, width, channels); others as they are."""
    return np.ascontiguousarray(x.transpose(0, 2, 3, 1)) if x.ndim == 4 else x

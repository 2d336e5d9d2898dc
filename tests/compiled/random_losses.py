"""Random losses with their gradients: layers, activations, normalisations, gathers, in any order.

Enters: a source of choices. Leaves: a case that computes the loss, its gradients, and a step of
gradient descent with momentum.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random

import numpy as np

import graphc as gx
from graphc.functions.tensor import Tensor
from graphc.graph import Graph
from tests.compiled.checking import Case

MOST = 2000  # elements of a value


@dataclass(slots=True)
class Losses:
    """The inputs, parameters and values so far; n is the number of rows."""

    rng: Random
    n: int
    dtype: str
    inputs: list[tuple[Tensor, np.ndarray]] = field(default_factory=list)
    parameters: list[Tensor] = field(default_factory=list)
    values: list[Tensor] = field(default_factory=list)

    @property
    def random(self) -> np.random.Generator:
        return np.random.default_rng(self.rng.randrange(10_000))

    def number(self, size: object) -> int:
        return size if isinstance(size, int) else self.n

    def parameter(self, *shape: int) -> Tensor:
        value = self.random.standard_normal(shape)
        self.parameters.append(gx.parameter(f"w{len(self.parameters)}", value, dtype=self.dtype))
        return self.parameters[-1]

    def input(self, array: np.ndarray, shape: tuple[object, ...]) -> Tensor:
        x = gx.input(f"x{len(self.inputs)}", shape, str(array.dtype))
        self.inputs.append((x, array))
        return x

    def step(self) -> None:
        h = self.rng.choice(self.values[-2:])
        new = self.rng.choice(STEPS)(self, h)
        if np.prod([self.number(d) for d in new.shape]) <= MOST:
            self.values.append(new)

    def fixed(self, h: Tensor) -> int | None:
        """The last axis, if its size is an int."""
        size = h.shape[-1] if h.ndim else None
        return size if isinstance(size, int) else None

    def axis(self, h: Tensor) -> int:
        return self.rng.randrange(h.ndim)


Step = Callable[[Losses, Tensor], Tensor]


def layer(s: Losses, h: Tensor) -> Tensor:
    size = s.fixed(h)
    return h if size is None else h @ (s.parameter(size, s.rng.choice([1, 3, 5])) * 0.5)


def bias(s: Losses, h: Tensor) -> Tensor:
    size = s.fixed(h)
    return h + s.parameter() if size is None else h + s.parameter(size)


def activation(s: Losses, h: Tensor) -> Tensor:
    functions = (gx.tanh, gx.nn.sigmoid, gx.nn.relu, gx.nn.gelu, gx.nn.softplus, gx.sin)
    return s.rng.choice(functions)(h)


def bell(s: Losses, h: Tensor) -> Tensor:
    return gx.exp(-h * h) * h


def rows(s: Losses, h: Tensor) -> Tensor:
    if not h.ndim:
        return h
    functions = (gx.nn.softmax, gx.nn.log_softmax)
    return s.rng.choice(functions)(h, axis=s.axis(h))


def normalised(s: Losses, h: Tensor) -> Tensor:
    if not h.ndim:
        return h
    axis = s.axis(h)
    mean = gx.mean(h, axis=axis, keepdims=True)
    variance = gx.mean((h - mean) ** 2, axis=axis, keepdims=True)
    return (h - mean) / gx.sqrt(variance + 0.1)


def reduced(s: Losses, h: Tensor) -> Tensor:
    if not h.ndim:
        return h
    axes = tuple(a for a in range(h.ndim) if s.rng.random() < 0.5)
    keep = s.rng.random() < 0.5
    found = s.rng.choice([gx.sum, gx.mean, gx.max])(h, axis=axes, keepdims=keep)
    return h - found if keep else found


def turned(s: Losses, h: Tensor) -> Tensor:
    axes = list(range(h.ndim))
    s.rng.shuffle(axes)
    return gx.permute_dims(h, tuple(axes))


def flat(s: Losses, h: Tensor) -> Tensor:
    return gx.reshape(h, (-1,))


def flipped(s: Losses, h: Tensor) -> Tensor:
    return h - gx.flip(h, axis=s.axis(h)) * 0.5 if h.ndim else h


def joined(s: Losses, h: Tensor) -> Tensor:
    return gx.concat([h, gx.tanh(h)], axis=s.axis(h)) if h.ndim else h


def products(s: Losses, h: Tensor) -> Tensor:
    """Every value with every other: attention without its softmax."""
    return h @ gx.swapaxes(h, -1, -2) * 0.1 if h.ndim >= 2 else h * h


def mixed(s: Losses, h: Tensor) -> Tensor:
    found = [other for other in s.values if other.shape == h.shape]
    return gx.where(h > 0.1, h * s.rng.choice(found), s.rng.choice(found))


def picked(s: Losses, h: Tensor) -> Tensor:
    if not h.ndim or not isinstance(h.shape[0], int):
        return h
    index = s.random.integers(0, h.shape[0], 4)
    return gx.take(h, s.input(index, (4,)), axis=0)


STEPS: tuple[Step, ...] = (
    *(layer, layer, bias, activation, activation, bell, rows, normalised, reduced, turned),
    *(flat, flipped, joined, products, mixed, picked),
)


def random_loss(rng: Random) -> Case:
    """A loss of a few steps; outputs are the loss and some gradients, updates all parameters."""
    s = Losses(rng, rng.choice([1, 2, 5, 9]), rng.choice(["float64", "float64", "float32"]))
    first = s.random.standard_normal((s.n, 4)).astype(s.dtype)
    s.values.append(s.input(first, ("n", 4)))
    s.values.append(layer(s, s.values[0]))
    for _ in range(rng.randint(2, 10)):
        s.step()
    h = s.values[-1]
    loss = gx.mean(h * h) + gx.sum(gx.tanh(s.parameter(3)))
    gradients = gx.grad(loss, s.parameters)
    updates = []
    for w, g in zip(s.parameters, gradients, strict=True):
        m = gx.state("m", np.ones(w.shape), dtype=s.dtype)
        new = m * 0.9 + g
        updates += [(m.node, new.node), (w.node, (w - new * 0.1).node)]
    outputs = (loss.node, *(g.node for g in gradients[: rng.randint(0, 2)]))
    graph = Graph(tuple(x.node for x, _ in s.inputs), outputs, tuple(updates))
    return Case(graph, tuple(array for _, array in s.inputs))

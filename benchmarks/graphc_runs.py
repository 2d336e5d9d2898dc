"""The workloads in graphc: one program a step, parameters and moments as its state.

Enters: a workload and its arrays. Leaves: its step, or its profile.
"""

from typing import Any

import numpy as np

import graphc as gx
from benchmarks.graphc_models import loss_of, value_of
from benchmarks.workloads import (
    ADAM_RATE,
    BETA1,
    BETA2,
    EPSILON,
    MOMENTUM,
    SGD_RATE,
    Array,
    Arrays,
    Step,
    Work,
    channels_last,
    images_last,
)

VERSION = gx.__version__
Updates = dict[gx.Tensor, gx.Tensor]


def start(work: Work, _framework: str, fed: Arrays, values: dict[str, Array]) -> Step:
    """The step of a workload, compiled."""
    program, arguments = build(work, fed, values)
    if work.optimiser is None:
        return lambda: program(*arguments)[0]
    return lambda: program(*arguments)


def profile(work: Work, fed: Arrays, values: dict[str, Array]) -> str:
    """Where the time of a step goes, kernel by kernel."""
    program, arguments = build(work, fed, values)
    program(*arguments)
    return str(program.profile(*arguments))


def build(work: Work, fed: Arrays, values: dict[str, Array]) -> tuple[Any, Arrays]:
    """The program of a workload, and what to call it with."""
    if work.optimiser is None:
        return _objective(work, fed), ()
    weights_last = channels_last(work.model, values)
    p = {name: gx.parameter(name, value) for name, value in weights_last.items()}
    fed = tuple(images_last(array) for array in fed)
    leaves = zip(("x", "y"), fed, strict=True)
    x, y = (gx.input(name, ("batch", *a.shape[1:]), str(a.dtype)) for name, a in leaves)
    loss = loss_of(work.model, p, x, y)
    weights = list(p.values())
    gradients = dict(zip(weights, gx.grad(loss, weights), strict=True))
    updates = _momentum(gradients) if work.optimiser == "sgd" else _adam(gradients)
    return gx.compile([x, y], loss, updates=updates), fed


def _objective(work: Work, fed: Arrays) -> Any:
    """Its arguments are parameters, as a peer's live in buffers of its own."""
    arguments = [gx.parameter(f"a{i}", array) for i, array in enumerate(fed)]
    value = value_of(work.model, arguments)
    return gx.compile([], [value, *gx.grad(value, arguments[:3])])


def _momentum(gradients: Updates) -> Updates:
    updates: Updates = {}
    for weight, gradient in gradients.items():
        m = gx.state("m", np.zeros(weight.shape))
        updates[m] = MOMENTUM * m + gradient
        updates[weight] = weight - SGD_RATE * updates[m]
    return updates


def _adam(gradients: Updates) -> Updates:
    t = gx.state("t", 0.0)
    updates: Updates = {t: t + 1}
    rate = ADAM_RATE / (1 - BETA1 ** updates[t])
    growth = 1 / (1 - BETA2 ** updates[t])
    for weight, gradient in gradients.items():
        m, v = (gx.state(name, np.zeros(weight.shape)) for name in "mv")
        updates[m] = BETA1 * m + (1 - BETA1) * gradient
        updates[v] = BETA2 * v + (1 - BETA2) * gradient * gradient
        size = gx.sqrt(updates[v] * growth) + EPSILON
        updates[weight] = weight - rate * updates[m] / size
    return updates

"""The workloads in PyTensor, by its Numba backend: the dense networks and blackscholes.

Enters: a workload and its arrays. Leaves: its step.
"""

from itertools import pairwise
from typing import Any

import numpy as np
import pytensor
import pytensor.tensor as pt

from benchmarks.workloads import (
    ADAM_RATE,
    BETA1,
    BETA2,
    EPSILON,
    INTEREST,
    MOMENTUM,
    SGD_RATE,
    VOLATILITY,
    Array,
    Arrays,
    Mlp,
    Options,
    Step,
    UnsupportedError,
    Work,
)

VERSION = pytensor.__version__
F32 = np.float32


def start(work: Work, _framework: str, fed: Arrays, values: dict[str, Array]) -> Step:
    """The step of a workload, compiled; UnsupportedError for those that are not written."""
    match work.model:
        case Mlp(dims):
            run = _trained(work, len(list(pairwise(dims))), values)
            return lambda: run(*fed)
        case Options():
            run = _black_scholes()
            return lambda: run(*fed)[0]
        case _:
            raise UnsupportedError("not written")


def _trained(work: Work, layers: int, values: dict[str, Array]) -> Any:
    shared = {name: pytensor.shared(array, name=name) for name, array in values.items()}
    x, y = pt.matrix("x", dtype="float32"), pt.vector("y", dtype="int64")
    h = x
    for i in range(layers):
        h = h @ shared[f"w{i}"] + shared[f"b{i}"]
        if i < layers - 1:
            h = pt.maximum(h, F32(0))
    loss = -pt.special.log_softmax(h, axis=1)[pt.arange(y.shape[0]), y].mean()
    weights = list(shared.values())
    pairs = list(zip(weights, pt.grad(loss, weights), strict=True))
    updates = _momentum(pairs) if work.optimiser == "sgd" else _adam(pairs)
    return pytensor.function([x, y], loss, updates=updates, mode="NUMBA", trust_input=True)


def _zeros_like(weight: Any) -> Any:
    return pytensor.shared(np.zeros_like(weight.get_value()))


def _momentum(pairs: list[Any]) -> list[Any]:
    updates = []
    for weight, gradient in pairs:
        m = _zeros_like(weight)
        m2 = F32(MOMENTUM) * m + gradient
        updates += [(m, m2), (weight, weight - F32(SGD_RATE) * m2)]
    return updates


def _adam(pairs: list[Any]) -> list[Any]:
    t = pytensor.shared(F32(0))
    t2 = t + F32(1)
    updates = [(t, t2)]
    for weight, gradient in pairs:
        m, v = _zeros_like(weight), _zeros_like(weight)
        m2 = F32(BETA1) * m + F32(1 - BETA1) * gradient
        v2 = F32(BETA2) * v + F32(1 - BETA2) * gradient * gradient
        size = pt.sqrt(v2 / (F32(1) - F32(BETA2) ** t2)) + F32(EPSILON)
        change = F32(ADAM_RATE) * (m2 / (F32(1) - F32(BETA1) ** t2)) / size
        updates += [(m, m2), (v, v2), (weight, weight - change)]
    return updates


def _black_scholes() -> Any:
    spot, strike, years = arguments = [pt.vector(name, dtype="float32") for name in "SKT"]

    def below(x: Any) -> Any:
        return F32(0.5) * (F32(1) + pt.erf(x * F32(0.5**0.5)))

    spread = F32(VOLATILITY) * pt.sqrt(years)
    drift = F32(INTEREST + 0.5 * VOLATILITY**2) * years
    d1 = (pt.log(spot / strike) + drift) / spread
    paid = strike * pt.exp(F32(-INTEREST) * years)
    value = (spot * below(d1) - paid * below(d1 - spread)).sum()
    outputs = [value, *pt.grad(value, arguments)]
    return pytensor.function(arguments, outputs, mode="NUMBA", trust_input=True)

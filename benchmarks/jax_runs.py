"""The workloads in JAX: one jitted function a step, with donated buffers.

Enters: a workload and its arrays. Leaves: its step.
"""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from benchmarks.jax_models import Function, function_of
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

VERSION = jax.__version__


def start(work: Work, _framework: str, fed: Arrays, values: dict[str, Array]) -> Step:
    """The step of a workload; nothing is traced or compiled before it is called."""
    function = function_of(work.model)
    if work.optimiser is None:
        return _objective(function, fed)
    arrays = channels_last(work.model, values)
    parameters = {name: jnp.asarray(array) for name, array in arrays.items()}
    x, y = (jnp.asarray(images_last(array)) for array in fed)
    zeros = jax.tree.map(jnp.zeros_like, parameters)
    if work.optimiser == "sgd":
        update, moments = _momentum(function), zeros
    else:
        update, moments = _adam(function), (zeros, zeros, np.float32(0))
    run = jax.jit(update, donate_argnums=(0, 1))
    held = [parameters, jax.tree.map(jnp.array, moments)]  # copies: a donated buffer is gone

    def step() -> Any:
        held[0], held[1], loss = run(*held, x, y)
        jax.block_until_ready((held[0], loss))
        return loss

    return step


def _objective(function: Function, fed: Arrays) -> Step:
    arguments = [jnp.asarray(array) for array in fed]
    run = jax.jit(jax.value_and_grad(function, argnums=(0, 1, 2)))

    def step() -> Any:
        value, gradients = run(*arguments)
        jax.block_until_ready(gradients)
        return value

    return step


def _momentum(loss: Function) -> Any:
    def update(p: Any, m: Any, x: Any, y: Any) -> Any:
        value, g = jax.value_and_grad(loss)(p, x, y)
        m = jax.tree.map(lambda m, g: MOMENTUM * m + g, m, g)
        return jax.tree.map(lambda p, m: p - SGD_RATE * m, p, m), m, value

    return update


def _adam(loss: Function) -> Any:
    def update(p: Any, moments: Any, x: Any, y: Any) -> Any:
        value, g = jax.value_and_grad(loss)(p, x, y)
        m, v, t = moments
        t = t + 1
        m = jax.tree.map(lambda m, g: BETA1 * m + (1 - BETA1) * g, m, g)
        v = jax.tree.map(lambda v, g: BETA2 * v + (1 - BETA2) * g * g, v, g)

        def moved(p: Any, m: Any, v: Any) -> Any:
            size = jnp.sqrt(v / (1 - BETA2**t)) + EPSILON
            return p - ADAM_RATE * (m / (1 - BETA1**t)) / size

        return jax.tree.map(moved, p, m, v), (m, v, t), value

    return update

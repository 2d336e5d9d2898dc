"""Neural networks: activations, softmax, losses.

Enters: tensors and arrays. Leaves: tensors.

>>> round(cross_entropy([[0.0, 0.0]], [1]).item(), 4)
0.6931
"""

from graphc.functions.indexing import one_hot
from graphc.functions.reductions import logsumexp
from graphc.nn.functional import (
    elu,
    embedding,
    gelu,
    leaky_relu,
    linear,
    log_softmax,
    relu,
    sigmoid,
    silu,
    softmax,
    softplus,
    stop_gradient,
    tanh,
)
from graphc.nn.losses import binary_cross_entropy, cross_entropy, huber, mae, mse

__all__ = [
    "binary_cross_entropy",
    "cross_entropy",
    "elu",
    "embedding",
    "gelu",
    "huber",
    "leaky_relu",
    "linear",
    "log_softmax",
    "logsumexp",
    "mae",
    "mse",
    "one_hot",
    "relu",
    "sigmoid",
    "silu",
    "softmax",
    "softplus",
    "stop_gradient",
    "tanh",
]

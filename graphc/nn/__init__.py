"""Neural networks: activations, softmax, convolutions, losses.

Enters: tensors and arrays. Leaves: tensors.

>>> round(cross_entropy([[0.0, 0.0]], [1]).item(), 4)
0.6931
"""

from graphc.functions.indexing import one_hot
from graphc.functions.reductions import logsumexp
from graphc.nn.convolution import avg_pool, conv, conv_transpose, max_pool
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
from graphc.nn.losses import binary_cross_entropy, cross_entropy, huber, mae, mse, nll

__all__ = [
    "avg_pool",
    "binary_cross_entropy",
    "conv",
    "conv_transpose",
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
    "max_pool",
    "mse",
    "nll",
    "one_hot",
    "relu",
    "sigmoid",
    "silu",
    "softmax",
    "softplus",
    "stop_gradient",
    "tanh",
]

"""Neural networks: activations, softmax, normalisation, convolutions, losses.

Enters: tensors and arrays. Leaves: tensors.

>>> round(cross_entropy([[0.0, 0.0]], [1]).item(), 4)
0.6931
"""

from graphc.functions.indexing import one_hot
from graphc.functions.reductions import logsumexp
from graphc.missing import names_of_nn as __dir__  # noqa: F401
from graphc.missing import of_nn as __getattr__  # noqa: F401
from graphc.nn.attention import attention
from graphc.nn.convolution import avg_pool, conv, conv_transpose, max_pool
from graphc.nn.functional import (
    elu,
    embedding,
    gelu,
    glu,
    hardsigmoid,
    hardswish,
    leaky_relu,
    linear,
    log_sigmoid,
    log_softmax,
    mish,
    relu,
    relu6,
    selu,
    sigmoid,
    silu,
    softmax,
    softplus,
    softsign,
    stop_gradient,
    tanh,
)
from graphc.nn.losses import (
    binary_cross_entropy_with_logits,
    cross_entropy,
    hinge,
    huber,
    kl_div,
    mae,
    mse,
    nll,
)
from graphc.nn.normalisation import batch_norm, layer_norm, rms_norm
from graphc.refusals import explain_refusals

__all__ = [
    "attention",
    "avg_pool",
    "batch_norm",
    "binary_cross_entropy_with_logits",
    "conv",
    "conv_transpose",
    "cross_entropy",
    "elu",
    "embedding",
    "gelu",
    "glu",
    "hardsigmoid",
    "hardswish",
    "hinge",
    "huber",
    "kl_div",
    "layer_norm",
    "leaky_relu",
    "linear",
    "log_sigmoid",
    "log_softmax",
    "logsumexp",
    "mae",
    "max_pool",
    "mish",
    "mse",
    "nll",
    "one_hot",
    "relu",
    "relu6",
    "rms_norm",
    "selu",
    "sigmoid",
    "silu",
    "softmax",
    "softplus",
    "softsign",
    "stop_gradient",
    "tanh",
]
explain_refusals(__name__)

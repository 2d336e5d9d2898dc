"""What a step of a workload needs at least: arithmetic of matrix products, bytes of what lives on.

Enters: a workload. Leaves: a `Cost`. Pointwise arithmetic is not counted, nor are activations,
which could all stay in a cache: the time that follows is a bound that no step can beat.

    cost(WORKS["mlp_tiny"])           # Cost(flops=860160, moved=..., held=...)
"""

from dataclasses import dataclass
from itertools import pairwise

from benchmarks.workloads import (
    Gpt,
    Lenet,
    Lstm,
    Mixture,
    Mlp,
    Model,
    Options,
    Resnet,
    Work,
    data,
    parameters,
)

COPIES = {"sgd": 2, "adam": 3, None: 1}  # a parameter and its moments


@dataclass(frozen=True, slots=True)
class Cost:
    """Operations, bytes read and written, and bytes of the arrays that these are in."""

    flops: int
    moved: int
    held: int


def cost(work: Work) -> Cost:
    """The least cost of a step: forward, gradients, update."""
    fed = data(work.model)
    trained = sum(array.nbytes for array in parameters(work.model).values())
    states = COPIES[work.optimiser] * trained
    inputs = sum(array.nbytes for array in fed)
    gradients = 0 if work.optimiser else sum(array.nbytes for array in fed[:3])
    flops = 2 * _products(work.model)
    return Cost(flops, inputs + gradients + 2 * states, inputs + gradients + states)


def _products(model: Model) -> int:
    """Multiply-adds of forward and backward: three products a weight, two where x is the input."""
    match model:
        case Mlp(dims, batch):
            sizes = [batch * a * b for a, b in pairwise(dims)]
            return 3 * sum(sizes) - sizes[0]
        case Lenet(batch):
            first, second = 28 * 28 * 9 * 32, 14 * 14 * 9 * 32 * 64
            return batch * (2 * first + 3 * (second + 3136 * 128 + 128 * 10))
        case Resnet(batch):
            return batch * (2 * 32 * 32 * 27 * 16 + 3 * (_blocks() + 64 * 10))
        case Lstm(vocab, hidden, steps, batch):
            return 3 * batch * steps * (8 * hidden * hidden + hidden * vocab)
        case Gpt(vocab, width, _, layers, steps, batch):
            attention = width * (steps + 1)  # two products over a triangle
            token = layers * (12 * width * width + attention) + width * vocab
            return 3 * batch * steps * token
        case Options():
            return 0
        case Mixture(points, dims, components):
            return 3 * points * components * dims * (dims + 1) // 2


def _blocks() -> int:
    """Multiply-adds of an image in the residual blocks, forward."""
    total = 0
    for side, wide, narrow in ((32, 16, 16), (16, 16, 32), (8, 32, 64)):
        shortcut = wide * narrow if wide != narrow else 0
        total += side * side * (9 * wide * narrow + 9 * narrow * narrow + shortcut)
    return total

"""The single kernels in PyTorch, eager. Images are channels last in memory.

Enters: a case. Leaves: a function that computes it once; UnsupportedError for what is a workload.
"""

from collections.abc import Callable

import torch
from torch.nn import functional
from torch.nn.grad import conv2d_input, conv2d_weight

from benchmarks.cases import Case, Conv, Depth, Matmul, Objective, Pointwise, Rows, arrays, result
from benchmarks.workloads import ADAM_RATE, Array, UnsupportedError


def start(case: Case) -> Callable[[], object]:
    """A function that computes the case once."""
    match case:
        case Depth() | Objective():
            raise UnsupportedError("a workload")
        case Conv():
            return _convolution(case)
        case Pointwise("adam"):
            return _adam(case)
    held = [torch.tensor(array) for array in arrays(case)]
    match case:
        case Matmul():
            return lambda: held[0] @ held[1]
        case Rows("layer_norm", _, columns):
            return lambda: functional.layer_norm(held[0], (columns,))
        case Rows():
            return lambda: functional.softmax(held[0], 1)
        case Pointwise(name):
            function = {"add": torch.add, "tanh": torch.tanh, "gelu": functional.gelu}[name]
            return lambda: function(*held)


def _convolution(case: Conv) -> Callable[[], object]:
    around = {"stride": case.stride, "padding": 1}
    first, second = arrays(case)
    if case.part == "forward":
        x, w = _images(first), _weights(second)
        return lambda: functional.conv2d(x, w, **around)
    g = _images(first)
    if case.part == "images":
        batch, height, width, channels = result(case)
        size, w = (batch, channels, height, width), _weights(second)
        return lambda: conv2d_input(size, w, g, **around)
    x, size = _images(second), (case.narrow, case.wide, 3, 3)
    return lambda: conv2d_weight(x, size, g, **around)


def _images(array: Array) -> torch.Tensor:
    """(batch, height, width, channels) -> (batch, channels, height, width), channels last."""
    return torch.tensor(array).permute(0, 3, 1, 2)


def _weights(array: Array) -> torch.Tensor:
    """(height, width, in, out) -> (out, in, height, width), channels last."""
    turned = torch.tensor(array).permute(3, 2, 0, 1)
    return turned.contiguous(memory_format=torch.channels_last)


def _adam(case: Case) -> Callable[[], object]:
    g, w, _, _ = (torch.tensor(array) for array in arrays(case))
    w.grad = g
    return torch.optim.Adam([w.requires_grad_()], lr=ADAM_RATE, fused=True).step

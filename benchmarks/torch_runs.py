"""The workloads in PyTorch: eager, and through torch.compile (the inductor).

Enters: a workload and its arrays. Leaves: its step. Images and their weights are channels last in
memory, which is the faster layout here, and the optimisers are the fused ones.
"""

from typing import Any

import torch

from benchmarks.torch_models import Function, function_of
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
)

VERSION = torch.__version__


def start(work: Work, framework: str, fed: Arrays, values: dict[str, Array]) -> Step:
    """The step of a workload; nothing is traced or compiled before it is called."""
    function = function_of(work.model)
    run = torch.compile(function) if framework == "inductor" else function
    if work.optimiser is None:
        return _objective(run, fed)
    parameters = {name: _tensor(array).requires_grad_() for name, array in values.items()}
    x, y = (_tensor(array) for array in fed)
    optimiser = _optimiser(work, list(parameters.values()))

    def step() -> Any:
        optimiser.zero_grad(set_to_none=True)
        loss = run(parameters, x, y)
        loss.backward()
        optimiser.step()
        return loss.detach()

    return step


def _objective(run: Function, fed: Arrays) -> Step:
    """The value of an objective; its gradients are in the first three arguments."""
    arguments = [torch.tensor(array) for array in fed]
    wanted = [argument.requires_grad_() for argument in arguments[:3]]

    def step() -> Any:
        value = run(*arguments)
        torch.autograd.grad(value, wanted)
        return value.detach()

    return step


def _tensor(array: Array) -> torch.Tensor:
    tensor = torch.tensor(array)
    return tensor.contiguous(memory_format=torch.channels_last) if array.ndim == 4 else tensor


def _optimiser(work: Work, parameters: list[torch.Tensor]) -> torch.optim.Optimizer:
    if work.optimiser == "sgd":
        return torch.optim.SGD(parameters, lr=SGD_RATE, momentum=MOMENTUM, fused=True)
    return torch.optim.Adam(parameters, lr=ADAM_RATE, betas=(BETA1, BETA2), eps=EPSILON, fused=True)

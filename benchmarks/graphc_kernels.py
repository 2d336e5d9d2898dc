"""The single kernels in graphc. Arguments are parameters, as a peer's live in buffers of its own.

Enters: a case. Leaves: a function that computes it once.
"""

from collections.abc import Callable

import graphc as gx
from benchmarks import graphc_runs
from benchmarks.cases import Case, Conv, Depth, Matmul, Objective, Pointwise, Rows, arrays, result
from benchmarks.graphc_models import value_of
from benchmarks.workloads import ADAM_RATE, BETA1, BETA2, EPSILON, parameters

Tensor = gx.Tensor


def start(case: Case) -> Callable[[], object]:
    """A function that computes the case once."""
    if isinstance(case, Depth):
        program, fed = graphc_runs.build(case.work, arrays(case), parameters(case.work.model))
        return lambda: program(*fed)
    if case == Pointwise("adam", getattr(case, "count", 0)):
        return _adam(case)
    held = [gx.parameter(f"a{i}", array) for i, array in enumerate(arrays(case))]
    outputs = _outputs(case, held)
    return gx.compile([], outputs if len(outputs) > 1 else outputs[0])


def _outputs(case: Case, held: list[Tensor]) -> list[Tensor]:
    match case:
        case Matmul():
            return [held[0] @ held[1]]
        case Conv(stride=stride, part="forward"):
            return [gx.nn.conv(*held, stride=stride, padding=[(1, 1)] * 2)]
        case Conv():
            return [_gradient(case, *held)]
        case Rows("layer_norm"):
            return [gx.nn.layer_norm(held[0])]
        case Rows():
            return [gx.nn.softmax(held[0])]
        case Pointwise(function):
            functions = {"add": gx.add, "tanh": gx.tanh, "gelu": gx.nn.gelu}
            return [functions[function](*held)]
        case Objective(model, gradients):
            value = value_of(model, held)
            return [value, *(gx.grad(value, held[:3]) if gradients else ())]
        case Depth():
            raise AssertionError("a workload")


def _gradient(case: Conv, g: Tensor, other: Tensor) -> Tensor:
    """By the images or the weights, given that by the results; at which value, does not matter."""
    wanted = gx.parameter("wanted", gx.zeros(result(case)).eval())
    pair = (wanted, other) if case.part == "images" else (other, wanted)
    y = gx.nn.conv(*pair, stride=case.stride, padding=[(1, 1)] * 2)
    return gx.grad(gx.sum(y * g), wanted)


def _adam(case: Case) -> Callable[[], object]:
    g, w, m, v = (gx.parameter(n, a) for n, a in zip("gwmv", arrays(case), strict=True))
    t = gx.state("t", 0.0)
    new_m, new_v = BETA1 * m + (1 - BETA1) * g, BETA2 * v + (1 - BETA2) * g * g
    size = gx.sqrt(new_v / (1 - BETA2 ** (t + 1))) + EPSILON
    new_w = w - ADAM_RATE / (1 - BETA1 ** (t + 1)) * new_m / size
    return gx.compile([], [], updates={t: t + 1, m: new_m, v: new_v, w: new_w})

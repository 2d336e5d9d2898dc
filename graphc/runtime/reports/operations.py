"""How much a kernel computes at least: each value once for every point of the loops that it depends
on.

Enters: a kernel. Leaves: sizes, to be evaluated at a binding: `flops`, in which a function such as
exp is one operation, and `work`, which also counts those inside functions.

    y[i, j] = exp(x[i, j]) / t    ->    flops 2 * i * j
"""

from collections.abc import Callable, Sequence

from graphc.dims import DimLike, product
from graphc.schedule.kernel import (
    ContractKernel,
    Count,
    Kernel,
    Load,
    LoopKernel,
    Reduced,
    Value,
)
from graphc.schedule.stages import flops_of
from graphc.schedule.sweeps import arguments, cost_of


def flops(kernel: Kernel) -> DimLike:
    """Arithmetic operations, a function being one."""
    return _counted(kernel, flops_of)


def work(kernel: Kernel) -> DimLike:
    """Arithmetic operations: two for each instruction of a function, a multiply-add perhaps."""
    return _counted(kernel, _operations)


def _operations(value: Value) -> int:
    cost = cost_of(value)
    return 2 * cost if cost > 1 else flops_of(value)


def _counted(kernel: Kernel, count: Callable[[Value], int]) -> DimLike:
    total: DimLike = 0
    for value, moving in zip(kernel.values, moving_along(kernel), strict=True):
        number = count(value)
        if isinstance(kernel, ContractKernel) and isinstance(value, Reduced):
            # the contraction itself: a product and a sum for each point and step along the depth
            sums = (axis.extent for n, axis in enumerate(kernel.axes) if n != kernel.share)
            points = product([*sums, *(axis.extent for axis in kernel.depth)])
            total = total + 2 * points
        elif number:
            total = total + number * product(kernel.extents[v] for v in sorted(moving))
    return total


def moving_along(kernel: Kernel) -> Sequence[frozenset[int]]:
    """For each value the loops along which it changes; of a reduction, those that it runs over."""
    first = len(kernel.outer) if isinstance(kernel, LoopKernel) else len(kernel.extents)
    result: list[frozenset[int]] = []  # of what later values read
    counted: list[frozenset[int]] = []
    for value in kernel.values:
        own = {v for v, _ in value.index.terms} if isinstance(value, Load | Count) else set()
        moving = frozenset(own).union(*(result[a] for a in arguments(value)))
        if isinstance(value, Reduced) and value.value >= 0:
            moving = result[value.value]
        counted.append(moving)
        reduced = isinstance(value, Reduced)
        result.append(frozenset(v for v in moving if v < first) if reduced else moving)
    return counted

"""Which limit of the machine a kernel runs into, and how near it comes.

Enters: kernels, the numbers of their sizes, limits. Leaves: a `Demand` a kernel (what it has to
compute and to move at least), and of a demand the `Bound`: the limit that would take longest.

>>> from graphc.runtime.reports.limits import Limits
>>> slow = Limits("", 1, {"float32": 10.0}, ((1 << 15, 80.0), (1 << 23, 40.0), (1 << 30, 20.0)), 0)
>>> bound_of(Demand(flops=2000, work=2000, bytes=1024, dtype="float32"), slow)
Bound(limit='compute', seconds=2e-07)
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from graphc.runtime.binding.sizes import SizeTable
from graphc.runtime.reports.limits import Limits
from graphc.runtime.reports.operations import flops, work
from graphc.runtime.reports.traffic import accesses, sizes_of, traffic
from graphc.schedule.kernel import Kernel
from graphc.types import float64

Limit = Literal["compute", "memory", "cache", "overhead"]


@dataclass(frozen=True, slots=True)
class Demand:
    """What a kernel does at least.

    `flops` counts a function such as exp as one; `work` is in operations too, with those inside
    functions, as the peak counts them: two a multiply-add. `bytes` are of distinct elements.
    """

    flops: int
    work: int
    bytes: int
    dtype: str


@dataclass(frozen=True, slots=True)
class Bound:
    """The least seconds that a limit allows."""

    limit: Limit
    seconds: float


def demands(kernels: Sequence[Kernel], known: Mapping[str, int]) -> tuple[Demand, ...]:
    """Of each kernel, for these numbers of the sizes' names."""
    moved = [accesses(kernel) for kernel in kernels]
    sizes = [size for found in moved for size in sizes_of(found)]
    counts = [(flops(kernel), work(kernel)) for kernel in kernels]
    numbers = SizeTable([*sizes, *(count for both in counts for count in both)]).at(known)
    return tuple(
        Demand(numbers[least], numbers[inside], traffic(found, numbers), _dtype(kernel))
        for kernel, (least, inside), found in zip(kernels, counts, moved, strict=True)
    )


def _dtype(kernel: Kernel) -> str:
    """Of the vectors in which it computes: float64 if it meets any."""
    return "float64" if any(o.dtype is float64 for o in kernel.operands) else "float32"


def bound_of(demand: Demand, limits: Limits) -> Bound:
    """The limit under which a kernel takes longest."""
    stored: Limit = "cache" if demand.bytes <= limits.cached_bytes else "memory"
    bounds = (
        Bound("compute", demand.work / limits.gflops[demand.dtype] / 1e9),
        Bound(stored, demand.bytes / limits.gbytes(demand.bytes) / 1e9),
        Bound("overhead", limits.row_seconds),
    )
    return max(bounds, key=lambda bound: bound.seconds)

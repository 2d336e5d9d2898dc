"""Windows written out: their points, and what they read along memory.

Enters: a kernel whose inner loops are windows of a few points, written out one by one, with lanes
across them. Leaves: the points; and the operands of which the windows take elements one by one,
where the lanes take every second, third or fourth:

    i2 = 0; t0 = a0[i1 * 2 + i2]
    i2 = 1; t0 = a0[i1 * 2 + i2]

With such a stride as text LLVM loads whole vectors and takes them apart; of one that arrives at run
time it loads element by element. (Measured, sums of 100,000 pairs: 26 and 10 us. What is stored it
would scatter, and a lone element of each pair gather, which takes longer.)
"""

from collections.abc import Iterator
from itertools import product

from graphc.schedule.kernel import Load, LoopKernel


def points(kernel: LoopKernel) -> Iterator[list[tuple[int, int]]]:
    """Each point of the windows: the inner loop variables, and where they stand."""
    sizes = (range(size) for size in kernel.inner if isinstance(size, int))
    for point in product(*sizes):
        yield list(enumerate(point, start=len(kernel.outer)))


def windows_of(kernel: LoopKernel) -> frozenset[int]:
    """The numbers of these operands, which the kernel does not write."""
    if kernel.lanes != "window":
        return frozenset()
    loads = [value for value in kernel.values if isinstance(value, Load)]
    written = {store.operand for stage in kernel.stages for store in stage.stores}
    along = {load.operand for load in loads if _is_along_windows(kernel, load)}
    return frozenset(along - written)


def _is_along_windows(kernel: LoopKernel, load: Load) -> bool:
    inner = range(len(kernel.outer), len(kernel.extents))
    return any(v in inner and step == 1 for v, step in load.index.terms)

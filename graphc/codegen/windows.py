"""Windows written out: their points, and where neighbours in memory are taken apart.

Enters: a kernel whose inner loops are windows of a few points, written out one by one, with lanes
across them. Leaves: the points; and the operands that have small strides as text:

    i1 = 0; t0 = a0[i0 * 2 + i1]
    i1 = 1; t0 = a0[i0 * 2 + i1]

So LLVM loads whole vectors and takes them apart, and puts them together where it stores; with a
stride that arrives at run time it goes element by element. (Measured, in us: sums of 100,000 pairs
26 and 10, softmax of each 332 and 36. What is stored with gaps it would scatter: slower.)
"""

from collections.abc import Iterator
from itertools import product

from graphc.schedule.kernel import LoopKernel, Store


def points(kernel: LoopKernel) -> Iterator[list[tuple[int, int]]]:
    """Each point of the windows: the inner loop variables, and where they stand."""
    sizes = (range(size) for size in kernel.inner if isinstance(size, int))
    for point in product(*sizes):
        yield list(enumerate(point, start=len(kernel.outer)))


def paired(kernel: LoopKernel) -> frozenset[int]:
    """The numbers of these operands: all that windows read, and what they write whole."""
    if kernel.lanes != "window":
        return frozenset()
    stores = [store for stage in kernel.stages for store in stage.stores]
    scattered = {store.operand for store in stores if not _is_whole(kernel, store)}
    return frozenset(range(len(kernel.operands))) - scattered


def _is_whole(kernel: LoopKernel, store: Store) -> bool:
    """Whether windows side by side write all that lies between them."""
    steps = dict(store.index.terms)
    inner = range(len(kernel.outer), len(kernel.extents))
    along = next((v for v in inner if steps.get(v) == 1), None)
    return along is not None and steps.get(len(kernel.outer) - 1) == kernel.extents[along]

"""Windows written out: their points, and where neighbours in memory are taken apart.

Enters: a kernel whose inner loops are windows of a few points, written out one by one, with lanes
across them. Leaves: the points; and the operands that have small strides as text:

    i1 = 0; t0 = a0[i0 * 2 + i1]
    i1 = 1; t0 = a0[i0 * 2 + i1]

So LLVM loads whole vectors and takes them apart, and puts them together where it stores; with a
stride that arrives at run time it goes element by element. (Measured, in us: sums of 100,000 pairs
26 and 10, softmax of each 332 and 36. What is stored with gaps it would scatter: slower.)
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import product

from graphc.codegen.writer import Writer
from graphc.schedule.kernel import Load, LoopKernel, Store
from graphc.schedule.merge import coefficient

WHOLE = 16  # elements of a vector
HALF = 8  # LLVM takes what is over of whole vectors in halves, then one by one
FEW = 256  # elements of a row: masks of all vectors cost more than what is over


def points(kernel: LoopKernel) -> Iterator[list[tuple[int, int]]]:
    """Each point of the windows: the inner loop variables, and where they stand."""
    sizes = (range(size) for size in kernel.inner if isinstance(size, int))
    for point in product(*sizes):
        yield list(enumerate(point, start=len(kernel.outer)))


def named(kernel: LoopKernel) -> dict[int, str]:
    """The names of what a point keeps for later stages, "{}" standing for the point's number."""
    stages = (stage for stage in kernel.stages if stage.level == "inner")
    return {n: f"m{n}_{{}}" for stage in stages for n in stage.keep}


@contextmanager
def lanes(kernel: LoopKernel, writer: Writer, low: str, high: str) -> Iterator[None]:
    """The loop around the windows, whose turns LLVM may run side by side if none writes where
    another one does. Of a short row with a rest some lanes are the same in the last two vectors."""
    v, width = len(kernel.outer) - 1, _width(kernel) if low == "0" else None
    if width is None:
        over = "range" if not _is_apart(kernel) else "masked_lanes" if _is_few(kernel) else "lanes"
        with writer.block(f"for i{v} in {over}({high if low == '0' else f'{low}, {high}'}):"):
            yield
        return
    writer.line(f"blocks = floordiv({high} + {width - 1}, {width})")
    with writer.block("for block in range(blocks):"):
        writer.line(f"first = minimum(block * {width}, {high} - {width})")
        with writer.block(f"for j in lanes({width}):"):
            writer.line(f"i{v} = first + j")
            yield


def _is_few(kernel: LoopKernel) -> bool:
    """Whether it is known that there is a rest, of a row that is short."""
    size = kernel.outer[-1]
    return isinstance(size, int) and size % HALF != 0 and size < FEW and _is_dense(kernel)


def _width(kernel: LoopKernel) -> int | None:
    """The lanes of vectors that overlap; None where there is no rest, what is read is written over,
    or neighbours that need not be taken apart fill no vector, for which masks are as good.

    (Masks make what is taken apart slow, and stores to memory. Measured, in us, masks and overlaps:
    2x2 mean pooling in steps of 1 with its gradient, rows of 55, 16 images 290 and 268, 64 images
    2,430 and 1,560; 3x3 max pooling of 16x16 such rows 278 and 222.)
    """
    size = kernel.outer[-1]
    if not isinstance(size, int) or size >= FEW or _is_read_again(kernel) or not _is_apart(kernel):
        return None
    if _is_dense(kernel):
        return WHOLE if size > WHOLE and size % HALF != 0 else None
    width = max(w for w in (WHOLE, HALF, HALF // 2, 1) if w <= max(size, 1))
    return width if size % width != 0 else None


def _is_read_again(kernel: LoopKernel) -> bool:
    """Whether it reads an operand that it writes."""
    written = {s.operand for stage in kernel.stages for s in stage.stores}
    return any(isinstance(v, Load) and v.operand in written for v in kernel.values)


def _is_dense(kernel: LoopKernel) -> bool:
    """Whether lanes side by side meet neighbours in memory."""
    loads = [v.index for v in kernel.values if isinstance(v, Load)]
    stores = [s.index for stage in kernel.stages for s in stage.stores]
    return all(coefficient(index, len(kernel.outer) - 1) in (0, 1) for index in loads + stores)


def _is_apart(kernel: LoopKernel) -> bool:
    last = len(kernel.outer) - 1
    stores = [store for stage in kernel.stages for store in stage.stores]
    if any(s.add or s.position is not None or coefficient(s.index, last) == 0 for s in stores):
        return False
    loads = [v for v in kernel.values if isinstance(v, Load)]
    return all(a.index == s.index for a in loads for s in stores if a.operand == s.operand)


def paired(kernel: LoopKernel) -> frozenset[int]:
    """The numbers of these operands: all that windows read, and what they write whole."""
    if kernel.lanes != "window":
        return frozenset()
    stores = [store for stage in kernel.stages for store in stage.stores]
    scattered = {store.operand for store in stores if not _is_whole(kernel, store, stores)}
    return frozenset(range(len(kernel.operands))) - scattered


def _is_whole(kernel: LoopKernel, store: Store, stores: Sequence[Store]) -> bool:
    """Whether windows side by side write all that lies between them."""
    steps = dict(store.index.terms)
    if not kernel.inner:
        beside = {s.index.offset - store.index.offset for s in stores if s.operand == store.operand}
        step = steps.get(len(kernel.outer) - 1)
        return isinstance(step, int) and any(
            set(range(first, first + step)) <= beside for first in range(1 - step, 1)
        )
    inner = range(len(kernel.outer), len(kernel.extents))
    along = next((v for v in inner if steps.get(v) == 1), None)
    return along is not None and steps.get(len(kernel.outer) - 1) == kernel.extents[along]

"""Where strips start: arrays that are better made strip by strip than whole.

Enters: steps, and who touches which buffer. Leaves: the shapes of wide results of contractions,
attention's scores, and the prologues: what narrow products alone read,

    (images / 255) @ w, table[ids] @ w    ->  for some rows: the same    (rows, k) for each part

whose rows are read while a cache holds them. Measured on one thread: 60,000 images of 784 bytes by
10 columns 11.8 ms and not 17.5, 2,000 rows of 20,000 by 128 columns 49 and not 60. Of more columns
the product is most of the time, and every strip reads the matrix again: 20,000 by 256 would take
118 ms and not 65. 784 by 512 takes the same time, and the rows no memory.
"""

from collections.abc import Collection, Iterable, Iterator

from graphc.dims import DimLike, evaluate, names, product
from graphc.schedule.kernel import Buffer, ContractKernel, Load, LoopKernel, Step
from graphc.schedule.recompute import NOMINAL
from graphc.schedule.strip_form import Form, form_of, wide_shape
from graphc.schedule.strip_order import Uses
from graphc.schedule.tiles import SIZES

WIDE = 2  # a wide result has so many times the elements of either factor
SHORT = 1 << 14  # elements a head, known to be no more: caches hold heads until they are read again
NARROW, LESS_NARROW = 128, 512  # columns of a product, the latter of a matrix that is small:
SMALL = 1 << 19  # elements

Shape = tuple[DimLike, ...]


def wide_shapes(steps: Iterable[Step], outputs: Collection[Buffer]) -> list[Shape]:
    """The shapes of wide results that no output needs."""
    shapes = dict.fromkeys(wide_shape(b) for b in _results(steps) if b not in outputs)
    return [shape for shape in shapes if not _is_short(shape)]


def _results(steps: Iterable[Step]) -> Iterator[Buffer]:
    for step in steps:
        kernel = step.kernel
        if isinstance(kernel, ContractKernel) and is_wide(kernel):
            yield from (o.buffer for o in kernel.operands if o.written and o.buffer.kind == "arena")


def is_wide(kernel: ContractKernel) -> bool:
    """Whether the result is larger than what the contraction reads."""
    if kernel.share is not None:
        return False
    left, right = (
        product(a.extent for a in (*kernel.axes, *kernel.depth) if step(a) != 0)
        for step in (lambda a: a.left, lambda a: a.right)
    )
    most = WIDE * max(_nominal(left), _nominal(right))
    return kernel.dtype.kind == "f" and _nominal(product(kernel.extents)) >= most


def _is_short(shape: Shape) -> bool:
    """Measured, heads of 64 rows: a step of attention is 2 to 4 % longer if it computes weights
    again; 256 rows take the same time either way."""
    size = product(shape[-2:])
    return len(shape) < 2 or (isinstance(size, int) and size <= SHORT)


def _nominal(size: DimLike) -> int:
    return evaluate(size, dict.fromkeys(names(size), NOMINAL))


def prologues(
    uses: Uses, outputs: Collection[Buffer], taken: Collection[int]
) -> Iterator[tuple[Buffer, Shape, dict[int, Form]]]:
    """Arrays that a loop makes and narrow products alone read, their shapes in rows, and the forms
    of these steps, each of which is in one set."""
    taken = {*taken}
    for buffer, writers in uses.writers.items():
        steps = [*writers, *uses.readers.get(buffer, ())]
        plain = buffer.kind == "arena" and buffer not in outputs and taken.isdisjoint(steps)
        if not plain or len(writers) > 1 or len(steps) < 2:
            continue
        kernels = {n: uses.steps[n].kernel for n in steps}
        made, *read = kernels.values()
        if not isinstance(made, LoopKernel) or not isinstance(read[0], ContractKernel):
            continue
        if _stores_as_much(made, buffer):
            continue
        shape = _rows_of(buffer, product(axis.extent for axis in read[0].depth))
        if shape is None or _is_short(shape):
            continue
        if all(
            isinstance(kernel, ContractKernel) and _is_narrow(kernel, buffer) for kernel in read
        ):
            forms = {n: form_of(kernel, {buffer}, shape) for n, kernel in kernels.items()}
            known = {n: form for n, form in forms.items() if form is not None and not form.sums}
            if len(known) == len(forms):
                taken |= known.keys()
                yield buffer, shape, known


def _stores_as_much(made: LoopKernel, buffer: Buffer) -> bool:
    """Whether something else of that size goes to memory in any case, as a step's cells and its
    share of all steps' states do beside its own state: the rows would save little."""
    others = (
        store.index.terms
        for stage in made.stages
        for store in stage.stores
        if made.operands[store.operand].buffer is not buffer
    )
    size = product(buffer.type.shape)
    return any(product(made.extents[loop] for loop, _ in terms) == size for terms in others)


def _rows_of(buffer: Buffer, depth: DimLike) -> Shape | None:
    """The shape with the axes of a row as one: (n, 28, 28) with rows of 784 is (n, 784)."""
    shape = wide_shape(buffer)
    sizes = (product(shape[axis:]) for axis in range(len(shape)))
    found = next((axis for axis, size in enumerate(sizes) if size == depth), 0)
    return (*shape[:found], depth) if found else None


def _is_narrow(kernel: ContractKernel, buffer: Buffer) -> bool:
    """Whether a product reads the array as its left factor alone, row by row, of few columns."""
    left, right = (kernel.operands[f.operand].buffer for f in (kernel.left, kernel.right))
    again = any(isinstance(v, Load) and v.operand == kernel.left.operand for v in kernel.values)
    if left is not buffer or right is buffer or again or kernel.dtype.name not in SIZES:
        return False
    moving = [n for n, axis in enumerate(kernel.axes) if axis.right != 0]
    columns = product(kernel.axes[n].extent for n in moving)
    matrix = columns * product(axis.extent for axis in kernel.depth)
    if moving != [kernel.column] or not isinstance(columns, int):
        return False
    small = isinstance(matrix, int) and matrix <= SMALL
    return columns <= (LESS_NARROW if small else NARROW)

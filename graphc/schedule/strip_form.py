"""Kernels on strips: which loops of a kernel run over the leading axes of a wide array, and the
kernel on a part of these.

Enters: a kernel, and arrays of one shape that it reads or writes. Leaves: a `Form` (where the axes
are in its loops, how far each access moves along them), and of a form a `Member`: the same kernel
whose extents along the axes are those of a strip. Its strides stay, so the memory of a strip of
whole heads, or of rows of one head, is a wide array's without what lies around it.

    scores[h, t, s] -> weights[h, t, s]     loops (h * t, s): axes 0 and 1 in loop 0
    weights[h, t, s] @ v[h, s, e]           loops h, t, e and s: axis 0 in loop h, axis 1 in loop t
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from graphc.dims import DimLike, product
from graphc.lowering import Index
from graphc.schedule.kernel import (
    Buffer,
    Computing,
    ContractKernel,
    Count,
    Kernel,
    Load,
    LoopKernel,
    Member,
    Operand,
    Reduced,
    StripKernel,
    Value,
)
from graphc.types import TensorType


@dataclass(frozen=True, slots=True)
class Access:
    """What a kernel reads or writes of a buffer; its variables are all loops, of a contraction
    those of the depth behind the others. `operand` is None for a contraction's factors."""

    buffer: Buffer
    index: Index
    written: bool
    operand: int | None


@dataclass(frozen=True, slots=True)
class Form:
    """Where the leading axes of the wide arrays are in the loops of a kernel.

    `shape` is that of the wide arrays, `runs` are the axes that a loop runs over. A kernel that
    `sums` has the last leading axis in its depth.
    """

    kernel: Computing
    shape: tuple[DimLike, ...]
    runs: Mapping[int, range]
    sums: bool
    accesses: tuple[Access, ...]

    def moves(self, index: Index) -> tuple[DimLike, ...]:
        """How far a step along each leading axis moves the index."""
        steps: list[DimLike] = [0] * (len(self.shape) - 1)
        for v, step in index.terms:
            for axis in self.runs.get(v, ()):
                if axis < len(steps):
                    steps[axis] = step * product(self.shape[axis + 1 : self.runs[v].stop])
        return tuple(steps)

    def rest(self, index: Index) -> tuple[tuple[DimLike, DimLike], ...]:
        """The other loops along which the index moves: stride and extent."""
        extents = all_extents(self.kernel)
        return tuple([(step, extents[v]) for v, step in index.terms if v not in self.runs])


def all_extents(kernel: Computing) -> tuple[DimLike, ...]:
    """Of all loops of a kernel, of a contraction also those of the depth."""
    if isinstance(kernel, ContractKernel):
        return (*kernel.extents, *(axis.extent for axis in kernel.depth))
    return kernel.extents


def wide_shape(buffer: Buffer) -> tuple[DimLike, ...]:
    """The shape without axes of one element, along which nothing moves."""
    return tuple(size for size in buffer.type.shape if size != 1)


def form_of(kernel: Kernel, wide: Collection[Buffer], shape: tuple[DimLike, ...]) -> Form | None:
    """The form of a kernel; None if it does not go along the wide arrays' leading axes."""
    if isinstance(kernel, StripKernel) or not _can_be_cut(kernel):
        return None
    accesses = tuple(_accesses(kernel))
    runs: dict[int, range] = {}
    for access in accesses:
        if access.buffer in wide:
            found = covered(access.index, all_extents(kernel), shape)
            if found is None:
                return None
            leading = {v: run for v, run in found.items() if run.start < len(shape) - 1}
            if runs and runs != leading:
                return None
            runs = leading
    return _form(kernel, shape, runs, accesses) if runs else None


def counted_form(kernel: Kernel, shape: tuple[DimLike, ...]) -> Form | None:
    """The form of a kernel that makes rows which all heads share, and reads nothing."""
    if not isinstance(kernel, LoopKernel) or not _can_be_cut(kernel):
        return None
    accesses = tuple(_accesses(kernel))
    if len(accesses) != 1:
        return None
    found = covered(accesses[0].index, kernel.extents, shape[-2:]) or {}
    heads = len(shape) - 2
    runs = {v: range(r.start + heads, r.stop + heads) for v, r in found.items() if r.start == 0}
    return _form(kernel, shape, runs, accesses) if runs else None


def _can_be_cut(kernel: Computing) -> bool:
    """Whether its elements are where its loops are, and none of it is state."""
    if any(o.buffer.kind == "state" and o.written for o in kernel.operands):
        return False
    if isinstance(kernel, ContractKernel):
        return kernel.share is None
    stores = [store for stage in kernel.stages for store in stage.stores]
    plain = all(store.position is None and not store.add for store in stores)
    return plain and kernel.split == 0 and kernel.parts is None


def _form(
    kernel: Computing, shape: tuple[DimLike, ...], runs: dict[int, range], found: tuple[Access, ...]
) -> Form | None:
    inside = [v for v in runs if v >= _first_inside(kernel)]
    form = Form(kernel, shape, runs, bool(inside), found)
    if inside and not _is_sum_of_rows(form, inside):
        return None
    operands: dict[int, tuple[DimLike, ...]] = {}
    for access in found:
        moves = form.moves(access.index)
        if access.operand is not None and operands.setdefault(access.operand, moves) != moves:
            return None  # one pointer for both
    return form


def _first_inside(kernel: Computing) -> int:
    """The number of the first loop that results are summed over: none of a loop without any."""
    reduces = any(isinstance(value, Reduced) for value in kernel.values)
    loops = isinstance(kernel, LoopKernel)
    return len(kernel.outer) if loops and reduces else len(kernel.extents)


def _is_sum_of_rows(form: Form, inside: Sequence[int]) -> bool:
    """Whether the kernel is a contraction over the rows, and stores nothing but its sums."""
    kernel, rows = form.kernel, len(form.shape) - 2
    if not isinstance(kernel, ContractKernel) or [form.runs[v] for v in inside] != [
        range(rows, rows + 1)
    ]:
        return False
    stores, values = kernel.stage.stores, kernel.values
    return len(stores) == 1 and isinstance(values[stores[0].value], Reduced)


def covered(
    index: Index, extents: Sequence[DimLike], shape: Sequence[DimLike]
) -> dict[int, range] | None:
    """For each loop the axes of a contiguous array that it runs over, if they are all there is.

    >>> covered(Index(0, ((0, 5), (1, 1))), (6, 5), (2, 3, 5))
    {0: range(0, 2), 1: range(2, 3)}
    """
    strides = [product(shape[axis + 1 :]) for axis in range(len(shape))]
    found: dict[int, range] = {}
    for v, step in index.terms:
        if step not in strides:
            return None
        first = last = strides.index(step)
        while extents[v] != product(shape[first : last + 1]):
            first -= 1
            if first < 0:
                return None
        found[v] = range(first, last + 1)
    axes = sorted(axis for run in found.values() for axis in run)
    return found if index.offset == 0 and axes == list(range(len(shape))) else None


def _accesses(kernel: Computing) -> Iterator[Access]:
    def of(operand: int, index: Index, written: bool) -> Access:
        return Access(kernel.operands[operand].buffer, index, written, operand)

    for value in kernel.values:
        if isinstance(value, Load):
            yield of(value.operand, value.index, False)
    stages = kernel.stages if isinstance(kernel, LoopKernel) else (kernel.stage,)
    for stage in stages:
        for store in stage.stores:
            yield of(store.operand, store.index, True)
    if isinstance(kernel, ContractKernel):
        axes = (*kernel.axes, *kernel.depth)
        left = tuple((v, axis.left) for v, axis in enumerate(axes) if axis.left != 0)
        right = tuple((v, axis.right) for v, axis in enumerate(axes) if axis.right != 0)
        for factor, terms in ((kernel.left, left), (kernel.right, right)):
            buffer = kernel.operands[factor.operand].buffer
            yield Access(buffer, Index(factor.offset, terms), False, None)


# ---- the kernel on a strip ----------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Space:
    """The names of what a strip has of each axis, and of where it begins; the memory that is one
    strip's own, by the buffer that it stands for."""

    units: tuple[DimLike, ...]
    starts: tuple[DimLike, ...]
    own: Mapping[Buffer, Buffer]


def own_buffer(buffer: Buffer, shape: tuple[DimLike, ...]) -> Buffer:
    """The memory of a strip that stands for an array."""
    return Buffer("strip", TensorType(buffer.type.dtype, shape), buffer.name, buffer.owner)


def member_of(form: Form, space: Space) -> Member:
    """The kernel on a strip."""
    kernel = form.kernel
    moves: dict[int, tuple[DimLike, ...]] = {}
    factors = []
    still = (0,) * len(space.units)
    for access in form.accesses:
        steps = still if access.buffer in space.own else form.moves(access.index)
        if access.operand is None:
            factors.append(steps)
        else:
            moves[access.operand] = steps
    values = tuple(_shifted(value, form, space) for value in kernel.values)
    operands = tuple(_owned(o, space) for o in kernel.operands)
    cut = replace(kernel, operands=operands, values=values)
    steps = tuple(moves.get(n, still) for n in range(len(operands)))
    return Member(_cut(cut, form, space), steps, tuple(factors))


def _owned(operand: Operand, space: Space) -> Operand:
    return replace(operand, buffer=space.own.get(operand.buffer, operand.buffer))


def _shifted(value: Value, form: Form, space: Space) -> Value:
    """What counts along an axis begins where the strip does."""
    if not isinstance(value, Count):
        return value
    offset = value.index.offset
    for start, step in zip(space.starts, form.moves(value.index), strict=True):
        offset = offset + start * step
    return replace(value, index=replace(value.index, offset=offset))


def _cut(kernel: Computing, form: Form, space: Space) -> Computing:
    def extent(v: int, size: DimLike) -> DimLike:
        if v not in form.runs:
            return size
        sizes = (*space.units, form.shape[-1])
        return product(sizes[axis] for axis in form.runs[v])

    if isinstance(kernel, LoopKernel):
        sizes = [extent(v, size) for v, size in enumerate(kernel.extents)]
        count = len(kernel.outer)
        return replace(kernel, outer=tuple(sizes[:count]), inner=tuple(sizes[count:]))
    count = len(kernel.axes)
    axes = [replace(a, extent=extent(v, a.extent)) for v, a in enumerate(kernel.axes)]
    depth = [replace(a, extent=extent(v, a.extent)) for v, a in enumerate(kernel.depth, count)]
    stage = kernel.stage
    if form.sums:
        stage = replace(stage, stores=tuple(replace(s, add=True) for s in stage.stores))
    return replace(kernel, axes=tuple(axes), depth=tuple(depth), stage=stage)

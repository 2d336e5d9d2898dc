"""What a kernel has to move at least: the distinct elements that it reads and writes.

Enters: a kernel. Leaves: for each operand, products of sizes: how many elements its accesses reach
at most, to be added up and capped by the buffer. A value that is read and written counts twice;
scratch and strips stay in the cache and do not count.

    loads x[i, k], x[i, k + 1] over i < n, k < 8    ->    two accesses of n * 8 elements of x
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import prod

from graphc.dims import DimLike
from graphc.lowering import Index
from graphc.schedule.kernel import (
    Buffer,
    ContractKernel,
    Count,
    Kernel,
    Load,
    LoopKernel,
    Store,
    StripKernel,
    Value,
)
from graphc.schedule.sweeps import arguments

Sizes = tuple[DimLike, ...]


@dataclass(frozen=True, slots=True)
class Access:
    """A buffer, and the extents of the loops along which an access moves in it."""

    buffer: Buffer
    written: bool
    extents: Sizes


def accesses(kernel: Kernel) -> tuple[Access, ...]:
    """The distinct accesses of a kernel to memory."""
    found = [*_of_values(kernel), *_of_stores(kernel)]
    if isinstance(kernel, ContractKernel):
        found += _of_factors(kernel)
    return tuple(a for a in found if a.buffer.kind not in ("scratch", "strip"))


def sizes_of(found: Iterable[Access]) -> Iterator[DimLike]:
    """All sizes that `traffic` will ask for."""
    for access in found:
        yield from access.extents
        yield from access.buffer.type.shape


def traffic(found: Iterable[Access], numbers: Mapping[DimLike, int]) -> int:
    """Bytes: of each buffer what is read of it, and what is written, but never more than it has."""
    elements: dict[tuple[Buffer, bool], int] = {}
    for access in found:
        key = access.buffer, access.written
        count = prod([numbers[size] for size in access.extents])
        elements[key] = elements.get(key, 0) + count
    total = 0
    for (buffer, _), count in elements.items():
        whole = prod([numbers[size] for size in buffer.type.shape])
        total += min(count, whole) * buffer.type.dtype.itemsize
    return total


def _of_values(kernel: Kernel) -> Iterator[Access]:
    for value in dict.fromkeys(v for v in kernel.values if isinstance(v, Load)):
        moving = _variables(value.index) | _moving(kernel.values, value.position)
        yield Access(kernel.operands[value.operand].buffer, False, _extents(kernel, moving))


def _of_stores(kernel: Kernel) -> Iterator[Access]:
    for store in _stores(kernel):
        moving = _variables(store.index) | _moving(kernel.values, store.position)
        buffer = kernel.operands[store.operand].buffer
        yield Access(buffer, True, _extents(kernel, moving))
        if store.add:
            yield Access(buffer, False, _extents(kernel, moving))


def _stores(kernel: Kernel) -> Iterator[Store]:
    if isinstance(kernel, StripKernel):
        return
    stages = kernel.stages if isinstance(kernel, LoopKernel) else (kernel.stage,)
    for stage in stages:
        yield from stage.stores


def _of_factors(kernel: ContractKernel) -> Iterator[Access]:
    axes = (*kernel.axes, *kernel.depth)
    left = tuple(axis.extent for axis in axes if axis.left != 0)
    right = tuple(axis.extent for axis in axes if axis.right != 0)
    for factor, extents in ((kernel.left, left), (kernel.right, right)):
        yield Access(kernel.operands[factor.operand].buffer, False, extents)


def _variables(index: Index) -> set[int]:
    return {v for v, _ in index.terms}


def _moving(values: Sequence[Value], position: int | None) -> set[int]:
    """The loops along which a position that is computed at run time changes."""
    found: set[int] = set()
    waiting = [] if position is None else [position]
    while waiting:
        value = values[waiting.pop()]
        if isinstance(value, Load | Count):
            found |= _variables(value.index)
        waiting.extend(arguments(value))
    return found


def _extents(kernel: Kernel, moving: set[int]) -> Sizes:
    return tuple(kernel.extents[v] for v in sorted(moving))

"""Wide rows that are copied to where their results go while they are added up.

Enters: a kernel of rows that are swept twice. Leaves: how the first sweep copies, and the values of
the last one, which reads the copy:

    if wide:
        for i1 in range(n1):
            t0 = a0[i0 * s0_0 + i1]
            out1[i0 * s1_0 + i1] = t0
            ...
    if wide:
        for i1 in range(n1):
            t0 = out1[i0 * s1_0 + i1]
            ...
            out1[i0 * s1_0 + i1] = t11

A sweep that only reads and one that only writes wait for memory one after the other; a copy does
both at once. Where all that the last sweep touches stays in the first cache, that one is quick
enough to be worth more. (Measured, as multiples of a copy, arrays in the third cache: layer norm of
512 rows of 8192 elements 1.41 and 1.29, 256 of 16384 1.50 and 1.22, with scale and shift 1024 of
4096 1.89 and 1.63, 512 of 8192 2.05 and 1.58; rms norm of those 1.68 and 1.40. Layer norm of 200
rows of 8192 alone is slower, 1.22 and 1.32.)
"""

from collections.abc import Collection
from dataclasses import dataclass, replace

from graphc.schedule.kernel import Load, LoopKernel, Stage, Store, Value
from graphc.schedule.merge import coefficient
from graphc.schedule.stages import is_row

WIDE = 64 << 10  # bytes along a row that do not stay in the first cache during its last sweep


@dataclass(frozen=True, slots=True)
class Copied:
    """From how many elements of a row on it is copied; the first sweep as it is, and as it copies;
    the last one, and the values that it then has."""

    least: int
    first: Stage
    copy: Stage
    last: Stage
    values: tuple[Value, ...]


def copied_rows(kernel: LoopKernel, told: Collection[Stage]) -> Copied | None:
    """How a kernel of two sweeps, but for those that are `told`, copies its rows, if they are all
    that both read of rows."""
    sweeps = [s for s in kernel.stages if s.level == "inner" and s not in told]
    if kernel.lanes != "inner" or kernel.parts is not None or not kernel.outer:
        return None
    if len(kernel.inner) != 1 or len(sweeps) != 2:
        return None
    (first, last), (size,) = sweeps, kernel.inner
    numbers, stores = _loads(kernel, first), _stores(kernel, last)
    if numbers != _loads(kernel, last) or len(numbers) != 1 or len(stores) != 1:
        return None
    (number,), (store,) = numbers, stores
    load = kernel.values[number]
    assert isinstance(load, Load)
    least = WIDE // _bytes_along(kernel, last)
    if not _is_free(kernel, store, load) or (isinstance(size, int) and size < least):
        return None
    copy = replace(first, stores=(*first.stores, replace(store, value=number)))
    values = list(kernel.values)
    values[number] = replace(load, operand=store.operand, index=store.index)
    return Copied(least, first, copy, last, tuple(values))


def _loads(kernel: LoopKernel, stage: Stage) -> list[int]:
    """What a stage loads of rows, by its numbers."""
    row, values = len(kernel.outer) - 1, kernel.values
    found = ((n, values[n]) for n in stage.compute)
    return [n for n, value in found if isinstance(value, Load) and is_row(value, row)]


def _stores(kernel: LoopKernel, stage: Stage) -> list[Store]:
    return [s for s in stage.stores if is_row(s, len(kernel.outer) - 1) and not s.add]


def _bytes_along(kernel: LoopKernel, stage: Stage) -> int:
    """Bytes that a sweep reads and writes for an element of a row."""
    loads = [v for v in (kernel.values[n] for n in stage.compute) if isinstance(v, Load)]
    along = len(kernel.outer)
    accesses = {
        (a.operand, a.index) for a in (*loads, *stage.stores) if coefficient(a.index, along) == 1
    }
    return sum(kernel.operands[operand].dtype.numpy.itemsize for operand, _ in accesses)


def _is_free(kernel: LoopKernel, store: Store, load: Load) -> bool:
    """Whether where the results go is only written, by that store, keeps nothing from sweep to
    sweep, and takes what is loaded."""
    accesses = [v for v in kernel.values if isinstance(v, Load)]
    accesses += [s for stage in kernel.stages for s in stage.stores if s is not store]
    alike = kernel.operands[store.operand].dtype == load.dtype
    used = {*(access.operand for access in accesses), *(operand for _, operand in kernel.kept)}
    return alike and store.operand not in used

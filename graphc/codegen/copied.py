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
enough to be worth more; where only what it reads does, unless all that a part sweeps is more than
its share of the caches; and where it waits for divisions or functions, it gains nothing. (Measured,
as multiples of a copy, arrays in the third cache: layer norm of 400 rows of 8192 elements 1.49 and
1.40, 100 of 16384 1.49 and 1.34, with scale and shift 200 of 5600 2.06 and 1.87, 512 of 8192 2.05
and 1.58; rms norm of those 1.68 and 1.40. Slower are layer norm of 64 rows of 8192, 1.17 and 1.30,
and x / max(abs(x)) of 64 of 8192, 1.21 and 1.57, and of 100 of 16384, 1.52 and 1.61.)
"""

from collections.abc import Collection
from dataclasses import dataclass, replace

from graphc.schedule.kernel import Load, LoopKernel, Stage, Store, Value
from graphc.schedule.merge import coefficient
from graphc.schedule.stages import is_row
from graphc.schedule.sweeps import cost_of

WIDE = 64 << 10  # bytes along a row that do not stay in the first cache during its last sweep
READ = 44 << 10  # the same of what that sweep reads
MANY = 16 << 20  # bytes that a part reads and writes, which do not stay in the last cache
DEAR = 4  # cycles of a division: a sweep that has one, or more, waits for those


@dataclass(frozen=True, slots=True)
class Copied:
    """From how many elements of a row on it is copied if a part has `many`, and from how many on in
    any case; the first sweep as it is, and as it copies; the last one, and its values then."""

    least: int
    sure: int
    many: int
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
    along = _bytes_along(kernel, last)
    least, sure = WIDE // along, READ // (along - load.dtype.numpy.itemsize)
    if not _is_free(kernel, store, load) or (isinstance(size, int) and size < least):
        return None
    if any(cost_of(kernel.values[n]) >= DEAR for n in last.compute):
        return None
    copy = replace(first, stores=(*first.stores, replace(store, value=number)))
    values = list(kernel.values)
    values[number] = replace(load, operand=store.operand, index=store.index)
    return Copied(least, sure, MANY // along, first, copy, last, tuple(values))


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

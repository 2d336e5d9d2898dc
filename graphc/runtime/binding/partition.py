"""How the steps of a program are split over parts: decided at binding, when sizes are known.

Enters: kernels, the numbers of their sizes, how many parts there may be. Leaves: a `Partition` a
step.

Measured on two Zen 5 cores at 4 GHz, AVX-512: a team costs 2.0 us, a barrier 0.1 to 0.3 us.
With two threads a chain of additions pays from 200,000 elements (16,000 cycles), tanh from 24,000
(16,000), five nested functions from 4,000 (40,000). Elements a cycle, times their cost: additions
27, tanh 24, exp 18, log 12, erf 11, sin 7; rows of 64 elements: 70 cycles for each reduction.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import prod

from graphc.codegen.columns import LANES
from graphc.dims import DimLike
from graphc.runtime.binding.cutting import Cut, Cuts
from graphc.runtime.micro.family import host_core
from graphc.schedule.blocking import Blocking, choose_blocking, make_blocking
from graphc.schedule.kernel import Axis, ContractKernel, Kernel, LoopKernel, Scalar, StripKernel
from graphc.schedule.memory import own_bytes
from graphc.schedule.tiles import SIZES, Matmul, in_groups, in_shares, transposed
from graphc.schedule.walk import ONCE, Loop

SPLIT_CYCLES = 4_000  # a step below this runs on one thread
LEAST_CYCLES = 1_000  # the same with many threads, for most of what it reads is in their caches
TEAM_CYCLES = 20_000  # a program whose split steps are below this together runs on one thread
COST_A_CYCLE = 16  # costs are of single elements in vectors: about so many a cycle
STREAM_BYTES = 22  # a cycle, out of the third cache
RUN_CYCLES = 2  # of a run of elements that a fill stores, short as it may be
ROW_CYCLES = 50  # a reduction along a row, beside its elements: it waits for the sum of its lanes
TILES_A_PART = 4  # tiles of columns that keep all parts busy until nearly the end
ROWS_A_SHARE = 4096  # rows of columns that are reduced together, eight at once
GRANULE = 64  # elements of a contiguous loop that stay together: four vectors


@dataclass(frozen=True, slots=True)
class Partition:
    """`extent` units in granules of `granule`, shared out over `parts`; a matmul has its blocks.

    `partial` says how many partial results a reduction over columns has, or a contraction. A
    `member` is run by a loop over strips, on so many parts at once; it may have a `smaller`
    partition for the last one. The loop has the `cut`.
    """

    extent: int
    granule: int
    parts: int
    cycles: int
    blocking: Blocking | None = None
    partial: int | None = None
    member: bool = False
    smaller: Partition | None = None
    cut: Cut | None = None

    @property
    def results(self) -> int:
        """How many partial results there are; 0 where there is nothing to do at all."""
        if self.partial is not None:
            return self.partial
        return self.parts if self.extent > 0 else 0


Numbers = Mapping[DimLike, int]


def partition_steps(
    kernels: Sequence[Kernel], numbers: Numbers, parts: int, cuts: Cuts, smaller: Numbers
) -> tuple[Partition, ...]:
    """The partition of every step; all of one part where a team is not worth its start.

    `smaller` are the numbers for the last strips along an axis.
    """
    chosen = list[Partition]()
    for number, kernel in enumerate(kernels):
        if isinstance(kernel, StripKernel):
            members = kernels[number + 1 : number + 1 + len(kernel.members)]
            chosen += _of_strips(kernel, members, numbers, smaller, parts, cuts[kernel])
        elif number == len(chosen):
            chosen.append(_partition(kernel, numbers, parts))
    split = sum(p.cycles for p in chosen if p.parts > 1 and not p.member)
    if parts > 1 and split < TEAM_CYCLES:
        return partition_steps(kernels, numbers, 1, cuts, smaller)
    return tuple([_apart(partition, partition.parts) for partition in chosen])


def _apart(partition: Partition, parts: int) -> Partition:
    """With the scratch of every part at a distance from that of the others."""
    blocking, smaller = partition.blocking, partition.smaller
    if blocking is not None:
        blocking = replace(blocking, scratch_bytes=own_bytes(blocking.scratch_bytes, parts))
    smaller = None if smaller is None else _apart(smaller, parts)
    return replace(partition, blocking=blocking, smaller=smaller)


def _of_strips(
    kernel: StripKernel,
    members: Sequence[Kernel],
    numbers: Numbers,
    smaller: Numbers,
    parts: int,
    cut: Cut,
) -> list[Partition]:
    """The partition of the loop, and then those of its members for one strip."""
    found = [_partition(member, numbers, 1) for member in members]
    cycles = sum(p.cycles * (cut.strips if p.blocking else 1) for p in found)
    granule = max(cut.counts[-1], 1) if kernel.sums else 1
    shares = -(-cut.strips // granule) if cycles >= _worth(parts) else 1
    parts = max(1, min(parts, shares))
    if cut.tail >= 0:
        ends = [_smaller(m, p, smaller) for m, p in zip(members, found, strict=True)]
        found = [_with_smaller(p, end) for p, end in zip(found, ends, strict=True)]
    found = [replace(p, parts=parts, member=True) for p in found]
    return [Partition(cut.strips, granule, parts, cycles, cut=cut), *found]


def _smaller(kernel: Kernel, partition: Partition, numbers: Numbers) -> Partition:
    """That of the last strip: of a matmul with the same tile, and the same way round."""
    blocking = partition.blocking
    if not isinstance(kernel, ContractKernel) or blocking is None:
        return _partition(kernel, numbers, 1)
    matmul = _matmul(kernel, numbers, 1)
    turn = blocking.turned > 0
    if turn:
        matmul = transposed(matmul)
    other = make_blocking(matmul, blocking.whole, host_core(), 1, turn)
    return Partition(other.extent, 1, 1, 0, other)


def _with_smaller(partition: Partition, other: Partition) -> Partition:
    """Both, with the scratch that is enough for either."""
    one, two = partition.blocking, other.blocking
    if one is not None and two is not None:
        enough = max(one.scratch_bytes, two.scratch_bytes)
        partition = replace(partition, blocking=replace(one, scratch_bytes=enough))
        other = replace(other, blocking=replace(two, scratch_bytes=enough))
    return replace(partition, smaller=other)


def _partition(kernel: Kernel, numbers: Numbers, parts: int) -> Partition:
    assert not isinstance(kernel, StripKernel)
    if isinstance(kernel, ContractKernel):
        return _of_matmul(kernel, numbers, parts)
    whole = _of_loops(kernel, numbers)
    if whole.cycles < _worth(parts):
        return whole
    if whole.partial is not None:
        assert isinstance(kernel, LoopKernel)
        whole = _over_rows(whole, _number(kernel.inner[0], numbers), parts)
    # Every part has work to do: partial results are read from all of them.
    blocks = -(-whole.extent // whole.granule)
    return replace(whole, parts=max(1, min(parts, blocks)))


def _worth(parts: int) -> int:
    """Cycles from which on a step is split. Measured with 16 threads on a server: copies of 64 kB
    take 9 us on one thread, 3 us where it has computed them itself."""
    return min(SPLIT_CYCLES, max(2 * SPLIT_CYCLES // max(parts, 2), LEAST_CYCLES))


def _of_loops(kernel: LoopKernel, numbers: Numbers) -> Partition:
    if kernel.split is None:
        # Nothing to share out: one call, which loops over everything.
        return Partition(1, 1, 1, 0)
    cycles = _number(kernel.cost, numbers) // COST_A_CYCLE + _row_cycles(kernel, numbers)
    cycles += _run_cycles(kernel, numbers)
    if kernel.lanes == "outer":
        return _of_columns(kernel, numbers, cycles)
    extent = _number(kernel.extents[kernel.split], numbers)
    loops = kernel.outer if kernel.lanes == "window" else kernel.extents
    last = kernel.split == len(loops) - 1
    return Partition(extent, GRANULE if last else 1, 1, cycles)


def _of_columns(kernel: LoopKernel, numbers: Numbers, cycles: int) -> Partition:
    """Units are tiles of columns, for each step of the first loop or part of the rows."""
    tiles = -(-_number(kernel.outer[-1], numbers) // LANES)
    if kernel.parts is not None:
        return Partition(tiles, 1, 1, cycles, partial=1)
    first = _number(kernel.outer[0], numbers) if len(kernel.outer) > 1 else 1
    return Partition(tiles * first, 1, 1, cycles)


def _over_rows(whole: Partition, rows: int, parts: int) -> Partition:
    """The rows of columns shared out too, where there are too few tiles for so many parts, or where
    so many rows would be summed up one after the other that errors grow."""
    enough = 1 if whole.extent >= TILES_A_PART * parts else parts
    shares = max(1, min(enough * -(-rows // (enough * ROWS_A_SHARE)), rows))
    return replace(whole, extent=whole.extent * shares, partial=shares)


def _run_cycles(kernel: LoopKernel, numbers: Numbers) -> int:
    """Zeros around images are short runs. Measured with two threads: where one of them stores all,
    lines go from core to core and back, 37 us of 100 for a first layer of 32 images."""
    if not all(isinstance(value, Scalar) for value in kernel.values):
        return 0
    stores = sum(len(stage.stores) for stage in kernel.stages)
    runs = prod(_number(size, numbers) for size in kernel.extents[:-1])
    return RUN_CYCLES * stores * runs


def _row_cycles(kernel: LoopKernel, numbers: Numbers) -> int:
    if kernel.lanes != "inner" or not kernel.inner:
        return 0
    reductions = sum(len(stage.reduces) for stage in kernel.stages)
    return ROW_CYCLES * reductions * prod(_number(size, numbers) for size in kernel.outer)


def _matmul(kernel: ContractKernel, numbers: Numbers, parts: int) -> Matmul:
    """What a contraction is at these sizes; parts may share out its depth."""

    def loop(axis: Axis) -> Loop:
        return Loop(*(_number(size, numbers) for size in (axis.extent, axis.left, axis.right)))

    row, column = (ONCE if n is None else loop(kernel.axes[n]) for n in (kernel.row, kernel.column))
    outer = [n for n in kernel.outer if n != kernel.share]
    matmul = Matmul(
        kernel.dtype.name,
        tuple(loop(kernel.axes[n]) for n in outer),
        sum(kernel.axes[n].right != 0 for n in outer),
        row.extent,
        column.extent,
        tuple(loop(axis) for axis in kernel.depth),
        row.a,
        column.b,
        kernel.plain,
    )
    return matmul if kernel.share is None else in_shares(matmul, parts)


def _of_matmul(kernel: ContractKernel, numbers: Numbers, parts: int) -> Partition:
    one = blocking = _blocking(kernel, numbers, 1)
    cycles = max(one.cycles, _streamed_cycles(one.matmul))
    if cycles < SPLIT_CYCLES:
        parts = 1
    if parts > 1:
        blocking = _blocking(kernel, numbers, parts)
    shares = None if kernel.share is None else blocking.matmul.outer[0].extent
    return Partition(blocking.extent, 1, parts, cycles, blocking, shares)


def _streamed_cycles(matmul: Matmul) -> int:
    """To read a matrix that the second cache does not hold, which takes longer than its sums where
    those are few: 250 x 2000 x 1 is 11 us on two threads, 23 on one."""
    size = max(matmul.rows, matmul.columns) * matmul.k * SIZES.get(matmul.dtype, 8)
    return size // STREAM_BYTES if size > host_core().l2 and len(matmul.depth) == 1 else 0


def _blocking(kernel: ContractKernel, numbers: Numbers, parts: int) -> Blocking:
    """The cheaper one: of the contraction as it is, or with its rows in groups."""
    matmul = _matmul(kernel, numbers, parts)
    plain = choose_blocking(matmul, host_core(), parts)
    grouped = in_groups(matmul, host_core()) if _are_rows_in_order(kernel) else None
    if grouped is None:
        return plain
    other = choose_blocking(grouped, host_core(), parts)
    return other if other.cycles < plain.cycles and other.extent >= parts else plain


def _are_rows_in_order(kernel: ContractKernel) -> bool:
    """Whether sums of shares lie in memory as if the last outer loop were part of the rows."""
    if kernel.share is None or kernel.row is None or kernel.outer[-1] == kernel.share:
        return False
    steps = dict(kernel.stage.stores[0].index.terms)
    row = steps.get(kernel.row, 0) * kernel.axes[kernel.row].extent
    return steps.get(kernel.outer[-1], 0) == row


def _number(size: DimLike, numbers: Numbers) -> int:
    return size if isinstance(size, int) else numbers[size]

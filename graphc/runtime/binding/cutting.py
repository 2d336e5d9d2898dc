"""How loops over strips are cut: decided at binding, when sizes are known.

Enters: the loops of a program, the numbers of their sizes, how many parts there may be. Leaves: a
`Cut` a loop: how much of each axis a strip has, and the sizes that this sets.

A strip is as many rows as keep its own memory in the second cache, or several whole heads.
Measured, heads of 1024 and 4096 rows: a half takes 7 % longer, fewer than 64 rows up to 8 %, for
every strip packs the keys again.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import prod

from graphc.dims import DimLike
from graphc.runtime.binding.code import Code, Strips
from graphc.runtime.micro.family import host_core
from graphc.schedule.kernel import StripKernel
from graphc.schedule.memory import LINE, Interval, plan_memory

FEWEST_ROWS = 64  # of a strip, whatever the cache
STRIPS_A_PART = 4  # that all parts are busy until nearly the end


@dataclass(frozen=True, slots=True)
class Cut:
    """Strips of `units` along each of the axes, the last one smaller. Of an axis of size 0 the unit
    may be 0: then there is one strip, which clears what strips add to."""

    axes: tuple[int, ...]
    units: tuple[int, ...]

    @property
    def counts(self) -> tuple[int, ...]:
        """How many strips there are along each axis."""
        sizes = zip(self.axes, self.units, strict=True)
        return tuple(-(-size // unit) if unit else 1 for size, unit in sizes)

    @property
    def strips(self) -> int:
        """How many strips there are."""
        return prod(self.counts)

    @property
    def smaller(self) -> tuple[int, ...]:
        """The units of the last strip along each axis."""
        sizes = zip(self.axes, self.units, strict=True)
        return tuple((size % unit or unit) if unit else 0 for size, unit in sizes)

    @property
    def tail(self) -> int:
        """The axis along which the last strip is smaller, or -1."""
        found = [n for n, unit in enumerate(self.units) if self.smaller[n] != unit]
        return found[0] if found else -1


Cuts = Mapping[StripKernel, Cut]


def cuts_of(code: Code, sizes: Mapping[str, int], parts: int) -> Cuts:
    """The cut of each loop over strips."""
    if not code.strips:
        return {}
    numbers = code.cuts.at(sizes)
    return {strips.kernel: _cut(strips, numbers, parts) for strips in code.strips}


def whole(code: Code, sizes: Mapping[str, int]) -> Cuts:
    """Cuts into one strip: all that a kernel does."""
    if not code.strips:
        return {}
    numbers = code.cuts.at(sizes)
    axes = {s.kernel: tuple(numbers[a] for a in s.kernel.axes) for s in code.strips}
    return {kernel: Cut(sizes, sizes) for kernel, sizes in axes.items()}


def named_sizes(cuts: Cuts, smaller: bool = False) -> dict[str, int]:
    """The numbers of the names that the cuts set."""
    names: dict[str, int] = {}
    for kernel, cut in cuts.items():
        units = cut.smaller if smaller else cut.units
        names |= {str(name): unit for name, unit in zip(kernel.units, units, strict=True)}
        names |= {str(name): 0 for name in kernel.starts}
    return names


def _cut(strips: Strips, numbers: Mapping[DimLike, int], parts: int) -> Cut:
    kernel = strips.kernel
    axes = tuple(numbers[size] for size in kernel.axes)
    rows, ones = axes[-1], (1,) * (len(axes) - 1)
    if not axes[-1]:
        return Cut(axes, (*ones, 0))
    fit = host_core().l2 // max(_row_bytes(strips, numbers), 1)
    heads = max(prod(axes[:-1]), 1)
    if fit < rows:
        most = max(fit, FEWEST_ROWS)
        unit = _even(rows, most) if kernel.sums else _shared(rows, most, heads, parts)
        return Cut(axes, (*ones, unit))  # parts share out whole heads where there are sums
    together = min(fit // rows, heads // (STRIPS_A_PART * parts))
    if ones and together > 1:
        return Cut(axes, (*ones[:-1], _even(max(axes[-2], 1), together), rows))
    if heads < parts and not kernel.sums:
        return Cut(axes, (*ones, _even(rows, -(-rows * heads // parts))))
    return Cut(axes, (*ones, rows))


def _even(size: int, most: int) -> int:
    """Shares of about one size, none above `most`."""
    return -(-size // -(-size // min(most, size)))


def _shared(rows: int, most: int, heads: int, parts: int) -> int:
    """The same of the rows of some heads, where there are few strips a multiple of the parts."""
    strips = -(-rows // most)
    while heads * strips % parts and heads * strips < 2 * STRIPS_A_PART * parts:
        strips += 1
    return -(-rows // strips)


def _row_bytes(strips: Strips, numbers: Mapping[DimLike, int]) -> int:
    """Memory of its own that a strip of one row has: shared by those that are not there at once."""
    rows = [
        Interval(prod(numbers[n] for n in strips.row(b)) * b.type.dtype.itemsize, *life)
        for b, life in strips.lives.items()
    ]
    return plan_memory(rows).total if rows else LINE

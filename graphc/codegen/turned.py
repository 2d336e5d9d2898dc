"""Short rows turned into columns: tiles through which a column kernel reads and writes memory.

Enters: a kernel whose lanes run across rows of a few elements, which lie one behind the other.
Leaves: which of its accesses go through tiles, so that lanes never jump:

    for j in range(width):              # rows as they lie in memory
        for i1 in range(10):
            x0[i1 * 128 + j] = a0[(first + j) * s0_0 + i1]
    ...                                 # sweeps over x0[i1 * 128 + j]
"""

from collections.abc import Sequence
from dataclasses import dataclass

from graphc.dims import product
from graphc.lowering import Index
from graphc.schedule.kernel import Load, LoopKernel, Store
from graphc.schedule.merge import coefficient
from graphc.types import DType


@dataclass(frozen=True, slots=True)
class Turned:
    """Elements of an operand that a tile of this name stands for, and whether they are written."""

    name: str
    operand: int
    index: Index
    dtype: DType
    written: bool


def turned(kernel: LoopKernel, stores: Sequence[Store]) -> list[Turned]:
    """The accesses of a column kernel that jump along the lanes; sizes of rows are known."""
    if kernel.lanes != "outer" or not all(isinstance(size, int) for size in kernel.inner):
        return []
    loads = [v for v in kernel.values if isinstance(v, Load)]
    found: dict[tuple[int, Index], Turned] = {}
    for access in (*loads, *stores):
        if _jumps(kernel, access) and (access.operand, access.index) not in found:
            written = isinstance(access, Store)
            name = f"{'to' if written else 'of'}{access.operand}_{len(found)}"
            dtype = kernel.operands[access.operand].dtype
            place = access.operand, access.index
            found[place] = Turned(name, *place, dtype, written)
    written = {t.operand for t in found.values() if t.written}
    read = {t.operand for t in found.values() if not t.written}
    return [t for t in found.values() if t.operand not in written & read]


def _jumps(kernel: LoopKernel, access: Load | Store) -> bool:
    along = coefficient(access.index, len(kernel.outer) - 1)
    row = coefficient(access.index, len(kernel.extents) - 1)
    return access.position is None and along not in (0, 1) and row == 1


def place_in_row(kernel: LoopKernel, extents: Sequence[object]) -> str:
    """The number of an inner point, such as (i1 * 3 + i2), with these extents of all loops."""
    text = ""
    for v in range(len(kernel.outer), len(kernel.extents)):
        text = f"({text} * {extents[v]} + i{v})" if text else f"i{v}"
    return text or "0"


def row_size(kernel: LoopKernel) -> int:
    """How many points a row has."""
    size = product(kernel.inner)
    assert isinstance(size, int)
    return size

"""The loops of a kernel in words, for the head of its source.

Enters: a LoopKernel. Leaves: a line such as "outer i0, inner i1".
"""

from graphc.codegen.columns import LANES
from graphc.schedule.kernel import LoopKernel


def summary(kernel: LoopKernel) -> str:
    """The loops in words."""
    count = len(kernel.outer)
    outer = ", ".join(f"i{v}" for v in range(count))
    inner = ", ".join(f"i{v}" for v in range(count, len(kernel.extents)))
    tiles = f" in tiles of {LANES} columns" if kernel.lanes == "outer" else ""
    loops = [f"outer {outer}{tiles}"] * bool(outer) + [f"inner {inner}"] * bool(inner)
    return ", ".join(loops) or "one element"

"""Narrow columns folded: a sweep over rows of a few columns takes several of them as one wide row.

Enters: a kernel that reduces contiguous columns, shared out over parts. Leaves: whether it folds,
and what is the same in every row, which is repeated in tiles as often as rows lie side by side:

    fold = floordiv(128, width)
    for r in range(fold):
        for j in range(width):
            c1[r * width + j] = a1[first + j]
    for group in range(groups):             # fold rows each
        for j in range(fold * width):
            r5[j] = accumulate(r5[j], a0[j + row * s0_2] * c1[j])

A loop over 16 columns is one vector: it costs more to enter than to run.
"""

from collections.abc import Sequence

from graphc.codegen.body import accumulated
from graphc.codegen.writer import Writer
from graphc.schedule.kernel import Compute, Load, LoopKernel, Reduced, Scalar, Stage, Store
from graphc.types import DType

COLUMN, ROW = 1, 2  # loop variables of a kernel that is shared out over parts, which are loop 0


def folds(kernel: LoopKernel, lanes: int) -> bool:
    """Whether two rows fit the lanes, one behind the other in memory, and are swept once."""
    sweeps = [stage for stage in kernel.stages if stage.level == "inner"]
    if kernel.lanes != "outer" or kernel.parts is None or len(kernel.extents) != 3:
        return False
    columns = kernel.extents[COLUMN]
    few = isinstance(columns, int) and 0 < columns <= lanes // 2
    return few and len(sweeps) == 1 and not sweeps[0].keep and _is_swept(kernel, sweeps[0])


def _is_swept(kernel: LoopKernel, sweep: Stage) -> bool:
    """Whether all that a sweep does is the same for every row, or goes on from one to the next."""
    values = [kernel.values[number] for number in sweep.compute]
    loads = [value for value in values if isinstance(value, Load)]
    known = all(isinstance(value, Load | Compute | Scalar) for value in values)
    return known and all(_is_flat(kernel, access) for access in (*loads, *sweep.stores))


def _is_flat(kernel: LoopKernel, access: Load | Store) -> bool:
    whole = {COLUMN: 1, ROW: kernel.extents[COLUMN]}
    loaded = isinstance(access, Load) and ROW not in dict(access.index.terms)
    return access.position is None and (dict(access.index.terms) == whole or loaded)


def repeated(kernel: LoopKernel) -> dict[str, Load]:
    """What the sweep reads that has a value for each column alone, by the names of its tiles."""
    (sweep,) = (stage for stage in kernel.stages if stage.level == "inner")
    values = [kernel.values[number] for number in sweep.compute]
    loads = [v for v in values if isinstance(v, Load) and v.index.terms == ((COLUMN, 1),)]
    places = {(load.operand, load.index): load for load in loads}
    return {f"c{n}": load for n, load in enumerate(places.values())}


def fold(writer: Writer, lanes: int, count: int, tiles: Sequence[tuple[str, str]]) -> None:
    """How many rows lie side by side, where a sweep takes `count` of them at once: `fold`. Fills
    tiles, each from the text of a column's value, for as many."""
    most = f"minimum(floordiv({lanes}, width), floordiv(high - low, {count}))"
    writer.line(f"fold = maximum(1, {most})")
    if tiles:
        with writer.block("for r in range(fold):"), writer.block("for j in range(width):"):
            writer.line(f"i{COLUMN} = first + j")
            for name, text in tiles:
                writer.line(f"{name}[r * width + j] = {text}")


def unfold(writer: Writer, reduced: Sequence[tuple[int, Reduced, DType]]) -> None:
    """Adds the columns of the other rows to those of the first; given numbers, values, dtypes."""
    with writer.block("for r in range(1, fold):"), writer.block("for j in range(width):"):
        writer.line("other = r * width + j")
        for number, value, dtype in reduced:
            new = accumulated(value, f"r{number}[j]", f"r{number}[other]", dtype)
            writer.line(f"r{number}[j] = {new}")

"""Kernels of columns: accumulators are tiles, and the last outer loop is vectorised.

Enters: a kernel while it is written. Leaves: the text of its stages, tile by tile.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from graphc.codegen.columns import LANES, add_in_pairs, rows_together
from graphc.codegen.folded import fold, folds, repeated, unfold
from graphc.codegen.frame import Frame
from graphc.codegen.turned import Turned, place_in_row, row_size, turned
from graphc.schedule.kernel import Load, Reduced, Stage


@dataclass(frozen=True, slots=True)
class Columns:
    """What a kernel of columns has beside its frame: rows that are turned into columns, whether
    several lie side by side, and what is repeated for each of them."""

    frame: Frame
    turned: Sequence[Turned]
    folds: bool
    repeated: Mapping[str, Load]


def _prepared(frame: Frame) -> Columns:
    """Tiles for turned rows, repeated values, accumulators and kept values."""
    kernel, line, elements = frame.kernel, frame.writer.line, frame.elements
    stores = [store for stage in kernel.stages for store in stage.stores]
    is_folded = folds(kernel, LANES)
    columns = Columns(
        frame, turned(kernel, stores), is_folded, repeated(kernel) if is_folded else {}
    )
    place = place_in_row(kernel, kernel.extents)
    for t in columns.turned:
        line(f"{t.name} = tile({LANES * row_size(kernel)}, {t.dtype.short})")
        elements.turned[t.operand, t.index] = f"{t.name}[{place} * {LANES} + j]"
    for name, load in columns.repeated.items():
        line(f"{name} = tile({LANES}, {load.dtype.short})")
    kept = {n for stage in kernel.stages for n in stage.keep}
    for number, value in enumerate(kernel.values):
        if isinstance(value, Reduced):
            line(f"r{number} = tile({LANES}, {frame.source(value).short})")
            if value.combine in ("argmax", "argmin"):
                line(f"k{number} = tile({LANES}, i64)")
        elif number in kept:
            frame.kept[number] = f"m{number}[{{}}]"
            line(f"m{number} = tile({LANES}, {elements.dtype(number).short})")
    return columns


def write_columns(frame: Frame) -> None:
    """The loops over tiles of columns."""
    columns = _prepared(frame)
    kernel, line = frame.kernel, frame.writer.line
    last = len(kernel.outer) - 1
    if last > 0:
        line(f"tiles = floordiv({frame.extents[last]} + {LANES - 1}, {LANES})")
    with frame.writer.block("for unit in range(begin, end):"):
        if last > 0:
            line("i0 = floordiv(unit, tiles)")
        line(f"first = {'(unit - i0 * tiles)' if last > 0 else 'unit'} * {LANES}")
        line(f"width = minimum({LANES}, {frame.extents[last]} - first)")
        if kernel.parts is not None:
            rows, parts = frame.extents[last + 1], frame.extents[0]
            line(f"low = floordiv(i0 * {rows}, {parts})")
            line(f"high = floordiv((i0 + 1) * {rows}, {parts})")
        with frame.nest(range(1, last)):
            _turn(columns, written=False)
            for stage in kernel.stages:
                if stage.level == "row":
                    with _column_loop(frame):
                        frame.statements(stage, "j")
                else:
                    _column_sweep(columns, stage, last)
            _turn(columns, written=True)


def _turn(columns: Columns, written: bool) -> None:
    """Copies rows into tiles before the sweeps, and back behind them."""
    frame = columns.frame
    chosen = [t for t in columns.turned if t.written == written]
    if not chosen:
        return
    inner = range(len(frame.kernel.outer), len(frame.kernel.extents))
    with _column_loop(frame), frame.nest(inner):
        for t in chosen:
            memory = frame.elements.memory(t.operand, t.index)
            tile = frame.elements.turned[t.operand, t.index]
            frame.writer.line(f"{memory} = {tile}" if written else f"{tile} = {memory}")


def _column_sweep(columns: Columns, stage: Stage, last: int) -> None:
    frame = columns.frame
    inner = len(frame.kernel.extents) - 1
    count = rows_together(frame.kernel, stage)
    if columns.folds:
        _fold(columns, stage, count)
    if stage.reduces:
        with frame.writer.block(f"for j in range({_wide(columns)}):"):
            frame.start(stage)
    with frame.nest(range(last + 1, inner)):
        low, high = frame.bounds(inner)
        start = "" if low == "0" else f"{low} + "
        if count > 1 or columns.folds:
            _several_rows(columns, stage, inner, count)
            low = f"{start}groups * {_folded(columns, count)}"
        rows = frame.writer.block(f"for i{inner} in range({low}, {high}):")
        with rows, _column_loop(frame):
            frame.statements(stage, "j")
            frame.accumulate(stage, "[j]")
    if columns.folds:
        values = [(n, frame.reduction(n)) for n in stage.reduces]
        unfold(frame.writer, [(n, v, frame.source(v)) for n, v in values])


def _wide(columns: Columns) -> str:
    """How many columns a row has, or rows side by side have."""
    return "fold * width" if columns.folds else "width"


def _folded(columns: Columns, count: int) -> str:
    """How many rows so many turns of a sweep take."""
    return str(count) if not columns.folds else "fold" if count == 1 else f"{count} * fold"


def _fold(columns: Columns, stage: Stage, count: int) -> None:
    """Repeats for every row side by side what the sweep reads of a column."""
    frame = columns.frame
    tiles = [(f"m{n}", f"m{n}[j]") for n in stage.reuse]
    for name, value in columns.repeated.items():
        tiles.append((name, frame.elements.memory(value.operand, value.index)))
        frame.elements.turned[value.operand, value.index] = f"{name}[j]"
    fold(frame.writer, LANES, count, tiles)


def _several_rows(columns: Columns, stage: Stage, inner: int, count: int) -> None:
    """Several rows for each access to the accumulators, which are added up in pairs."""
    frame = columns.frame
    line = frame.writer.line
    low, high = frame.bounds(inner)
    size, start = (high, "") if low == "0" else (f"{high} - {low}", f"{low} + ")
    line(f"groups = floordiv({size}, {_folded(columns, count)})")
    with frame.writer.block("for group in range(groups):"):
        line(f"row = {start}group * {_folded(columns, count)}")
        with _column_loop(frame, _wide(columns)):
            for turn in range(count):
                line(f"i{inner} = row + {_folded(columns, turn)}" if turn else f"i{inner} = row")
                frame.statements(stage, "j")
                for number in stage.reduces:
                    new = frame.elements.name(frame.reduction(number).value)
                    line(f"x{number}_{turn} = {new}")
            for number in stage.reduces:
                value = frame.reduction(number)
                add_in_pairs(frame.writer, value, frame.source(value), number, count)


@contextmanager
def _column_loop(frame: Frame, width: str = "width") -> Iterator[None]:
    last = len(frame.kernel.outer) - 1
    with frame.writer.block(f"for j in range({width}):"):
        frame.writer.line(f"i{last} = first + j")
        yield

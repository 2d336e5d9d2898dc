"""Loop kernels as Python source.

Enters: a LoopKernel. Leaves: the text of `kernel(begin, end, part, args)` and its words. For
example, of what goes over rows twice, the first time:

    for i0 in range(begin, end):
        r1 = f32(-1e999)
        for i1 in range(n1):
            t0 = a0[i0 * s0_0 + i1]
            r1 = reduce_max(t0, r1)
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager

from graphc.codegen import row_groups
from graphc.codegen.body import Elements, accumulated, checks, reduction_start, write_best
from graphc.codegen.columns import LANES, add_in_pairs, rows_together
from graphc.codegen.folded import fold, folds, repeated, unfold
from graphc.codegen.masked import add_masked, masked_sums, without
from graphc.codegen.maxima import blind_maxima, is_float_sum
from graphc.codegen.phases import STRIP, Phase, phases
from graphc.codegen.row_prefetch import ahead, fetch
from graphc.codegen.summary import summary
from graphc.codegen.turned import Turned, place_in_row, row_size, turned
from graphc.codegen.windows import points, windows_of
from graphc.codegen.words import Emitted, ErrorWord, FirstCode, Size, Words
from graphc.codegen.writer import Writer
from graphc.schedule.kernel import LoopKernel, Reduced, Stage
from graphc.types import DType

BLOCK = 4096  # elements that are summed up before their sum is added to others


def emit_loops(kernel: LoopKernel) -> Emitted:
    """The source of a loop kernel."""
    return _Loops(kernel).emit()


class _Loops:
    """The emission of one kernel."""

    __slots__ = (
        "_blind",
        "_elements",
        "_extents",
        "_folds",
        "_kept",
        "_kernel",
        "_pointers",
        "_repeated",
        "_turned",
        "_words",
        "_writer",
    )

    def __init__(self, kernel: LoopKernel) -> None:
        self._kernel = kernel
        self._writer = Writer()
        self._words = Words(self._writer)
        self._extents: list[str] = []
        self._pointers: list[str] = []
        self._blind = blind_maxima(kernel)
        self._folds = folds(kernel, LANES)
        self._repeated = repeated(kernel) if self._folds else {}
        self._kept: dict[int, str] = {}
        self._turned: list[Turned] = []

    def emit(self) -> Emitted:
        kernel, line = self._kernel, self._writer.line
        with self._writer.block("def kernel(begin, end, part, args):"):
            line(f'"""{kernel.origin.title}: {summary(kernel)}."""')
            line("w = words(args)")
            self._pointers = self._words.pointers(kernel.operands)
            for v, extent in enumerate(kernel.extents):
                name = "end" if self._is_split(v) else self._words.name(f"n{v}", Size(extent))
                self._extents.append(name)
            self._elements = Elements(
                self._writer, self._words, kernel.values, self._pointers, self._reduced()
            )
            self._elements.windows = windows_of(kernel)
            stores = [store for stage in kernel.stages for store in stage.stores]
            self._elements.prepare(stores)
            self._turned = turned(kernel, stores)
            self._tiles()
            if checks(kernel.values):
                line("failed = 0")
            if kernel.lanes == "outer":
                self._columns()
            elif kernel.lanes == "window":
                self._rows(self._window)
            elif row_groups.in_groups(kernel):
                self._row_groups()
            else:
                self._rows(self._sweep)
            if checks(kernel.values):
                with self._writer.block("if failed != 0:"):
                    error = self._words.name("error", ErrorWord())
                    code = self._words.name("first_code", FirstCode())
                    line(f"store_error({error}, {code} + failed)")
        return Emitted(self._writer.text(), tuple(self._words.entries))

    def _is_split(self, v: int) -> bool:
        """Whether a part runs its share of the loop; of columns it has a share of the tiles."""
        return v == self._kernel.split and self._kernel.lanes != "outer"

    def _reduced(self) -> dict[int, str]:
        column = "[j]" if self._kernel.lanes == "outer" else ""
        result = {}
        for number, value in enumerate(self._kernel.values):
            if isinstance(value, Reduced):
                prefix = "k" if value.combine in ("argmax", "argmin") else "r"
                result[number] = f"{prefix}{number}{column}"
        return result

    def _tiles(self) -> None:
        """Accumulators and kept values of a column kernel are tiles; kept rows are scratch."""
        kernel = self._kernel
        if kernel.lanes != "outer":
            self._kept = row_groups.kept_rows(kernel, self._elements, self._pointers)
            return
        place = place_in_row(kernel, kernel.extents)
        for t in self._turned:
            size = LANES * row_size(kernel)
            self._writer.line(f"{t.name} = tile({size}, {t.dtype.short})")
            self._elements.turned[t.operand, t.index] = f"{t.name}[{place} * {LANES} + j]"
        for name, value in self._repeated.items():
            self._writer.line(f"{name} = tile({LANES}, {value.dtype.short})")
        kept = {n for stage in kernel.stages for n in stage.keep}
        for number, value in enumerate(kernel.values):
            if isinstance(value, Reduced):
                self._writer.line(f"r{number} = tile({LANES}, {self._source(value).short})")
                if value.combine in ("argmax", "argmin"):
                    self._writer.line(f"k{number} = tile({LANES}, i64)")
            elif number in kept:
                self._kept[number] = f"m{number}[{{}}]"
                short = self._elements.dtype(number).short
                self._writer.line(f"m{number} = tile({LANES}, {short})")

    def _source(self, value: Reduced) -> DType:
        """The dtype that a reduction accumulates in: that of what it reads."""
        return self._elements.dtype(value.value)

    # ---- rows: accumulators are variables, the inner loop is vectorised ----

    def _rows(self, inner: Callable[[Stage], None]) -> None:
        """The outer loops around row statements and what `inner` makes of the other stages."""
        kernel = self._kernel
        with self._nest(range(len(kernel.outer))):
            for stage in kernel.stages:
                if stage.level == "row":
                    self._statements(stage, "")
                else:
                    inner(stage)

    def _row_groups(self) -> None:
        """Each stage for all rows of a group, before the next stage."""
        kernel, line = self._kernel, self._writer.line
        last = len(kernel.outer) - 1
        crossings = row_groups.crossing(kernel)
        for number in (n for _, keeps in crossings for n in keeps):
            line(f"m{number} = tile({row_groups.ROWS}, {self._elements.dtype(number).short})")
        size = " * ".join(self._extents[last + 1 :])
        with self._nest(range(last)), row_groups.groups(self._writer, *self._bounds(last), size):
            for stage, (takes, keeps) in zip(kernel.stages, crossings, strict=True):
                with self._loop(last, "start", "stop"):
                    for number in takes:
                        kept = f"m{number}[i{last} - start]"
                        text = f"settled({kept})" if number in self._blind else kept
                        line(f"{self._elements.name(number)} = {text}")
                    self._sweep(stage) if stage.level == "inner" else self._statements(stage, "")
                    for number in keeps:
                        line(f"m{number}[i{last} - start] = {self._elements.name(number)}")

    def _sweep(self, stage: Stage) -> None:
        self._start(stage)
        first, last = len(self._kernel.outer), len(self._kernel.extents) - 1
        if self._kernel.parts is not None and last == 0:
            self._blocks(stage)
        elif first > last:
            self._point(Phase(stage))
        else:
            with self._nest(range(first, last)):
                self._innermost(stage, *self._bounds(last))

    def _innermost(self, stage: Stage, low: str, high: str) -> None:
        """The innermost loop; that of a long body in phases, over strips."""
        parts, line = phases(self._kernel.values, stage), self._writer.line
        v, fetches = len(self._kernel.extents) - 1, ahead(self._kernel, stage)
        if len(parts) == 1 and not fetches:
            with self._loop(v, low, high):
                self._point(parts[0])
            return
        for part in parts:
            for number in part.keep:
                line(f"m{number} = tile({STRIP}, {self._elements.dtype(number).short})")
        line(f"strips = floordiv({high} - {low} + {STRIP - 1}, {STRIP})")
        with self._writer.block("for strip in range(strips):"):
            line(f"first = {low} + strip * {STRIP}")
            line(f"last = minimum(first + {STRIP}, {high})")
            for one in fetches:
                fetch(self._writer, self._elements, self._pointers, one, high)
            for part in parts:
                with self._loop(v, "first", "last"):
                    self._point(part, f"i{v} - first")

    def _point(self, part: Phase, place: str = "0") -> None:
        """What is done at a point of the inner loops, `place` being where it stands in a strip."""
        for number in part.take:
            self._writer.line(f"{self._elements.name(number)} = m{number}[{place}]")
        in_row = place_in_row(self._kernel, self._extents)
        self._statements(part.stage, row_groups.place_in_group(self._kernel, in_row))
        for number in part.keep:
            self._writer.line(f"m{number}[{place}] = {self._elements.name(number)}")
        self._accumulate(part.stage, "")

    def _blocks(self, stage: Stage) -> None:
        """Sums of blocks are added up apart, so that their errors do not grow with the length."""
        line = self._writer.line
        line(f"blocks = floordiv(end - begin + {BLOCK - 1}, {BLOCK})")
        sums = [n for n in stage.reduces if is_float_sum(self._kernel.values, n)]
        with self._writer.block("for block in range(blocks):"):
            line(f"low = begin + block * {BLOCK}")
            line(f"high = minimum(low + {BLOCK}, end)")
            for number in sums:
                line(f"total{number} = r{number}")
                line(f"r{number} = {self._source(self._reduction(number)).short}(0)")
            self._innermost(stage, "low", "high")
            for number in sums:
                line(f"r{number} = accumulate(total{number}, r{number})")

    # ---- windows: the last outer loop is vectorised around all points of the inner ones ----

    def _window(self, stage: Stage) -> None:
        masked = masked_sums(self._kernel, stage)
        plain = without(stage, masked)
        self._start(stage)
        for point in points(self._kernel):
            for v, position in point:
                self._writer.line(f"i{v} = {position}")
            self._statements(plain, "")
            self._accumulate(plain, "")
            add_masked(self._elements, masked)

    # ---- columns: accumulators are tiles, the last outer loop is vectorised ----

    def _columns(self) -> None:
        kernel, line = self._kernel, self._writer.line
        last = len(kernel.outer) - 1
        if last > 0:
            line(f"tiles = floordiv({self._extents[last]} + {LANES - 1}, {LANES})")
        with self._writer.block("for unit in range(begin, end):"):
            if last > 0:
                line("i0 = floordiv(unit, tiles)")
            line(f"first = {'(unit - i0 * tiles)' if last > 0 else 'unit'} * {LANES}")
            line(f"width = minimum({LANES}, {self._extents[last]} - first)")
            if kernel.parts is not None:
                rows, parts = self._extents[last + 1], self._extents[0]
                line(f"low = floordiv(i0 * {rows}, {parts})")
                line(f"high = floordiv((i0 + 1) * {rows}, {parts})")
            with self._nest(range(1, last)):
                self._turn(written=False)
                for stage in kernel.stages:
                    if stage.level == "row":
                        with self._column_loop():
                            self._statements(stage, "j")
                    else:
                        self._column_sweep(stage, last)
                self._turn(written=True)

    def _turn(self, written: bool) -> None:
        """Copies rows into tiles before the sweeps, and back behind them."""
        chosen = [t for t in self._turned if t.written == written]
        if not chosen:
            return
        inner = range(len(self._kernel.outer), len(self._kernel.extents))
        with self._column_loop(), self._nest(inner):
            for t in chosen:
                memory = self._elements.memory(t.operand, t.index)
                tile = self._elements.turned[t.operand, t.index]
                self._writer.line(f"{memory} = {tile}" if written else f"{tile} = {memory}")

    def _column_sweep(self, stage: Stage, last: int) -> None:
        inner = len(self._kernel.extents) - 1
        count = rows_together(self._kernel, stage)
        if self._folds:
            self._fold(stage, count)
        if stage.reduces:
            with self._writer.block(f"for j in range({self._wide}):"):
                self._start(stage)
        with self._nest(range(last + 1, inner)):
            low, high = self._bounds(inner)
            start = "" if low == "0" else f"{low} + "
            if count > 1 or self._folds:
                self._several_rows(stage, inner, count)
                low = f"{start}groups * {self._folded(count)}"
            rows = self._writer.block(f"for i{inner} in range({low}, {high}):")
            with rows, self._column_loop():
                self._statements(stage, "j")
                self._accumulate(stage, "[j]")
        if self._folds:
            values = [(n, self._reduction(n)) for n in stage.reduces]
            unfold(self._writer, [(n, v, self._source(v)) for n, v in values])

    @property
    def _wide(self) -> str:
        """How many columns a row has, or rows side by side have."""
        return "fold * width" if self._folds else "width"

    def _folded(self, count: int) -> str:
        """How many rows so many turns of a sweep take."""
        return str(count) if not self._folds else "fold" if count == 1 else f"{count} * fold"

    def _fold(self, stage: Stage, count: int) -> None:
        """Repeats for every row side by side what the sweep reads of a column."""
        tiles = [(f"m{n}", f"m{n}[j]") for n in stage.reuse]
        for name, value in self._repeated.items():
            tiles.append((name, self._elements.memory(value.operand, value.index)))
            self._elements.turned[value.operand, value.index] = f"{name}[j]"
        fold(self._writer, LANES, count, tiles)

    def _several_rows(self, stage: Stage, inner: int, count: int) -> None:
        """Several rows for each access to the accumulators, which are added up in pairs."""
        line = self._writer.line
        low, high = self._bounds(inner)
        size, start = (high, "") if low == "0" else (f"{high} - {low}", f"{low} + ")
        line(f"groups = floordiv({size}, {self._folded(count)})")
        with self._writer.block("for group in range(groups):"):
            line(f"row = {start}group * {self._folded(count)}")
            with self._column_loop(self._wide):
                for turn in range(count):
                    line(f"i{inner} = row + {self._folded(turn)}" if turn else f"i{inner} = row")
                    self._statements(stage, "j")
                    for number in stage.reduces:
                        new = self._elements.name(self._reduction(number).value)
                        line(f"x{number}_{turn} = {new}")
                for number in stage.reduces:
                    value = self._reduction(number)
                    add_in_pairs(self._writer, value, self._source(value), number, count)

    def _reduction(self, number: int) -> Reduced:
        value = self._kernel.values[number]
        assert isinstance(value, Reduced)
        return value

    @contextmanager
    def _column_loop(self, width: str = "width") -> Iterator[None]:
        last = len(self._kernel.outer) - 1
        with self._writer.block(f"for j in range({width}):"):
            self._writer.line(f"i{last} = first + j")
            yield

    @contextmanager
    def _nest(self, variables: range) -> Iterator[None]:
        with ExitStack() as stack:
            for v in variables:
                stack.enter_context(self._loop(v, *self._bounds(v)))
            yield

    def _loop(self, v: int, low: str, high: str) -> AbstractContextManager[None]:
        bounds = high if low == "0" else f"{low}, {high}"
        return self._writer.block(f"for i{v} in range({bounds}):")

    def _bounds(self, v: int) -> tuple[str, str]:
        """Where a loop starts and ends: a part has its share of the split one."""
        if self._is_split(v):
            return "begin", "end"
        kernel = self._kernel
        if kernel.lanes == "outer" and kernel.parts is not None and v == len(kernel.outer):
            return "low", "high"
        return "0", self._extents[v]

    def _start(self, stage: Stage) -> None:
        column = "[j]" if self._kernel.lanes == "outer" else ""
        for number in stage.reduces:
            value = self._reduction(number)
            self._writer.line(f"r{number}{column} = {reduction_start(value, self._source(value))}")
            if value.combine in ("argmax", "argmin"):
                self._writer.line(f"k{number}{column} = i64(0)")

    def _statements(self, stage: Stage, position: str) -> None:
        for number in filter(self._kept.__contains__, stage.reuse):
            name = self._elements.name(number)
            self._writer.line(f"{name} = {self._kept[number].format(position)}")
        self._elements.write(stage.compute)
        for number in filter(self._kept.__contains__, stage.keep):
            name = self._elements.name(number)
            self._writer.line(f"{self._kept[number].format(position)} = {name}")
        self._elements.store(stage.stores)

    def _accumulate(self, stage: Stage, column: str) -> None:
        for number in stage.reduces:
            value = self._reduction(number)
            new, acc = self._elements.name(value.value), f"r{number}{column}"
            if value.combine in ("argmax", "argmin"):
                best = acc, f"k{number}{column}"
                write_best(self._writer, value, self._source(value), best, new)
            else:
                text = accumulated(value, acc, new, self._source(value), number in self._blind)
                self._writer.line(f"{acc} = {text}")

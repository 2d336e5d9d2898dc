"""A loop kernel while it is written: what all of its stages share, and its loops.

Enters: a LoopKernel. Leaves: lines of its source: loops, the start of accumulators, the statements
of a stage at one point, and what it accumulates there.
"""

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from copy import copy
from dataclasses import replace

from graphc.codegen.body import Elements, accumulated, reduction_start, write_best
from graphc.codegen.copied import Copied, copied_rows
from graphc.codegen.maxima import blind_maxima
from graphc.codegen.moments import Moment, moments
from graphc.codegen.row_groups import in_groups
from graphc.codegen.windows import paired
from graphc.codegen.words import Size, Words
from graphc.codegen.writer import Writer
from graphc.schedule.guessed import Guess, guess_of
from graphc.schedule.kernel import LoopKernel, Reduced, Stage, Value
from graphc.types import DType

WHOLE = 64  # elements: of rows of a multiple LLVM makes no loops for what fills no vectors


class Frame:
    """The kernel, its text, the names of its sizes and operands, and how its elements are written.

    `kept` are the texts of values that an earlier stage saved, "{}" standing for the place. `guess`
    tells how the rows do without their maxima, `grouped` whether they are swept in groups; `blind`
    are the maxima that need not see nan. `moments` are made about guesses, and `copied` tells how
    wide rows are copied.
    """

    __slots__ = (
        "blind",
        "copied",
        "elements",
        "extents",
        "grouped",
        "guess",
        "kept",
        "kernel",
        "moments",
        "pointers",
        "words",
        "writer",
    )

    kernel: LoopKernel
    writer: Writer
    words: Words
    blind: frozenset[int]
    guess: Guess | None
    grouped: bool
    moments: tuple[Moment, ...]
    copied: Copied | None
    kept: dict[int, str]
    pointers: list[str]
    extents: list[str]
    elements: Elements

    def __init__(self, kernel: LoopKernel, writer: Writer) -> None:
        self.kernel, self.writer, self.words = kernel, writer, Words(writer)
        self.guess, self.grouped = guess_of(kernel), in_groups(kernel)
        self.blind, self.moments = blind_maxima(kernel), moments(kernel)
        self.copied = copied_rows(kernel, [m.sweep for m in self.moments])
        self.kept = {}
        self.pointers = self.words.pointers(kernel.operands)
        self.extents = [self._extent(v) for v in range(len(kernel.extents))]
        names = self._reduced()
        self.elements = Elements(writer, self.words, kernel.values, self.pointers, names)
        self.elements.paired = paired(kernel)
        self.elements.prepare(store for stage in kernel.stages for store in stage.stores)

    def replaced(self, values: tuple[Value, ...], guess: Guess | None = None) -> "Frame":
        """The same with other values of the kernel, which need no other operands and sizes, and
        with a guess of these."""
        other = copy(self)
        other.kernel, other.guess = replace(self.kernel, values=values), guess or self.guess
        other.elements = self.elements.replaced(values, other._reduced())
        return other

    def renamed(self, variables: Mapping[int, str], reduced: Mapping[int, str]) -> "Frame":
        """The same at another point: with these names of loop variables and of reductions."""
        other = copy(self)
        other.elements = self.elements.renamed(variables, reduced)
        return other

    def _extent(self, v: int) -> str:
        extent = self.kernel.extents[v]
        if self._is_split(v):
            return "end"
        last = v == len(self.kernel.extents) - 1
        if self.guess is not None and last and isinstance(extent, int) and extent % WHOLE == 0:
            return self.words.name(f"n{v}", Size(extent // WHOLE), f"w[{{0}}] * {WHOLE}")
        return self.words.name(f"n{v}", Size(extent))

    def _is_split(self, v: int) -> bool:
        """Whether a part runs its share of the loop; of columns it has a share of the tiles."""
        return v == self.kernel.split and self.kernel.lanes != "outer"

    def _reduced(self) -> dict[int, str]:
        column = "[j]" if self.kernel.lanes == "outer" else ""
        result = {}
        for number, value in enumerate(self.kernel.values):
            if isinstance(value, Reduced):
                prefix = "k" if value.combine in ("argmax", "argmin") else "r"
                result[number] = f"{prefix}{number}{column}"
        return result

    def source(self, value: Reduced) -> DType:
        """The dtype that a reduction accumulates in: that of what it reads."""
        return self.elements.dtype(value.value)

    def reduction(self, number: int) -> Reduced:
        """The value of this number, which a stage reduces."""
        value = self.kernel.values[number]
        assert isinstance(value, Reduced)
        return value

    @contextmanager
    def nest(self, variables: range) -> Iterator[None]:
        """Loops in each other."""
        with ExitStack() as stack:
            for v in variables:
                stack.enter_context(self.loop(v, *self.bounds(v)))
            yield

    def loop(self, v: int, low: str, high: str) -> AbstractContextManager[None]:
        """The loop of a variable between bounds."""
        bounds = high if low == "0" else f"{low}, {high}"
        return self.writer.block(f"for i{v} in range({bounds}):")

    def bounds(self, v: int) -> tuple[str, str]:
        """Where a loop starts and ends: a part has its share of the split one."""
        if self._is_split(v):
            return "begin", "end"
        kernel = self.kernel
        if kernel.lanes == "outer" and kernel.parts is not None and v == len(kernel.outer):
            return "low", "high"
        return "0", self.extents[v]

    def start(self, stage: Stage) -> None:
        """Where the accumulators of a stage start from."""
        column = "[j]" if self.kernel.lanes == "outer" else ""
        for number in stage.reduces:
            value = self.reduction(number)
            self.writer.line(f"r{number}{column} = {reduction_start(value, self.source(value))}")
            if value.combine in ("argmax", "argmin"):
                self.writer.line(f"k{number}{column} = i64(0)")

    def statements(self, stage: Stage, position: str) -> None:
        """What a stage takes, computes, keeps and stores at a point; saved values of this place."""
        for number in filter(self.kept.__contains__, stage.reuse):
            name = self.elements.name(number)
            self.writer.line(f"{name} = {self.kept[number].format(position)}")
        self.elements.write(stage.compute)
        for number in filter(self.kept.__contains__, stage.keep):
            name = self.elements.name(number)
            self.writer.line(f"{self.kept[number].format(position)} = {name}")
        self.elements.store(stage.stores)

    def accumulate(self, stage: Stage, column: str) -> None:
        """What a stage accumulates at a point; a `column` is the place in accumulators' tiles."""
        for number in stage.reduces:
            value = self.reduction(number)
            new, acc = self.elements.name(value.value), f"r{number}{column}"
            if value.combine in ("argmax", "argmin"):
                best = acc, f"k{number}{column}"
                write_best(self.writer, value, self.source(value), best, new)
            else:
                text = accumulated(value, acc, new, self.source(value), number in self.blind)
                self.writer.line(f"{acc} = {text}")

"""The words of a kernel: what arrives at run time, in the order in which the text reads it.

Enters: requests of an emitter for an address, a size, a number. Leaves: names in the text, and the
list of words that a binding fills in.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Literal

from graphc.codegen.writer import Writer
from graphc.dims import DimLike
from graphc.graph import Node
from graphc.schedule.kernel import Operand
from graphc.types import DType


@dataclass(frozen=True, slots=True)
class Address:
    """Where an operand's memory starts."""

    operand: int


@dataclass(frozen=True, slots=True)
class PartSize:
    """Bytes from one part's scratch to the next."""

    operand: int


@dataclass(frozen=True, slots=True)
class Size:
    """An extent, stride or offset, in elements."""

    dim: DimLike


@dataclass(frozen=True, slots=True)
class Number:
    """A scalar node: the bits of a float64, or an integer."""

    node: Node


@dataclass(frozen=True, slots=True)
class ErrorWord:
    """The address of the program's error word."""


@dataclass(frozen=True, slots=True)
class FirstCode:
    """The number that the kernel's first check has in the program."""


@dataclass(frozen=True, slots=True)
class ContractWords:
    """The words of a contraction, which a blocking determines: so many; `sums` is the source of its
    macro-kernel. Those over `windows` go along several loops."""

    width: int
    sums: str
    dtype: str
    windows: bool


@dataclass(frozen=True, slots=True)
class StripWords:
    """The words of a loop over strips: the address of its plan, and where the parts keep theirs."""

    width: int = 2


# What a kernel's operations do not show: powers of rows without their largest element, several rows
# a sweep, squares about a mean in the sweep that makes it, rows copied to where results go.
Way = Literal["guess", "late", "groups", "moments", "copied"]
Word = Address | PartSize | Size | Number | ErrorWord | FirstCode | ContractWords | StripWords


def width_of(words: Iterable[Word]) -> int:
    """How many words they are in a table."""
    return sum(w.width if isinstance(w, ContractWords | StripWords) else 1 for w in words)


def alias_class(operand: int) -> int:
    """Pointers of one class may overlap, others never do; there are 64 classes."""
    return min(operand, 63)


@dataclass(frozen=True, slots=True)
class Emitted:
    """A kernel's source, which depends on its structure alone, the words it reads, and in which
    ways it goes that its operations do not show."""

    source: str
    words: tuple[Word, ...]
    ways: tuple[Way, ...] = ()


@dataclass(slots=True)
class Words:
    """Collects the words of one kernel; `width` counts those that an entry stands for."""

    writer: Writer
    entries: list[Word] = field(default_factory=list)
    width: int = 0
    _names: dict[tuple[str, Word], str] = field(default_factory=dict)

    def add(self, word: Word, width: int = 1) -> int:
        """The position of a new word."""
        self.entries.append(word)
        self.width += width
        return self.width - width

    def name(self, prefix: str, word: Word, text: str = "w[{0}]") -> str:
        """The variable that holds the word; asked again, the same one."""
        key = (prefix, word)
        if key not in self._names:
            self._names[key] = self.writer.name(prefix)
            self.writer.line(f"{self._names[key]} = {text.format(self.add(word))}")
        return self._names[key]

    def pointers(self, operands: Sequence[Operand]) -> list[str]:
        """A typed pointer an operand; scratch and partial results start at the part's own."""
        names = []
        for number, operand in enumerate(operands):
            dtype = operand.dtype.short
            alias = alias_class(number)
            text = f"pointer(w[{{0}}], {dtype}, {alias})"
            if operand.buffer.kind == "scratch":
                size = self.name("part_bytes", PartSize(number))
                text = f"pointer(w[{{0}}] + part * {size}, {dtype}, {alias})"
            elif operand.buffer.kind == "partial" and operand.written:
                text = f"pointer(w[{{0}}] + part * {operand.dtype.itemsize}, {dtype}, {alias})"
            prefix = "out" if operand.written else "a"
            if operand.buffer.kind == "scratch":
                prefix = "row"
            names.append(self.name(f"{prefix}{number}", Address(number), text))
        return names

    def scalar(self, number: int, node: Node, dtype: DType) -> str:
        """A run-time number, converted to its dtype."""
        text = f"real(w[{{0}}], {dtype.short})" if dtype.kind == "f" else f"{dtype.short}(w[{{0}}])"
        return self.name(f"t{number}", Number(node), text)

"""The plan of a loop over strips: which words of its members go with the strips, and by how much.

Enters: a loop, its cut, the partitions of its members, what words come from. Leaves: the words that
`codegen/strips.py` reads.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from graphc.codegen.strips import StripPlan
from graphc.codegen.words import Address, ContractWords, Size, Word
from graphc.dims import DimLike, evaluate, names
from graphc.runtime.binding.code import Strips
from graphc.runtime.binding.cutting import Cut
from graphc.runtime.binding.partition import Partition
from graphc.runtime.binding.sources import Sources
from graphc.runtime.threads.team import EXTENT_AT, ROW_WORDS
from graphc.schedule.kernel import Buffer, Member


@dataclass(slots=True)
class _Places:
    """What is found of a plan, word by word; positions are counted from the first member's row."""

    strips: Strips
    cut: Cut
    sources: Sources
    last: Mapping[DimLike, int]
    own: list[int] = field(default_factory=list)
    moving: list[tuple[int, Sequence[int]]] = field(default_factory=list)
    smaller: list[tuple[int, int]] = field(default_factory=list)

    def pointer(self, at: int, buffer: Buffer, moves: Sequence[DimLike]) -> None:
        """A word that is an address: of a part's own memory, or one that moves."""
        if buffer.kind == "strip":
            self.own.append(at)
            return
        size = buffer.type.dtype.itemsize
        self.moves(at, [self.sources.numbers[step] * size for step in moves])

    def moves(self, at: int, steps: Sequence[int]) -> None:
        """A word that moves by so much with each element along an axis."""
        if any(steps):
            units = zip(steps, self.cut.units, strict=True)
            self.moving.append((at, [step * unit for step, unit in units]))

    def size(self, at: int, size: DimLike, sizes: Mapping[str, int]) -> None:
        """A word that is a size: it may be another for the last strip, or count from its start."""
        starts = [str(name) for name in self.strips.kernel.starts]
        if not names(size).isdisjoint(starts):
            known = {**sizes, **dict.fromkeys(starts, 0)}
            zero = evaluate(size, known)
            self.moves(at, [evaluate(size, {**known, name: 1}) - zero for name in starts])
        elif self.last[size] != self.sources.numbers[size]:
            self.smaller.append((at, self.last[size]))


def plan_of(
    strips: Strips,
    cut: Cut,
    partitions: Sequence[Partition],
    sources: Sources,
    sizes: Mapping[str, int],
    last: Mapping[DimLike, int],
) -> np.ndarray:
    """The plan; `sizes` are the numbers of names, `last` those of sizes for the last strips."""
    rows, first = sources.template.rows, strips.number + 1
    places = _Places(strips, cut, sources, last)
    at = start = rows[first] if strips.kernel.members else 0
    for number, member in enumerate(strips.kernel.members, first):
        at = rows[number]
        _add_member(places, number, member, partitions[number], at - start, sizes)
        at += int(sources.template.words[at])
    plan = StripPlan(
        members=len(strips.kernel.members),
        width=at - start,
        counts=cut.counts,
        tail=cut.tail,
        stride=sources.memory.strides[strips.number],
        own=places.own,
        moving=places.moving,
        smaller=places.smaller,
    )
    return np.array(plan.words, np.int64)


def _add_member(
    places: _Places,
    number: int,
    member: Member,
    partition: Partition,
    row: int,
    sizes: Mapping[str, int],
) -> None:
    end = partition.smaller
    if end is not None and end.extent != partition.extent:
        places.smaller.append((row + EXTENT_AT, end.extent))
    for at, word in _words(places.sources, number, row + ROW_WORDS):
        match word:
            case Address(operand=operand):
                buffer = member.kernel.operands[operand].buffer
                places.pointer(at, buffer, member.operands[operand])
            case Size(dim=size):
                places.size(at, size, sizes)
            case ContractWords():
                _add_contraction(places, number, member, partition, at)
            case _:
                pass


def _words(sources: Sources, number: int, at: int) -> Iterator[tuple[int, Word]]:
    """The words of a step, each with its place."""
    for word in sources.template.code.emitted[number].words:
        yield at, word
        at += word.width if isinstance(word, ContractWords) else 1


def _add_contraction(
    places: _Places, number: int, member: Member, partition: Partition, at: int
) -> None:
    blocking, sources = partition.blocking, places.sources
    assert blocking is not None
    factors = member.factors[::-1] if blocking.turned else member.factors
    both = zip(sources.factors(number, blocking), factors, strict=True)
    for place, (buffer, moves) in enumerate(both, at):
        places.pointer(place, buffer, moves)
    if partition.smaller is not None and partition.smaller.blocking is not None:
        here = sources.words(number, blocking)
        there = sources.words(number, partition.smaller.blocking)
        pairs = enumerate(zip(here, there, strict=True), at)
        places.smaller += [(place, new) for place, (old, new) in pairs if old != new]

"""A program's table before its sizes are known: which word is what, so that a binding fills in all
words of a kind at once.

Enters: a program's code. Leaves: a `Template`: the words that are the same for all sizes (kernels,
addresses of state, constant numbers), and for each other kind where its words stand and which
entry of a list goes there.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import assert_never

import numpy as np

from graphc import dims
from graphc.codegen.words import (
    Address,
    ContractWords,
    ErrorWord,
    FirstCode,
    Number,
    PartSize,
    Size,
    StripWords,
    width_of,
)
from graphc.evaluate import evaluate_at
from graphc.graph import Literal, Node, order
from graphc.lowering import Source
from graphc.runtime.binding.code import Code
from graphc.runtime.threads import pace
from graphc.runtime.threads.team import FIRST_AT, HEADER_WORDS, ROW_WORDS, SPINS
from graphc.schedule.kernel import Buffer, Kernel, LoopKernel
from graphc.state import State

LINE_WORDS = 8
ERROR_AT, PACE_AT = HEADER_WORDS, HEADER_WORDS + LINE_WORDS
PACE = slice(PACE_AT, PACE_AT + pace.WORDS)
ROWS_AT = HEADER_WORDS + 3 * LINE_WORDS  # behind the header: error word, a line; pace


def write_header(table: np.ndarray, rows: int, steps: int = 0) -> None:
    """The header of a table that has so many rows, for an epoch of so many steps."""
    start = table.ctypes.data
    control = [start + 8 * at for at in (ROWS_AT, PACE_AT, ERROR_AT)]
    table[:HEADER_WORDS] = rows, *control, SPINS, 0, steps, 0


@dataclass(slots=True)
class Places:
    """Words of one kind: positions in the table, and for each an entry of the list for the kind."""

    at: list[int] = field(default_factory=list)
    entry: list[int] = field(default_factory=list)

    def add(self, at: int, entry: int) -> None:
        """Entry number `entry` goes to word `at`."""
        self.at.append(at)
        self.entry.append(entry)

    def fill(self, table: np.ndarray, entries: Iterable[int]) -> None:
        """Writes the entries to their places."""
        if self.at:
            table[self.at] = np.array(list(entries), np.int64)[self.entry]


@dataclass(slots=True, eq=False)
class Template:
    """The table of a program but for what depends on sizes.

    `rows` are the positions of its rows. `addresses` and `part_sizes` count the buffers of
    `code.lives`, `sizes` those of `code.late`, `numbers` the nodes in `symbolic`; `contractions`
    are the first of a matmul's words and its macro-kernel, by step, `strips` the first word of a
    loop over strips; `external` are the words that are addresses of inputs and outputs, but for
    those of matmuls.
    """

    code: Code
    words: np.ndarray
    rows: list[int] = field(default_factory=list)
    addresses: Places = field(default_factory=Places)
    part_sizes: Places = field(default_factory=Places)
    sizes: Places = field(default_factory=Places)
    numbers: Places = field(default_factory=Places)
    errors: list[int] = field(default_factory=list)
    contractions: dict[int, tuple[int, str]] = field(default_factory=dict)
    strips: dict[int, int] = field(default_factory=dict)
    external: dict[Buffer, list[int]] = field(default_factory=dict)
    symbolic: tuple[Node, ...] = ()


@dataclass(frozen=True, slots=True)
class _Lists:
    """Where entries stand in the lists that a binding has."""

    buffers: dict[Buffer, int]
    sizes: dict[dims.DimLike, int]
    symbolic: dict[Node, int]
    constant: dict[Node, int]


def make_template(
    code: Code, kernels: Callable[[Sequence[str], Sequence[ContractWords]], Sequence[int]]
) -> Template:
    """The template of a program; `kernels` gives the addresses of kernels' sources, when told which
    contractions there are.
    """
    widths = [width_of(e.words) for e in code.emitted]
    words = np.zeros(ROWS_AT + sum(widths) + ROW_WORDS * len(widths), np.int64)
    symbolic = _reached_by_sizes(code.numbers)
    constant = [node for node in code.numbers if node not in symbolic]
    bits = map(number_bits, evaluate_at(constant, {}))
    lists = _Lists(
        {buffer: n for n, buffer in enumerate(code.lives)},
        {size: n for n, size in enumerate(code.late.sizes)},
        {node: n for n, node in enumerate(symbolic)},
        dict(zip(constant, bits, strict=True)),
    )
    external: dict[Buffer, list[int]] = {
        buffer: [] for buffer in (*code.schedule.inputs, *code.schedule.outputs)
    }
    template = Template(code, words, external=external, symbolic=tuple(symbolic))
    every = [word for emitted in code.emitted for word in emitted.words]
    contractions = [word for word in every if isinstance(word, ContractWords)]
    addresses = kernels([emitted.source for emitted in code.emitted], contractions)
    at, first_code = ROWS_AT, 0
    for number, (step, emitted) in enumerate(zip(code.steps, code.emitted, strict=True)):
        template.rows.append(at)
        words[at : at + 2] = ROW_WORDS + widths[number], addresses[number]
        at += ROW_WORDS
        for word in emitted.words:
            if isinstance(word, ContractWords):
                template.contractions[number] = at, word.sums
            elif isinstance(word, StripWords):
                template.strips[number] = at
            elif isinstance(word, FirstCode):
                words[at] = first_code
            else:
                _place(template, lists, word, step.kernel, at)
            at += width_of([word])
        if isinstance(step.kernel, LoopKernel):
            first_code += len(step.kernel.checks)
    for strips in code.strips:
        for row, member in zip(
            template.rows[strips.number + 1 :], strips.kernel.members, strict=False
        ):
            words[row + FIRST_AT] = member.first
    return template


def _place(
    template: Template,
    lists: _Lists,
    word: Address | PartSize | Size | Number | ErrorWord,
    kernel: Kernel,
    at: int,
) -> None:
    match word:
        case Address(operand=number):
            buffer = kernel.operands[number].buffer
            fixed = fixed_address(buffer)
            if fixed is not None:
                template.words[at] = fixed
            else:
                template.addresses.add(at, lists.buffers[buffer])
            if buffer in template.external:
                template.external[buffer].append(at)
        case PartSize(operand=number):
            template.part_sizes.add(at, lists.buffers[kernel.operands[number].buffer])
        case Size(dim=size):
            template.sizes.add(at, lists.sizes[size])
        case Number(node=node) if node in lists.constant:
            template.words[at] = lists.constant[node]
        case Number(node=node):
            template.numbers.add(at, lists.symbolic[node])
        case ErrorWord():
            template.errors.append(at)
        case _:
            assert_never(word)


def fixed_address(buffer: Buffer) -> int | None:
    """Where memory that is no part of the arena lies: that of state and of constants."""
    owner = buffer.owner
    if buffer.kind in ("state", "constant") and isinstance(owner, State | Literal):
        return owner.array.ctypes.data
    return None


def _reached_by_sizes(nodes: Iterable[Node]) -> list[Node]:
    """Those of the nodes whose value depends on a named size."""
    wanted = list(nodes)
    reached: set[Node] = set()
    for node in order(wanted):
        own = isinstance(node.op.lower, Source) or any(map(dims.names, node.type.shape))
        if own or not reached.isdisjoint(node.inputs):
            reached.add(node)
    return [node for node in wanted if node in reached]


def number_bits(value: np.ndarray) -> int:
    """A number as an int64 word: floats as the bits of a float64."""
    if value.dtype.kind == "f":
        return int(value.astype(np.float64).reshape(1).view(np.int64)[0])
    return int(value.reshape(1).astype(np.int64, casting="unsafe")[0])

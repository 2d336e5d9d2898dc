"""What became one kernel and what did not, and why: for people, from what the schedule and the code
generator wrote down.

Enters: code. Leaves: an `Explanation`, which prints a paragraph a kernel:

    kernel 1  sum_div  mlp.py:12
        reduction     sum
        epilogue      div
        views         reshape
        not kernel 0  reads its dot: a contraction takes in only pointwise work on its result
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from textwrap import fill

from graphc.codegen.copied import WIDE
from graphc.codegen.moments import FIRST, LONG
from graphc.codegen.row_groups import ROWS
from graphc.codegen.words import Way
from graphc.errors import Where
from graphc.graph import Graph, Node, given_name
from graphc.runtime.binding.code import Code
from graphc.runtime.reports.phases import Phase, phase_of, phases
from graphc.schedule.access import is_view
from graphc.schedule.kernel import Buffer, Kernel, Part, PartRole, Schedule, Step, StripKernel
from graphc.schedule.origin import told_name
from graphc.schedule.reasons import SENTENCES, Reason

ROLES: tuple[PartRole, ...] = (
    *("contraction", "prologue", "reduction", "pointwise", "epilogue", "piece", "scatter"),
    "again",
    "update",
)
INDENT, COLUMN, WIDTH = 4, 16, 100
WAYS: Mapping[Way, str] = {
    "guess": (
        "once over a row, without its largest element: exp is of x less a guess, from the row's two"
        " ends; where the sum shows that it was bad, as where elements are far apart, the row is"
        " swept again, by its largest element"
    ),
    "late": "what scales a row comes with the sweep of the next row: its powers wait in scratch",
    "groups": f"up to {ROWS} rows at a time: a sweep over all of them, then the next sweep",
    "moments": (
        f"once over a row of {LONG} elements or more for its mean and its squares, which are taken"
        f" about the mean of the first {FIRST}; where that would lose digits, twice"
    ),
    "copied": (
        f"a row that takes {WIDE >> 10} KiB or more with its result and what is as long is copied"
        " to where the result goes while it is added up, and read there"
    ),
}


@dataclass(frozen=True, slots=True)
class Apart:
    """An earlier kernel that a kernel reads and is no part of.

    `made` is what it reads there and `reader` what does, `reason` why that did not join, `stays`
    why the other, if it is pointwise, did not move here.
    """

    kernel: int
    made: Node
    reader: Node
    reason: Reason
    stays: Reason | None

    def __str__(self) -> str:
        why = SENTENCES[self.reason]
        if self.stays is not None and self.stays != self.reason:
            why += f"; it did not move here: {SENTENCES[self.stays]}"
        return f"{_name(self.reader)} reads its {_name(self.made)}: {why}"


@dataclass(frozen=True, slots=True)
class ExplainedKernel:
    """One kernel.

    `phase` is what it is for, and `gradient` those of its nodes that are for a gradient. `labels`
    are those of `named` nodes in it, `parts` the nodes that it computes or stores, with the role of
    each, `views` those that became indices, `numbers` those of one element that it computes for
    itself, `lines` the user's lines that made all these. `readers` are the kernels that read what
    it stores. To keep to a memory budget, it does the work of number `first` again. A loop over
    strips has `members`, the kernels that it runs, and `own`, the arrays of which only a strip is
    in memory. `ways` are what its operations do not show.
    """

    number: int
    name: str
    phase: Phase
    where: Where | None
    labels: tuple[str, ...]
    parts: tuple[Part, ...]
    views: tuple[Node, ...]
    numbers: tuple[Node, ...]
    lines: tuple[Where, ...]
    apart: tuple[Apart, ...]
    first: int | None = None
    readers: tuple[int, ...] = ()
    members: range = range(0)
    own: tuple[Buffer, ...] = ()
    ways: tuple[Way, ...] = ()
    gradient: tuple[Node, ...] = ()

    def of_role(self, role: PartRole) -> tuple[Node, ...]:
        """The nodes with that role."""
        return tuple(part.node for part in self.parts if part.role == role)

    def __str__(self) -> str:
        labels = " ".join(map(repr, self.labels))
        phase = {"forward": "", "both": "forward and gradient  "}.get(self.phase, f"{self.phase}  ")
        head = f"kernel {self.number}  {self.name}  {self.where or ''}  {phase}{labels}".rstrip()
        return "\n".join([head, *(_entry(*words) for words in self._entries())])

    def _entries(self) -> Iterator[tuple[str, str]]:
        if self.first is not None:
            numbers = ", ".join(map(str, self.readers))
            why = f"for kernel {numbers}: to keep to the memory budget, its results were not kept"
            yield f"kernel {self.first} again", why
        if self.members:
            first, last = self.members[0], self.members[-1]
            arrays = _counted([buffer.name for buffer in self.own])
            yield "runs", f"kernels {first} to {last}, on a strip of rows after the other"
            yield "in strips", f"{arrays}: never in memory whole"
        named = [(role, self.of_role(role)) for role in ROLES]
        for what, nodes in (*named, ("views", self.views), ("numbers", self.numbers)):
            if nodes:
                yield what, _counted([_name(node) for node in nodes])
        if self.phase == "both":
            yield "gradient", _counted([_name(node) for node in self.gradient])
        for way in self.ways:
            yield "sweeps", WAYS[way]
        yield "lines", _places(self.lines) or "unknown"
        for apart in self.apart:
            yield f"not kernel {apart.kernel}", str(apart)


@dataclass(frozen=True, slots=True)
class Explanation:
    """The kernels of a program in order."""

    rows: tuple[ExplainedKernel, ...]

    def __str__(self) -> str:
        return "\n".join(map(str, self.rows)) or "no kernels: nothing is computed"

    __repr__ = __str__


def _name(node: Node) -> str:
    return given_name(node) or told_name(node)


def _entry(what: str, words: str) -> str:
    first = f"{' ' * INDENT}{what:{COLUMN}}"
    rest = " " * len(first)
    return fill(words, WIDTH, initial_indent=first, subsequent_indent=rest, break_long_words=False)


def _counted(words: Sequence[str]) -> str:
    """Each word once, in order, with how often it stands there.

    >>> _counted(["mul", "add", "mul"])
    'mul x2, add'
    """
    counts = {word: words.count(word) for word in words}
    return ", ".join(word if count == 1 else f"{word} x{count}" for word, count in counts.items())


def _places(lines: Sequence[Where]) -> str:
    """The lines, each file's name once.

    >>> _places([Where("mlp.py", 3), Where("mlp.py", 7, "model"), Where("data.py", 1)])
    'mlp.py:3, 7; data.py:1'
    """
    files: dict[str, dict[str, None]] = {}
    for where in lines:
        file, _, line = str(replace(where, scope="")).rpartition(":")
        files.setdefault(file, {})[line] = None
    return "; ".join(f"{file}:{', '.join(numbers)}" for file, numbers in files.items())


def explain(code: Code, written: Graph | None = None) -> Explanation:
    """What each kernel of a program holds, and why it holds no more; `written` is the graph as it
    was before passes changed it."""
    schedule = code.schedule
    kernels = [step.kernel for step in schedule.steps]
    maker, known = makers(schedule.steps), phases(schedule.graph, written or schedule.graph)
    labels, reading = labels_of(schedule), _readers(kernels)
    rows = []
    for number, kernel in enumerate(kernels):
        origin = kernel.origin
        views, numbers = _folded(origin.parts, maker, schedule.scalars)
        members = kernel.members if isinstance(kernel, StripKernel) else ()
        inside = [node for member in members for node in member.kernel.origin.nodes]
        places = [node.where for node in (*origin.nodes, *views, *numbers, *inside)]
        row = ExplainedKernel(
            number=number,
            name=origin.title,
            phase=phase_of(origin.parts, known),
            where=origin.where,
            labels=labels[number],
            parts=origin.parts,
            views=views,
            numbers=numbers,
            lines=tuple(dict.fromkeys(filter(None, places))) or tuple(filter(None, [origin.where])),
            apart=tuple(_apart(kernels, number, maker)),
            first=schedule.steps[number].first,
            members=_members(kernel, number),
            own=_own(kernel),
            ways=code.emitted[number].ways,
            gradient=tuple([node for node in origin.nodes if known.get(node) == "gradient"]),
            readers=tuple(
                [n for o in kernel.operands if o.written for n in reading.get(o.buffer, ())]
            ),
        )
        rows.append(row)
    return Explanation(tuple(rows))


def _members(kernel: Kernel, number: int) -> range:
    count = len(kernel.members) if isinstance(kernel, StripKernel) else 0
    return range(number + 1, number + 1 + count)


def _own(kernel: Kernel) -> tuple[Buffer, ...]:
    """The arrays that are there in strips alone."""
    members = kernel.members if isinstance(kernel, StripKernel) else ()
    operands = (operand for member in members for operand in member.kernel.operands)
    return tuple(dict.fromkeys(o.buffer for o in operands if o.buffer.kind == "strip"))


def makers(steps: Sequence[Step]) -> dict[Node, int]:
    """For each node the number of the kernel that computes and stores it: the later one, if parts
    begin what a second kernel ends; the first, if it runs again."""
    once = [(n, step.kernel) for n, step in enumerate(steps) if step.first is None]
    numbered = [(n, part) for n, kernel in once for part in kernel.origin.parts]
    return {part.node: n for n, part in numbered if part.role != "again"}


def _readers(kernels: Sequence[Kernel]) -> dict[Buffer, list[int]]:
    """For each buffer the kernels that read it."""
    found: dict[Buffer, list[int]] = {}
    for number, kernel in enumerate(kernels):
        for operand in kernel.operands:
            if not operand.written:
                found.setdefault(operand.buffer, []).append(number)
    return found


def labels_of(schedule: Schedule) -> list[tuple[str, ...]]:
    """For each kernel the labels of the nodes that it computes, or views of them."""
    maker = makers(schedule.steps)
    found: list[dict[str, None]] = [{} for _ in schedule.steps]
    for node, label in schedule.graph.labels:
        while is_view(node) and node not in maker:
            node = node.inputs[0]
        if node in maker:
            found[maker[node]][label] = None
    return [tuple(labels) for labels in found]


def _folded(
    parts: Sequence[Part], maker: dict[Node, int], scalars: frozenset[Node]
) -> tuple[tuple[Node, ...], tuple[Node, ...]]:
    """The views that the parts read through, and the numbers computed beside them."""
    views: dict[Node, None] = {}
    numbers: dict[Node, None] = {}
    waiting = [node for part in parts for node in _read(part)]
    while waiting:
        node = waiting.pop(0)
        if is_view(node):
            views[node] = None
        elif node in maker or node in scalars or not node.inputs:
            continue
        elif node not in numbers:
            numbers[node] = None
        waiting.extend(i for i in node.inputs if i not in views and i not in numbers)
    return tuple(views), tuple(numbers)


def _read(part: Part) -> Sequence[Node]:
    return part.node.inputs if part.value is part.node else (part.value, *part.node.inputs[1:2])


def _apart(kernels: Sequence[Kernel], number: int, maker: dict[Node, int]) -> Iterator[Apart]:
    """A kernel's reasons, one for each other kernel and sentence."""
    seen: set[tuple[int, Reason]] = set()
    read = {
        o.buffer.owner: o.buffer
        for o in kernels[number].operands
        if o.buffer.kind in ("arena", "strip")
    }
    for refusal in kernels[number].origin.refusals:
        other = maker[refusal.made]
        if refusal.made in read and read[refusal.made].kind == "strip":
            other = _in_set(kernels, number, read[refusal.made])
        if other != number and refusal.made in read and (other, refusal.reason) not in seen:
            seen.add((other, refusal.reason))
            stays = kernels[other].origin.stays
            yield Apart(other, refusal.made, refusal.reader, refusal.reason, stays)
    yield from _combined(kernels, number)


def _in_set(kernels: Sequence[Kernel], number: int, buffer: Buffer) -> int:
    """The kernel before that number which makes a buffer of its strips."""
    return max(
        n
        for n, kernel in enumerate(kernels[:number])
        if any(o.buffer is buffer and o.written for o in kernel.operands)
    )


def _combined(kernels: Sequence[Kernel], number: int) -> Iterator[Apart]:
    """The kernels whose partial results this one combines: memory that no node owns."""
    own = {o.buffer for o in kernels[number].operands if o.buffer.owner is None and not o.written}
    for other, before in enumerate(kernels[:number]):
        if any(o.written and o.buffer in own for o in before.operands):
            node = next(
                p.node for p in before.origin.parts if p.role in ("reduction", "contraction")
            )
            yield Apart(other, node, node, "parts", None)

"""Names as values in SSA form: branches and loops of LLVM blocks, with phis for what differs.

Enters: a `Flow`, a condition, and functions that write what happens on each way. Leaves: the flow
behind it. A name is known behind a branch when both ways know it, as values of one kind, and behind
a loop when it was known before.

    def one_more() -> None:
        flow.names["n"] = Operand("i64", flow.builder.add(flow.names["n"].value, one))

    branch(flow, condition, one_more, lambda: None)     # n is a phi now
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from graphc.errors import CompileError
from graphc.runtime.language.names import VOID, Literal


@dataclass(frozen=True, slots=True)
class Operand:
    """A value and its kind; the value of a `Dtype` is None, that of a tuple are operands."""

    kind: Any
    value: Any


NOTHING = Operand(VOID, None)
Names = dict[Any, Operand]


@dataclass(slots=True, eq=False)
class Flow:
    """Where control has arrived (the builder's block), and what names are there."""

    builder: Any
    names: Names

    @property
    def ended(self) -> bool:
        """Whether control has left: nothing more can be reached here."""
        return self.builder.block.is_terminated


@dataclass(frozen=True, slots=True)
class End:
    """A block from which control goes on elsewhere, and what the names are there."""

    block: Any
    names: Names


def fixed(kind: Any) -> Any:
    """The kind without a literal's value."""
    if not isinstance(kind, Literal):
        return kind
    return "i64" if kind.value < 2**63 else "u64"


def branch(flow: Flow, condition: Operand, *ways: Callable[[], None]) -> None:
    """One way where the condition holds, the other one elsewhere."""
    b, before = flow.builder, flow.names
    blocks = [b.append_basic_block(name) for name in ("then", "else")]
    b.cbranch(condition.value, *blocks)
    ends = []
    for block, way in zip(blocks, ways, strict=True):
        b.position_at_end(block)
        flow.names = dict(before)
        way()
        if not flow.ended:
            ends.append(End(b.block, flow.names))
    if ends:
        after = b.append_basic_block("after")
        for end in ends:
            b.position_at_end(end.block)
            b.branch(after)
        b.position_at_end(after)
        flow.names = joined(b, ends)


def joined(b: Any, ends: Sequence[End]) -> Names:
    """What the names are in the block that these ends, and no others, go to."""
    first, *others = ends
    result: Names = {}
    for name, operand in first.names.items():
        operands = [operand, *[end.names.get(name, NOTHING) for end in others]]
        if all(other is operand for other in operands):
            result[name] = operand
        elif _is_value(operand) and len({fixed(o.kind) for o in operands}) == 1:
            result[name] = _phi(b, operand)
            for end, other in zip(ends, operands, strict=True):
                result[name].value.add_incoming(other.value, end.block)
    return result


def loop(
    flow: Flow, assigned: Iterable[Any], test: Callable[[], Operand], turn: Callable[[], None]
) -> None:
    """Turns while the test holds; names that a turn has `assigned` are carried to the next. What
    is no single value cannot be: such a name is none where a turn may have assigned it."""
    b, ends = flow.builder, [End(flow.builder.block, flow.names)]
    head, inside, after = (b.append_basic_block(name) for name in ("head", "turn", "after"))
    b.branch(head)
    b.position_at_end(head)
    changed = {name: flow.names[name] for name in assigned if name in flow.names}
    phis = {name: _phi(b, operand) for name, operand in changed.items() if _is_value(operand)}
    kept = {name: operand for name, operand in flow.names.items() if name not in changed}
    flow.names = behind = kept | phis
    b.cbranch(test().value, inside, after)
    b.position_at_end(inside)
    flow.names = dict(behind)
    turn()
    if not flow.ended:
        ends.append(End(b.block, flow.names))
        b.branch(head)
    for name, phi in phis.items():
        _add_incoming(name, phi, ends)
    b.position_at_end(after)
    flow.names = behind


def _add_incoming(name: Any, phi: Operand, ends: Sequence[End]) -> None:
    for end in ends:
        operand = end.names[name]
        if fixed(operand.kind) != phi.kind:
            raise CompileError(f"{name} changes its kind in a loop", got=f"{operand.kind}")
        phi.value.add_incoming(operand.value, end.block)


def _phi(b: Any, operand: Operand) -> Operand:
    """A phi for values like this one, which is still without them."""
    return Operand(fixed(operand.kind), b.phi(operand.value.type))


def _is_value(operand: Operand) -> bool:
    """Whether it is one value at run time."""
    return operand.value is not None and not isinstance(operand.kind, tuple)

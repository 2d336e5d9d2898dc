"""Rewriting by rules that are data: a pattern and a builder.

Enters: nodes and a table of rules. Leaves: the nodes in normal form, where no rule matches.

A pattern is a tuple (op, operand, ...) whose operands are patterns; a `Name` binds what stands
there (and a second time must meet the same node); a number matches a constant of that value,
scalar or broadcast; `...` after the op accepts any operands, and after one operand any number of
such operands; `As(name, pattern)` binds the node of a pattern. An operand order that does not
matter to the op does not matter to the pattern. The builder's argument names say what it is given;
it returns None to decline.

>>> x = Name("x")
>>> print(Rule((mul, x, 1.0), lambda x: x))
mul(x, 1.0)
"""

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from enum import Enum
from itertools import product
from types import EllipsisType, FunctionType
from typing import Any

import numpy as np

from graphc.dims import same_dims
from graphc.errors import GraphError
from graphc.functions.tensor import Tensor
from graphc.graph import CONSTANT, Node, Op, provenance, rebuild
from graphc.ops import (
    add,
    bitwise_and,
    bitwise_or,
    bitwise_xor,
    broadcast_to,
    eq,
    iota,
    logical_and,
    logical_or,
    logical_xor,
    mul,
    ne,
    reshape,
)
from graphc.types import TensorType

# Swapping the operands of these changes no bit of the result.
COMMUTATIVE = frozenset(
    {add, mul, eq, ne, logical_and, logical_or, logical_xor, bitwise_and, bitwise_or, bitwise_xor}
)


@dataclass(frozen=True, slots=True)
class Name:
    """A pattern that matches anything, and binds it."""

    text: str


@dataclass(frozen=True, slots=True)
class As:
    """A pattern whose node is bound too."""

    name: Name
    pattern: tuple[Any, ...]


class Known(Enum):
    """The pattern of what depends on no input: constants, one of them repeated, a count."""

    VALUE = "known"


KNOWN = Known.VALUE
Pattern = Name | As | Known | float | int | EllipsisType | tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Rule:
    """Nodes that match `pattern` are replaced by what `build` returns for the bound tensors.

    `exact`: the replacement has the same bits (of nans, only that they are nans); otherwise it
    is the better one where they differ, and the line of the table says how.
    """

    pattern: tuple[Any, ...] | As
    build: Callable[..., Tensor | None]
    exact: bool = True
    arguments: tuple[str, ...] = field(init=False)

    def __post_init__(self) -> None:
        assert isinstance(self.build, FunctionType), "a builder is a def or a lambda"
        code = self.build.__code__  # inspect.signature takes 12 us, and there are 270 rules
        object.__setattr__(self, "arguments", code.co_varnames[: code.co_argcount])

    def __str__(self) -> str:
        return _text(self.pattern)


def _text(pattern: Pattern) -> str:
    match pattern:
        case Name(text):
            return text
        case As(_, inner):
            return _text(inner)
        case Known():
            return pattern.value
        case tuple():
            return f"{pattern[0].name}({', '.join(map(_text, pattern[1:]))})"
        case _:
            return "..." if pattern is ... else repr(pattern)


def uniform(node: Node) -> Any:
    """The number that every element of a constant is, looking through views; else None.

    >>> from graphc.graph import constant
    >>> from graphc.types import TensorType, float32
    >>> uniform(constant(np.float32(0.5), TensorType(float32, ())))
    np.float32(0.5)
    """
    while node.op is broadcast_to or node.op is reshape:
        node = node.inputs[0]
    if node.op is not CONSTANT:
        return None
    array = node.params["value"].array
    return array.reshape(())[()] if array.size == 1 else None


def _same_number(wanted: float | int, got: Any) -> bool:
    # 1.0 stands for 1 of any dtype, 1 for an integer 1; -0.0 and 0.0 differ.
    if got is None or got != wanted:
        return False
    if isinstance(wanted, bool) or isinstance(got, np.bool_):
        return isinstance(wanted, bool) and isinstance(got, np.bool_)
    if isinstance(wanted, int):
        return np.issubdtype(np.asarray(got).dtype, np.integer)
    return math.copysign(1.0, wanted) == math.copysign(1.0, got)


def _is_known(node: Node) -> bool:
    return node.op in (CONSTANT, iota) or (node.op is broadcast_to and uniform(node) is not None)


Bound = dict[str, Node]


def match(pattern: Pattern, node: Node, bound: Bound, opaque: AbstractSet[Node]) -> bool:
    """Whether the node has that pattern; `bound` receives the names. Opaque nodes are leaves."""
    match pattern:
        case Name(text):
            return bound.setdefault(text, node) is node
        case As(Name(text), inner):
            return match(inner, node, bound, opaque) and bound.setdefault(text, node) is node
        case Known():
            return _is_known(node)
        case float() | int():
            return _same_number(pattern, uniform(node))
        case tuple():
            return (
                node.op is pattern[0]
                and node not in opaque
                and _operands_match(pattern[1:], node.inputs, bound, opaque)
            )
        case _:
            return True  # `...`


def _operands_match(
    patterns: tuple[Pattern, ...], nodes: tuple[Node, ...], bound: Bound, opaque: AbstractSet[Node]
) -> bool:
    patterns = _each(patterns, len(nodes))
    return len(patterns) == len(nodes) and all(
        match(pattern, node, bound, opaque) for pattern, node in zip(patterns, nodes, strict=True)
    )


_VIEWED = (CONSTANT, broadcast_to, reshape)  # what `uniform` looks through


def _each(patterns: tuple[Pattern, ...], count: int) -> tuple[Pattern, ...]:
    """A pattern for each of `count` operands."""
    return patterns[:1] * count if patterns[-1:] == (...,) else patterns


def _may_match(pattern: Pattern, op: Op) -> bool:
    """Whether a node of that op can have that pattern; what it reads is not looked at."""
    match pattern:
        case As(_, inner):
            return _may_match(inner, op)
        case Known():
            return op in (CONSTANT, broadcast_to, iota)
        case float() | int():
            return op in _VIEWED
        case tuple():
            return op is pattern[0]
        case _:
            return True


def _variants(pattern: Pattern) -> Iterator[Any]:
    # The pattern under every order of operands that its ops allow.
    if isinstance(pattern, As):
        yield from (As(pattern.name, inner) for inner in _variants(pattern.pattern))
        return
    if not isinstance(pattern, tuple):
        yield pattern
        return
    op, *operands = pattern
    for chosen in product(*map(list, map(_variants, operands))):
        yield (op, *chosen)
        if op in COMMUTATIVE and ... not in operands:
            yield (op, *reversed(chosen))


Candidate = tuple[Rule, Pattern]


@dataclass(frozen=True, slots=True)
class Table:
    """Rules by the op at their root, in order, each under all its operand orders.

    `by_ops` remembers which of them the ops of a node and of its operands leave: few or none.
    """

    by_root: dict[Op, tuple[Candidate, ...]]
    by_ops: dict[tuple[Op, ...], tuple[Candidate, ...]] = field(default_factory=dict)

    def candidates(self, node: Node) -> tuple[Candidate, ...]:
        """The rules whose patterns the node may have."""
        key = (node.op, *[i.op for i in node.inputs])
        found = self.by_ops.get(key)
        if found is None:
            rules = self.by_root.get(node.op, ())
            found = tuple(rule for rule in rules if _fits(rule[1], key[1:]))
            self.by_ops[key] = found
        return found


def _fits(pattern: Any, ops: tuple[Op, ...]) -> bool:
    operands = (pattern.pattern if isinstance(pattern, As) else pattern)[1:]
    each = _each(operands, len(ops))
    return len(each) == len(ops) and all(map(_may_match, each, ops))


def table(*groups: Sequence[Rule]) -> Table:
    """The rules of all groups; earlier ones are tried first."""
    by_root: dict[Op, list[tuple[Rule, Pattern]]] = {}
    for rule in (rule for group in groups for rule in group):
        for variant in _variants(rule.pattern):
            root = variant.pattern[0] if isinstance(variant, As) else variant[0]
            by_root.setdefault(root, []).append((rule, variant))
    return Table({op: tuple(found) for op, found in by_root.items()})


def rewrite(
    roots: Iterable[Node], rules: Table, opaque: AbstractSet[Node] = frozenset()
) -> list[Node]:
    """The roots in normal form: bottom up, until no rule matches.

    Nodes of `opaque` stay as they are and no pattern looks into them. Raises GraphError, naming
    the rules, where they chase each other or grow a graph without end.
    """
    roots = list(roots)
    driver = _Driver(rules, opaque, {node: node for node in opaque}, {}, {})
    for root in roots:
        _normalise(driver, root)
    return [driver.final[root] for root in roots]


@dataclass(frozen=True, slots=True)
class _Driver:
    rules: Table
    opaque: AbstractSet[Node]
    final: dict[Node, Node]  # to the normal form
    became: dict[Node, Node]  # to what replaced it, not yet in normal form
    hits: dict[Node, Rule]  # the rule that replaced it


_LONGEST_CHAIN = 1000  # replacements in flight at once: real chains have fewer than ten


def _normalise(driver: _Driver, root: Node) -> None:
    final, became = driver.final, driver.became
    stack = [root]
    chain = 0
    while stack:
        node = stack[-1]
        if node in final:
            stack.pop()
        elif node in became:
            final[node] = final[became.pop(node)]
            chain -= node in driver.hits
        elif pending := [i for i in node.inputs if i not in final]:
            _check_progress(driver, pending, stack)
            stack.extend(reversed(pending))
        elif (new := _step(driver, node)) is node:
            final[node] = node
        else:
            became[node] = new
            chain += node in driver.hits
            _check_progress(driver, [new], stack, chain)
            stack.append(new)


def _check_progress(
    driver: _Driver, ahead: Iterable[Node], stack: list[Node], chain: int = 0
) -> None:
    if chain <= _LONGEST_CHAIN and not any(node in driver.became for node in ahead):
        return
    recent = [driver.hits[node] for node in stack if node in driver.hits][-4:]
    names = " and ".join(dict.fromkeys(map(str, recent)))
    raise GraphError(
        f"simplify: these rules undo each other: {names}",
        where=stack[-1].where,
        fix="let one of them decline (return None) where the other applies",
    )


def _step(driver: _Driver, node: Node) -> Node:
    # One step: the node on its operands' normal forms, else the first rule that applies to it.
    new = rebuild(node, tuple([driver.final[i] for i in node.inputs]))
    if new is not node:
        return new
    for rule, pattern in driver.rules.candidates(node):
        bound: Bound = {}
        if match(pattern, node, bound, driver.opaque):
            built = _build(rule, node, bound)
            if built is not None and built is not node:
                driver.hits[node] = rule
                return built
    return node


def _build(rule: Rule, node: Node, bound: Bound) -> Node | None:
    with provenance(node.where, node.source):
        result = rule.build(*(Tensor(bound[name]) for name in rule.arguments))
    if result is None or result.node.type == node.type:
        return None if result is None else result.node
    if _may_be_equal(result.node.type, node.type):
        return None
    raise GraphError(
        f"simplify: {rule} turned {node.type} into {result.node.type}", where=node.where
    )


def _may_be_equal(a: TensorType, b: TensorType) -> bool:
    # f32[n*2] and f32[8], which a guard holds equal: a rule may not choose another name.
    return (
        a.dtype is b.dtype
        and a.rank == b.rank
        and all(same_dims(d, e) is not False for d, e in zip(a.shape, b.shape, strict=True))
    )

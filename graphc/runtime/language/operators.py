"""The operators of the kernel language: typing rule and LLVM body of x + y, x < y, -x, p[i].

Enters: the class of an operator in Python's syntax tree. Leaves: its `Intrinsic`, as names of the
language have one. Operands are of one kind, and integers keep their width, as NumPy's do; what
wraps around, wraps. For bools + is or, and * is and. `>>` and `<<` are for counts below the width.

    >>> arithmetic(())[ast.Add].result("f32", "f32"), arithmetic(())[ast.Add].result("f32", "f64")
    ('f32', None)
"""

import ast
import operator
from collections.abc import Sequence
from typing import Any, TypeAlias

from graphc.runtime.language import intrinsics_llvm as llvm
from graphc.runtime.language.names import VOID, Intrinsic, Memory, Rule, scalar

Operators: TypeAlias = dict[type[ast.AST], Intrinsic]

_FLOATS = ("f32", "f64")
_INTEGERS = tuple(f"{sign}{bits}" for sign in "iu" for bits in (8, 16, 32, 64))


def _of_one_kind(*allowed: str) -> Rule:
    """The kind of the operands, if all have one of these."""

    def rule(*kinds: Any) -> str | None:
        return kinds[0] if kinds[0] in allowed and len(set(kinds)) == 1 else None

    return rule


def _compared(x: Any, y: Any) -> str | None:
    return "b1" if scalar(x) == x == y else None


def arithmetic(flags: Sequence[str]) -> Operators:
    """The operators of numbers; `flags` are those of float operations."""

    def of(python: Any, floats: str = "", integers: str = "", bools: str = "") -> Intrinsic:
        """What the builder calls the operation on each sort of operands, if they have it."""
        names = dict.fromkeys(_FLOATS, floats) | dict.fromkeys(_INTEGERS, integers)
        names = {kind: name for kind, name in (names | {"b1": bools}).items() if name}

        def apply(b: Any, kinds: Any, x: Any, y: Any) -> Any:
            operation = getattr(b, names[kinds[0]])
            return operation(x, y, flags=flags) if llvm.is_float(kinds[0]) else operation(x, y)

        return Intrinsic(python, _of_one_kind(*names), apply)

    return {
        ast.Add: of(operator.add, "fadd", "add", "or_"),
        ast.Sub: of(operator.sub, "fsub", "sub"),
        ast.Mult: of(operator.mul, "fmul", "mul", "and_"),
        ast.Div: of(operator.truediv, "fdiv"),
        ast.BitAnd: of(operator.and_, "", "and_", "and_"),
        ast.BitOr: of(operator.or_, "", "or_", "or_"),
        ast.BitXor: of(operator.xor, "", "xor", "xor"),
        ast.LShift: of(operator.lshift, "", "shl"),
        ast.RShift: Intrinsic(operator.rshift, _of_one_kind(*_INTEGERS), _shift_right),
    }


def _shift_right(b: Any, kinds: Any, x: Any, y: Any) -> Any:
    return b.ashr(x, y) if llvm.is_signed(kinds[0]) else b.lshr(x, y)


def _negative(b: Any, kinds: Any, x: Any) -> Any:
    return b.fneg(x) if llvm.is_float(kinds[0]) else b.neg(x)


def _comparison(sign: str) -> Any:
    def compare(b: Any, kinds: Any, x: Any, y: Any) -> Any:
        if llvm.is_float(kinds[0]):  # a nan differs from all, and no order holds for it
            return b.fcmp_unordered(sign, x, y) if sign == "!=" else b.fcmp_ordered(sign, x, y)
        signed = llvm.is_signed(kinds[0])
        return b.icmp_signed(sign, x, y) if signed else b.icmp_unsigned(sign, x, y)

    return compare


def _loaded(memory: Any, index: Any) -> str | None:
    return memory.dtype if isinstance(memory, Memory) and index == "i64" else None


def _stored(memory: Any, index: Any, value: Any) -> str | None:
    return VOID if value is not None and _loaded(memory, index) == value else None


def _load(b: Any, kinds: Any, memory: Any, index: Any) -> Any:
    return llvm.load(b, kinds[0].dtype, kinds[0].scope, memory, index)


def _store(b: Any, kinds: Any, memory: Any, index: Any, value: Any) -> None:
    llvm.store(b, kinds[0].dtype, kinds[0].scope, memory, index, value)


_OTHERS: Operators = {
    ast.USub: Intrinsic(operator.neg, _of_one_kind(*_FLOATS, *_INTEGERS), _negative),
    ast.Eq: Intrinsic(operator.eq, _compared, _comparison("==")),
    ast.NotEq: Intrinsic(operator.ne, _compared, _comparison("!=")),
    ast.Lt: Intrinsic(operator.lt, _compared, _comparison("<")),
    ast.LtE: Intrinsic(operator.le, _compared, _comparison("<=")),
    ast.Gt: Intrinsic(operator.gt, _compared, _comparison(">")),
    ast.GtE: Intrinsic(operator.ge, _compared, _comparison(">=")),
    ast.Load: Intrinsic(operator.getitem, _loaded, _load),
    ast.Store: Intrinsic(operator.setitem, _stored, _store),
}

# Multiplications and additions that a kernel writes may contract to fused ones; vector math says
# itself where it wants fma.
KERNEL = arithmetic(("contract",)) | _OTHERS
VECTOR_MATH = arithmetic(()) | _OTHERS

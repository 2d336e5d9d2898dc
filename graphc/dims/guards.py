"""What can be proven about sizes, and guards for what cannot.

Enters: sizes. Leaves: True, False or None (not known); a Guard states what a graph assumes, and
is checked when the sizes are known.

>>> from graphc.dims.sizes import dim
>>> same_dims(dim("n"), 8), same_dims(dim("n*2"), 8)
(False, None)
>>> check_guard(Guard("equal", dim("n*2"), 8, "the halves must match"), {"n": 4})
True
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, assert_never

from graphc.dims.sizes import evaluate
from graphc.dims.symbolic import DimLike, bounds
from graphc.errors import Where


def is_plain(d: DimLike) -> bool:
    """Whether a size is an int or a single name.

    >>> from graphc.dims.sizes import dim
    >>> is_plain(dim("n")), is_plain(3), is_plain(dim("n + 1"))
    (True, True, False)
    """
    if isinstance(d, int):
        return True
    ((monomial, count), *others) = d.terms
    return not others and count == 1 and len(monomial) == 1 and monomial[0].kind == "name"


def provably_equal(a: DimLike, b: DimLike) -> bool:
    """Whether two sizes are equal whatever their names are.

    >>> from graphc.dims.sizes import dim
    >>> provably_equal(dim("2*(n + 1)"), dim("n*2 + 2"))
    True
    """
    return a == b


def provably_different(a: DimLike, b: DimLike) -> bool:
    """Whether two sizes never match: names of two sizes, a name and an int (that is a rule of
    the language, not of arithmetic), or sizes whose difference cannot be 0.

    >>> from graphc.dims.sizes import dim
    >>> n = dim("n")
    >>> provably_different(n, dim("m")), provably_different(n, n + 1), provably_different(n, n * 2)
    (True, True, False)
    """
    if a == b:
        return False
    if is_plain(a) and is_plain(b):
        return True
    low, high = bounds(a - b)
    return low > 0 or high < 0


def same_dims(a: DimLike, b: DimLike) -> bool | None:
    """True for sizes that are provably equal, False for provably different ones, else None."""
    if provably_equal(a, b):
        return True
    return False if provably_different(a, b) else None


GuardKind = Literal["equal", "divides", "positive", "at_least"]


@dataclass(frozen=True, slots=True)
class Guard:
    """An assumption about sizes, with the message and the line for the case that it fails.

    equal: left == right. divides: right is a multiple of left. positive: left > 0, and right is
    not read. at_least: left >= right.
    """

    kind: GuardKind
    left: DimLike
    right: DimLike
    message: str
    where: Where | None = field(default=None, compare=False)


def check_guard(guard: Guard, sizes: Mapping[str, int]) -> bool:
    """Whether the assumption holds for these sizes. 0 divides 0 alone.

    >>> from graphc.dims.sizes import dim
    >>> check_guard(Guard("divides", 4, dim("n"), "n must be a multiple of 4"), {"n": 6})
    False
    """
    left = evaluate(guard.left, sizes)
    match guard.kind:
        case "positive":
            return left > 0
        case "equal":
            return left == evaluate(guard.right, sizes)
        case "at_least":
            return left >= evaluate(guard.right, sizes)
        case "divides":
            right = evaluate(guard.right, sizes)
            return right % left == 0 if left else right == 0
        case _:
            assert_never(guard.kind)


def wanted_by(guard: Guard, sizes: Mapping[str, int]) -> str:
    """What the assumption asks of sizes, beside what they are.

    >>> from graphc.dims.sizes import dim
    >>> wanted_by(Guard("equal", dim("n*2"), 8, "the halves must match"), {"n": 3})
    'n*2 is 6, and must be 8'
    """
    left, right = (evaluate(d, sizes) for d in (guard.left, guard.right))
    match guard.kind:
        case "positive":
            return f"{guard.left} is {left}, and must be more than 0"
        case "equal" if isinstance(guard.left, int):
            return f"{guard.right} is {right}, and must be {left}"
        case "equal":
            return f"{guard.left} is {left}, and must be {right}"
        case "at_least":
            return f"{guard.left} is {left}, and must be {right} or more"
        case "divides":
            return f"{guard.right} is {right}, and must be a multiple of {left}"
        case _:
            assert_never(guard.kind)

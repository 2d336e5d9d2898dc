"""Integer polynomials over opaque factors, as plain tuples: what a Dim is made of.

Enters: terms, each a product of atoms and its count. Leaves: their normal form (high degrees
first, the constant last, no zeros), quotients, bounds and text.

>>> n = Atom("n", "name")
>>> text(normal([((n,), 2), ((), 1), ((n,), 3)]))
'n*5 + 1'
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import reduce
from typing import Any, Literal, TypeAlias

AtomKind = Literal["name", "floordiv", "mod", "min", "max"]
Interval: TypeAlias = tuple[float, float]  # ints, or an infinity where nothing is known

AT_LEAST_0: Interval = (0, math.inf)
ANY: Interval = (-math.inf, math.inf)


@dataclass(frozen=True, slots=True)
class Atom:
    """A factor that the normal form does not look into. Its text is canonical: its identity."""

    text: str
    kind: AtomKind = field(compare=False)
    args: tuple[Any, ...] = field(compare=False, default=())  # ints and Dims
    names: frozenset[str] = field(compare=False, default=frozenset())
    bounds: Interval = field(compare=False, default=AT_LEAST_0)


Monomial: TypeAlias = tuple[Atom, ...]  # sorted, with repetition: a*a*b is (a, a, b)
Term: TypeAlias = tuple[Monomial, int]
Terms: TypeAlias = tuple[Term, ...]


def terms_of(d: Any) -> Terms:
    """The terms of an int or a Dim."""
    if isinstance(d, int):
        return (((), d),) if d else ()
    return d.terms


def atom_key(atom: Atom) -> tuple[bool, str]:
    """Names come first."""
    return atom.kind != "name", atom.text


def _term_key(term: Term) -> tuple[int, list[tuple[bool, str]]]:
    return -len(term[0]), [atom_key(atom) for atom in term[0]]


def normal(terms: Iterable[Term]) -> Terms:
    """The sum of the terms, in normal form: equal sums have equal forms."""
    total: dict[Monomial, int] = {}
    for monomial, count in terms:
        total[monomial] = total.get(monomial, 0) + count
    kept = [term for term in total.items() if term[1]]
    return tuple(kept if len(kept) < 2 else sorted(kept, key=_term_key))


def multiply(a: Terms, b: Terms) -> Terms:
    """The product, in normal form."""
    return normal(
        (tuple(sorted(left + right, key=atom_key)), i * j) for left, i in a for right, j in b
    )


def monomial_quotient(m: Monomial, divisor: Monomial) -> Monomial | None:
    """What is left of the factors, or None when the divisor has others."""
    left = list(m)
    for atom in divisor:
        if atom not in left:
            return None
        left.remove(atom)
    return tuple(left)


def quotient(a: Terms, b: Terms) -> Terms | None:
    """The polynomial q with q*b == a: long division by the leading term, which must not fail."""
    atoms = sorted({atom for m, _ in a + b for atom in m}, key=atom_key)

    def rank(term: Term) -> tuple[int, list[int]]:
        return len(term[0]), [term[0].count(atom) for atom in atoms]

    lead, count = max(b, key=rank, default=((), 0))
    steps: list[Term] = []
    while a:
        monomial, coefficient = max(a, key=rank)
        factor = monomial_quotient(monomial, lead)
        if factor is None or count == 0 or coefficient % count:
            return None
        steps.append((factor, coefficient // count))
        a = normal(a + multiply(b, ((factor, -(coefficient // count)),)))
    return normal(steps) if count else None


def bounds(terms: Terms) -> Interval:
    """An interval that holds the value whatever the names are, given that they are >= 0."""
    low: float = 0
    high: float = 0
    for monomial, count in terms:
        least, most = sorted(_times(end, count) for end in _monomial_bounds(monomial))
        low, high = low + least, high + most
    return low, high


def least(terms: Terms, depth: int = 3) -> float:
    """A lower bound that also looks into atoms: n - n//2 is at least 0 though n//2 has no end."""
    low = bounds(terms)[0]
    if low >= 0 or depth == 0:
        return low
    parts = [(m[0], c, terms[:i] + terms[i + 1 :]) for i, (m, c) in enumerate(terms) if len(m) == 1]
    return max([low, *(_least_without(*part, depth - 1) for part in parts)])


def _least_without(atom: Atom, count: int, rest: Terms, depth: int) -> float:
    """A lower bound of count*atom + rest, where what the atom is made of takes its place."""

    def with_multiple(d: Any, slack: int = 0, scale: int = 1) -> float:
        scaled = (*((m, c * scale) for m, c in rest), *((m, c * count) for m, c in terms_of(d)))
        return least(normal((*scaled, ((), -abs(count) * slack))), depth)

    match atom.kind:
        case "floordiv" if isinstance(atom.args[1], int):  # a - k < k * (a//k) <= a
            divisor = atom.args[1]
            low = with_multiple(atom.args[0], divisor - 1 if count > 0 else 0, divisor)
            return low if math.isinf(low) else -(-low // divisor)
        case "mod" if count < 0 and bounds(terms_of(atom.args[0]))[0] >= 0:
            return with_multiple(atom.args[0])  # a % k <= a
        case "min" | "max":
            either = max if (atom.kind == "min") == (count < 0) else min
            return either(map(with_multiple, atom.args))
        case _:
            return -math.inf


def _times(a: float, b: float) -> float:
    return a * b if a and b else 0  # 0 times an unbounded size is 0, not nan


def _monomial_bounds(monomial: Monomial) -> Interval:
    if len(monomial) == 1:
        return monomial[0].bounds
    if any(atom.bounds[0] < 0 for atom in monomial):
        return ANY
    return (
        reduce(_times, (atom.bounds[0] for atom in monomial), 1),
        reduce(_times, (atom.bounds[1] for atom in monomial), 1),
    )


def text(terms: Terms) -> str:
    """A Python expression over the names."""
    if not terms:
        return "0"
    ordered = sorted(terms, key=lambda term: term[1] < 0)  # stable: 1 - n, not -n + 1
    signs = ["-" if count < 0 else "+" for _, count in ordered]
    start, *others = (_term_text(m, abs(c), signs[0] == "-") for m, c in ordered)
    first = "-" + start if signs[0] == "-" else start
    return first + "".join(f" {s} {t}" for s, t in zip(signs[1:], others, strict=True))


def _term_text(monomial: Monomial, count: int, negated: bool) -> str:
    if not monomial:
        return str(count)
    if len(monomial) == 1 and count == 1 and not negated:
        return monomial[0].text
    bare = ("name", "min", "max")  # the others are bracketed: -(n//2), (n//2)*3
    factors = [atom.text if atom.kind in bare else f"({atom.text})" for atom in monomial]
    return "*".join(factors if count == 1 else [*factors, str(count)])

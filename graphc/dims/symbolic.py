"""The symbolic size: an integer polynomial over names, floor-divisions, mods, mins and maxes.

Enters: sizes and Python's operators. Leaves: an int, or a Dim in normal form, so that `==` is
equality of normal forms.

>>> batch = named("batch")
>>> (batch + 1) * 2 == 2 * batch + 2, batch * 6 // 3, (batch * 4 + 5) // 4
(True, batch*2, batch + 1)
"""

import keyword
import math
import operator
from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import Any, ClassVar, Literal, NoReturn, TypeAlias, assert_never

import numpy as np

from graphc.dims import terms as polynomials
from graphc.dims.terms import ANY, Atom, AtomKind, Interval, Terms, terms_of
from graphc.errors import ConcretenessError, ShapeError


class Dim:
    """A symbolic size. Built by `dim`; the operators + - * // % give ints or Dims.

    `==` compares normal forms and is a bool. `bool`, `int`, `<` and iteration need a number,
    and raise ConcretenessError.

    >>> n = named("n")
    >>> n + n, (4 * n + 2) // 2, (n + 1) // 2, n - n
    (n*2, n*2 + 1, (n + 1)//2, 0)
    """

    __slots__ = ("_hash", "terms")
    # A NumPy int on the left defers to the reflected operators.
    __array_ufunc__: ClassVar[None] = None
    terms: Terms
    _hash: int

    def __init__(self, terms: Terms) -> None:
        self.terms = terms
        self._hash = hash(terms)

    def __reduce__(self) -> tuple[object, ...]:
        return Dim, (self.terms,)  # not the hash: that of a string differs between processes

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Dim):
            return NotImplemented  # a tensor on the other side gets its turn
        return self is other or (self._hash == other._hash and self.terms == other.terms)

    def __hash__(self) -> int:
        return self._hash

    def __repr__(self) -> str:
        return dim_source(self)

    def __call__(self, *axes: object) -> NoReturn:
        fix = "x.shape[0] is the size of an axis, x.size the number of elements"
        raise ConcretenessError("a size is not called", got=f"{self}", fix=fix)

    def __add__(self, other: "DimLike") -> "DimLike":
        return _binary(_add, self, other)

    def __radd__(self, other: "DimLike") -> "DimLike":
        return _binary(_add, other, self)

    def __sub__(self, other: "DimLike") -> "DimLike":
        return _binary(_sub, self, other)

    def __rsub__(self, other: "DimLike") -> "DimLike":
        return _binary(_sub, other, self)

    def __mul__(self, other: "DimLike") -> "DimLike":
        return _binary(_mul, self, other)

    def __rmul__(self, other: "DimLike") -> "DimLike":
        return _binary(_mul, other, self)

    def __floordiv__(self, other: "DimLike") -> "DimLike":
        return _binary(_floordiv, self, other)

    def __rfloordiv__(self, other: "DimLike") -> "DimLike":
        return _binary(_floordiv, other, self)

    def __truediv__(self, other: object) -> Any:
        return _no_size(self, other, "/")

    __rtruediv__ = __truediv__

    def __pow__(self, other: object) -> Any:
        return _no_size(self, other, "**")

    def __mod__(self, other: "DimLike") -> "DimLike":
        return _binary(_mod, self, other)

    def __rmod__(self, other: "DimLike") -> "DimLike":
        return _binary(_mod, other, self)

    def __neg__(self) -> "DimLike":
        return _mul(self, -1)

    def __bool__(self) -> NoReturn:
        raise _not_concrete(self, "bool()")

    def __int__(self) -> NoReturn:
        raise _not_concrete(self, "int()")

    def __index__(self) -> NoReturn:
        fix = "graphc.zeros, arange and reshape take it; NumPy and range() an input of an int size"
        raise _not_concrete(self, "an index or range()", fix)

    def __float__(self) -> NoReturn:
        raise _not_concrete(self, "float()")

    def __iter__(self) -> NoReturn:
        raise _not_concrete(self, "iteration")

    def __lt__(self, other: object) -> NoReturn:
        raise _not_concrete(self, "an order comparison")

    def __le__(self, other: object) -> NoReturn:
        raise _not_concrete(self, "an order comparison")

    def __gt__(self, other: object) -> NoReturn:
        raise _not_concrete(self, "an order comparison")

    def __ge__(self, other: object) -> NoReturn:
        raise _not_concrete(self, "an order comparison")


DimLike: TypeAlias = int | Dim


def _no_size(d: Any, other: object, wanted: str) -> Any:
    """The result of an operation that gives no size; NotImplemented where a tensor knows how."""
    if not isinstance(other, int | float | Dim):
        return NotImplemented
    fix = "// gives a size; graphc.asarray(x.shape[0]) is a tensor, for any arithmetic"
    raise _not_concrete(d, wanted, fix)


def _not_concrete(d: Dim, wanted: str, fix: str = "") -> ConcretenessError:
    return ConcretenessError(
        f"the size {d} is symbolic: {wanted} needs a number",
        fix=fix or "give the input an int size, or compare with == alone",
    )


@lru_cache(maxsize=4096)
def named(name: str) -> Dim:
    """The size of this name."""
    if keyword.iskeyword(name) or name in ("min", "max"):
        raise ShapeError("a size cannot have this name", got=name, fix="choose another name")
    return Dim((((Atom(name, "name", (), frozenset((name,))),), 1),))


def as_size(value: object) -> DimLike | None:
    """The int or Dim that a value is, else None. A bool is no size."""
    if type(value) is int or isinstance(value, Dim):
        return value
    if isinstance(value, bool) or not isinstance(value, int | np.integer):
        return None
    return operator.index(value)


# The operands are typed Any inside: a tensor on the other side must get its turn.
def _binary(apply: Callable[[DimLike, DimLike], DimLike], a: Any, b: Any) -> Any:
    left, right = as_size(a), as_size(b)
    if left is None or right is None:
        return _no_size(*(a, b) if right is None else (b, a), "arithmetic with fractions")
    return apply(left, right)


def _folded(terms: Terms) -> DimLike:
    """A polynomial that is a number becomes one."""
    if not terms:
        return 0
    return Dim(terms) if terms[0][0] else terms[0][1]


@lru_cache(1 << 14)
def _add(a: DimLike, b: DimLike) -> DimLike:
    return _folded(polynomials.normal(terms_of(a) + terms_of(b)))


@lru_cache(1 << 14)
def _sub(a: DimLike, b: DimLike) -> DimLike:
    return _folded(polynomials.normal(terms_of(a) + tuple((m, -c) for m, c in terms_of(b))))


@lru_cache(1 << 14)
def _mul(a: DimLike, b: DimLike) -> DimLike:
    return _folded(polynomials.multiply(terms_of(a), terms_of(b)))


@lru_cache(1 << 14)
def divide_exact(a: DimLike, b: DimLike) -> DimLike | None:
    """The polynomial q with q*b == a, or None when there is provably no such one.

    >>> n, m = named("n"), named("m")
    >>> divide_exact(n * n - m * m, n + m), divide_exact(n + 1, 2)
    (n - m, None)
    """
    quotient = polynomials.quotient(terms_of(a), terms_of(b))
    return None if quotient is None else _folded(quotient)


@lru_cache(1 << 14)
def bounds(d: DimLike) -> Interval:
    """An interval that holds the size whatever its names are, given that they are >= 0.

    >>> n = named("n")
    >>> bounds(n + 1), bounds(n % 4 * 2), bounds(n - n // 2)
    ((1, inf), (0, 6), (0, inf))
    """
    if isinstance(d, int):  # as nearly all are that slices and pads ask for
        return d, d
    return polynomials.least(terms_of(d)), -polynomials.least(terms_of(-d))


def names(d: DimLike) -> frozenset[str]:
    """The names that a size depends on.

    >>> sorted(names(named("n") * named("m") // 2))
    ['m', 'n']
    """
    return frozenset[str]().union(*(atom.names for m, _ in terms_of(d) for atom in m))


@lru_cache(1 << 14)
def dim_source(d: DimLike) -> str:
    """A Python expression over the names; `parse_dim` reads it back.

    >>> n = named("n")
    >>> dim_source(1 - (n + 1) // 2), dim_source((n - 1) * n)
    ('1 - (n + 1)//2', 'n*n - n')
    """
    return polynomials.text(terms_of(d))


# ---- atoms: floor-division, mod, min and max ----


def _node(kind: AtomKind, *args: DimLike) -> DimLike:
    if kind == "floordiv" or kind == "mod":
        text = ("//" if kind == "floordiv" else "%").join(map(_operand_text, args))
    else:
        text = f"{kind}({', '.join(map(dim_source, args))})"
    held = frozenset[str]().union(*map(names, args))
    return Dim((((Atom(text, kind, args, held, _atom_bounds(kind, args)),), 1),))


def _operand_text(d: DimLike) -> str:
    text = dim_source(d)
    if isinstance(d, int):
        return text if d >= 0 else f"({text})"
    plain = any(_only_atom(d, kind) for kind in ("name", "min", "max"))
    return text if plain else f"({text})"


def _atom_bounds(kind: AtomKind, args: tuple[DimLike, ...]) -> Interval:
    lows, highs = zip(*map(bounds, args), strict=True)
    match kind:
        case "min":
            return min(lows), min(highs)
        case "max":
            return max(lows), max(highs)
        case "mod":
            return (0, highs[1] - 1) if lows[1] >= 0 else ANY
        case "floordiv":
            divisor = args[1]
            if isinstance(divisor, int):
                return _floor(lows[0], divisor), _floor(highs[0], divisor)
            return (0, highs[0]) if lows[0] >= 0 and lows[1] >= 0 else ANY
        case "name":
            return polynomials.AT_LEAST_0
        case _:
            assert_never(kind)


def _floor(end: float, divisor: int) -> float:
    return end if math.isinf(end) else end // divisor


def _only_atom(d: DimLike, kind: AtomKind) -> Atom | None:
    """The atom, when `d` is nothing but one of this kind."""
    if isinstance(d, int):
        return None
    ((monomial, count), *others) = d.terms
    if others or count != 1 or len(monomial) != 1 or monomial[0].kind != kind:
        return None
    return monomial[0]


def _floordiv(a: DimLike, b: DimLike) -> DimLike:
    if isinstance(b, int) and b <= 0:
        return _floordiv(-a, -_nonzero(b))
    exact = divide_exact(a, b)
    if exact is not None:
        return exact
    whole, rest = _split(a, b)
    return whole + _floordiv_rest(rest, b)


def _floordiv_rest(rest: DimLike, b: DimLike) -> DimLike:
    if isinstance(b, Dim):
        return _node("floordiv", rest, b)
    _, rest, b, _ = _reduce(rest, b)
    low, high = bounds(rest)
    if low >= 0 and high < b:
        return 0
    constant = _constant(rest)
    inner = _only_atom(rest - constant, "floordiv")
    if inner and isinstance(inner.args[1], int):  # (x//j + c)//k -> (x + c*j)//(j*k)
        return _floordiv(inner.args[0] + constant * inner.args[1], inner.args[1] * b)
    return _node("floordiv", rest, b)


def _mod(a: DimLike, b: DimLike) -> DimLike:
    if isinstance(b, int) and b <= 0:
        return -_mod(-a, -_nonzero(b))
    if divide_exact(a, b) is not None:
        return 0
    rest = _split(a, b)[1]
    if isinstance(b, Dim):
        return _node("mod", rest, b)
    scale, rest, b, remainder = _reduce(rest, b)
    low, high = bounds(rest)
    if low >= 0 and high < b:
        return scale * rest + remainder
    inner = _only_atom(rest, "mod")
    if inner and isinstance(inner.args[1], int) and inner.args[1] % b == 0:
        return scale * _mod(inner.args[0], b) + remainder  # x % (j*k) % k -> x % k
    return scale * _node("mod", rest, b) + remainder


def _nonzero(divisor: int) -> int:
    if divisor == 0:
        raise ShapeError("a size is divided by zero")
    return divisor


def _constant(d: DimLike) -> int:
    last = terms_of(d)[-1:]
    return last[0][1] if last and not last[0][0] else 0


def _split(a: DimLike, b: DimLike) -> tuple[DimLike, DimLike]:
    """(whole, rest) with a == whole*b + rest, for a divisor of one term."""
    if len(terms_of(b)) != 1:
        return 0, a
    divisor, count = terms_of(b)[0]
    quotients = ((polynomials.monomial_quotient(m, divisor), c) for m, c in terms_of(a))
    kept = ((m, c // count) for m, c in quotients if m is not None)
    whole = _folded(polynomials.normal(kept))
    return whole, a - whole * b


def _reduce(rest: DimLike, b: int) -> tuple[int, DimLike, int, int]:
    """(g, x, k, r) with rest == g*x + r, b == g*k and 0 <= r < g: floors and mods need x and k."""
    constant = _constant(rest)
    g = math.gcd(b, *(c for m, c in terms_of(rest) if m))
    scaled = _folded(tuple((m, c // g) for m, c in terms_of(rest - constant)))
    return g, scaled + constant // g, b // g, constant % g


def dim_min(a: DimLike, b: DimLike) -> DimLike:
    """The smaller size; folds where it can be proven.

    >>> dim_min(named("n"), 8), dim_min(named("n"), named("n") + 1)
    (min(n, 8), n)
    """
    return _extreme("min", (a, b))


def dim_max(a: DimLike, b: DimLike) -> DimLike:
    """The larger size; folds where it can be proven.

    >>> dim_max(named("n"), 8), dim_max(named("n"), 0)
    (max(n, 8), n)
    """
    return _extreme("max", (a, b))


def _extreme(kind: Literal["min", "max"], args: Iterable[DimLike]) -> DimLike:
    sign = 1 if kind == "min" else -1
    kept: list[DimLike] = []
    for arg in args:
        inner = _only_atom(arg, kind)
        for new in inner.args if inner else (arg,):
            if not any(bounds(sign * (new - old))[0] >= 0 for old in kept):
                kept = [old for old in kept if bounds(sign * (old - new))[0] < 0] + [new]
    return kept[0] if len(kept) == 1 else _node(kind, *sorted(kept, key=_argument_key))


def _argument_key(d: DimLike) -> tuple[bool, str]:
    return isinstance(d, int), dim_source(d)

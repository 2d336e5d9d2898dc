"""The closed set of lowering kinds: what the schedule has to know of a primitive, as frozen data.

Enters: nothing. Leaves: the value of an Op's `lower` facet, which `schedule` matches exhaustively.
Views and gathers speak of elements through `Index`, an affine function of loop variables:

>>> transposed = View(lambda coords, shape, axes: tuple(coords[axes.index(i)] for i in range(2)))
>>> transposed.coords((variable(0), variable(1)), (3, 5), axes=(1, 0))
(Index(offset=0, terms=((1, 1),)), Index(offset=0, terms=((0, 1),)))
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from graphc.dims import DimLike

Shape = tuple[DimLike, ...]


@dataclass(frozen=True, slots=True)
class Index:
    """offset + the sum of coefficient * loop variable; terms: (variable, coefficient), sorted."""

    offset: DimLike
    terms: tuple[tuple[int, DimLike], ...] = ()


def variable(number: int) -> Index:
    """The index that is just the loop variable of that number."""
    return Index(0, ((number, 1),))


def scaled(index: Index, factor: DimLike) -> Index:
    """index * factor, for example the position in memory that a stride gives."""
    if factor == 0:
        return Index(0)
    return Index(index.offset * factor, tuple((v, c * factor) for v, c in index.terms))


def plus(a: Index, b: Index) -> Index:
    """a + b; terms of one variable are added up."""
    terms = dict(a.terms)
    for v, c in b.terms:
        terms[v] = terms.get(v, 0) + c
    kept = tuple((v, terms[v]) for v in sorted(terms) if terms[v] != 0)
    return Index(a.offset + b.offset, kept)


@dataclass(frozen=True, slots=True)
class Leaf:
    """Memory that is there before the program runs: an input, state, a constant."""


@dataclass(frozen=True, slots=True)
class Pointwise:
    """One element from one element of each operand.

    `text` is in the kernel language: {0} {1} ... are the operands, {T} the short dtype name of the
    first operand, {R} that of the result. `cost` is in cycles for an element of a vectorised loop.
    `integer_text` replaces `text` where the first operand is of integers, if they need another.
    """

    text: str
    cost: int = 1
    integer_text: str | None = None


Combine = Literal["sum", "prod", "max", "min", "any", "all", "argmax", "argmin"]


@dataclass(frozen=True, slots=True)
class Reduce:
    """Combines the elements along the parameter `axes`, which leave the shape."""

    combine: Combine


@dataclass(frozen=True, slots=True)
class View:
    """No arithmetic: coords(output coordinates, input shape, **params) -> input coordinates."""

    coords: Callable[..., tuple[Index, ...]]


@dataclass(frozen=True, slots=True)
class Reshape:
    """The same elements in the same row-major order under another shape."""


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of an assembled result: element c of the source goes to starts + steps * c.

    `source` numbers the operand; None stands for an array of these `sizes` that is `fill`
    everywhere, and stands before all other pieces; such ones may meet, if they fill alike.
    """

    source: int | None
    starts: Shape
    steps: tuple[int, ...]
    sizes: Shape = ()
    fill: float = 0.0


@dataclass(frozen=True, slots=True)
class Assemble:
    """A result written piece by piece: pieces(*input types, **params), later pieces on top."""

    pieces: Callable[..., tuple[Piece, ...]]


@dataclass(frozen=True, slots=True)
class Contract:
    """Sums of products over axes of the sizes depth(*input types, **params).

    coords(result coordinates, depth coordinates, *input types, **params) are the coordinates of the
    factor in either operand. Transposes, strides and windows are affine, and so are all of these.
    """

    depth: Callable[..., Shape]
    coords: Callable[..., tuple[tuple[Index, ...], tuple[Index, ...]]]


@dataclass(frozen=True, slots=True)
class Gather:
    """Reads operand 0 where the integers of operand 1 say, along the parameter `axis`.

    `along`: the integers have the result's shape; else their shape replaces the axis.
    """

    along: bool


@dataclass(frozen=True, slots=True)
class Scatter:
    """A copy of operand 0 with operand 2 put where the integers of operand 1 say.

    The parameter `combine` says how: "add", or "set", where the last of repeated places wins.
    """

    along: bool


@dataclass(frozen=True, slots=True)
class Source:
    """Values from nothing: "iota" counts along parameter `axis`, "size" is parameter `dim`."""

    kind: Literal["iota", "size"]


Lowering = (
    Leaf | Pointwise | Reduce | View | Reshape | Assemble | Contract | Gather | Scatter | Source
)

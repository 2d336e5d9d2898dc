"""Sizes from names and texts, and the numbers behind them.

Enters: a name, an expression, an int; later the sizes of a call. Leaves: a size; its value.

>>> evaluate(dim("batch*2 + 1"), {"batch": 32})
65
"""

import ast
import math
import operator
import unicodedata
from collections.abc import Callable, Iterable, Mapping
from functools import reduce
from typing import Any, TypeAlias, assert_never

from graphc.dims.symbolic import Dim, DimLike, as_size, dim_max, dim_min, named, names
from graphc.dims.terms import Atom
from graphc.errors import BindingError, GuardError, ShapeError

# The names of sizes that a binding sets start with these: users cannot write them.
OWN, STRIP = "_parts", "_strip"
_NAMES = "a name is a word, as a variable's is: 'batch_size'"
_NOT_A_SIZE = "a size is an int or an expression of names, ints, + - * // %, min and max"


def dim(size: object) -> DimLike:
    """A size from a name, an expression of names, an int or a Dim. Names stand for ints >= 0.

    >>> dim("batch"), dim("2*n + 1"), dim(3)
    (batch, n*2 + 1, 3)
    """
    if isinstance(size, str):
        return _given(size) if size.isidentifier() else parse_dim(size)
    number = as_size(size)
    if number is None:
        fix = "give an int or a name; an argument of jit is a tensor: close over it, or use partial"
        fix = "name what is not known yet: 'batch'" if size is None else fix
        raise ShapeError(_NOT_A_SIZE, got=repr(size), fix=fix)
    return number


def _given(name: str) -> Dim:
    """The size of a name that a user wrote; Python reads all spellings of an identifier as one."""
    name = unicodedata.normalize("NFKC", name)
    if name.startswith((OWN, STRIP)):
        fix = f"choose another name: those with {OWN} and {STRIP} are graphc's own"
        raise ShapeError("a size cannot have this name", got=name, fix=fix)
    return named(name)


def parse_dim(text: str) -> DimLike:
    """A size from the text that `dim_source` writes, or a like one. ShapeError for another.

    >>> parse_dim("min(n, 8)*2 - 1")
    min(n, 8)*2 - 1
    """
    sizes = parse_dims(text)
    if len(sizes) != 1:
        fix = f"several are a tuple: {tuple(part.strip() for part in text.split(','))}"
        raise ShapeError(_NOT_A_SIZE, got=text, fix=fix)
    return sizes[0]


def parse_dims(text: str) -> tuple[DimLike, ...]:
    """Sizes separated by commas.

    >>> parse_dims("batch, 784"), parse_dims("")
    ((batch, 784), ())
    """
    if not text.strip():
        return ()
    try:
        tree = ast.parse(f"({text.strip().removesuffix(',')},)", mode="eval").body
    except (SyntaxError, ValueError) as error:  # ValueError: a null character
        raise ShapeError(_NOT_A_SIZE, got=text, fix=_NAMES) from error
    if not isinstance(tree, ast.Tuple):
        raise ShapeError(_NOT_A_SIZE, got=text, fix=_NAMES)
    return tuple(_read(node) for node in tree.elts)


_OPERATORS: dict[type[ast.operator], Callable[[Any, Any], DimLike]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
}


def _read(node: ast.expr) -> DimLike:
    match node:
        case ast.Constant(value=int(value)) if not isinstance(value, bool):
            return value
        case ast.Name(id=name):
            return _given(name)
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return -_read(operand)
        case ast.BinOp(left=left, op=op, right=right) if type(op) in _OPERATORS:
            a, b = _read(left), _read(right)
            if b == 0 and isinstance(op, ast.FloorDiv | ast.Mod):
                raise ShapeError("a size is divided by zero", got=ast.unparse(node))
            return _OPERATORS[type(op)](a, b)
        case ast.Call(func=ast.Name(id="min"), args=[first, *others], keywords=[]):
            return reduce(dim_min, map(_read, others), _read(first))
        case ast.Call(func=ast.Name(id="max"), args=[first, *others], keywords=[]):
            return reduce(dim_max, map(_read, others), _read(first))
        case _:
            raise ShapeError(_NOT_A_SIZE, got=ast.unparse(node), fix=_NAMES)


def ceil_div(a: DimLike, b: DimLike) -> DimLike:
    """a / b rounded up, for b > 0.

    >>> ceil_div(dim("n"), 4), ceil_div(7, 4)
    ((n + 3)//4, 2)
    """
    return (a + b - 1) // b


def product(dims: Iterable[DimLike]) -> DimLike:
    """The product of sizes, 1 for none.

    >>> product((dim("n"), 3, 4))
    n*12
    """
    total: DimLike = 1
    for size in dims:
        total = total * size
    return total


def evaluate(d: DimLike, sizes: Mapping[str, int]) -> int:
    """The number behind a size. BindingError for a name without a size, GuardError for x // 0.

    >>> evaluate(dim("(n + 1)//2"), {"n": 8})
    4
    """
    if isinstance(d, int):
        return d
    return sum(c * math.prod(_atom_value(atom, sizes) for atom in m) for m, c in d.terms)


def _atom_value(atom: Atom, sizes: Mapping[str, int]) -> int:
    args = [evaluate(arg, sizes) for arg in atom.args]
    match atom.kind:
        case "name":
            if atom.text not in sizes:
                raise BindingError(f"the size {atom.text} is not known", got=", ".join(sizes))
            return int(sizes[atom.text])
        case "min":
            return min(args)
        case "max":
            return max(args)
        case "floordiv" | "mod":
            if args[1] == 0:
                raise GuardError("a size is divided by zero", got=f"{atom.text}, {dict(sizes)}")
            return args[0] // args[1] if atom.kind == "floordiv" else args[0] % args[1]
        case _:
            assert_never(atom.kind)


Mapped: TypeAlias = Mapping[str, DimLike]


def substitute(d: DimLike, mapping: Mapped) -> DimLike:
    """Sizes for names, all at once.

    >>> substitute(dim("n*m + 1"), {"n": dim("m"), "m": 3})
    m*3 + 1
    """
    if isinstance(d, int) or mapping.keys().isdisjoint(names(d)):
        return d
    total: DimLike = 0
    for monomial, count in d.terms:
        total = total + product((count, *(_substitute_atom(atom, mapping) for atom in monomial)))
    return total


def _substitute_atom(atom: Atom, mapping: Mapped) -> DimLike:
    args = [substitute(arg, mapping) for arg in atom.args]
    match atom.kind:
        case "name":
            return mapping.get(atom.text, named(atom.text))
        case "min":
            return reduce(dim_min, args)
        case "max":
            return reduce(dim_max, args)
        case "floordiv" | "mod":
            if args[1] == 0:
                raise ShapeError("a size is divided by zero", got=f"{atom.text} at {dict(mapping)}")
            return args[0] // args[1] if atom.kind == "floordiv" else args[0] % args[1]
        case _:
            assert_never(atom.kind)

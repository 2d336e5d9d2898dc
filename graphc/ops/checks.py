"""What the primitives' type rules share: each check passes silently or raises with the full story.

Enters: the primitive's name and types. Leaves: a shape, guards, or a ShapeError or DTypeError.
"""

from graphc.dims import Guard, bounds, same_dims
from graphc.errors import DTypeError, ShapeError
from graphc.types import Shape, TensorType

FLOAT = "f"
INTEGER = "iu"
NUMERIC = "fiu"
BITS = "biu"
BOOL = "b"
ANY = "fiub"

_KINDS = {
    FLOAT: ("a float", "cast it: x.astype('float32')"),
    INTEGER: ("an integer", "cast it: x.astype('int64')"),
    NUMERIC: ("a number", "cast it: x.astype('int64')"),
    BITS: (
        "an integer or a bool",
        "& and | bind more than comparisons: (x > 0) & (x < 1); else cast: x.astype('int64')",
    ),
    BOOL: ("a bool", "compare it: x != 0"),
}


def check_kind(name: str, kinds: str, x: TensorType) -> None:
    """DTypeError unless the dtype of `x` is of one of the kinds."""
    if x.dtype.kind not in kinds:
        what, fix = _KINDS[kinds]
        raise DTypeError(f"{name}: {what} is needed", got=str(x), fix=fix)


def match_dtypes(name: str, *xs: TensorType) -> None:
    """DTypeError unless all dtypes are equal."""
    if any(x.dtype is not xs[0].dtype for x in xs):
        got = ", ".join(map(str, xs))
        raise DTypeError(f"{name}: the dtypes differ", got=got, fix="cast one of them")


def match_shapes(name: str, *shapes: Shape, but: int | None = None) -> None:
    """ShapeError where shapes are provably different, `but` for one axis; `equal_guards` holds
    what is not proven."""
    first = shapes[0]
    for shape in shapes[1:]:
        if shape is first or shape == first:
            continue
        fits = len(shape) == len(first) and all(
            axis == but or same_dims(a, b) is not False
            for axis, (a, b) in enumerate(zip(first, shape, strict=True))
        )
        if not fits:
            got = " and ".join(map(str, shapes))
            fix = "the sizes must be equal" if but is None else "all other sizes must be equal"
            raise ShapeError(f"{name}: the shapes differ", got=got, fix=fix)


def equal_guards(name: str, *shapes: Shape) -> tuple[Guard, ...]:
    """The equalities of sizes that `match_shapes` took on trust."""
    first = shapes[0]
    pairs = [
        (a, b)
        for shape in shapes[1:]
        if shape != first
        for a, b in zip(first, shape, strict=True)
        if a != b
    ]
    return tuple(Guard("equal", a, b, f"{name}: sizes differ: {a} != {b}") for a, b in pairs)


def size_guards(name: str, shape: Shape) -> tuple[Guard, ...]:
    """That there is such a shape: no size is negative, as n - 4 may be."""
    named = [size for size in shape if not isinstance(size, int)]
    unproven = [size for size in named if bounds(size)[0] < 0]
    return tuple(Guard("at_least", d, 0, f"{name}: the size {d} is negative") for d in unproven)


def reduced(name: str, x: TensorType, axes: tuple[int, ...]) -> Shape:
    """The shape without the axes, which must be sorted, distinct and non-negative."""
    in_order = list(axes) == sorted(set(axes))
    if not in_order or any(not 0 <= axis < len(x.shape) for axis in axes):
        raise ShapeError(f"{name}: no such axes of {len(x.shape)}", got=str(axes))
    return tuple(dim for i, dim in enumerate(x.shape) if i not in axes)

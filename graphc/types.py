"""Types of tensors: a dtype and a shape; how dtypes mix and shapes broadcast. Pure.

Enters: dtypes, shapes and scalars. Leaves: the type of a result, or an error that names the fix.

>>> a = TensorType(float32, ("batch", 784))
>>> a, promote(float32, float64), broadcast_shapes(a.shape, (784,))
(f32[batch, 784], float64, (batch, 784))
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import zip_longest
from typing import Any, Literal, TypeAlias

import numpy as np

from graphc.dims import Dim, DimLike, Guard, dim, dim_source, parse_dims, product, same_dims
from graphc.errors import DTypeError, ShapeError, Where

Kind = Literal["b", "i", "u", "f"]
Shape: TypeAlias = tuple[DimLike, ...]
Sizes: TypeAlias = str | DimLike | Sequence[str | DimLike]  # what users write for a shape

# ---- dtypes ----


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class DType:
    """An element type: one of `DTYPES`. `itemsize` is in bytes.

    It equals whatever names it, as NumPy's dtypes do.

    >>> float32.short, float32.kind, float32.itemsize, float32 == np.float32, float32 == "f64"
    ('f32', 'f', 4, True, False)
    """

    name: str
    kind: Kind
    itemsize: int

    @property
    def short(self) -> str:
        """The name in printed graphs and kernels: f32, i64, u8, b1."""
        return f"{self.kind}{1 if self.kind == 'b' else self.itemsize * 8}"

    @property
    def numpy(self) -> np.dtype[Any]:
        """NumPy's dtype, in native byte order."""
        return _NUMPY[self.name]

    def __repr__(self) -> str:
        return self.name

    def __hash__(self) -> int:
        return hash(self.name)

    def __eq__(self, other: object) -> bool:
        if self is other:
            return True
        return not isinstance(other, DType) and _find_dtype(other) is self

    def __reduce__(self) -> tuple[object, ...]:
        return as_dtype, (self.name,)  # copies and pickles give the same object


float32: DType = DType("float32", "f", 4)
float64: DType = DType("float64", "f", 8)
int8: DType = DType("int8", "i", 1)
int16: DType = DType("int16", "i", 2)
int32: DType = DType("int32", "i", 4)
int64: DType = DType("int64", "i", 8)
uint8: DType = DType("uint8", "u", 1)
uint16: DType = DType("uint16", "u", 2)
uint32: DType = DType("uint32", "u", 4)
uint64: DType = DType("uint64", "u", 8)
bool_: DType = DType("bool", "b", 1)

DTYPES: tuple[DType, ...] = (
    *(float32, float64, int8, int16, int32, int64),
    *(uint8, uint16, uint32, uint64, bool_),
)

_NUMPY = {dtype.name: np.dtype(dtype.name) for dtype in DTYPES}
_BY_SHORT = {dtype.short: dtype for dtype in DTYPES}
_NUMPYS_OWN = ("i8", "u8")  # to NumPy these count bytes: int64 and uint64
_BY_NAME = {
    name: dtype for dtype in DTYPES for name in (dtype.name, dtype.short) if name not in _NUMPYS_OWN
}
_NUMPYS = {dtype.numpy.str[1:]: dtype.name for dtype in DTYPES}  # "f4": "float32"
_BY_SIZE = {(dtype.kind, dtype.itemsize): dtype for dtype in DTYPES}
_RANK = {"b": 0, "u": 1, "i": 2, "f": 3}  # NumPy's order of kinds
_PYTHON_TYPES: dict[object, DType] = {float: float32, int: int64, bool: bool_}


def as_dtype(x: object) -> DType:
    """The dtype that a DType, a name, a short name, a NumPy dtype or a type stands for.

    Python's float stands for float32, int for int64. Byte order is dropped. DTypeError for what
    graphc does not know, and for "i8" and "u8", which count bits here and bytes in NumPy.

    >>> as_dtype("f64"), as_dtype(np.int8), as_dtype(float), as_dtype(np.dtype(">f4"))
    (float64, int8, float32, float32)
    """
    if isinstance(x, DType):
        return x
    found = _find_dtype(x)
    if found is None:
        fix = f"graphc has {', '.join(dtype.name for dtype in DTYPES)}"
        if isinstance(x, int | tuple):
            fix = "a shape is one argument, and the dtype follows it: zeros((2, 3), 'float32')"
        elif "complex" in str(x):
            fix = f"there are no complex numbers: a.real and a.imag are two arrays; {fix}"
        elif isinstance(x, str) and x in _NUMPYS:
            fix = f"NumPy's {x!r}, which counts bytes, is {_NUMPYS[x]!r} here"
        raise DTypeError("unknown dtype", got=repr(x), fix=fix)
    return found


def dtype_of_short(short: str) -> DType:
    """The dtype of a name in printed graphs. DTypeError for another text.

    >>> dtype_of_short("i8")
    int8
    """
    return _BY_SHORT[short] if short in _BY_SHORT else as_dtype(short)


def _find_dtype(x: object) -> DType | None:
    if isinstance(x, str):
        return _BY_NAME.get(x)
    if isinstance(x, type):
        # NumPy reads any other class, str for one, as a dtype too: object
        return _PYTHON_TYPES.get(x) or (
            _of_numpy(np.dtype(x)) if issubclass(x, np.generic) else None
        )
    return _of_numpy(x) if isinstance(x, np.dtype) else None


def _of_numpy(dtype: np.dtype[Any]) -> DType | None:
    return _BY_NAME.get(dtype.newbyteorder("=").name)


# ---- promotion ----


def promote(a: DType, b: DType) -> DType:
    """The dtype of two tensors that meet, by the array API standard's table.

    Where the standard leaves it open: an int with a float gives that float, a bool gives way.
    DTypeError for uint64 with a signed int, which no int can hold.

    >>> promote(int8, uint8), promote(int64, float32), promote(bool_, int8)
    (int16, float32, int8)
    """
    low, high = (a, b) if _RANK[a.kind] <= _RANK[b.kind] else (b, a)
    if low.kind == high.kind:
        return low if low.itemsize > high.itemsize else high
    if low.kind == "b" or high.kind == "f" or low.itemsize < high.itemsize:
        return high
    if low is uint64:
        raise DTypeError(
            "no dtype holds both", got=f"{a}, {b}", fix="cast one of them: x.astype('int64')"
        )
    return _BY_SIZE["i", low.itemsize * 2]


def can_cast_same_kind(source: DType, target: DType) -> bool:
    """NumPy's same_kind rule: a cast within a kind, or to a later one of bool, uint, int, float.

    >>> can_cast_same_kind(float64, float32), can_cast_same_kind(float32, int64)
    (True, False)
    """
    return _RANK[source.kind] <= _RANK[target.kind]


# ---- tensor types ----


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class TensorType:
    """The dtype and the shape of a tensor: immutable, compared by value.

    Sizes may be given as names; they are kept as ints and Dims.

    >>> t = TensorType(float32, ("batch", 784))
    >>> t, t.rank, t.size
    (f32[batch, 784], 2, batch*784)
    """

    dtype: DType
    shape: Shape
    _hash: int = field(init=False)  # types are keys of the table of nodes: it is taken once

    def __post_init__(self) -> None:
        object.__setattr__(self, "shape", as_shape(self.shape))
        object.__setattr__(self, "_hash", hash((self.dtype, self.shape)))

    def __reduce__(self) -> tuple[object, ...]:
        return TensorType, (self.dtype, self.shape)  # the hash differs between processes

    def __hash__(self) -> int:
        return self._hash

    def __eq__(self, other: object) -> bool:
        if self is other:
            return True
        if not isinstance(other, TensorType):
            return NotImplemented
        return self.dtype is other.dtype and self.shape == other.shape

    def __repr__(self) -> str:
        return f"{self.dtype.short}[{', '.join(map(dim_source, self.shape))}]"

    @property
    def rank(self) -> int:
        """The number of axes."""
        return len(self.shape)

    @property
    def size(self) -> DimLike:
        """The number of elements."""
        return product(self.shape)


def parse_type(text: str) -> TensorType:
    """A type from its print. ShapeError or DTypeError for another text.

    >>> parse_type("f32[batch, 2*n]")
    f32[batch, n*2]
    """
    dtype, bracket, dims = text.strip().partition("[")
    if not bracket or not dims.endswith("]"):
        raise ShapeError("a type is written as f32[batch, 784]", got=text)
    return TensorType(dtype_of_short(dtype), parse_dims(dims[:-1]))


def as_shape(shape: Sizes) -> Shape:
    """A shape from a size or a sequence of sizes: ints >= 0, names, expressions or Dims.

    ShapeError for a size below 0, and for the name of a dtype where the shape stands.

    >>> as_shape(("batch", 784)), as_shape("n"), as_shape(3)
    ((batch, 784), (n,), (3,))
    """
    if isinstance(shape, str) and shape in _NUMPY:
        raise ShapeError(
            "a size has the name of a dtype",
            got=shape,
            fix=f"the shape comes first, () where there are no axes: (2, 3), {shape!r}",
        )
    given = shape if isinstance(shape, Sequence) and not isinstance(shape, str) else (shape,)
    sizes = tuple(d if type(d) is int or type(d) is Dim else dim(d) for d in given)
    for size in sizes:
        if isinstance(size, int) and size < 0:
            raise ShapeError(
                "a size is negative", got=str(size), fix="name what is not known yet: 'batch'"
            )
    return sizes


# ---- broadcasting ----


def broadcast_shapes(*shapes: Shape) -> Shape:
    """The shape that shapes broadcast to, by NumPy's rules on what is known of their sizes.

    The int 1 broadcasts. A named size never does, not even when it is 1, and different names
    never match: ShapeError. Of sizes that may be equal the first is taken: see
    `broadcast_guards`.

    >>> broadcast_shapes((dim("n"), 1), (3,))
    (n, 3)
    """
    if all(shape == shapes[0] for shape in shapes):
        return shapes[0] if shapes else ()
    return tuple(_broadcast_axis(axis, shapes)[0] for axis in _axes(shapes))


def broadcast_guards(*shapes: Shape, where: Where | None = None) -> tuple[Guard, ...]:
    """The equalities that `broadcast_shapes` took on trust.

    >>> [guard.message for guard in broadcast_guards((dim("2*n"),), (8,))]
    ['broadcast of (n*2,) and (8,) needs n*2 == 8']
    """
    if all(shape == shapes[0] for shape in shapes):
        return ()
    pairs = [pair for axis in _axes(shapes) for pair in _broadcast_axis(axis, shapes)[1]]
    text = " and ".join(map(str, shapes))
    return tuple(
        Guard("equal", a, b, f"broadcast of {text} needs {a} == {b}", where)
        for a, b in dict.fromkeys(pairs)
    )


def _axes(shapes: Iterable[Shape]) -> list[tuple[DimLike, ...]]:
    """The sizes of each axis, aligned at the last; a missing one is 1."""
    return list(zip_longest(*(shape[::-1] for shape in shapes), fillvalue=1))[::-1]


def _broadcast_axis(
    axis: Iterable[DimLike], shapes: Iterable[Shape]
) -> tuple[DimLike, list[tuple[DimLike, DimLike]]]:
    """The size of the result, and the pairs that must turn out equal."""
    taken: DimLike = 1
    trusted: list[tuple[DimLike, DimLike]] = []
    for size in axis:
        if size == 1 or taken == 1:
            taken = taken if size == 1 else size
            continue
        same = same_dims(taken, size)
        if same is False:
            raise _broadcast_error(taken, size, shapes)
        if same is None:
            trusted.append((taken, size))
    return taken, trusted


def _broadcast_error(a: DimLike, b: DimLike, shapes: Iterable[Shape]) -> ShapeError:
    what = f"shapes do not broadcast: {' and '.join(map(str, shapes))}"
    short, *_, long = sorted(filter(None, shapes), key=len)  # numbers fit everything
    new = len(long) - len(short)
    if new and short == long[: len(short)]:
        fix = f"axes align at the last: x[...{', None' * new}] has shape {short + (1,) * new}"
    elif isinstance(a, int) and isinstance(b, int):
        fix = "sizes must be equal, or one of them the int 1; x[..., None] adds an axis"
    else:
        fix = "a named size matches itself alone: give both axes the same name or the same int"
    return ShapeError(what, got=f"{a} != {b}", fix=fix)

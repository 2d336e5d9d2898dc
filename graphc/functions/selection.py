"""What x[key] selects: a key of ints, slices, arrays, None and ... in normal form.

Enters: a handle and a key. Leaves: a `Selection`: a start, size and step for each axis, and which
axes integer arrays index. Sizes may be symbolic:

>>> from graphc.dims import dim
>>> n = dim("n")
>>> span(slice(None, 10), n), span(slice(None, None, -1), n)
(Span(start=0, size=min(n, 10), step=1), Span(start=n - 1, size=n, step=-1))
"""

import operator
from dataclasses import dataclass
from types import EllipsisType
from typing import Any, Generic, NamedTuple

import numpy as np

from graphc.dims import Dim, DimLike, ceil_div, dim_max, dim_min
from graphc.errors import DTypeError, IndexRangeError, ShapeError
from graphc.evaluate import place_text
from graphc.functions.lifting import dtype_of, literal, shape_of, size, to_index
from graphc.graph import CONSTANT, H, Handle
from graphc.types import Shape, int64
from graphc.values import array_of


class Span(NamedTuple):
    """The elements start, start + step, ... of an axis; `size` of them."""

    start: DimLike
    size: DimLike
    step: int = 1


@dataclass(frozen=True, slots=True)
class Selection(Generic[H]):
    """A span for each axis of the tensor; `layout` lists the result's axes in order, an axis's
    number or None for a new one; `arrays` indexes axes, which the layout still lists.

    `adjacent` tells whether the arrays stood side by side in the key: their axes then replace the
    first indexed one, else they come in front.
    """

    spans: tuple[Span, ...]
    layout: tuple[int | None, ...]
    arrays: tuple[tuple[int, H], ...]
    adjacent: bool

    @property
    def sizes(self) -> Shape:
        """The size that each axis is cut to."""
        return tuple(s.size for s in self.spans)

    @property
    def shape(self) -> Shape:
        """The shape after the cut, before arrays index it."""
        return tuple(1 if a is None else self.spans[a].size for a in self.layout)


def select(x: H, key: Any) -> Selection[H]:
    """What the key selects of x.

    Raises ShapeError for too many indices, IndexRangeError for an int that is out of range,
    DTypeError for what is no index (a mask that is a tensor, a float).
    """
    shape = shape_of(x)
    items = _expanded(key, shape)
    has_arrays = any(_is_array(item) for item in items)
    spans: list[Span] = []
    layout: list[int | None] = []
    arrays: list[tuple[int, H]] = []
    places: list[int] = []
    for place, item in enumerate(items):
        axis = len(spans)
        if item is None:
            layout.append(None)
        elif isinstance(item, EllipsisType):  # keeps its place: it separates arrays, even if empty
            whole = range(axis, axis + len(shape) - _consumed(items))
            spans.extend(Span(0, shape[a]) for a in whole)
            layout.extend(whole)
        elif isinstance(item, slice):
            spans.append(span(item, shape[axis]))
            layout.append(axis)
        elif has_arrays:
            spans.append(Span(0, shape[axis]))
            layout.append(axis)
            arrays.append((axis, _index_array(item, shape[axis], x)))
            places.append(place)
        else:
            spans.append(Span(_position(item, shape[axis]), 1))
    adjacent = places == list(range(places[0], places[0] + len(places))) if places else True
    return Selection(tuple(spans), tuple(layout), tuple(arrays), adjacent)


def _expanded(key: Any, shape: Shape) -> list[Any]:
    """The key as a list with exactly one Ellipsis; a constant mask becomes the places it holds."""
    items = _without_masks(list(key) if isinstance(key, tuple) else [key], shape)
    count = sum(isinstance(item, EllipsisType) for item in items)
    if count > 1:
        raise ShapeError("index: only one ... may stand in a key", fix="write : for the others")
    items = items if count else [*items, ...]
    if _consumed(items) > len(shape):
        raise ShapeError(
            "index: more indices than axes",
            got=f"{_consumed(items)} for shape {shape}",
            fix="None in a key adds an axis, and takes none",
        )
    return items


def _consumed(items: list[Any]) -> int:
    """How many axes the items use up."""
    return sum(item is not None and not isinstance(item, EllipsisType) for item in items)


def _without_masks(items: list[Any], shape: Shape) -> list[Any]:
    masks = [_mask(item) for item in items]
    if all(mask is None for mask in masks):
        return items
    result: list[Any] = []
    for item, mask in zip(items, masks, strict=True):
        if mask is None:
            result.append(item)
            continue
        if any(isinstance(done, EllipsisType) for done in result):
            raise _mask_error()  # it would have to be counted from the end
        first = _consumed(result)
        if mask.shape != shape[first : first + mask.ndim]:
            raise ShapeError(
                "index: a mask has the sizes of the axes that it stands for",
                got=f"{mask.shape} for {shape[first : first + mask.ndim]}",
                fix="make the mask of x's shape: np.broadcast_to",
            )
        result.extend(mask.nonzero())
    return result


def _mask(item: Any) -> np.ndarray[Any, Any] | None:
    """A constant mask with axes; None for any other index."""
    if isinstance(item, np.ndarray):
        return item if item.dtype.kind == "b" and item.ndim else None
    if not isinstance(item, list) or not item:
        return None
    array = array_of(item, "an index")
    return array if array.dtype.kind == "b" else None


# ---- ints and slices ----


def _position(item: Any, n: DimLike) -> DimLike:
    """The place, counted from the front, of an int or a Dim; a guard checks what is symbolic."""
    if isinstance(item, Dim):
        return item
    number = operator.index(item)
    if isinstance(n, int) and not -n <= number < n:
        raise _range_error("x[i]", str(number), -n, n)
    return n + number if number < 0 else number


def span(item: slice, n: DimLike) -> Span:
    """The elements that a slice selects of n. A symbolic bound counts from the front."""
    start, stop, step = (_bound(b) for b in (item.start, item.stop, item.step))
    if isinstance(step, Dim) or step == 0:
        raise ShapeError(
            "index: the step of a slice is an int other than 0",
            got=str(step),
            fix="leave it out for 1; -1 goes backwards",
        )
    step = 1 if step is None else step
    if not isinstance(n, Dim) and not isinstance(start, Dim) and not isinstance(stop, Dim):
        chosen = range(n)[slice(start, stop, step)]
        return Span(chosen.start, len(chosen), step)
    if step > 0:
        first = 0 if start is None else _from_front(start, n, 0)
        last = n if stop is None else _from_front(stop, n, 0)
        last = last if isinstance(stop, int) and stop < 0 else dim_min(last, n)
        return Span(dim_min(first, n), dim_max(ceil_div(last - first, step), 0), step)
    first = n - 1 if start is None else dim_min(_from_front(start, n, -1), n - 1)
    last = -1 if stop is None else _from_front(stop, n, -1)
    return Span(first, dim_max(ceil_div(first - last, -step), 0), step)


def _bound(bound: Any) -> DimLike | None:
    if bound is None or isinstance(bound, Dim):
        return bound
    try:
        return operator.index(bound)
    except TypeError as error:
        raise DTypeError(
            "index: the bounds of a slice are ints or sizes",
            got=type(bound).__name__,
            fix="sizes cannot depend on values; take(x, start + arange(k), axis=0) starts anywhere",
        ) from error


def _from_front(bound: DimLike, n: DimLike, lowest: int) -> DimLike:
    """A bound counted from the front: -2 is n - 2, or the lowest place if n is too small."""
    if isinstance(bound, int) and bound < 0:
        return dim_max(n + bound, lowest)
    return bound


# ---- arrays ----


def _is_array(item: Any) -> bool:
    if item is None or isinstance(item, EllipsisType | slice | Dim):
        return False
    if isinstance(item, bool | np.bool_):
        raise _mask_error()
    return not isinstance(item, int | np.integer)


def _index_array(item: Any, n: DimLike, like: H) -> H:
    """An integer array that indexes an axis of size n, as int64; constants are checked now."""
    index = item if isinstance(item, type(like)) else _literal_index(item, n, like)
    kind = dtype_of(index).kind
    if kind == "b":
        raise _mask_error()
    if kind == "f":
        raise DTypeError(
            "an index is made of integers", got=str(dtype_of(index)), fix="i.astype('int64')"
        )
    index = to_index(index)
    check_range(index, n)
    return index


def _literal_index(item: Any, n: DimLike, like: H) -> H:
    if isinstance(item, Dim):
        return size(item, type(like))
    array = array_of(item, "an index")
    if array.size == 0 and isinstance(item, list | tuple):
        array = array.astype(np.int64)
    if array.dtype.kind == "b":
        raise _mask_error()
    if array.dtype.kind not in "iu":
        raise DTypeError(
            "an index is made of integers",
            got=f"{type(item).__name__}: {item!r}",
            fix="index by ints, slices, None, ... and arrays of integers",
        )
    if array.dtype == np.uint64:  # as an int64, the largest would count from the end
        array = np.minimum(array, np.iinfo(np.int64).max)
    return type(like)(literal(array, int64))


def check_range(index: Handle, n: DimLike, what: str = "x[i]", from_end: bool = True) -> None:
    """Raises IndexRangeError for a constant index that is outside of an axis of known size; whether
    negative ones count `from_end`."""
    array = constant_array(index)
    if array is None or not isinstance(n, int) or array.size == 0:
        return
    for place in (array.argmin(), array.argmax()):
        number, lowest = int(array.flat[place]), -n if from_end else 0
        if not lowest <= number < n:
            at = place_text(array.shape, int(place))
            raise _range_error(what, f"{number}{at and f' at {at}'}", lowest, n)


def constant_array(x: Handle) -> np.ndarray[Any, Any] | None:
    """The value of a constant node, None for any other."""
    return x.node.params["value"].array if x.node.op is CONSTANT else None


def _range_error(what: str, got: str, lowest: int, n: int) -> IndexRangeError:
    return IndexRangeError(
        f"{what}: an index is out of range",
        got=f"{got} for an axis of size {n}",
        fix=f"indices go from {lowest} to {n - 1}" if n else "the axis is empty",
    )


def _mask_error() -> DTypeError:
    return DTypeError(
        "a boolean mask selects a number of elements that depends on values",
        got="a boolean index",
        fix="use gx.where(mask, x, other), or multiply by the mask; a constant one is an array",
    )

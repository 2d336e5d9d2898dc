"""Samples of contractions, of reading and writing by integers, and of sources."""

from typing import Any

from graphc.types import float32, int32, int64, uint8
from tests.ops.specs import Array, Sample, Shape, at, ints, values, x


def product(a: Shape, b: Shape, contract: Any, batch: Any = ((), ())) -> Sample:
    return at(x(*a), x(*b), contract=contract, batch=batch)


def index(*shape: int, length: int, dtype: str = "int64") -> Array:
    return ints(*shape, low=-length, high=length, dtype=dtype)


def unique(*given: int) -> Array:
    return values(*given, dtype="int64")


INDEXING: dict[str, tuple[Sample, ...]] = {
    "dot": (
        product((), (), ((), ())),
        product((3,), (3,), ((0,), (0,))),
        product((2,), (3,), ((), ())),
        product((2, 3), (3, 2), ((1,), (0,))),
        product((3, 2), (2, 3), ((0,), (1,))),
        product((2, 2, 3), (2, 3, 2), ((2,), (1,)), ((0,), (0,))),
        product((3, 2, 2), (2, 2, 3), ((2, 0), (0, 2))),
        product((2, 3, 1, 2), (3, 2, 2), ((3, 1), (2, 0)), ((0,), (1,))),
        product((2, 0), (0, 3), ((1,), (0,))),
        product((0, 2), (2, 3), ((1,), (0,))),
        at(ints(3, 4), ints(4, 2), contract=((1,), (0,)), batch=((), ())),
        at(
            x(9, 33, dtype="float32"),
            x(33, 17, dtype="float32"),
            contract=((1,), (0,)),
            batch=((), ()),
        ),
    ),
    "take": (
        at(x(5), index(length=5), axis=0),
        at(x(5), index(3, length=5), axis=0),
        at(x(5, 2), index(2, 2, length=5), axis=0),
        at(x(2, 3, 2), index(4, length=3), axis=1),
        at(x(2, 3), index(0, length=3), axis=1),
        at(x(4, 5, dtype="float32"), index(3, length=5, dtype="int8"), axis=1),
        at(ints(4, 5), ints(3, low=0, high=4, dtype="uint8"), axis=0),
    ),
    "take_along": (
        at(x(5), index(3, length=5), axis=0),
        at(x(3, 4), index(3, 2, length=4), axis=1),
        at(x(3, 4), index(5, 4, length=3), axis=0),
        at(x(2, 3, 2), index(2, 1, 2, length=3), axis=1),
        at(x(4, 5, dtype="float32"), index(4, 1, length=5, dtype="int32"), axis=1),
    ),
    "scatter": tuple(
        at(*args, axis=axis, combine=combine)
        for combine in ("add", "set")
        for args, axis in (
            ((x(5), index(length=5), x()), 0),
            ((x(5), index(3, length=5), x(3)), 0),
            ((x(4), unique(1, -1, 3, 1), x(4)), 0),
            ((x(3, 2), index(2, 2, length=3), x(2, 2, 2)), 0),
            ((x(2, 3, 2), index(4, length=3), x(2, 4, 2)), 1),
            ((x(2, 3), index(0, length=3), x(2, 0)), 1),
            ((x(4, dtype="float32"), index(9, length=4), x(9, dtype="float32")), 0),
            ((ints(4), index(9, length=4), ints(9)), 0),
        )
    ),
    "scatter_along": tuple(
        at(*args, axis=axis, combine=combine)
        for combine in ("add", "set")
        for args, axis in (
            ((x(5), index(3, length=5), x(3)), 0),
            ((x(3, 4), index(3, 2, length=4), x(3, 2)), 1),
            ((x(2, 3), index(5, 3, length=2), x(5, 3)), 0),
            ((x(2, 3, 2), index(2, 4, 2, length=3), x(2, 4, 2)), 1),
        )
    ),
    "iota": (
        at(shape=(4,), axis=0, dtype=int64),
        at(shape=(2, 3), axis=0, dtype=int32),
        at(shape=(2, 3), axis=1, dtype=float32),
        at(shape=(0, 2), axis=0, dtype=uint8),
    ),
    "size": (at(dim=5), at(dim=0)),
}

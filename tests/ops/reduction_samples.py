"""Samples of the reductions."""

from dataclasses import replace

import numpy as np

from tests.ops.elementwise_samples import ANYWHERE, NONZERO, SPACED
from tests.ops.specs import Array, Sample, Shape, at, bools, ints, values, x


def reduced(spec: Array, empty: bool = True) -> tuple[Sample, ...]:
    """Over no axes, one, inner, outer and all axes; of nothing too, if that has a value."""
    shapes_and_axes: tuple[tuple[Shape, tuple[int, ...]], ...] = (
        ((), ()),
        ((1,), (0,)),
        ((7,), (0,)),
        ((2, 3), ()),
        ((2, 3), (0,)),
        ((2, 3), (1,)),
        ((2, 1, 3), (0, 2)),
        ((2, 2, 2), (0, 1, 2)),
        ((3, 0), (0,)),
    )
    if empty:
        shapes_and_axes += (((3, 0), (1,)), ((0,), (0,)))
    return (
        *(at(replace(spec, shape=shape), axes=axes) for shape, axes in shapes_and_axes),
        at(replace(spec, shape=(5, 37), dtype="float32"), axes=(1,)),
        at(replace(spec, shape=(37, 5), dtype="float32"), axes=(0,)),
        at(ints(3, 5, dtype="int8"), axes=(1,)),
        at(ints(3, 5), axes=(0, 1)),
    )


def positions() -> tuple[Sample, ...]:
    return tuple(
        at(a, axes=(axis,))
        for a, axis in (
            (x(7), 0),
            (x(3, 5, dtype="float32"), 1),
            (ints(5, 3, low=0, high=2), 0),
            (values(1.0, np.nan, 3.0, np.nan), 0),
            (values(2.0, 1.0, 2.0, 1.0), 0),
            (x(0, 3), 1),
        )
    )


def question() -> tuple[Sample, ...]:
    return tuple(
        at(bools(*shape), axes=axes)
        for shape, axes in (
            ((), ()),
            ((4,), (0,)),
            ((2, 3), (1,)),
            ((2, 3, 2), (0, 2)),
            ((3, 0), (1,)),
        )
    )


NANS = at(values(1.0, np.nan, 2.0), axes=(0,), smooth=False)
ZEROS = tuple(at(values(*v), axes=(0,)) for v in ((2.0, 0.0, 3.0), (0.0, 2.0, 0.0), (0.0,) * 3))

REDUCTIONS: dict[str, tuple[Sample, ...]] = {
    "sum": reduced(ANYWHERE),
    "prod": reduced(NONZERO) + ZEROS,
    "max": (*reduced(SPACED, empty=False), NANS),
    "min": (*reduced(SPACED, empty=False), NANS),
    "any": question(),
    "all": question(),
    "argmax": positions(),
    "argmin": positions(),
}

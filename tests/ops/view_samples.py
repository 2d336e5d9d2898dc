"""Samples of the views and of what puts pieces together."""

from tests.ops.specs import Sample, at, bools, ints, x

VIEWS: dict[str, tuple[Sample, ...]] = {
    "reshape": (
        at(x(2, 3), shape=(6,)),
        at(x(2, 3), shape=(3, 1, 2)),
        at(x(1), shape=()),
        at(x(), shape=(1, 1)),
        at(x(0, 3), shape=(5, 0)),
        at(x(4, 6, dtype="float32"), shape=(2, 2, 6)),
        at(bools(4), shape=(2, 2)),
    ),
    "transpose": (
        at(x(), axes=()),
        at(x(3), axes=(0,)),
        at(x(2, 3), axes=(1, 0)),
        at(x(2, 3, 2), axes=(2, 0, 1)),
        at(x(0, 3), axes=(1, 0)),
        at(ints(2, 3, 4, 5), axes=(3, 1, 0, 2)),
    ),
    "broadcast_to": (
        at(x(), shape=()),
        at(x(), shape=(2, 3)),
        at(x(3), shape=(3,)),
        at(x(3), shape=(2, 3)),
        at(x(1, 3), shape=(2, 3)),
        at(x(2, 1), shape=(2, 2, 3)),
        at(x(1, 1), shape=(1, 4)),
        at(x(1, 3), shape=(0, 3)),
        at(ints(3, 1), shape=(2, 3, 4)),
    ),
    "slice": (
        at(x(), starts=(), sizes=(), steps=()),
        at(x(5), starts=(1,), sizes=(3,), steps=(1,)),
        at(x(5), starts=(4,), sizes=(5,), steps=(-1,)),
        at(x(5), starts=(4,), sizes=(2,), steps=(-3,)),
        at(x(5), starts=(0,), sizes=(3,), steps=(2,)),
        at(x(5), starts=(2,), sizes=(0,), steps=(1,)),
        at(x(0), starts=(-1,), sizes=(0,), steps=(-1,)),
        at(x(3, 4), starts=(2, 1), sizes=(2, 2), steps=(-2, 2)),
        at(ints(3, 4), starts=(0, 3), sizes=(3, 4), steps=(1, -1)),
    ),
    "pad": (
        at(x(), shape=(), starts=(), steps=(), value=0.0),
        at(x(3), shape=(6,), starts=(1,), steps=(1,), value=0.0),
        at(x(3), shape=(7,), starts=(1,), steps=(2,), value=-1.5),
        at(x(3), shape=(5,), starts=(4,), steps=(-2,), value=0.0),
        at(x(2, 3), shape=(4, 3), starts=(2, 2), steps=(1, -1), value=2.0),
        at(x(0, 3), shape=(2, 3), starts=(0, 0), steps=(1, 1), value=1.0),
        at(x(3, dtype="float32"), shape=(5,), starts=(1,), steps=(1,), value=float("-inf")),
        at(ints(3), shape=(5,), starts=(1,), steps=(1,), value=7.0),
        at(bools(3), shape=(5,), starts=(1,), steps=(1,), value=0.0),
    ),
    "concat": (
        at(x(3), axis=0),
        at(x(3), x(2), axis=0),
        at(x(2, 3), x(2, 1), x(2, 2), axis=1),
        at(x(2, 3), x(0, 3), x(1, 3), axis=0),
        at(ints(2, 3), ints(2, 1), axis=1),
    ),
}

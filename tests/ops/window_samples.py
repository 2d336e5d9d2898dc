"""Arguments to try convolutions and windows with: a part of the table in samples.py."""

from typing import Any

from tests.ops.specs import Sample, Shape, at, ints, x

PLAIN = {"batch": ((), ()), "windows": ((), ()), "strides": (), "dilation": (), "pads": ()}


def convolution(
    a: Shape,
    w: Shape,
    strides: Any = (),
    dilation: Any = (),
    pads: Any = (),
    least: int = 1,
    **spec: Any,
) -> Sample:
    """Channels last: a (n, length..., ci), w (taps..., ci, co); axes may be missing."""
    channels = len(w) > 1
    count = len(w) - 2 if channels else 1
    first = len(a) - count - channels
    slid = tuple(range(first, first + count)), tuple(range(count))
    rank = len(a) - channels + max(len(w) - count - 1, 0)
    return at(
        x(*a, **spec),
        x(*w, **spec),
        contract=((len(a) - 1,), (count,)) if channels else ((), ()),
        batch=((), ()),
        windows=slid,
        strides=strides or (1,) * count,
        dilation=dilation or (1,) * count,
        pads=pads or ((0, 0),) * count,
        order=tuple(range(rank)),
        least=least,
    )


WINDOWS: dict[str, tuple[Sample, ...]] = {
    "windows": (
        at(x(5), axes=(0,), sizes=(2,), strides=(1,), dilation=(1,)),
        at(x(7), axes=(0,), sizes=(3,), strides=(2,), dilation=(1,)),
        at(x(8, 2), axes=(0,), sizes=(3,), strides=(2,), dilation=(2,)),
        at(x(2, 5, 6), axes=(1, 2), sizes=(2, 3), strides=(2, 1), dilation=(1, 2)),
        at(x(4, 3), axes=(1, 0), sizes=(1, 4), strides=(3, 1), dilation=(1, 1)),
        at(x(3), axes=(), sizes=(), strides=(), dilation=()),
        at(x(2, 2), axes=(0,), sizes=(3,), strides=(2,), dilation=(1,), least=0),
        at(ints(0, 4), axes=(1,), sizes=(2,), strides=(1,), dilation=(1,)),
    ),
    "interleave": (
        at(x(3), x(2), shape=(5,), starts=((0,), (1,)), steps=(2,)),
        at(x(2), shape=(6,), starts=((1,),), steps=(3,)),
        at(x(2, 2), x(2, 1), shape=(2, 3), starts=((0, 0), (0, 1)), steps=(1, 2)),
        at(x(0, 2), x(0, 2), shape=(0, 4), starts=((0, 1), (0, 0)), steps=(1, 2)),
        at(ints(2), ints(1), shape=(3,), starts=((0,), (1,)), steps=(2,)),
    ),
    "conv": (
        convolution((6,), (3,)),
        convolution((7, 2), (3, 2, 3)),
        convolution((8, 2), (3, 2, 2), strides=(2,)),
        convolution((9, 1), (2, 1, 2), strides=(3,), dilation=(2,)),
        convolution((9, 1), (2, 1, 1), strides=(2,), dilation=(4,)),
        convolution((5, 1), (1, 1, 2), strides=(2,)),
        convolution((4, 1), (3, 1, 2), pads=((1, 1),)),
        convolution((5, 2), (3, 2, 1), strides=(2,), pads=((1, 2),)),
        convolution((5, 1), (2, 1, 2), strides=(3,), dilation=(2,), pads=((4, 0),)),
        convolution((2, 5, 4, 2), (3, 2, 2, 3), strides=(1, 2)),
        convolution((2, 5, 6, 1), (2, 3, 1, 2), strides=(2, 1), dilation=(1, 2)),
        convolution((2, 3, 4, 3, 1), (2, 1, 2, 1, 2), strides=(1, 2, 1)),
        convolution((0, 4, 2), (2, 2, 2)),
        convolution((2, 2, 2), (3, 2, 2), least=0),
        convolution((1, 2), (2, 2, 3), strides=(3,), dilation=(2,), least=0),
        convolution((3, 2), (0, 2, 2), least=0),
        at(
            x(2, 5, 2, 2),
            x(3, 2, 2, 3),
            contract=((3,), (1,)),
            batch=((2,), (2,)),
            windows=((1,), (0,)),
            strides=(1,),
            dilation=(1,),
            pads=((1, 2),),
            order=(1, 2, 0, 3),
        ),
        at(
            x(2, 6, 3),
            x(3, 3),
            contract=((), ()),
            batch=((2,), (1,)),
            windows=((1,), (0,)),
            strides=(2,),
            dilation=(1,),
            pads=((1, 2),),
            order=(1, 2, 0),
        ),
        at(x(3, 2), x(2, 4), order=(1, 0), **PLAIN, contract=((1,), (0,))),
        at(
            ints(2, 9, 9, 3),
            ints(3, 3, 3, 5),
            contract=((3,), (2,)),
            batch=((), ()),
            windows=((1, 2), (0, 1)),
            strides=(2, 1),
            dilation=(1, 1),
            pads=((0, 0), (1, 0)),
            order=(0, 1, 2, 3),
        ),
        convolution((2, 9, 19, 5), (3, 3, 5, 17), strides=(2, 1), dtype="float32"),
    ),
}

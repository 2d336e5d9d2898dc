"""Convolution and pooling over one, two or three axes.

Enters: tensors (n, length..., channels), or channels first by `layout`; weights (taps..., channels
in / groups, channels out). Leaves: tensors in the same layout. The layout tells where the channels
are, "NHWC" or "NCHW", whatever the rank.

>>> conv([[[1.0], [2.0], [3.0]]], [[[1.0]], [[1.0]]], padding="valid").eval()[0, :, 0]
array([3., 5.], dtype=float32)
>>> max_pool([[[1.0], [4.0], [2.0], [3.0]]], 2).eval()[0, :, 0]
array([4., 3.], dtype=float32)
"""

import math
import reprlib
from collections.abc import Iterator, Sequence
from typing import Any, Literal, TypeAlias

import numpy as np

from graphc import ops
from graphc.dims import DimLike, bounds, dim_max
from graphc.errors import ShapeError
from graphc.functions import shaping
from graphc.functions.arithmetic import maximum, minimum
from graphc.functions.creation import as_tensor, as_tensors
from graphc.functions.lifting import filled, same_dtype, to_float
from graphc.functions.manipulation import astype, reshape
from graphc.functions.patterns import arange
from graphc.functions.tensor import Tensor, TensorLike
from graphc.graph import Op
from graphc.ops.convolution import gradient_of_a, roles
from graphc.ops.window import check_windows, positions
from graphc.types import Shape

Sizes: TypeAlias = int | Sequence[int]
Padding: TypeAlias = Literal["same", "valid"] | int | Sequence[int | Sequence[int]]
Pairs: TypeAlias = list[tuple[DimLike, DimLike]]
Options: TypeAlias = tuple[Sizes, Sizes | None, Padding, str]  # size, stride, padding, layout

LAST = ("NHWC", "NWC", "NDHWC")
FIRST = ("NCHW", "NCW", "NCDHW")


def conv(
    x: TensorLike,
    w: TensorLike,
    stride: Sizes = 1,
    padding: Padding = "same",
    dilation: Sizes = 1,
    groups: int = 1,
    layout: str = "NHWC",
) -> Tensor:
    """The cross-correlation of x (n, h, w, ci) with weights w (kh, kw, ci / groups, co).

    Weights of rank 3 or 5 make it one over one or three axes. Result: (n, h', w', co). Padding
    "same" gives h' = ceil(h / stride), "valid" pads nothing; a number, or for each axis a number or
    a pair (before, after), is explicit. Each of the `groups` connects its part of the channels
    alone; with as many groups as channels it is depthwise. With `layout` "NCHW" x and the result
    are (n, channels, h, w); the weights stay (kh, kw, ci / groups, co), so those of PyTorch, (co,
    ci / groups, kh, kw), are given as `graphc.permute_dims(w, (2, 3, 1, 0))`.

    Raises ShapeError for sizes that do not fit, DTypeError for dtypes that do not mix.

    >>> conv([[[1.0], [2.0], [3.0]]], [[[1.0]], [[1.0]], [[1.0]]]).eval()[0, :, 0]
    array([3., 6., 5.], dtype=float32)
    """
    image, weights = same_dtype(*as_tensors(x, w))
    rank, groups = _spatial_rank("conv", image, weights), _groups(groups)
    steps, spread = _each("stride", stride, rank), _each("dilation", dilation, rank)
    inside = _channels_last(image, layout)
    _check_groups(inside.shape[-1], weights.shape, groups)
    pairs = _pairs(padding, inside.shape[1:-1], weights.shape[:rank], steps, spread)
    if groups != 1:
        inside, weights = _split(inside, groups), _split(weights, groups)
    params = _params(steps, spread, pairs, groups) | _least(padding, inside.shape[1:-1])
    y = ops.conv(inside, weights, **params)
    return _from_channels_last(_joined(y, groups), layout)


def conv_transpose(
    x: TensorLike,
    w: TensorLike,
    stride: Sizes = 1,
    padding: Padding = "same",
    dilation: Sizes = 1,
    groups: int = 1,
    layout: str = "NHWC",
) -> Tensor:
    """The transpose of `conv`: the linear map from its results to its arguments, as its gradient.

    With x (n, h, w, ci) the weights w are those of the convolution that goes back, (kh, kw, co /
    groups, ci). Padding "same" gives h' = h * stride, "valid" all that is reached, (h - 1) * stride
    + (kh - 1) * dilation + 1, and what is explicit is taken off that.

    >>> conv_transpose([[[1.0], [2.0]]], [[[1.0]], [[10.0]]], stride=2).eval()[0, :, 0]
    array([ 1., 10.,  2., 20.], dtype=float32)
    """
    image, weights = same_dtype(*as_tensors(x, w))
    rank, groups = _spatial_rank("conv_transpose", image, weights), _groups(groups)
    steps, spread = _each("stride", stride, rank), _each("dilation", dilation, rank)
    inside, taps = _channels_last(image, layout), weights.shape[:rank]
    if weights.shape[-1] != inside.shape[-1] or inside.shape[-1] % groups != 0:
        raise ShapeError(
            "conv_transpose: the channels of x and of the weights differ"
            + (f" in {groups} groups" if groups != 1 else ""),
            got=f"{inside.shape[-1]} channels with weights {weights.shape}",
            fix="weights are (taps..., channels out / groups, channels in)",
        )
    places = zip(inside.shape[1:-1], steps, taps, spread, strict=True)
    lengths = tuple(
        size * s if _says(padding, "same") else (size - 1) * s + (k - 1) * d + 1
        for size, s, k, d in places
    )
    pairs = _pairs(padding, lengths, taps, steps, spread)
    if not _says(padding, "same"):
        lengths = tuple(n - left - right for n, (left, right) in zip(lengths, pairs, strict=True))
    y = _spread_back(inside, weights, lengths, _params(steps, spread, pairs, groups), groups)
    return _from_channels_last(y, layout)


def _spread_back(
    x: Tensor, w: Tensor, lengths: Shape, params: dict[str, Any], groups: int
) -> Tensor:
    """The gradient of a convolution's first argument, which has these lengths; x: the cotangent."""
    channels: Shape = (w.shape[-2],)
    if groups != 1:
        x, w, channels = _split(x, groups), _split(w, groups), (groups, w.shape[-2])
    r = roles(x.ndim, w.ndim, **params)
    return _joined(gradient_of_a(x, (x.shape[0], *lengths, *channels), w, r), groups)


def max_pool(
    x: TensorLike,
    size: Sizes,
    stride: Sizes | None = None,
    padding: Padding = "valid",
    layout: str = "NHWC",
) -> Tensor:
    """The largest element of each window of x (n, length..., channels); the stride is the size
    unless given. Where elements tie, they share the gradient. ShapeError, or GuardError when it
    runs, where no window fits.

    >>> max_pool([[[1.0], [4.0], [2.0]]], 2, stride=1).eval()[0, :, 0]
    array([4., 4.], dtype=float32)
    """
    image = as_tensor(x)
    lowest = float("-inf")
    if image.dtype.kind != "f":
        lowest = float(np.iinfo(image.dtype.numpy).min) if image.dtype.kind in "iu" else 0.0
    return _pooled(ops.max_, image, (size, stride, padding, layout), lowest)


def avg_pool(
    x: TensorLike,
    size: Sizes,
    stride: Sizes | None = None,
    padding: Padding = "valid",
    layout: str = "NHWC",
) -> Tensor:
    """The mean of each window of x (n, length..., channels); padding does not count.

    >>> avg_pool([[[1.0], [4.0], [2.0]]], 2, stride=1).eval()[0, :, 0]
    array([2.5, 3. ], dtype=float32)
    """
    image = to_float(as_tensor(x))
    options = size, stride, padding, layout
    total = _pooled(ops.sum_, image, options, 0.0)
    if _says(padding, "valid"):
        return total / float(math.prod(_each("size", size, image.ndim - 2)))
    rank, first = image.ndim - 2, 2 if layout in FIRST else 1
    count = filled(1, (), image.dtype, Tensor)
    for axis, inside in enumerate(_counts(image.shape[first : first + rank], options)):
        behind = (1,) * (image.ndim - first - axis - 1)
        count = count * reshape(astype(inside, image.dtype), (*inside.shape, *behind))
    return total / count


def _counts(lengths: Shape, options: Options) -> Iterator[Tensor]:
    """For each axis, how many elements the windows have there that are not padding."""
    size, stride, padding, _ = options
    sizes = _each("size", size, len(lengths))
    steps = sizes if stride is None else _each("stride", stride, len(lengths))
    pairs = _pairs(padding, lengths, sizes, steps, (1,) * len(lengths))
    for n, taps, step, (left, right) in zip(lengths, sizes, steps, pairs, strict=True):
        begin = step * arange(positions(left + n + right, taps, step, 1)) - left
        inside = maximum(minimum(begin + taps, n) - maximum(begin, 0), 0)
        yield as_tensor(np.asarray(inside)) if isinstance(n, int) else inside


def _pooled(reduce: Op, x: Tensor, options: Options, fill: float) -> Tensor:
    size, stride, padding, layout = options
    rank = _spatial_rank("pool", x, x)
    sizes = _each("size", size, rank)
    steps = sizes if stride is None else _each("stride", stride, rank)
    inside = _channels_last(x, layout)
    once = (1,) * rank
    padded = _padded(inside, _pairs(padding, inside.shape[1:-1], sizes, steps, once), fill)
    axes, lengths = tuple(range(1, rank + 1)), padded.shape[1:-1]
    least = _least(padding, inside.shape[1:-1])
    name = "max_pool" if reduce is ops.max_ else "avg_pool"
    check_windows(name, lengths, sizes, steps, once, **least)
    fit = all(bounds(n - k)[0] >= 0 for n, k in zip(lengths, sizes, strict=True))
    if steps != sizes or not fit:  # windows have guards, for lengths that have names
        seen = ops.windows(padded, axes=axes, sizes=sizes, strides=steps, dilation=once, **least)
        y = reduce(seen, axes=tuple(range(padded.ndim, seen.ndim)))
    else:
        y = reduce(_tiled(padded, sizes), axes=tuple(2 * axis for axis in axes))
    return _from_channels_last(y, layout)


def _tiled(x: Tensor, sizes: tuple[int, ...]) -> Tensor:
    """(n, h, w, c) -> (n, h / 2, 2, w / 2, 2, c), less what is left over at the end."""
    lengths = x.shape[1:-1]
    counts = [positions(n, k, k, 1) for n, k in zip(lengths, sizes, strict=True)]
    whole = (x.shape[0], *(n * k for n, k in zip(counts, sizes, strict=True)), x.shape[-1])
    if whole != x.shape:
        x = ops.slice_(x, starts=(0,) * x.ndim, sizes=whole, steps=(1,) * x.ndim)
    pairs = (size for pair in zip(counts, sizes, strict=True) for size in pair)
    return ops.reshape(x, shape=(x.shape[0], *pairs, x.shape[-1]))


# ---- arguments ----


def _spatial_rank(what: str, x: Tensor, w: Tensor) -> int:
    if x.ndim != w.ndim or not 3 <= x.ndim <= 5:
        pools = x is w
        raise ShapeError(
            f"{what}: x is (n, length..., channels) with 1 to 3 lengths"
            + ("" if pools else ", w (taps..., channels in, channels out)"),
            got=f"{x.node.type}" if pools else f"{x.node.type} and {w.node.type}",
            fix="x[None] is a batch of one, x[..., None] an image of one channel",
        )
    return x.ndim - 2


def _each(what: str, value: Sizes, rank: int) -> tuple[int, ...]:
    values = tuple(value) if isinstance(value, Sequence) else (value,) * rank
    if len(values) != rank or not all(isinstance(v, int | np.integer) and v >= 1 for v in values):
        raise ShapeError(
            f"{what}: an int of 1 or more, or one for each of {rank} axes",
            got=" ".join(reprlib.repr(value).split()),
            fix="a bias is added: conv(x, w) + b"
            if what == "stride" and (value is None or isinstance(value, Tensor | np.ndarray))
            else f"{what}={(2,) * rank}; batch and channels are not counted",
        )
    return tuple(map(int, values))


def _pairs(padding: Padding, lengths: Shape, taps: Shape, strides: Shape, dilation: Shape) -> Pairs:
    """How much is padded before and behind each axis."""
    if _says(padding, "valid"):
        return [(0, 0)] * len(lengths)
    if _says(padding, "same"):
        places = zip(lengths, taps, strides, dilation, strict=True)
        return [_same(*place) for place in places]
    if isinstance(padding, str):
        raise ShapeError(
            "padding is 'same', 'valid', a number or pairs",
            got=repr(padding),
            fix="padding='same', in lower case, or padding=1 for one element on every side",
        )
    given = padding.tolist() if isinstance(padding, np.ndarray) else padding
    each = tuple(given) if isinstance(given, Sequence) else (given,) * len(lengths)
    pairs = [tuple(p) if isinstance(p, Sequence) else (p, p) for p in each]
    whole = all(
        len(p) == 2 and all(isinstance(n, int | np.integer) and n >= 0 for n in p) for p in pairs
    )
    if len(pairs) != len(lengths) or not whole:
        raise ShapeError(
            f"padding: an int, or one or a pair (before, after) for each of {len(lengths)} axes",
            got=str(padding),
            fix=f"padding={((0, 1),) * len(lengths)}; none is negative: x[:, 1:-1] cuts",
        )
    return [(int(p[0]), int(p[1])) for p in pairs]


def _says(padding: Padding | np.ndarray, word: str) -> bool:
    """Whether it is that word; an array would be compared with it by elements."""
    return isinstance(padding, str) and padding == word


def _same(length: DimLike, taps: DimLike, stride: DimLike, dilation: DimLike) -> tuple:
    """Padding that gives a position for every stride-th element, the odd one behind."""
    count = -(-length // stride)
    total = dim_max((count - 1) * stride + (taps - 1) * dilation + 1 - length, 0)
    return total // 2, total - total // 2


def _least(padding: Padding, lengths: Shape) -> dict[str, int]:
    """Windows fit with the same padding wherever there is an element; where none is, there is no
    position either, as many as elements."""
    may_be_none = any(bounds(n)[0] < 1 for n in lengths)
    return {"least": 0} if may_be_none and _says(padding, "same") else {}


def _padded(x: Tensor, pairs: Pairs, value: float) -> Tensor:
    around = [(0, 0), *pairs, (0, 0)]
    if all(pair == (0, 0) for pair in around):
        return x
    shape = tuple(left + n + right for n, (left, right) in zip(x.shape, around, strict=True))
    starts = tuple(left for left, _ in around)
    return ops.pad(x, shape=shape, starts=starts, steps=(1,) * x.ndim, value=value)


def _groups(count: Any) -> int:
    if isinstance(count, int | np.integer) and count >= 1:
        return int(count)
    fix = "groups=1 connects all channels; as many groups as channels is depthwise"
    raise ShapeError("groups: an int of 1 or more", got=repr(count), fix=fix)


def _check_groups(channels: DimLike, weights: Shape, groups: int) -> None:
    if weights[-2] * groups == channels and weights[-1] % groups == 0:
        return
    split = f" in {groups} groups" if groups != 1 else ""
    raise ShapeError(
        f"conv: the channels of x and of the weights differ{split}",
        got=f"{channels} channels with weights {weights}",
        fix="weights are (taps..., channels in / groups, channels out) in every layout;"
        " layout='NCHW' for images whose channels come first",
    )


def _params(
    strides: tuple[int, ...], dilation: tuple[int, ...], pairs: Pairs, groups: int
) -> dict[str, Any]:
    """Axes of x (n, length..., [group], ci) and w (taps..., ci, [group], co), the result like x."""
    rank, grouped = len(strides), groups != 1
    return {
        "contract": ((rank + 1 + grouped,), (rank,)),
        "batch": ((rank + 1,), (rank + 1,)) if grouped else ((), ()),
        "windows": (tuple(range(1, rank + 1)), tuple(range(rank))),
        "strides": strides,
        "dilation": dilation,
        "pads": tuple(pairs),
        "order": (*range(1, rank + 2), 0, rank + 2) if grouped else tuple(range(rank + 2)),
    }


def _split(x: Tensor, groups: int) -> Tensor:
    """The last axis as (group, channel)."""
    return ops.reshape(x, shape=(*x.shape[:-1], groups, x.shape[-1] // groups))


def _joined(x: Tensor, groups: int) -> Tensor:
    """The last two axes, (group, channel), as one."""
    if groups == 1:
        return x
    return ops.reshape(x, shape=(*x.shape[:-2], x.shape[-2] * x.shape[-1]))


def _channels_last(x: Tensor, layout: str) -> Tensor:
    if layout not in LAST + FIRST:
        raise ShapeError(
            "a layout is 'NHWC' or 'NCHW'",
            got=repr(layout),
            fix="in capitals: layout='NCHW' is channels first, 'NHWC' channels last",
        )
    return shaping.permuted(x, (0, *range(2, x.ndim), 1)) if layout in FIRST else x


def _from_channels_last(x: Tensor, layout: str) -> Tensor:
    return shaping.permuted(x, (0, x.ndim - 1, *range(1, x.ndim - 1))) if layout in FIRST else x

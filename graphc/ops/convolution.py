"""Convolution: the general dot product where axes of b slide along axes of a.

Enters: two handles of one dtype. As in `dot`, `contract` and `batch` pair axes of a with axes of b;
`windows` pairs an axis of a with the axis of b that slides along it in steps of `strides`, its taps
`dilation` apart; `pads` are the zeros before and behind that axis. Leaves: a handle with the batch
axes, the other axes of a (the positions of a window in place of its axis) and those of b: axis i of
the result is number order[i] of these. `least`: as in `window`.

    x (n, h, w, ci) and w (3, 3, ci, co), channels last, stride s, padded to the same size:
    contract=((3,), (2,)), batch=((), ()), windows=((1, 2), (0, 1)), pads=((1, 1), (1, 1)),
    order=(0, 1, 2, 3)

    y[n, i, j, co] = the sum over k, l, ci of x[n, i*s + k - 1, j*s + l - 1, ci] * w[k, l, ci, co]

The record is closed: its gradients are convolutions of the same family, without copies of patches.
"""

from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np

from graphc.dims import DimLike, Guard, dim_max
from graphc.errors import ShapeError
from graphc.graph import Op
from graphc.lowering import Contract, Index, Shape, plus, scaled
from graphc.ops.checks import NUMERIC, check_kind, equal_guards, match_dtypes, match_shapes
from graphc.ops.constants import filled
from graphc.ops.contraction import Axes, Coords, Pair, dot, free_axes, partners
from graphc.ops.phases import (
    Phase,
    cut,
    flipped_taps,
    phases,
    placed,
    reach,
    zero_padded,
)
from graphc.ops.pieces import interleave
from graphc.ops.views import inverse, transpose
from graphc.ops.window import check_windows, eval_windows, positions, window_guards
from graphc.types import TensorType

Pads = tuple[tuple[DimLike, DimLike], ...]


@dataclass(frozen=True, slots=True)
class Roles:
    """What becomes of the axes: `a` and `b` are the free ones."""

    contract: Pair
    batch: Pair
    windows: Pair
    strides: Axes
    dilation: Axes
    pads: Pads
    order: Axes
    least: int
    a: Axes
    b: Axes

    @property
    def at(self) -> dict[int, int]:
        """Where in the natural order of the result each free axis of a stands."""
        return {axis: len(self.batch[0]) + n for n, axis in enumerate(self.a)}

    @property
    def slid(self) -> Axes:
        """Where in the natural order of the result the positions of the windows stand."""
        return tuple(self.at[axis] for axis in self.windows[0])

    @property
    def columns(self) -> Axes:
        """Where in the natural order of the result the free axes of b stand."""
        start = len(self.batch[0]) + len(self.a)
        return tuple(range(start, start + len(self.b)))


def roles(
    rank_a: int,
    rank_b: int,
    contract: Pair,
    batch: Pair,
    windows: Pair,
    strides: Axes,
    dilation: Axes,
    pads: Pads,
    order: Axes,
    least: int = 1,
) -> Roles:
    """The roles of the axes of operands of these ranks."""
    free_a = free_axes(rank_a, contract[0], batch[0])
    free_b = free_axes(rank_b, contract[1], batch[1], windows[1])
    return Roles(contract, batch, windows, strides, dilation, pads, order, least, free_a, free_b)


def _sizes(x: Any, axes: Axes) -> Shape:
    return tuple(x.shape[axis] for axis in axes)


def _paired(a: Any, b: Any, r: Roles) -> tuple[Shape, Shape]:
    """The sizes that must be equal, for each operand."""
    return _sizes(a, r.batch[0] + r.contract[0]), _sizes(b, r.batch[1] + r.contract[1])


def _padded_lengths(a: Any, r: Roles) -> Shape:
    if len(r.pads) != len(r.windows[0]):
        raise ShapeError("conv: pads are a pair a window", got=str(r.pads))
    sizes = zip(_sizes(a, r.windows[0]), r.pads, strict=True)
    return tuple(size + before + behind for size, (before, behind) in sizes)


def _infer_conv(a: TensorType, b: TensorType, **params: Any) -> TensorType:
    r = roles(len(a.shape), len(b.shape), **params)
    check_kind("conv", NUMERIC, a)
    match_dtypes("conv", a, b)
    for x, *groups in zip((a, b), r.contract, r.batch, r.windows, strict=True):
        axes = [axis for group in groups for axis in group]
        if len(set(axes)) != len(axes) or any(not 0 <= axis < len(x.shape) for axis in axes):
            raise ShapeError(f"conv: no such axes of {x}", got=str(groups))
    match_shapes(f"conv: {a} and {b} along axes {r.contract}, batch {r.batch}", *_paired(a, b, r))
    lengths, taps = _padded_lengths(a, r), _sizes(b, r.windows[1])
    check_windows("conv", lengths, taps, r.strides, r.dilation, r.least)
    counts = map(positions, lengths, taps, r.strides, r.dilation)
    slid = dict(zip(r.windows[0], counts, strict=True))
    free = tuple(slid.get(axis, a.shape[axis]) for axis in r.a)
    natural = _sizes(a, r.batch[0]) + free + _sizes(b, r.b)
    if sorted(r.order) != list(range(len(natural))):
        raise ShapeError(f"conv: `order` arranges {len(natural)} axes", got=str(r.order))
    return TensorType(a.dtype, tuple(natural[axis] for axis in r.order))


def _guard_conv(a: TensorType, b: TensorType, **params: Any) -> tuple[Guard, ...]:
    r = roles(len(a.shape), len(b.shape), **params)
    lengths, taps = _padded_lengths(a, r), _sizes(b, r.windows[1])
    fits = window_guards("conv", lengths, taps, r.strides, r.dilation, r.least)
    return (*equal_guards("conv", *_paired(a, b, r)), *fits)


def _eval_conv(a: np.ndarray, b: np.ndarray, **params: Any) -> np.ndarray:
    r = roles(len(a.shape), len(b.shape), **params)
    sizes = tuple(b.shape[axis] for axis in r.windows[1])
    a = np.pad(a, placed(a.ndim, r.windows[0], r.pads, (0, 0)))
    seen = eval_windows(a, r.windows[0], sizes, r.strides, r.dilation)
    taps = tuple(range(a.ndim, seen.ndim))
    inner = r.contract[0] + taps, r.contract[1] + r.windows[1]
    return np.transpose(dot.eval(seen, b, contract=inner, batch=r.batch), r.order)


# ---- the loops ----


def _depth_conv(a: TensorType, b: TensorType, **params: Any) -> Shape:
    r = roles(len(a.shape), len(b.shape), **params)
    return _sizes(a, r.contract[0]) + _sizes(b, r.windows[1])


def _coords_conv(
    result: Coords, depth: Coords, a: TensorType, b: TensorType, **params: Any
) -> tuple[Coords, Coords]:
    r = roles(len(a.shape), len(b.shape), **params)
    assert not is_padded(r), "padding is a kernel of its own"
    natural = tuple(result[i] for i in inverse(r.order))
    count, middle = len(r.batch[0]), len(r.batch[0]) + len(r.a)
    inner, taps = depth[: len(r.contract[0])], depth[len(r.contract[0]) :]
    axes_a = r.batch[0] + r.a + r.contract[0]
    axes_b = r.batch[1] + r.b + r.contract[1] + r.windows[1]
    left = dict(zip(axes_a, natural[:middle] + inner, strict=True))
    right = dict(zip(axes_b, natural[:count] + natural[middle:] + depth, strict=True))
    for axis, tap, stride, d in zip(r.windows[0], taps, r.strides, r.dilation, strict=True):
        left[axis] = plus(scaled(left[axis], stride), scaled(tap, d))
    return _in_order(left), _in_order(right)


def _in_order(coords: dict[int, Index]) -> Coords:
    return tuple(coords[axis] for axis in range(len(coords)))


def is_padded(r: Roles) -> bool:
    """Whether there is any padding."""
    return any(pair != (0, 0) for pair in r.pads)


def padded(a: Any, r: Roles) -> Any:
    """The first operand with its padding around it."""
    lengths = zip(r.windows[0], r.pads, strict=True)
    behind = [a.shape[axis] + more for axis, (_, more) in lengths]
    return zero_padded(a, r.windows[0], [before for before, _ in r.pads], behind)


# ---- the gradients ----


def _vjp_conv(g: Any, y: Any, a: Any, b: Any, **params: Any) -> tuple[Any, ...]:
    r = roles(len(a.shape), len(b.shape), **params)
    return gradient_of_a(g, a.shape, b, r), _gradient_of_b(_natural(g, r), a, b, r)


def _natural(g: Any, r: Roles) -> Any:
    """What has the axes of the result, in natural order."""
    if r.order == tuple(range(len(r.order))):
        return g
    return transpose(g, axes=inverse(r.order))


def gradient_of_a(g: Any, shape: Shape, b: Any, r: Roles) -> Any:
    """The transposed convolution, from a cotangent to the shape of a.

    For each phase of the strides, the padded cotangent convolved with the taps that reach it. It is
    padded as it is, not in natural order: memory lies along the last axis of the result.
    """
    axes, rank, taps = r.windows[0], len(shape), tuple(b.shape[axis] for axis in r.windows[1])
    lengths = tuple(shape[axis] for axis in axes)
    befores = (before for before, _ in r.pads)
    by_axis = list(map(phases, taps, r.strides, r.dilation, befores))
    slid = tuple(r.order.index(axis) for axis in r.slid)
    around = list(map(reach, by_axis, lengths, _sizes(g, slid), r.strides))
    wide = _natural(zero_padded(g, slid, *zip(*around, strict=True)) if around else g, r)
    parts, starts = [], []
    for phase in product(*by_axis):
        first = [left - p.before for (left, _), p in zip(around, phase, strict=True)]
        places = zip(phase, lengths, r.strides, strict=True)
        counts = [p.count(length, stride) for p, length, stride in places]
        sizes = [count + p.reach for count, p in zip(counts, phase, strict=True)]
        seen = cut(wide, r.slid, first, sizes)
        part = _gradient_of_phase(seen, flipped_taps(b, r.windows[1], phase), phase, r)
        parts.append(cut(part, axes, [0] * len(axes), counts))
        starts.append(placed(rank, axes, [p.start for p in phase], 0))
    if not parts:  # there is no tap
        return filled(g, 0, shape)
    if all(stride == 1 for stride in r.strides):
        return parts[0]
    steps = placed(rank, axes, r.strides, 1)
    return interleave(*parts, shape=shape, starts=tuple(starts), steps=steps)


def _gradient_of_phase(seen: Any, taps: Any, phase: tuple[Phase, ...], r: Roles) -> Any:
    layout = r.batch[0] + r.a + partners(r.contract[1], r.contract[0])
    return conv(
        seen,
        taps,
        contract=(r.columns, r.b),
        batch=(tuple(range(len(r.batch[0]))), r.batch[1]),
        windows=(r.slid, r.windows[1]),
        strides=(1,) * len(phase),
        dilation=tuple(p.spread for p in phase),
        pads=((0, 0),) * len(phase),
        order=inverse(layout),
        least=0,
    )


def _gradient_of_b(g: Any, a: Any, b: Any, r: Roles) -> Any:
    """a convolved with the cotangent, strides and dilation in each other's place."""
    counts = zip(r.slid, r.windows[1], r.strides, r.dilation, strict=True)
    reached = [(g.shape[n] - 1) * s + (b.shape[tap] - 1) * d + 1 for n, tap, s, d in counts]
    if r.least == 0:
        reached = [dim_max(length, 0) for length in reached]
    summed = tuple(axis for axis in r.a if axis not in r.windows[0])
    kept = partners(r.contract[0] + r.windows[0], r.contract[1] + r.windows[1])
    found = conv(
        cut(padded(a, r), r.windows[0], [0] * len(reached), reached),
        g,
        contract=(summed, tuple(r.at[axis] for axis in summed)),
        batch=(r.batch[0], tuple(range(len(r.batch[0])))),
        windows=(r.windows[0], r.slid),
        strides=r.dilation,
        dilation=r.strides,
        pads=((0, 0),) * len(reached),
        order=inverse(r.batch[1] + kept + r.b),
        least=r.least,
    )
    taps = r.windows[1]
    return cut(found, taps, [0] * len(taps), _sizes(b, taps))


def _batch_conv(size: DimLike, batched: tuple[bool, bool], a: Any, b: Any, **params: Any) -> Any:
    r = roles(len(a.shape), len(b.shape), **params)

    def shifted(pair: Pair) -> Pair:
        left, right = (
            tuple(axis + has for axis in axes) for axes, has in zip(pair, batched, strict=True)
        )
        return left, right

    at, outer = len(r.batch[0]), shifted(r.batch)
    if all(batched):
        at, outer = 0, ((0, *outer[0]), (0, *outer[1]))
    elif batched[1]:
        at += len(free_axes(a.ndim, r.contract[0], r.batch[0]))
    return conv(
        a,
        b,
        contract=shifted(r.contract),
        batch=outer,
        windows=shifted(r.windows),
        strides=r.strides,
        dilation=r.dilation,
        pads=r.pads,
        order=(at, *(axis + (axis >= at) for axis in r.order)),
        least=r.least,
    )


conv: Op = Op(
    "conv",
    infer=_infer_conv,
    eval=_eval_conv,
    vjp=_vjp_conv,
    batch=_batch_conv,
    lower=Contract(_depth_conv, _coords_conv),
    guards=_guard_conv,
)

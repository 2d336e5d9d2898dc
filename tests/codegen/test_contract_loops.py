"""Contractions with any loops around and along: what convolutions are made of."""

from dataclasses import replace

import numpy as np
import pytest

from graphc.schedule.blocking import choose_blocking
from graphc.schedule.tiles import SIZES, Core, Matmul, in_groups, in_shares
from graphc.schedule.walk import Loop
from tests.codegen.contracting import CORES, run_general


def general(rng: np.random.Generator, dtype: str) -> tuple[Matmul, np.ndarray, np.ndarray]:
    """Random loops over a buffer each, and operands as arrays (outer..., i, k...), (..., k, j)."""
    outer, depth = (tuple(rng.integers(1, 5, rng.integers(0, 4))) for _ in range(2))
    rows, columns = rng.integers(1, 40, 2)
    shared = int(rng.integers(0, len(outer) + 1))
    buffers = [rng.standard_normal(4000).astype(dtype) for _ in range(2)]

    def steps(count: int) -> list[int]:
        return [int(step) for step in rng.integers(0, 60, count)]

    a_outer, a_depth, a_row = steps(len(outer)), steps(len(depth)), int(rng.integers(1, 60))
    b_outer = [*steps(shared), *(0 for _ in outer[shared:])]
    b_depth, b_column = steps(len(depth)), int(rng.choice([1, 1, 7]))
    matmul = Matmul(
        dtype,
        tuple(Loop(int(n), x, y) for n, x, y in zip(outer, a_outer, b_outer, strict=True)),
        shared,
        int(rows),
        int(columns),
        tuple(Loop(int(n), x, y) for n, x, y in zip(depth, a_depth, b_depth, strict=True)),
        a_row,
        b_column,
    )
    a = np.lib.stride_tricks.as_strided(
        buffers[0],
        (*outer, rows, *depth),
        [step * buffers[0].itemsize for step in (*a_outer, a_row, *a_depth)],
    )
    b = np.lib.stride_tricks.as_strided(
        buffers[1],
        (*outer, *depth, columns),
        [step * buffers[1].itemsize for step in (*b_outer, *b_depth, b_column)],
    )
    return matmul, a, b


@pytest.mark.parametrize("python", [False, True])
@pytest.mark.parametrize("dtype", ["float64", "int64"])
def test_any_loops_around_and_along(dtype: str, python: bool) -> None:
    """Outer loops, several of depth, overlapping rows: what a convolution is made of."""
    for seed in range(24 if not python else 6):
        rng = np.random.default_rng(seed)
        matmul, a, b = general(rng, dtype)
        core = CORES[seed % 2]
        blocking = choose_blocking(matmul, core, 1 + seed % 3)
        outer = [loop.extent for loop in matmul.outer]
        left = a.reshape(*outer, matmul.rows, matmul.k)
        expected = left @ b.reshape(*outer, matmul.k, matmul.columns)
        got = run_general(matmul, blocking, core, a, b, python)
        np.testing.assert_allclose(got, expected, rtol=1e-9, atol=1e-9)


def windows(seed: int, dtype: str) -> tuple[Matmul, np.ndarray, np.ndarray]:
    """Windows of 2 to 4 taps along rows and lines; B in vectors, flipped, or packed."""
    rng = np.random.default_rng(seed)
    taps, channels, wide = 2 + seed % 3, int(rng.integers(1, 9)), int(rng.integers(1, 20))
    rows, lines = (int(n) for n in rng.integers(1, 40, 2))
    image = rng.standard_normal((2, lines + taps - 1, rows + taps - 1, channels)).astype(dtype)
    weights = rng.standard_normal((taps, taps, channels, wide)).astype(dtype)
    if seed % 2:
        weights = weights.transpose(0, 1, 3, 2).copy().transpose(0, 1, 3, 2)[::-1, ::-1]
    a_image, a_line, a_row, a_channel = (s // image.itemsize for s in image.strides)
    b_line, b_row, b_channel, b_column = (s // image.itemsize for s in weights.strides)
    depth = (
        Loop(taps, a_line, b_line),
        Loop(taps, a_row, b_row),
        Loop(channels, a_channel, b_channel),
    )
    outer = Loop(2, a_image, 0), Loop(lines, a_line, 0)
    a = np.lib.stride_tricks.sliding_window_view(image, (taps, taps), (1, 2))
    matmul = Matmul(dtype, outer, 0, rows, wide, depth, a_row, b_column)
    return matmul, a.transpose(0, 1, 2, 4, 5, 3), weights


@pytest.mark.parametrize("python", [False, True])
@pytest.mark.parametrize("dtype", SIZES)
def test_windows_slide_along_rows(dtype: str, python: bool) -> None:
    """Two and three taps have tiles of their own."""
    for seed in range(24 if not python else 6):
        matmul, a, b = windows(seed, dtype)
        core = CORES[seed % 4]
        blocking = choose_blocking(matmul, core, 1 + seed % 2)
        got = run_general(matmul, blocking, core, a, b, python)
        expected = np.einsum("nyxklc,klcj->nyxj", a.astype("d"), b.astype("d"))
        np.testing.assert_allclose(got, expected, rtol=1e-4, atol=1e-4)


def test_windows_that_slide_are_read_once() -> None:
    """Where sums fill one vector; not where taps are apart, or rows."""
    core = Core(64, 32, l1=48 << 10, l2=1 << 20)
    taps = Loop(3, 34 * 16, 9 * 256), Loop(3, 16, 256), Loop(16, 1, 16)
    layer = Matmul("float32", (Loop(32, 34 * 16, 0),), 0, 32, 16, taps, 16, 1)
    assert choose_blocking(layer, core, 1).whole.taps == 3
    assert choose_blocking(replace(layer, a_row=32), core, 1).whole.taps == 1
    assert choose_blocking(replace(layer, columns=64), core, 1).whole.taps == 1
    two = replace(layer, depth=(taps[0], Loop(2, 16, 256), taps[2]))
    assert choose_blocking(two, core, 1).whole.taps == 2


@pytest.mark.parametrize("python", [False, True])
@pytest.mark.parametrize("core", CORES, ids=["host", "tiny", "avx2", "sse"])
@pytest.mark.parametrize(("taps", "wide"), [(3, 1), (3, 3), (5, 1)])
def test_shares_of_the_depth_and_groups_of_rows(
    taps: int, wide: int, core: Core, python: bool
) -> None:
    """A gradient by weights: its taps downwards are an outer loop, or groups of rows of a tile."""
    rng = np.random.default_rng(taps)
    count, side, narrow, away = 4, 6, 21, 6 + taps - 1
    images = rng.standard_normal((count, away, away, wide))
    g = rng.standard_normal((count, side, side, narrow))
    seen = np.lib.stride_tricks.sliding_window_view(images, (taps, taps), (1, 2))
    expected = np.einsum("nyxckl,nyxo->klco", seen, g)
    depth = (
        Loop(count, away * away * wide, side * side * narrow),
        Loop(side, away * wide, side * narrow),
        Loop(side, wide, narrow),
    )
    outer = (Loop(taps, away * wide, 0),)
    matmul = in_shares(Matmul("float64", outer, 0, taps * wide, narrow, depth, 1, 1), 2)
    assert [loop.extent for loop in matmul.outer] == [2, taps]
    grouped = in_groups(matmul, core)
    assert (grouped is not None) == (core.registers > taps * taps * wide + 2)
    for form in (matmul, *([] if grouped is None else [grouped])):
        got = run_general(form, choose_blocking(form, core, 2), core, images, g, python)
        shape = (2, taps, taps, wide, narrow)
        np.testing.assert_allclose(got.reshape(shape).sum(axis=0), expected, rtol=1e-9, atol=1e-9)

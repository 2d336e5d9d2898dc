"""Micro-kernels and packing against their NumPy twins."""

import itertools

import numpy as np
import pytest

from graphc.runtime.intrinsics import call_micro
from graphc.runtime.micro import host_core, micro_address, micro_ir
from graphc.runtime.micro_python import micro_python_address, pack_python
from graphc.runtime.packing import pack_address
from graphc.schedule.blocking import Tile

WIDTHS = {"float32": (16, 8, 4), "float64": (8, 4, 2)}
SHAPES = ((14, 2), (8, 3), (6, 4), (4, 4), (5, 1), (1, 8), (3, 2))


def both(
    tile: Tile, k: int, accumulate: int, rs: int, cs: int, runs: int = 1
) -> tuple[np.ndarray, np.ndarray]:
    """C by the kernel and by its twin; runs of A begin 5 elements apart."""
    rng, number = np.random.default_rng(k), np.dtype(tile.dtype)
    a = rng.standard_normal(1 + (tile.rows - 1) * rs + k * cs + 5 * runs).astype(number)
    lanes = tile.width // 2 + 1
    columns = tile.columns - (tile.width - lanes if tile.masked else 0)
    b_stride = k + 3 if tile.dot else columns
    b = rng.standard_normal(columns * b_stride if tile.dot else runs * k * columns).astype(number)
    c = rng.standard_normal((tile.rows, tile.columns)).astype(number)
    results = []
    for address in (micro_address(tile), micro_python_address(tile)):
        out = c.copy()
        places = (a.ctypes.data, rs, cs, b.ctypes.data, b_stride, out.ctypes.data, tile.columns)
        call_micro(address, *places, k, accumulate, lanes, runs, 5, k * columns)
        results.append(out[:, :columns])
    return results[0], results[1]


@pytest.mark.parametrize("dtype", WIDTHS)
def test_tiles(dtype: str) -> None:
    tolerance = 1e-4 if dtype == "float32" else 1e-12
    for (rows, vectors), masked in itertools.product(SHAPES, (False, True)):
        tile = Tile(rows, vectors, WIDTHS[dtype][0], dtype, masked)
        for k, accumulate in ((0, 0), (0, 1), (1, 0), (2, 1), (7, 0), (64, 1)):
            for rs, cs in ((k + 1, 1), (1, rows), (0, 0)):
                got, expected = both(tile, k, accumulate, rs, cs)
                np.testing.assert_allclose(got, expected, rtol=tolerance, atol=tolerance)
        for k, runs in ((0, 3), (1, 4), (3, 3), (6, 2), (5, 0)):
            got, expected = both(tile, k, 1, k + 1, 1, runs)
            np.testing.assert_allclose(got, expected, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("dtype", WIDTHS)
def test_narrow_vectors_and_dot_tiles(dtype: str) -> None:
    tolerance = 1e-4 if dtype == "float32" else 1e-12
    narrow = [Tile(3, 2, width, dtype, masked=True) for width in WIDTHS[dtype][1:]]
    dots = [Tile(*shape, WIDTHS[dtype][0], dtype, dot=True) for shape in ((4, 4), (1, 8), (1, 1))]
    for tile, k, accumulate in itertools.product(narrow + dots, (0, 1, 16, 37), (0, 1)):
        got, expected = both(tile, k, accumulate, k + 1, 1)
        np.testing.assert_allclose(got, expected, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize(("dtype", "width"), [(d, w) for d, ws in WIDTHS.items() for w in ws])
def test_packing(dtype: str, width: int) -> None:
    """Copies, transposes and gathers; nothing but the slack of one vector is written behind."""
    source = np.random.default_rng(0).standard_normal(12000).astype(dtype)
    for (vs, ks), v, k in itertools.product(
        [(1, 90), (90, 1), (-90, 1), (7, 100), (1, 0), (0, 1), (0, 0)],
        (1, 5, 17, 64),
        (1, 3, 16, 45),
    ):
        row, start = v + 2, 6000
        got, expected = np.zeros((2, k * row + width), dtype)
        words = (source[start:].ctypes.data, vs, ks)
        call_micro(pack_address(width, dtype), *words, got.ctypes.data, row, v, k)
        pack_python(dtype)(*words, expected.ctypes.data, row, v, k)
        left, right = (x[: k * row].reshape(k, row)[:, :v] for x in (got, expected))
        assert np.array_equal(left, right)


def test_nothing_is_read_outside() -> None:
    """Masked lanes and an empty k touch no memory: their addresses need not exist."""
    tile, out = Tile(2, 1, host_core().vector_bytes // 4, "float32", masked=True), np.ones(64, "f")
    call_micro(micro_address(tile), 0, 1, 1, 0, 1, out.ctypes.data, tile.width, 0, 0, 1, 1, 0, 0)
    assert not out[: 2 * tile.width].any()


def test_text_is_stable_and_small() -> None:
    """Equal tiles give equal text: it is the key of the object cache."""
    tile = Tile(8, 2, 16, "float32")
    assert micro_ir(tile) == micro_ir(Tile(8, 2, 16, "float32"))
    assert len(micro_ir(tile)) < 30_000

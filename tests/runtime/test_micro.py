"""Micro-kernels and packing against their NumPy twins."""

import itertools

import numpy as np
import pytest

from graphc.runtime.language.intrinsics import call_micro
from graphc.runtime.micro.family import (
    family_sources,
    host_core,
    micro_address,
    pack_address,
    tile_source,
)
from graphc.runtime.micro.micro_python import micro_python_address, pack_python
from graphc.schedule.tiles import Core, Tile, tiles_of

DTYPES = ("float32", "float64")
CORES = (host_core(), Core(32, 16, l1=32 << 10, l2=256 << 10), Core(16, 16, 4096, 16384))
IDS = ("host", "avx2", "sse")


def both(
    tile: Tile,
    m: int,
    rows: int,
    columns: int,
    k: int,
    *,
    add: int,
    rs: int,
    cs: int,
    runs: int = 1,
) -> tuple[np.ndarray, np.ndarray]:
    """C by the kernel and by its twin; runs of A begin 5 elements apart.

    Lines are asked for where there is no memory: that must change nothing.
    """
    rng, number = np.random.default_rng(k), np.dtype(tile.dtype)
    table = np.array([64, 1 << 20, 1, -4096, -64, 0, *[0] * 3])  # nothing is there
    length = tile.group + (m + tile.taps - 2) * rs + k * cs + 5 * runs
    a = rng.standard_normal(length).astype(number)
    width = columns if tile.masked else tile.columns  # of B, as far as it may be read
    b_stride = k + 3 if tile.dot else width
    of_b = columns * b_stride if tile.dot else runs * k * width * tile.taps
    b = rng.standard_normal(of_b).astype(number)
    c = rng.standard_normal((m, tile.columns)).astype(number)
    results = []
    for address in (micro_address(tile), micro_python_address(tile)):
        out = c.copy()
        places = (a.ctypes.data, rs, cs, b.ctypes.data, b_stride, out.ctypes.data, tile.columns)
        words = (k, add, runs, 5, k * width, runs * k * width, table.ctypes.data)
        call_micro(address, m, rows, columns, *places, *words)
        results.append(out[:, :columns])
        assert not tile.exact or np.array_equal(out[:, columns:], c[:, columns:])
    return results[0], results[1]


def sizes(tile: Tile) -> list[tuple[int, int, int]]:
    """Rows of C, rows and columns of a tile: whole, in part, several and a rest; of groups all."""
    narrow = 1 if tile.dot or tile.wide else tile.columns - tile.width + 1
    few = max(tile.rows - 3, 1)
    if tile.group > 1:
        return [(tile.rows, tile.rows, columns) for columns in (1, tile.columns)]
    return [
        (tile.rows, tile.rows, tile.columns),
        (1, tile.rows, narrow),
        (2, min(tile.rows, 2), tile.columns - 1),
        (3 * tile.rows + 2, tile.rows, narrow),
        (2 * few + 1, few, tile.columns),
    ]


@pytest.mark.parametrize("core", CORES, ids=IDS)
@pytest.mark.parametrize("dtype", DTYPES)
def test_tiles(dtype: str, core: Core) -> None:
    tolerance = 1e-4 if dtype == "float32" else 1e-12
    for tile, k in itertools.product(tiles_of(core, dtype), (0, 1, 2, 4, 7, 8, 16, 37, 64)):
        for (m, rows, columns), add in itertools.product(sizes(tile), (0, 1)):
            strides = ((k + 1, 1),) if tile.dot else ((k + 1, 1), (1, m), (0, 0))
            for rs, cs in strides:
                got, expected = both(tile, m, rows, columns, k, add=add, rs=rs, cs=cs)
                np.testing.assert_allclose(got, expected, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("dtype", DTYPES)
def test_runs(dtype: str) -> None:
    core = host_core()
    for tile, (k, runs) in itertools.product(
        [t for t in tiles_of(core, dtype) if not t.dot], ((0, 3), (1, 4), (3, 3), (6, 2), (5, 0))
    ):
        size = (tile.rows + 2 * (tile.group == 1), tile.rows, tile.columns)
        got, expected = both(tile, *size, k, add=1, rs=k + 1, cs=1, runs=runs)
        np.testing.assert_allclose(got, expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("core", CORES, ids=IDS)
@pytest.mark.parametrize("dtype", DTYPES)
def test_packing(dtype: str, core: Core) -> None:
    """Copies, transposes and gathers; nothing but the slack of one vector is written behind."""
    source = np.random.default_rng(0).standard_normal(12000).astype(dtype)
    for (vs, ks), v, k in itertools.product(
        [(1, 90), (90, 1), (-90, 1), (7, 100), (1, 0), (0, 1), (0, 0)],
        (1, 5, 17, 64),
        (1, 3, 16, 45),
    ):
        row, start = v + 2, 6000
        got, expected = np.zeros((2, k * row + core.vector_bytes), dtype)
        words = (source[start:].ctypes.data, vs, ks)
        call_micro(pack_address(core, dtype), *words, got.ctypes.data, row, v, k)
        pack_python(dtype)(*words, expected.ctypes.data, row, v, k)
        left, right = (x[: k * row].reshape(k, row)[:, :v] for x in (got, expected))
        assert np.array_equal(left, right)


def test_nothing_is_read_outside() -> None:
    """Masked lanes and an empty k touch no memory: their addresses need not exist."""
    core, out, table = host_core(), np.ones((33, 64), "f"), np.zeros(3, np.int64)
    for tile, most in itertools.product(tiles_of(core, "float32"), (1, 16)):
        out[:] = 1
        columns = min(most, tile.columns)
        m = 2 if tile.group == 1 else tile.rows
        places = (0, 1, 1, 0, 1, out.ctypes.data, 64)
        words = (0, 0, 1, 0, 0, 0, table.ctypes.data)
        call_micro(micro_address(tile), m, min(tile.rows, m), columns, *places, *words)
        assert not out[:m, :columns].any()
        assert (out[m:] == 1).all()


def test_the_family_is_fixed_by_the_core() -> None:
    """Equal cores give equal text, the key of the object cache. Few tiles do for all sizes."""
    tiles = tiles_of(Core(64, 32, 48 << 10, 1 << 20), "float32")
    assert [(tile.rows, tile.vectors) for tile in tiles] == [
        *((16, 1), (14, 2), (9, 3), (6, 4)),
        *((1, 8), (1, 256), (3, 8), (6, 4), (1, 256)),  # wide, long, dot
        *((16, 1), (16, 1)),  # of two and three taps
        *((9, 1), (27, 1), (25, 1)),  # of groups
    ]
    again = tiles_of(Core(64, 32, 32 << 10, 2 << 20), "float32")
    assert [tile_source(tile) for tile in again] == [tile_source(tile) for tile in tiles]
    assert all(len(tile_source(tile).text) < 60_000 for tile in tiles[1:])
    assert len(tile_source(tiles[0]).text) < 200_000  # a loop for each number of rows


def test_what_has_no_windows_does_without_their_tiles() -> None:
    core = Core(64, 32, 48 << 10, 1 << 20)
    every, plain = (list(family_sources(core, "float32", windows)) for windows in (True, False))
    assert set(plain) < set(every)
    assert (len(every), len(plain)) == (len(tiles_of(core, "float32")) + 1, 10)
    assert sum(len(source.text) for source in plain) < 520_000

"""The micro-kernels of a dtype: each is machine code of its own, which no size needs another of.

Enters: a core, a dtype, a tile. Leaves: addresses of machine code: that of a tile, that of the
packing kernel; and their sources, to be compiled together with what calls them.
"""

import pathlib
from collections.abc import Iterator, Sequence
from functools import cache

from graphc.runtime.language.ir_text import IRFunction
from graphc.runtime.language.jit import LLVM, Source
from graphc.runtime.language.machine import host
from graphc.runtime.micro.columns import MICRO_ARGUMENTS, micro_function
from graphc.runtime.micro.dot import dot_function
from graphc.runtime.micro.packing import PACK_ARGUMENTS, pack_function
from graphc.runtime.micro.row import row_function
from graphc.runtime.objects.cache import load_kernels
from graphc.schedule.tiles import Core, Tile, tiles_of

MICRO, PACK = "micro", "pack"  # names of the functions
COPY_ROWS = 64  # that repay a copy of a B whose rows would be waited for


@cache
def tile_source(tile: Tile) -> Source:
    """The micro-kernel of a tile, as LLVM IR text."""
    return _source(MICRO, _function_of(tile), MICRO_ARGUMENTS)


def _function_of(tile: Tile) -> IRFunction:
    if tile.long:
        return row_function(tile)
    return dot_function(tile) if tile.dot else micro_function(tile)


@cache
def pack_source(core: Core, dtype: str) -> Source:
    """The packing kernel, as LLVM IR text."""
    width = tiles_of(core, dtype)[0].width
    return _source(PACK, pack_function(width, dtype), PACK_ARGUMENTS)


def _source(name: str, function: IRFunction, arguments: Sequence[str]) -> Source:
    return Source(function.module(name, arguments), name, LLVM)


def family_sources(core: Core, dtype: str, windows: bool) -> Iterator[Source]:
    """All that contractions of a dtype call, whatever their sizes: those of one depth loop alone,
    or those of `windows` as well."""
    tiles = tiles_of(core, dtype)
    yield pack_source(core, dtype)
    yield from (tile_source(tile) for tile in tiles if windows or not tile.for_windows)


@cache
def micro_address(tile: Tile) -> int:
    """The machine code of a tile."""
    return load_kernels([tile_source(tile)])[0]


@cache
def pack_address(core: Core, dtype: str) -> int:
    """The machine code of the packing kernel."""
    return load_kernels([pack_source(core, dtype)])[0]


def cache_bytes(index: int, usual: int) -> int:
    """The size of a cache of the first core, where Linux tells: "48K" -> 49152."""
    place = pathlib.Path(f"/sys/devices/system/cpu/cpu0/cache/index{index}/size")
    text = place.read_text().strip() if place.exists() else ""
    return int(text[:-1]) << 10 if text[-1:] == "K" else usual


@cache
def host_core() -> Core:
    """This computer's vectors, registers and caches. Zen cores look far enough ahead to have
    rows of a matrix in time, however far they lie apart; no others that were seen do."""
    features = {feature for feature in host().features.split(",") if feature[:1] == "+"}
    many = "+avx512f" in features or "+neon" in features
    vector_bytes = 64 if "+avx512f" in features else 32 if "+avx" in features else 16
    return Core(
        vector_bytes=vector_bytes,
        registers=32 if many else 16,
        l1=cache_bytes(0, 32 << 10),
        l2=cache_bytes(2, 512 << 10),
        copy_rows=0 if host().cpu.startswith("znver") else COPY_ROWS,
    )

"""The micro-kernels of a dtype, as one module that is made once: no size needs another.

Enters: a dtype and the core's vectors. Leaves: addresses of machine code: one for each tile of
`tiles_of`, and that of the packing kernel.
"""

import ctypes
import pathlib
from collections.abc import Iterable, Sequence
from functools import cache

from graphc.runtime.cache import load_kernels
from graphc.runtime.dot import dot_function
from graphc.runtime.ir_text import IRFunction, module_text
from graphc.runtime.jit import LLVM, Source
from graphc.runtime.machine import host
from graphc.runtime.micro import MICRO_ARGUMENTS, micro_function
from graphc.runtime.packing import PACK_ARGUMENTS, pack_function
from graphc.runtime.row import row_function
from graphc.schedule.tiles import Core, Tile, tiles_of

ENTRY = "family"


def family_ir(tiles: Iterable[Tile], width: int, dtype: str) -> str:
    """The module of some tiles and of the packing kernel, as LLVM IR text.

    Its one visible function writes the addresses of all others to an array.
    """
    functions: dict[str, tuple[IRFunction, Sequence[str]]] = {
        f"micro{n}": (_function_of(tile), MICRO_ARGUMENTS) for n, tile in enumerate(tiles)
    }
    functions["pack"] = pack_function(width, dtype), PACK_ARGUMENTS
    entry = IRFunction(dtype, width)
    for n, name in enumerate(functions):
        place = entry.value(f"inttoptr i64 {entry.value(f'add i64 %addresses, {8 * n}')} to ptr")
        entry.do(f"store ptr @{name}, ptr {place}")
    entry.do("ret void")
    return module_text({**functions, ENTRY: (entry, ("addresses",))})


def _function_of(tile: Tile) -> IRFunction:
    if tile.long:
        return row_function(tile)
    return dot_function(tile) if tile.dot else micro_function(tile)


@cache
def family_source(core: Core, dtype: str) -> Source:
    """All that contractions of a dtype call."""
    tiles = tiles_of(core, dtype)
    return Source(family_ir(tiles, tiles[0].width, dtype), ENTRY, LLVM)


@cache
def _addresses(core: Core, dtype: str) -> tuple[int, ...]:
    (entry,) = load_kernels([family_source(core, dtype)])
    found = (ctypes.c_int64 * (len(tiles_of(core, dtype)) + 1))()
    ctypes.CFUNCTYPE(None, ctypes.c_int64)(entry)(ctypes.addressof(found))
    return tuple(found)


def micro_address(core: Core, tile: Tile) -> int:
    """The machine code of a tile of a core."""
    return _addresses(core, tile.dtype)[tiles_of(core, tile.dtype).index(tile)]


def pack_address(core: Core, dtype: str) -> int:
    """The machine code of the packing kernel."""
    return _addresses(core, dtype)[-1]


def cache_bytes(index: int, usual: int) -> int:
    """The size of a cache of the first core, where Linux tells: "48K" -> 49152."""
    place = pathlib.Path(f"/sys/devices/system/cpu/cpu0/cache/index{index}/size")
    text = place.read_text().strip() if place.exists() else ""
    return int(text[:-1]) << 10 if text[-1:] == "K" else usual


@cache
def host_core() -> Core:
    """This computer's vectors, registers and caches."""
    features = {feature for feature in host().features.split(",") if feature[:1] == "+"}
    many = "+avx512f" in features or "+neon" in features
    vector_bytes = 64 if "+avx512f" in features else 32 if "+avx" in features else 16
    return Core(
        vector_bytes=vector_bytes,
        registers=32 if many else 16,
        l1=cache_bytes(0, 32 << 10),
        l2=cache_bytes(2, 512 << 10),
    )

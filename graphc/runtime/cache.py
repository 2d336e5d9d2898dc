"""Kernels by their text: in memory, else on disk, else compiled.

Enters: the text of a kernel, or of an LLVM IR function. Leaves: its address. A process whose
kernels are all on disk loads them with llvmlite alone (0.1 ms each) and never imports Numba.

    address = load_kernel(source, "add")          # of the text of add(begin, end, part, args)
    address = load_ir("define void @family(i64 %addresses) ...", "family")
    cache_stats(), cache_size()                   # CacheStats(hits=2, ...), 6120 bytes
    clear_cache()
"""

import functools
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from graphc.runtime.environment import cache_folder
from graphc.runtime.jit import CompiledKernel, compile_ir, compile_kernel, symbol_of
from graphc.runtime.language import VOID
from graphc.runtime.machine import LOCK, load
from graphc.runtime.store import Entry, Store, open_store


@dataclass(frozen=True, slots=True)
class CacheStats:
    """What one process took from disk, what it compiled, and how long that took.

    `compiled` counts kernels that were made from graphs; `tiles` the modules of micro-kernels, one
    for all matmuls of a dtype.
    """

    hits: int = 0
    compiled: int = 0
    seconds: float = 0.0
    tiles: int = 0


@dataclass(slots=True, eq=False)
class KernelCache:
    """The kernels of this process, above a store on disk. Safe to use from several threads."""

    store: Store
    stats: CacheStats = CacheStats()
    _addresses: dict[tuple[str, str, str], int] = field(default_factory=dict)
    _handles: list[Any] = field(default_factory=list)  # code is unloaded when its handle goes

    def kernel(self, source: str, name: str, result: str = VOID) -> int:
        """The address of the function `name` of a generated source."""
        address = self._addresses.get((result, source, name))
        if address is not None:
            return address
        make = functools.partial(compile_kernel, source, name, result, self.store)
        return self._add(result, source, name, make)

    def ir(self, text: str, name: str) -> int:
        """The address of the function `name` of an LLVM IR text."""
        address = self._addresses.get(("llvm", text, name))
        if address is not None:
            return address
        return self._add("llvm", text, name, functools.partial(compile_ir, text, name))

    def _add(self, kind: str, text: str, name: str, make: Callable[[], CompiledKernel]) -> int:
        key = (kind, text, name)
        with LOCK:
            if key not in self._addresses:  # another thread may have been faster
                symbol = symbol_of(kind, text, name)
                entry = self.store.get(symbol)
                if entry is None:
                    entry = self._compile(symbol, make, kind == "llvm")
                else:
                    self.stats = replace(self.stats, hits=self.stats.hits + 1)
                self._addresses[key], handle = load(entry.data, symbol, entry.imports)
                self._handles.append(handle)
            return self._addresses[key]

    def _compile(self, symbol: str, make: Callable[[], CompiledKernel], tile: bool) -> Entry:
        start = time.perf_counter()
        kernel = make()
        entry = Entry(kernel.code, kernel.imports)
        self.store.put(symbol, entry)
        old = self.stats
        seconds = old.seconds + time.perf_counter() - start
        self.stats = CacheStats(old.hits, old.compiled + (not tile), seconds, old.tiles + tile)
        return entry


@functools.cache
def _cache() -> KernelCache:
    with LOCK:
        return KernelCache(open_store(cache_folder()))


def load_kernel(source: str, name: str, result: str = VOID) -> int:
    """The address of the kernel `name(begin, end, part, args)` of a generated source.

    Other functions of int64 arguments compile as well; `result` is the kind of what they return.
    Raises CompileError.
    """
    return _cache().kernel(source, name, result)


def load_ir(text: str, name: str) -> int:
    """The address of the function `name` of an LLVM IR text. Raises CompileError."""
    return _cache().ir(text, name)


def cache_stats() -> CacheStats:
    """What this process took from disk and what it compiled."""
    return _cache().stats


def cache_size() -> int:
    """Bytes of the object cache on disk."""
    return _cache().store.size()


def cache_files() -> int:
    """How many files the object cache has on disk."""
    return len(_cache().store.files())


def clear_cache() -> None:
    """Remove the object cache on disk; what this process has loaded stays."""
    _cache().store.clear()

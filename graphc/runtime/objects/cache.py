"""Kernels by their text: in memory, else on disk, else compiled.

Enters: the texts of kernels, or of LLVM IR functions. Leaves: their addresses. A process whose
kernels are all on disk loads them (0.1 ms each) and compiles nothing.
Kernels that are asked for together are compiled together, on all cores.

    address = load_kernel(source, "add")          # of the text of add(begin, end, part, args)
    addresses = load_kernels([Source(text, "add") for text in texts])
    address = load_ir("define void @micro(i64 %m, ...) ...", "micro")
    cache_stats(), cache_size()                   # CacheStats(hits=2, ...), 6120 bytes
    clear_cache()
"""

import contextlib
import functools
import operator
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field, fields, replace
from typing import Any, TypeVar

from graphc.runtime.cores import available_cores
from graphc.runtime.environment import cache_folder, threads_asked
from graphc.runtime.language.jit import LLVM, CompiledKernel, Source, Translated, finish, translate
from graphc.runtime.language.machine import LOCK, Workers, emitting, load
from graphc.runtime.language.names import VOID
from graphc.runtime.objects.store import Entry, Store, open_store

T = TypeVar("T")

MOST_WORKERS = 8


@dataclass(frozen=True, slots=True)
class CacheStats:
    """What one process took from memory and from disk (`hits`), what it compiled, and how long
    that took.

    `compiled` counts kernels that were made from graphs; `tiles` the micro-kernels, which all
    matmuls of a dtype share. `seconds` is what compiling took: `translating` to LLVM IR and
    `optimising` (by LLVM; of all cores, added up), which go on at the same time. `loading` was
    spent on what came from disk as well.
    """

    hits: int = 0
    compiled: int = 0
    seconds: float = 0.0
    tiles: int = 0
    translating: float = 0.0
    optimising: float = 0.0
    loading: float = 0.0
    memory: int = field(default=0, compare=False)

    def __add__(self, other: "CacheStats") -> "CacheStats":
        return _by_field(operator.add, self, other)

    def __sub__(self, before: "CacheStats") -> "CacheStats":
        return _by_field(operator.sub, self, before)


def _by_field(apply: Callable[[Any, Any], Any], a: CacheStats, b: CacheStats) -> CacheStats:
    names = [field.name for field in fields(CacheStats)]
    return CacheStats(*[apply(getattr(a, name), getattr(b, name)) for name in names])


@dataclass(slots=True, eq=False)
class KernelCache:
    """The kernels of this process, above a store on disk. Safe to use from several threads."""

    store: Store
    stats: CacheStats = CacheStats()
    _addresses: dict[Source, int] = field(default_factory=dict)
    _handles: list[Any] = field(default_factory=list)  # code is unloaded when its handle goes

    def load(self, sources: Sequence[Source]) -> list[int]:
        """The addresses of functions, those that are missing compiled together."""
        wanted = dict.fromkeys(sources)
        with LOCK:
            missing = [source for source in wanted if source not in self._addresses]
            self._count(memory=len(wanted) - len(missing))
            self._add(missing)
        return [self._addresses[source] for source in sources]

    def _add(self, sources: Sequence[Source]) -> None:
        missing = []
        for source in sources:
            entry = self.store.get(source.symbol)
            if entry is None:
                missing.append(source)
            else:
                self._link(source, entry)
                self._count(hits=1)
        if missing:
            start = time.perf_counter()
            for source, entry in self._compile(missing):
                self.store.put(source.symbol, entry)
                self._link(source, entry)
                self._count(**{"tiles" if source.kind == LLVM else "compiled": 1})
            self._count(seconds=time.perf_counter() - start)

    def _compile(self, sources: Iterable[Source]) -> Iterator[tuple[Source, Entry]]:
        """Other threads, one a core, optimise what is translated already: LLVM lets Python run
        meanwhile.

        What needs no translation comes first, for they would wait; then what is long to optimise,
        so that little is left at the end.
        """
        jobs = []
        with emitting(), Workers(_workers()) as pool:
            for source in sorted(sources, key=lambda s: (s.kind != LLVM, -len(s.text))):
                translated, seconds = _timed(translate, source)
                self._count(translating=seconds)
                jobs.append((source, _submitted(pool, translated)))
        for source, job in jobs:
            kernel, seconds = job.result()
            self._count(optimising=seconds)
            yield source, Entry(kernel.code, kernel.imports)

    def _link(self, source: Source, entry: Entry) -> None:
        (address, handle), seconds = _timed(load, entry.data, source.symbol, entry.imports)
        self._addresses[source] = address
        self._handles.append(handle)
        self._count(loading=seconds)

    def _count(self, **more: float) -> None:
        """Adds to the statistics."""
        self.stats += replace(CacheStats(), **more)


def _submitted(pool: Workers, translated: Translated) -> Future[tuple[CompiledKernel, float]]:
    """The work of a thread of the pool, or of this one where none can be started: at the end of the
    process, or where it has no more threads. (One that runs may then do it a second time.)"""
    with contextlib.suppress(RuntimeError):
        return pool.submit(_timed, finish, translated)
    done = Future[tuple[CompiledKernel, float]]()
    done.set_result(_timed(finish, translated))
    return done


def _workers() -> int:
    return min(threads_asked() or available_cores(), MOST_WORKERS)


def _timed(work: Callable[..., T], *arguments: Any) -> tuple[T, float]:
    start = time.perf_counter()
    result = work(*arguments)
    return result, time.perf_counter() - start


@functools.cache
def _cache() -> KernelCache:
    with LOCK:
        return KernelCache(open_store(cache_folder()))


def kernel_store() -> Store:
    """Where the kernels of this process are kept."""
    return _cache().store


def load_kernels(sources: Sequence[Source]) -> list[int]:
    """The addresses of the functions of generated sources. Raises CompileError."""
    return _cache().load(sources)


def load_kernel(source: str, name: str, result: str = VOID) -> int:
    """The address of the kernel `name(begin, end, part, args)` of a generated source.

    Other functions of int64 arguments compile as well; `result` is the kind of what they return.
    Raises CompileError.
    """
    return load_kernels([Source(source, name, result)])[0]


def load_ir(text: str, name: str) -> int:
    """The address of the function `name` of an LLVM IR text. Raises CompileError."""
    return load_kernels([Source(text, name, LLVM)])[0]


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

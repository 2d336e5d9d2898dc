"""What the making of a program cost: kernels, where they came from, seconds a stage.

Enters: a program's code, and what its `Ledger` has seen of the object cache and of bindings.
Leaves: a `CompileReport`, which prints as a table:

    5 kernels, 4 distinct sources
    loaded from memory 3, from disk 0, compiled 5 and 1 of tiles
    stage      seconds
    simplify     0.003
    ...
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, fields

from graphc.runtime.cache import CacheStats, cache_stats
from graphc.runtime.code import Code


@dataclass(frozen=True, slots=True)
class CompileReport:
    """What a program's making cost until now.

    `kernels` counts its steps, `sources` their distinct texts. Of these, and of what all programs
    call (the runner, the sums and tiles of contractions), `memory` were in this process, `disk` in
    the object cache; `compiled` and `tiles` were made. Stages are in seconds: `recall` is looking
    for the code of a large graph on disk, and keeping it; if it is found, the next three are 0.
    `translate` is text to LLVM IR, `optimise` LLVM; they go on at the same time, together `compile`
    of the clock. `load` links machine code, `bind` is for `bindings` sets of sizes. What no call
    has needed yet is 0.
    """

    kernels: int
    sources: int
    memory: int
    disk: int
    compiled: int
    tiles: int
    bindings: int
    recall: float
    simplify: float
    schedule: float
    emit: float
    translate: float
    optimise: float
    compile: float
    load: float
    bind: float

    def __str__(self) -> str:
        rows = [f"{f.name:<10} {getattr(self, f.name):7.3f}" for f in fields(self)[_STAGES]]
        return "\n".join(
            [
                f"{self.kernels} kernels, {self.sources} distinct sources",
                f"loaded from memory {self.memory}, from disk {self.disk}, "
                f"compiled {self.compiled} and {self.tiles} of tiles",
                f"{'stage':<10} seconds",
                *rows[:-1],
                f"{rows[-1]}  {self.bindings} times",
            ]
        )


_STAGES = slice(7, None)


@dataclass(slots=True, eq=False)
class Ledger:
    """What a program has taken from the object cache, and its bindings."""

    cache: CacheStats = field(default_factory=CacheStats)
    bindings: int = 0
    bind: float = 0.0

    @contextmanager
    def loading(self) -> Iterator[None]:
        """Kernels are loaded inside."""
        before = cache_stats()
        yield
        self.cache += cache_stats() - before

    @contextmanager
    def binding(self) -> Iterator[None]:
        """A table is bound inside."""
        start = time.perf_counter()
        with self.loading():
            yield
        self.bindings += 1
        self.bind += time.perf_counter() - start


def compile_report(code: Code, ledger: Ledger) -> CompileReport:
    """The report of a program."""
    cache = ledger.cache
    return CompileReport(
        kernels=len(code.steps),
        sources=len({emitted.source for emitted in code.emitted}),
        memory=cache.memory,
        disk=cache.hits,
        compiled=cache.compiled,
        tiles=cache.tiles,
        bindings=ledger.bindings,
        recall=code.seconds.get("recall", 0.0),
        simplify=code.seconds.get("simplify", 0.0),
        schedule=code.seconds.get("schedule", 0.0),
        emit=code.seconds.get("emit", 0.0),
        translate=cache.translating,
        optimise=cache.optimising,
        compile=cache.seconds,
        load=cache.loading,
        bind=ledger.bind,
    )

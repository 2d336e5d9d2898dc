"""What the making of a program cost: kernels, where they came from, seconds a stage.

Enters: a program's code, and what its `Ledger` has seen of the object cache and of bindings.
Leaves: a `CompileReport`, which prints as a table:

    5 kernels, of 4 distinct sources
    these, and helpers that programs share: 3 were in memory, 0 on disk, 5 compiled
    tiles of matrix products and convolutions: 1 compiled, the same few for all sizes
    stage      seconds
    simplify     0.003  rewriting the graph
    ...
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from graphc.runtime.binding.code import Code
from graphc.runtime.objects.cache import CacheStats, cache_stats


@dataclass(frozen=True, slots=True)
class CompileReport:
    """What a program's making cost until now.

    `kernels` counts its steps, `sources` their distinct texts. Of these, and of what all programs
    call (the runner, the sums and tiles of contractions), `memory` were in this process, `disk` in
    the object cache; `compiled` and `tiles` were made. Stages are in seconds: `recall` is looking
    for the code of a large graph on disk, and keeping it; if it is found, the next three are 0.
    `translate` is text to LLVM IR, `optimise` LLVM on all cores, added up; they go on at the same
    time, together `compile` of the clock. `load` links machine code, `bind` is for `bindings` sets
    of sizes. What no call has needed yet is 0.
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
        rows = [f"{name:<10} {getattr(self, name):7.3f}  {what}" for name, what in STAGES.items()]
        return "\n".join(
            [
                f"{self.kernels} kernels, of {self.sources} distinct sources",
                f"these, and helpers that programs share: {self.memory} were in memory, "
                f"{self.disk} on disk, {self.compiled} compiled",
                "tiles of matrix products and convolutions: "
                f"{self.tiles} compiled, the same few for all sizes",
                f"{'stage':<10} seconds",
                *rows,
                f"bindings   {self.bindings:7}  sets of sizes seen",
            ]
        )


STAGES = {
    "recall": "looking on disk for the code of a large graph; found, the next three are 0",
    "simplify": "rewriting the graph",
    "schedule": "grouping nodes into kernels",
    "emit": "writing the kernels' text",
    "translate": "text to LLVM's language",
    "optimise": "LLVM, on all cores, added up",
    "compile": "both of these by the clock, as they run side by side",
    "load": "linking machine code",
    "bind": "sizes and memory, for each set of sizes",
}


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

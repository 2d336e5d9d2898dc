"""What the machine can do at most: measured by kernels of our own, and kept on disk.

Enters: a number of threads. Leaves: `Limits`. Measuring takes half a second; the figures lie beside
the cached kernels, by CPU. On a busy machine they are too low, and nothing makes them too high:
they are measured again when those on disk are an hour old, and of each figure the best is kept.
`python -m graphc info --limits` measures at once, `python -m graphc cache clear` forgets.

    limits = machine_limits(2)
    limits.gflops["float32"], limits.gbytes(1 << 20)         # at most, in a copy of 1 MiB
"""

import functools
import json
import platform
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from math import log2
from pathlib import Path

import numpy as np

from graphc.runtime.environment import cache_folder
from graphc.runtime.language.fingerprint import digest
from graphc.runtime.language.machine import host
from graphc.runtime.micro.family import cache_bytes, host_core
from graphc.runtime.objects.store import Entry, open_store
from graphc.runtime.reports.probes import Probe, chain_count, chains_text, copy_text, nothing_text

SECONDS = 0.02  # for each figure
ROUNDS = 50_000  # of all chains: about 150 us
MOVED = 1 << 23  # bytes that one run of a copy moves at least
SETS = (1 << 15, 1 << 19, 1 << 23)  # bytes that fit into caches of the first to the third level
LARGEST = 1 << 29
HOUR = 3600.0
ROWS = 8
LINE = 64


@dataclass(frozen=True, slots=True)
class Limits:
    """The most that this CPU does on so many threads.

    `gflops`: multiply-adds by dtype, each two operations. `copies`: (bytes of both arrays, bytes
    read and written a second / 10^9), the last from memory. `row_seconds`: of an empty kernel.
    They were measured so many `times`, and last at `measured`, in seconds since 1970.
    """

    cpu: str
    threads: int
    gflops: Mapping[str, float]
    copies: tuple[tuple[int, float], ...]
    row_seconds: float
    measured: float = 0.0
    times: int = 1

    @property
    def cached_bytes(self) -> int:
        """The largest working set that was measured in a cache."""
        return self.copies[-2][0]

    def gbytes(self, held: int) -> float:
        """The speed of a copy whose arrays hold so many bytes: between the measured ones on a scale
        of logarithms.

        >>> Limits("", 1, {}, ((1024, 100.0), (4096, 50.0)), 0.0).gbytes(2048)
        75.0
        """
        sizes, rates = zip(*self.copies, strict=True)
        return float(np.interp(log2(max(held, 1)), [log2(size) for size in sizes], rates))

    def __str__(self) -> str:
        peaks = ", ".join(f"{rate:.0f} GFLOP/s ({name})" for name, rate in self.gflops.items())
        copies = ", ".join(f"{rate:.0f} ({_size(size)})" for size, rate in self.copies)
        return (
            f"{self.cpu}, {self.threads} thread{'s' * (self.threads > 1)}: at most {peaks};\n"
            f"copies GB/s: {copies}; an empty kernel {self.row_seconds * 1e6:.3f} us;\n"
            f"measured {self._when()}"
        )

    def _when(self) -> str:
        day = time.strftime("%Y-%m-%d %H:%M", time.localtime(self.measured))
        return day if self.times == 1 else f"{self.times} times, last at {day}: the best counts"


def _size(count: int) -> str:
    return f"{count >> 20} MiB" if count >= 1 << 20 else f"{count >> 10} KiB"


def cpu_name() -> str:
    """As the maker calls it, where Linux tells, and as LLVM does."""
    listed = Path("/proc/cpuinfo")
    lines = listed.read_text(encoding="utf-8").splitlines() if listed.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return f"{names[0] if names else platform.machine()} ({host().cpu})"


@functools.cache
def machine_limits(threads: int) -> Limits:
    """The limits on so many threads: from this process, from disk, or measured now."""
    kept = _kept(threads)
    if kept is None or abs(time.time() - kept.measured) > HOUR:
        return measured_limits(threads)
    return kept


def limits_of(parts: int, threads: int) -> Limits:
    """Those of a kernel of so many parts on so many threads. Between one thread and all it is not
    measured: so many times what one thread does, but no more than what all do."""
    one, all_threads = machine_limits(1), machine_limits(threads)
    if parts <= 1 or threads == 1:
        return one
    return all_threads if parts >= threads else _at_most(one, parts, all_threads)


def _at_most(one: Limits, count: int, most: Limits) -> Limits:
    rates = {d: min(count * one.gflops[d], rate) for d, rate in most.gflops.items()}
    pairs = zip(one.copies, most.copies, strict=True)
    copies = tuple((size, min(count * rate, best)) for (_, rate), (size, best) in pairs)
    return replace(most, threads=count, gflops=rates, copies=copies)


def measured_limits(threads: int) -> Limits:
    """The limits, measured now; the best of these and of those on disk is kept there."""
    found = Limits(
        cpu_name(),
        threads,
        {dtype: _peak(dtype, threads) for dtype in ("float32", "float64")},
        tuple((size, _copied(size, threads)) for size in (*SETS, _memory_set())),
        Probe(nothing_text(), "nothing", threads, rows=ROWS).seconds(SECONDS) / ROWS,
        time.time(),
    )
    before = _kept(threads)
    if before is not None:
        found = best_of(found, before)
    open_store(cache_folder()).put(_key(threads), Entry(json.dumps(asdict(found)).encode()))
    machine_limits.cache_clear()
    return found


def best_of(a: Limits, b: Limits) -> Limits:
    """The better of each figure: other work on the machine can only make them worse."""
    return Limits(
        a.cpu,
        a.threads,
        {dtype: max(rate, b.gflops[dtype]) for dtype, rate in a.gflops.items()},
        tuple(max(pair) for pair in zip(a.copies, b.copies, strict=True)),
        min(a.row_seconds, b.row_seconds),
        max(a.measured, b.measured),
        a.times + b.times,
    )


def _kept(threads: int) -> Limits | None:
    entry = open_store(cache_folder()).get(_key(threads))
    return None if entry is None else _decoded(entry.data)


def _key(threads: int) -> str:
    names = ",".join(field.name for field in fields(Limits))
    text = "\n".join((cpu_name(), str(threads), names, chains_text("float32"), copy_text()))
    return f"limits_{digest('limits', text)}"


def _decoded(data: bytes) -> Limits:
    found = json.loads(data)
    copies = tuple((size, rate) for size, rate in found.pop("copies"))
    return Limits(**found, copies=copies)


def _memory_set() -> int:
    """Bytes that no cache holds."""
    return min(4 * cache_bytes(3, 16 << 20), LARGEST)


def _peak(dtype: str, threads: int) -> float:
    out = np.zeros(LINE * threads, np.uint8)
    probe = Probe(chains_text(dtype), "chains", threads, (ROUNDS, out.ctypes.data))
    lanes = host_core().vector_bytes // np.dtype(dtype).itemsize
    return 2 * threads * ROUNDS * chain_count() * lanes / probe.seconds(SECONDS) / 1e9


def _copied(held: int, threads: int) -> float:
    """GB/s for two arrays that hold so many bytes together."""
    share = max(held // 2 // threads // 4096, 1) * 4096  # many threads hold some more
    a, b = (np.full(share * threads, n, np.uint8) for n in (1, 2))
    moved = a.nbytes + b.nbytes
    rounds = max(1, MOVED // moved)
    arguments = (a.ctypes.data, b.ctypes.data, share, rounds)
    return rounds * moved / Probe(copy_text(), "copy", threads, arguments).seconds(SECONDS) / 1e9

"""The machine's limits: fused multiply-adds from registers, copies from memory or cache.

Enters: the number of threads, and the sizes of working sets. Leaves, as one JSON line, `Limits`:
what kernels of Numba reach that do nothing else.

    python -m benchmarks.limits 2 37000 268000000
"""

import json
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from llvmlite import binding, ir
from numba import njit, prange, set_num_threads, types
from numba.core import cgutils
from numba.extending import intrinsic

SECONDS = 0.5  # for each rate
ROUNDS = 1_000_000  # of all chains: some milliseconds
LEAST = 1 << 26  # bytes that a copy moves in one call, however small its arrays are


@dataclass(frozen=True, slots=True)
class Limits:
    """GFLOP/s in float32, and GB/s of a copy (reads and writes) for working sets of some bytes."""

    threads: int
    gflops: float
    gbytes: dict[int, float]


def _registers() -> tuple[int, int]:
    """Floats in a vector and chains that fit into the registers, for this CPU."""
    features = binding.get_host_cpu_features()
    if features.get("avx512f"):
        return 16, 24
    if features.get("avx2"):
        return 8, 12
    return 4, 24 if features.get("neon") else 12


LANES, CHAINS = _registers()


@intrinsic
def _multiply_add(_typing: Any, _rounds: Any) -> Any:
    """That many rounds of independent chains of vector multiply-adds; one lane of their sum."""

    def generate(_context: Any, b: ir.IRBuilder, _signature: Any, arguments: Any) -> Any:
        vector, word = ir.VectorType(ir.FloatType(), LANES), ir.IntType(64)
        kind = ir.FunctionType(vector, [vector] * 3)
        fma = cgutils.get_or_insert_function(b.module, kind, f"llvm.fma.v{LANES}f32")
        scale, shift = (ir.Constant(vector, [v] * LANES) for v in (0.999, 1e-3))
        before, loop, after = b.block, b.append_basic_block(), b.append_basic_block()
        b.branch(loop)
        b.position_at_end(loop)
        count = b.phi(word)
        chains = [b.phi(vector) for _ in range(CHAINS)]
        values = [b.call(fma, [chain, scale, shift]) for chain in chains]
        following = b.add(count, ir.Constant(word, 1))
        b.cbranch(b.icmp_signed("<", following, arguments[0]), loop, after)
        count.add_incoming(ir.Constant(word, 0), before)
        count.add_incoming(following, loop)
        for i, (chain, value) in enumerate(zip(chains, values, strict=True)):
            chain.add_incoming(ir.Constant(vector, [float(i)] * LANES), before)
            chain.add_incoming(value, loop)
        b.position_at_end(after)
        total = values[0]
        for value in values[1:]:
            total = b.fadd(total, value)
        return b.extract_element(total, ir.Constant(ir.IntType(32), 0))

    return types.float32(types.int64), generate


@njit(parallel=True)
def _peak(threads: int, rounds: int, out: Any) -> None:
    for t in prange(threads):
        out[16 * t] = _multiply_add(rounds)


@njit
def _copy_part(a: Any, b: Any) -> None:
    for i in range(a.size):
        b[i] = a[i]


@njit(parallel=True)
def _copy(threads: int, rounds: int, a: Any, b: Any) -> None:
    for t in prange(threads):
        begin, end = t * a.size // threads, (t + 1) * a.size // threads
        for _ in range(rounds):
            _copy_part(a[begin:end], b[begin:end])


def _fastest(function: Callable[[], None]) -> float:
    """The least seconds of many calls; the first, which compiles, does not count."""
    function()
    times, begin = [], time.perf_counter()
    while time.perf_counter() - begin < SECONDS:
        start = time.perf_counter()
        function()
        times.append(time.perf_counter() - start)
    return min(times)


def _peak_rate(threads: int) -> float:
    out = np.zeros(16 * threads, np.float32)  # a cache line a thread
    seconds = _fastest(lambda: _peak(threads, ROUNDS, out))
    return 2 * threads * ROUNDS * CHAINS * LANES / seconds / 1e9


def _copy_rate(threads: int, held: int) -> float:
    """For two arrays that together hold so many bytes."""
    a = np.ones(max(held // 8, 16 * threads), np.float32)
    b = np.ones_like(a)
    moved = a.nbytes + b.nbytes
    rounds = max(1, LEAST // moved)
    return rounds * moved / _fastest(lambda: _copy(threads, rounds, a, b)) / 1e9


def measure(threads: int, sizes: Sequence[int]) -> Limits:
    """The limits on so many threads, or fewer where that is faster, for these working sets."""
    found = []
    for count in sorted({1, threads}):
        set_num_threads(count)
        found.append((_peak_rate(count), [_copy_rate(count, size) for size in sizes]))
    copies = zip(*(rates for _, rates in found), strict=True)
    best = {size: max(rates) for size, rates in zip(sizes, copies, strict=True)}
    return Limits(threads, max(peak for peak, _ in found), best)


if __name__ == "__main__":
    asked, *held = (int(word) for word in sys.argv[1:])
    print(json.dumps(asdict(measure(asked, held))))

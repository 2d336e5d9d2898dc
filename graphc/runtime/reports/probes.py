"""Kernels that do nothing but reach a limit of the machine, and the tables that time them.

Enters: a number of threads. Leaves: seconds, by the clock that profiles read. Three kernels: chains
of multiply-adds that never leave the registers, a copy, and one that returns at once.

    probe = Probe(chains_text("float32"), "chains", threads=2, arguments=(1000, out.ctypes.data))
    probe.seconds(duration=0.02)               # the least of many runs
"""

import time
from collections.abc import Sequence

import numpy as np

from graphc.runtime.binding.template import ROWS_AT, write_header
from graphc.runtime.language.ir_text import IRFunction, Values
from graphc.runtime.language.jit import LLVM, Source, compile_kernel
from graphc.runtime.language.machine import load
from graphc.runtime.micro.family import host_core
from graphc.runtime.threads.team import (
    BARRIER,
    CYCLES_AT,
    ROW_WORDS,
    profile_table,
    seconds_per_cycle,
)
from graphc.state import aligned_empty
from graphc.types import int64

ARGUMENTS = ("begin", "end", "part", "args")
LEAST_RUNS = 5
VECTORS = 4  # a round of the copy


def chain_count() -> int:
    """Independent multiply-adds in flight: three quarters of the registers."""
    return host_core().registers * 3 // 4


def chains_text(dtype: str) -> str:
    """args: rounds, out. Each round is a multiply-add of every chain; x -> x / 2 + 1 / 4."""
    f = _function(dtype)
    rounds, out = _words(f, 2)
    half, quarter = f.splat("5.0e-01"), f.splat("2.5e-01")
    starts = [(f.vector, f.splat(f"{i}.0")) for i in range(chain_count())]

    def step(_index: str, chains: Values) -> Values:
        return [f.multiply_add(chain, half, quarter) for chain in chains]

    total, *others = f.loop(rounds, starts, step)
    for chain in others:
        total = f.value(f"fadd {f.vector} {total}, {chain}")
    line = f.value("mul i64 %begin, 64")
    f.store(f.vector, total, f.at(f.value(f"inttoptr i64 {out} to ptr"), line))
    f.do("ret void")
    return f.module("chains", ARGUMENTS)


def copy_text() -> str:
    """args: source, target, bytes a part, rounds."""
    f = _function("float32")
    source, target, share, rounds = _words(f, 4)
    start = f.value(f"mul i64 %begin, {share}")
    pointers = [f.at(f.value(f"inttoptr i64 {p} to ptr"), start) for p in (source, target)]
    width = f.width * f.size
    whole = f.value(f"sdiv i64 {share}, {VECTORS * width}")

    def some(index: str, _: Values) -> Values:
        offset = f.value(f"mul i64 {index}, {VECTORS * width}")
        a, b = (f.at(pointer, offset) for pointer in pointers)
        vectors = [f.load(f.at(a, n * width), f.vector) for n in range(VECTORS)]
        for n, vector in enumerate(vectors):
            f.store(f.vector, vector, f.at(b, n * width))
        return []

    def turn(_index: str, _: Values) -> Values:
        return f.loop(whole, [], some)

    f.loop(rounds, [], turn)
    f.do("ret void")
    return f.module("copy", ARGUMENTS)


def nothing_text() -> str:
    """Returns at once."""
    f = _function("float32")
    f.do("ret void")
    return f.module("nothing", ARGUMENTS)


def _function(dtype: str) -> IRFunction:
    size = np.dtype(dtype).itemsize
    return IRFunction(dtype, host_core().vector_bytes // size)


def _words(f: IRFunction, count: int) -> Values:
    """The words that `args` points to."""
    args = f.value("inttoptr i64 %args to ptr")
    return [f.load(f.at(args, 8 * n), "i64") for n in range(count)]


class Probe:
    """A table of equal rows, each split over all threads: compiled here, kept nowhere."""

    __slots__ = ("_handle", "_rows", "_table", "_threads")

    def __init__(
        self, text: str, name: str, threads: int, arguments: Sequence[int] = (), rows: int = 1
    ) -> None:
        kernel = compile_kernel(Source(text, name, LLVM))
        address, self._handle = load(kernel.code, kernel.symbol, kernel.imports)
        width = ROW_WORDS + len(arguments)
        self._table = aligned_empty((ROWS_AT + rows * width,), int64)
        self._table[:] = 0
        self._threads = threads
        row = (width, address, threads, 1, threads, BARRIER, 0, 0, *arguments)
        self._table[ROWS_AT:] = row * rows
        write_header(self._table, rows)
        self._rows = self._table[ROWS_AT:].reshape(rows, width)

    def seconds(self, duration: float) -> float:
        """Of all rows: the least of the runs that fit into the duration."""
        found: list[float] = []
        begin = time.perf_counter()
        while len(found) < LEAST_RUNS or time.perf_counter() - begin < duration:
            self._rows[:, CYCLES_AT] = 0
            profile_table(self._table.ctypes.data, self._threads)
            found.append(float(self._rows[:, CYCLES_AT].sum()))
        return min(found) * seconds_per_cycle()

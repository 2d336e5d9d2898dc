"""What a program says about its own making."""

from pathlib import Path

import numpy as np
import pytest

import graphc as gx
from graphc.runtime.backends import PYTHON
from graphc.runtime.objects import cache
from graphc.runtime.objects.cache import KernelCache
from graphc.runtime.objects.store import open_store
from graphc.runtime.program import Program
from graphc.runtime.reports.compile_report import CompileReport

STAGES = (
    *("recall", "simplify", "schedule", "emit"),
    *("translate", "optimise", "compile", "load", "bind"),
)


def program(factor: float) -> Program:
    x = gx.input("x", ("n",))
    return gx.compile([x], [gx.exp(x) * factor, gx.sum(x)])


@pytest.fixture
def kernels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> KernelCache:
    """An empty cache that is the process's; what all programs share is loaded already."""
    program(1.0)(np.ones(3))
    empty = KernelCache(open_store(tmp_path / "kernels"))
    monkeypatch.setattr(cache, "_cache", lambda: empty)
    return empty


def counts(report: CompileReport) -> tuple[int, ...]:
    return report.memory, report.disk, report.compiled, report.tiles


def test_nothing_is_compiled_before_the_first_call(kernels: KernelCache) -> None:
    made = program(2.0)
    report = made.compile_report()
    assert (report.kernels, report.sources) == (
        len(made.kernels),
        len(set(made.source.split("\n\n\n"))),
    )
    assert counts(report) == (0, 0, 0, 0)
    assert report.schedule > 0
    assert report.translate == report.bind == report.bindings == 0


def test_kernels_come_from_the_compiler_then_memory_then_disk(
    kernels: KernelCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    x = np.ones(3, np.float32)
    first, second, third = program(2.0), program(2.0), program(2.0)
    first(x)
    report = first.compile_report()
    made = report.compiled
    assert made > report.sources  # and the runner
    assert counts(report) == (0, 0, made, 0)
    assert all(getattr(report, stage) > 0 for stage in STAGES)
    second(x)
    assert counts(second.compile_report()) == (made, 0, 0, 0)
    warm = KernelCache(kernels.store)
    monkeypatch.setattr(cache, "_cache", lambda: warm)
    third(x)
    report = third.compile_report()
    assert counts(report) == (0, made, 0, 0)
    assert report.translate == report.optimise == report.compile == 0 < report.load


def test_bindings_are_counted_and_the_report_prints() -> None:
    made = program(3.0)
    for size in (3, 4, 4):
        made(np.ones(size))
    report = made.compile_report()
    assert report.bindings == 2
    lines = str(report).splitlines()
    assert lines[0] == f"{report.kernels} kernels, of {report.sources} distinct sources"
    assert (
        f"{report.memory} were in memory, {report.disk} on disk, {report.compiled} compiled"
        in lines[1]
    )
    assert f" {report.tiles} compiled" in lines[2]
    assert [line.split()[0] for line in lines[4:-1]] == list(STAGES)
    assert lines[-1].split()[:2] == ["bindings", "2"]


def test_a_program_in_python_compiles_nothing() -> None:
    x = gx.input("x", ("n",))
    made = gx.compile([x], x + 1, backend=PYTHON)
    made([1, 2])
    assert counts(made.compile_report()) == (0, 0, 0, 0)

"""The benchmarks' own arithmetic, on made-up figures, and one real worker."""

import sys
from argparse import Namespace
from pathlib import Path
from typing import Any

import pytest

from benchmarks.costs import Cost, cost
from benchmarks.processes import Plan, cause, run
from benchmarks.records import Record, bound, disagreements, read, record, save, this_machine
from benchmarks.table import ratios, table
from benchmarks.worker import measure, report
from benchmarks.workloads import WORKS, Step, UnsupportedError, data, parameters
from graphc.runtime.environment import cache_folder


def figures(step_us: float, first_s: float, loss20: float = 0.5) -> dict[str, Any]:
    return {
        "version": "1",
        "first_s": first_s,
        "step_us": step_us,
        "loss20": loss20,
        "peak_mb": 100.0,
    }


def two_works() -> list[Record]:
    """graphc is 4 times as fast as the best peer on one workload, as fast as it on the other."""
    return [
        record("mlp_tiny", "graphc", [figures(10, 1.5), figures(12, 0.1)], 5e-6),
        record("mlp_tiny", "torch", [figures(200, 0.5), figures(220, 0.4)], 5e-6),
        record("mlp_tiny", "jax", [figures(40, 0.6), figures(50, 0.2)], 5e-6),
        record("gmm", "graphc", [figures(800, 2.0)], 1e-4),
        record("gmm", "jax", [figures(800, 1.0)], 1e-4),
        record("gmm", "pytensor", [{"note": "not written"}], 1e-4),
    ]


def test_a_record_takes_the_first_process_cold_and_the_best_other_one_warm() -> None:
    runs = [figures(30, 2.0), figures(10, 0.3), figures(20, 0.2)]
    assert record("gmm", "graphc", runs, 5e-6) == Record(
        work="gmm",
        framework="graphc",
        step_us=20,
        first_s=2.0,
        warm_s=0.2,
        peak_mb=100.0,
        loss20=0.5,
        limit_share=0.25,
        version="1",
    )


def test_a_framework_that_is_missing_leaves_a_note_and_no_figure() -> None:
    missing = record("gmm", "torch", [{"note": "not installed (torch)"}], 1e-4)
    assert missing == Record("gmm", "torch", note="not installed (torch)")
    assert "not installed (torch)" in table([missing])


def test_ratios_are_against_the_best_peer() -> None:
    assert ratios(two_works()) == {"mlp_tiny": 4.0, "gmm": 1.0}
    assert "geometric mean of 2 workloads: 2.00, least 1.00 (gmm)" in table(two_works())


def test_without_a_peer_there_is_no_ratio() -> None:
    assert ratios([two_works()[0]]) == {}
    assert "geometric mean" not in table([two_works()[0]])


TABLE = """\
workload      framework    step us x best peer  first s  warm s  peak MB  limit  loss 20
mlp_tiny      graphc          10.0        4.00     1.50    0.10      100    50%  0.5
              torch            200        0.20     0.50    0.40      100     2%  0.5
              jax             40.0        1.00     0.60    0.20      100    12%  0.5
gmm           graphc           800        1.00     2.00              100    12%  0.5
              jax              800        1.00     1.00              100    12%  0.5
              pytensor  not written
graphc against the best peer, geometric mean of 2 workloads: 2.00, least 1.00 (gmm)"""


def test_the_table_reads_like_this() -> None:
    assert table(two_works()) == TABLE


@pytest.mark.parametrize(
    ("loss", "agrees"), [(0.5001, True), (0.501, False), (float("nan"), False)]
)
def test_losses_are_compared_relatively(loss: float, agrees: bool) -> None:
    records = [Record("gmm", "jax", loss20=0.5), Record("gmm", "graphc", loss20=loss)]
    assert bool(disagreements(records)) is not agrees


def test_a_file_is_read_as_it_was_written(tmp_path: Path) -> None:
    machine = this_machine(2, 502.0, {"gmm": 44.0})
    save(tmp_path / "run.json", machine, two_works())
    assert read(tmp_path / "run.json") == (machine, two_works())


def test_the_bound_is_the_slower_of_arithmetic_and_traffic() -> None:
    assert bound(Cost(flops=100, moved=20, held=10), gflops=10, gbytes=4) == pytest.approx(1e-8)
    assert bound(Cost(flops=100, moved=80, held=10), gflops=10, gbytes=4) == pytest.approx(2e-8)


def test_the_cost_of_a_dense_network() -> None:
    sizes = [4 * 64, 64 * 64, 64 * 2]
    assert cost(WORKS["mlp_tiny"]).flops == 2 * 32 * (2 * sizes[0] + 3 * sizes[1] + 3 * sizes[2])
    floats = sum(sizes) + 64 + 64 + 2
    assert cost(WORKS["mlp_tiny"]).held == 2 * 4 * floats + 32 * 4 * 4 + 32 * 8


@pytest.mark.parametrize("name", WORKS)
def test_data_and_parameters_are_the_same_in_every_process(name: str) -> None:
    model = WORKS[name].model
    for first, second in zip(data(model), data(model), strict=True):
        assert first.tobytes() == second.tobytes()
    assert all(array.dtype == "float32" for array in parameters(model).values())


def test_the_loss_is_that_of_step_20() -> None:
    class Runs:
        """A framework whose loss counts the steps."""

        VERSION = "1"

        @staticmethod
        def start(*_: object) -> Step:
            losses = iter(range(1, 10**6))
            return lambda: float(next(losses))

    found = measure(Runs, "graphc", WORKS["mlp_tiny"], 0.0)
    assert found["loss20"] == 20
    assert found["step_us"] < 1e6 * found["first_s"] + 1e6


def worker(work: str) -> dict[str, Any]:
    """What a process says that measures graphc for an instant; its cache stays warm."""
    words = ("benchmarks.worker", "graphc", work, "--seconds", "0.01")
    return run(sys.executable, words, 2, cache_folder())


def test_a_worker_measures_graphc() -> None:
    found = worker("mlp_tiny")
    assert found["loss20"] == pytest.approx(0.646207, rel=1e-4)
    assert 0 < found["step_us"] < 1e6
    assert found["first_s"] > 0
    assert found["peak_mb"] > 10


def test_a_framework_runs_in_the_python_that_it_is_installed_in() -> None:
    plan = Plan(1, 1.0, 1, {"torch": "/t/python"})
    found = [plan.python(name) for name in ("torch", "inductor", "jax")]
    assert found == ["/t/python", "/t/python", sys.executable]
    assert Plan(1, 1.0, 1, {"inductor": "/i", "torch": "/t"}).python("inductor") == "/i"


def test_a_worker_says_what_it_cannot_do(monkeypatch: pytest.MonkeyPatch) -> None:
    class Runs:
        """A framework without loops."""

        @staticmethod
        def start(*_: object) -> Step:
            raise UnsupportedError("needs loops")

    monkeypatch.setattr("importlib.import_module", lambda _: Runs)
    options = Namespace(framework="jax", work="lstm", seconds=0.01, profile=False)
    assert report(options) == {"note": "needs loops"}


def test_a_process_that_fails_says_of_what() -> None:
    printed = """Traceback (most recent call last):
  File "worker.py", line 9, in <module>
graphc.errors.LoweringError: the kernel does not compile
  at model.py:3, in loss"""
    assert cause(printed) == "graphc.errors.LoweringError: the kernel does not compile"
    assert cause("Killed\n") == "Killed"
    assert cause("") == ""

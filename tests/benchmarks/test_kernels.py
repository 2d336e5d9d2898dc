"""The benchmarks of single kernels: their arithmetic, and each kind of case computed once."""

import argparse
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from benchmarks import graphc_kernels, numpy_kernels
from benchmarks.cases import (
    BATCH,
    CASES,
    Case,
    Conv,
    Depth,
    Matmul,
    Objective,
    Pointwise,
    Rows,
    arrays,
    flops,
    moved,
    result,
)
from benchmarks.kernels import KernelRecord, measure, record, table, typical, working_set
from benchmarks.processes import add_plan, plan_of
from benchmarks.records import Machine
from benchmarks.workloads import Mixture, UnsupportedError

SMALL: list[Matmul | Conv | Rows | Pointwise] = [
    Matmul(5, 7, 3),
    Conv(8, 2, 3, 1, "forward"),
    Conv(8, 2, 3, 2, "images"),
    Conv(8, 2, 3, 2, "weights"),
    Rows("layer_norm", 6, 10),
    Rows("softmax", 6, 10),
    *(Pointwise(function, 20) for function in ("add", "tanh", "gelu")),
]


@pytest.mark.parametrize("case", SMALL, ids=str)
def test_a_case_has_the_result_that_its_bytes_are_counted_for(
    case: Matmul | Conv | Rows | Pointwise,
) -> None:
    found: Any = graphc_kernels.start(case)()
    assert found.shape == result(case)
    assert moved(case) == found.nbytes + sum(array.nbytes for array in arrays(case))


def test_the_gradients_of_a_convolution_are_its_transposes() -> None:
    g, w = arrays(Conv(8, 2, 3, 2, "images"))
    by_images: Any = graphc_kernels.start(Conv(8, 2, 3, 2, "images"))()
    probe = np.zeros(by_images.shape)
    probe[1, 3, 4, 1] = 1  # its results meet the weights in these places: by hand
    total = sum(
        g[1, y, x] @ w[3 - 2 * y + 1, 4 - 2 * x + 1, 1]
        for y in range(4)
        for x in range(4)
        if 0 <= 3 - 2 * y + 1 < 3 and 0 <= 4 - 2 * x + 1 < 3
    )
    assert np.sum(by_images * probe) == pytest.approx(total, rel=1e-5)


def test_products_are_those_of_numpy() -> None:
    case = Matmul(5, 7, 3)
    ours: Any = graphc_kernels.start(case)()
    np.testing.assert_allclose(ours, numpy_kernels.start(case)(), rtol=1e-5)
    with pytest.raises(UnsupportedError):
        numpy_kernels.start(SMALL[-1])


@pytest.mark.parametrize(
    "case",
    [Pointwise("adam", 100), Depth(2), *(Objective(Mixture(9, 3, 2), g) for g in (False, True))],
    ids=str,
)
def test_larger_cases_run(case: Case) -> None:
    graphc_kernels.start(case)()


def test_operations_and_bytes() -> None:
    assert flops(Matmul(10, 20, 30)) == 2 * 10 * 20 * 30
    assert flops(Conv(16, 32, 64, 2, "images")) == 2 * BATCH * 8 * 8 * 9 * 32 * 64
    assert flops(Depth(2)) == 2 * BATCH * 64 * 64 * 5
    assert moved(Pointwise("adam", 100)) == 2800
    assert 3 * flops(CASES["gmm"]) == flops(CASES["gmm gradients"])


MACHINE = Machine("today", "a CPU", 2, 100.0, dict.fromkeys(CASES, 50.0))


def test_the_limit_is_the_one_that_binds() -> None:
    matmul = record("matmul 1024 1024 1024", "graphc", 0.05, MACHINE)
    assert (matmul.limit, matmul.limit_share) == ("compute", pytest.approx(0.4295))
    softmax = record("softmax 4096 256", "graphc", 1e-3, MACHINE)
    assert (softmax.limit, softmax.limit_share) == ("copy", pytest.approx(0.1678))


TABLE = """\
case                       graphc us   GFLOP/s    GB/s   limit   numpy us   ratio   torch us   ratio
matmul 64 64 64                 10.0      52.4     4.9     52%       20.0    2.00
softmax 4096 256               1,000       0.0     8.4     17%                         500.0    0.50
tanh 1000000                                                                            40.0
gmm                            1,000      10.5     0.1     10%
gmm gradients                  2,500      12.6     0.1     13%
value and gradients of gmm take 2.50 times the value alone"""


def test_the_table_reads_like_this() -> None:
    figures = [
        ("matmul 64 64 64", "graphc", 1e-5),
        ("matmul 64 64 64", "numpy", 2e-5),
        ("softmax 4096 256", "graphc", 1e-3),
        ("softmax 4096 256", "torch", 5e-4),
        ("tanh 1000000", "torch", 4e-5),
        ("gmm", "graphc", 1e-3),
        ("gmm gradients", "graphc", 2.5e-3),
    ]
    records: list[KernelRecord] = [record(*words, MACHINE) for words in figures]
    assert table(records) == TABLE


def test_the_sweep_says_where_a_peer_is_faster() -> None:
    figures = [
        *(("sweep 1 1 1", *pair) for pair in (("graphc", 1.05e-6), ("numpy", 1e-6))),
        *(("sweep 7 1 1", *pair) for pair in (("graphc", 2e-6), ("numpy", 3e-6), ("torch", 1e-6))),
        *(("sweep 7 7 1", *pair) for pair in (("graphc", 3e-6), ("torch", 1e-6))),
    ]
    lines = table([record(*words, MACHINE) for words in figures]).splitlines()
    assert lines[-3:] == [
        "2 of 3 products take more than 1.1 times the best peer's",
        "    sweep 7 7 1              3.00",
        "    sweep 7 1 1              2.00",
    ]


def test_copies_beside_the_sweep_are_few() -> None:
    sizes = {working_set(name) for name in CASES if name.startswith("sweep")}
    assert len(sizes) < 25
    assert working_set("softmax 4096 256") == moved(CASES["softmax 4096 256"])


def test_a_framework_measures_what_it_has() -> None:
    names = ["matmul 64 64 64", "tanh 1000000"]
    assert set(measure("numpy", names, 0.0)) == {"matmul 64 64 64"}


def test_a_python_is_given_by_name() -> None:
    parser = argparse.ArgumentParser()
    add_plan(parser, seconds=1.0)
    options = parser.parse_args(["--python", "torch=/a/python", "--rounds", "2"])
    plan = plan_of(options, ("graphc", "torch"))
    assert (plan.rounds, plan.python("torch")) == (2, "/a/python")
    with pytest.raises(SystemExit, match="NAME=PATH"):
        plan_of(options, ("graphc",))


def test_a_typical_record_has_the_median_time_and_the_median_share() -> None:
    def one(seconds: float, gflops: float) -> tuple[Machine, list[KernelRecord]]:
        machine = replace(MACHINE, gflops=gflops)
        return machine, [record("matmul 1024 1024 1024", "graphc", seconds, machine)]

    (found,) = typical([one(0.05, 100.0), one(0.06, 50.0), one(0.04, 200.0)])
    assert found.us == pytest.approx(0.05e6)
    assert found.limit_share == pytest.approx(0.4295)
    (found,) = typical([one(0.05, 100.0), one(0.06, 50.0)])
    assert found.us == pytest.approx(0.05e6)
    (found,) = typical([one(0.03, 100.0), one(0.04, 400.0), one(0.05, 100.0)])
    assert (found.us, found.limit_share) == (pytest.approx(0.04e6), pytest.approx(0.4295))

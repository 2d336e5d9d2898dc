"""What compiles a kernel: a new structure. Not a new size, number, layer, program or process."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import graphc as gx
from tests.runtime.models import batch, training_step


def test_batch_sizes_and_learning_rates_compile_nothing(show: Callable[[str], None]) -> None:
    step, parameters = training_step()
    step(*batch(32), 0.1)
    before, start = gx.cache_stats(), time.perf_counter()
    losses = []
    for n in range(50):
        losses.append(float(step(*batch(1 + 7 * n), 0.01 / (1 + n % 20))))
    after = gx.cache_stats()
    assert after.compiled == before.compiled
    assert np.isfinite(losses).all()
    # Micro-kernels of matmuls are shared by all programs, and made for the tiles that first occur.
    show(
        f"50 sizes, 20 rates: {time.perf_counter() - start:.2f} s,"
        f" {after.tiles - before.tiles} new tiles"
    )
    assert after.tiles - before.tiles <= 60
    for n in range(50):
        step(*batch(1 + 7 * n), 0.01 / (1 + n % 20))
    assert gx.cache_stats() == after
    assert all(np.isfinite(p.value).all() for p in parameters)


def distinct_kernels(layers: int) -> set[str]:
    step, _ = training_step((64, *[64] * layers, 10))
    assert len(step.kernels) > 4 * layers
    return {kernel.source for kernel in step.kernels}


def test_equal_layers_are_one_compile() -> None:
    assert distinct_kernels(24) == distinct_kernels(4)


def test_constants_and_lengths_of_loops_are_not_in_the_source() -> None:
    def source(n: int, factor: float) -> str:
        x = gx.input("x", (n, 100 * n))
        return gx.compile([x], gx.sum(gx.exp(x * factor), axis=1)).source

    assert source(7, 0.3) == source(11, 1.7)


WARM = """
import json, sys, time
start = time.perf_counter()
import graphc as gx
imported = time.perf_counter() - start
from tests.runtime.models import batch, training_step
step, _ = training_step((64, 64, 64, 10))
x, y = batch(32, (64, 10))
loss = float(step(x, y, 0.1))
total = time.perf_counter() - start
heavy = [name for name in ("numba", "scipy", "networkx") if name in sys.modules]
stats = gx.cache_stats()
print(json.dumps([imported, total, heavy, stats.compiled + stats.tiles, stats.hits, loss]))
"""


@pytest.fixture(scope="module")
def warm_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("kernels")
    folder.chmod(0o700)
    return folder


def run_warm(folder: Path) -> list:
    environment = os.environ | {
        "GRAPHC_CACHE_DIR": str(folder),
        "PYTHONPATH": os.pathsep.join(sys.path),
        "PYTHONPYCACHEPREFIX": str(folder / "pyc"),
        "PYTHONDONTWRITEBYTECODE": "",
    }
    command = [sys.executable, "-c", WARM]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def test_a_second_process_compiles_nothing_and_is_quick(
    warm_folder: Path, show: Callable[[str], None]
) -> None:
    *_, compiled, _, loss = run_warm(warm_folder)
    assert compiled > 0
    runs = [run_warm(warm_folder) for _ in range(4)]
    imported, total = (min(column) for column in list(zip(*runs, strict=True))[:2])
    show(f"import graphc {imported:.3f} s, first step {total:.3f} s after its start")
    for _, _, heavy, made, hits, again in runs:
        assert (heavy, made, again) == ([], 0, loss)
        assert hits >= compiled
    assert imported < 0.8  # 0.2 on a machine that is idle
    assert total < 1.2  # 0.3 of it

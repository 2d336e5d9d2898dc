"""What compiles a kernel: a new structure. Not a new size, number, layer, program or process."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import graphc as gx
from graphc.runtime.micro.family import family_sources, host_core
from tests.runtime.models import training_step

SIZES = """
import json, time
import numpy as np
import graphc as gx
from tests.runtime.models import batch, training_step
step, parameters = training_step()
first, start, losses = float(step(*batch(1), 0.1)), time.perf_counter(), []
before = gx.cache_stats()
for n in range(1, 50):
    losses.append(float(step(*batch(1 + 7 * n), 0.01 / (1 + n % 20))))
seconds = time.perf_counter() - start
fine = all(np.isfinite(x).all() for x in (first, losses, *(p.value for p in parameters)))
same = gx.cache_stats() == before
print(json.dumps([same, fine, before.compiled, before.tiles, seconds]))
"""


def test_batch_sizes_and_learning_rates_compile_nothing(
    tmp_path: Path, show: Callable[[str], None]
) -> None:
    """Neither kernels nor micro-kernels, from an empty cache; dW sums over the batch."""
    tmp_path.chmod(0o700)
    unchanged, fine, compiled, tiles, seconds = run_fresh(SIZES, tmp_path)
    show(f"49 more sizes, 20 rates: {seconds:.2f} s; one call compiled {compiled} kernels")
    assert (unchanged, fine) == (True, True)
    assert tiles == len([*family_sources(host_core(), "float32", windows=False)])
    assert compiled > 5


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
start = time.process_time()
import graphc as gx
imported = time.process_time() - start
from tests.runtime.models import batch, training_step
step, _ = training_step((64, 64, 64, 10))
x, y = batch(32, (64, 10))
loss = float(step(x, y, 0.1))
total = time.process_time() - start
heavy = [name for name in ("scipy", "networkx") if name in sys.modules]
stats = gx.cache_stats()
print(json.dumps([imported, total, heavy, stats.compiled + stats.tiles, stats.hits, loss]))
"""


@pytest.fixture(scope="module")
def warm_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("kernels")
    folder.chmod(0o700)
    return folder


def run_fresh(program: str, folder: Path) -> list:
    """What a program prints, run in a process of its own whose kernels lie in a folder."""
    environment = os.environ | {
        "GRAPHC_CACHE_DIR": str(folder),
        "PYTHONPATH": os.pathsep.join(sys.path),
        "PYTHONPYCACHEPREFIX": str(folder / "pyc"),
        "PYTHONDONTWRITEBYTECODE": "",
    }
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def test_a_second_process_compiles_nothing_and_is_quick(
    warm_folder: Path, show: Callable[[str], None]
) -> None:
    *_, compiled, _, loss = run_fresh(WARM, warm_folder)
    assert compiled > 0
    runs = [run_fresh(WARM, warm_folder) for _ in range(4)]
    imported, total = (min(column) for column in list(zip(*runs, strict=True))[:2])
    show(f"import graphc {imported:.3f} s of a core, with a first step {total:.3f} s")
    for _, _, heavy, made, hits, again in runs:
        assert (heavy, made, again) == ([], 0, loss)
        assert hits >= compiled
    assert imported < 0.6  # 0.2 of a core that nothing else slows down
    assert total < 0.9  # 0.3 of it

"""Models that are built, compiled, run and dropped leave nothing behind."""

import gc
import weakref
from pathlib import Path

import numpy as np
import pytest

import graphc as gx
from graphc.graph import live_nodes
from tests.runtime.models import batch, training_step

SIZES = (4, 32, 2)


def resident_bytes() -> int:
    """Memory of this process, in bytes; 0 where Linux does not tell."""
    status = Path("/proc/self/statm")
    return int(status.read_text().split()[1]) * 4096 if status.exists() else 0


def build_and_run(turn: int) -> None:
    step, parameters = training_step(SIZES, seed=turn)
    assert np.isfinite(step(*batch(8 + turn % 5, SIZES), 0.1))
    parameters[0].value = parameters[0].value


def repeated(times: int) -> tuple[int, int]:
    """Nodes and bytes that are still there after `times` models."""
    for turn in range(20):  # caches of sizes, tiles and lines fill
        build_and_run(turn)
    gc.collect()
    nodes, before = live_nodes(), resident_bytes()
    for turn in range(times):
        build_and_run(turn)
    gc.collect()
    return live_nodes() - nodes, resident_bytes() - before


def test_200_models_leave_nothing() -> None:
    nodes, grown = repeated(200)
    assert nodes == 0
    assert grown < 8 << 20


@pytest.mark.slow
def test_1000_models_leave_nothing() -> None:
    nodes, grown = repeated(1000)
    assert nodes == 0
    assert grown < 8 << 20


def test_a_dropped_program_frees_its_arena_at_once() -> None:
    x = gx.input("x", ("n",))
    program = gx.compile([x], gx.exp(x) * 2)
    program(np.ones(1 << 20))
    arena = weakref.ref(program._bindings.arena)
    del program
    assert arena() is None  # without the garbage collector


def test_a_dropped_parameter_frees_its_array() -> None:
    w = gx.parameter("w", np.ones(10))
    program = gx.compile([], gx.sum(w), updates={w: w * 2})
    program()
    cell = weakref.ref(w.node.params["cell"])
    del w
    assert program() == 20  # the program keeps it
    del program
    gc.collect()
    assert cell() is None


def test_a_jitted_function_forgets_its_programs() -> None:
    f = gx.jit(lambda x: gx.sum(gx.tanh(x)))
    f(np.ones(3))
    nodes = live_nodes()
    for n in range(4, 60):
        f(np.ones(n))
    assert live_nodes() > nodes
    f._programs.clear()
    f._last = f._plain = None
    gc.collect()
    assert live_nodes() < nodes

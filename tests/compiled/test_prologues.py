"""What narrow products alone read, in strips: the interpreter, the generated Python and the
compiled kernels agree, and an index outside of its axis is an error."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
import pytest

import graphc as gx
from graphc.errors import IndexRangeError
from graphc.graph import Graph
from graphc.runtime.backends import NATIVE
from graphc.runtime.binding import cutting
from graphc.runtime.threads.team import get_threads
from graphc.schedule.kernel import StripKernel
from tests.compiled.checking import Case, check, program_of


@pytest.fixture(params=[1, 2, 3])
def threads(request: pytest.FixtureRequest) -> Iterator[int]:
    before = get_threads()
    gx.set_threads(request.param)
    yield request.param
    gx.set_threads(before)


@pytest.fixture(params=[1 << 20, 1024])
def _cache(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """A second cache for all rows, or for few."""
    core = replace(cutting.host_core(), l2=request.param)
    monkeypatch.setattr(cutting, "host_core", lambda: core)
    monkeypatch.setattr(cutting, "FEWEST_ROWS", 3)


IMAGES, IDS = gx.input("images", ("n", 5, 7), "uint8"), gx.input("ids", ("n", "t"), "int32")
ROWS, TABLE = gx.input("rows", ("n", 35), "float64"), gx.input("table", ("v", 35), "float64")
HEAD = gx.input("head", (35, 6), "float64")
BRIGHT = gx.reshape(gx.astype(IMAGES, "float64") / 255, ("n", 35))
TAKEN = gx.take(TABLE, IDS, axis=0)


def case_of(*outputs: gx.Tensor, rows: int = 23) -> Case:
    rng = np.random.default_rng(1)
    arrays = (
        rng.integers(0, 256, (rows, 5, 7)).astype(np.uint8),
        rng.integers(-9, 9, (rows, 3)).astype(np.int32),
        rng.standard_normal((rows, 35)),
        rng.standard_normal((9, 35)),
        rng.standard_normal((35, 6)),
    )
    inputs = tuple(t.node for t in (IMAGES, IDS, ROWS, TABLE, HEAD))
    return Case(Graph(inputs, tuple(t.node for t in outputs), ()), arrays)


@pytest.mark.parametrize(
    "outputs",
    [
        (BRIGHT @ HEAD,),
        (gx.tanh(ROWS) @ HEAD + 1.0, gx.tanh(ROWS) @ gx.sin(HEAD)),
        (gx.nn.relu(TAKEN @ HEAD),),
        (gx.nn.softmax(ROWS) @ HEAD,),
    ],
    ids=["cast", "pointwise", "gather", "rows"],
)
@pytest.mark.usefixtures("threads", "_cache")
def test_all_ways_agree(outputs: Sequence[gx.Tensor]) -> None:
    case = case_of(*outputs)
    steps = program_of(case.graph, NATIVE)._code.steps
    assert sum(isinstance(step.kernel, StripKernel) for step in steps) == 1
    check(case, tolerance=1e-12)
    check(case_of(*outputs, rows=1), (NATIVE,), tolerance=1e-12)
    check(case_of(*outputs, rows=0), (NATIVE,), tolerance=1e-12)


@pytest.mark.usefixtures("threads", "_cache")
def test_an_index_outside_is_an_error_in_every_strip() -> None:
    case = case_of(TAKEN @ HEAD)
    program = program_of(case.graph, NATIVE)
    for row in (0, 11, 22):
        images, ids, *rest = (array.copy() for array in case.arrays)
        ids[row, 1] = 9
        with pytest.raises(IndexRangeError, match="indices go from -9 to 8"):
            program(images, ids, *rest)


@pytest.mark.usefixtures("two_cores")
def test_the_array_takes_no_memory() -> None:
    images, head = gx.input("images", ("n", 784), "uint8"), gx.input("head", (784, 10))
    program = gx.compile([images, head], (gx.astype(images, "float32") / 255) @ head)
    copied = 60_000 * 784  # the images themselves; as float32 they would be four times as many
    assert program.memory_for(n=60_000).arena_bytes < copied + (8 << 20)

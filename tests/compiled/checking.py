"""A graph run in three ways: the interpreter, the generated Python, the compiled kernels.

Enters: a graph and arrays for its inputs. Leaves: the results and the new states of each way, and
what they may differ by.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from graphc.evaluate import evaluate
from graphc.functions.tensor import Tensor
from graphc.graph import INPUT, Graph, order, verify
from graphc.passes.pipeline import simplify
from graphc.runtime.backends import NATIVE, PYTHON
from graphc.runtime.binding.code import emit_program
from graphc.runtime.binding.sources import Backend
from graphc.runtime.program import Program
from graphc.schedule.kernel import LoopKernel
from graphc.schedule.schedule import build_schedule
from graphc.tree import flatten

BOTH = (PYTHON, NATIVE)


@dataclass(frozen=True, slots=True)
class Case:
    """A graph and the arrays that it is run on, in the order of its inputs."""

    graph: Graph
    arrays: tuple[np.ndarray, ...]


def program_of(graph: Graph, backend: Backend, simplified: bool = True) -> Program:
    """The program of a graph whose outputs come back as a list."""
    _, structure = flatten(list(graph.outputs))
    if simplified:
        graph = simplify(graph)
        verify(graph)
    code = emit_program(build_schedule(graph))
    return Program(graph, code, structure, backend)


def loop_kernels(output: Tensor) -> list[LoopKernel]:
    """The kernels that compute an output, but for products."""
    inputs = tuple(node for node in order([output.node]) if node.op is INPUT)
    steps = build_schedule(simplify(Graph(inputs, (output.node,)))).steps
    return [step.kernel for step in steps if isinstance(step.kernel, LoopKernel)]


def expected(case: Case) -> list[np.ndarray]:
    """Outputs, then new states, by the interpreter."""
    return evaluate(case.graph.roots, dict(zip(case.graph.inputs, case.arrays, strict=True)))


def ran(case: Case, program: Program) -> list[np.ndarray]:
    """Outputs, then new states, by a program; states are as before afterwards."""
    cells = [state.params["cell"] for state, _ in case.graph.updates]
    before = [cell.array.copy() for cell in cells]
    outputs = program(*case.arrays)
    after = [cell.array.copy() for cell in cells]
    for cell, array in zip(cells, before, strict=True):
        cell.array[...] = array
    return [*map(np.asarray, outputs), *after]


def check(
    case: Case,
    backends: Sequence[Backend] = BOTH,
    simplified: bool = True,
    tolerance: float | Sequence[np.ndarray] = 0.0,
) -> None:
    """Every backend gives what the interpreter gives: floats within the tolerance (absolute, or an
    array a root), everything else exactly."""
    wanted = expected(case)
    bounds = [tolerance] * len(wanted) if isinstance(tolerance, float) else tolerance
    for backend in backends:
        got = ran(case, program_of(case.graph, backend, simplified))
        for number, (a, b, bound) in enumerate(zip(got, wanted, bounds, strict=True)):
            assert_close(
                a, b, bound, f"root {number}, {'native' if backend is NATIVE else 'python'}"
            )


def check_text(case: Case, text: str, written: bool, bound: float) -> None:
    """Every backend gives the one result of the interpreter, by a source that has a text in it, or
    has not."""
    (wanted,) = expected(case)
    for backend in BOTH:
        program = program_of(case.graph, backend)
        assert (text in program.source) == written
        (got,) = ran(case, program)
        np.testing.assert_allclose(got, wanted, rtol=bound, atol=bound)


def assert_close(got: np.ndarray, wanted: np.ndarray, bound: float | np.ndarray, name: str) -> None:
    """Equal types; floats that differ by at most `bound`, infinities and nans in the same
    places."""
    assert (got.dtype, got.shape) == (wanted.dtype, wanted.shape), name
    if wanted.dtype.kind != "f":
        np.testing.assert_array_equal(got, wanted, name)
        return
    finite = np.isfinite(wanted)
    np.testing.assert_array_equal(got[~finite], wanted[~finite], name)
    with np.errstate(all="ignore"):
        far = ~(np.abs(got - wanted) <= bound) & finite
    if far.any():
        at = tuple(np.argwhere(far)[0])
        limit = np.broadcast_to(bound, wanted.shape)[at]
        raise AssertionError(f"{name} at {at}: {got[at]!r}, not {wanted[at]!r} +- {limit}")


def ulps(wanted: np.ndarray, count: float) -> np.ndarray | float:
    """`count` units in the last place of each element."""
    if wanted.dtype.kind != "f":
        return 0.0
    with np.errstate(all="ignore"):
        return np.where(np.isfinite(wanted), count * np.spacing(np.abs(wanted)), 0)

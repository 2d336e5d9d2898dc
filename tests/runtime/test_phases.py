"""What kernels are for: forward, gradient, update."""

from collections.abc import Callable, Sequence

import numpy as np
import pytest

import graphc as gx
from benchmarks.graphc_runs import build
from benchmarks.workloads import WORKS, data, parameters
from graphc.runtime.program import Program

X = gx.input("samples", ("count", 9))
RNG = np.random.default_rng(0)
W, C = gx.parameter("w", RNG.random((9, 5))), gx.state("c", 0.0)
LOSS = gx.mean(gx.tanh(X @ W) ** 2)
DW = gx.grad(LOSS, W)
NORM = gx.sqrt(gx.sum(DW * DW))
PENALTY = LOSS + gx.sum(DW * DW)


def found(program: Program) -> list[tuple[str, str]]:
    return [(row.name, row.phase) for row in program.explain().rows]


PROGRAMS: dict[str, tuple[Callable[[], Program], Sequence[str]]] = {
    "a loss": (lambda: gx.compile([X], LOSS), ["forward"]),
    "a gradient alone": (lambda: gx.compile([X], DW), ["both", "gradient"]),
    "numbers": (lambda: gx.compile([], gx.exp(gx.arange(5.0))), ["forward"]),
    "a state that counts": (lambda: gx.compile([], [], updates={C: C + 1}), ["update"]),
    "what reads a gradient": (lambda: gx.compile([X], NORM), ["both", "gradient"]),
    "a step": (
        lambda: gx.compile([X], LOSS, updates={W: W - 0.1 * DW, C: C + 1}),
        ["both", "forward", "gradient", "update"],
    ),
    "a state that decays": (
        lambda: gx.compile([X], LOSS, updates={C: 0.9 * C + 0.1 * LOSS}),
        ["forward", "update"],
    ),
    "a gradient in a loss": (
        lambda: gx.compile([X], PENALTY, updates={W: W - 0.1 * gx.grad(PENALTY, W)}),
        ["both", "gradient"],
    ),
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_kernels_have_the_phases_of_what_they_compute(name: str) -> None:
    program, expected = PROGRAMS[name]
    assert sorted({phase for _, phase in found(program())}) == expected


def test_kernels_that_gradients_made_first_are_forward_where_the_loss_reads_them() -> None:
    """The padded image of a convolution is made for its gradient; the loss is read by none."""
    work = WORKS["lenet"]
    program, _ = build(work, data(work.model), parameters(work.model))
    rows = found(program)
    last = max(n for n, (_, phase) in enumerate(rows) if phase != "gradient")
    assert {phase for name, phase in rows[:10] if name != "fill"} == {"forward", "both"}
    assert rows[last] == ("sum_div", "forward")
    assert {phase for _, phase in rows[last + 1 :]} == {"gradient"}


def test_explain_says_which_nodes_are_a_gradient() -> None:
    program = gx.compile([X], [LOSS, DW])
    rows = program.explain().rows
    texts = dict(zip([row.phase for row in rows], map(str, rows), strict=True))
    assert texts["both"].splitlines()[0].endswith("  forward and gradient")
    assert "\n    gradient        " in texts["both"]
    assert texts["gradient"].splitlines()[0].endswith("  gradient")
    assert "gradient" not in texts["forward"]


def test_the_profile_adds_up_the_phases() -> None:
    program = gx.compile([X], LOSS, updates={W: W - 0.1 * DW, C: C + 1})
    profile = program.profile(RNG.random((50, 9)), repeats=2)
    assert [(row.name, row.phase) for row in profile.rows] == found(program)
    shares = str(profile).splitlines()[-3].split("  ")[-1].split(", ")
    assert [share.rsplit(" ", 1)[0] for share in shares] == [
        *("f: forward", "g: gradient", "b: both", "u: update")
    ]

"""When kernels run: as soon as they can, fills late, and state is written behind what can fail."""

import numpy as np
import pytest

import graphc as gx
from graphc.errors import IndexRangeError
from graphc.functions.tensor import Tensor
from graphc.runtime.program import Program
from graphc.schedule.tasks import failing_steps

RNG = np.random.default_rng(0)


def written(program: Program) -> dict[str, int]:
    """The number of the kernel that writes each state."""
    steps = enumerate(program._code.steps)
    return {
        o.buffer.name: n
        for n, step in steps
        for o in step.kernel.operands
        if o.buffer.kind == "state" and o.written
    }


def descent(inputs: list[Tensor], loss: Tensor, states: list[Tensor]) -> Program:
    grads = gx.grad(loss, states)
    return gx.compile(inputs, loss, updates={w: w - g for w, g in zip(states, grads, strict=True)})


def test_a_layer_is_updated_before_the_gradient_goes_on() -> None:
    tokens, table = gx.input("t", ("n",), "int64"), gx.parameter("table", RNG.random((9, 64)))
    weights = [gx.parameter(f"w{n}", RNG.random((64, 64))) for n in range(4)]
    h = gx.take(table, tokens, axis=0)
    for w in weights:
        h = gx.tanh(h @ w)
    program = descent([tokens], gx.sum(h), [table, *weights])
    order = written(program)
    assert order["w3"] < order["w2"] < order["w1"] < order["w0"] < order["table"]
    kernels = program.kernels
    # The gradient scatters to positions that the forward pass has checked.
    assert [kernels[n].level for n in failing_steps(program._code.steps)] == [kernels[0].level]


def test_positions_that_only_a_later_kernel_checks_can_fail_there() -> None:
    tokens, table = gx.input("t", ("n",), "int64"), gx.parameter("table", RNG.random((9, 64)))
    w = gx.parameter("w", RNG.random(64))
    first = gx.take(table, tokens, axis=0)[:2]  # nobody reads the other rows
    program = descent([tokens], gx.sum(gx.tanh(first * w)), [table, w])
    assert len(failing_steps(program._code.steps)) == 2
    before = table.value, w.value
    with pytest.raises(IndexRangeError):
        program(np.array([0, 1, 9]))
    np.testing.assert_array_equal(table.value, before[0])
    np.testing.assert_array_equal(w.value, before[1])


def test_what_waits_for_nothing_runs_right_before_it_is_needed() -> None:
    x, y = gx.input("x", ("n", 64)), gx.input("y", ("m", 64))
    h = x
    for n in range(3):
        h = gx.tanh(h @ gx.parameter(f"w{n}", RNG.random((64, 64))))
    program = gx.compile([x, y], h @ (y.T @ y).named("late"))
    levels = {kernel.labels: kernel.level for kernel in program.kernels}
    assert levels["late",] == program.kernels[-1].level - 1 == 3

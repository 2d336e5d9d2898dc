"""Fills run right before they are needed, and are shared out as other kernels are."""

import numpy as np

import graphc as gx
from graphc.runtime.binding.partition import partition_steps
from graphc.schedule.kernel import Schedule
from tests.schedule.test_fusion import X, scheduled

W = gx.parameter("w", np.ones((10, 10)))
V = gx.parameter("v", np.ones((14, 3)))
HIDDEN = gx.tanh(X @ W) @ W


def levels(schedule: Schedule, ending: str) -> list[int]:
    return [s.level for s in schedule.steps if s.kernel.origin.title.endswith(ending)]


def test_a_border_is_filled_when_it_is_needed() -> None:
    schedule = scheduled([gx.pad(gx.sin(HIDDEN @ W), ((0, 0), (2, 2))) @ V])
    assert levels(schedule, "dot_tanh") < levels(schedule, "fill") < levels(schedule, "dot")[-1:]


def test_what_parts_go_on_top_of_is_filled_before_them() -> None:
    (spread,) = gx.grad(gx.sum(gx.sin(HIDDEN[:, ::2])), [HIDDEN])
    schedule = scheduled([spread])
    assert levels(schedule, "dot_tanh") < levels(schedule, "fill") < levels(schedule, "piece")


def test_a_large_fill_is_shared_out() -> None:
    """Also one of many short runs: what a core has written stays its own."""
    shares = []
    for rows, wide in ((10, 8), (40_000, 8), (500, 1), (20_000, 1)):
        schedule = scheduled([gx.pad(gx.input("rows", (rows, 10)), ((0, 0), (wide, wide)))])
        kernels = [s.kernel for s in schedule.steps if s.kernel.origin.title == "fill"]
        shares += [partition.parts for partition in partition_steps(kernels, {}, 2, {}, {})]
    assert shares == [1, 2, 1, 2]

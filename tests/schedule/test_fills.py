"""Fills run beside the parts that they surround, and are shared out as other kernels are."""

import numpy as np

import graphc as gx
from graphc.runtime.partition import partition_steps
from graphc.schedule.kernel import Schedule
from tests.schedule.test_fusion import X, scheduled

W = gx.parameter("w", np.ones((10, 10)))
HIDDEN = gx.tanh(X @ W) @ W


def levels(schedule: Schedule, ending: str) -> list[int]:
    return [s.level for s in schedule.steps if s.kernel.origin.title.endswith(ending)]


def test_a_border_is_filled_when_the_inside_is_written() -> None:
    schedule = scheduled([gx.pad(gx.tanh(HIDDEN), ((0, 0), (2, 2)))])
    assert levels(schedule, "fill") == levels(schedule, "piece")
    assert levels(schedule, "fill") > levels(schedule, "tanh")


def test_what_parts_go_on_top_of_is_filled_before_them() -> None:
    (spread,) = gx.grad(gx.sum(gx.sin(HIDDEN[:, ::2])), [HIDDEN])
    schedule = scheduled([spread])
    assert levels(schedule, "fill") == [level - 2 for level in levels(schedule, "piece")]
    assert levels(schedule, "fill") > levels(schedule, "tanh")


def test_a_large_fill_is_shared_out() -> None:
    shares = []
    for rows in (10, 40_000):
        schedule = scheduled([gx.pad(gx.input("rows", (rows, 10)), ((0, 0), (8, 8)))])
        kernels = [s.kernel for s in schedule.steps if s.kernel.origin.title == "fill"]
        shares += [partition.parts for partition in partition_steps(kernels, {}, 2)]
    assert shares == [1, 2]

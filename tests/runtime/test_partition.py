"""How many parts a kernel has."""

import pytest

import graphc as gx
from graphc.runtime.binding.partition import partition_steps
from graphc.schedule.tiles import Core
from tests.schedule.test_fusion import scheduled

CORE = Core(vector_bytes=64, registers=32, l1=48 << 10, l2=1 << 20)


@pytest.mark.parametrize(("rows", "parts"), [(250, 2), (100, 1)])
def test_a_matrix_that_comes_from_afar_is_shared_out(
    rows: int, parts: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Sums of 250 rows take 17,000 cycles, not worth a team; to read the rows takes 90,000."""
    monkeypatch.setattr("graphc.runtime.binding.partition.host_core", lambda: CORE)
    schedule = scheduled([gx.input("a", (rows, 2000)) @ gx.input("x", (2000,))])
    kernels = [step.kernel for step in schedule.steps]
    assert [p.parts for p in partition_steps(kernels, {}, 2, {}, {})] == [parts]

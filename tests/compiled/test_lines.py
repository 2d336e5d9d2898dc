"""Single rows that share columns: lines of an image, or steps of a batch of one."""

import numpy as np
import pytest

import graphc as gx
from graphc.runtime.micro.family import host_core
from graphc.schedule.blocking import STATE_BYTES, choose_blocking
from graphc.schedule.tiles import SIZES, Matmul
from graphc.schedule.walk import Loop


@pytest.mark.parametrize("dtype", SIZES)
@pytest.mark.parametrize("parts", [1, 2])
def test_scratch_has_room_for_every_line(dtype: str, parts: int) -> None:
    for columns in (3, 100, 300, 2000):
        for depth, unit in ((7, 1), (1000, 1), (64, columns), (1000, columns)):
            step = Loop(depth, 1, 1 if unit > 1 else columns)
            lines = (Loop(500, depth, 0),)
            matmul = Matmul(dtype, lines, 0, 1, columns, (step,), depth, depth if unit > 1 else 1)
            blocking = choose_blocking(matmul, host_core(), parts)
            tile = blocking.whole
            pitch = -(-blocking.block_columns // tile.columns) * tile.columns
            last = (blocking.block_lines - 1) * pitch + blocking.block_columns
            assert last * SIZES[dtype] <= blocking.scratch_bytes - STATE_BYTES


@pytest.mark.parametrize("steps", [64, 1000])
def test_a_batch_of_one_with_its_steps_first(steps: int) -> None:
    rng = np.random.default_rng(0)
    x, w = gx.input("x", ("batch", "steps", 1000)), gx.input("w", (1000, 300))
    program = gx.compile([x, w], gx.tanh(gx.permute_dims(x, (1, 0, 2)) @ w))
    a = rng.standard_normal((1, steps, 1000)).astype("f")
    b = (rng.standard_normal((1000, 300)) / 30).astype("f")
    wanted = np.tanh(a.transpose(1, 0, 2).astype("d") @ b)
    for _ in range(4):
        np.testing.assert_allclose(program(a, b), wanted, atol=1e-5)

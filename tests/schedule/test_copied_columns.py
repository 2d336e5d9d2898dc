"""Where columns of B are copied because the processor would wait for them, and what single rows
and few rows are cut into."""

from dataclasses import replace

import numpy as np
import pytest

from graphc.runtime.micro.family import host_core
from graphc.schedule.blocking import Blocking, choose_blocking
from graphc.schedule.tiles import Core, Matmul, dense, transposed
from tests.codegen.contracting import assert_close, run

ZEN = Core(vector_bytes=64, registers=32, l1=48 << 10, l2=1 << 20)
SERVER = replace(ZEN, l2=2 << 20, copy_rows=64)


def product(m: int, k: int, n: int) -> Matmul:
    whole = dense("float32", 1, m, n, k, (0, k, 1), (0, n, 1))
    return replace(whole, outer=(), shared=0, plain=True)


def blocking(m: int, k: int, n: int, core: Core, parts: int) -> Blocking:
    return choose_blocking(product(m, k, n), core, parts)


@pytest.mark.parametrize("shape", [(256, 256, 256), (512, 512, 512), (4096, 128, 384)])
def test_many_rows_repay_a_copy_where_rows_of_b_are_waited_for(shape: tuple[int, int, int]) -> None:
    assert blocking(*shape, SERVER, 1).packed_b > 0
    assert blocking(*shape, SERVER, 1).tile_rows == 6  # short steps
    assert blocking(*shape, ZEN, 1).packed_b == 0


@pytest.mark.parametrize(
    ("shape", "parts", "copied"),
    [
        ((63, 512, 512), 1, False),  # one row too few
        ((64, 512, 512), 1, True),
        ((255, 512, 512), 16, False),  # four parts read the same columns
        ((256, 512, 512), 16, True),
        ((256, 512, 128), 1, False),  # the columns of one block lie side by side
        ((256, 32, 256), 1, True),
        ((256, 16, 256), 1, False),  # stays in the first cache
    ],
)
def test_a_copy_needs_rows_enough_for_every_part(
    shape: tuple[int, int, int], parts: int, copied: bool
) -> None:
    assert (blocking(*shape, SERVER, parts).packed_b > 0) == copied


def test_parts_that_share_columns_do_not_copy_them_for_a_transposed_a() -> None:
    matmul = replace(product(512, 128, 512), a_row=1)
    assert choose_blocking(matmul, SERVER, 1).packed_b > 0
    assert choose_blocking(matmul, SERVER, 16).packed_b == 0


def test_a_matmul_of_batches_is_left_as_it_is() -> None:
    batches = dense("float32", 4, 256, 256, 256, (65536, 256, 1), (65536, 256, 1))
    assert choose_blocking(batches, SERVER, 1).packed_b == 0
    assert choose_blocking(transposed(batches), SERVER, 1) == choose_blocking(
        transposed(batches), replace(SERVER, copy_rows=0), 1
    )


def test_every_part_has_columns_of_a_single_row() -> None:
    """As far as its share of B fits the second cache it goes along the columns in registers."""
    shared, alone = (blocking(1, 1024, 1024, SERVER, parts) for parts in (16, 1))
    assert (shared.extent, shared.block_columns, shared.whole.long) == (16, 64, False)
    assert alone.whole.long


def test_few_rows_read_a_large_b_once() -> None:
    assert blocking(8, 4096, 4096, SERVER, 16).tile_rows == 8


@pytest.mark.parametrize("shape", [(70, 40, 200), (96, 33, 260), (1, 50, 300)])
@pytest.mark.parametrize("python", [False, True])
def test_copies_change_no_sum(shape: tuple[int, int, int], python: bool) -> None:
    rng = np.random.default_rng(0)
    m, k, n = shape
    a, b = (rng.standard_normal((1, *size)).astype("f") for size in ((m, k), (k, n)))
    bias = rng.standard_normal(n).astype("f")
    core = replace(host_core(), l1=8192, copy_rows=2)
    for parts in (1, 3):
        assert_close(run(a, b, bias, core, parts, python), a, b, bias)

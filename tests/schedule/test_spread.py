"""Few rows shared out over many parts: blocks are cut along their columns too."""

import pytest

from graphc.schedule.blocking import choose_blocking
from graphc.schedule.tiles import Core, dense

SERVER = Core(vector_bytes=64, registers=32, l1=48 << 10, l2=2 << 20)


@pytest.mark.parametrize(
    ("rows", "depth", "columns", "turned"),  # is B stored by columns?
    [
        (32, 784, 128, False),
        (64, 3136, 128, False),
        (12, 900, 256, False),
        (32, 512, 128, True),
    ],
)
def test_a_part_reads_little_of_either_operand(
    rows: int, depth: int, columns: int, turned: bool
) -> None:
    b = (0, 1, depth) if turned else (0, columns, 1)
    matmul = dense("float32", 1, rows, columns, depth, (0, depth, 1), b)
    found = choose_blocking(matmul, SERVER, 16)
    assert found.row_blocks * found.block_rows >= rows
    assert found.column_blocks * found.block_columns >= columns
    assert 16 <= found.extent < 32
    assert found.block_columns % found.whole.step == 0
    # A square share of C has the shortest sides.
    sides = found.block_rows + found.block_columns
    assert sides <= 2 * (rows * columns / 16) ** 0.5 * 1.5


def test_two_parts_of_many_rows_and_one_part_are_cut_as_before() -> None:
    matmul = dense("float32", 1, 32, 128, 784, (0, 784, 1), (0, 128, 1))
    assert choose_blocking(matmul, SERVER, 2).block_columns >= 128
    assert choose_blocking(matmul, SERVER, 1).extent == 1

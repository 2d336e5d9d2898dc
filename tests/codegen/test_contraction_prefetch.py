"""What a contraction asks for ahead: the lines that it will need."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from graphc.codegen.contract import ContractSpec, contract_values, emit_contract
from graphc.codegen.macro import NAME, SumsSpec, contract_words, sums_source
from graphc.codegen.writer import Writer
from graphc.runtime.backends import PYTHON
from graphc.runtime.language.intrinsics import call_micro
from graphc.runtime.micro.family import micro_address, pack_address
from graphc.runtime.micro.micro_python import micro_python_address, pack_python_address
from graphc.runtime.objects.cache import load_kernel
from graphc.runtime.python_mode import python_kernel
from graphc.schedule.blocking import Blocking, choose_blocking
from graphc.schedule.contraction_prefetch import ENTRY, MOST_ARRAYS, MOST_ENTRIES
from graphc.schedule.slots import STOP, TABLE, WORDS
from graphc.schedule.tiles import LINE, Core, Matmul
from graphc.schedule.walk import Loop

CORE = Core(64, 32, l1=4096, l2=16384)
SUMS = SumsSpec("float32")


def aligned(rows: int, columns: int) -> np.ndarray:
    """Random numbers that begin at the start of a line."""
    raw = np.random.default_rng(0).standard_normal(rows * columns + 16).astype("f")
    start = -raw.ctypes.data % LINE // 4
    return raw[start : start + rows * columns].reshape(rows, columns)


def blocked(a: np.ndarray, b: np.ndarray, parts: int = 1) -> Blocking:
    (a_row, a_depth), (b_depth, b_column) = ([s // 4 for s in x.strides] for x in (a, b))
    depth = (Loop(a.shape[1], a_depth, b_depth),)
    matmul = Matmul("float32", (), 0, a.shape[0], b.shape[1], depth, a_row, b_column)
    return choose_blocking(matmul, CORE, parts)


def text(arrays: int) -> str:
    """out = sum + the arrays, of which the first is said to be written too"""
    writer, first = Writer(), len(contract_words(SUMS))
    read = tuple((f"w[{first + 1 + n}]", "columns", str(int(n == 0))) for n in range(arrays))
    terms = "".join(f" + array{n}[i * columns + j]" for n in range(arrays))
    with writer.block("def contract(begin, end, part, args):"):
        writer.line("w = words(args)")
        writer.line(f"out = pointer(w[{first}], f32, 3)")
        for n, (address, *_) in enumerate(read):
            writer.line(f"array{n} = pointer({address}, f32, {4 + n})")
        writer.line("columns = w[9]")
        emit_contract(
            writer,
            ContractSpec(SUMS, read=read),
            lambda writer, value: writer.line(f"out[i * columns + j] = f32({value}{terms})"),
        )
    return writer.text()


def run(
    a: np.ndarray, b: np.ndarray, arrays: list[np.ndarray], python: bool, part: int = 0
) -> tuple[Blocking, np.ndarray, np.ndarray]:
    """The blocking, the result of one of two parts or of the only one, and the part's state."""
    parts = 2 if part else 1
    blocking = blocked(a, b, parts)
    scratch, out = np.zeros(blocking.scratch_bytes // 8 + 1, np.int64), np.zeros_like(a @ b)
    if python:
        calls = (PYTHON.sums(sums_source(SUMS)), micro_python_address)
        pack = pack_python_address("float32")
    else:
        calls = (load_kernel(sums_source(SUMS), NAME), micro_address)
        pack = pack_address(CORE, "float32")
    places = (a.ctypes.data, b.ctypes.data, scratch.ctypes.data - part * blocking.scratch_bytes)
    values = contract_values(blocking, places, *calls, pack)
    args = np.array([*values, out.ctypes.data, *(x.ctypes.data for x in arrays)], np.int64)
    begin, end = part * blocking.extent // parts, (part + 1) * blocking.extent // parts
    if python:
        python_kernel(text(len(arrays)), "contract")(begin, end, part, args.ctypes.data)
    else:
        kernel = load_kernel(text(len(arrays)), "contract")
        call_micro(kernel, begin, end, part, args.ctypes.data)
    return blocking, out, scratch[:WORDS]


def asked(state: np.ndarray, k: int, written: Sequence[int] = (0, 1)) -> set[int]:
    """The lines of the table that was made last; all, or only those to be written or not."""
    lines, entry = set[int](), TABLE
    while state[entry] != 0:
        address, step, how = (int(x) for x in state[entry : entry + ENTRY])
        if how % 2 in written:
            lines |= {(address + (n >> how // 2) * step) // LINE for n in range(k)}
        entry += ENTRY
    assert entry <= TABLE + ENTRY * MOST_ENTRIES
    return lines


def lines_of(x: np.ndarray, rows: range, columns: range) -> set[int]:
    """The lines of a part of a matrix."""
    row, column = x.strides
    start = x.ctypes.data
    return {(start + i * row + j * column) // LINE for i in rows for j in columns}


@pytest.mark.parametrize("python", [False, True])
@pytest.mark.parametrize("turned", [False, True])
def test_columns_that_are_packed_next(turned: bool, python: bool) -> None:
    a = aligned(140, 256)
    b = aligned(512, 256).T if turned else aligned(256, 512)
    blocking, out, state = run(a, b, [], python)
    assert blocking.packed_b > 0
    assert blocking.column_blocks > 1
    np.testing.assert_allclose(out, a @ b, rtol=1e-3, atol=1e-3)
    last = range((blocking.column_blocks - 1) * blocking.block_columns, b.shape[1])
    assert asked(state, blocking.walk.block_k) == lines_of(b, range(b.shape[0]), last)


@pytest.mark.parametrize("python", [False, True])
def test_rows_that_the_epilogue_reads(python: bool) -> None:
    a, b = aligned(64, 200).T, aligned(64, 96)
    arrays = [aligned(200, 96) for _ in range(3)]
    blocking, out, state = run(a, b, arrays, python)
    np.testing.assert_allclose(out, a @ b + sum(arrays), rtol=1e-3, atol=1e-3)
    rows = range((blocking.row_blocks - 1) * blocking.block_rows, 200)
    columns = range((blocking.column_blocks - 1) * blocking.block_columns, 96)
    found = asked(state, blocking.walk.block_k)
    for x in arrays:
        assert lines_of(x, rows, columns) <= found
    assert state[STOP] > 0


@pytest.mark.parametrize("python", [False, True])
@pytest.mark.parametrize("part", [0, 1])
def test_whole_rows_of_short_sums(part: int, python: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Parts have whole rows; what is written too, each takes from the other."""
    monkeypatch.setattr(f"{__name__}.CORE", replace(CORE, l1=48 << 10))
    a, b = aligned(6, 200).T, aligned(6, 304)
    arrays = [aligned(200, 304) for _ in range(3)]
    blocking, out, state = run(a, b, arrays, python, part)
    assert (blocking.column_blocks == 1) == (part == 1)
    first = blocking.extent // 2 * blocking.block_rows * part
    expected = (a @ b + sum(arrays))[first:]
    np.testing.assert_allclose(out[first:], expected, rtol=1e-3, atol=1e-3)
    last = range((blocking.row_blocks - 1) * blocking.block_rows, 200)
    columns = range((blocking.column_blocks - 1) * blocking.block_columns, 304)
    k = blocking.walk.block_k
    mine = lines_of(arrays[0], last, columns)
    assert part == 0 or mine <= asked(state, k, [1])
    assert part == 1 or not asked(state, k, [1])
    assert not lines_of(arrays[1], last, columns) & asked(state, k, [1])


def test_whole_rows_are_shared_out_evenly() -> None:
    core = Core(64, 32, l1=48 << 10, l2=1 << 20)

    def of(k: int, parts: int) -> Blocking:
        matmul = Matmul("float32", (), 0, 512, 512, (Loop(k, 512, 512),), 1, 1)
        return choose_blocking(matmul, core, parts)

    blocking = of(128, 2)
    assert (blocking.block_columns, blocking.block_rows) == (512, blocking.tile_rows)
    assert blocking.row_blocks % 2 == 0
    lines, tiles = blocking.block_rows * 512 * 4 // LINE, 512 // blocking.whole.columns
    assert lines <= blocking.ahead.lines * 128
    assert blocking.ahead.lines * 3 <= tiles  # of Adam: a weight and two moments
    assert of(128, 1).block_columns < 512  # nothing to be taken from anyone
    assert of(1024, 2).block_columns < 512  # B is too large


def test_nothing_is_asked_for_that_another_part_reads() -> None:
    a, b = aligned(140, 256), aligned(256, 512)
    blocking, _, state = run(a, b, [], python=True, part=1)
    first = blocking.extent // 2 // blocking.row_blocks * blocking.block_columns
    mine = lines_of(b, range(256), range(first, 512))
    assert asked(state, blocking.walk.block_k) <= mine


def test_what_the_caches_hold_is_not_asked_for() -> None:
    for rows, depth, columns in ((20, 20, 20), (40, 30, 40)):
        ahead = blocked(aligned(rows, depth), aligned(depth, columns)).ahead
        assert ahead.lines == ahead.rows == 0


@pytest.mark.parametrize("python", [False, True])
def test_of_wide_blocks_as_many_arrays_are_asked_for_as_fit(
    python: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(f"{__name__}.CORE", replace(CORE, l1=48 << 10))
    a, b = aligned(2, 4), aligned(4, 4000)
    arrays = [aligned(2, 4000) for _ in range(MOST_ARRAYS)]
    blocking, out, state = run(a, b, arrays, python)
    assert blocking.ahead.lines * MOST_ARRAYS > MOST_ENTRIES
    np.testing.assert_allclose(out, a @ b + sum(arrays), rtol=1e-3, atol=1e-3)
    last = range((blocking.column_blocks - 1) * blocking.block_columns, 4000)
    assert lines_of(arrays[0], range(2), last) <= asked(state, blocking.walk.block_k)


def test_columns_are_asked_for_shortly_before_they_are_packed() -> None:
    core = Core(64, 32, l1=48 << 10, l2=1 << 20)
    matmul = Matmul("float32", (), 0, 1024, 1024, (Loop(1024, 1, 1024),), 1024, 1, plain=True)
    blocking = choose_blocking(matmul, core, parts=1)
    ahead, tiles = blocking.ahead, -(-blocking.block_rows // blocking.tile_rows) * 2
    assert 1 <= ahead.blocks < blocking.row_blocks
    assert ahead.lines * ahead.depths <= ahead.blocks * tiles
    assert ahead.depths * ahead.down == 1024 * 1024 * 4
    assert blocking.walk.blocks == 1


def test_packed_rows_and_columns_share_the_second_cache() -> None:
    core = Core(64, 32, l1=48 << 10, l2=1 << 20)
    matmul = Matmul("float32", (), 0, 1024, 1024, (Loop(1024, 1024, 1024),), 1, 1, plain=True)
    blocking = choose_blocking(matmul, core, parts=1)
    panel = blocking.whole.columns * matmul.k * 4
    assert blocking.packed_a > 0
    assert blocking.block_rows * matmul.k * 4 + panel <= core.l2

"""The macro-kernel of a matmul as Python source: blocks, packing, micro-kernels, epilogue.

Enters: a ContractSpec and a callback that writes the statements for one element. Leaves: the body
of a kernel that computes, for the blocks begin..end of the grid (batch, column blocks, row blocks),

    C[b, i, j] = epilogue(sum_k A[b, i, k] * B[b, k, j])

Sizes, strides, blocks and the addresses of micro-kernels arrive as words (CONTRACT_WORDS names them
in order, `contract_values` computes them from a Blocking): one text serves every size, transpose
case and blocking. float32 and float64 go through micro-kernels, other dtypes through plain loops in
their own arithmetic.

    def store(writer, b, i, j, value):
        writer.line(f"out[{i} * columns + {j}] = {value}")

    with writer.block("def kernel(begin, end, part, args):"):
        writer.line("w = words(args)")
        emit_contract(writer, ContractSpec("float32"), store)
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from graphc.codegen.writer import Writer
from graphc.schedule.blocking import SIZES, Blocking, Tile

CONTRACT_WORDS = (
    "a_address",
    "b_address",
    "scratch",
    "scratch_part",  # bytes from the scratch of a part to that of the next
    "a_batch",  # strides of the operands, in elements
    "a_row",
    "a_depth",
    "b_batch",
    "b_depth",
    "b_column",
    "rows",  # the sizes of the matmul
    "columns",
    "depth",
    "row_blocks",  # the grid, and the sizes of a block
    "column_blocks",
    "block_rows",
    "block_columns",
    "block_depth",
    "tile_rows",  # what one call of a micro-kernel computes
    "tile_columns",
    "pack",  # addresses: the packing kernel and the micro-kernels
    "whole",
    "fewer_rows",
    "fewer_columns",
    "corner",
    "lanes",  # of the last vector of the last tile
    "turned",  # offsets in the scratch in bytes, 0: none; the block of C is at 0
    "packed_b",
    "micro_b",  # the stride of B that micro-kernels see
    "step_depth",  # how far their B is apart, by k and by column
    "step_column",
)

_PLAIN_WORDS = frozenset(CONTRACT_WORDS[:17])

CASTS = {
    "float32": "f32",
    "float64": "f64",
    "int8": "i8",
    "int16": "i16",
    "int32": "i32",
    "int64": "i64",
    "uint8": "u8",
    "uint16": "u16",
    "uint32": "u32",
    "uint64": "u64",
    "bool": "b1",
}

# What the text calls its variables: not for the epilogue to assign.
LOCALS = (
    *("base", "acc", "depth_blocks", "packed", "block", "column", "batch", "i0", "j0", "m", "n"),
    *("row_tiles", "column_tiles", "pitch", "a_block", "b_block", "t", "u", "v", "i", "j", "k"),
    *("source", "target", "wide", "k0", "a_panel", "b_panel", "last", "full", "rest", "b_tile"),
    *("a_tile", "c_tile", "micro", "r", "c", "a", "b", "x", "y"),
)

Epilogue = Callable[[Writer, str, str, str, str], None]
Row = Callable[[Writer, str, str], None]


@dataclass(frozen=True, slots=True)
class ContractSpec:
    """What shapes the text: the dtype, the place of its words, alias classes.

    b_unit_column tells plain loops that b_column is 1.
    """

    dtype: str
    first_word: int = 0
    alias_a: int = 0
    alias_b: int = 1
    alias_scratch: int = 2
    b_unit_column: bool = False


BLOCK = """\
column = floordiv(block, row_blocks)
batch = floordiv(column, column_blocks)
i0 = (block - column * row_blocks) * block_rows
j0 = (column - batch * column_blocks) * block_columns
m = minimum(block_rows, rows - i0)
n = minimum(block_columns, columns - j0)"""

TILES = """\
row_tiles = floordiv(m + tile_rows - 1, tile_rows)
column_tiles = floordiv(n + tile_columns - 1, tile_columns)
pitch = column_tiles * tile_columns
a_block = a_address + (batch * a_batch + i0 * a_row) * {size}
b_block = b_address + (batch * b_batch + j0 * b_column) * {size}
if packed_b != 0:
    if column != packed:
        packed = column
        for t in range(column_tiles):
            j = t * tile_columns
            source = b_block + j * b_column * {size}
            target = base + packed_b + j * depth * {size}
            wide = minimum(tile_columns, n - j)
            call_micro(pack, source, b_column, b_depth, target, tile_columns, wide, depth)
    b_block = base + packed_b
for t in range(depth_blocks):
    k0 = t * block_depth
    k = minimum(block_depth, depth - k0)
    a_panel = a_block + k0 * a_depth * {size}
    b_panel = b_block + k0 * step_depth * {size}
    for v in range(column_tiles):
        j = v * tile_columns
        last = n - j < tile_columns
        full = select(last, fewer_columns, whole)
        rest = select(last, corner, fewer_rows)
        b_tile = b_panel + j * step_column * {size}
        for u in range(row_tiles):
            i = u * tile_rows
            micro = select(m - i < tile_rows, rest, full)
            a_tile = a_panel + i * a_row * {size}
            c_tile = base + (i * pitch + j) * {size}
            call_micro(
                micro, a_tile, a_row, a_depth, b_tile, micro_b, c_tile, pitch, k, k0, lanes
            )
if turned != 0:
    call_micro(pack, base, pitch, 1, base + turned, m, m, n)
    i0, j0, m, n, pitch = j0, i0, n, m, m"""

PLAIN = """\
pitch = n
for r in range(m):
    for c in range(n):
        acc[r * pitch + c] = {cast}(0)
    for t in range(depth):
        x = a[batch * a_batch + (i0 + r) * a_row + t * a_depth]
        for c in range(n):
            y = b[batch * b_batch + t * b_depth + (j0 + c){b_column}]
            acc[r * pitch + c] = {cast}(acc[r * pitch + c] + x * y)"""


def _nothing(writer: Writer, b: str, i: str) -> None:
    pass


def emit_contract(
    writer: Writer, spec: ContractSpec, epilogue: Epilogue, row: Row = _nothing
) -> None:
    """Write the body of the kernel; `w` are its words.

    epilogue(writer, b, i, j, value) writes what becomes of an element: b, i and j are names of its
    indices, j of the innermost loop; value is the text of the sum. row(writer, b, i) writes what is
    found once a row.
    """
    for name in (*CONTRACT_WORDS, *LOCALS):
        assert writer.name(name) == name, f"the name {name} is taken"
    cast, fast = CASTS[spec.dtype], spec.dtype in SIZES
    for number, word in enumerate(CONTRACT_WORDS, spec.first_word):
        if fast or word in _PLAIN_WORDS:
            writer.line(f"{word} = w[{number}]")
    writer.line("base = scratch + part * scratch_part")
    writer.line(f"acc = pointer(base{' + turned' if fast else ''}, {cast}, {spec.alias_scratch})")
    if fast:
        writer.line("depth_blocks = maximum(1, floordiv(depth + block_depth - 1, block_depth))")
        writer.line("packed = -1")
    else:
        writer.line(f"a = pointer(a_address, {cast}, {spec.alias_a})")
        writer.line(f"b = pointer(b_address, {cast}, {spec.alias_b})")
    with writer.block("for block in range(begin, end):"):
        writer.line(BLOCK)
        column = "" if spec.b_unit_column else " * b_column"
        if fast:
            writer.line(TILES.format(size=SIZES[spec.dtype]))
        else:
            writer.line(PLAIN.format(cast=cast, b_column=column))
        with writer.block("for r in range(m):"):
            writer.line("i = i0 + r")
            row(writer, "batch", "i")
            with writer.block("for c in range(n):"):
                writer.line("j = j0 + c")
                epilogue(writer, "batch", "i", "j", "acc[r * pitch + c]")


def contract_values(
    blocking: Blocking,
    addresses: tuple[int, int, int],
    micro: Callable[[Tile], int],
    pack: int,
) -> tuple[int, ...]:
    """The words of CONTRACT_WORDS; addresses: of A, B and the scratch of part 0."""
    m, blk = blocking.matmul, blocking
    a, b, scratch = addresses
    tile, in_place = blk.whole, m.b[2] if blk.whole.dot else m.b[1]
    walk = (tile.columns, tile.columns, m.depth) if blk.packed_b else (in_place, m.b[1], m.b[2])
    tiles = (tile, blk.fewer_rows, blk.fewer_columns, blk.corner)
    return (
        *((b, a) if blk.turned else (a, b)),
        scratch,
        blk.scratch_bytes,
        *m.a,
        *m.b,
        m.rows,
        m.columns,
        m.depth,
        blk.row_blocks,
        blk.column_blocks,
        blk.block_rows,
        blk.block_columns,
        blk.block_depth,
        tile.rows,
        tile.columns,
        pack,
        *(micro(t) for t in tiles),
        blk.lanes,
        blk.turned,
        blk.packed_b,
        *walk,
    )

"""The macro-kernel of a contraction as Python source: blocks, packing, micro-kernels, epilogue.

Enters: a ContractSpec and a callback that writes the statements for one element. Leaves: the body
of a kernel that computes, for the blocks begin..end of a grid (shared outer loops, column blocks,
other outer loops, row blocks),

    C[outer..., i, j] = epilogue(the sum over the depth loops of A * B)

where A moves along the outer loops, i and the depth, B along the outer loops, j and the depth.
Extents, strides, blocks and the addresses of micro-kernels arrive as words (`contract_words` names
them in order, `contract_values` computes them from a Blocking): one text serves every size,
transpose case and blocking. float32 and float64 go through micro-kernels, other dtypes through
plain loops in their own arithmetic.

    def store(writer, value):
        writer.line(f"out[axis0 * rows * columns + i * columns + j] = {value}")

    spec = ContractSpec("float32", outer=("axis0",))
    with writer.block("def kernel(begin, end, part, args):"):
        writer.line("w = words(args)")
        emit_contract(writer, spec, store)
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from graphc.codegen.writer import Writer
from graphc.schedule.blocking import SIZES, Blocking, Tile
from graphc.schedule.walk import ONCE, Loop

COMMON_WORDS = (
    "a_address",
    "b_address",
    "scratch",
    "scratch_part",  # bytes from the scratch of a part to that of the next
    "a_row",  # strides of the operands, in elements
    "b_column",
    "rows",  # the extents of i and j
    "columns",
    "row_blocks",  # the grid, and the sizes of a block
    "column_blocks",
    "block_rows",
    "block_columns",
)
FAST_WORDS = (
    "tile_rows",  # what a micro-kernel computes at once
    "tile_columns",
    "pack",  # addresses: the packing kernel and the micro-kernels
    "whole",
    "edge",
    "turned",  # offsets in the scratch in bytes, 0: none; the block of C is at 0
    "packed_b",
    "pack_period",  # for how many blocks a packed B is good
    "pack_rows",  # the loop of a packing call: extent, step in B, step in the panel
    "pack_source",
    "pack_target",
    "depth",  # the inner loop of a micro-kernel, and its steps
    "a_depth",
    "b_depth",
    "runs",  # the loop around it
    "a_run",
    "b_run",
    "depth_blocks",  # the blocks of a long sum: how many, their size, from one to the next
    "block_depth",
    "block_runs",
    "step_depth",
    "step_runs",
    "a_step",
    "b_step",
    "panel_column",  # how far the B that micro-kernels see is apart by column
)

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
    *("base", "acc", "packed", "block", "column", "rest", "i0", "j0", "m", "n"),
    *("column_tiles", "pitch", "a_block", "b_block", "t", "v", "i", "j", "k"),
    *("source", "target", "wide", "count", "a_panel", "b_panel", "b_tile", "c_tile"),
    *("micro", "r", "c", "a", "b", "x", "y", "started", "period"),
)

Epilogue = Callable[[Writer, str], None]


@dataclass(frozen=True, slots=True)
class ContractSpec:
    """What shapes the text: the dtype, the loops, the place of its words, alias classes.

    `outer` are the names that the indices of the outer loops get; the first `shared` of them stand
    before the column blocks in the grid. b_unit_column tells plain loops that b_column is 1.
    """

    dtype: str
    outer: tuple[str, ...] = ()
    shared: int = 0
    depth: int = 1
    first_word: int = 0
    alias_a: int = 0
    alias_b: int = 1
    alias_scratch: int = 2
    b_unit_column: bool = False

    @property
    def fast(self) -> bool:
        """Whether micro-kernels do the work."""
        return self.dtype in SIZES


def contract_words(spec: ContractSpec) -> tuple[str, ...]:
    """The names of the kernel's words, in order."""
    outer = _loop_words("outer", len(spec.outer))
    if not spec.fast:
        return (*COMMON_WORDS, *outer, *_loop_words("depth", spec.depth))
    around = _loop_words("pack", spec.depth - 1)
    return (*COMMON_WORDS, *outer, *FAST_WORDS, *around, *_loop_words("rest", spec.depth - 2))


def _loop_words(name: str, count: int) -> Iterator[str]:
    """Extent and steps in A and B of each loop: outer0, a_outer0, b_outer0, outer1, ..."""
    return (f"{prefix}{name}{n}" for n in range(count) for prefix in ("", "a_", "b_"))


PACK = """\
call_micro(pack, source, b_column, pack_source, target, pack_target, wide, pack_rows)"""

CALLS = """\
k = minimum(block_depth, depth - t * step_depth)
count = minimum(block_runs, runs - t * step_runs)
a_panel = a_block + ({a_panel}) * {size}
b_panel = b_block + ({b_panel}) * {size}
for v in range(column_tiles):
    j = v * tile_columns
    wide = minimum(tile_columns, n - j)
    micro = select(wide < tile_columns, edge, whole)
    b_tile = b_panel + j * panel_column * {size}
    c_tile = base + j * {size}
    call_micro(
        micro, m, tile_rows, wide, a_panel, a_row, a_depth, b_tile, b_depth, c_tile, pitch, k,
        started, count, a_run, b_run
    )
started = 1"""

TURN = """\
if turned != 0:
    call_micro(pack, base, pitch, 1, base + turned, m, m, n)
    i0, j0, m, n, pitch = j0, i0, n, m, m"""


def emit_contract(writer: Writer, spec: ContractSpec, epilogue: Epilogue) -> None:
    """Write the body of the kernel; `w` are its words.

    epilogue(writer, value) writes what becomes of an element, in a loop whose indices are `i`, `j`
    and those named by the spec; value is the text of the sum.
    """
    words = contract_words(spec)
    for name in (*words, *LOCALS):
        assert writer.name(name) == name, f"the name {name} is taken"
    for number, word in enumerate(words, spec.first_word):
        writer.line(f"{word} = w[{number}]")
    writer.line("base = scratch + part * scratch_part")
    start = "base + turned" if spec.fast else "base"
    writer.line(f"acc = pointer({start}, {CASTS[spec.dtype]}, {spec.alias_scratch})")
    if spec.fast:
        writer.line("packed = -1")
    else:
        writer.line(f"a = pointer(a_address, {CASTS[spec.dtype]}, {spec.alias_a})")
        writer.line(f"b = pointer(b_address, {CASTS[spec.dtype]}, {spec.alias_b})")
    with writer.block("for block in range(begin, end):"):
        _emit_block(writer, spec)
        if spec.fast:
            _emit_tiles(writer, spec)
        else:
            _emit_plain(writer, spec)
        with writer.block("for r in range(m):"):
            writer.line("i = i0 + r")
            with writer.block("for c in range(n):"):
                writer.line("j = j0 + c")
                epilogue(writer, "acc[r * pitch + c]")


def _emit_block(writer: Writer, spec: ContractSpec) -> None:
    """Where in the grid a block stands."""
    grid = [(name, f"outer{n}") for n, name in enumerate(spec.outer)]
    grid.insert(spec.shared, ("column", "column_blocks"))
    grid.append(("row", "row_blocks"))
    writer.line("rest = block")
    for number in reversed(range(len(grid))):
        name, extent = grid[number]
        target = {"column": "j0", "row": "i0"}.get(name, name)
        scale = {"column": " * block_columns", "row": " * block_rows"}.get(name, "")
        if number:
            writer.line(f"x = floordiv(rest, {extent})")
            writer.line(f"{target} = (rest - x * {extent}){scale}")
            writer.line("rest = x")
        else:
            writer.line(f"{target} = rest{scale}")
    writer.line("m = minimum(block_rows, rows - i0)")
    writer.line("n = minimum(block_columns, columns - j0)")


def _moves(operand: str, name: str, variables: Sequence[str]) -> list[str]:
    """The terms that loops add to an operand's place."""
    return [f"{v} * {operand}_{name}{n}" for n, v in enumerate(variables)]


@contextmanager
def _nest(writer: Writer, name: str, count: int) -> Iterator[list[str]]:
    """Loops over name0, name1, ...; gives their variables."""
    with ExitStack() as stack:
        for n in range(count):
            stack.enter_context(writer.block(f"for {name}_{n} in range({name}{n}):"))
        yield [f"{name}_{n}" for n in range(count)]


def _emit_tiles(writer: Writer, spec: ContractSpec) -> None:
    """The sums of a block, by micro-kernels, into the scratch."""
    size, line = SIZES[spec.dtype], writer.line
    line("column_tiles = floordiv(n + tile_columns - 1, tile_columns)")
    line("pitch = column_tiles * tile_columns")
    for operand, start in (("a", "i0 * a_row"), ("b", "j0 * b_column")):
        terms = " + ".join([start, *_moves(operand, "outer", spec.outer)])
        line(f"{operand}_block = {operand}_address + ({terms}) * {size}")
    with writer.block("if packed_b != 0:"):
        _emit_packing(writer, spec)
        line("b_block = base + packed_b")
    line("started = 0")
    blocks = "for t in range(depth_blocks):"
    with _nest(writer, "rest", spec.depth - 2) as loops, writer.block(blocks):
        a_panel, b_panel = (
            " + ".join([f"t * {operand}_step", *_moves(operand, "rest", loops)])
            for operand in ("a", "b")
        )
        line(CALLS.format(size=size, a_panel=a_panel, b_panel=b_panel))
    line(TURN)


def _emit_packing(writer: Writer, spec: ContractSpec) -> None:
    """The columns of a block of B into panels; loops go a_ steps in a panel, b_ steps in B."""
    size, line = SIZES[spec.dtype], writer.line
    line("period = floordiv(block, pack_period)")
    with writer.block("if period != packed:"):
        line("packed = period")
        with writer.block("for v in range(column_tiles):"):
            line("j = v * tile_columns")
            line("wide = minimum(tile_columns, n - j)")
            with _nest(writer, "pack", spec.depth - 1) as loops:
                source = " + ".join(["j * b_column", *_moves("b", "pack", loops)])
                target = " + ".join(["j * panel_column", *_moves("a", "pack", loops)])
                line(f"source = b_block + ({source}) * {size}")
                line(f"target = base + packed_b + ({target}) * {size}")
                line(PACK)


def _emit_plain(writer: Writer, spec: ContractSpec) -> None:
    """The sums of a block, one product at a time, into the scratch."""
    line, cast = writer.line, CASTS[spec.dtype]
    unit = "" if spec.b_unit_column else " * b_column"
    line("pitch = n")
    with writer.block("for r in range(m):"):
        with writer.block("for c in range(n):"):
            line(f"acc[r * pitch + c] = {cast}(0)")
        with _nest(writer, "depth", spec.depth) as loops:
            terms = [*_moves("a", "outer", spec.outer), *_moves("a", "depth", loops)]
            line(f"x = a[{' + '.join(['(i0 + r) * a_row', *terms])}]")
            with writer.block("for c in range(n):"):
                terms = [*_moves("b", "outer", spec.outer), *_moves("b", "depth", loops)]
                line(f"y = b[{' + '.join([f'(j0 + c){unit}', *terms])}]")
                line(f"acc[r * pitch + c] = {cast}(acc[r * pitch + c] + x * y)")


def contract_values(
    blocking: Blocking,
    addresses: tuple[int, int, int],
    micro: Callable[[Tile], int],
    pack: int,
) -> tuple[int, ...]:
    """The values of `contract_words`; addresses: of A, B and the scratch of part 0."""
    m, blk = blocking.matmul, blocking
    a, b, scratch = addresses
    common = (
        *((b, a) if blk.turned else (a, b)),
        scratch,
        blk.scratch_bytes,
        m.a_row,
        m.b_column,
        m.rows,
        m.columns,
        blk.row_blocks,
        blk.column_blocks,
        blk.block_rows,
        blk.block_columns,
    )
    outer = _loop_values(m.outer)
    if m.dtype not in SIZES:
        return (*common, *outer, *_loop_values(m.depth))
    return (*common, *outer, *_fast_values(blk, micro, pack))


def _fast_values(blk: Blocking, micro: Callable[[Tile], int], pack: int) -> Iterator[int]:
    tile, walk, count = blk.whole, blk.walk, len(blk.matmul.depth)
    yield from (blk.tile_rows, tile.columns, pack, micro(tile), micro(blk.edge))
    yield from (blk.turned, blk.packed_b, blk.pack_period)
    copy, column = walk.copy, blk.matmul.b_column
    around: Sequence[Loop] = ()
    if copy is not None:
        around, column = copy.around, blk.matmul.k
        yield from (copy.rows.extent, copy.rows.b, copy.rows.a)
    else:
        yield from (0, 0, 0)
    yield from (walk.k.extent, walk.k.a, column if tile.dot else walk.k.b)
    yield from (walk.run.extent, walk.run.a, walk.run.b)
    by_k = walk.block_k < walk.k.extent
    yield from (walk.blocks, walk.block_k, walk.block_runs)
    yield from (walk.block_k if by_k else 0, 0 if by_k else walk.block_runs)
    yield from (walk.step.a, walk.step.b, column)
    yield from _loop_values(_filled(around, count - 1))
    yield from _loop_values(_filled(walk.rest, count - 2))


def _filled(loops: Sequence[Loop], count: int) -> tuple[Loop, ...]:
    """The loops, and others that run once, as many as the text has."""
    return (*loops, *(ONCE for _ in range(count - len(loops))))


def _loop_values(loops: Sequence[Loop]) -> Iterator[int]:
    return (value for loop in loops for value in (loop.extent, loop.a, loop.b))

"""The macro-kernel of a contraction as Python source: blocks, packing, calls of micro-kernels.

Enters: a SumsSpec. Leaves: the text of a function that computes a block of

    C[outer..., i, j] = the sum over the depth loops of A * B

into scratch, where A moves along the outer loops, i and the depth, B along the outer loops, j and
the depth. The blocks stand in a grid (shared outer loops, column blocks, other outer loops, row
blocks). Extents, strides, blocks and the addresses of micro-kernels arrive as words
(`contract_words` names them in order): one text serves every size, transpose case, blocking and
epilogue. Where B does not move along the last outer loop, a block has several steps of it, lines of
an image: they share what a block costs beside its sums. float32 and float64 go through
micro-kernels, other dtypes through plain loops in their own arithmetic. Where the block stands in C
goes to the state at the start of the scratch. Sums that no epilogue changes go straight to their
target, where whole tiles fill the block, or tiles are exact, and one call finishes a tile; no row
of the block is then left to be stored.
"""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from graphc.codegen.asked import AHEAD_WORDS, ASK
from graphc.codegen.writer import Writer
from graphc.schedule.contraction_prefetch import ENTRY
from graphc.schedule.slots import (
    FIRST,
    LINES,
    NEXT,
    OUTER,
    PACKED,
    STATE,
    STATE_BYTES,
    STOP,
    STRIDES,
    TABLE,
    TARGET,
)
from graphc.schedule.tiles import SIZES

NAME = "block_sums"
COMMON_WORDS = (
    "a_address",
    "b_address",
    "scratch",  # of part 0: the state, and behind it the block of C
    "sums",  # address: the macro-kernel
    "scratch_part",  # bytes from the scratch of a part to that of the next
    "turned",  # offset from the block of C in bytes to its transpose, 0: none
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
    "line_blocks",  # of the last outer loop in the grid, and the size of a block
    "block_lines",
    "tile_rows",  # what a micro-kernel computes at once
    "tile_columns",
    "pack",  # addresses: the packing kernel and the micro-kernels
    "whole",
    "edge",
    "exact",  # 1: they store nothing behind the columns
    "packed_a",  # offset from the block of C in bytes, 0: A is read where it lies
    "packed_b",  # the same for B
    "pack_period",  # for how many blocks a packed B is good
    "pack_columns",  # 1: columns are copied, each along the depth
    "pack_rows",  # the loop of a packing call: extent, step in B, step in the panel
    "pack_source",
    "pack_target",
    "depth",  # the inner loop of a micro-kernel, and its steps
    "a_depth",
    "b_depth",
    "runs",  # the loop around it
    "a_run",
    "b_run",
    "b_tap",
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


@dataclass(frozen=True, slots=True)
class SumsSpec:
    """What shapes the text: the dtype, how many loops there are.

    The first `shared` of the outer loops stand before the column blocks in the grid. unit_column
    tells plain loops that b_column is 1.
    """

    dtype: str
    outer: int = 0
    shared: int = 0
    depth: int = 1
    unit_column: bool = False

    @property
    def fast(self) -> bool:
        """Whether micro-kernels do the work."""
        return self.dtype in SIZES

    @property
    def lined(self) -> bool:
        """Whether a block may have several steps of the last outer loop."""
        return self.fast and self.outer > self.shared

    @property
    def asks(self) -> bool:
        """Whether memory is asked for ahead: of single matrices, which alone are large."""
        return self.fast and not self.outer

    @property
    def loops(self) -> tuple[str, ...]:
        """The indices of the outer loops."""
        return tuple(f"at{n}" for n in range(self.outer))


def contract_words(spec: SumsSpec) -> tuple[str, ...]:
    """The names of a contraction's words, in order."""
    outer = _loop_words("outer", spec.outer)
    if not spec.fast:
        return (*COMMON_WORDS, *outer, *_loop_words("depth", spec.depth))
    depth = filled_depth(spec.depth)
    around = _loop_words("pack", depth - 1)
    ahead = AHEAD_WORDS if spec.asks else ()
    rest = _loop_words("rest", depth - 2)
    return (*COMMON_WORDS, *outer, *FAST_WORDS, *around, *rest, *ahead)


def filled_depth(loops: int) -> int:
    """How many depth loops the text around micro-kernels has for so many: those of an image, some
    of which run once, so that matmuls and convolutions share it."""
    return max(loops, 3)


def _loop_words(name: str, count: int) -> Iterator[str]:
    """Extent and steps in A and B of each loop: outer0, a_outer0, b_outer0, outer1, ..."""
    return (f"{prefix}{name}{n}" for n in range(count) for prefix in ("", "a_", "b_"))


PACK = """\
if pack_columns != 0:
    call_micro(pack, source, pack_source, b_column, target, panel_column, pack_rows, wide)
else:
    call_micro(pack, source, b_column, pack_source, target, pack_target, wide, pack_rows)"""

CALLS = """\
k = minimum(block_depth, depth - t * step_depth)
count = minimum(block_runs, runs - t * step_runs)
a_panel = a_block + ({a_panel}) * {size}
b_panel = b_block + ({b_panel}) * {size}
a_down, a_along = a_row, a_depth
if packed_a != 0:
    target = c_block + packed_a + (i0 * depth + t * step_depth * block_rows) * {size}
    if block - state[{first}] < row_blocks:
        call_micro(pack, a_panel, a_row, a_depth, target, block_rows, m, k)
    a_panel, a_down, a_along = target, 1, block_rows
for v in range(column_tiles):
    j = v * tile_columns
    wide = minimum(tile_columns, n - j)
    micro = select(wide < tile_columns, edge, whole)
    b_tile = b_panel + j * panel_column * {size}
    for line in range(lines):
        a_tile = a_panel + line * a_line
        c_tile = c_target + line * c_line + j * {size}
        call_micro(
            micro, m, tile_rows, wide, a_tile, a_down, a_along, b_tile, b_depth, c_tile, pitch,
            k, started, count, a_run, b_run, b_tap, soon
        )"""

TAKEN = f"""
    soon = minimum(soon + floordiv(m + tile_rows - 1, tile_rows) * {8 * ENTRY}, state[{STOP}])"""

SCALES = {"column": " * block_columns", "row": " * block_rows"}

TURN = """\
if turned != 0:
    call_micro(pack, c_block, pitch, 1, c_block + turned, m, m, n)
    i0, j0, m, n, pitch = j0, i0, n, m, m"""


def sums_source(spec: SumsSpec) -> str:
    """The text of block_sums(block, base, args); base: of the scratch of the part that asks."""
    writer = Writer()
    with writer.block(f"def {NAME}(block, base, args):"):
        writer.line('"""A block of the sums of a contraction, and where it stands."""')
        writer.line("w = words(args)")
        for number, word in enumerate(contract_words(spec)):
            writer.line(f"{word} = w[{number}]")
        writer.line("state = pointer(base, i64, 2)")
        writer.line(f"c_block = base + {STATE_BYTES}")
        _emit_block(writer, spec)
        if spec.fast:
            _emit_tiles(writer, spec)
        else:
            _emit_plain(writer, spec)
        for number, name in enumerate(STATE):
            writer.line(f"state[{number}] = {name}")
        for number, name in enumerate(spec.loops, OUTER):
            writer.line(f"state[{number}] = {name}")
    return writer.text()


def _emit_block(writer: Writer, spec: SumsSpec) -> None:
    """Where in the grid a block stands."""
    grid = [(name, f"outer{n}") for n, name in enumerate(spec.loops)]
    grid.insert(spec.shared, ("column", "column_blocks"))
    grid.append(("row", "row_blocks"))
    writer.line("rest = block")
    targets, scales = {"column": "j0", "row": "i0"}, dict(SCALES)
    if spec.lined:
        last = spec.loops[-1]
        grid[grid.index((last, f"outer{spec.outer - 1}"))] = last, "line_blocks"
        scales[last] = " * block_lines"
    for number in reversed(range(len(grid))):
        name, extent = grid[number]
        target, scale = targets.get(name, name), scales.get(name, "")
        if number:
            writer.line(f"above = floordiv(rest, {extent})")
            writer.line(f"{target} = (rest - above * {extent}){scale}")
            writer.line("rest = above")
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


def _emit_tiles(writer: Writer, spec: SumsSpec) -> None:
    """The sums of a block, by micro-kernels, into the scratch."""
    size, line = SIZES[spec.dtype], writer.line
    line("column_tiles = floordiv(n + tile_columns - 1, tile_columns)")
    line("pitch = column_tiles * tile_columns")
    for operand, start in (("a", "i0 * a_row"), ("b", "j0 * b_column")):
        terms = " + ".join([start, *_moves(operand, "outer", spec.loops)])
        line(f"{operand}_block = {operand}_address + ({terms}) * {size}")
    with writer.block("if packed_b != 0:"):
        _emit_packing(writer, spec)
        line("b_block = c_block + packed_b")
    _emit_target(writer, spec)
    _emit_lines(writer, spec)
    line(ASK.format(size=size) if spec.asks else f"soon = base + {8 * TABLE}")
    line("started = 0")
    blocks = "for t in range(depth_blocks):"
    with _nest(writer, "rest", filled_depth(spec.depth) - 2) as loops, writer.block(blocks):
        a_panel, b_panel = (
            " + ".join([f"t * {operand}_step", *_moves(operand, "rest", loops)])
            for operand in ("a", "b")
        )
        calls = CALLS.format(size=size, first=FIRST, a_panel=a_panel, b_panel=b_panel)
        line(calls + (TAKEN if spec.asks else ""))
        line("started = 1")
    if spec.asks:
        line(f"state[{NEXT}] = soon")
    line(TURN)
    with writer.block("if c_target != c_block:"):
        line("m = 0")


def _emit_lines(writer: Writer, spec: SumsSpec) -> None:
    """How many steps of the last outer loop the block has, and how far apart they are."""
    size, last = SIZES[spec.dtype], spec.outer - 1
    writer.line(f"lines, a_line, c_line = 1, 0, m * pitch * {size}")
    if spec.lined:
        writer.line(f"lines = minimum(block_lines, outer{last} - {spec.loops[last]})")
        writer.line(f"a_line = a_outer{last} * {size}")
        with writer.block("if c_target != c_block:"):
            writer.line(f"c_line = state[{STRIDES + last}] * {size}")
    writer.line(f"state[{LINES}] = lines")


def _emit_target(writer: Writer, spec: SumsSpec) -> None:
    """Where the tiles of a block go: to the scratch, or where they are wanted."""
    once = " * ".join(["depth_blocks", *_names("rest", filled_depth(spec.depth) - 2)])
    moves = (f"{v} * state[{STRIDES + n}]" for n, v in enumerate(spec.loops))
    place = " + ".join([f"i0 * state[{TARGET + 1}]", "j0", *moves])
    writer.line("c_target = c_block")
    fits = "((pitch == n) | (exact != 0))"
    whole = f"(state[{TARGET}] != 0) & (turned == 0) & {fits} & ({once} == 1)"
    with writer.block(f"if {whole}:"):
        writer.line(f"c_target = state[{TARGET}] + ({place}) * {SIZES[spec.dtype]}")
        writer.line(f"pitch = state[{TARGET + 1}]")


def _names(name: str, count: int) -> list[str]:
    return [f"{name}{n}" for n in range(count)]


def _emit_packing(writer: Writer, spec: SumsSpec) -> None:
    """The columns of a block of B into panels; loops go a_ steps in a panel, b_ steps in B."""
    size, line = SIZES[spec.dtype], writer.line
    line("period = floordiv(block, pack_period)")
    with writer.block(f"if period != state[{PACKED}]:"):
        line(f"state[{PACKED}] = period")
        with writer.block("for v in range(column_tiles):"):
            line("j = v * tile_columns")
            line("wide = minimum(tile_columns, n - j)")
            with _nest(writer, "pack", filled_depth(spec.depth) - 1) as loops:
                source = " + ".join(["j * b_column", *_moves("b", "pack", loops)])
                target = " + ".join(["j * panel_column", *_moves("a", "pack", loops)])
                line(f"source = b_block + ({source}) * {size}")
                line(f"target = c_block + packed_b + ({target}) * {size}")
                line(PACK)


def _emit_plain(writer: Writer, spec: SumsSpec) -> None:
    """The sums of a block, one product at a time, into the scratch."""
    line, cast = writer.line, CASTS[spec.dtype]
    unit = "" if spec.unit_column else " * b_column"
    line(f"a = pointer(a_address, {cast}, 0)")
    line(f"b = pointer(b_address, {cast}, 1)")
    line(f"acc = pointer(c_block, {cast}, 2)")
    line("pitch = n")
    with writer.block("for r in range(m):"):
        with writer.block("for c in range(n):"):
            line(f"acc[r * pitch + c] = {cast}(0)")
        with _nest(writer, "depth", spec.depth) as loops:
            terms = [*_moves("a", "outer", spec.loops), *_moves("a", "depth", loops)]
            line(f"x = a[{' + '.join(['(i0 + r) * a_row', *terms])}]")
            with writer.block("for c in range(n):"):
                terms = [*_moves("b", "outer", spec.loops), *_moves("b", "depth", loops)]
                line(f"y = b[{' + '.join([f'(j0 + c){unit}', *terms])}]")
                line(f"acc[r * pitch + c] = {cast}(acc[r * pitch + c] + x * y)")

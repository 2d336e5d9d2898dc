"""A contraction's kernel as Python source: a loop over blocks, the macro-kernel, the epilogue.

Enters: a ContractSpec and a callback that writes the statements for one element. Leaves: the body
of a kernel that computes, for the blocks begin..end of a grid,

    C[outer..., i, j] = epilogue(the sum over the depth loops of A * B)

The sums of a block are computed by `graphc.codegen.macro`, a function of its own that all
contractions with as many loops share, so that a kernel is hardly more than its epilogue.
`contract_values` computes the words of both from a Blocking.

    def store(writer, value):
        writer.line(f"out[axis0 * rows * columns + i * columns + j] = {value}")

    spec = ContractSpec(SumsSpec("float32", outer=1), outer=("axis0",))
    with writer.block("def kernel(begin, end, part, args):"):
        writer.line("w = words(args)")
        emit_contract(writer, spec, store)
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass

from graphc.codegen.macro import CASTS, SumsSpec, contract_words, filled_depth
from graphc.codegen.writer import Writer
from graphc.schedule.blocking import Blocking
from graphc.schedule.slots import (
    ARRAY,
    ARRAYS,
    FIRST,
    LAST,
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
from graphc.schedule.tiles import SIZES, Tile
from graphc.schedule.walk import ONCE, Loop

USED = ("sums", "scratch", "scratch_part", "turned")  # words that a kernel reads itself
# What the text calls its variables: not for the epilogue to assign.
LOCALS = (*STATE, *USED, "base", "state", "acc", "block", "line", "r", "c", "i", "j")

Epilogue = Callable[[Writer, str], None]


@dataclass(frozen=True, slots=True)
class ContractSpec:
    """What shapes the text: the sums, the names of the outer loops' indices, the alias class of the
    scratch.

    `target`: where the epilogue only stores sums, rows of columns one behind the other: the texts
    of the address of C, of the step from row to row, of those of the outer loops. `read`: address,
    step from row to row of each array of C's shape that the epilogue reads, "1" if it writes it.
    """

    sums: SumsSpec
    outer: tuple[str, ...] = ()
    alias_scratch: int = 2
    target: tuple[str, ...] = ()
    read: tuple[tuple[str, str, str], ...] = ()


def emit_contract(writer: Writer, spec: ContractSpec, epilogue: Epilogue) -> None:
    """Write the body of the kernel; `w` are its words, at the start of `args`.

    epilogue(writer, value) writes what becomes of an element, in a loop whose indices are `i`, `j`
    and those named by the spec; value is the text of the sum.
    """
    words = contract_words(spec.sums)
    for name in LOCALS:
        assert writer.name(name) == name, f"the name {name} is taken"
    for word in USED:
        writer.line(f"{word} = w[{words.index(word)}]")
    cast, alias = CASTS[spec.sums.dtype], spec.alias_scratch
    writer.line("base = scratch + part * scratch_part")
    writer.line(f"state = pointer(base, i64, {alias})")
    writer.line(f"acc = pointer(base + {STATE_BYTES} + turned, {cast}, {alias})")
    writer.line(f"state[{PACKED}] = -1")
    writer.line(f"state[{FIRST}] = begin")
    slots = (TARGET, TARGET + 1, *range(STRIDES, STRIDES + len(spec.outer)))
    for slot, text in zip(slots, spec.target or ("0",), strict=False):
        writer.line(f"state[{slot}] = {text}")
    for slot, text in ((TABLE, "0"), *(_asked(spec) if spec.sums.asks else ())):
        writer.line(f"state[{slot}] = {text}")
    with writer.block("for block in range(begin, end):"):
        writer.line("call_micro(sums, block, base, args)")
        moving = spec.outer[:-1] if spec.sums.lined else spec.outer
        for number, name in (*enumerate(STATE), *enumerate(moving, OUTER)):
            writer.line(f"{name} = state[{number}]")
        with ExitStack() as stack:
            first = ""
            if spec.sums.lined:
                stack.enter_context(writer.block(f"for line in range(state[{LINES}]):"))
                writer.line(f"{spec.outer[-1]} = state[{OUTER + len(spec.outer) - 1}] + line")
                first = "line * m + "
            stack.enter_context(writer.block("for r in range(m):"))
            writer.line("i = i0 + r")
            stack.enter_context(writer.block("for c in range(n):"))
            writer.line("j = j0 + c")
            epilogue(writer, f"acc[({first}r) * pitch + c]" if first else "acc[r * pitch + c]")


def _asked(spec: ContractSpec) -> Iterator[tuple[int, str]]:
    """What the macro-kernel reads to ask for memory ahead."""
    yield from ((LAST, "end"), (ARRAYS, str(len(spec.read))))
    for n, words in enumerate(spec.read):
        yield from enumerate(words, ARRAYS + 1 + ARRAY * n)
    yield from ((slot, f"base + {8 * TABLE}") for slot in (NEXT, STOP))


def contract_values(
    blocking: Blocking,
    addresses: tuple[int, int, int],
    sums: int,
    micro: Callable[[Tile], int],
    pack: int,
) -> tuple[int, ...]:
    """The values of `contract_words`; addresses: of A, B and the scratch of part 0.

    sums, micro, pack: addresses of the macro-kernel, of a tile's micro-kernel, of the packing one.
    """
    m, blk = blocking.matmul, blocking
    a, b, scratch = addresses
    common = (
        *((b, a) if blk.turned else (a, b)),
        scratch,
        sums,
        blk.scratch_bytes,
        blk.turned,
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
    tile, walk, count = blk.whole, blk.walk, filled_depth(len(blk.matmul.depth))
    yield from (blk.line_blocks, blk.block_lines)
    yield from (blk.tile_rows, tile.columns, pack, micro(tile), micro(blk.edge), tile.exact)
    copy, column = walk.copy, blk.matmul.b_column
    yield from (blk.packed_a, blk.packed_b, blk.pack_period, copy is not None and copy.pitch > 0)
    around: Sequence[Loop] = ()
    if copy is not None:
        around, column = copy.around, copy.pitch or blk.matmul.k
        yield from (copy.rows.extent, copy.rows.b, copy.rows.a)
    else:
        yield from (0, 0, 0)
    yield from (walk.k.extent, walk.k.a, column if tile.dot else walk.k.b)
    yield from (walk.run.extent, walk.run.a, walk.run.b, walk.b_tap)
    by_k = walk.block_k < walk.k.extent
    yield from (walk.blocks, walk.block_k, walk.block_runs)
    yield from (walk.block_k if by_k else 0, 0 if by_k else walk.block_runs)
    yield from (walk.step.a, walk.step.b, column)
    yield from _loop_values(_filled(around, count - 1))
    yield from _loop_values(_filled(walk.rest, count - 2))
    if not blk.matmul.outer:
        yield from blk.ahead


def _filled(loops: Sequence[Loop], count: int) -> tuple[Loop, ...]:
    """The loops, and others that run once, as many as the text has."""
    return (*loops, *(ONCE for _ in range(count - len(loops))))


def _loop_values(loops: Sequence[Loop]) -> Iterator[int]:
    return (value for loop in loops for value in (loop.extent, loop.a, loop.b))

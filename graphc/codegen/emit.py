"""From a kernel to its source: the one match over the kinds of kernels.

Enters: a kernel. Leaves: `Emitted`, text and words.
"""

from dataclasses import replace
from typing import assert_never

from graphc.codegen.body import OFFSET, Elements
from graphc.codegen.contract import ContractSpec, emit_contract
from graphc.codegen.loops import emit_loops
from graphc.codegen.macro import SumsSpec, contract_words, sums_source
from graphc.codegen.strips import STRIPS
from graphc.codegen.words import ContractWords, Emitted, StripWords, Words, alias_class
from graphc.codegen.writer import Writer
from graphc.schedule.contraction_prefetch import MOST_ARRAYS
from graphc.schedule.kernel import ContractKernel, Kernel, Load, LoopKernel, Reduced, StripKernel


def emit(kernel: Kernel) -> Emitted:
    """The source of a kernel; equal structures give equal text."""
    match kernel:
        case LoopKernel():
            return emit_loops(kernel)
        case ContractKernel():
            return emit_contraction(kernel)
        case StripKernel():
            return Emitted(STRIPS, (StripWords(),))
        case _:
            assert_never(kernel)


def emit_contraction(kernel: ContractKernel) -> Emitted:
    """The source of a contraction: the epilogue, around the macro-kernel."""
    writer = Writer()
    words = Words(writer)
    sums = SumsSpec(
        kernel.dtype.name,
        outer=len(kernel.outer),
        shared=kernel.shared,
        depth=len(kernel.depth),
        unit_column=kernel.column is not None and kernel.axes[kernel.column].right == 1,
    )
    outer = tuple(f"axis{v}" for v in kernel.outer)
    spec = ContractSpec(sums, outer, alias_class(len(kernel.operands)))
    with writer.block("def kernel(begin, end, part, args):"):
        writer.line(f'"""{kernel.origin.title}: a contraction and its epilogue."""')
        writer.line("w = words(args)")
        width = len(contract_words(sums))
        windows = len(kernel.depth) > 1
        words.add(ContractWords(width, sums_source(sums), sums.dtype, windows), width)
        pointers = words.pointers(kernel.operands)
        total = {n: "total" for n, v in enumerate(kernel.values) if isinstance(v, Reduced)}
        elements = Elements(writer, words, kernel.values, pointers, total, loop="axis")
        elements.prepare(kernel.stage.stores)
        address = f"w[{width} + {{}}]"
        spec = replace(
            spec,
            target=_target(kernel, elements, address),
            read=_read(kernel, elements, address) if sums.asks else (),
        )

        def epilogue(writer: Writer, value: str) -> None:
            for name, v in (("i", kernel.row), ("j", kernel.column)):
                if v is not None:
                    writer.line(f"axis{v} = {name}")
            writer.line(f"total = {value}")
            elements.write(kernel.stage.compute)
            elements.store(kernel.stage.stores)

        emit_contract(writer, spec, epilogue)
    return Emitted(writer.text(), tuple(words.entries))


def _read(
    kernel: ContractKernel, elements: Elements, address: str
) -> tuple[tuple[str, str, str], ...]:
    """The arrays of the result's shape that the epilogue reads, as `ContractSpec` has them."""
    found: dict[int, tuple[str, str, str]] = {}
    row, column = kernel.row, kernel.column
    written = {store.operand for store in kernel.stage.stores}
    if row is None or column is None:
        return ()
    for load in kernel.values:
        if not isinstance(load, Load) or load.position is not None:
            continue
        steps = dict(load.index.terms)
        rows = row in steps and steps.get(column) == 1 and load.index.offset == 0
        if rows and kernel.operands[load.operand].dtype == kernel.dtype:
            step = elements.stride(load.operand, row, steps[row])
            also = "1" if load.operand in written else "0"
            found[load.operand] = (address.format(load.operand), step, also)
    return tuple(found.values())[:MOST_ARRAYS]


def _target(kernel: ContractKernel, elements: Elements, address: str) -> tuple[str, ...]:
    """Where sums go that nothing is done to, as `ContractSpec` has it; () where something is."""
    if not kernel.plain:
        return ()
    (store,) = kernel.stage.stores
    steps = dict(store.index.terms)
    moves = [
        "0" if v is None or v not in steps else elements.stride(store.operand, v, steps[v])
        for v in (kernel.row, *kernel.outer)
    ]
    text = address.format(store.operand)
    if store.index.offset != 0:
        start = elements.stride(store.operand, OFFSET, store.index.offset)
        text = f"{text} + {start} * {kernel.dtype.itemsize}"
    return (text, *moves)

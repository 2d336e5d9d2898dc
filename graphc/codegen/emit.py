"""From a kernel to its source: the one match over the kinds of kernels.

Enters: a kernel. Leaves: `Emitted`, text and words.
"""

from typing import assert_never

from graphc.codegen.body import Elements
from graphc.codegen.contract import ContractSpec, contract_words, emit_contract
from graphc.codegen.loops import Emitted, emit_loops
from graphc.codegen.words import ContractWords, Words, alias_class
from graphc.codegen.writer import Writer
from graphc.schedule.kernel import ContractKernel, Kernel, LoopKernel, Reduced


def emit(kernel: Kernel) -> Emitted:
    """The source of a kernel; equal structures give equal text."""
    match kernel:
        case LoopKernel():
            return emit_loops(kernel)
        case ContractKernel():
            return emit_contraction(kernel)
        case _:
            assert_never(kernel)


def emit_contraction(kernel: ContractKernel) -> Emitted:
    """The source of a contraction: the macro-kernel, and the epilogue as its innermost loop."""
    writer = Writer()
    words = Words(writer)
    spec = ContractSpec(
        kernel.dtype.name,
        outer=tuple(f"axis{v}" for v in kernel.outer),
        shared=kernel.shared,
        depth=len(kernel.depth),
        alias_a=alias_class(kernel.left.operand),
        alias_b=alias_class(kernel.right.operand),
        alias_scratch=alias_class(len(kernel.operands)),
        b_unit_column=kernel.column is not None and kernel.axes[kernel.column].right == 1,
    )
    with writer.block("def kernel(begin, end, part, args):"):
        writer.line(f'"""{kernel.origin.title}: a contraction and its epilogue."""')
        writer.line("w = words(args)")
        width = len(contract_words(spec))
        words.add(ContractWords(width), width)
        pointers = words.pointers(kernel.operands)
        sums = {n: "total" for n, v in enumerate(kernel.values) if isinstance(v, Reduced)}
        elements = Elements(writer, words, kernel.values, pointers, sums, loop="axis")
        elements.prepare(kernel.stage.stores)

        def epilogue(writer: Writer, value: str) -> None:
            for name, v in (("i", kernel.row), ("j", kernel.column)):
                if v is not None:
                    writer.line(f"axis{v} = {name}")
            writer.line(f"total = {value}")
            elements.write(kernel.stage.compute)
            elements.store(kernel.stage.stores)

        emit_contract(writer, spec, epilogue)
    return Emitted(writer.text(), tuple(words.entries))

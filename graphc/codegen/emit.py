"""From a kernel to its source: the one match over the kinds of kernels.

Enters: a kernel. Leaves: `Emitted`, text and words.
"""

from typing import assert_never

from graphc.codegen.body import Elements
from graphc.codegen.contract import CONTRACT_WORDS, ContractSpec, emit_contract
from graphc.codegen.loops import Emitted, emit_loops
from graphc.codegen.words import ContractWords, Size, Words, alias_class
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
    with writer.block("def kernel(begin, end, part, args):"):
        writer.line(f'"""{kernel.origin.title}: a contraction and its epilogue."""')
        writer.line("w = words(args)")
        words.add(ContractWords(), len(CONTRACT_WORDS))
        pointers = words.pointers(kernel.operands)
        sums = {n: "total" for n, v in enumerate(kernel.values) if isinstance(v, Reduced)}
        elements = Elements(writer, words, kernel.values, pointers, sums, loop="axis")
        heads = len(kernel.batch), len(kernel.batch) + len(kernel.rows)
        divisors = (*range(1, heads[0]), *range(heads[0] + 1, heads[1]))
        extents = {v: words.name(f"n{v}", Size(kernel.extents[v])) for v in divisors}
        elements.prepare(kernel.stage.stores)

        def epilogue(writer: Writer, b: str, i: str, j: str, value: str) -> None:
            _unravel(writer, b, range(heads[0]), extents)
            _unravel(writer, i, range(*heads), extents)
            writer.line(f"axis{heads[1]} = {j}")
            writer.line(f"total = {value}")
            elements.write(kernel.stage.compute)
            elements.store(kernel.stage.stores)

        spec = ContractSpec(
            kernel.dtype.name,
            first_word=0,
            alias_a=alias_class(kernel.left.operand),
            alias_b=alias_class(kernel.right.operand),
            alias_scratch=alias_class(len(kernel.operands)),
            b_unit_column=kernel.right.free == 1,
        )
        emit_contract(writer, spec, epilogue)
    return Emitted(writer.text(), tuple(words.entries))


def _unravel(writer: Writer, merged: str, variables: range, extents: dict[int, str]) -> None:
    """The indices of axes that run as one loop: the last is the remainder."""
    rest = merged
    for v in reversed(variables):
        if v == variables.start:
            writer.line(f"axis{v} = {rest}")
        else:
            writer.line(f"axis{v} = mod({rest}, {extents[v]})")
            writer.line(f"rest{v} = floordiv({rest}, {extents[v]})")
            rest = f"rest{v}"

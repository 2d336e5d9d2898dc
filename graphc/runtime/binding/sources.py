"""What a binding writes of: how texts become addresses, and the words of contractions.

Enters: a template, the numbers of the sizes, where memory lies, a backend. Leaves: values of words.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from graphc.codegen.contract import contract_values
from graphc.codegen.words import ContractWords
from graphc.dims import DimLike
from graphc.runtime.binding.arena import Memory
from graphc.runtime.binding.template import Template, fixed_address
from graphc.schedule.blocking import Blocking
from graphc.schedule.kernel import Buffer, ContractKernel
from graphc.schedule.tiles import Tile


@dataclass(frozen=True, slots=True)
class Backend:
    """How texts become addresses: machine code, or Python for tests and for stepping through.

    `later` is the reading of `cycles` so many seconds from now.
    """

    kernels: Callable[[Sequence[str], Sequence[ContractWords]], Sequence[int]]
    sums: Callable[[str], int]
    micro: Callable[[Tile], int]
    pack: Callable[[str], int]
    later: Callable[[float], int]


@dataclass(frozen=True, slots=True)
class Sources:
    """All that the words of a contraction come from."""

    template: Template
    numbers: Mapping[DimLike, int]
    memory: Memory
    backend: Backend

    def factors(self, number: int, blocking: Blocking) -> list[Buffer]:
        """The buffers of a step's factors, in the order of the words."""
        kernel = self._kernel(number)
        buffers = [kernel.operands[f.operand].buffer for f in (kernel.left, kernel.right)]
        return buffers[::-1] if blocking.turned else buffers  # the transpose: B comes first

    def words(self, number: int, blocking: Blocking) -> tuple[int, ...]:
        """The words of a step's contraction."""
        kernel, backend = self._kernel(number), self.backend
        starts = []
        for factor in (kernel.left, kernel.right):
            start = self.numbers[factor.offset] * kernel.dtype.itemsize
            starts.append(self._address(kernel.operands[factor.operand].buffer) + start)
        fast = kernel.dtype.name in ("float32", "float64")
        pack = backend.pack(kernel.dtype.name) if fast else 0
        micro = backend.micro if fast else _no_micro
        addresses = starts[0], starts[1], self.memory.scratch[number]
        _, source = self.template.contractions[number]
        return contract_values(blocking, addresses, backend.sums(source), micro, pack)

    def _kernel(self, number: int) -> ContractKernel:
        kernel = self.template.code.steps[number].kernel
        assert isinstance(kernel, ContractKernel)
        return kernel

    def _address(self, buffer: Buffer) -> int:
        """Where a buffer starts, if it is in the arena from there."""
        fixed = fixed_address(buffer)
        return self.memory.offsets[buffer] if fixed is None else fixed


def _no_micro(tile: Tile) -> int:
    return 0

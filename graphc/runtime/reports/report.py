"""What a program says about itself without running: its kernels and its memory.

Enters: code and bindings. Leaves: records that print well.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NoReturn, final

from graphc.errors import ArgumentError, Where
from graphc.graph import Node
from graphc.runtime.binding.arena import buffer_bytes
from graphc.runtime.binding.binding import Binding
from graphc.runtime.binding.code import Code
from graphc.runtime.reports.explain import labels_of


@final
class Source(str):
    """A text that a prompt shows as it is, and that says what it is where it is called."""

    __slots__ = ()

    def __repr__(self) -> str:
        return str(self)

    def __call__(self, *args: Any, **kwargs: Any) -> NoReturn:
        raise ArgumentError("a source is a text, and is not called", fix="print(step.source)")


@dataclass(frozen=True, slots=True)
class KernelInfo:
    """A step of a program: its title, the labels of `named` nodes that it computes, the user's
    line, its source, the nodes it computes."""

    name: str
    labels: tuple[str, ...]
    where: Where | None
    source: str
    nodes: tuple[Node, ...]
    level: int

    def __repr__(self) -> str:
        names = "".join(f", {label!r}" for label in self.labels)
        return f"KernelInfo({self.name!r}{names}, {self.where}, {len(self.nodes)} nodes)"


@dataclass(frozen=True, slots=True)
class Recomputed:
    """Kernel number `kernel` does the work of number `first` again: the `bytes` that it makes are
    not kept between the two. `where` is the user's line."""

    kernel: int
    first: int
    name: str
    where: Where | None
    bytes: int

    def __str__(self) -> str:
        return (
            f"kernel {self.kernel} = kernel {self.first}  {self.name}  {self.where}  {self.bytes}"
        )


@dataclass(frozen=True, slots=True)
class MemoryInfo:
    """Bytes: of the arena, of the values in it if none shared memory, and of the states.

    The arena also has the scratch of single kernels, which is not among the values.

    `recomputed` are the kernels that run again to keep to a memory budget.
    """

    arena_bytes: int
    unshared_bytes: int
    state_bytes: int
    recomputed: tuple[Recomputed, ...] = ()

    @property
    def peak_bytes(self) -> int:
        """What a call needs at most: the arena and the states, both known before it runs."""
        return self.arena_bytes + self.state_bytes


def kernel_infos(code: Code) -> tuple[KernelInfo, ...]:
    """The steps of a program in order."""
    infos = []
    labels = labels_of(code.schedule)
    for step, emitted, named in zip(code.steps, code.emitted, labels, strict=True):
        origin = step.kernel.origin
        info = KernelInfo(
            origin.title, named, origin.where, emitted.source, origin.nodes, step.level
        )
        infos.append(info)
    return tuple(infos)


def memory_info(binding: Binding) -> MemoryInfo:
    """The memory of a bound program."""
    code = binding.code
    unshared = sum(buffer_bytes(buffer, binding.numbers) for buffer in code.lives)
    operands = [operand for step in code.steps for operand in step.kernel.operands]
    states = {o.buffer for o in operands if o.buffer.kind == "state"}
    state = sum(buffer_bytes(buffer, binding.numbers) for buffer in states)
    return MemoryInfo(binding.arena_bytes, unshared, state, tuple(_recomputed(binding)))


def _recomputed(binding: Binding) -> Iterator[Recomputed]:
    for number, step in enumerate(binding.code.steps):
        if step.first is not None:
            made = [o.buffer for o in step.kernel.operands if o.written]
            size = sum(buffer_bytes(b, binding.numbers) for b in made if b.kind != "scratch")
            origin = step.kernel.origin
            yield Recomputed(number, step.first, origin.title, origin.where, size)

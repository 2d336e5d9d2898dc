"""A binding in memory: what a call copies into the arena and out of it, and what it does not.

Enters: a binding and the arena. Leaves: a `Bound`: views of small inputs and outputs, which are
copied; large ones are read and written where they are, by telling the table where that is.
"""

from collections.abc import Sequence

import numpy as np

from graphc.runtime.binding import Binding, Slot
from graphc.runtime.pool import Pool

LARGE = 1 << 18  # bytes, from which on a copy costs more than telling the table


class Bound:
    """A binding with its views of the arena: rebuilt when the arena moves.

    `inputs` and `outputs` hold None for large ones; `pools` gives memory to large outputs.
    """

    __slots__ = (
        "address",
        "base",
        "binding",
        "inputs",
        "large",
        "outputs",
        "pools",
        "threads",
        "views",
    )
    address: int
    base: int
    binding: Binding
    inputs: list[np.ndarray | None]
    large: list[int]
    outputs: list[np.ndarray | None]
    pools: Sequence[Pool]
    threads: int
    views: list[np.ndarray]

    def __init__(self, binding: Binding, arena: np.ndarray, pools: Sequence[Pool]) -> None:
        binding.move_to(arena.ctypes.data)
        self.binding, self.base = binding, binding.base
        self.address, self.threads = binding.address, binding.threads
        for slot in (*binding.inputs, *binding.outputs):  # some words still point into arrays
            self.point(slot, self.base + slot.offset)
        self.views = [_view(arena, slot) for slot in binding.inputs]
        self.inputs = [None if view.nbytes >= LARGE else view for view in self.views]
        self.large = [n for n, _ in enumerate(pools) if _is_written_in_place(binding, n)]
        self.outputs = [
            None if number in self.large else _view(arena, slot)
            for number, slot in enumerate(binding.outputs)
        ]
        self.pools = pools

    def point(self, slot: Slot, address: int) -> None:
        """Tells the table where an input or output is."""
        for at, ahead in zip(slot.at, slot.ahead, strict=True):
            self.binding.table[at] = address + ahead

    def fresh(self) -> dict[int, np.ndarray]:
        """New arrays for the large outputs, which the next run will write."""
        arrays = {}
        for number in self.large:
            slot = self.binding.outputs[number]
            arrays[number], address = self.pools[number].lend(slot.shape, slot.dtype)
            self.point(slot, address)
        return arrays

    def point_home(self) -> None:
        """Large outputs are written to the arena."""
        for number in self.large:
            slot = self.binding.outputs[number]
            self.point(slot, self.base + slot.offset)

    def read_in_place(self, number: int, array: np.ndarray) -> np.ndarray | None:
        """Tells the table where a large input is: in the array, or in its view of the arena.

        Returns the view if the array must be copied there.
        """
        slot = self.binding.inputs[number]
        if array.dtype == slot.dtype and array.flags.c_contiguous and array.flags.aligned:
            self.point(slot, address_of(array))
            return None
        self.point(slot, self.base + slot.offset)
        return self.views[number]


def address_of(array: np.ndarray) -> int:
    """Of the first element; `array.ctypes` takes three times as long."""
    return array.__array_interface__["data"][0]


def _is_written_in_place(binding: Binding, number: int) -> bool:
    """Large, and returned once: of equal outputs each is a copy."""
    slot = binding.outputs[number]
    return slot.bytes >= LARGE and binding.outputs.count(slot) == 1


def _view(arena: np.ndarray, slot: Slot) -> np.ndarray:
    return arena[slot.offset : slot.offset + slot.bytes].view(slot.dtype).reshape(slot.shape)

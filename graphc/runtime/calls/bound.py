"""A binding in memory: what a call copies into the arena and out of it, and what it does not.

Enters: a binding and the arena. Leaves: a `Bound`: views of small inputs and outputs, which are
copied; large ones are read and written where they are, by telling the table where that is.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np

from graphc.evaluate import fed_array
from graphc.graph import Node
from graphc.runtime.binding.binding import Binding, Slot
from graphc.runtime.binding.template import ERROR_AT
from graphc.runtime.calls.direct import Enter, Fed, Made, entry_of
from graphc.runtime.calls.pool import Pool

LARGE = 1 << 18  # bytes of an input, from which on a copy costs more than telling the table
LENT = 1 << 13  # the same of an output, whose memory is at hand

# Of a large output: its number, what lends memory to it, its shape and dtype, and the words that
# point into it, each with how far ahead.
Loan = tuple[int, Callable[..., Any], tuple[int, ...], np.dtype, tuple[tuple[int, int], ...]]


class Bound:
    """A binding with its views of the arena: rebuilt when the arena moves.

    `inputs` holds None for large ones. `enter` feeds, runs and returns results in one step. On the
    way step by step, `fresh` gives memory of the `pools` to the outputs that are `large` before a
    run; after it `results` give each output's array or scalar.
    """

    __slots__ = (
        "address",
        "base",
        "binding",
        "enter",
        "inputs",
        "large",
        "lent",
        "loans",
        "made",
        "results",
        "threads",
        "views",
        "words",
    )
    address: int
    base: int
    binding: Binding
    enter: Enter | None
    inputs: list[np.ndarray | None]
    large: list[int]
    lent: list[Made]
    loans: list[Loan]
    made: dict[int, np.ndarray]
    results: list[Callable[[], Any]]
    threads: int
    views: list[np.ndarray]
    words: memoryview

    def __init__(
        self, binding: Binding, arena: np.ndarray, pools: Sequence[Pool], direct: bool
    ) -> None:
        binding.move_to(arena.ctypes.data)
        self.binding, self.base = binding, binding.base
        self.address, self.threads = binding.address, binding.threads
        self.words = binding.table.data  # a word is written in half of the array's time
        for slot in (*binding.inputs, *binding.outputs):  # some words still point into arrays
            self.point(slot, self.base + slot.offset)
        self.views = [_view(arena, slot) for slot in binding.inputs]
        self.inputs = [None if view.nbytes >= LARGE else view for view in self.views]
        self.large = [n for n, s in enumerate(binding.outputs) if _is_written_in_place(binding, s)]
        self.loans = [_loan(n, binding.outputs[n], pools[n]) for n in self.large]
        self.made = {}
        self.results = [
            partial(self.made.pop, n) if n in self.large else _copier(_view(arena, slot))
            for n, slot in enumerate(binding.outputs)
        ]
        self.lent = [self._made(n, pools[n]) for n in range(len(binding.outputs))]
        self.enter = self._entry() if direct else None

    def _entry(self) -> Enter | None:
        fed = [
            Fed(slot, 0 if view is None else view.ctypes.data, self._places(slot))
            for slot, view in zip(self.binding.inputs, self.inputs, strict=True)
        ]
        return entry_of(self.address, self.threads, fed, self.lent)

    def _made(self, number: int, pool: Pool) -> Made:
        slot = self.binding.outputs[number]
        if number in self.large:
            call = partial(pool.empty, slot.shape, slot.dtype)
            return Made(slot, call, 0, pool, self._places(slot))
        if not slot.shape:
            return Made(slot, self.results[number])
        return Made(slot, partial(np.empty, slot.shape, slot.dtype), self.base + slot.offset)

    def _places(self, slot: Slot) -> list[int]:
        """The words that point into it, by address."""
        return [self.binding.table.ctypes.data + 8 * at for at in slot.at]

    @property
    def error(self) -> int:
        """The error word of the last run."""
        return int(self.binding.table[ERROR_AT])

    def feed(self, arrays: Sequence[np.ndarray], nodes: Sequence[Node]) -> None:
        """Small arrays are copied into the arena, large ones must live until the program has run.
        `nodes` are the inputs that errors name."""
        for n, view in enumerate(self.inputs):
            array = arrays[n]
            if view is None:
                view = self.read_in_place(n, array)
            if view is None:
                continue
            if array.dtype is view.dtype:
                view[...] = array
            else:
                _convert(nodes[n], view, array)

    def point(self, slot: Slot, address: int) -> None:
        """Tells the table where an input or output is."""
        for at, ahead in zip(slot.at, slot.ahead, strict=True):
            self.words[at] = address + ahead

    def fresh(self) -> None:
        """New arrays for the large outputs, which the next run will write."""
        words = self.words
        for number, lend, shape, dtype, places in self.loans:
            self.made[number], address = lend(shape, dtype)
            for at, ahead in places:
                words[at] = address + ahead

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


def _is_written_in_place(binding: Binding, slot: Slot) -> bool:
    """Large, and returned once: of equal outputs each is a copy."""
    return slot.bytes >= LENT and binding.outputs.count(slot) == 1


def _loan(number: int, slot: Slot, pool: Pool) -> Loan:
    places = tuple(zip(slot.at, slot.ahead, strict=True))
    return number, pool.lend, slot.shape, slot.dtype, places


def _convert(node: Node, view: np.ndarray, array: np.ndarray) -> None:
    """By NumPy's same_kind rule; a float that is too large for the dtype becomes infinite."""
    rule = "same_kind" if view.dtype.kind == "f" else "safe"
    if not np.can_cast(array.dtype, view.dtype, rule):
        array = fed_array(node, array)  # or raises
    with np.errstate(all="ignore"):
        view[...] = array


def _copier(view: np.ndarray) -> Callable[[], Any]:
    return view.copy if view.ndim else partial(view.__getitem__, ())


def _view(arena: np.ndarray, slot: Slot) -> np.ndarray:
    return arena[slot.offset : slot.offset + slot.bytes].view(slot.dtype).reshape(slot.shape)

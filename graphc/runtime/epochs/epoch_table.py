"""The table of an epoch: that of a binding, in memory of its own, with rows ahead that feed a step.

Enters: a binding, the arrays of an epoch, memory for its results. Leaves: a `Table`, whose rows are

    copy_rows        rows that are picked or converted, to the arena: one row of the table an input
    set_words        where the step finds its slices of the other arrays and leaves its results
    ... the rows of the program; the last one ends the step
"""

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

import numpy as np

from graphc.runtime.binding.binding import Binding, Slot
from graphc.runtime.binding.sources import Backend
from graphc.runtime.binding.template import ROWS_AT, write_header
from graphc.runtime.calls.bound import address_of
from graphc.runtime.epochs.batches import Epoch, Feed
from graphc.runtime.epochs.feeding import SET_WORDS, copy_rows
from graphc.runtime.threads.team import BARRIER, COMMIT, FLAGS_AT, ROW_WORDS, STEP, STEP_AT
from graphc.state import aligned_empty
from graphc.types import as_dtype, int64, uint8

SPLIT_BYTES = 1 << 16  # a smaller copy is for one thread


@dataclass(frozen=True, slots=True, eq=False)
class Segment:
    """Steps of one size: `steps` of `rows` rows, behind `before` steps of whole batches."""

    binding: Binding
    rows: int
    steps: int
    before: int


@dataclass(frozen=True, slots=True, eq=False)
class Table:
    """The words of a table, their address, and the arena that they point into."""

    words: np.ndarray
    address: int
    arena: np.ndarray


@dataclass(frozen=True, slots=True, eq=False)
class _Place:
    """Where an input or output is in the first step, and how far it moves in each; with a `feed`,
    its rows are copied there."""

    slot: Slot
    address: int
    stride: int = 0
    feed: Feed | None = None

    @property
    def pointers(self) -> list[tuple[int, int]]:
        """The words that point into it, and what they hold in the first step."""
        ahead = zip(self.slot.at, self.slot.ahead, strict=True)
        return [(at, self.address + offset) for at, offset in ahead]


def make_table(
    segment: Segment, epoch: Epoch, results: Sequence[np.ndarray], backend: Backend
) -> Table:
    """The table of a segment. It holds addresses of the arrays of the epoch and of the results."""
    binding = segment.binding
    arena = aligned_empty((binding.arena_bytes,), uint8)
    inputs = zip(epoch.feeds, binding.inputs, strict=True)
    places = [_input(feed, slot, segment, epoch, address_of(arena)) for feed, slot in inputs]
    places += _outputs(segment, results)
    moving = [place for place in places if place.stride]
    copied = [place for place in places if place.feed]
    widths = [ROW_WORDS + 8] * len(copied)
    widths.append(ROW_WORDS + 1 + 3 * sum(len(place.slot.at) for place in moving))
    words = aligned_empty((len(binding.table) + sum(widths),), int64)
    start = address_of(words)
    step = start + 8 * STEP_AT
    rows = [_copy_row(place, segment, epoch, step, backend) for place in copied]
    rows.append(_set_row(moving, start + 8 * sum(widths), step, backend))
    words[:ROWS_AT] = binding.table[:ROWS_AT]  # with its pace
    write_header(words, len(rows) + len(binding.rows), segment.steps)
    for at, width, row in zip(accumulate(widths, initial=ROWS_AT), widths, rows, strict=False):
        words[at : at + width] = [width, *row]
    _write_program(words, binding, places, sum(widths), address_of(arena))
    last = (binding.rows[-1] if binding.rows else ROWS_AT - widths[-1]) + sum(widths)
    words[last + FLAGS_AT] |= BARRIER | COMMIT | STEP
    return Table(words, start, arena)


# ---- places -------------------------------------------------------------------------------------


def _input(feed: Feed, slot: Slot, segment: Segment, epoch: Epoch, home: int) -> _Place:
    array = address_of(feed.array)
    if feed.kind == "same":
        return _Place(slot, array)
    if feed.kind == "entries":
        return _Place(slot, array + segment.before * slot.bytes, slot.bytes)
    if epoch.order is not None or feed.array.dtype != slot.dtype:
        return _Place(slot, home + slot.offset, feed=feed)
    return _Place(slot, array + segment.before * epoch.batch * _row_bytes(feed.array), slot.bytes)


def _outputs(segment: Segment, results: Sequence[np.ndarray]) -> list[_Place]:
    """Results of the last batch lie behind those of the whole ones."""
    places = []
    slots = segment.binding.outputs
    for number, (array, slot) in enumerate(zip(results, slots, strict=True)):
        if slots.index(slot) == number:  # of equal outputs only the first is written
            start = array.nbytes - slot.bytes if segment.before else 0
            places.append(_Place(slot, address_of(array) + start, slot.bytes))
    return places


def _row_bytes(array: np.ndarray) -> int:
    return array[0].nbytes if len(array) else 0


# ---- rows: without the first word, their width --------------------------------------------------


def _copy_row(
    place: _Place, segment: Segment, epoch: Epoch, step: int, backend: Backend
) -> list[int]:
    assert place.feed is not None
    slot, array = place.slot, place.feed.array
    first = segment.before * epoch.batch
    source, order = address_of(array), 0
    if epoch.order is None:
        source += first * _row_bytes(array)
    else:
        order = address_of(epoch.order) + 8 * first
    text = copy_rows(as_dtype(array.dtype), as_dtype(slot.dtype))
    parts = segment.binding.threads if slot.bytes >= SPLIT_BYTES else 1
    elements = _row_bytes(array) // array.itemsize
    head = _kernel(backend, text), segment.rows, 1, parts, 0, 0, 0
    sizes = segment.rows, order, _row_bytes(array), elements * slot.dtype.itemsize, elements
    return [*head, step, source, place.address, *sizes]


def _set_row(moving: Sequence[_Place], program: int, step: int, backend: Backend) -> list[int]:
    """`program` is where word 0 of the binding's table would be."""
    entries = [
        word
        for place in moving
        for at, start in place.pointers
        for word in (program + 8 * at, start, place.stride)
    ]
    head = _kernel(backend, SET_WORDS), len(entries) // 3, 1, 1, BARRIER, 0, 0
    return [*head, step, *entries]


@functools.cache
def _kernel(backend: Backend, text: str) -> int:
    return backend.kernels([text], ())[0]


# ---- words --------------------------------------------------------------------------------------


def _write_program(
    words: np.ndarray, binding: Binding, places: Sequence[_Place], shift: int, home: int
) -> None:
    """The rows of the binding, pointed to the arena and to the places of the first step."""
    words[ROWS_AT + shift :] = binding.table[ROWS_AT:]
    words[binding.arena_words + shift] += home - binding.base
    words[np.array(binding.error_words, np.int64) + shift] = words[3]
    for place in places:
        for at, address in place.pointers:
            words[at + shift] = address

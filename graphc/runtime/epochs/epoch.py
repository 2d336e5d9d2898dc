"""Epochs: many steps of a program in one native call.

Enters: the arrays of an epoch, and a program's bindings to whole batches and to a partial one at
the end. Leaves: the outputs of all steps, and new state. Python is back at least every 0.1 s.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from graphc.dims import Dim
from graphc.errors import BindingError
from graphc.graph import Graph
from graphc.runtime.binding.binding import Binding, Slot
from graphc.runtime.binding.sources import Backend
from graphc.runtime.binding.template import PACE
from graphc.runtime.epochs.batches import Epoch, StandIn
from graphc.runtime.epochs.epoch_table import Segment, Table, make_table
from graphc.runtime.threads.team import DEADLINE_AT, STEP_AT
from graphc.state import STATE_LOCK

SECONDS = 0.05  # in a native call before it is Python's turn: Ctrl-C, a progress bar


@dataclass(frozen=True, slots=True, eq=False)
class Failure:
    """The error word that a kernel left, in which step, and the binding of that step."""

    binding: Binding
    error: int
    step: int


def split_epoch(epoch: Epoch, bind: Callable[[Sequence[StandIn]], Binding]) -> list[Segment]:
    """The whole batches, and the partial one behind them; `bind` to arrays of such shapes."""
    segments = []
    if epoch.rest:
        last = bind(epoch.stand_ins(epoch.rest))
        segments.append(Segment(last, epoch.rest, 1, epoch.full))
    if epoch.full or not epoch.rest:  # bound last: of its memory the program tells
        whole = bind(epoch.stand_ins(epoch.batch))
        segments.insert(0, Segment(whole, epoch.batch, epoch.full, 0))
    return segments


def run_segments(
    segments: Sequence[Segment],
    epoch: Epoch,
    results: Sequence[np.ndarray],
    backend: Backend,
    run: Callable[[int, int], int],
    progress: Callable[[int], object] | None,
) -> Failure | None:
    """All steps, one after the other; None if none fails. Results are written."""
    for segment in segments:
        if not segment.steps:  # of any size: there may be no memory for it
            continue
        with STATE_LOCK:  # another thread may move the arena that the binding points into
            table = make_table(segment, epoch, results, backend)
        for done, error in _turns(table, segment, backend, run):
            if progress is not None and done:
                progress(done)
            if error:
                return Failure(segment.binding, error, segment.before + int(table.words[STEP_AT]))
        for result, first in zip(results, _first_equal(segment.binding.outputs), strict=True):
            if result is not results[first]:
                result[...] = results[first]
    return None


def _turns(
    table: Table, segment: Segment, backend: Backend, run: Callable[[int, int], int]
) -> Iterator[tuple[int, int]]:
    """Native calls until all steps are done: how many steps each did, and the error word."""
    done = 0
    while done < segment.steps:
        with STATE_LOCK:
            table.words[DEADLINE_AT] = backend.later(SECONDS)
            error = run(table.address, segment.binding.threads)
            segment.binding.table[PACE] = table.words[PACE]
        before, done = done, int(table.words[STEP_AT])
        yield done - before, error


def _first_equal(slots: Sequence[Slot]) -> list[int]:
    """For each output the first in the same memory: that one is written, the others are copies."""
    return [slots.index(slot) for slot in slots]


# ---- results ------------------------------------------------------------------------------------


def empty_results(graph: Graph, epoch: Epoch, segments: Sequence[Segment]) -> list[np.ndarray]:
    """An array an output: joined if its first axis is that of the batch, else stacked."""
    feeds = zip(graph.inputs, epoch.feeds, strict=True)
    batches = {node.type.shape[0] for node, feed in feeds if feed.kind == "rows"}
    results = []
    for number, node in enumerate(graph.outputs):
        slots = [segment.binding.outputs[number] for segment in segments]
        shape, dtype = slots[0].shape, slots[0].dtype
        first = node.type.shape[0] if shape else None
        if isinstance(first, Dim) and first in batches:
            results.append(np.empty((epoch.rows, *shape[1:]), dtype))
        elif all(slot.shape == shape for slot in slots):
            results.append(np.empty((epoch.steps, *shape), dtype))
        else:
            raise BindingError(
                f"output {number} is {node.type}: that of a smaller last batch does not fit the"
                " others",
                got=f"{epoch.rows} rows in batches of {epoch.batch}",
                where=node.where,
                fix="drop_last=True leaves the last batch out",
            )
    return results

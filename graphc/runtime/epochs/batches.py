"""The arguments of an epoch: which rows of which arrays each step takes.

Enters: the inputs of a program and what a user gave for them. Leaves: an `Epoch`: for each input a
`Feed`, the order of the rows, and how many steps there are; errors, before anything runs.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from graphc import dims
from graphc.dims import Dim
from graphc.errors import BindingError, DTypeError, IndexRangeError
from graphc.evaluate import check_fixed, converted, fed_array, telling_swaps
from graphc.graph import Node, described
from graphc.types import as_dtype
from graphc.values import array_of


@dataclass(frozen=True, slots=True, eq=False)
class Feed:
    """What an input gets: the same array in every step, an entry a step, or a batch of rows.

    Arrays are contiguous; only those of rows may have another dtype than the input, which a cast
    in the kernel language turns into the input's.
    """

    kind: Literal["same", "entries", "rows"]
    array: np.ndarray


@dataclass(frozen=True, slots=True, eq=False)
class Epoch:
    """`full` steps of `batch` rows, then one of `rest` rows if that is not 0; `order` has the
    number of each row, None: as they come."""

    feeds: tuple[Feed, ...]
    batch: int
    full: int
    rest: int
    order: np.ndarray | None

    @property
    def steps(self) -> int:
        """How many there are."""
        return self.full + (self.rest > 0)

    @property
    def rows(self) -> int:
        """How many rows all steps take."""
        return self.full * self.batch + self.rest

    def given(self, step: int) -> tuple[list[np.ndarray], list[np.ndarray | None]]:
        """What each input gets in a step, and the numbers of its rows where it is a batch."""
        rows = np.arange(step * self.batch, min((step + 1) * self.batch, self.rows))
        rows = rows if self.order is None else self.order[rows]
        taken = {"same": ..., "entries": (step, ...), "rows": rows}
        arrays = [feed.array[taken[feed.kind]] for feed in self.feeds]
        return arrays, [rows if feed.kind == "rows" else None for feed in self.feeds]

    def stand_ins(self, rows: int) -> tuple["StandIn", ...]:
        """What a step of so many rows sees of each feed."""
        return tuple([_stand_in(feed, rows) for feed in self.feeds])


@dataclass(frozen=True, slots=True)
class StandIn:
    """The shape of an array that need not exist: of a batch larger than memory, in no step."""

    shape: tuple[int, ...]


def _stand_in(feed: Feed, rows: int) -> StandIn:
    shape = feed.array.shape
    if feed.kind == "rows":
        return StandIn((rows, *shape[1:]))
    return StandIn(shape if feed.kind == "same" else shape[1:])


def check_progress(progress: Any) -> None:
    """BindingError for what cannot be called."""
    if progress is not None and not callable(progress):
        raise BindingError(
            "progress is a function, called with how many steps were done",
            got=repr(progress),
            fix="progress=tqdm(total=steps).update",
        )


def plan_epoch(
    inputs: Sequence[Node],
    given: Mapping[str, Any],
    batched: Sequence[str],
    batch_size: Any,
    order: Any,
    shuffle: Any,
    drop_last: bool,
) -> Epoch:
    """The epoch over the arrays of the `batched` inputs; all are given by name."""
    batch = dims.as_size(batch_size)
    if not isinstance(batch, int) or batch < 1:
        raise BindingError(
            "batch_size is an int > 0",
            got=repr(batch_size),
            fix="run_epoch(arrays, 32): rows a step; the last one may have fewer",
        )
    nodes = {str(node.params["name"]): node for node in inputs}
    taken = [nodes[name] for name in nodes if name in batched]
    with telling_swaps(taken, [given[str(node.params["name"])] for node in taken]):
        rows = {name: _rows(nodes[name], given[name]) for name in nodes if name in batched}
    chosen = _order(order, shuffle, _length(nodes, rows))
    count = _length(nodes, rows) if chosen is None else len(chosen)
    full, rest = divmod(count, batch)
    rest = 0 if drop_last else rest
    feeds = tuple(
        Feed("rows", rows[name])
        if name in rows
        else _given_once(node, given[name], full + (rest > 0))
        for name, node in nodes.items()
    )
    _check_once(inputs, feeds, batch)
    return Epoch(feeds, batch, full, rest, chosen)


def _check_once(inputs: Sequence[Node], feeds: Sequence[Feed], batch: int) -> None:
    """BindingError for an array of all samples that is given once, and not in batches."""
    pairs = list(zip(inputs, feeds, strict=True))
    rows = {node.type.shape[0]: len(feed.array) for node, feed in pairs if feed.kind == "rows"}
    for node, feed in pairs:
        first = node.type.shape[0] if feed.kind == "same" and node.type.shape else None
        if isinstance(first, Dim) and rows.get(first, batch) == len(feed.array) != batch:
            raise BindingError(
                f"{described(node)} has a row for each sample, and was given once",
                got=f"{len(feed.array)} rows for batches of {batch}",
                fix="give it in the list, with the other arrays: run_epoch([x, y], batch_size)",
            )


def _rows(node: Node, value: Any) -> np.ndarray:
    array = array_of(value, described(node), BindingError)
    if not node.type.shape:
        raise BindingError(
            f"{described(node)} is {node.type}: it has no rows to take batches of",
            fix=f"give it once: run_epoch(arrays, batch_size, {node.params['name']}=...)",
        )
    if array.ndim != len(node.type.shape):
        fed_array(node, array)  # raises
    check_fixed(node, array, first=1)
    if not _casts(array.dtype, node):
        array = converted(node, array)
    return _contiguous(array)


def _casts(dtype: np.dtype, node: Node) -> bool:
    """Whether the kernel language converts elements as NumPy does, without a loss."""
    try:
        as_dtype(dtype)
    except DTypeError:
        return False
    wanted = node.type.dtype.numpy
    rule = "same_kind" if wanted.kind == "f" else "safe"
    return dtype.isnative and np.can_cast(dtype, wanted, rule)


def _contiguous(array: np.ndarray) -> np.ndarray:
    return array if array.flags.c_contiguous and array.flags.aligned else array.copy()


def _given_once(node: Node, value: Any, steps: int) -> Feed:
    """A copy of the array, for it is read in all steps."""
    array = array_of(value, described(node), BindingError)
    if array.ndim != len(node.type.shape) + 1:
        return Feed("same", fed_array(node, array).copy())
    if len(array) != steps:
        raise BindingError(
            f"{described(node)} is {node.type}: it gets the same value in every step, or one "
            "a step",
            got=f"{len(array)} values for {steps} steps",
            fix=f"give one value, or {steps}",
        )
    return Feed("entries", converted(node, array).copy())


def _length(nodes: Mapping[str, Node], arrays: Mapping[str, np.ndarray]) -> int:
    if not arrays:
        raise BindingError(
            "an epoch takes batches of at least one array",
            got="no arrays",
            fix="run_epoch([x], batch_size)",
        )
    (first, known), *others = [(name, len(array)) for name, array in arrays.items()]
    for name, length in others:
        if length != known:
            raise BindingError(
                f"{described(nodes[first])} has {known} rows but "
                f"{described(nodes[name])} has {length}",
                fix="give arrays with one row for each sample, not batches: those are made here",
            )
    return known


def _order(order: Any, shuffle: Any, length: int) -> np.ndarray | None:
    if order is not None and shuffle is not False:
        raise BindingError("order and shuffle were both given", fix="give one of them")
    if isinstance(shuffle, np.random.Generator):
        return shuffle.permutation(length)
    if isinstance(shuffle, bool):
        order = np.random.default_rng().permutation(length) if shuffle else order
        return None if order is None else _checked_order(order, length)
    raise BindingError(
        "shuffle is a numpy.random.Generator or a bool",
        got=repr(shuffle),
        fix="shuffle=np.random.default_rng(seed)",
    )


def _checked_order(order: Any, length: int) -> np.ndarray:
    numbers = array_of(order, "order", BindingError)
    if numbers.ndim != 1 or (numbers.dtype.kind not in "iu" and numbers.size):
        raise BindingError(
            "order is a list of row numbers",
            got=f"an array of {numbers.dtype} of shape {numbers.shape}",
            fix="order=np.flatnonzero(mask) of a mask, shuffle=rng of a generator",
        )
    outside = numbers[(numbers < 0) | (numbers >= length)]
    if outside.size:
        raise IndexRangeError(
            "order has a row that does not exist",
            got=f"{outside[0]}",
            fix=f"rows are numbered from 0 to {length - 1}" if length else "there are no rows",
        )
    return numbers.astype(np.int64)

"""The bindings of a program, which share an arena: made when sizes are seen for the first time.

Enters: a program's code, and the shapes of arguments. Leaves: a `Bound` for each, or a `Binding`
where no memory is needed.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from graphc import dims
from graphc.errors import BindingError, MissingInputError, UnknownInputError
from graphc.evaluate import bind_sizes, check_guards, collect_guards, fed_array, telling_swaps
from graphc.graph import Graph
from graphc.runtime.backends import NATIVE
from graphc.runtime.binding.binding import Binding, bind, too_large
from graphc.runtime.binding.budget import Budget, bind_within
from graphc.runtime.binding.code import Code
from graphc.runtime.binding.sources import Backend
from graphc.runtime.binding.template import Template, make_template
from graphc.runtime.calls.bound import Bound
from graphc.runtime.calls.pool import Pool
from graphc.runtime.epochs.batches import StandIn
from graphc.runtime.reports.compile_report import Ledger
from graphc.runtime.threads.team import get_threads
from graphc.state import aligned_empty
from graphc.types import uint8

REMEMBERED = 256  # sizes; the oldest is forgotten


class Bindings:
    """The bindings of one program, by threads and shapes. Used under STATE_LOCK."""

    def __init__(
        self, graph: Graph, code: Code, backend: Backend, budget: Budget | None, ledger: Ledger
    ) -> None:
        self._inputs, self._code, self._backend = graph.inputs, code, backend
        self._budget, self._ledger = budget, ledger
        self._guards = collect_guards(graph.nodes)
        self._template: Template | None = None
        self.known: dict[tuple[Any, ...], Bound] = {}
        self.pools: tuple[Pool, ...] = tuple([Pool() for _ in graph.outputs])
        self.arena: np.ndarray = aligned_empty((64,), uint8)
        self._base = self.arena.ctypes.data
        self.last: Bound | None = None  # what `find` gave last; None if it is out of date

    def find(self, arrays: Sequence[np.ndarray]) -> Bound:
        """The program bound to the shapes of these arguments."""
        key = (get_threads(), *[a.shape for a in arrays])
        bound = self.known.pop(key, None)
        if bound is None or bound.base != self._base:
            bound = self._bound_to(arrays, bound)
        self.known[key] = bound  # the last one
        self.last = bound
        return bound

    def at_shapes(self, arrays: Sequence[np.ndarray] | Sequence[StandIn]) -> Binding:
        """A binding to these shapes, with no memory."""
        sizes = bind_sizes(self._inputs, arrays)
        check_guards(self._guards, sizes)
        return self._bind(sizes)

    def placed_at_shapes(self, arrays: Sequence[StandIn]) -> Binding:
        """The binding to these shapes, which calls will find, too."""
        key = (get_threads(), *[a.shape for a in arrays])
        bound = self.known.pop(key, None) or self._placed(self.at_shapes(arrays))
        self.known[key] = bound  # the last one
        return bound.binding

    def at_no_sizes(self) -> Binding:
        """A binding before any call; MissingInputError where that has sizes to give."""
        if names := sorted(self._sizes()):
            given = ", ".join(f"{name}=32" for name in names)
            raise MissingInputError(
                "memory follows from the sizes of a call, and there was none yet",
                got=f"sizes: {', '.join(names)}",
                fix=f"step.memory_for({given}), or call the program first",
            )
        return self.at_sizes({})

    def _sizes(self) -> set[str]:
        """The named sizes of the inputs."""
        return {name for node in self._inputs for d in node.type.shape for name in dims.names(d)}

    def at_sizes(self, given: Mapping[str, Any]) -> Binding:
        """A binding to these sizes, which must be all that the program has, with no memory."""
        wanted = self._sizes()
        for name in sorted(wanted - given.keys()):
            raise MissingInputError(
                f"the size {name!r} was not given", fix=f"step.memory_for({name}=32)"
            )
        for name in sorted(given.keys() - wanted):
            raise UnknownInputError(
                f"no size is named {name!r}", fix=f"sizes: {', '.join(sorted(wanted)) or 'none'}"
            )
        sizes = {name: _size(name, size) for name, size in given.items()}
        check_guards(self._guards, sizes)
        return self._bind(sizes)

    def _bound_to(self, arrays: Sequence[np.ndarray], known: Bound | None) -> Bound:
        if known is not None:
            return self._bound(known.binding)
        with np.errstate(all="ignore"), telling_swaps(self._inputs, arrays):
            fed = [fed_array(n, array) for n, array in zip(self._inputs, arrays, strict=True)]
            binding = self.at_shapes(fed)
        return self._placed(binding)

    def _placed(self, binding: Binding) -> Bound:
        if binding.arena_bytes > len(self.arena):
            self.arena = aligned_empty((binding.arena_bytes,), uint8)
            self._base = self.arena.ctypes.data
            self.last = None
        if len(self.known) >= REMEMBERED:
            del self.known[next(iter(self.known))]
        return self._bound(binding)

    def _bound(self, binding: Binding) -> Bound:
        return Bound(binding, self.arena, self.pools, self._backend is NATIVE)

    def _bind(self, sizes: Mapping[str, int]) -> Binding:
        if self._template is None:
            with self._ledger.loading():
                self._template = make_template(self._code, self._backend.kernels)
        try:
            with self._ledger.binding():
                binding = bind(self._template, sizes, get_threads(), self._backend)
                if self._budget is None or binding.arena_bytes <= self._budget.bytes:
                    return binding
                return bind_within(binding, self._budget, self._backend)
        except OverflowError as error:  # a number of the table, or of an expression of sizes
            raise too_large(sizes) from error


def _size(name: str, size: Any) -> int:
    number = dims.as_size(size)
    if isinstance(number, int) and number >= 0:
        return number
    raise BindingError(f"the size {name} is an int >= 0", got=repr(size), fix=f"{name}=32")

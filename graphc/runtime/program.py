"""Programs: compiled graphs, called with arrays.

Enters: a program's code. Leaves: `Program`, which binds itself to the sizes of its arguments on their
first call and then runs in one native call.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from graphc.errors import IndexRangeError, MissingInputError, UnknownInputError
from graphc.evaluate import bind_sizes, check_guards, collect_guards, fed_array
from graphc.graph import Graph, aligned_empty
from graphc.runtime.backends import NATIVE, runner
from graphc.runtime.binding import Backend, Binding, Slot, bind
from graphc.runtime.code import Code
from graphc.runtime.profile import Profile, measure
from graphc.runtime.report import KernelInfo, MemoryInfo, kernel_infos, memory_info
from graphc.runtime.team import TEAM_LOCK, get_threads
from graphc.schedule.kernel import LoopKernel
from graphc.tree import Structure, unflatten
from graphc.types import uint8

BINDINGS = 256  # sizes that a program remembers; the oldest is forgotten


class _Bound:
    """A binding with its views of the arena: rebuilt when the arena moves."""

    __slots__ = ("address", "binding", "inputs", "outputs", "threads")

    def __init__(self, binding: Binding, arena: np.ndarray) -> None:
        binding.move_to(arena.ctypes.data)
        self.binding = binding
        self.address, self.threads = binding.address, binding.threads
        self.inputs = [_view(arena, slot) for slot in binding.inputs]
        self.outputs = [_view(arena, slot) for slot in binding.outputs]


def _view(arena: np.ndarray, slot: Slot) -> np.ndarray:
    size = int(np.prod(slot.shape, dtype=np.int64)) * slot.dtype.itemsize
    return arena[slot.offset : slot.offset + size].view(slot.dtype).reshape(slot.shape)


class Program:
    """A compiled graph. Call it with arrays, in the order of its inputs or by their names.

    Made by `graphc.compile`. It returns fresh arrays (a NumPy scalar for a tensor without axes) in
    the structure of its outputs, and then has updated its states. Arrays of any size that the
    inputs' types allow are taken; a new size compiles nothing. Raises MissingInputError,
    UnknownInputError, BindingError, GuardError and IndexRangeError; state is then as it was.

    >>> import graphc as gx
    >>> x = gx.input("x", ("n",))
    >>> program = gx.compile([x], gx.sum(x * x))
    >>> program([1, 2, 3]), program(x=[1, 2])
    (np.float32(14.0), np.float32(5.0))
    """

    def __init__(
        self, graph: Graph, code: Code, structure: Structure, backend: Backend = NATIVE
    ) -> None:
        self.graph = graph
        self._code, self._structure, self._backend = code, structure, backend
        self._run = runner(backend)
        self._names = tuple(str(node.params["name"]) for node in graph.inputs)
        self._dtypes = tuple(node.type.dtype.numpy for node in graph.inputs)
        self._guards = collect_guards(graph.nodes)
        self._bound: dict[tuple[Any, ...], _Bound] = {}
        self._arena = aligned_empty((64,), uint8)
        self._base = self._arena.ctypes.data

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Runs the program on these arrays."""
        if kwargs or len(args) != len(self._names):
            args = self._arranged(args, kwargs)
        arrays = [a if type(a) is np.ndarray else np.asarray(a) for a in args]
        with TEAM_LOCK:
            bound = self._feed(arrays)
            error = self._run(bound.address, bound.threads)
            if error:
                raise self._failure(bound, error)
            outputs = [view.copy() if view.ndim else view[()] for view in bound.outputs]
        return unflatten(self._structure, outputs)

    @property
    def kernels(self) -> tuple[KernelInfo, ...]:
        """The steps in order: name, the user's line, source."""
        return kernel_infos(self._code)

    @property
    def source(self) -> str:
        """The Python source of every distinct kernel, as it is compiled."""
        return "\n\n".join(dict.fromkeys(e.source for e in self._code.emitted))

    @property
    def memory(self) -> MemoryInfo:
        """Bytes for the sizes of the last call; of the whole program where no size is symbolic."""
        if self._bound:
            return memory_info(self._code, next(reversed(self._bound.values())).binding)
        return self.memory_for()

    def memory_for(self, **sizes: int) -> MemoryInfo:
        """Bytes for these numbers of the named sizes: nothing runs.

        >>> import graphc as gx
        >>> x = gx.input("x", ("n", 16))
        >>> gx.compile([x], gx.exp(x) @ x.T).memory_for(n=32).arena_bytes > 0
        True
        """
        return memory_info(self._code, bind(self._code, sizes, get_threads(), self._backend))

    def profile(self, *args: Any, repeats: int = 20, **kwargs: Any) -> Profile:
        """Where the time goes: a row a kernel. State is as before afterwards."""
        if kwargs or len(args) != len(self._names):
            args = self._arranged(args, kwargs)
        with TEAM_LOCK:
            arrays = [np.asarray(a) for a in args]
            bound = self._feed(arrays)
            return measure(self._code, bound.binding, lambda: self._feed(arrays), repeats)

    # ---- arguments ----

    def _arranged(self, args: Sequence[Any], kwargs: Mapping[str, Any]) -> tuple[Any, ...]:
        """The arguments in the order of the inputs."""
        wanted = ", ".join(self._names)
        if len(args) > len(self._names):
            raise UnknownInputError(
                f"the program takes {len(self._names)} arrays ({wanted})", got=f"{len(args)} arrays"
            )
        found = dict(zip(self._names, args, strict=False))
        for name, value in kwargs.items():
            if name not in self._names:
                raise UnknownInputError(f"no input is named {name!r}", fix=f"inputs: {wanted}")
            if name in found:
                raise UnknownInputError(f"input {name!r} was given twice")
            found[name] = value
        missing = [name for name in self._names if name not in found]
        if missing:
            raise MissingInputError(
                f"input {missing[0]!r} was not given", got=f"{len(found)} arrays", fix=f"give {wanted}"
            )
        return tuple(found[name] for name in self._names)

    def _feed(self, arrays: Sequence[np.ndarray]) -> _Bound:
        """Copies the arguments into the arena, bound to their sizes."""
        key = (get_threads(), *[a.shape for a in arrays])
        bound = self._bound.get(key)
        if bound is None or bound.binding.base != self._base:
            bound = self._bound[key] = self._bind(arrays, bound)
        for slot, array, dtype in zip(bound.inputs, arrays, self._dtypes, strict=True):
            if array.dtype is not dtype and not np.can_cast(array.dtype, dtype, "same_kind"):
                fed_array(self.graph.inputs[self._dtypes.index(dtype)], array)
            slot[...] = array
        return bound

    def _bind(self, arrays: Sequence[np.ndarray], known: _Bound | None) -> _Bound:
        if known is not None:
            return _Bound(known.binding, self._arena)
        inputs = self.graph.inputs
        fed = [fed_array(node, array) for node, array in zip(inputs, arrays, strict=True)]
        sizes = bind_sizes(inputs, fed)
        check_guards(self._guards, sizes)
        binding = bind(self._code, sizes, get_threads(), self._backend)
        if binding.arena_bytes > len(self._arena):
            self._arena = aligned_empty((binding.arena_bytes,), uint8)
            self._base = self._arena.ctypes.data
        if len(self._bound) >= BINDINGS:
            del self._bound[next(iter(self._bound))]
        return _Bound(binding, self._arena)

    def _failure(self, bound: _Bound, error: int) -> IndexRangeError:
        """The exception for the number that a kernel left in the error word."""
        bound.binding.clear_error()
        checks = [n for s in self._code.steps if isinstance(s.kernel, LoopKernel) for n in s.kernel.checks]
        node = checks[error - 1]
        axis = node.params["axis"]
        size = node.inputs[0].type.shape[axis]
        return IndexRangeError(
            f"{node.op.name}: an index is outside axis {axis} of {node.inputs[0].type}",
            where=node.where,
            fix=f"indices go from -{size} to {size} - 1",
        )

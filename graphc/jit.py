"""jit: a Python function of arrays as programs, traced once for each kind of arguments.

Enters: a function that composes tensors. Leaves: the same function of arrays. It is called with
tensors, and what it returns is compiled. Another shape is traced again, and compiles the kernels
that it changes: small sizes are literals in them. Sizes named by `dims` compile nothing again.

    @gx.jit
    def norm(x):
        return gx.sqrt(gx.sum(x * x))

    norm(np.arange(10.0))
"""

import copy
import functools
import inspect
import reprlib
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from graphc.compiler import compile
from graphc.errors import DTypeError, GraphError, ShapeError
from graphc.functions.creation import as_tensor, constant, input
from graphc.functions.tensor import Tensor
from graphc.graph import INPUT, order, substitute
from graphc.refusals import accepted
from graphc.runtime.program import MISSED, Program
from graphc.runtime.reports.explain import Explanation
from graphc.runtime.reports.measure import Order
from graphc.runtime.reports.profile import Profile
from graphc.tree import Structure, flatten, gatherer, unflatten
from graphc.types import as_dtype
from graphc.values import NO_COMPLEX, array_of, no_number

PROGRAMS = 256  # kinds of arguments that a function remembers; the oldest is forgotten

Sizes = tuple[int | str, ...]


class Jitted:
    """A function that `jit` made. `program(*args)` is the `Program` that runs for arguments like
    these, with its kernels and source; `profile(*args)` and `explain(*args)` tell of it."""

    def __init__(
        self, f: Callable[..., Any], dims: Sequence[Any] | None, memory_budget: float | None = None
    ) -> None:
        self._f: Final = f
        self._dims: Final = dims
        self._budget: Final = memory_budget
        self._programs: dict[Any, Program] = {}
        self._last: tuple[Callable[[Any, list[Any]], bool], Program] | None = None
        self._plain: Program | None = None  # of the last call, if its arguments were no trees
        functools.update_wrapper(self, f, updated=())  # f may itself be a Jitted

    def __call__(self, /, *args: Any, **kwargs: Any) -> Any:
        """Runs the function on arrays; builds it where an argument is a tensor."""
        result = self._repeated(args, kwargs)
        if result is not MISSED:
            return result
        leaves, structure = flatten(_tree(args, kwargs))
        if any(isinstance(leaf, Tensor) for leaf in leaves):
            return self._f(*args, **kwargs)
        arrays = _arrays(self._f, leaves, structure)
        made = self._made(arrays, structure, args)
        if not isinstance(made, Program):
            return made.at(arrays)
        self._last = gatherer(structure), made
        self._plain = made if structure == flatten(((0,) * len(args), {}))[1] else None
        return made(*arrays)

    def __repr__(self) -> str:
        return f"Jitted({getattr(self, '__name__', repr(self._f))}; {len(self._programs)} programs)"

    def program(self, /, *args: Any, **kwargs: Any) -> Program:
        """The program for arguments like these, to read its source; it takes their leaves."""
        leaves, structure = flatten(_tree(args, kwargs))
        made = self._made(_arrays(self._f, leaves, structure), structure, args)
        return made if isinstance(made, Program) else made.program(self._budget)

    def profile(
        self, /, *args: Any, repeats: int = 20, sort: Order = "program", **kwargs: Any
    ) -> Profile:
        """Where the time goes for arguments like these: see `Program.profile`.

        Raises GraphError for a function whose result depends on inputs that are no arguments.
        """
        leaves, structure = flatten(_tree(args, kwargs))
        arrays = _arrays(self._f, leaves, structure)
        return self.program(*args, **kwargs).profile(*arrays, repeats=repeats, sort=sort)

    def explain(self, /, *args: Any, **kwargs: Any) -> Explanation:
        """Which lines became which kernel for arguments like these: see `Program.explain`."""
        return self.program(*args, **kwargs).explain()

    def _repeated(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """The result if the last call had arguments of the same kinds and sizes, else MISSED."""
        if self._plain is not None and not kwargs:
            return self._plain.repeated(args)
        if self._last is None:
            return MISSED
        gather, program = self._last
        leaves: list[Any] = []
        return program.repeated(leaves) if gather(_tree(args, kwargs), leaves) else MISSED

    # ---- copies trace again: a program is for the parameters that were read ----

    def __deepcopy__(self, memo: dict[int, Any]) -> "Jitted":
        new = memo[id(self)] = Jitted.__new__(Jitted)  # f may be a method of what holds this
        new.__init__(copy.deepcopy(self._f, memo), copy.deepcopy(self._dims, memo), self._budget)
        return new

    def __reduce__(self) -> str | tuple[Any, ...]:
        name = getattr(self, "__name__", "")
        module = sys.modules.get(self._f.__module__)
        if name and getattr(module, name, None) is self:  # it took the place of f: pickled by name
            return name
        return Jitted, (self._f, self._dims, self._budget)

    def _made(
        self, arrays: Sequence[np.ndarray], structure: Structure, args: tuple[Any, ...]
    ) -> "Program | _Traced":
        if self._dims is None:
            shapes: list[Sizes] = [array.shape for array in arrays]
        else:
            shapes = _named_shapes(self._dims, args, arrays)
        key = (structure, *[(a.dtype, s) for a, s in zip(arrays, shapes, strict=True)])
        program = self._programs.get(key)
        if program is not None:
            return program
        traced = _traced(self._f, arrays, shapes, structure)
        if traced.is_open:
            return traced
        if len(self._programs) >= PROGRAMS:
            del self._programs[next(iter(self._programs))]
        program = self._programs[key] = traced.program(self._budget)
        return program


@dataclass(frozen=True, slots=True)
class _Traced:
    """What a function made of inputs that stand for its arguments."""

    inputs: Sequence[Tensor]
    result: Any

    @property
    def is_open(self) -> bool:
        """Whether the result depends on inputs that are no arguments: it is then no number yet."""
        own = {tensor.node for tensor in self.inputs}
        leaves = [leaf for leaf in flatten(self.result)[0] if isinstance(leaf, Tensor)]
        reached = order([leaf.node for leaf in leaves])
        return any(node.op is INPUT and node not in own for node in reached)

    def program(self, memory_budget: float | None) -> Program:
        """The result, compiled."""
        return compile(self.inputs, self.result, memory_budget=memory_budget)

    def at(self, arrays: Sequence[np.ndarray]) -> Any:
        """The result as tensors, with arrays for the arguments."""
        given = {
            tensor.node: constant(array, tensor.dtype).node
            for tensor, array in zip(self.inputs, arrays, strict=True)
        }
        leaves, structure = flatten(self.result)
        nodes = substitute([as_tensor(leaf).node for leaf in leaves], given)
        return unflatten(structure, [Tensor(node) for node in nodes])


def _traced(
    f: Callable[..., Any],
    arrays: Sequence[np.ndarray],
    shapes: Sequence[Sizes],
    structure: Structure,
) -> _Traced:
    names = _input_names(f, structure)
    inputs = [
        input(name, shape, as_dtype(array.dtype))
        for name, shape, array in zip(names, shapes, arrays, strict=True)
    ]
    args, kwargs = unflatten(structure, inputs)
    try:
        return _Traced(inputs, accepted(f, args, kwargs))
    except (TypeError, AttributeError) as error:
        if any(child.kind == "list" for child in structure.children[0].children):
            error.add_note("a list among the arguments is a tree: give numbers by np.asarray(list)")
        raise


def jit(
    f: Callable[..., Any],
    *,
    dims: Sequence[Any] | None = None,
    memory_budget: float | None = None,
) -> Jitted:
    """`f` compiled: called with trees of arrays, it returns a tree of arrays.

    f is called with tensors, once for each structure, dtypes and shapes of its arguments; a dict
    with its keys in another order is another structure, as its gradients come in that order. Arrays
    and NumPy scalars keep their dtype, a Python float is a float32 scalar, an int an int64, a bool
    a bool. Parameters that f reads are read anew at each call; what it prints, or draws by NumPy,
    it does once. With a tensor among its arguments f is just called, so that jitted functions
    compose; where its result depends on an input that is no argument, it is a tensor too.

    `dims` names sizes, so that one program serves them all, and a new size is not traced again and
    compiles nothing: an entry a positional argument, which is None, a tuple with a name, a number
    or None for each axis, or a dict or list of such entries, which goes down into the argument.
    `memory_budget` is that of `compile`: bytes that a call may use.

    Raises GraphError for what is no function, DTypeError for a leaf that is no array of numbers,
    ShapeError for `dims` that do not fit, and what a Program raises.

    >>> import graphc as gx
    >>> def step(p, x):
    ...     return {"w": p["w"] - 0.5 * gx.mean(x)}
    >>> step = gx.jit(step, dims=(None, ("n",)))
    >>> step({"w": 1.0}, np.ones(4, "float32")), step({"w": 2.0}, np.ones(5, "float32"))
    ({'w': np.float32(0.5)}, {'w': np.float32(1.5)})
    """
    check_function("jit", f)
    return Jitted(f, dims, memory_budget)


def check_function(what: str, f: Any) -> None:
    """GraphError for what cannot be called."""
    if not callable(f):
        raise GraphError(
            f"{what} takes a function",
            got=type(f).__name__,
            fix=f"{what}(f)(x); graphc.compile([inputs], tensor) is for tensors",
        )


def _tree(args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Any, ...]:
    """The arguments as one tree: keywords mean the same in any order, keys of a dict need not."""
    return args, dict(sorted(kwargs.items())) if len(kwargs) > 1 else kwargs


def _arrays(f: Callable[..., Any], leaves: Sequence[Any], structure: Structure) -> list[np.ndarray]:
    """The leaves of the arguments as arrays; DTypeError names one that is no array of numbers."""
    arrays: list[np.ndarray] = []
    try:
        arrays.extend(map(_array, leaves))
    except (DTypeError, ValueError) as error:
        if isinstance(leaves[len(arrays)], np.ma.MaskedArray):
            raise
        leaf, name = leaves[len(arrays)], _input_names(f, structure)[len(arrays)]
        fix = (
            "give what is no array to the function by functools.partial, or close over it; rows of "
            "different lengths are padded, or a list of arrays"
        )
        raise DTypeError(
            f"jit: {name} is no array of numbers, and no tree of them",
            got=f"{reprlib.repr(leaf)}, {type(leaf).__name__}",
            fix=NO_COMPLEX if no_number(leaf) == NO_COMPLEX else fix,
        ) from error
    return arrays


def _array(leaf: Any) -> np.ndarray:
    if type(leaf) is np.ndarray and leaf.dtype.kind in "fbiu":
        return leaf
    if type(leaf) is float:
        return np.asarray(leaf, np.float32)
    array = array_of(leaf, "an argument of jit")
    as_dtype(array.dtype)
    return array


# ---- names ----


def _input_names(f: Callable[..., Any], structure: Structure) -> list[str]:
    """The leaves' names: function, argument, and the way down: objective.p.w1, objective.x."""
    head = getattr(f, "__name__", "f").strip("<>")
    args, kwargs = structure.children
    pairs = [*zip(_argument_names(f, len(args.children)), args.children, strict=True)]
    pairs += zip(kwargs.names, kwargs.children, strict=True)
    names: dict[str, None] = {}
    for path in (path for name, child in pairs for path in _paths(child, f"{head}.{name}")):
        while path in names:  # {"a.b": ...} beside {"a": {"b": ...}}
            path += "_"
        names[path] = None
    return list(names)


def _argument_names(f: Callable[..., Any], count: int) -> list[str]:
    try:
        parameters = inspect.signature(f).parameters.values()
    except (TypeError, ValueError):  # a builtin without a signature
        parameters = ()
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    names = [p.name for p in parameters if p.kind in kinds]
    return [names[n] if n < len(names) else str(n) for n in range(count)]


def _paths(structure: Structure, path: str) -> Iterator[str]:
    if structure.kind == "leaf":
        yield path
    names = structure.names or range(len(structure.children))
    for name, child in zip(names, structure.children, strict=True):
        yield from _paths(child, f"{path}.{name}")


# ---- named sizes ----


def _named_shapes(
    dims: Sequence[Any], args: tuple[Any, ...], arrays: Sequence[np.ndarray]
) -> list[Sizes]:
    """The arrays' shapes, with names where `dims` gives them."""
    if len(dims) != len(args):
        raise ShapeError(
            "jit: dims has an entry an argument",
            got=f"{len(dims)} entries, {len(args)} arguments",
            fix="dims=(None, ('batch', None)): None, or a tuple with an entry an axis",
        )
    axes = [a for entry, argument in zip(dims, args, strict=True) for a in _axes(entry, argument)]
    axes += [None] * (len(arrays) - len(axes))  # keyword arguments
    return [_named(names, array.shape) for names, array in zip(axes, arrays, strict=True)]


def _axes(entry: Any, argument: Any) -> list[tuple[Any, ...] | None]:
    """For each leaf of an argument the names of its axes."""
    leaves, structure = flatten(argument)
    if entry is None or isinstance(entry, tuple):
        return [entry] * len(leaves)
    children = _children(argument, structure)
    keys = list(entry) if isinstance(entry, dict) else list(range(len(entry)))
    if set(keys) != set(children):
        raise ShapeError(
            "jit: dims is no tree like its argument",
            got=f"{entry!r} for {structure}",
            fix="of an array a tuple with an entry an axis: dims=(('batch', None),)",
        )
    return [axes for key, child in children.items() for axes in _axes(entry[key], child)]


def _children(argument: Any, structure: Structure) -> dict[Any, Any]:
    """What stands one level down, by key, field or place, in the order of the leaves."""
    if structure.kind == "dict":
        return {name: argument[name] for name in structure.names}
    if structure.kind in ("namedtuple", "dataclass"):
        return {name: getattr(argument, name) for name in structure.names}
    return dict(enumerate(argument)) if structure.kind in ("list", "tuple") else {}


def _named(names: tuple[Any, ...] | None, shape: tuple[int, ...]) -> Sizes:
    if names is None:
        return shape
    if len(names) != len(shape):
        raise ShapeError(
            f"jit: dims names {len(names)} axes",
            got=f"an array of shape {shape}",
            fix="None for an axis whose size is not named",
        )
    return tuple([s if name is None else name for name, s in zip(names, shape, strict=True)])

"""compile(): the one module that sees every stage. It owns no logic of theirs.

Enters: tensors. Leaves: a `Program`. The stages, each from frozen data to frozen data:

    graph -> (simplify -> build_schedule -> emit_program: code_of) -> Program
"""

import reprlib
from collections.abc import Iterable, Mapping, Sequence
from math import inf
from typing import Any

import numpy as np

from graphc import passes
from graphc.dims import Dim
from graphc.errors import DTypeError, GraphError, UpdateError, caller
from graphc.functions.creation import as_tensor
from graphc.functions.lifting import is_array_like
from graphc.functions.tensor import Tensor
from graphc.graph import INPUT, STATE, Graph, Node, verify
from graphc.runtime.backends import NATIVE
from graphc.runtime.binding.budget import Budget
from graphc.runtime.binding.code import code_of
from graphc.runtime.binding.sources import Backend
from graphc.runtime.program import Program
from graphc.tree import flatten, unflatten
from graphc.values import no_number


def simplify(tensors: Any) -> Any:
    """What a program makes of tensors before it groups them into kernels, to be read or drawn: the
    same values, with constants folded and unstable forms made stable.

    `tensors` is a tensor, a tree of them, or a graph such as `step.graph`, and so is the result. A
    program does it by itself. Raises GraphError for what is no tensor.

    >>> import graphc as gx
    >>> v = gx.input("v", ())
    >>> print(gx.text(gx.simplify(gx.grad(v**3, v))))
    v: f32[] = input()
    <BLANKLINE>
    # gradient
    %0: f32[] = mul(v, v)
    %1: f32[] = mul(3.0:f32, %0)
    return %1
    """
    if isinstance(tensors, Graph):
        return passes.simplify(tensors)
    leaves, structure = flatten(tensors)
    outputs = tuple(map(_output, leaves))
    read = tuple(node for node in Graph((), outputs).nodes if node.op is INPUT)
    found = passes.simplify(Graph(read, outputs)).outputs
    return unflatten(structure, list(map(Tensor, found)))


def compile(
    inputs: Sequence[Tensor],
    outputs: Any,
    *,
    updates: Mapping[Tensor, Tensor] | None = None,
    memory_budget: float | None = None,
    backend: Backend = NATIVE,
) -> Program:
    """A program that computes `outputs` from arrays for `inputs`, and then updates state.

    `outputs` is a tensor or a tree (dict, list, tuple, dataclass, None) of tensors; the program
    returns arrays in the same structure. `updates` maps parameters or state to their new values,
    which all read the old ones. Nothing is compiled for sizes: dims that are named take any number.

    `memory_budget` is how many bytes a call may use beside states, as `Program.memory` counts them:
    for inputs, outputs, and what is kept in between. For sizes that need more, kernels are put in
    another order, and run again instead of being kept, with the same results to the bit; sizes that
    fit do not pay for it. MemoryBudgetError, when sizes are first seen, says the least that works.

    Raises GraphError (an input twice, an input missing in `inputs`, an argument that is no input,
    an output that is no tensor), UpdateError (an update of what is no state), ShapeError and
    DTypeError (a new value that does not fit), LoweringError.

    >>> import graphc as gx
    >>> x = gx.input("x", ("n",))
    >>> w = gx.parameter("w", 3.0)
    >>> step = gx.compile([x], gx.sum(w * x), updates={w: w + 1})
    >>> step([1, 2]), step([1, 2]), w.value
    (np.float32(9.0), np.float32(12.0), array(5., dtype=float32))

    >>> h = x = gx.input("x", ("n", 64))
    >>> for n in range(9):
    ...     h = gx.tanh(h @ gx.parameter(f"w{n}", np.eye(64)))
    >>> grad = gx.grad(gx.sum(h), x)
    >>> gx.compile([x], grad).memory_for(n=1024).arena_bytes > 2_600_000
    True
    >>> small = gx.compile([x], grad, memory_budget=1_600_000)
    >>> small.memory_for(n=1024).arena_bytes <= 1_600_000
    True
    """
    leaves, structure = flatten(outputs)
    graph = Graph(
        tuple(_input(tensor) for tensor in _listed(inputs)),
        tuple(_output(leaf) for leaf in leaves),
        tuple(_update(state, value) for state, value in _items(updates)),
    )
    _distinct(graph.inputs)
    verify(graph)
    return Program(graph, code_of(graph), structure, _known(backend), _budget(memory_budget))


def _known(backend: Any) -> Backend:
    if isinstance(backend, Backend):
        return backend
    fix = "leave it out: programs are machine code for this CPU"
    raise GraphError("a backend turns kernels into addresses", got=reprlib.repr(backend), fix=fix)


def _budget(bytes: Any) -> Budget | None:
    if bytes is None:
        return None
    if isinstance(bytes, int | float | np.number) and bytes is not True and 0 < bytes < inf:
        return Budget(int(bytes), caller())
    raise GraphError(
        "memory_budget is a number of bytes", got=repr(bytes), fix="memory_budget=64 * 2**20"
    )


def _listed(inputs: Any) -> Sequence[Any]:
    if isinstance(inputs, list | tuple):
        return inputs
    raise GraphError("compile takes a list of inputs", got=f"{inputs!r}", fix="compile([x], ...)")


def _output(leaf: Any) -> Node:
    if isinstance(leaf, Tensor | Dim) or is_array_like(leaf):
        return as_tensor(leaf).node
    raise GraphError(
        "outputs are tensors, or a tree of tensors",
        got=f"{leaf!r}",
        fix=no_number(leaf)
        or "compile([x], loss), compile([x], [loss, dw]), compile([x], {'loss': loss})",
    )


def _items(updates: Any) -> Iterable[tuple[Any, Any]]:
    if updates is None:
        return ()
    if isinstance(updates, Mapping):
        return updates.items()
    raise UpdateError(
        "updates is a dict",
        got=type(updates).__name__,
        fix="updates={w: new value}; dict(pairs) makes one of pairs, {**a, **b} of several",
    )


def _input(tensor: Any) -> Node:
    if isinstance(tensor, Tensor) and tensor.node.op is INPUT:
        return tensor.node
    raise GraphError(
        "inputs are made by graphc.input",
        got=f"{tensor!r}",
        fix="list only inputs; parameters and state need no place in the list",
    )


def _distinct(inputs: Sequence[Node]) -> None:
    seen: dict[str, Node] = {}
    for node in inputs:
        name = node.params["name"]
        if name in seen:
            same = seen[name] is node
            raise GraphError(
                f"input {name!r} is listed twice" if same else f"two inputs are named {name!r}",
                got=f"{seen[name].type} and {node.type}",
                fix="list it once" if same else "give each input a name of its own",
            )
        seen[name] = node


def _update(state: Any, value: Any) -> tuple[Node, Node]:
    if not isinstance(state, Tensor) or state.node.op is not STATE:
        named = isinstance(state, str)
        raise UpdateError(
            "only parameters and state can be updated",
            got=f"{state!r}",
            fix="the tensor itself is the key, without quotes: updates={w: new}"
            if named
            else "make it with graphc.parameter or graphc.state; after w = w - step, w is another"
            " tensor: updates={w: w - step}",
        )
    name, new = state.node.params["cell"].name, as_tensor(value, state)
    if new.dtype != state.dtype:
        raise DTypeError(
            f"the update of {name!r} ({state.node.type})",
            got=f"{new.node.type}, made at {new.node.where}",
            fix=f"new.astype({str(state.dtype)!r})",
        )
    if new.shape != state.shape:
        raise UpdateError(
            f"the update of {name!r} ({state.node.type}) has another shape",
            got=f"{new.node.type}, made at {new.node.where}",
            fix="graphc.broadcast_to(new, state.shape) repeats it, .mean(axis=0) reduces it",
        )
    return state.node, new.node

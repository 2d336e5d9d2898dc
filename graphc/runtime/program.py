"""Programs: compiled graphs, called with arrays.

Enters: a program's code. Leaves: `Program`, which binds itself to the sizes of its arguments on
their first call and then runs in one native call.
"""

import copy
from collections.abc import Callable, Mapping, Sequence
from operator import itemgetter
from typing import Any, NoReturn

import numpy as np

from graphc.errors import BindingError, GraphError
from graphc.functions.copying import deep_copy
from graphc.graph import Graph
from graphc.refusals import explained
from graphc.runtime.arguments import arranged, arranged_epoch
from graphc.runtime.backends import NATIVE, runner
from graphc.runtime.binding.budget import Budget
from graphc.runtime.binding.code import Code, code_of
from graphc.runtime.binding.sources import Backend
from graphc.runtime.bindings import Bindings
from graphc.runtime.calls.bound import Bound
from graphc.runtime.epochs.batches import Epoch, check_progress, plan_epoch
from graphc.runtime.epochs.epoch import empty_results, run_segments, split_epoch
from graphc.runtime.reports.compile_report import CompileReport, Ledger, compile_report
from graphc.runtime.reports.explain import Explanation, explain
from graphc.runtime.reports.failure import failure_of
from graphc.runtime.reports.measure import Order, check_order, check_repeats, measure, profile_of
from graphc.runtime.reports.profile import Profile
from graphc.runtime.reports.report import KernelInfo, MemoryInfo, Source, kernel_infos, memory_info
from graphc.state import STATE_LOCK
from graphc.tree import LEAF, Structure, assembler
from graphc.values import array_of

MISSED = object()  # no result


@explained("step", "run_epoch", "profile", "memory_for", "explain", "compile_report")
class Program:
    """A compiled graph. Call it with arrays, in the order of its inputs or by their names.

    Made by `graphc.compile`. It returns fresh arrays (a NumPy scalar for a tensor without axes) in
    the structure of its outputs, and then has updated its states. Arrays of any size that the
    inputs' types allow are taken; a new size compiles nothing. Raises MissingInputError,
    UnknownInputError, BindingError, GuardError and IndexRangeError; state is then as it was.
    It may be called from several threads: calls take turns. A deep copy is compiled again, for
    copies of its states: those that the same deepcopy makes of parameters.

    >>> import graphc as gx
    >>> x = gx.input("x", ("n",))
    >>> program = gx.compile([x], gx.sum(x * x))
    >>> program([1, 2, 3]), program(x=[1, 2])
    (np.float32(14.0), np.float32(5.0))
    """

    def __init__(
        self,
        graph: Graph,
        code: Code,
        structure: Structure,
        backend: Backend = NATIVE,
        budget: Budget | None = None,
    ) -> None:
        self.graph = graph
        self._code, self._structure, self._backend = code, structure, backend
        self._budget, self._ledger = budget, Ledger()
        self._runs = False
        self._bindings = Bindings(graph, code, backend, budget, self._ledger)
        assemble = assembler(structure)
        self._single = structure == LEAF
        self._assemble: Callable[[Sequence[Any]], Any] = (
            itemgetter(0) if self._single else lambda outputs: assemble(iter(outputs))
        )
        self._run: Callable[[int, int], int] = runner(backend)
        self._names = tuple(str(node.params["name"]) for node in graph.inputs)
        self._dtypes = tuple(node.type.dtype.numpy for node in graph.inputs)

    def __call__(self, /, *args: Any, **kwargs: Any) -> Any:
        """Runs the program on these arrays."""
        if not kwargs:
            result = self.repeated(args)
            if result is not MISSED:
                return result
        if kwargs or len(args) != len(self._dtypes):
            args = arranged(self._names, args, kwargs)
        for a in args:
            if type(a) is not np.ndarray:
                args = self._arrays(args)
                break
        with STATE_LOCK:
            self._begin()
            try:
                bound = self._feed(args)
                bound.fresh()
                error = self._run(bound.address, bound.threads)
                if error:
                    bound.made.clear()
                    raise failure_of(bound.binding, error, self.graph.inputs, args)
                outputs = [result() for result in bound.results]
            finally:
                self._runs = False
        return self._assemble(outputs)

    def repeated(self, args: Sequence[Any]) -> Any:
        """What the program returns, if its last call was with arguments of the same sizes and
        dtypes, else MISSED, and nothing has run. Arrays are taken as they are, and for a float32
        a Python float."""
        with STATE_LOCK:
            runs, self._runs = self._runs, True
            try:
                again = self._bindings.last
                if runs or again is None or again.enter is None:
                    return MISSED
                outputs = again.enter(*args)
                if outputs is None:
                    return MISSED
                if outputs is False:
                    raise failure_of(again.binding, again.error, self.graph.inputs, args)
            finally:
                self._runs = runs
        return outputs[0] if self._single else self._assemble(outputs)

    def _begin(self) -> None:
        """Other threads wait for the lock. This thread holds it already if it is called from
        within a call, between the arguments and the results, which lie in the same memory."""
        if self._runs:
            raise BindingError(
                "the program is called within a call of its own",
                got="a call by a signal handler, a finaliser or a callback of gc",
                fix="call a copy there, which has memory of its own: copy.copy(program)",
            )
        self._runs = True

    def __repr__(self) -> str:
        types = ", ".join(
            f"{n}: {i.type}" for n, i in zip(self._names, self.graph.inputs, strict=True)
        )
        results = ", ".join(str(node.type) for node in self.graph.outputs)
        return f"Program({types} -> {results}; {len(self._code.steps)} kernels)"

    # ---- copies: a table holds addresses, of an arena and of states, so that none is shared ----

    def __copy__(self) -> "Program":
        return Program(self.graph, self._code, self._structure, self._backend, self._budget)

    def __deepcopy__(self, memo: dict[int, Any]) -> "Program":
        with STATE_LOCK:
            graph = Graph(
                self.graph.inputs,
                tuple([deep_copy(node, memo) for node in self.graph.outputs]),
                tuple([(deep_copy(a, memo), deep_copy(b, memo)) for a, b in self.graph.updates]),
            )
        code = code_of(graph)
        structure = copy.deepcopy(self._structure, memo)
        return Program(graph, code, structure, self._backend, self._budget)

    def __reduce_ex__(self, protocol: Any) -> NoReturn:
        raise GraphError(
            "a Program cannot be pickled", got=repr(self), fix="pickle the model, and compile again"
        )

    # ---- what it says of itself ----

    @property
    def kernels(self) -> tuple[KernelInfo, ...]:
        """The steps in order: name, the user's line, source."""
        return kernel_infos(self._latest)

    @property
    def source(self) -> Source:
        """The Python source of every distinct kernel, as it is compiled: a text."""
        return Source("\n\n".join(dict.fromkeys(e.source for e in self._code.emitted)))

    @property
    def _latest(self) -> Code:
        """What the sizes bound last run."""
        bound = next(reversed(self._bindings.known.values()), None)
        return self._code if bound is None else bound.binding.code

    def explain(self) -> Explanation:
        """Which operations became which kernel, and why others did not: a paragraph a kernel.

        >>> import graphc as gx
        >>> x = gx.input("x", ("n", 8))
        >>> print(gx.compile([x], gx.sum(gx.exp(x[1:]), axis=1).named("total")).explain())
        kernel 0  exp_sum  <doctest ...>:1  'total'
            prologue        exp
            reduction       sum
            views           slice
            lines           <doctest ...>:1
        """
        return explain(self._latest, self.graph)

    def compile_report(self) -> CompileReport:
        """What making the program cost until now: kernels, where they came from, seconds a stage.

        >>> import graphc as gx
        >>> x = gx.input("x", ("n",))
        >>> program = gx.compile([x], gx.sum(x * x))
        >>> program([1, 2]).item(), program([1, 2, 3]).item(), program.compile_report().bindings
        (5.0, 14.0, 2)
        """
        return compile_report(self._code, self._ledger)

    @property
    def memory(self) -> MemoryInfo:
        """Bytes for the sizes bound last, of an epoch its whole batches. MissingInputError before
        any call, where sizes have names: `memory_for` takes them."""
        bound = next(reversed(self._bindings.known.values()), None)
        return memory_info(self._bindings.at_no_sizes() if bound is None else bound.binding)

    def memory_for(self, /, **sizes: int) -> MemoryInfo:
        """Bytes for these numbers of the named sizes: nothing runs. MissingInputError for a size
        that is not given, UnknownInputError for one that the program does not have, BindingError
        for what is no int >= 0 or needs 2^62 bytes, GuardError for sizes that the graph does not
        allow.

        >>> import graphc as gx
        >>> x = gx.input("x", ("n", 16))
        >>> gx.compile([x], gx.exp(x)).memory_for(n=32).arena_bytes     # x and its exponential
        4096
        """
        return memory_info(self._bindings.at_sizes(sizes))

    def profile(
        self, /, *args: Any, repeats: int = 20, sort: Order = "program", **kwargs: Any
    ) -> Profile:
        """Where the time goes, as medians of `repeats` runs: a row a kernel, in the program's order
        or by `sort="time"`, beside the limits of the machine.

        Takes what a call takes, and leaves state as it was. An input named `repeats` or `sort` is
        given by place. The machine's limits are measured by the first profile of an hour, and those
        of the threads that ran count: one, where one is faster.

        Raises GraphError for `repeats` and `sort` that mean nothing and for a backend that makes
        no machine code; and what a call raises.
        """
        if self._backend is not NATIVE:
            raise GraphError(
                "a profile measures machine code", fix="compile for the NATIVE backend"
            )
        check_repeats(repeats)
        check_order(sort)
        given = arranged(self._names, args, kwargs)
        args = self._arrays(given)
        with STATE_LOCK:
            binding = self._feed(args).binding
            error, turns = measure(
                binding,
                lambda: self._feed(args).point_home(),
                lambda: self(*given),
                repeats,
            )
            if error:
                raise failure_of(binding, error, self.graph.inputs, args)
            return profile_of(binding, self.graph, turns, sort)

    def run_epoch(
        self,
        arrays: Mapping[str, Any] | Sequence[Any],
        /,
        batch_size: int,
        *,
        order: Any = None,
        shuffle: np.random.Generator | bool = False,
        drop_last: bool = False,
        progress: Callable[[int], object] | None = None,
        **once: Any,
    ) -> Any:
        """Calls the program on batches of `batch_size` rows of the arrays: many steps in a native
        call, with the results and the new state of as many calls, to the bit.

        `arrays` have one length; they are for the first inputs, in order, or come in a dict by
        name. All other inputs are given once, by name: an array of the input's shape holds for
        every step, one with one more axis in front has a value for each. Rows come as they are, or
        by their numbers in `order` (a permutation, or any choice), or shuffled by a generator. A
        last batch with fewer rows runs too, unless `drop_last`. `progress` is called about 20 times
        a second, with how many steps were done since: `tqdm(total=n).update` will do.

        Returns the outputs in their structure: joined along the first axis if that is the batch's,
        else stacked, an entry a step. Arrays of the inputs' dtypes are read where they are, others
        are converted batch by batch.

        Raises what a call raises; before the first step if arguments do not fit. A step that fails
        leaves the state that the step before it made, and the error says which step that was.
        Ctrl-C stops between two steps, within 0.1 s or the time of a step; there, other threads may
        run programs. An input named like an option cannot be given once.

        >>> import graphc as gx
        >>> x, rate = gx.input("x", ("batch",)), gx.input("rate", ())
        >>> w = gx.parameter("w", 0.0)
        >>> away = w - gx.mean(x)
        >>> step = gx.compile([x, rate], away * away, updates={w: w - rate * away})
        >>> step.run_epoch([[1, 2, 3, 4, 5]], batch_size=2, rate=1)
        array([2.25, 4.  , 2.25], dtype=float32)
        >>> step.run_epoch({"x": [1, 2, 3, 4]}, batch_size=2, rate=[1, 0.5], order=[3, 2, 1, 0])
        array([2.25, 4.  ], dtype=float32)
        """
        given, batched = arranged_epoch(self._names, arrays, once)
        inputs = self.graph.inputs
        epoch = plan_epoch(inputs, given, batched, batch_size, order, shuffle, drop_last)
        check_progress(progress)
        return self._run_epoch(epoch, progress)

    def _run_epoch(self, epoch: Epoch, progress: Callable[[int], object] | None) -> Any:
        with STATE_LOCK:
            found = self._bindings
            segments = split_epoch(
                epoch, found.placed_at_shapes if epoch.steps else found.at_shapes
            )
        outputs = empty_results(self.graph, epoch, segments)
        failed = run_segments(segments, epoch, outputs, self._backend, self._run, progress)
        if failed is not None:
            given, rows = epoch.given(failed.step)
            when = f", in step {failed.step}"
            raise failure_of(failed.binding, failed.error, self.graph.inputs, given, when, rows)
        return self._assemble(outputs)

    # ---- arguments ----

    def _feed(self, args: Sequence[Any]) -> Bound:
        """The program bound to the sizes of the arguments, which it will find: small ones are
        copied into the arena, large ones must live until it has run."""
        bound = self._bindings.find(args)
        bound.feed(args, self.graph.inputs)
        return bound

    def _arrays(self, values: Sequence[Any]) -> tuple[np.ndarray, ...]:
        return tuple([self._array(n, value) for n, value in enumerate(values)])

    def _array(self, number: int, value: Any) -> np.ndarray:
        return array_of(value, f"input {self._names[number]!r}", BindingError)

"""The kernel IR: small loop nests over memory, whose bodies are the primitives of the graph.

Enters: a fused group. Leaves: frozen data that `codegen` prints as Python. A kernel is

    for outer...:            # its first axis is split over the parts of a team
        row values           # computed once an outer point
        for inner...:        # one loop a stage; a reduction's result is there for the next stage
            values, accumulations, stores
"""

from dataclasses import dataclass
from typing import Literal

from graphc.dims import DimLike
from graphc.errors import Where
from graphc.graph import Graph, Node, Op
from graphc.graph import Literal as ConstantValue
from graphc.lowering import Combine, Index
from graphc.schedule.reasons import Reason, Refusal
from graphc.state import State
from graphc.types import DType, TensorType

Lanes = Literal["inner", "outer", "window"]
GROUP = 2048  # elements of rows that are swept together, if they are more than one
BufferKind = Literal["arena", "input", "state", "constant", "partial", "scratch", "strip"]


@dataclass(frozen=True, slots=True, eq=False)
class Buffer:
    """A place in memory, compared by identity.

    "partial" holds one element a part, "scratch" a group of rows a part, "strip" a strip (its
    type) a part.
    """

    kind: BufferKind
    type: TensorType
    name: str
    owner: Node | State | ConstantValue | None = None

    @property
    def cell(self) -> State:
        """The state that a "state" buffer is the memory of."""
        assert isinstance(self.owner, State)
        return self.owner


@dataclass(frozen=True, slots=True)
class Load:
    """operand[index], or operand[index + stride * position] where `position` is a checked value."""

    operand: int
    index: Index
    dtype: DType
    position: int | None = None
    stride: DimLike = 1


@dataclass(frozen=True, slots=True)
class Position:
    """An integer value as a position in an axis: negative ones count from the end; else an
    error."""

    value: int
    extent: DimLike
    code: int


@dataclass(frozen=True, slots=True)
class Compute:
    """A primitive of one element from values."""

    op: Op
    args: tuple[int, ...]
    dtype: DType


@dataclass(frozen=True, slots=True)
class Scalar:
    """A run-time number: a scalar node that only constants and sizes reach, evaluated at
    binding."""

    node: Node
    dtype: DType


@dataclass(frozen=True, slots=True)
class Count:
    """An affine function of the loop variables, as a number."""

    index: Index
    dtype: DType


@dataclass(frozen=True, slots=True)
class Reduced:
    """What a stage accumulated of a value; `axis` is the loop variable that argmax counts."""

    combine: Combine
    value: int
    dtype: DType
    axis: int | None = None


Value = Load | Position | Compute | Scalar | Count | Reduced


@dataclass(frozen=True, slots=True)
class Store:
    """operand[index] = value, or operand[index + stride * position] set or added to."""

    operand: int
    index: Index
    value: int
    position: int | None = None
    stride: DimLike = 1
    add: bool = False


@dataclass(frozen=True, slots=True)
class Operand:
    """A pointer argument: one a buffer, so that different operands never overlap."""

    buffer: Buffer
    dtype: DType
    written: bool


@dataclass(frozen=True, slots=True)
class Stage:
    """One level of the nest: "row" statements, or an "inner" loop that may accumulate.

    `compute` lists values to compute here, `keep` those to save for later stages and `reuse` those
    saved by an earlier one; `reduces` are Reduced values accumulated here.
    """

    level: Literal["row", "inner"]
    compute: tuple[int, ...]
    stores: tuple[Store, ...] = ()
    reduces: tuple[int, ...] = ()
    keep: tuple[int, ...] = ()
    reuse: tuple[int, ...] = ()


PartRole = Literal[
    "contraction",
    "reduction",
    "pointwise",
    "prologue",
    "again",
    "epilogue",
    "update",
    "piece",
    "scatter",
]


@dataclass(frozen=True, slots=True)
class Part:
    """A node that a kernel computes or stores `value` into, and what it is there."""

    role: PartRole
    node: Node
    value: Node


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a kernel came from, for people: a title, the user's line, what it is made of.

    `refusals` tell why it is no part of the kernels that it reads, `stays` why a pointwise kernel
    did not move into its reader.
    """

    title: str
    where: Where | None
    parts: tuple[Part, ...]
    refusals: tuple[Refusal, ...] = ()
    stays: Reason | None = None

    @property
    def nodes(self) -> tuple[Node, ...]:
        """What the kernel computes, in order."""
        return tuple([part.node for part in self.parts])


@dataclass(frozen=True, slots=True, eq=False)
class LoopKernel:
    """A nest of `outer` then `inner` loops; variables are numbered in that order.

    `lanes` says which loop is vectorised: the last inner one, or the last outer one; that in tiles,
    with accumulators that are tiles too, or, for a "window", around all points of the inner ones.
    `split` is the variable shared out over parts (None: one part does all); of an inner one or over
    rows of columns the reductions are partial, one result a part. `kept` are (value,
    operand): rows saved for later stages, in scratch or where one of these stores its results.
    `checks` are the nodes whose positions are checked, by their codes 1, 2, ... `parts` names the
    size that says how many parts a partial kernel had. `cost` is in cycles, for the whole kernel.
    """

    origin: Origin
    outer: tuple[DimLike, ...]
    inner: tuple[DimLike, ...]
    operands: tuple[Operand, ...]
    values: tuple[Value, ...]
    stages: tuple[Stage, ...]
    lanes: Lanes
    split: int | None
    parts: DimLike | None
    kept: tuple[tuple[int, int], ...]
    checks: tuple[Node, ...]
    cost: DimLike

    @property
    def extents(self) -> tuple[DimLike, ...]:
        """Of all loop variables, in order."""
        return self.outer + self.inner


@dataclass(frozen=True, slots=True)
class Factor:
    """An operand of a contraction: its buffer and its first element."""

    operand: int
    offset: DimLike


@dataclass(frozen=True, slots=True)
class Axis:
    """A loop of a contraction: its extent, and how far a step of it moves in either operand."""

    extent: DimLike
    left: DimLike
    right: DimLike


@dataclass(frozen=True, slots=True, eq=False)
class ContractKernel:
    """result[axes] = epilogue(the sum over the depth axes of left * right).

    The epilogue's indices are of `axes`, the loops of the result in order. Of these, `row` moves in
    the left operand alone and `column` in the right one; blocks of the two are computed at once,
    the `outer` ones are loops around the blocks. The one Reduced value is the sum. Where parts
    share out the depth, each has sums of its own: `share`, the last axis, counts them, and the
    binding decides how many there are and which steps along the depth each takes.
    """

    origin: Origin
    dtype: DType
    axes: tuple[Axis, ...]
    row: int | None
    column: int | None
    depth: tuple[Axis, ...]
    left: Factor
    right: Factor
    operands: tuple[Operand, ...]
    values: tuple[Value, ...]
    stage: Stage
    cost: DimLike
    share: int | None = None

    @property
    def parts(self) -> DimLike | None:
        """The size that says how many sums of shares there are."""
        return None if self.share is None else self.axes[self.share].extent

    @property
    def extents(self) -> tuple[DimLike, ...]:
        """Of the epilogue's variables, in order."""
        return tuple(axis.extent for axis in self.axes)

    @property
    def outer(self) -> tuple[int, ...]:
        """The numbers of the outer axes: that of shares, then the other `shared` ones, along which
        the right moves."""
        numbers = [n for n in range(len(self.axes)) if n not in (self.row, self.column)]
        return tuple(sorted(numbers, key=lambda n: (n != self.share, self.axes[n].right == 0)))

    @property
    def shared(self) -> int:
        """How many of the outer axes move in the right operand."""
        return sum(n == self.share or self.axes[n].right != 0 for n in self.outer)

    @property
    def plain(self) -> bool:
        """Whether the epilogue only stores the sums, rows of columns one behind the other."""
        (*others, store) = self.stage.stores
        alone = not others and isinstance(self.values[store.value], Reduced)
        moves = self.column is not None and dict(store.index.terms).get(self.column) == 1
        return alone and store.position is None and not store.add and moves


Computing = LoopKernel | ContractKernel


@dataclass(frozen=True, slots=True)
class Member:
    """A kernel that runs on one strip after the other; its extents are those of a strip.

    Along each axis of the strips `operands` move by so many elements a step of the axis, and so do
    the `factors` of a contraction. One that is `first` runs on the first strip of a head only.
    """

    kernel: Computing
    operands: tuple[tuple[DimLike, ...], ...]
    factors: tuple[tuple[DimLike, ...], ...] = ()
    first: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class StripKernel:
    """Runs its members, which are the steps behind it, on a strip of the `axes` at a time.

    The last of the axes are rows, those before it heads. `units` are the names of how much of each
    axis a strip has, `starts` those of where it begins. Members that have no `sums` along the rows
    leave the strips of a head to several parts.
    """

    origin: Origin
    axes: tuple[DimLike, ...]
    units: tuple[DimLike, ...]
    starts: tuple[DimLike, ...]
    members: tuple[Member, ...]
    sums: bool

    @property
    def operands(self) -> tuple[Operand, ...]:
        """What its members write, and what they read of others; not what a strip or a row has of
        its own."""
        every = [o for member in self.members for o in member.kernel.operands]
        made = {o.buffer for o in every if o.written}
        outside = (o for o in every if o.written or o.buffer not in made)
        return tuple(dict.fromkeys(o for o in outside if o.buffer.kind not in ("scratch", "strip")))

    @property
    def values(self) -> tuple[Value, ...]:
        """It computes nothing itself."""
        return ()

    @property
    def extents(self) -> tuple[DimLike, ...]:
        """It has no loops over elements."""
        return ()


Kernel = Computing | StripKernel


@dataclass(frozen=True, slots=True)
class Step:
    """A kernel in its place: steps of one level do not depend on each other.

    `first` is the number of the step whose work this one does again.
    """

    kernel: Kernel
    level: int
    first: int | None = None


@dataclass(frozen=True, slots=True)
class Schedule:
    """A whole program: steps in order, where inputs and outputs live, and the graph it computes.

    `scalars` are the nodes that a binding evaluates to numbers.
    """

    graph: Graph
    steps: tuple[Step, ...]
    inputs: tuple[Buffer, ...]
    outputs: tuple[Buffer, ...]
    scalars: frozenset[Node]

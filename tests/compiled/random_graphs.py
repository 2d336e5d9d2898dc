"""Random graphs whose values are small integers, so that every way to compute them gives the same.

Enters: a source of choices. Leaves: nodes. Sizes are ints or the names n and m; what would grow is
clipped. Every method adds a node made of earlier ones, if it finds any that fit.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random

import numpy as np

from graphc import ops
from graphc.dims import Dim, DimLike, dim, evaluate, product
from graphc.graph import INPUT, STATE, Node, constant, make
from graphc.state import State
from graphc.types import DType, TensorType, bool_, float32, float64, int8, int32, int64

NUMBERS = (float32, float64, int64, int32, int8)
LIMIT = 7  # values stay in -7..7
MOST = 600  # elements of a value

UNARY = (ops.neg, ops.abs_, ops.sign, ops.identity)
BINARY = (ops.add, ops.sub, ops.mul, ops.maximum, ops.minimum)
COMPARISONS = (ops.eq, ops.ne, ops.lt, ops.le, ops.gt, ops.ge)
REDUCTIONS = (ops.sum_, ops.max_, ops.min_, ops.prod)


@dataclass(slots=True)
class Builder:
    """Nodes so far, and what the inputs are fed; `sizes` are the numbers of the named sizes."""

    rng: Random
    sizes: dict[str, int]
    nodes: list[Node] = field(default_factory=list)
    inputs: list[Node] = field(default_factory=list)
    arrays: list[np.ndarray] = field(default_factory=list)

    # ---- leaves ----

    def some_size(self) -> DimLike:
        return self.rng.choice(
            [1, 2, 3, 4, 6, dim("n"), dim("m"), 0 if self.rng.random() < 0.1 else 5]
        )

    def shape(self) -> tuple[DimLike, ...]:
        rank = self.rng.choice([0, 1, 2, 2, 3, 3, 4])
        shape = tuple(self.some_size() for _ in range(rank))
        return shape if self.count(shape) <= MOST else shape[:2]

    def values(self, type_: TensorType) -> np.ndarray:
        shape = tuple(evaluate(d, self.sizes) for d in type_.shape)
        generator = np.random.default_rng(self.rng.randrange(1000))
        low, high = (0, 2) if type_.dtype is bool_ else (-LIMIT, LIMIT + 1)
        return generator.integers(low, high, shape).astype(type_.dtype.numpy)

    def input(self, type_: TensorType) -> Node:
        node = make(INPUT, (), {"name": f"x{len(self.inputs)}", "type": type_})
        self.inputs.append(node)
        self.arrays.append(self.values(type_))
        return self.keep(node)

    def constant(self, type_: TensorType) -> Node:
        return self.keep(constant(self.values(type_), type_))

    def state(self, type_: TensorType) -> Node:
        cell = State(f"s{len(self.nodes)}", self.values(type_), type_, True)
        return self.keep(make(STATE, (), {"cell": cell}))

    def keep(self, node: Node) -> Node:
        self.nodes.append(node)
        return node

    # ---- finding operands ----

    def count(self, shape: tuple[DimLike, ...]) -> int:
        return evaluate(product(shape), self.sizes)

    def number(self, size: DimLike) -> int:
        return evaluate(size, self.sizes)

    def pick(self, fits: Callable[[Node], bool] = lambda node: True) -> Node | None:
        found = [node for node in self.nodes if fits(node)]
        # Mostly recent ones: chains grow deep, and old nodes get further readers.
        if not found:
            return None
        return self.rng.choice(found[-4:] if self.rng.random() < 0.7 else found)

    def numeric(self) -> Node | None:
        return self.pick(lambda node: node.type.dtype in NUMBERS)

    def like(self, node: Node) -> Node:
        """Another node of the same type, or one made from what there is."""
        found = self.pick(lambda other: other.type == node.type)
        if found is not None and found is not node:
            return found
        other = self.pick(lambda other: other.type.shape == node.type.shape)
        if other is not None and other is not node:
            return self.cast_to(other, node.type.dtype)
        return self.filled(self.rng.randint(-2, 2), node.type)

    def filled(self, value: float, type_: TensorType) -> Node:
        scalar = TensorType(type_.dtype, ())
        node = constant(np.asarray(value).astype(type_.dtype.numpy), scalar)
        return make(ops.broadcast_to, (node,), {"shape": type_.shape}) if type_.shape else node

    def cast_to(self, node: Node, dtype: DType) -> Node:
        return node if node.type.dtype is dtype else make(ops.cast, (node,), {"dtype": dtype})

    def clipped(self, node: Node) -> Node:
        high, low = self.filled(LIMIT, node.type), self.filled(-LIMIT, node.type)
        return make(ops.minimum, (make(ops.maximum, (node, low), {}), high), {})

    def some_axes(self, rank: int) -> tuple[int, ...]:
        return tuple(axis for axis in range(rank) if self.rng.random() < 0.5)

    # ---- steps ----

    def step(self) -> None:
        self.rng.choice(STEPS)(self)

    def unary(self) -> None:
        x = self.pick()
        if x is None:
            return
        if x.type.dtype is bool_:
            self.keep(make(ops.not_, (x,), {}))
        else:
            self.keep(make(self.rng.choice(UNARY), (x,), {}))

    def binary(self) -> None:
        x = self.numeric()
        if x is not None:
            op, other = self.rng.choice(BINARY), self.like(x)
            pair = (x, other) if self.rng.random() < 0.5 else (other, x)
            result = make(op, pair, {})
            self.keep(self.clipped(result) if op in (ops.add, ops.sub, ops.mul) else result)

    def compare(self) -> None:
        x = self.numeric()
        if x is not None:
            self.keep(make(self.rng.choice(COMPARISONS), (x, self.like(x)), {}))

    def where(self) -> None:
        c = self.pick(lambda node: node.type.dtype is bool_)
        if c is not None:
            x = self.pick(lambda node: node.type.shape == c.type.shape)
            if x is not None:
                self.keep(make(ops.where, (c, x, self.like(x)), {}))

    def cast(self) -> None:
        x = self.pick()
        if x is not None:
            self.keep(self.cast_to(x, self.rng.choice([*NUMBERS, bool_])))

    def reduce(self) -> None:
        x = self.pick()
        if x is None:
            return
        axes = self.some_axes(len(x.type.shape))
        if x.type.dtype is bool_:
            self.keep(make(self.rng.choice([ops.any_, ops.all_]), (x,), {"axes": axes}))
            return
        op = self.rng.choice(REDUCTIONS)
        if op in (ops.max_, ops.min_) and any(self.number(x.type.shape[a]) == 0 for a in axes):
            op = ops.sum_
        if op is ops.prod or x.type.dtype is int8:
            x = make(ops.sign, (x,), {})
        self.keep(self.clipped(make(op, (x,), {"axes": axes})))

    def normalise(self) -> None:
        """x - broadcast of a reduction of x: rows in several sweeps."""
        x = self.numeric()
        if x is None or x.type.dtype is int8 or 0 in x.type.shape or not x.type.shape:
            return
        axes = self.some_axes(len(x.type.shape))
        y = make(self.rng.choice([ops.sum_, ops.max_, ops.min_]), (x,), {"axes": axes})
        y = self.clipped(y)
        shape = tuple(1 if a in axes else d for a, d in enumerate(x.type.shape))
        if shape != y.type.shape:
            y = make(ops.reshape, (y,), {"shape": shape})
        if shape != x.type.shape:
            y = make(ops.broadcast_to, (y,), {"shape": x.type.shape})
        self.keep(self.clipped(make(self.rng.choice([ops.sub, ops.mul]), (x, y), {})))

    def position(self) -> None:
        x = self.pick(lambda node: node.type.dtype in NUMBERS and node.type.shape != ())
        if x is not None:
            axis = self.rng.randrange(len(x.type.shape))
            if self.number(x.type.shape[axis]):
                op = self.rng.choice([ops.argmax, ops.argmin])
                self.keep(make(op, (x,), {"axes": (axis,)}))

    def transpose(self) -> None:
        x = self.pick(lambda node: len(node.type.shape) > 1)
        if x is not None:
            axes = list(range(len(x.type.shape)))
            self.rng.shuffle(axes)
            self.keep(make(ops.transpose, (x,), {"axes": tuple(axes)}))

    def broadcast(self) -> None:
        x = self.pick()
        if x is None:
            return
        shape = tuple(self.some_size() if d == 1 else d for d in x.type.shape)
        if self.rng.random() < 0.5:
            shape = (self.some_size(), *shape)
        if self.count(shape) <= MOST:
            self.keep(make(ops.broadcast_to, (x,), {"shape": shape}))

    def slice(self) -> None:
        x = self.pick(lambda node: node.type.shape != ())
        if x is not None:
            places = [self.part(d) for d in x.type.shape]
            starts, sizes, steps = zip(*places, strict=True)
            self.keep(make(ops.slice_, (x,), {"starts": starts, "sizes": sizes, "steps": steps}))

    def part(self, size: DimLike) -> tuple[DimLike, DimLike, int]:
        """Start, size and step of a part of an axis."""
        choice = self.rng.random()
        if choice < 0.4 or self.number(size) < 3:
            return 0, size, 1
        if choice < 0.6:
            return size - 1, size, -1
        if isinstance(size, Dim):
            return self.rng.choice([(1, size - 1, 1), (size - 1, 2, -2), (1, size - 2, 1)])
        count = self.rng.randint(1, size)
        step = self.rng.choice([1, 2, -1, -2])
        count = min(count, (size - 1) // abs(step) + 1)
        reach = (count - 1) * abs(step)
        first = self.rng.randint(0, size - 1 - reach)
        return (first if step > 0 else first + reach), count, step

    def pad(self) -> None:
        x = self.pick(lambda node: node.type.shape != ())
        if x is None:
            return
        shape, starts, steps = [], [], []
        for size in x.type.shape:
            step = self.rng.choice([1, 1, 2, -1])
            start = self.rng.choice([0, 0, 1, 2])
            reach = (size - 1) * abs(step) + 1 if self.number(size) else 0
            shape.append(start + reach + self.rng.choice([0, 0, 1]))
            starts.append(start if step > 0 else start + reach - 1)
            steps.append(step)
        if any(self.number(s) < 0 for s in starts) or self.count(tuple(shape)) > MOST:
            return
        value = float(self.rng.choice([0, 1, 3])) if x.type.dtype is not bool_ else 1.0
        params = {"shape": tuple(shape), "starts": tuple(starts), "steps": tuple(steps)}
        self.keep(make(ops.pad, (x,), {**params, "value": value}))

    def concat(self) -> None:
        x = self.pick(lambda node: node.type.shape != ())
        if x is None:
            return
        axis = self.rng.randrange(len(x.type.shape))

        def fits(node: Node) -> bool:
            shape, wanted = list(node.type.shape), list(x.type.shape)
            if node.type.dtype is not x.type.dtype or len(shape) != len(wanted):
                return False
            shape.pop(axis)
            wanted.pop(axis)
            return shape == wanted

        others = [self.pick(fits) for _ in range(self.rng.randint(1, 2))]
        parts = tuple(node for node in (x, *others) if node is not None)
        if self.count(make(ops.concat, parts, {"axis": axis}).type.shape) <= MOST:
            self.keep(make(ops.concat, parts, {"axis": axis}))

    def reshape(self) -> None:
        x = self.pick()
        if x is None:
            return
        shape = list(x.type.shape)
        match self.rng.randrange(5):
            case 0 if len(shape) > 1:
                at = self.rng.randrange(len(shape) - 1)
                shape[at : at + 2] = [shape[at] * shape[at + 1]]
            case 1:
                shape = [product(shape)]
            case 2:
                splits = [a for a, d in enumerate(shape) if d in (4, 6)]
                for at in splits[:1]:
                    shape[at : at + 1] = [2, shape[at] // 2]
            case 3:
                shape.insert(self.rng.randint(0, len(shape)), 1)
            case _:
                shape = [d for d in shape if d != 1]
        self.keep(make(ops.reshape, (x,), {"shape": tuple(shape)}))

    def dot(self) -> None:
        a = self.pick(lambda node: node.type.dtype in NUMBERS and node.type.dtype is not int8)
        if a is None:
            return
        b = self.pick(lambda node: node.type.dtype is a.type.dtype)
        assert b is not None
        left, right = list(range(len(a.type.shape))), list(range(len(b.type.shape)))
        self.rng.shuffle(left)
        pairs: list[list[tuple[int, int]]] = [[], []]
        for i in left:
            found = [j for j in right if b.type.shape[j] == a.type.shape[i]]
            if found and self.rng.random() < 0.7:
                j = self.rng.choice(found)
                right.remove(j)
                pairs[self.rng.random() < 0.3].append((i, j))
        contract, batch = (
            (tuple(i for i, _ in found), tuple(j for _, j in found)) for found in pairs
        )
        result = make(ops.dot, (a, b), {"contract": contract, "batch": batch})
        depth = self.count(tuple(a.type.shape[i] for i in contract[0]))
        if self.count(result.type.shape) * depth <= 20 * MOST:
            self.keep(self.clipped(result))

    def places(self, size: DimLike, shape: tuple[DimLike, ...] | None = None) -> Node | None:
        """Positions in an axis: any integers modulo its size."""
        if self.number(size) == 0:
            return None
        found = self.pick(
            lambda node: (
                node.type.dtype in (int32, int64)
                and (len(node.type.shape) < 3 if shape is None else node.type.shape == shape)
            )
        )
        if found is None:
            type_ = TensorType(int64, self.shape()[:2] if shape is None else shape)
            found = self.input(type_)
        scalar = self.cast_to(make(ops.size, (), {"dim": size}), found.type.dtype)
        if found.type.shape:
            scalar = make(ops.broadcast_to, (scalar,), {"shape": found.type.shape})
        inside = make(ops.mod, (found, scalar), {})
        return make(ops.sub, (inside, scalar), {}) if self.rng.random() < 0.3 else inside

    def gather(self) -> None:
        x = self.pick(lambda node: node.type.shape != ())
        if x is None:
            return
        axis = self.rng.randrange(len(x.type.shape))
        if self.rng.random() < 0.5:
            index = self.places(x.type.shape[axis])
            op = ops.take
        else:
            wanted = list(x.type.shape)
            wanted[axis] = self.some_size()
            index = self.places(x.type.shape[axis], tuple(wanted))
            op = ops.take_along
        if index is not None:
            result = make(op, (x, index), {"axis": axis})
            if self.count(result.type.shape) <= MOST:
                self.keep(result)

    def scatter(self) -> None:
        x = self.numeric()
        if x is None or not x.type.shape:
            return
        axis = self.rng.randrange(len(x.type.shape))
        along = self.rng.random() < 0.5
        wanted = list(x.type.shape)
        wanted[axis] = self.some_size()
        index = self.places(x.type.shape[axis], tuple(wanted) if along else None)
        if index is None:
            return
        shape = index.type.shape
        if not along:
            shape = (*x.type.shape[:axis], *shape, *x.type.shape[axis + 1 :])
        if self.count(shape) > MOST:
            return
        type_ = TensorType(x.type.dtype, shape)
        updates = self.pick(lambda node: node.type == type_) or self.filled(2, type_)
        params = {"axis": axis, "combine": self.rng.choice(["add", "set"])}
        op = ops.scatter_along if along else ops.scatter
        self.keep(self.clipped(make(op, (x, index, updates), params)))

    def iota(self) -> None:
        shape = self.shape()
        if shape and self.count(shape) <= MOST:
            axis = self.rng.randrange(len(shape))
            dtype = self.rng.choice([int64, int32, float32])
            self.keep(
                self.clipped(make(ops.iota, (), {"shape": shape, "axis": axis, "dtype": dtype}))
            )

    def sized(self) -> None:
        self.keep(make(ops.size, (), {"dim": dim(self.rng.choice("nm"))}))


STEPS: tuple[Callable[[Builder], None], ...] = (
    *(Builder.unary, Builder.binary, Builder.binary, Builder.binary, Builder.compare),
    *(Builder.where, Builder.cast, Builder.reduce, Builder.reduce, Builder.normalise),
    *(Builder.position, Builder.transpose, Builder.transpose, Builder.broadcast, Builder.broadcast),
    *(Builder.slice, Builder.slice, Builder.pad, Builder.concat, Builder.reshape, Builder.reshape),
    *(Builder.dot, Builder.dot, Builder.gather, Builder.scatter, Builder.iota, Builder.sized),
)


def some_type(builder: Builder) -> TensorType:
    return TensorType(
        builder.rng.choice([float32, float64, float32, int64, bool_]), builder.shape()
    )

"""Stages: which values a kernel computes at which level of its nest, and in which sweep.

Enters: a body's values and stores, and which loop variables are inner. Leaves: stages in order. A
value that waits for a reduction belongs to the next sweep; one needed again in a later sweep is
loaded or computed again where that is cheap, and kept in a row of memory where it is not.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

from graphc.schedule.kernel import (
    Compute,
    Count,
    Lanes,
    Load,
    Reduced,
    Scalar,
    Stage,
    Store,
    Value,
)
from graphc.schedule.merge import coefficient
from graphc.schedule.sweeps import Levels, arguments, cost_of, levels_of, varies

Key = tuple[int, Literal["row", "inner"]]

KEEP_COST = 8  # cycles an element above which a value is kept rather than computed again
COMPARISONS = ("eq", "ne", "lt", "le", "gt", "ge")
# What never becomes one instruction with the operation that reads it, as a * b does with + c.
APART = (
    *("add", "sub", "neg", "abs", "div", "sqrt", "maximum", "minimum", "where", "cast", "identity"),
    *COMPARISONS,
)


def is_row(access: Load | Store, row: int) -> bool:
    """Whether each turn of that outer loop, the last, has neighbours in memory, and others than the
    turn before."""
    along, across = (coefficient(access.index, v) for v in (row + 1, row))
    return access.position is None and along == 1 and across != 0


def flops_of(value: Value) -> int:
    """Arithmetic operations an element, a function call being one."""
    return int(isinstance(value, Compute | Reduced))


def unsteady(values: Sequence[Value], levels: Levels) -> frozenset[int]:
    """Values that a comparison in a later sweep needs to the bit, and that might round otherwise if
    they were computed again: in x == max(x) for x = a * b + c, once as two operations, once as one.
    """
    result: set[int] = set()
    for number, value in enumerate(values):
        if not isinstance(value, Compute) or value.op.name not in COMPARISONS:
            continue
        stack, seen = [number], set[int]()
        while stack:
            for a in arguments(values[stack.pop()]):
                if a not in seen and levels.inner[a]:
                    seen.add(a)
                    stack.append(a)
        earlier = (a for a in seen if levels.sweep[a] < levels.sweep[number])
        result.update(a for a in earlier if not _steady(values, a))
    return frozenset(result)


def _steady(values: Sequence[Value], number: int) -> bool:
    stack = list(arguments(values[number]))
    while stack:
        value = values[stack.pop()]
        if isinstance(value, Compute) and value.dtype.kind == "f" and value.op.name not in APART:
            return False
        stack.extend(arguments(value))
    return True


def plan(
    values: Sequence[Value], stores: Sequence[Store], inner: frozenset[int], lanes: Lanes
) -> tuple[Stage, ...]:
    """The stages in order: for each sweep its row statements, then its inner loop."""
    levels = levels_of(values, inner)
    last = max(levels.sweep, default=0)
    order: list[Key] = [(s, level) for s in range(last + 1) for level in ("row", "inner")]
    sinks: dict[Key, tuple[list[Store], list[int]]] = {key: ([], []) for key in order}
    for store in stores:
        level = "inner" if inner and _is_point(store, levels, inner) else "row"
        sinks[_store_sweep(store, levels), level][0].append(store)
    for number, value in enumerate(values):
        if isinstance(value, Reduced) and value.value >= 0:
            sinks[levels.sweep[number] - 1, "inner"][1].append(number)
    planner = _Planner(values, levels, lanes)
    stages = [planner.stage(key, *sinks[key]) for key in reversed(order)]
    kept = planner.kept
    finished = [replace(s, keep=tuple(n for n in s.compute if n in kept)) for s in stages]
    return tuple(s for s in reversed(finished) if s.compute or s.stores or s.reduces)


def _store_sweep(store: Store, levels: Levels) -> int:
    position = 0 if store.position is None else levels.sweep[store.position]
    return max(levels.sweep[store.value], position)


def _is_point(store: Store, levels: Levels, inner: frozenset[int]) -> bool:
    # A scatter writes once a point, even where all of it is the same along the inner loop.
    scattered = store.position is not None
    return scattered or levels.inner[store.value] or varies(store.index, inner)


class _Planner:
    """Plans stages from the last to the first: a stage tells earlier ones what it needs of them."""

    __slots__ = ("_lanes", "_levels", "_unsteady", "_values", "_wanted", "kept")

    def __init__(self, values: Sequence[Value], levels: Levels, lanes: Lanes) -> None:
        self._values, self._levels, self._lanes = values, levels, lanes
        self._unsteady = unsteady(values, levels)
        self._wanted: dict[Key, set[int]] = {}
        self.kept: set[int] = set()

    def stage(self, key: Key, stores: list[Store], reduces: list[int]) -> Stage:
        """The stage's values; what belongs to earlier stages becomes wanted there."""
        positions = [s.position for s in stores if s.position is not None]
        accumulated = [self._reduced(number) for number in reduces]
        stack = [*self._wanted.get(key, ()), *(s.value for s in stores), *positions, *accumulated]
        compute: set[int] = set()
        reuse: set[int] = set()
        while stack:
            number = stack.pop()
            if number in compute or number in reuse:
                continue
            if isinstance(self._values[number], Scalar | Reduced):
                continue
            if self._here(number, key):
                compute.add(number)
                stack.extend(arguments(self._values[number]))
            else:
                home: Key = (self._levels.sweep[number], self._level(number))
                self._wanted.setdefault(home, set()).add(number)
                if home[1] == "inner" or self._lanes != "inner":
                    reuse.add(number)
                    self.kept.add(number)
        order = tuple(sorted(compute))
        return Stage(key[1], order, tuple(stores), tuple(reduces), (), tuple(sorted(reuse)))

    def _reduced(self, number: int) -> int:
        value = self._values[number]
        assert isinstance(value, Reduced)
        return value.value

    def _level(self, number: int) -> Literal["row", "inner"]:
        return "inner" if self._levels.inner[number] else "row"

    def _here(self, number: int, key: Key) -> bool:
        if (self._levels.sweep[number], self._level(number)) == key:
            return True
        value = self._values[number]
        if self._level(number) == "row":
            # Tiles of rows have no name that another stage sees; loads are as cheap as tiles.
            return self._lanes != "inner" and isinstance(value, Load | Count)
        return key[1] == "inner" and self._again(number)

    def _again(self, number: int) -> bool:
        """Whether a later sweep computes the value again: its inner arguments cost little, or LLVM
        sees that it is the same."""
        if number in self._unsteady:
            return False
        if self._lanes != "inner":
            return True
        total, stack = 0, [number]
        while stack and total < KEEP_COST:
            top = stack.pop()
            total += cost_of(self._values[top])
            stack.extend(a for a in arguments(self._values[top]) if self._levels.inner[a])
        return total < KEEP_COST

"""Random graphs: the interpreter == the generated Python == the compiled kernels.

Those of small integers agree to the bit; losses and their gradients within rounding.
"""

from collections.abc import Callable, Sequence
from random import Random

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import graphc as gx
from graphc import ops
from graphc.graph import Graph, Node, make
from graphc.runtime.backends import NATIVE, PYTHON
from graphc.types import TensorType, int64
from tests.compiled.checking import Case, check, expected
from tests.compiled.random_graphs import Builder, some_type
from tests.compiled.random_losses import random_loss

SPLIT = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
LOOSE = {"float64": 1e-10, "float32": 3e-3}


def random_case(rng: Random) -> Case:
    builder = Builder(rng, {"n": rng.choice([1, 3, 5, 7]), "m": rng.choice([1, 2, 4])})
    for name in ("n", "m"):  # every name needs an input with such an axis
        builder.input(TensorType(int64, (name,)))
    for _ in range(rng.randint(1, 3)):
        builder.input(some_type(builder))
    builder.constant(TensorType(some_type(builder).dtype, (3,)))
    states = [builder.state(TensorType(some_type(builder).dtype, s)) for s in ((), (3,), (4, 4))]
    states.append(builder.state(states[2].type))
    for _ in range(rng.randint(3, 25)):
        builder.step()
    outputs = tuple(rng.choice(builder.nodes[-8:]) for _ in range(rng.randint(1, 4)))
    if rng.random() < 0.3:
        outputs += (rng.choice(builder.nodes), outputs[0])
    updates = updates_of(builder, states)
    if updates and rng.random() < 0.3:
        outputs += (updates[0][1],)
    return Case(Graph(tuple(builder.inputs), outputs, updates), tuple(builder.arrays))


def updates_of(builder: Builder, states: Sequence[Node]) -> tuple[tuple[Node, Node], ...]:
    """New values for some states: each other, themselves turned round, a number, what fits."""
    updates = []
    for state in states:
        if builder.rng.random() < 0.6:
            choices = [*others(state, states), *turned(state), builder.filled(1, state.type)]
            found = builder.pick(lambda node, state=state: node.type == state.type)
            assert found is not None
            updates.append((state, builder.rng.choice([found] * len(choices) + choices)))
    return tuple(updates)


def others(state: Node, states: Sequence[Node]) -> list[Node]:
    return [other for other in states if other.type == state.type]


def turned(state: Node) -> list[Node]:
    """Itself, flipped and transposed; a sum with its flip."""
    shape = state.type.shape
    if not shape:
        return []
    ends = tuple(size - 1 for size in shape)
    params = {"starts": ends, "sizes": shape, "steps": (-1,) * len(shape)}
    flipped = make(ops.slice_, (state,), params)
    axes = tuple(reversed(range(len(shape))))
    found = [flipped, make(ops.transpose, (state,), {"axes": axes})]
    if state.type.dtype.kind == "b":
        return found
    return [*found, make(ops.maximum, (state, flipped), {})]


# By seeds: choice by choice, Hypothesis would mostly try the first operation of the table.
SEEDS = st.integers(0, 1_000_000)
CASES = SEEDS.map(lambda seed: random_case(Random(seed)))
LOSSES = SEEDS.map(lambda seed: random_loss(Random(seed)))


def tolerances(case: Case) -> list[float]:
    """What each root of a loss may be off by: a share of its largest element."""
    share = LOOSE[str(case.arrays[0].dtype)]
    return [share * (1 + np.max(np.abs(a), initial=0)) for a in expected(case)]


@pytest.mark.parametrize("parts", [1, 2, 3])
@settings(SPLIT, max_examples=100)
@given(case=CASES, simplified=st.booleans())
def test_unjitted(case: Case, simplified: bool, parts: int, split: Callable[[int], None]) -> None:
    split(parts)
    check(case, [PYTHON], simplified)


@pytest.mark.parametrize("parts", [1, 3])
@settings(SPLIT, max_examples=40)
@given(case=CASES)
def test_compiled(case: Case, parts: int, split: Callable[[int], None]) -> None:
    split(parts)
    check(case, [NATIVE])


@settings(SPLIT, max_examples=60)
@given(case=LOSSES, simplified=st.booleans())
def test_unjitted_losses(case: Case, simplified: bool, split: Callable[[int], None]) -> None:
    split(2)
    check(case, [PYTHON], simplified, tolerances(case))


@settings(SPLIT, max_examples=20)
@given(case=LOSSES)
def test_compiled_losses(case: Case, split: Callable[[int], None]) -> None:
    split(2)
    check(case, [NATIVE], tolerance=tolerances(case))


def test_a_row_has_its_maximum() -> None:
    """x == max(x) holds somewhere in each row, though a * b + c rounds once or twice."""
    a, b, c = (gx.input(name, ("n", "m")) for name in "abc")
    x = a * b + c
    found = gx.where(x == gx.max(x, axis=1, keepdims=True), a * b, 0.0)
    rng = np.random.default_rng(0)
    arrays = (rng.standard_normal((40, 129)) for _ in range(3))
    got = gx.compile([a, b, c], found)(*arrays)
    assert (np.count_nonzero(got, axis=1) == 1).all()

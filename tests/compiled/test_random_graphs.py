"""Random graphs: the interpreter == the generated Python == the compiled kernels, to the bit."""

import os
from collections.abc import Sequence
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graphc.graph import Graph, Node
from graphc.runtime.backends import NATIVE, PYTHON
from graphc.types import TensorType, int64
from tests.compiled.checking import Case, check
from tests.compiled.random_graphs import Builder, some_type


def random_case(rng: Random) -> Case:
    builder = Builder(rng, {"n": rng.choice([1, 3, 5, 7]), "m": rng.choice([1, 2, 4])})
    for name in ("n", "m"):  # every name needs an input with such an axis
        builder.input(TensorType(int64, (name,)))
    for _ in range(rng.randint(1, 3)):
        builder.input(some_type(builder))
    builder.constant(TensorType(some_type(builder).dtype, (3,)))
    states = [builder.state(TensorType(some_type(builder).dtype, s)) for s in ((), (3,), (4, 5))]
    states.append(builder.state(states[2].type))
    for _ in range(rng.randint(int(os.environ.get("LO","3")), int(os.environ.get("HI","25")))):
        builder.step()
    outputs = tuple(rng.choice(builder.nodes[-8:]) for _ in range(rng.randint(1, 4)))
    if rng.random() < 0.3:
        outputs += (rng.choice(builder.nodes), outputs[0])
    updates = updates_of(builder, states)
    return Case(Graph(tuple(builder.inputs), outputs, updates), tuple(builder.arrays))


def updates_of(builder: Builder, states: Sequence[Node]) -> tuple[tuple[Node, Node], ...]:
    """New values for some states: of each other, of themselves turned round, of anything that fits."""
    updates = []
    for state in states:
        if builder.rng.random() < 0.5:
            found = builder.pick(lambda node, state=state: node.type == state.type)
            assert found is not None
            updates.append((state, found))
    return tuple(updates)


def hypothesis_case() -> st.SearchStrategy[Case]:
    return st.randoms(use_true_random=False).map(random_case)


@settings(max_examples=200)
@given(hypothesis_case())
def test_unjitted(case: Case) -> None:
    check(case, [PYTHON])

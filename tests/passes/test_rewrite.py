"""The driver: patterns, order, provenance, and rules that would never end."""

import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from graphc.dims import dim
from graphc.errors import GraphError, Where
from graphc.functions.tensor import Tensor
from graphc.graph import Graph, constant, provenance
from graphc.ops import add, cos, exp, filled, log, mul, neg, sin, sub, tanh
from graphc.passes import As, Name, Rule, rewrite, simplify, table
from graphc.passes.rewrite import uniform
from graphc.types import TensorType, float32, int32
from tests.passes.examples import given, number

x, y = Name("x"), Name("y")
X, Y = given("x", 3), given("y", 3)


def rewritten(root: Tensor, *rules: Rule) -> Tensor:
    return Tensor(rewrite([root.node], table(rules))[0])


def test_the_operands_of_a_commutative_op_match_in_any_order() -> None:
    rule = Rule((add, (mul, x, 2.0), y), lambda x, y: sub(x, y))
    wanted = sub(X, Y)
    two = number(2.0, 3)
    for before in (add(mul(X, two), Y), add(mul(two, X), Y), add(Y, mul(X, two)), Y + two * X):
        assert rewritten(before, rule) is wanted


def test_a_name_met_twice_is_the_same_node() -> None:
    rule = Rule((sub, x, x), lambda x: filled(x, 0.0))
    assert rewritten(sub(X, X), rule) is number(0.0, 3)
    assert rewritten(sub(X, Y), rule) is sub(X, Y)


@pytest.mark.parametrize(
    ("pattern", "value", "dtype", "fires"),
    [
        (0.0, 0.0, float32, True),
        (0.0, -0.0, float32, False),
        (-0.0, -0.0, float32, True),
        (-0.0, 0, int32, False),
        (0, 0, int32, True),
        (0, 0.0, float32, False),
        (1.0, 1, int32, True),
    ],
)
def test_a_number_matches_its_bits(pattern: Any, value: Any, dtype: Any, fires: bool) -> None:
    z = given("z", 3, dtype=dtype)
    before = add(z, number(value, 3, dtype=dtype))
    after = rewritten(before, Rule((add, x, pattern), lambda x: x))
    assert after is (z if fires else before)


def test_uniform_looks_through_views() -> None:
    assert uniform(number(0.5, 2, 3).reshape((6,)).node) == np.float32(0.5)
    assert uniform(X.node) is None
    pair = constant(np.float32([1, 2]), TensorType(float32, (2,)))
    assert uniform(pair) is None


def test_dots_after_an_operand_repeat_it() -> None:
    rule = Rule(As(y, (add, (neg, ...), ...)), lambda y: filled(y, 0.0))
    both, one = add(neg(X), neg(Y)), add(neg(X), Y)
    assert rewritten(both, rule) is number(0.0, 3)
    assert rewritten(one, rule) is one


def test_a_builder_may_decline_and_the_next_rule_has_its_turn() -> None:
    rules = (Rule((sin, x), lambda x: None), Rule((sin, x), lambda x: cos(x)))
    assert rewritten(sin(X), *rules) is cos(X)


def test_what_a_rule_builds_is_rewritten_too() -> None:
    rules = (Rule((exp, (log, x)), lambda x: neg(neg(x))), Rule((neg, (neg, x)), lambda x: x))
    assert rewritten(exp(log(exp(log(X)))), *rules) is X


def test_the_replacement_has_the_line_of_what_it_replaced() -> None:
    with provenance(Where("model.py", 7), X.node):
        before = tanh(tanh(given("fresh", 3)))
    after = rewritten(before, Rule((tanh, (tanh, x)), lambda x: log(exp(sin(x)))))
    for node in (after.node, *after.node.inputs):
        assert node.where == Where("model.py", 7)
        assert node.source is X.node


def test_opaque_nodes_stay_and_hide_their_operands() -> None:
    inner = neg(X)
    rules = table((Rule((neg, (neg, x)), lambda x: x),))
    assert rewrite([neg(inner).node], rules, frozenset({inner.node})) == [neg(inner).node]
    assert rewrite([neg(inner).node], rules) == [X.node]


def test_rules_that_undo_each_other_are_named() -> None:
    there = Rule((sin, x), lambda x: cos(x))
    back = Rule((cos, x), lambda x: sin(x))
    with pytest.raises(GraphError, match=r"sin\(x\) and cos\(x\)|cos\(x\) and sin\(x\)"):
        rewritten(sin(X), there, back)


def test_a_rule_that_grows_the_graph_is_named() -> None:
    grow = Rule(As(y, (sin, x)), lambda x: sin(neg(x)))
    with pytest.raises(GraphError, match=r"sin\(x\)"):
        rewritten(sin(X), grow)


def test_a_rule_that_contains_what_it_replaces_is_named() -> None:
    wrap = Rule(As(y, (sin, x)), lambda y: neg(neg(y)))
    with pytest.raises(GraphError, match=r"sin\(x\)"):
        rewritten(sin(X), wrap)


def test_a_rule_that_changes_the_type_is_a_fault() -> None:
    with pytest.raises(GraphError, match=r"sin\(x\) turned f32\[3\] into b1\[3\]"):
        rewritten(sin(X), Rule((sin, x), lambda x: x > 0))


def test_sizes_that_a_guard_holds_equal_keep_their_names() -> None:
    two, eight = given("two", dim("n") * 2), given("eight", 8)
    before = add(neg(eight), two)
    after = simplify(Graph((two.node, eight.node), (before.node,)))
    assert after.outputs[0].type == before.node.type


def layered(depth: int) -> Graph:
    """A graph that shares nodes, with something to rewrite in every layer."""
    z, h = given("z", "n"), given("h", "n")
    for layer in range(depth):
        h = h * 1.0 + -(-z * float(layer % 7)) / 4.0
        h = h + tanh(h) * (1.0 + z - -h)
    return Graph((z.node, given("h", "n").node), (h.node,))


def calls(run: Callable[[], object]) -> int:
    """How many Python functions were called: repeatable, as a clock is not."""
    count = 0

    def tick(frame: Any, event: str, argument: Any) -> None:
        nonlocal count
        count += event == "call"

    sys.setprofile(tick)
    try:
        run()
    finally:
        sys.setprofile(None)
    return count


def test_simplify_is_linear() -> None:
    small, large = layered(400), layered(800)
    assert len(large.nodes) > 5000
    ratio = calls(lambda: simplify(large)) / calls(lambda: simplify(small))
    assert ratio <= 2.3

"""Every rule fires on an example of its own and preserves what the graph computes."""

from collections.abc import Iterator

import numpy as np
import pytest

import graphc as gx
from graphc import ops
from graphc.evaluate import evaluate
from graphc.functions.tensor import Tensor
from graphc.graph import INPUT, constant, order
from graphc.passes.algebra import ALGEBRA
from graphc.passes.fold import FOLD
from graphc.passes.positions import POSITIONS
from graphc.passes.products import PRODUCTS
from graphc.passes.rewrite import Rule, rewrite, table
from graphc.passes.shares import RECIPROCALS, SHARES
from graphc.passes.stabilise import STABILISE
from graphc.passes.sums import SUMS
from graphc.passes.views import REMOVAL, VIEWS
from graphc.types import TensorType, as_dtype
from tests.ops.samples import SAMPLES
from tests.passes.examples import EXAMPLES, arrays, from_pattern

RULES = (
    *REMOVAL,
    *VIEWS,
    *ALGEBRA,
    *STABILISE,
    *POSITIONS,
    *PRODUCTS,
    *SUMS,
    *SHARES,
    *RECIPROCALS,
)


def fired(rule: Rule) -> Iterator[tuple[Tensor, Tensor]]:
    """The examples that the rule changes, before and after."""
    by_hand = (build() for build in EXAMPLES.get(str(rule), ()))
    for before in (*by_hand, *from_pattern(rule)):
        (after,) = rewrite([before.node], table((rule,)))
        if after is not before.node:
            yield before, Tensor(after)


def same_bits(a: np.ndarray, b: np.ndarray) -> bool:
    if a.dtype.kind == "f":
        a, b = (np.where(np.isnan(x), np.nan, x) for x in (a, b))
    return a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes()


@pytest.mark.parametrize("rule", RULES, ids=str)
def test_a_rule_fires_and_preserves_values(rule: Rule) -> None:
    cases = list(fired(rule))
    assert cases, f"no example fires {rule}"
    for before, after in cases:
        assert before.node.type == after.node.type
        fed = arrays([n for n in order([before.node]) if n.op is INPUT], rule.exact)
        (wanted,), (got,) = (evaluate([t.node], fed) for t in (before, after))
        if rule.exact:
            assert same_bits(wanted, got), (before, wanted, got)
        else:
            np.testing.assert_allclose(got, wanted, rtol=2e-5, atol=1e-6)


@pytest.mark.parametrize("scale", [2.0, np.inf, -np.inf, np.nan])
def test_a_scale_that_leaves_a_sum_keeps_what_is_not_finite(scale: float) -> None:
    """And 0 where nothing is chosen, which is what `where` is there for."""
    x, c = gx.input("x", (4, 3)), gx.input("c", (3,))
    before = gx.sum(gx.where(x > 0, x * c, 0.0), axis=0)
    (after,) = rewrite([before.node], table(SUMS))
    assert after is not before.node
    chosen = np.array([[1.0, -1.0, 1e-38], [-2.0, -3.0, -1.0], [3.0, -1.0, 1e-45], [1, -1, -1]])
    fed = {x.node: chosen.astype("f"), c.node: np.full(3, scale, np.float32)}
    with np.errstate(all="ignore"):
        (wanted,), (got,) = evaluate([before.node], fed), evaluate([after], fed)
    np.testing.assert_array_equal(got, wanted)
    assert got[1] == 0


def test_scales_leave_a_sum_one_by_one() -> None:
    """Their product may be too large or too small where the sum times each is not."""
    x, c, d = gx.input("x", (2, 2)), gx.input("c", (2,)), gx.input("d", (2,))
    before = gx.sum(gx.where(x > 0, x * c * d, 0.0), axis=0)
    (after,) = rewrite([before.node], table(SUMS))
    scales = np.array([1e25, 1e-25], np.float32)
    terms = np.array([[1e-30, 1e30], [2e-30, 2e30]], np.float32)
    got = evaluate([after], {x.node: terms, c.node: scales, d.node: scales})[0]
    np.testing.assert_allclose(got, [3e20, 3e-20], rtol=1e-6)


def test_no_scale_leaves_a_sum_of_integers() -> None:
    x, c = gx.input("x", (4, 3), "int64"), gx.input("c", (3,), "int64")
    before = gx.sum(gx.where(x > 0, x * c, 0), axis=0)
    (after,) = rewrite([before.node], table(SUMS))
    assert after is before.node


FOLDED = sorted({rule.pattern.pattern[0].name for rule in FOLD} & SAMPLES.keys())  # type: ignore[union-attr]


@pytest.mark.parametrize("name", FOLDED)
def test_constants_fold_to_what_they_evaluate_to(name: str) -> None:
    rules = table(FOLD)
    op = next(rule.pattern.pattern[0] for rule in FOLD if rule.pattern.pattern[0].name == name)
    for sample in SAMPLES[name]:
        operands = [constant(a, TensorType(as_dtype(a.dtype), a.shape)) for a in sample.arrays()]
        before = op(*map(Tensor, operands), **sample.params)
        (after,) = rewrite([before.node], rules)
        assert same_bits(evaluate([before.node], {})[0], evaluate([after], {})[0])


def test_an_array_of_one_number_becomes_the_number() -> None:
    twos = Tensor(constant(np.full((3, 2), 2, np.float32), TensorType(as_dtype("f32"), (3, 2))))
    zeros = np.array([0.0, -0.0], np.float32)
    mixed = Tensor(constant(zeros, TensorType(as_dtype("f32"), (2,))))
    after = rewrite([twos.node, mixed.node], table(FOLD))
    assert after[0].op.name == "broadcast_to"
    assert after[1] is mixed.node


def test_positions_that_depend_on_no_input_are_computed_now() -> None:
    rows, columns = np.tril_indices(20, -1)
    places = gx.asarray(rows) * 20 + gx.asarray(columns)
    numbers = gx.arange(190)
    board = gx.full((400,), -1, dtype="int64").at[places].set(numbers)
    (after,) = rewrite([(board[places] == numbers).node], table(FOLD, VIEWS))
    assert after.op.name == "broadcast_to"
    (count,) = rewrite([(numbers * 2).node], table(FOLD))
    assert count.op.name == "mul"  # costs no memory


@pytest.mark.parametrize(("axis", "places"), [(0, (1, 0)), (1, (0, 2)), (0, (0, 0)), (0, (2, 1))])
def test_a_gather_of_what_was_written_or_is_elsewhere_stays(
    axis: int, places: tuple[int, ...]
) -> None:
    x, index = gx.input("x", (2, 3)), gx.asarray([1])
    shape = tuple(1 if n == axis else size for n, size in enumerate(x.shape))
    written = ops.scatter(x, index, gx.input("u", shape), axis=axis, combine="set")
    read = ops.take(written, gx.asarray([*places, 1]), axis=axis)
    (after,) = rewrite([read.node], table(POSITIONS))
    assert after is read.node


def test_narrow_positions_of_a_long_axis_are_compared() -> None:
    x, places = gx.input("x", (1000,)), gx.constant(np.array([0, -2], np.int8))
    written = ops.scatter(x, places, gx.input("u", (2,)), axis=0, combine="set")
    elsewhere = ops.take(written, gx.constant(np.array([1, 3], np.int8)), axis=0)
    (after,) = rewrite([elsewhere.node], table(POSITIONS))
    assert after.inputs[0] is x.node

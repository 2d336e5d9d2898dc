"""Every facet of every primitive against every other, over the table of samples."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from itertools import product
from typing import Any

import numpy as np
import pytest

from graphc.autodiff.check import check_gradient
from graphc.errors import GradientError, GraphError
from graphc.evaluate import evaluate
from graphc.functions.tensor import Tensor
from graphc.graph import INPUT, Op, make
from graphc.lowering import Pointwise
from graphc.ops import PRIMITIVES, iota, size
from graphc.types import TensorType, as_dtype
from tests.ops.samples import SAMPLES
from tests.ops.specs import Sample

BY_NAME = {op.name: op for op in PRIMITIVES}
SOURCES = (iota, size)
CASES = [(BY_NAME[name], sample) for name, samples in SAMPLES.items() for sample in samples]


def cases(chosen: Callable[[Op, Sample], bool] = lambda op, sample: True) -> Any:
    """The arguments of a test for each sample chosen."""
    found = [case for case in CASES if chosen(*case)]
    numbers = [SAMPLES[op.name].index(sample) for op, sample in found]
    names = [f"{op.name}-{i}" for (op, _), i in zip(found, numbers, strict=True)]
    return pytest.mark.parametrize(("op", "sample"), found, ids=names)


def type_of(array: Any) -> TensorType:
    return TensorType(as_dtype(array.dtype), array.shape)


def run(op: Op, arrays: list[np.ndarray], params: Mapping[str, Any]) -> Any:
    with np.errstate(all="raise"):  # the facet itself has to be quiet
        return op.eval(*arrays, **params)


def test_every_primitive_has_samples() -> None:
    assert SAMPLES.keys() == BY_NAME.keys()
    assert len(BY_NAME) == len(PRIMITIVES)


@cases()
def test_infer_is_the_type_of_eval(op: Op, sample: Sample) -> None:
    arrays = sample.arrays()
    result = run(op, arrays, sample.params)
    assert op.infer(*map(type_of, arrays), **sample.params) == type_of(result)


@cases(lambda op, sample: isinstance(op.lower, Pointwise))
def test_the_number_of_operands_is_checked(op: Op, sample: Sample) -> None:
    types = [type_of(array) for array in sample.arrays()]
    for wrong in (types[1:], [*types, types[-1]]):
        with pytest.raises(
            GraphError, match=rf"^{op.name}: the number of operands is {len(types)}"
        ):
            op.infer(*wrong, **sample.params)


def handle(name: str, array: np.ndarray) -> Tensor:
    return Tensor(make(INPUT, (), {"name": name, "type": type_of(array)}))


def batched_value(
    op: Op, sample: Sample, flags: tuple[bool, ...], rows: list[list[np.ndarray]]
) -> np.ndarray:
    columns = [
        np.stack(column) if flag else column[0]
        for column, flag in zip(zip(*rows, strict=True), flags, strict=True)
    ]
    handles = [handle(f"x{i}", array) for i, array in enumerate(columns)]
    y = op.batch(len(rows), flags, *handles, **sample.params)
    fed = {x.node: array for x, array in zip(handles, columns, strict=True)}
    return evaluate([y.node], fed)[0]


@cases(lambda op, sample: op not in SOURCES)
def test_batch_is_stacked_eval(op: Op, sample: Sample) -> None:
    rows = [sample.arrays(seed) for seed in range(2)]
    for flags in product((False, True), repeat=len(sample.args)):
        if not any(flags):
            continue
        chosen = [[row[i] if flag else rows[0][i] for i, flag in enumerate(flags)] for row in rows]
        expected = np.stack([run(op, row, sample.params) for row in chosen])
        got = batched_value(op, sample, flags, chosen)
        assert got.dtype == expected.dtype
        np.testing.assert_allclose(got, expected, rtol=1e-5, atol=1e-5)


@cases(lambda op, sample: sample.smooth and op.vjp is not None)
def test_gradients_to_second_order(op: Op, sample: Sample) -> None:
    check_gradient(lambda *xs: op(*xs, **sample.params), sample.arrays())


def wrong(op: Op) -> Op:
    def vjp(*args: Any, **params: Any) -> tuple[Any, ...]:
        assert op.vjp is not None
        return tuple(part if part is None else part * 1.01 for part in op.vjp(*args, **params))

    return replace(op, vjp=vjp)


# Steps, and what hides its operand: their rules have no part that could be wrong.
FLAT = {"floor", "ceil", "trunc", "round", "sign", "floordiv", "stop_gradient"}
SLOPED = [op for op in PRIMITIVES if op.vjp is not None and op.name not in FLAT]


@pytest.mark.parametrize("op", SLOPED)
def test_a_wrong_gradient_is_caught(op: Op) -> None:
    sample = max(
        (sample for sample in SAMPLES[op.name] if sample.smooth),
        key=lambda sample: sum(array.size for array in sample.arrays()),
    )
    with pytest.raises(GradientError, match="is wrong"):
        check_gradient(lambda *xs: wrong(op)(*xs, **sample.params), sample.arrays(), order=1)


@pytest.mark.parametrize("op", [op for op in PRIMITIVES if op.name in FLAT])
def test_flat_rules_are_flat(op: Op) -> None:
    sample = SAMPLES[op.name][0]
    handles = [handle(f"x{i}", array) for i, array in enumerate(sample.arrays())]
    y = op(*handles, **sample.params)
    assert op.vjp is not None
    assert op.vjp(y, y, *handles, **sample.params) == (None,) * len(handles)

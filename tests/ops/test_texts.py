"""The kernel-language text of every elementwise primitive, run as Python, against its eval."""

from typing import Any

import numpy as np
import pytest

from graphc.lowering import Pointwise
from graphc.ops import PRIMITIVES
from graphc.runtime.language.names import LANGUAGE
from graphc.runtime.language.vecmath import FUNCTIONS
from graphc.types import as_dtype
from tests.ops.samples import SAMPLES
from tests.ops.specs import Sample

NAMES = {name: entry.python for name, entry in LANGUAGE.items()} | FUNCTIONS


def element(lower: Pointwise, xs: list[Any], result: str) -> Any:
    """The text applied to one element of each operand, cast to the dtype of the result."""
    first = as_dtype(xs[0].dtype)
    integers = first.kind in "iu" and lower.integer_text is not None
    text = lower.integer_text if integers and lower.integer_text else lower.text
    names = [f"x{i}" for i in range(len(xs))]
    source = text.format(*names, T=first.short, R=result)
    return NAMES[result](eval(source, NAMES | dict(zip(names, xs, strict=True))))


@pytest.mark.parametrize(
    ("op", "sample"),
    [
        pytest.param(op, sample, id=f"{op.name}-{i}")
        for op in PRIMITIVES
        if isinstance(op.lower, Pointwise)
        for i, sample in enumerate(SAMPLES[op.name])
    ],
)
def test_text_is_eval(op: Any, sample: Sample) -> None:
    arrays = sample.arrays()
    expected = np.asarray(op.eval(*arrays, **sample.params))
    flat = [array.reshape(-1) for array in arrays]
    with np.errstate(all="ignore"):
        short = as_dtype(expected.dtype).short
        got = [element(op.lower, list(xs), short) for xs in zip(*flat, strict=True)]
    values = np.array(got, expected.dtype).reshape(expected.shape)
    bound = {"f4": 2e-6, "f8": 4e-15}.get(expected.dtype.str[1:], 0)
    smallest = {"f4": 1e-38, "f8": 1e-300}.get(expected.dtype.str[1:], 0)
    np.testing.assert_allclose(values, expected, rtol=bound, atol=smallest)

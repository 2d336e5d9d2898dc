"""Every primitive and sample: the interpreter == the generated Python == the compiled kernel.

The breadth runs un-jitted; the compiled tier packs many primitives into a kernel, to stay small.
"""

from collections.abc import Callable

import numpy as np
import pytest

from graphc.graph import INPUT, Graph, Node, Op, make
from graphc.lowering import Contract, Pointwise, Reduce, Scatter
from graphc.ops import PRIMITIVES
from graphc.runtime.backends import NATIVE, PYTHON
from graphc.types import TensorType, as_dtype
from tests.compiled.checking import Case, check, ulps
from tests.ops.samples import SAMPLES
from tests.ops.specs import Sample

BY_NAME = {op.name: op for op in PRIMITIVES}
CASES = [(BY_NAME[name], sample) for name, samples in SAMPLES.items() for sample in samples]
NAMES = [f"{name}-{i}" for name, samples in SAMPLES.items() for i, _ in enumerate(samples)]

# NumPy's own error, beside the 4 units that the vector functions may be off.
LOOSE = {"logaddexp": 1e3, "pow": 16}


def leaf(number: int, array: np.ndarray) -> Node:
    type_ = TensorType(as_dtype(array.dtype), array.shape)
    return make(INPUT, (), {"name": f"x{number}", "type": type_})


def case_of(op: Op, sample: Sample) -> Case:
    arrays = tuple(sample.arrays())
    leaves = tuple(leaf(n, array) for n, array in enumerate(arrays))
    return Case(Graph(leaves, (make(op, leaves, sample.params),)), arrays)


def bound_of(op: Op, case: Case) -> np.ndarray | float:
    """What a result may be off by: units in the last place; of a sum, as many as it has terms."""
    (root,) = case.graph.outputs
    arrays, params = case.arrays, dict(root.params)
    if root.type.dtype.kind != "f":
        return 0.0
    with np.errstate(all="ignore"):
        wanted = op.eval(*arrays, **params)
        if isinstance(op.lower, Contract | Reduce | Scatter):
            sizes = [np.abs(a) if a.dtype.kind == "f" else a for a in arrays]
            terms = max((a.size for a in arrays), default=1)
            return ulps(np.asarray(op.eval(*sizes, **params)), 4 + terms)
    return ulps(np.asarray(wanted), LOOSE.get(op.name, 8))


@pytest.mark.parametrize("parts", [1, 3])
@pytest.mark.parametrize(("op", "sample"), CASES, ids=NAMES)
def test_unjitted(op: Op, sample: Sample, parts: int, split: Callable[[int], None]) -> None:
    case = case_of(op, sample)
    split(parts)
    check(case, [PYTHON], simplified=parts == 1, tolerance=[bound_of(op, case)])


MOVING = [
    pytest.param(op, sample, id=name)
    for (op, sample), name in zip(CASES, NAMES, strict=True)
    if not isinstance(op.lower, Pointwise)
]


@pytest.mark.parametrize(("op", "sample"), MOVING)
def test_compiled(op: Op, sample: Sample, split: Callable[[int], None]) -> None:
    """What moves or combines elements, compiled; 2 parts. Pointwise primitives are in
    test_packed."""
    case = case_of(op, sample)
    split(2)
    check(case, [NATIVE], tolerance=[bound_of(op, case)])

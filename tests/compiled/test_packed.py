"""Pointwise primitives compiled, a dozen a kernel, in every dtype: one text for all sizes."""

from collections.abc import Callable, Iterator, Sequence

import numpy as np
import pytest

from graphc.graph import INPUT, Graph, Node, make
from graphc.lowering import Pointwise
from graphc.ops import PRIMITIVES, cast, identity
from graphc.ops import where as select
from graphc.runtime.backends import NATIVE, PYTHON
from graphc.types import DTYPES, DType, TensorType, as_dtype
from tests.compiled.checking import assert_close, program_of, ulps
from tests.ops.elementwise_samples import SPECIAL
from tests.ops.samples import SAMPLES

FLOATS = ("float32", "float64")
INTEGERS = ("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64")
SIZES = (1, 3, 37, 129)  # one element, below a vector, odd
LONG = 5003  # compiled only: enough for a team
A_KERNEL = 12
LOOSE = {"logaddexp": 1e3, "pow": 16}
POINTWISE = tuple(op for op in PRIMITIVES if isinstance(op.lower, Pointwise))


def arity(name: str) -> int:
    return len(SAMPLES[name][0].args)


def takes(name: str, kind: str) -> bool:
    """Whether the primitive has samples of this kind of dtype in its last operand."""
    return any(np.dtype(s.args[-1].dtype).kind == kind for s in SAMPLES[name])


def data(dtype: str, size: int, seed: int) -> np.ndarray:
    """Ordinary values of many magnitudes, special ones among them."""
    rng = np.random.default_rng(seed)
    if dtype == "bool":
        return rng.integers(0, 2, size).astype(bool)
    if dtype in FLOATS:
        values = rng.choice([0.4, 0.9, 1.7, 4.0], size) * rng.uniform(-1, 1, size)
        return np.where(rng.random(size) < 0.2, rng.choice(SPECIAL, size), values).astype(dtype)
    info = np.iinfo(dtype)
    small = rng.integers(max(info.min, -5), 12, size)
    ends = rng.choice(np.array([info.min, info.max, 0, 1, info.max // 2], dtype), size)
    return np.where(rng.random(size) < 0.2, ends, small.astype(dtype))


def packed(nodes: Sequence[tuple[str, Node]], leaves: Sequence[Node]) -> Iterator[Graph]:
    for start in range(0, len(nodes), A_KERNEL):
        yield Graph(tuple(leaves), tuple(node for _, node in nodes[start : start + A_KERNEL]))


def leaf(name: str, dtype: str) -> Node:
    return make(INPUT, (), {"name": name, "type": TensorType(as_dtype(dtype), ("n",))})


def graphs(dtype: str, count: int) -> Iterator[Graph]:
    """Every primitive of `count` operands of this dtype. Copies of the leaves make it one
    kernel."""
    leaves = [leaf(f"x{i}", dtype) for i in range(count)]
    copies = [make(identity, (x,), {}) for x in leaves]
    kind = np.dtype(dtype).kind
    found = []
    for op in POINTWISE:
        if op in (cast, select) or arity(op.name) != count:
            continue
        if takes(op.name, kind) or (kind == "u" and takes(op.name, "i")):
            found.append((op.name, make(op, tuple(copies), {})))
    if count == 1:
        found += [(f"to {to}", make(cast, tuple(copies), {"dtype": to})) for to in targets(dtype)]
    if count == 2:
        condition = make(INPUT, (), {"name": "c", "type": TensorType(as_dtype("bool"), ("n",))})
        leaves.insert(0, condition)
        found.append(("where", make(select, (condition, *copies), {})))
    yield from packed(found, leaves)


def targets(dtype: str) -> list[DType]:
    return [d for d in DTYPES if d != as_dtype(dtype)]


def arrays_of(graph: Graph, size: int) -> list[np.ndarray]:
    dtypes = [str(x.type.dtype) for x in graph.inputs]
    return [data(dtype, size, seed) for seed, dtype in enumerate(dtypes)]


def expected(node: Node, values: dict[str, np.ndarray]) -> np.ndarray:
    operands = [
        values[(i.inputs[0] if i.op is identity else i).params["name"]] for i in node.inputs
    ]
    with np.errstate(all="ignore"):
        return np.asarray(node.op.eval(*operands, **node.params))


@pytest.mark.parametrize("count", [1, 2])
@pytest.mark.parametrize("dtype", [*FLOATS, *INTEGERS, "bool"])
def test_packed(dtype: str, count: int, split: Callable[[int], None]) -> None:
    for graph in graphs(dtype, count):
        python = program_of(graph, PYTHON, simplified=False)
        native = program_of(graph, NATIVE, simplified=False)
        assert len(native.kernels) == 1
        for size, parts in (*((size, 1) for size in SIZES), (37, 3), (LONG, 2), (LONG, 3)):
            split(parts)
            arrays = arrays_of(graph, size)
            values = {x.params["name"]: a for x, a in zip(graph.inputs, arrays, strict=True)}
            for program in (native,) if size == LONG else (python, native):
                for node, got in zip(graph.outputs, program(*arrays), strict=True):
                    wanted = expected(node, values)
                    bound = ulps(wanted, LOOSE.get(node.op.name, 8))
                    assert_close(got, wanted, bound, f"{node.op.name} {dtype} {node.type} {size}")

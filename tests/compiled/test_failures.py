"""Positions outside of their axis: found in every kind of kernel, before any state is written."""

from collections.abc import Callable

import numpy as np
import pytest

import graphc as gx
from graphc import ops
from graphc.errors import IndexRangeError
from graphc.runtime.backends import NATIVE, PYTHON
from graphc.runtime.binding.sources import Backend

TABLE = gx.input("table", (5, 5))
INDEX = gx.input("index", (5,), "int64")
READ = gx.take(TABLE, INDEX, axis=0)

KINDS = {
    "map": READ * 2,
    "rows": gx.nn.softmax(READ, axis=1),
    "columns": gx.sum(READ, axis=0),
    "everything": gx.sum(READ * READ),
    "scatter": gx.grad(gx.sum(READ * READ), TABLE),
    "picked": gx.take_along_axis(TABLE, gx.reshape(INDEX, (-1, 1)), axis=1),
    "epilogue": gx.nn.relu(READ @ TABLE.T),
}


@pytest.mark.parametrize("backend", [PYTHON, NATIVE], ids=["python", "native"])
@pytest.mark.parametrize("kind", KINDS)
def test_nothing_is_written(kind: str, backend: Backend, split: Callable[[int], None]) -> None:
    split(2)
    seen = gx.state("seen", np.zeros((5, 5)))
    updates = {seen: seen + TABLE}
    program = gx.compile([TABLE, INDEX], KINDS[kind], updates=updates, backend=backend)
    table = np.ones((5, 5), np.float32)
    for wrong in (5, -6, 2**40):
        with pytest.raises(IndexRangeError, match="outside"):
            program(table, [0, 1, 2, 3, wrong])
        assert not seen.value.any()
    program(table, [0, -5, 2, 4, -1])
    assert (seen.value == 1).all()


@pytest.mark.parametrize("backend", [PYTHON, NATIVE], ids=["python", "native"])
@pytest.mark.parametrize("level", ["function", "primitive"])
def test_the_largest_uint64_is_not_the_last_element(level: str, backend: Backend) -> None:
    index = gx.input("index", (2,), "uint64")
    read = gx.take(TABLE, index, axis=0) if level == "function" else ops.take(TABLE, index, axis=0)
    program = gx.compile([TABLE, index], read, backend=backend)
    table = np.arange(25, dtype=np.float32).reshape(5, 5)
    for wrong in (2**64 - 1, 2**63, 5):
        positions = np.array([0, wrong], np.uint64)
        with pytest.raises(IndexRangeError, match="outside"):
            program(table, positions)
        with pytest.raises(IndexRangeError, match="outside"):
            read.eval({TABLE: table, index: positions})
        with pytest.raises(IndexRangeError):
            TABLE[positions]
    last = np.array([4, 4], np.uint64)
    np.testing.assert_array_equal(program(table, last), table[[4, 4]])

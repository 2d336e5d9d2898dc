"""Dtypes, promotion, tensor types and broadcasting, beside what NumPy does."""

import copy
import dataclasses
import itertools
import os
import pickle
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from graphc.dims import DimLike, dim
from graphc.errors import UNKNOWN, DTypeError, ShapeError
from graphc.types import (
    DTYPES,
    DType,
    TensorType,
    as_dtype,
    as_shape,
    bool_,
    broadcast_guards,
    broadcast_shapes,
    can_cast_same_kind,
    dtype_of_short,
    float32,
    float64,
    int8,
    int64,
    parse_type,
    promote,
    uint8,
    uint64,
)
from graphc.values import scalar_dtype

n, m = dim("n"), dim("m")
PAIRS = list(itertools.product(DTYPES, repeat=2))


@pytest.mark.parametrize("dtype", DTYPES, ids=repr)
def test_a_dtype_and_its_names(dtype: DType) -> None:
    swapped = dtype.numpy.newbyteorder("S")
    short = () if dtype.short in ("i8", "u8") else (dtype.short,)  # bytes, to NumPy
    assert dtype_of_short(dtype.short) is dtype
    for name in (dtype, dtype.name, *short, dtype.numpy, dtype.numpy.type, swapped):
        assert as_dtype(name) is dtype
        assert dtype == name
    assert (dtype.kind, dtype.itemsize) == (dtype.numpy.kind, dtype.numpy.itemsize)
    assert copy.deepcopy(dtype) is dtype
    assert pickle.loads(pickle.dumps(dtype)) is dtype
    assert [other for other in DTYPES if other == dtype] == [dtype]


def test_python_types_stand_for_the_defaults() -> None:
    assert [as_dtype(x) for x in (float, int, bool)] == [float32, int64, bool_]


@pytest.mark.parametrize("bad", ["float", "complex64", np.float16, complex, str, None, 3.0])
def test_an_unknown_dtype_lists_the_known_ones(bad: object) -> None:
    with pytest.raises(DTypeError, match="graphc has float32, float64, int8"):
        as_dtype(bad)
    assert float32 != bad


def test_a_spelling_of_numpys_is_told_the_name_here() -> None:
    for dtype in [dtype for dtype in DTYPES if dtype.short != "b1"]:  # the same in both
        with pytest.raises(DTypeError, match=f"is '{dtype.name}' here"):
            as_dtype(dtype.numpy.str[1:])


@pytest.mark.parametrize(("a", "b"), PAIRS, ids=repr)
def test_promotion(a: DType, b: DType) -> None:
    if {a.kind, b.kind} == {"i", "u"} and uint64 in (a, b):
        with pytest.raises(DTypeError, match="cast"):
            promote(a, b)
    elif "f" in (a.kind, b.kind) and a.kind != b.kind:
        assert promote(a, b) is (a if a.kind == "f" else b)
    else:
        assert promote(a, b).numpy == np.result_type(a.numpy, b.numpy)


@pytest.mark.parametrize(("a", "b"), PAIRS, ids=repr)
def test_casts_are_numpys_same_kind(a: DType, b: DType) -> None:
    assert can_cast_same_kind(a, b) == np.can_cast(a.numpy, b.numpy, "same_kind")


@pytest.mark.parametrize(
    ("value", "against", "expected"),
    [
        (1, float32, float32),
        (1.5, float64, float64),
        (True, int8, int8),
        (True, float32, float32),
        (False, bool_, bool_),
        (2, int8, int8),
        (2, uint64, uint64),
        (2**63, uint64, uint64),
        (2**70, float32, float32),
        (2, bool_, int64),
        (1.5, int64, float32),
        (1.5, bool_, float32),
        (np.float64(1), float32, float32),
        (np.int64(3), int8, int8),
        (np.uint8(3), int8, int8),
        (np.ones(3), float32, float32),
        (np.ones(3), int8, float32),
        (np.arange(3), float32, float32),
        (np.arange(3), uint8, uint8),
        (np.zeros(0, np.int64), int8, int8),
    ],
)
def test_scalars_and_arrays_take_the_dtype_of_the_tensor(
    value: object, against: DType, expected: DType
) -> None:
    assert scalar_dtype(value, against) is expected


@pytest.mark.parametrize(
    ("value", "against"),
    [
        (300, int8),
        (-1, uint8),
        (2**63, int64),
        (2**70, int64),
        (2**70, bool_),
        (np.array([1, 1000]), int8),
        (np.array([-1, 1]), uint64),
    ],
)
def test_an_int_out_of_range_is_an_error(value: object, against: DType) -> None:
    with pytest.raises(DTypeError, match="out of the range"):
        scalar_dtype(value, against)


@pytest.mark.parametrize("value", [1j, "1", None, np.array(["a"])])
def test_other_values_do_not_meet_tensors(value: object) -> None:
    with pytest.raises(DTypeError, match="a tensor is made of numbers"):
        scalar_dtype(value, float32)


def test_tensor_type() -> None:
    t = TensorType(float32, as_shape(("batch", 784)))
    assert repr(t) == "f32[batch, 784]"
    assert (t.rank, t.size) == (2, dim("batch") * 784)
    assert t == TensorType(float32, (dim("batch"), 784))
    assert t != TensorType(float64, t.shape)
    assert t != "f32[batch, 784]"
    assert len({t, TensorType(float32, t.shape), TensorType(float32, ())}) == 2
    assert dataclasses.replace(t, dtype=int8) == TensorType(int8, t.shape)
    with pytest.raises(dataclasses.FrozenInstanceError):
        t.shape = ()  # type: ignore[misc]


@pytest.mark.parametrize("text", ["f32[]", "b1[n]", "u8[batch, 3, (n + 1)//2, min(a, 4)*2]"])
def test_a_type_parses_back(text: str) -> None:
    assert repr(parse_type(text)) == text


@pytest.mark.parametrize("text", ["f32", "f32[", "f32[a b]", "f32[-1]", "[3]", "f16[3]"])
def test_what_is_not_a_type(text: str) -> None:
    with pytest.raises((ShapeError, DTypeError)):
        parse_type(text)


def test_shapes() -> None:
    assert as_shape(["n", np.int64(3), n * 2]) == (n, 3, n * 2)
    assert as_shape(()) == ()
    assert as_shape("n*2") == (n * 2,)
    with pytest.raises(ShapeError, match="negative"):
        as_shape((3, -1))


def test_pickles_are_equal_in_another_process() -> None:
    code = (
        "import pickle, sys; from graphc.types import parse_type;"
        "t = pickle.load(sys.stdin.buffer); same = parse_type('f32[batch, n//2]');"
        "sys.exit(not (t == same and {t: 1}[same] and {t.shape: 1}[same.shape]))"
    )
    data = pickle.dumps(parse_type("f32[batch, n//2]"))
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "PYTHONHASHSEED": "7"}
    subprocess.run([sys.executable, "-c", code], input=data, env=environment, check=True)


@given(st.lists(st.lists(st.integers(0, 3), max_size=4).map(tuple), min_size=1, max_size=3))
def test_int_shapes_broadcast_as_in_numpy(shapes: list[tuple[int, ...]]) -> None:
    try:
        expected = np.broadcast_shapes(*shapes)
    except ValueError:
        with pytest.raises(ShapeError, match="!="):
            broadcast_shapes(*shapes)
        return
    assert broadcast_shapes(*shapes) == expected
    assert broadcast_guards(*shapes) == ()


@pytest.mark.parametrize(
    ("shapes", "expected"),
    [
        ((), ()),
        (((n, 1), (3,)), (n, 3)),
        (((n,), ()), (n,)),
        (((1,), (n,)), (n,)),
        (((n, m), (m,), (n, 1)), (n, m)),
        (((n * 2 + 2,), ((n + 1) * 2,)), (n * 2 + 2,)),
    ],
)
def test_named_sizes_broadcast(
    shapes: tuple[tuple[DimLike, ...], ...], expected: tuple[DimLike, ...]
) -> None:
    assert broadcast_shapes(*shapes) == expected
    assert broadcast_guards(*shapes) == ()


@pytest.mark.parametrize(
    ("a", "b", "got"),
    [((64, 784), (512,), "784 != 512"), ((n,), (m,), "n != m"), ((n, 2), (3, 2), "n != 3")],
)
def test_sizes_that_never_match(a: tuple[DimLike, ...], b: tuple[DimLike, ...], got: str) -> None:
    with pytest.raises(ShapeError) as error:
        broadcast_shapes(a, b)
    assert error.value.what == f"shapes do not broadcast: {a} and {b}"
    assert error.value.got == got
    assert error.value.fix


def test_sizes_that_may_match_are_guarded() -> None:
    shapes = ((n // 2, 3), (4, 1), (m * 2, 3))
    assert broadcast_shapes(*shapes) == (n // 2, 3)
    guards = broadcast_guards(*shapes, where=UNKNOWN)
    assert [(g.kind, g.left, g.right, g.where) for g in guards] == [
        ("equal", n // 2, 4, UNKNOWN),
        ("equal", n // 2, m * 2, UNKNOWN),
    ]

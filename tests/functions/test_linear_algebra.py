"""matmul, tensordot, einsum and the rest against NumPy, with int and symbolic sizes."""

import re
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import graphc as gx

Shape = tuple[int, ...]


SIZES: dict[Any, Any] = {"n": 2, "m": 5, "b": 4, "h": 3}


def bound(size: Any) -> Any:
    return SIZES.get(size, size)


def values(*shape: int) -> np.ndarray[Any, Any]:
    return np.random.default_rng(sum(shape)).integers(-3, 4, shape).astype(np.float32)


@given(hnp.mutually_broadcastable_shapes(signature=np.matmul.signature, max_dims=3, max_side=3))
def test_matmul_by_numpys_rules(shapes: hnp.BroadcastableShapes) -> None:
    a, b = (values(*shape) for shape in shapes.input_shapes)
    x, y = gx.input("a", a.shape), gx.input("b", b.shape)
    expected = np.matmul(a, b)
    product = x @ y
    assert product.shape == expected.shape
    np.testing.assert_array_equal(product.eval({x: a, y: b}), expected)
    np.testing.assert_array_equal(gx.matmul(a, y).eval({y: b}), expected)


@pytest.mark.parametrize(
    ("left", "right"),
    [
        (("n", 3), (3, "m")),
        (("n",), ("n",)),
        (("n",), ("n", "m")),
        (("b", "n", 3), (3, 2)),
        (("b", "n", 3), ("b", 3, "m")),
        (("h", "b", "n", 3), (1, "b", 3, "m")),
        (("n", 3), ("b", 3, "m")),
        (("b", "n", 3), (3,)),
    ],
)
def test_matmul_of_symbolic_sizes(left: Any, right: Any) -> None:
    a, b = (values(*map(bound, shape)) for shape in (left, right))
    x, y = gx.input("a", left), gx.input("b", right)
    np.testing.assert_array_equal((x @ y).eval({x: a, y: b}), a @ b)


def test_matmul_promotes() -> None:
    a = gx.constant([[1, 2]], "int8")
    assert (a @ gx.constant([[1], [2]], "int32")).dtype == "int32"
    assert (a @ gx.ones((2, 1))).dtype == "float32"


def test_matmul_errors_name_the_transpose_that_fits() -> None:
    x, w = gx.input("x", (64, 784)), gx.parameter("w", np.zeros((10, 784)))
    with pytest.raises(gx.errors.ShapeError) as caught:
        x @ w
    text = str(caught.value)
    assert "matmul: inner sizes differ: (64, 784) @ (10, 784)  [784 != 10]" in text
    assert re.search(r"at .*test_linear_algebra.py:\d+, in test_matmul_errors", text)
    assert "did you mean w.T, shape (784, 10)?" in text
    with pytest.raises(gx.errors.ShapeError, match=re.escape("x.T, shape (784, 64)")):
        x @ gx.zeros((64, 3))
    with pytest.raises(gx.errors.ShapeError, match=r"\(the second operand\)\.mT"):
        x @ gx.zeros((2, 3, 784))
    with pytest.raises(gx.errors.ShapeError, match=r"the other order, \(9, 64\) @ \(64, 784\)"):
        x @ gx.zeros((9, 64))
    with pytest.raises(gx.errors.ShapeError, match="the last axis"):
        x @ gx.zeros((5, 3))
    with pytest.raises(gx.errors.ShapeError, match="scalar"):
        x @ 3
    with pytest.raises(gx.errors.ShapeError, match="batch axes"):
        gx.zeros((2, 3, 4)) @ gx.zeros((3, 4, 3))


@pytest.mark.parametrize(
    ("left", "right", "axes"),
    [
        ((2, 3), (3, 4), 1),
        ((2, 3), (2, 3), 2),
        ((2, 3), (4,), 0),
        ((2, 3, 4), (4, 3), ([1, 2], [1, 0])),
        ((2, 3, 4), (4, 3), ([-1], [0])),
    ],
)
def test_tensordot(left: Shape, right: Shape, axes: Any) -> None:
    a, b = values(*left), values(*right)
    np.testing.assert_array_equal(
        gx.tensordot(a, b, axes=axes).eval(), np.tensordot(a, b, axes=axes)
    )


def test_smaller_products() -> None:
    a, b = values(2, 3), values(3)
    np.testing.assert_array_equal(gx.vecdot(a, b).eval(), np.vecdot(a, b))
    np.testing.assert_array_equal(gx.outer(a, b).eval(), np.outer(a, b))
    np.testing.assert_array_equal(gx.dot(a, b).eval(), np.dot(a, b))
    np.testing.assert_array_equal(gx.dot(a, 2).eval(), np.dot(a, 2))
    c = values(4, 3, 5)
    np.testing.assert_array_equal(gx.dot(a, c).eval(), np.dot(a, c))
    for offset in (-3, -1, 0, 1, 2, 4):
        for m in (values(3, 4), values(4, 3), values(2, 3, 3)):
            expected = np.diagonal(m, offset, -2, -1)
            np.testing.assert_array_equal(gx.diagonal(m, offset=offset).eval(), expected)
            np.testing.assert_array_equal(gx.trace(m, offset=offset).eval(), expected.sum(-1))


def test_the_main_diagonal_of_matrices_whose_size_has_a_name() -> None:
    x = gx.input("x", ("batch", "n", "n"))
    y = gx.diagonal(x)
    program = gx.compile([x], [y, gx.trace(x), gx.grad(gx.sum(y * y), x)])
    for size in (1, 4, 5):
        m = values(3, size, size).astype(np.float32)
        m[0, 0, -1] = np.inf if size > 1 else 1
        expected = np.diagonal(m, 0, -2, -1)
        found = program(m)
        np.testing.assert_array_equal(found[0], expected)
        np.testing.assert_array_equal(found[1], expected.sum(-1))
        np.testing.assert_array_equal(found[2], 2 * np.where(np.eye(size, dtype=bool), m, 0))
    for shape, offset in ((("n", "m"), 0), (("n", 3), 0), (("n", "n"), 1), (("n",), 0)):
        with pytest.raises(gx.errors.ShapeError, match=r"or \(n, n\) and no offset"):
            gx.diagonal(gx.input("y", shape), offset=offset)


EINSUMS = (
    ("ij,jk->ik", (2, 3), (3, 4)),
    ("ij,jk", (2, 3), (3, 4)),
    ("ij,kj->ki", (2, 3), (4, 3)),
    ("bij,bjk->bik", (2, 3, 4), (2, 4, 5)),
    ("bhqd,bhkd->bhqk", (2, 3, 4, 5), (2, 3, 6, 5)),
    ("i,j->ij", (2,), (3,)),
    ("i,i->", (3,), (3,)),
    ("i,i->i", (3,), (3,)),
    ("ij->ji", (2, 3)),
    ("ij->", (2, 3)),
    ("ij->j", (2, 3)),
    ("ii->i", (3, 3)),
    ("ii", (3, 3)),
    ("iij->ji", (3, 3, 2)),
    ("iii->i", (2, 2, 2)),
    ("ij,ij,j->i", (2, 3), (2, 3), (3,)),
    ("ab,bc,cd->ad", (2, 3), (3, 4), (4, 2)),
    ("a,ab,abc->abc", (2,), (2, 3), (2, 3, 2)),
    ("...ij,...jk->...ik", (5, 2, 3), (5, 3, 2)),
    ("...ij,jk->...ik", (5, 4, 2, 3), (3, 2)),
    ("...i->...", (2, 3)),
    ("i...,j...->ij...", (2, 4), (3, 4)),
    ("ji", (2, 3)),
    ("ik,kj->ij", (2, 1), (1, 3)),
)


@pytest.mark.parametrize("case", EINSUMS, ids=lambda case: case[0])
def test_einsum(case: tuple[Any, ...]) -> None:
    text, *shapes = case
    arrays = [values(*shape) for shape in shapes]
    expected = np.einsum(text, *arrays)
    xs = [gx.input(f"x{i}", a.shape) for i, a in enumerate(arrays)]
    value = gx.einsum(text, *xs).eval(dict(zip(xs, arrays, strict=True)))
    np.testing.assert_array_equal(value, expected)
    assert value.shape == expected.shape


@given(st.data())
def test_any_einsum(data: st.DataObject) -> None:
    letters = st.text("abcd", max_size=3)
    terms = data.draw(st.lists(letters, min_size=1, max_size=3))
    result = data.draw(st.permutations(sorted(set("".join(terms)))))
    kept = "".join(result[: data.draw(st.integers(0, len(result)))])
    sizes = {"a": 2, "b": 3, "c": 1, "d": 2}
    arrays = [values(*(sizes[c] for c in term)) for term in terms]
    text = f"{','.join(terms)}->{kept}"
    np.testing.assert_allclose(gx.einsum(text, *arrays).eval(), np.einsum(text, *arrays), rtol=1e-5)


@pytest.mark.parametrize(
    ("text", "shapes", "message"),
    [
        ("ij,jk->ik", ((2, 3), (4, 5)), "j has two sizes"),
        ("ij->ik", ((2, 3),), "well formed"),
        ("ij->ii", ((2, 3),), "well formed"),
        ("ij,jk->ik", ((2, 3),), "2 operands"),
        ("ijk->i", ((2, 3),), "does not fit"),
        ("i1->i", ((2, 3),), "well formed"),
    ],
)
def test_einsum_errors(text: str, shapes: tuple[Shape, ...], message: str) -> None:
    with pytest.raises(gx.errors.ShapeError, match=message):
        gx.einsum(text, *(values(*shape) for shape in shapes))

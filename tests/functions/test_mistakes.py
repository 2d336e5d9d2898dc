"""What a newcomer gets wrong, and what the error says: what, got, the line, and the fix."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import graphc as gx
from graphc.errors import (
    ArgumentError,
    BindingError,
    ConcretenessError,
    DTypeError,
    GradientError,
    GraphError,
    IndexRangeError,
    MissingInputError,
    ShapeError,
    ThreadError,
    UnknownInputError,
    UnknownNameError,
    UpdateError,
)

X, LABELS = gx.input("x", ("batch", 784)), gx.input("labels", ("batch",), "int64")
U, V, N = gx.input("u", (3,)), gx.input("v", (4,)), gx.input("v", ("m",))
K = gx.input("k", ("n",), "int32")
W = gx.parameter("w", np.zeros((784, 10)))
LOSS = gx.nn.cross_entropy(X @ W, LABELS)
IMAGE = gx.input("image", ("n", 7, 7, 3))
IMAGES = np.zeros((2, 784), np.float32)
ROWS = gx.input("rows", ("a", "b"), "int32")
UNTYPED: Any = gx  # as a checker of types does not see it


class Closed:
    def __array__(self, dtype: Any = None, copy: Any = None) -> np.ndarray:
        raise ValueError("closed")


def assign(x: Any) -> None:
    x[0] = 1.0


def assign_attribute(name: str) -> None:
    setattr(W, name, 0)


def assign_value(value: Any) -> None:
    W.value = value


MISTAKES: dict[str, tuple[Callable[[], Any], type[Exception], str]] = {
    # lists of unequal lengths
    "ragged input": (lambda: U.eval({U: [[1], [2, 3]]}), BindingError, "'u' is made of lists"),
    "masked input": (
        lambda: gx.compile([U], U)(np.ma.masked_array([1.0, 2.0, 3.0], [0, 1, 1])),
        BindingError,
        r"'u': an array loses its mask  \[2 masked elements\](.|\n)*array\.filled\(0\)",
    ),
    "masked argument": (
        lambda: gx.jit(gx.sum)(np.ma.masked_array([1.0, 2.0], [0, 1])),
        DTypeError,
        r"argument of jit: an array loses its mask  \[1 masked elements\]",
    ),
    "masked value": (
        lambda: assign_value(np.ma.masked_array(np.ones((784, 10)), np.ones((784, 10)))),
        DTypeError,
        "'w': an array loses its mask",
    ),
    "a tree's count": (lambda: UNTYPED.tree.count([U]), GraphError, r"\[list\](.|\n)*count\(flatt"),
    "tree before function": (
        lambda: UNTYPED.tree.tree_map([U], abs),
        GraphError,
        r"the function comes first  \[list\](.|\n)*tree_map\(f, tree\)",
    ),
    "ragged value": (lambda: assign_value([[1], [2, 3]]), DTypeError, "'w' is made of lists"),
    "ragged parameter": (lambda: gx.parameter("p", [1, [2]]), DTypeError, "'p' is made of lists"),
    "ragged constant": (lambda: gx.constant([1, [2]]), DTypeError, "different lengths"),
    "ragged operand": (lambda: U * [1, [2]], DTypeError, "different lengths"),
    "ragged index": (lambda: U[[[1], [1, 2]]], DTypeError, "an index is made of lists"),
    "ragged argument": (
        lambda: gx.check_gradient(gx.sum, [[[1.0], [2.0, 3.0]]]),
        DTypeError,
        "argument 0 is made of lists",
    ),
    "ragged call": (
        lambda: gx.compile([U], U)([[1], [2, 3]]),
        BindingError,
        "'u' is made of lists",
    ),
    "rows of objects": (
        lambda: gx.jit(gx.sum)(np.array([[1], [2, 3]], object)),
        DTypeError,
        r"jit: sum\.x is no array of numbers",
    ),
    "text as an argument": (lambda: gx.grad(gx.sum)("a"), DTypeError, r"sum\.x.*\['a', str\]"),
    "list as an argument": (
        lambda: gx.grad(gx.sum)([1.0, 2.0]),
        DTypeError,
        r"list with tensors(.|\n)*np\.asarray",
    ),
    "arrays of check_gradient": (
        lambda: gx.check_gradient(gx.sum, np.ones(3)),
        GradientError,
        r"give a list",
    ),
    # shapes
    "inner sizes of jit": (
        lambda: gx.jit(lambda a, c: a @ c)(np.ones((2, 3)), np.ones((4, 3))),
        ShapeError,
        r"did you mean c\.T, shape \(3, 4\)\?",
    ),
    "inner sizes of a tree": (
        lambda: gx.jit(lambda p: p["a"] @ p["c"])({"a": np.ones((2, 3)), "c": np.ones((4, 3))}),
        ShapeError,
        r"did you mean \(the second operand, p\.c\)\.T, shape \(3, 4\)\?",
    ),
    "inner sizes": (lambda: X @ W.T, ShapeError, r"did you mean 'w'|inner sizes"),
    "named and int": (lambda: N + U, ShapeError, "the same name or the same int"),
    "unequal": (lambda: U + V, ShapeError, "must be equal"),
    "reshape": (lambda: U.reshape(2, 2), ShapeError, "-1 stands for"),
    "two free sizes": (lambda: X.reshape(-1, -1), ShapeError, "x.shape"),
    "axis": (lambda: U.sum(axis=1), ShapeError, "axes go from -1 to 0"),
    "float axis": (lambda: U.sum(axis=1.0), DTypeError, "tuple of ints"),
    "softmax axis": (lambda: gx.nn.softmax(U, axis=2), ShapeError, "softmax: axis 2"),
    "stack of no list": (
        lambda: UNTYPED.stack(U, U),
        ShapeError,
        r"stack takes a list(.|\n)*\[x, y\]",
    ),
    "concat of no list": (lambda: UNTYPED.concat(U), ShapeError, "concat takes a list of tensors"),
    "name for arange": (lambda: UNTYPED.arange("n"), DTypeError, r"graphc\.dim\('n'\)"),
    "step of arange": (lambda: gx.arange(3, 0, 0), ShapeError, "counts down"),
    "layout of Keras": (
        lambda: UNTYPED.nn.max_pool(IMAGE, 2, layout="channels_first"),
        ShapeError,
        "'NCHW' is channels first",
    ),
    "layout": (lambda: UNTYPED.nn.max_pool(IMAGE, 2, layout="nchw"), ShapeError, "in capitals"),
    "sizes of a window": (
        lambda: gx.nn.max_pool(IMAGE, (2, 2, 2)),
        ShapeError,
        r"size=\(2, 2\); batch and channels",
    ),
    "way of gelu": (
        lambda: UNTYPED.nn.gelu(U, approximate="none"),
        DTypeError,
        r"\['none'\](.|\n)*approximate=False the one by erf",
    ),
    "axis of vmap": (
        lambda: gx.vmap(gx.sum, in_axes=1)(np.ones(3)),
        ShapeError,
        "in_axes go from -1 to 0",
    ),
    "axes of vmap": (
        lambda: gx.vmap(gx.sum, in_axes=(0, None))(np.ones(3)),
        ShapeError,
        "in_axes has an int or None an argument",
    ),
    "sizes of vmap": (
        lambda: gx.vmap(lambda a, b: a * b)(np.ones(3), np.ones(4)),
        ShapeError,
        r"differ in size  \[3, 4\](.|\n)*None in in_axes",
    ),
    "entries of dims": (
        lambda: gx.jit(lambda a, b: a, dims=("n",))(1.0, 2.0),
        ShapeError,
        r"\[1 entries, 2 arguments\](.|\n)*dims=\(None",
    ),
    "axes of dims": (
        lambda: gx.jit(gx.sum, dims=(("n", None),))(np.ones(3)),
        ShapeError,
        "None for an axis",
    ),
    "axis of jit": (
        lambda: gx.jit(lambda a, axis: gx.sum(a, axis=axis))(IMAGES, 1),
        DTypeError,
        r"an axis is an int  \[Tensor.*\n.*\n.*functools\.partial\(f, axis=1\)",
    ),
    "vector of another size": (lambda: U @ V, ShapeError, "the only axis of the second"),
    "array for a shape": (
        lambda: UNTYPED.input("z", IMAGES),
        ShapeError,
        r"shape \(2, 784\)(.|\n)*input\('z', array\.shape\)",
    ),
    "shape of several": (
        lambda: UNTYPED.reshape(U, 3, 1),
        ArgumentError,
        r"reshape\(x, \(2, -1\)\)",
    ),
    "stack": (lambda: gx.stack([U, V]), ShapeError, "stack: the shapes differ"),
    "concat": (lambda: gx.concat([X, W]), ShapeError, "must be equal"),
    "squeeze": (lambda: gx.squeeze(U, axis=0), ShapeError, "first row"),
    "split": (lambda: gx.split(U, 2), ShapeError, "places to cut"),
    "einsum turned round": (lambda: UNTYPED.einsum(X, "ij->i"), ShapeError, "subscripts first"),
    "einsum of nothing": (lambda: gx.einsum("ij->i"), ShapeError, "str and 0 operands"),
    "a bias by place": (
        lambda: UNTYPED.nn.conv(IMAGE, np.zeros((3, 3, 3, 8)), None),
        ShapeError,
        r"stride: an int of 1 or more.*\[None\](.|\n)*conv\(x, w\) \+ b",
    ),
    "einsum sizes": (lambda: gx.einsum("ij,kj->ik", X, W), ShapeError, "j has two sizes"),
    "einsum letters": (lambda: gx.einsum("ij->k", X), ShapeError, "well formed"),
    "two sizes": (lambda: gx.zeros(2, 3), DTypeError, r"a shape is one argument"),  # type: ignore[arg-type]
    "dtype as a shape": (lambda: gx.input("z", "float32"), ShapeError, "name of a dtype"),
    "dtype for zeros": (
        lambda: gx.zeros("float32"),
        ShapeError,
        r"name of a dtype  \[float32\](.|\n)*the shape comes first.*\(2, 3\), 'float32'",
    ),
    "no pieces": (lambda: gx.split(U, 0), ShapeError, "does not divide into 0"),
    "array before the name": (lambda: gx.parameter(IMAGES, "w"), GraphError, "name comes first"),  # type: ignore[arg-type]
    "size as a divisor": (lambda: 1 / X.shape[0] * U, ConcretenessError, "symbolic: / needs"),
    "no label": (lambda: U.named(""), GraphError, "a label is a text"),
    "no size": (lambda: gx.input("z", (None, 3)), ShapeError, "'batch'"),
    "negative size": (lambda: gx.input("z", (-1, 3)), ShapeError, "'batch'"),
    # values
    "if": (lambda: 1 if U[0] > 0 else 2, ConcretenessError, "graphc.where"),
    "and": (lambda: (U > 0) and (U < 1), ConcretenessError, "&"),
    "not": (lambda: not (U > 0), ConcretenessError, r"~\(x > 0\)"),
    "chain": (lambda: 0 < K < 1, ConcretenessError, r"\(x > 0\) & \(x < 1\)"),
    "iteration": (lambda: list(U), ConcretenessError, r"range\(len\(x\)\)(.|\n)*unpacks"),
    "iteration over rows": (lambda: list(X), ConcretenessError, r"graphc\.vmap; Python's loops"),
    "a flag": (
        lambda: gx.jit(lambda x, train: x if train else -x)(IMAGES, True),
        ConcretenessError,
        r"functools\.partial\(f, train=True\)",
    ),
    "range": (lambda: range(N.shape[0]), ConcretenessError, "int size"),
    "linspace": (lambda: gx.linspace(0, 1, N.shape[0]), ConcretenessError, "symbolic"),
    "data": (
        lambda: assign_attribute("data"),
        UnknownNameError,
        r"no 'data' to be assigned(.|\n)*x\.value = array",
    ),
    "shape": (
        lambda: assign_attribute("shape"),
        UnknownNameError,
        r"no 'shape' to be assigned(.|\n)*x\.reshape\(shape\)",
    ),
    "grad": (lambda: assign_attribute("grad"), UnknownNameError, r"graphc\.grad\(loss, x\)"),
    "assignment": (lambda: assign(U), UpdateError, r"x.at\[key\].set"),
    # indices
    "index": (lambda: U[5], IndexRangeError, "from -3 to 2"),
    "axes": (lambda: U[0, 0], ShapeError, "None in a key adds an axis"),
    "float index": (lambda: U[0.5], DTypeError, "ints, slices"),
    "float tensor": (lambda: U[V], DTypeError, "astype"),
    "mask": (lambda: U[U > 0], DTypeError, "gx.where"),
    "slice by a value": (lambda: N[: LABELS[0]], DTypeError, "arange"),
    "values that do not fit": (lambda: U.at[0:2].set(V), ShapeError, "at: the values"),
    # dtypes
    "strings": (lambda: gx.sin("a"), DTypeError, r"made of numbers  \['a'\]"),
    "bits or bytes": (lambda: U.astype("i8"), DTypeError, "int64"),
    "dtype": (lambda: U.astype("flot32"), DTypeError, "graphc has float32"),
    "complex number": (lambda: U * 1j, DTypeError, r"^mul.*\[1j\](.|\n)*no complex numbers"),
    "complex array": (
        lambda: U + np.ones(3) * 1j,
        DTypeError,
        r"no complex numbers: a\.real and a\.imag",
    ),
    "complex constant": (lambda: UNTYPED.constant(1j), DTypeError, "no complex numbers"),
    "complex argument": (
        lambda: gx.jit(gx.sum)(np.ones(3) * 1j),
        DTypeError,
        r"jit: sum\.x(.|\n)*no complex numbers",
    ),
    "complex value": (
        lambda: gx.compile([U], U)(np.ones(3) * 1j),
        BindingError,
        r"'u' is f32\[3\](.|\n)*no complex numbers",
    ),
    "complex dtype": (lambda: U.astype("complex64"), DTypeError, "no complex numbers"),
    "complex type": (lambda: U.astype(complex), DTypeError, "no complex numbers"),
    "no parentheses": (
        lambda: UNTYPED.where(U > 0 & U < 1, 1, 0),
        DTypeError,
        r"\[f32\[3\]\](.|\n)*\(x > 0\) & \(x < 1\)",
    ),
    "function": (lambda: UNTYPED.nn.relu + U, DTypeError, r"^add(.|\n)*call it: f\(x\)"),
    "method": (lambda: U + U.sum, DTypeError, r"call it: x\.sum\(\)"),
    "negative power": (lambda: K**-1, DTypeError, r"astype\('float32'\) \*\* -1"),
    "negative powers": (lambda: gx.pow(K[:2], [1, -2]), DTypeError, r"int32 \*\* -2"),
    "bits of floats": (lambda: ~U, DTypeError, "astype"),
    "range of ints": (lambda: gx.input("i", (), "int8") + 300, DTypeError, "wider"),
    "one-hot classes": (lambda: gx.nn.cross_entropy(X, X), DTypeError, "log_softmax"),
    "columns of classes": (
        lambda: gx.nn.cross_entropy(X, LABELS[:, None]),
        ShapeError,
        "drops an axis",
    ),
    # gradients
    "no scalar": (lambda: gx.grad(U, U), GradientError, "loss.sum"),
    "two results": (lambda: gx.grad(lambda u: (u, u))(1.0), GradientError, "has_aux=True"),
    "no result": (lambda: gx.grad(lambda u: None)(1.0), GradientError, "NoneType"),
    "no such argument": (
        lambda: gx.grad(gx.sum, argnums=1)(IMAGES),
        GradientError,
        r"no argument 1  \[1 arguments\](.|\n)*argnums go from -1 to 0",
    ),
    "nothing beside the loss": (
        lambda: gx.grad(gx.sum, has_aux=True)(IMAGES),
        GradientError,
        r"returns \(loss, more\)(.|\n)*leave has_aux out",
    ),
    "hessian of no scalar": (lambda: gx.hessian(U, U), GradientError, r"hessian(.|\n)*loss\.sum"),
    "by integers": (lambda: gx.grad(LOSS, LABELS), GradientError, r"input 'labels': i64\[batch\]"),
    "by an integer argument": (
        lambda: gx.grad(lambda a, n: gx.sum(a) * n, argnums=(0, 1))(1.0, 2),
        GradientError,
        r"int64 has no gradient  \[input 'lambda.n': i64\[\]\]",
    ),
    "by a name": (lambda: UNTYPED.grad(LOSS, ["w"]), GradientError, r"\[str: 'w'\](.|\n)*\[w, b\]"),
    # feeding
    "no value": (lambda: LOSS.eval({X: IMAGES}), MissingInputError, "labels: array"),
    "a method for a result": (
        lambda: gx.jit(lambda u: u.sum)(1.0),
        GraphError,
        r"outputs are tensors(.|\n)*call it: x\.sum\(\)",
    ),
    "an item within jit": (
        lambda: gx.jit(lambda u: u.sum().item())(1.0),
        ConcretenessError,
        "a function of jit returns it",
    ),
    "another tensor of that name": (
        lambda: gx.compile([], [], updates={W - 1.0: W}),
        UpdateError,
        r"updates=\{w: w - step\}",
    ),
    "cost": (lambda: UNTYPED.grad(cost=LOSS, wrt=W), ArgumentError, "did you mean loss="),
    "builtin sum": (lambda: sum(X), ConcretenessError, r"x\.sum\(\) and x\.max\(\)"),
    "format": (lambda: f"{U[0]:.3f}", ConcretenessError, "a format needs a value"),
    "nothing for an array": (
        lambda: gx.compile([U], U)(None),
        BindingError,
        r"'u' is f32\[3\]  \[an array of object: None\](.|\n)*array of numbers",
    ),
    "threads": (lambda: gx.set_threads(0), ThreadError, r"\[0\](.|\n)*set_threads\(1\)"),
    "changed places": (
        lambda: gx.compile([X, LABELS], LOSS)([1, 2], IMAGES),
        BindingError,
        r"'x' is f32\[batch, 784\].*\n.*\n  did 'x' and 'labels' change places\? 'labels' is i64",
    ),
    "changed places of a dict": (
        lambda: LOSS.eval({X: [1, 2], LABELS: IMAGES}),
        BindingError,
        "did 'x' and 'labels' change places",
    ),
    "changed places of an epoch": (
        lambda: gx.compile([X, LABELS], LOSS).run_epoch([[1, 2], IMAGES], 2),
        BindingError,
        "did 'x' and 'labels' change places",
    ),
    "changed places of equal ranks": (
        lambda: gx.compile([U, V], gx.sum(U) + gx.sum(V))(np.ones(4), np.ones(3)),
        BindingError,
        "did 'u' and 'v' change places",
    ),
    "no fit in either place": (
        lambda: gx.compile([U, V], gx.sum(U) + gx.sum(V))(np.ones(4), np.ones(4)),
        BindingError,
        r"'u' is f32\[3\](.|\n)*give an array of shape",
    ),
    "ragged in the other place": (
        lambda: gx.compile([U, V], gx.sum(U) + gx.sum(V)).run_epoch([[1, 2], [[1], [2, 3]]], 1),
        BindingError,
        "'v' is made of lists",
    ),
    "by place": (lambda: U.eval([1.0, 2.0, 3.0]), UnknownInputError, r"x\.eval"),  # type: ignore[arg-type]
    "by name": (lambda: LOSS.eval({"x": IMAGES}), UnknownInputError, "without quotes"),
    "rank": (lambda: X.eval({X: IMAGES[0]}), BindingError, "rank 2"),
    "columns": (lambda: X.eval({X: IMAGES[:, :5]}), BindingError, r"shape \(2, 784\)"),
    "kind": (lambda: LABELS.eval({LABELS: [0.5]}), BindingError, "astype"),
    "class out of range": (
        lambda: LOSS.eval({X: IMAGES, LABELS: [1, 12]}),
        IndexRangeError,
        r"^cross_entropy: an index .* f32\[batch, 10\]  \[labels\[1\] is 12\](.|\n)*from 0 to 9",
    ),
    "class below 0": (
        lambda: LOSS.eval({X: IMAGES, LABELS: [1, -1]}),
        IndexRangeError,
        r"\[labels\[1\] is -1\](.|\n)*from 0 to 9; these come from input 'labels'",
    ),
    "class below 0, compiled": (
        lambda: gx.compile([X, LABELS], LOSS)(IMAGES, np.array([1, -1])),
        IndexRangeError,
        r"^cross_entropy(.|\n)*\[labels\[1\] is -1\](.|\n)*from 0 to 9",
    ),
    "class out of range, in an epoch": (
        lambda: gx.compile([X, LABELS], LOSS).run_epoch(
            [np.zeros((5, 784), np.float32), np.array([1, 10, 3, 4, 5])], 2, order=[0, 4, 3, 1]
        ),
        IndexRangeError,
        r"^cross_entropy.*, in step 1  \[labels\[1\] is 10\](.|\n)*from 0 to 9",
    ),
    "class of nll": (
        lambda: gx.nn.nll(X, LABELS).eval({X: IMAGES, LABELS: [1, 784]}),
        IndexRangeError,
        r"^nll(.|\n)*\[labels\[1\] is 784\]",
    ),
    "row of a table": (
        lambda: gx.compile([ROWS], gx.nn.embedding(W, ROWS))([[1, 2], [3, 784]]),
        IndexRangeError,
        r"^embedding: .* axis 0 of f32\[784, 10\]  \[rows\[1, 1\] is 784\](.|\n)*from 0 to 783",
    ),
    "row below 0": (
        lambda: gx.nn.embedding(W, ROWS).eval({ROWS: [[1, -1]]}),
        IndexRangeError,
        r"^embedding(.|\n)*\[rows\[0, 1\] is -1\]",
    ),
    "constant row below 0": (
        lambda: gx.nn.embedding(W, [4, -1]),
        IndexRangeError,
        r"^embedding: .*\[-1 at \[1\] for an axis of size 784\](.|\n)*from 0 to 783",
    ),
    "index of x": (
        lambda: U[gx.input("i", (), "int64")].eval({U: [1, 2, 3], gx.input("i", (), "int64"): 3}),
        IndexRangeError,
        r"^x\[i\](.|\n)*\[i is 3\](.|\n)*from -3 to 2",
    ),
    "index that is computed": (
        lambda: gx.take(U, K * 2).eval({U: [1, 2, 3], K: [1, 2]}),
        IndexRangeError,
        r"^take(.|\n)*\[4 at \[1\]\](.|\n)*these come from input 'k'",
    ),
    "batches of a loader": (
        lambda: gx.compile([X, LABELS], LOSS).run_epoch([(IMAGES, [1, 2])] * 3, 2),
        BindingError,
        "whole arrays, and makes the batches",
    ),
    "batches of one input": (
        lambda: gx.compile([X], X * 2).run_epoch([IMAGES, IMAGES, IMAGES], 2),
        UnknownInputError,
        "all samples of a batch, or of an epoch, in one",
    ),
    "two batches": (
        lambda: gx.compile([X, LABELS], LOSS).run_epoch([IMAGES, np.zeros(1, int)], 2),
        BindingError,
        "not batches: those are made here",
    ),
    "no array": (lambda: U.eval({U: Closed()}), BindingError, r"Closed is no array  \[closed\]"),
    "value out of range": (lambda: K.eval({K: [2**40]}), BindingError, "holds -2147483648 to"),
    "value out of range, compiled": (
        lambda: gx.compile([K], K + 1)(np.array([1, -(2**40)])),
        BindingError,
        r"'k' is i32\[n\]  \[the value -1099511627776\](.|\n)*wider",
    ),
    "range of a parameter": (
        lambda: gx.parameter("p", [300], "int8"),
        DTypeError,
        r"the value 300\](.|\n)*int8 holds -128 to 127",
    ),
    "range of a constant": (lambda: gx.full(2, -1, "uint8"), DTypeError, "holds 0 to 255"),
    "not listed": (lambda: gx.compile([X], LOSS), GraphError, "add labels"),
    "shape of a value": (lambda: setattr(W, "value", np.zeros(3)), ShapeError, "of that shape"),
    "text": (lambda: gx.text(3), GraphError, r"text\(y\)"),
    "draw": (lambda: gx.draw(3), GraphError, "draw"),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_the_error_names_the_line_and_the_fix(name: str) -> None:
    mistake, kind, words = MISTAKES[name]
    with pytest.raises(kind, match=words) as caught:
        mistake()
    error = caught.value
    assert isinstance(error, gx.errors.GraphcError)
    assert error.where.file == __file__
    assert error.fix


def test_an_operand_that_another_library_knows_is_asked() -> None:
    class Other:
        def __radd__(self, left: object) -> str:
            return "added"

    assert U + Other() == "added"
    with pytest.raises(TypeError, match="unsupported operand"):
        U + object()

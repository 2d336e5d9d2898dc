"""What users of PyTorch, JAX and NumPy write out of habit, and what the error says to write."""

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
    GraphcError,
    GraphError,
    MissingInputError,
    ShapeError,
    UnknownInputError,
    UpdateError,
)

X, LABELS = gx.input("x", ("batch", 784)), gx.input("labels", ("batch",), "int64")
U, V = gx.input("u", (3,)), gx.input("v", (4,))
BOXES = gx.input("boxes", ("n", 3, 5))
W = gx.parameter("w", np.zeros((784, 10)))
LOGITS = X @ W
LOSS = gx.nn.cross_entropy(LOGITS, LABELS)
STEP: Any = gx.compile([X, LABELS], LOSS)
IMAGE = gx.input("image", ("n", 7, 7, 3))
IMAGES = np.zeros((2, 784), np.float32)
UNTYPED: Any = gx  # as a checker of types does not see it
T: Any = X


def assign_at(x: Any) -> None:
    x.at[0] = 1.0


def assign_value(value: Any) -> None:
    W.value = value


MISTAKES: dict[str, tuple[Callable[[], Any], type[Exception], str]] = {
    # tensors
    "size of an axis": (lambda: T.size(0), ConcretenessError, r"x\.shape\[0\]"),
    "root of a size": (lambda: T.shape[0] ** -0.5, ConcretenessError, r"\*\* needs a number"),
    "half of a size": (lambda: 0.5 * T.shape[0], ConcretenessError, r"graphc\.asarray\(x\.shape"),
    "array of a size": (lambda: np.zeros(T.shape), ConcretenessError, r"graphc\.zeros, arange"),
    "transposed vector": (lambda: U.mT, ShapeError, r"\[\(3,\)\](.|\n)*x\[:, None\]"),
    "two axes to transpose": (
        lambda: BOXES.transpose(1, 2),
        ShapeError,
        r"transpose: each axis is given once.*\[\(1, 2\) of 3 axes\](.|\n)*swapaxes\(x, 1, 2\)",
    ),
    "decimals": (lambda: round(T, 2), ArgumentError, r"\[2 decimals\](.|\n)*round\(x \* 100\)"),
    "half a step": (lambda: UNTYPED.roll(U, 1.5), DTypeError, r"a shift is an int  \[1\.5\]"),
    "half steps": (
        lambda: UNTYPED.roll(BOXES, (1, 0.5), axis=(0, 1)),
        DTypeError,
        r"a shift is an int  \[0\.5\]",
    ),
    "at with a call": (lambda: T.at(0), ArgumentError, r"x\.at\[key\]\.set"),
    "at with an assignment": (lambda: assign_at(X), UpdateError, r"x = x\.at\[key\]\.set"),
    "text": (lambda: T + "w", DTypeError, r"add: an operand is a tensor.*\['w'\](.|\n)*quotes"),
    "no bias": (lambda: T @ None, DTypeError, r"\[None\](.|\n)*if b is None"),
    "all parameters": (lambda: {"w": 1} * T, DTypeError, r"\[\{'w': 1\}\](.|\n)*params\['w'\]"),
    "a tensor as a parameter": (lambda: gx.parameter("p", W), DTypeError, r"'p'(.|\n)*w\.value"),  # type: ignore[arg-type]
    "a tensor as a value": (lambda: assign_value(W * 2), DTypeError, r"'w' is made of numbers"),
    "no value": (lambda: assign_value(None), DTypeError, r"'w' is made of numbers.*\[None\]"),
    "an initialiser": (lambda: gx.parameter("p", np.zeros), DTypeError, r"'p' is made of numbers"),  # type: ignore[arg-type]
    "one text for sizes": (lambda: gx.input("z", "n, 4"), ShapeError, r"\('n', '4'\)"),
    "a size of two words": (lambda: gx.input("z", ("a b", 4)), ShapeError, "'batch_size'"),
    "aligned in front": (
        lambda: LOGITS * X[:, 0],
        ShapeError,
        r"\[10 != batch\](.|\n)*x\[\.\.\., None\] has shape \(batch, 1\)",
    ),
    "weights first": (lambda: W @ X, ShapeError, r"other order, \(batch, 784\) @ \(784, 10\)"),
    "widths that differ": (
        lambda: gx.concat([X, LOGITS]),
        ShapeError,
        r"concat along axis 0.*\[\(batch, 784\) and \(batch, 10\)\](.|\n)*other sizes",
    ),
    "a maximum of two": (lambda: UNTYPED.max(X, 0.0), DTypeError, r"graphc\.maximum\(x, y\)"),
    "result_type": (lambda: gx.result_type(), DTypeError, "result_type of nothing"),
    "limits": (lambda: gx.finfo("int8"), DTypeError, r"finfo has no limits.*\[int8\](.|\n)*iinfo"),
    "an array of tensors": (
        lambda: np.array([U[0], U[1]]),
        ConcretenessError,
        r"graphc\.stack joins tensors of a list",
    ),
    # networks
    "logits second": (
        lambda: gx.nn.cross_entropy(LABELS, LOGITS),
        DTypeError,
        r"are integer classes  \[logits i64\[batch\](.|\n)*cross_entropy\(logits, targets\)",
    ),
    "half a pixel": (
        lambda: UNTYPED.nn.conv(IMAGE, np.ones((3, 3, 3, 4)), padding=1.5),
        ShapeError,
        r"padding: an int.*\[1\.5\]",
    ),
    "padding of an array": (
        lambda: UNTYPED.nn.avg_pool(IMAGE, 2, padding=np.array([0.5, 1])),
        ShapeError,
        r"padding: an int.*\[\[0\.5 1\. \]\]",
    ),
    "padding of one axis": (
        lambda: gx.nn.conv(IMAGE, np.ones((3, 3, 3, 4)), padding=((1, 1),)),
        ShapeError,
        r"padding=\(\(0, 1\), \(0, 1\)\)",
    ),
    "one image": (
        lambda: gx.nn.max_pool(U, 2),
        ShapeError,
        r"pool: x is.*\[f32\[3\]\](.|\n)*x\[None",
    ),
    "attention of vectors": (
        lambda: gx.nn.attention(U, U, U),
        ShapeError,
        r"two axes or more(.|\n)*q is \(\.\.\., steps, size\)",
    ),
    # arguments that mean something else elsewhere
    "a shape for layer norm": (lambda: gx.nn.layer_norm(U, (3,)), DTypeError, "scale is of floats"),  # type: ignore[arg-type]
    "a size for layer norm": (
        lambda: gx.nn.layer_norm(U, 3),
        DTypeError,
        r"\[3\](.|\n)*arrays or parameters; axis=",
    ),
    "a size for rms norm": (lambda: gx.nn.rms_norm(U, 3), DTypeError, "rms_norm: scale"),
    "a size for batch norm": (lambda: gx.nn.batch_norm(X, 784), DTypeError, "batch_norm: scale"),
    "scale of layer norm": (lambda: gx.nn.layer_norm(U, V), ShapeError, r"layer_norm: scale.*\n"),
    "wide shift": (
        lambda: gx.nn.layer_norm(U, None, np.ones((2, 3))),
        ShapeError,
        r"layer_norm: shift(.|\n)*\(3,\)",
    ),
    "matrix for batch norm": (
        lambda: gx.nn.batch_norm(X, np.ones((784, 784))),
        ShapeError,
        "batch_norm: scale is a vector",
    ),
    "channels of batch norm": (
        lambda: gx.nn.batch_norm(X, mean=V, variance=V),
        ShapeError,
        r"mean is a vector.*\(4,\), 784 channels along axis 1",
    ),
    "window larger than the image": (
        lambda: gx.nn.max_pool(IMAGE, 8),
        ShapeError,
        "max_pool: the window is larger",
    ),
    "channels of conv": (
        lambda: gx.nn.conv(IMAGE, np.ones((16, 3, 7, 7))),
        ShapeError,
        r"channels of x and of the weights differ  (.|\n)*layout='NCHW'",
    ),
    "shape of a parameter": (
        lambda: gx.parameter("p", (3, 4)),
        DTypeError,
        r"looks like a shape(.|\n)*np.zeros\(\(3, 4\)\)",
    ),
    "shape of a state": (lambda: gx.state("p", (3,)), DTypeError, r"np.zeros\(\(3,\)\)"),
    "tensor of a list": (lambda: gx.Tensor([1, 2]), GraphError, "asarray"),  # type: ignore[arg-type]
    "jvp with its values": (
        lambda: gx.jvp(gx.sin, (IMAGES,), (IMAGES,)),
        GradientError,
        r"(?s)^.{,200}graphc\.jvp\(f, argnums=0\)\(x, tangents=\.\.\.\).{,40}$",
    ),
    "wrt of a function": (
        lambda: gx.grad(gx.sum, wrt=1),
        GradientError,
        r"\[wrt=1\](.|\n)*argnums",
    ),  # type: ignore[call-overload]
    "too many arguments": (lambda: gx.grad(gx.sum, 0, False, 1), GradientError, "argnums"),  # type: ignore[call-overload]
    "jit of an array": (lambda: gx.jit(IMAGES), GraphError, r"ndarray\](.|\n)*compile"),  # type: ignore[arg-type]
    "roofline of a program": (
        lambda: gx.viz.roofline(gx.compile([U], U + 1)),  # type: ignore[arg-type]
        GraphError,
        r"step\.profile",
    ),
    "padding in capitals": (
        lambda: gx.nn.conv(IMAGE, np.ones((3, 3, 3, 4)), padding="SAME"),  # type: ignore[arg-type]
        ShapeError,
        "lower case",
    ),
    "embedding turned": (
        lambda: gx.nn.embedding(LABELS, W),
        DTypeError,
        r"embedding: indices.*f32\[784, 10\](.|\n)*table comes first",
    ),
    "mask of attention": (
        lambda: gx.nn.attention(X, X, X, mask=np.ones((4, 4), bool)),
        ShapeError,
        r"attention: a mask.*\(4, 4\) to \(batch, batch\)",
    ),
    "argument of jit as a size": (
        lambda: gx.jit(lambda x, n: gx.reshape(x, (n, -1)))(IMAGES, 2),
        ShapeError,
        "close over it",
    ),
    "bias of a convolution": (
        lambda: UNTYPED.nn.conv(IMAGE, np.ones((3, 3, 3, 4)), bias=np.zeros(4)),
        ArgumentError,
        r"no argument bias(.|\n)*graphc\.nn\.conv\(x, w\) \+ b",
    ),
    "no groups": (
        lambda: gx.nn.conv(IMAGE, np.ones((3, 3, 3, 4)), groups=0),
        ShapeError,
        r"groups: an int of 1 or more  \[0\](.|\n)*depthwise",
    ),
    "sizes of a table": (lambda: gx.nn.embedding(10, 4), ShapeError, r"graphc\.parameter"),
    "keepdims by place": (lambda: UNTYPED.nn.softmax(X, True), DTypeError, r"int  \[True\]"),
    "an argument as a size": (
        lambda: gx.jit(lambda n: gx.arange(n))(3),
        DTypeError,
        r"arange: bounds are numbers or sizes.*\[Tensor(.|\n)*cannot depend on values",
    ),
    # gradients
    "cotangents of another tree": (
        lambda: gx.vjp(lambda a: (a, a))(IMAGES, cotangents=IMAGES),
        GradientError,
        r"cotangents are no tree.*\[\* for tuple\(\*, \*\)\]",
    ),
    "a tangent that is an array": (
        lambda: gx.jvp(U * 2, U, np.ones(3)),
        GradientError,
        r"tangents is a tensor(.|\n)*graphc\.constant\(array\)",
    ),
    "a parameter of ints": (
        lambda: gx.grad(LOSS, gx.parameter("p", [1, 2])),
        GradientError,
        r"int64 has no gradient(.|\n)*parameter\(name, value, 'float32'\)",
    ),
    "a dict": (
        lambda: gx.grad(lambda p: gx.sum(p))({"w": np.ones(3)}),
        DTypeError,
        r"made of numbers.*\{'w'(.|\n)*params\['w'\]",
    ),
    "loss second": (lambda: gx.grad(W, LOSS), GradientError, r"graphc\.grad\(loss, w\)"),
    "two losses": (lambda: UNTYPED.grad([LOSS, LOSS], W), GradientError, r"\[list\](.|\n)*a \+ b"),
    "arguments by name": (
        lambda: gx.grad(lambda a: a * a)(a=1.0),
        GradientError,
        r"no argument 0  \[0 arguments\](.|\n)*by place",
    ),
    "vmap of a tensor": (lambda: UNTYPED.vmap(X), GraphError, r"vmap takes a function  \[Tensor\]"),
    "check of a tensor": (
        lambda: UNTYPED.check_gradient(LOSS, [W]),
        GradientError,
        r"takes a function(.|\n)*\[array\]",
    ),
    "an axis of a result": (
        lambda: gx.vmap(lambda a: a, out_axes=3)(IMAGES),
        ShapeError,
        "out_axes go from -2 to 1",
    ),
    "one name for dims": (
        lambda: gx.jit(gx.sum, dims=("n",))(IMAGES[0]),
        ShapeError,
        r"\['n' for \*\](.|\n)*dims=\(\('batch', None\),\)",
    ),
    # programs
    "a name as a key": (
        lambda: UNTYPED.compile([X, LABELS], LOSS, updates={"w": W * 2}),
        UpdateError,
        r"\['w'\](.|\n)*updates=\{w: new\}",
    ),
    "pairs of updates": (
        lambda: UNTYPED.compile([X, LABELS], LOSS, updates=[(W, W * 2)]),
        UpdateError,
        r"updates is a dict  \[list\](.|\n)*dict\(pairs\)",
    ),
    "a source that is called": (lambda: STEP.source(), ArgumentError, r"print\(step\.source\)"),
    "memory before a call": (
        lambda: gx.compile([X, LABELS], LOSS).memory,
        MissingInputError,
        r"none yet  \[sizes: batch\](.|\n)*step\.memory_for\(batch=32\), or call",
    ),
    "a size that is missing": (
        lambda: STEP.memory_for(),
        MissingInputError,
        r"the size 'batch' was not given(.|\n)*step\.memory_for\(batch=32\)",
    ),
    "tensors for arrays": (
        lambda: STEP(X, LABELS),
        BindingError,
        r"input 'x' is made of numbers(.|\n)*x\.eval",
    ),
    "all in a list": (lambda: STEP([IMAGES, [1, 2]]), MissingInputError, r"step\(x, y\)"),
    "several epochs": (
        lambda: STEP.run_epoch([IMAGES, [1, 2]], 1, epochs=3),
        UnknownInputError,
        "call run_epoch in a loop",
    ),
    "an unknown option": (
        lambda: STEP.run_epoch([IMAGES, [1, 2]], 1, seed=3),
        UnknownInputError,
        r"inputs: x, labels; options: batch_size, order, shuffle, drop_last, progress",
    ),
    "tensors as keys": (
        lambda: STEP.run_epoch({X: IMAGES, LABELS: [1, 2]}, 1),
        UnknownInputError,
        r"\{'x': array\}",
    ),
    "labels given once": (
        lambda: STEP.run_epoch([IMAGES], 1, labels=[1, 2]),
        BindingError,
        r"'labels' has a row for each sample.*\[2 rows for batches of 1\](.|\n)*in the list",
    ),
    "another batch size": (
        lambda: gx.compile([U], U)(np.ones(5)),
        BindingError,
        r"give an array of shape \(3,\); an input of shape \('batch',\) takes any number",
    ),
    "images turned": (
        lambda: gx.compile([X], LOGITS)(IMAGES.T),
        BindingError,
        r"did you mean array\.T, shape \(2, 784\)\?",
    ),
    "a device": (
        lambda: UNTYPED.compile([X], LOGITS, backend="gpu"),
        GraphError,
        r"\['gpu'\](.|\n)*leave it out",
    ),
    "a mask as an order": (
        lambda: STEP.run_epoch([IMAGES, [1, 2]], 1, order=np.array([True, False])),
        BindingError,
        r"bool(.|\n)*np\.flatnonzero",
    ),
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


def test_a_list_of_numbers_is_told_of_where_it_cannot_be_a_tree() -> None:
    for f in (lambda a: a @ a, lambda a: a.shape):
        with pytest.raises((TypeError, AttributeError)) as caught:
            gx.jit(f)([[1.0, 2.0], [3.0, 4.0]])
        assert "np.asarray(list)" in caught.value.__notes__[0]
    with pytest.raises(TypeError) as caught:
        gx.jit(lambda a: a + "b")(np.ones(2))
    assert not hasattr(caught.value, "__notes__")


def test_none_and_text_are_equal_to_no_tensor() -> None:
    assert T != None  # noqa: E711
    assert (T == "x", T in ("x", None)) == (False, False)


def test_arrays_and_tensors_are_no_axes() -> None:
    x, y = gx.input("x", ("n", "m")), gx.input("y", ("n", "m"))
    for call in (lambda: gx.sum(x, axis=np.array([0, 1])), lambda: gx.max(x, y)):  # type: ignore[arg-type]
        with pytest.raises(DTypeError, match="an axis is an int"):
            call()
    assert gx.sum(x, axis=np.int64(1)).shape == x.shape[:1]


def test_numbers_say_nothing_of_why_shapes_do_not_broadcast() -> None:
    mask, x = gx.input("mask", ("a", "b"), "bool"), gx.input("x", ("n", "m"))
    with pytest.raises(ShapeError, match="a named size matches itself alone"):
        gx.where(mask, x, 0.0)


def test_arrays_are_widths_and_padding() -> None:
    x, w = np.ones((2, 3)), np.ones((3, 3, 3, 4), np.float32)
    for widths in (1, (1, 2), ((1, 0), (0, 2))):
        padded = UNTYPED.pad(x, np.array(widths))
        assert padded.eval().tolist() == np.pad(x, widths).tolist()
    given, listed = np.array([[1, 0], [2, 1]]), ((1, 0), (2, 1))
    for f, weights in ((UNTYPED.nn.conv, w), (UNTYPED.nn.conv_transpose, w.swapaxes(2, 3))):
        assert f(IMAGE, weights, padding=given) is f(IMAGE, weights, padding=listed)
    pool = UNTYPED.nn.avg_pool
    assert pool(IMAGE, 2, padding=given) is pool(IMAGE, 2, padding=listed)


def test_a_tensor_is_rounded_by_python() -> None:
    values = [-1.5, 0.5, 2.5]
    assert round(gx.constant(values)).eval().tolist() == [-2.0, 0.0, 2.0]
    assert round(gx.constant([1, 2]), 0).dtype == "int64"


@pytest.mark.parametrize("widths", ["same", ((0, 0), (1.7, 1)), 1.5])
def test_widths_are_ints(widths: object) -> None:
    with pytest.raises(GraphcError):
        gx.pad(gx.input("x", ("n", "m")), widths)  # type: ignore[arg-type]

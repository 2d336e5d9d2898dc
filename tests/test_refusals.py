"""Arguments of other libraries: what the error says instead, and that it says what is true."""

import inspect
import pickle
import re
from collections.abc import Callable
from types import FunctionType
from typing import Any

import numpy as np
import pytest

import graphc as gx
from graphc import foreign_arguments
from graphc.errors import ArgumentError

X, Y = gx.input("x", ("n", 4)), gx.input("y", ("n",), "int64")
W = gx.parameter("w", np.zeros((4, 4)))
LOSS = gx.sum(X @ W)

# functions as a checker of types does not see them: it would refuse these calls as well
nn: Any = gx.nn
g: Any = gx
x: Any = X

STEP: Any = gx.compile([X], LOSS)


class Model:
    @g.jit
    def step(self, scale: Any) -> Any:
        return scale


REFUSED: dict[str, tuple[Callable[[], Any], str, str]] = {
    "dim": (lambda: g.sum(X, dim=1), "graphc.sum has no argument dim  [dim=1]", "axis=1?"),
    "of a method": (
        lambda: x.mean(dim=0, keepdim=True),
        "x.mean has no argument dim and no keepdim  [dim=0, keepdim=True]",
        "did you mean axis=0, keepdims=True?\nx.mean(axis=None, *, keepdims=False)",
    ),
    "what other names hide": (
        lambda: STEP.run_epoch([np.ones((8, 4))], rate=0.1),
        "step.run_epoch needs batch_size  [2 arguments]",
        "step.run_epoch(arrays, /, batch_size",
    ),
    "a loss that is missing": (lambda: g.grad(argnums=1), "graphc.grad needs loss", "grad(loss"),
    "arguments by place": (
        lambda: STEP.run_epoch(arrays=[np.ones((8, 4))], batch_size=4),
        "step.run_epoch takes arrays by place  [arrays=]",
        "give arrays by place, without the name",
    ),
    "dim of softmax": (lambda: nn.softmax(X, dim=-1), "[dim=-1]", "axis=-1?"),
    "dims": (lambda: g.permute_dims(X, dims=(1, 0)), "[dims=(1, 0)]", "axes=(1, 0)?"),
    "unbiased": (lambda: g.var(X, unbiased=False), "[unbiased=False]", "correction=0 by n"),
    "ddof": (lambda: g.std(X, ddof=1), "[ddof=1]", "correction=1?"),
    "is_causal": (lambda: nn.attention(X, X, X, is_causal=True), "is_causal", "causal=True?"),
    "query": (lambda: nn.attention(query=X, key=X, value=X), "query=...", "q=..., k=..., v=...?"),
    "eps": (lambda: nn.layer_norm(X, eps=1e-6), "[eps=1e-06]", "epsilon=1e-06?"),
    "a shape": (lambda: nn.layer_norm(X, normalized_shape=4), "normalized_shape=4", "axis=-1"),
    "momentum": (lambda: nn.batch_norm(X, momentum=0.1), "[momentum=0.1]", "graphc.state"),
    "reduction": (
        lambda: nn.cross_entropy(X, Y, reduction="sum"),
        "[reduction='sum']",
        "losses are means",
    ),
    "names of torch": (
        lambda: nn.cross_entropy(input=X, target=Y),
        "[input=..., target=...]",
        "did you mean logits=..., targets=...?",
    ),
    "weight of a layer": (lambda: nn.linear(X, weight=W), "weight", "w=...?"),
    "weights of classes": (lambda: nn.cross_entropy(X, Y, weight=W), "weight", "weigh the rows"),
    "smoothing": (
        lambda: nn.cross_entropy(X, Y, label_smoothing=0.1),
        "[label_smoothing=0.1]",
        "(1 - s) * graphc.nn.cross_entropy",
    ),
    "kernel_size": (lambda: nn.max_pool(X, kernel_size=2), "[kernel_size=2]", "size=2?"),
    "data_format": (
        lambda: nn.max_pool(X, 2, data_format="channels_first"),
        "[data_format='channels_first']",
        "did you mean layout='NCHW'?",
    ),
    "device": (lambda: g.zeros((2, 3), device="cpu"), "[device='cpu']", "leave it out"),
    "copy": (lambda: x.astype("float64", copy=False), "[copy=False]", "always a new one"),
    "trainable": (lambda: g.parameter("p", 1.0, trainable=False), "trainable", "graphc.state"),
    "a shape for a value": (
        lambda: g.parameter("p", shape=(3,)),
        "no argument shape  [shape=(3,)]",
        "np.zeros(shape)",
    ),
    "alpha": (lambda: nn.leaky_relu(X, alpha=0.2), "[alpha=0.2]", "negative_slope=0.2?"),
    "tensors": (lambda: g.stack(tensors=[X, X], dim=1), "dim=1", "arrays=..., axis=1?"),
    "jit with arguments": (
        lambda: g.jit(dims=(("n",),)),
        "graphc.jit needs f",
        "@functools.partial(graphc.jit, dims=...)",
    ),
    "too few for jit": (
        lambda: g.jit(lambda a, scale: a)(1.0),
        "needs scale  [1 arguments]",
        "<lambda>(a, scale)",
    ),
    "too many for jit": (lambda: g.jit(lambda a: a)(1.0, 2.0), "1 by place: a  [2 arg", "(a)"),
    "too few for grad": (
        lambda: g.grad(lambda a, scale: a)(1.0),
        "needs scale  [1 arguments]",
        "<lambda>(a, scale)",
    ),
    "too few for vmap": (lambda: g.vmap(lambda a, b: a)(np.ones(3)), "needs b  [1 arg", "(a, b)"),
    "too few to check": (
        lambda: g.check_gradient(lambda a, b: a, [1.0]),
        "needs b  [1 arguments]",
        "(a, b)",
    ),
    "a name that f has not": (
        lambda: g.jit(lambda a: a)(1.0, scale=2.0),
        "no argument scale  [scale=...]",
        "(a)",
    ),
    "jit of a method": (
        lambda: Model().step(1.0),
        "Model.step needs scale  [1 arguments]",
        "self.step = graphc.jit(self.step), in __init__",
    ),
    "static": (lambda: g.jit(g.sum, static_argnums=1), "static_argnums", "functools.partial"),
    "mode": (lambda: g.compile([X], X, mode="max"), "[mode='max']", "backend=...)"),
    "in_dims": (lambda: g.vmap(g.sum, in_dims=0), "[in_dims=0]", "in_axes=0?"),
    "a slip": (lambda: g.sum(X, axs=1), "[axs=1]", "axis=1?"),
    "an unknown": (lambda: g.sum(X, qqqq=1), "[qqqq=1]", "graphc.sum(x, axis=None"),
    "by place": (lambda: g.sum(X, 0, True), "2 by place: x, axis  [3 arg", "dtype=, keepdims="),
    "explain of arrays": (
        lambda: STEP.explain(np.ones((8, 4))),
        "step.explain takes 0 by place: none  [1 arguments]",
        "print(step.explain()); step.profile(x, y) runs the program\nstep.explain()",
    ),
    "too many": (lambda: nn.relu(X, 1), "1 by place: x  [2 arguments]", "graphc.nn.relu(x)"),
    "twice": (lambda: g.sum(X, 0, axis=0), "axis is given twice", "graphc.sum(x, axis"),
    "too few": (lambda: nn.linear(X), "graphc.nn.linear needs w  [1 arg", "(x, w, b=None)"),
    "nothing by which": (lambda: g.grad(LOSS), "graphc.grad needs wrt", "graphc.grad(loss, wrt)"),
    "params": (lambda: g.grad(LOSS, params=[W]), "[params=...]", "wrt=...?"),
    "create_graph": (lambda: g.grad(LOSS, W, create_graph=True), "create_graph", "leave it out"),
    "compile of a function": (lambda: g.compile(g.sum), "needs outputs", "graphc.jit(f)"),
    "values by name": (lambda: x.eval(x=3), "x.eval has no argument x", "x.eval({x: array})"),
    "mode of at": (
        lambda: x.at[0].set(1, mode="drop"),
        "x.at[key].set has no argument mode  [mode='drop']",
        "x.at[key].set(values)",
    ),
    "no batch size": (
        lambda: g.compile([X], X).run_epoch([np.ones((3, 4))]),
        "step.run_epoch needs batch_size",
        "step.run_epoch(arrays, /, batch_size, *, order=None",
    ),
    "arrays by place": (
        lambda: g.compile([X, Y], X).run_epoch(np.ones((3, 4)), [1, 2, 3], 2),
        "step.run_epoch takes 2 by place: arrays, batch_size  [3 arguments]",
        "step.run_epoch([x, y], batch_size, rate=0.1)\nstep.run_epoch(arrays, /, batch_size",
    ),
    "a batch": (
        lambda: STEP.run_epoch([np.ones((8, 4))], batch=2, rate=0.1),
        "step.run_epoch needs batch_size  [3 arguments]",
        "did you mean batch_size=2?",
    ),
    "a list by place": (lambda: g.text(LOSS, X), "1 by place: what", "graphc.text([loss, dw])"),
    "axes by place": (lambda: g.permute_dims(X, 1, 0), "2 by place", "axes in one tuple"),
    "flatten": (lambda: g.flatten(X, 1), "1 by place: x", "x.reshape(x.shape[0], -1)"),
    "start_dim": (lambda: g.flatten(X, start_dim=1), "no argument start_dim", "x.reshape(x.shape"),
    "a bias": (lambda: nn.conv(X, W, 1, 1, 1, 1, "NHWC", W), "7 by place", "conv(x, w) + b"),
    "heads": (lambda: nn.attention(X, X, X, heads=2), "no argument heads", "an axis in front"),
    "of NumPy": (lambda: np.sum(x, initial=3), "np.sum has no argument initial", "graphc.maximum"),
    "where of NumPy": (lambda: np.sum(x, where=X > 0), "no where=", "graphc.where"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_the_error_says_what_to_write(name: str) -> None:
    call, what, fix = REFUSED[name]
    with pytest.raises(ArgumentError) as caught:
        call()
    assert what in str(caught.value)
    assert fix in caught.value.fix
    assert caught.value.where.file == __file__
    assert isinstance(caught.value, TypeError)


PUBLIC = {
    f"{place.__name__}.{name}": getattr(place, name)
    for place in (gx, gx.nn, gx.viz)
    for name in place.__all__
    if isinstance(getattr(place, name), FunctionType)
}
PROGRAM = {"run_epoch", "memory_for", "explain"}
METHODS = {n: f for n, f in vars(gx.Tensor).items() if isinstance(f, FunctionType) and n[0] != "_"}


@pytest.mark.parametrize("name", PUBLIC)
def test_every_public_function_refuses_what_it_does_not_take(name: str) -> None:
    f = PUBLIC[name]
    if "options" not in inspect.signature(f).parameters:  # those of transforms say more
        with pytest.raises(ArgumentError, match=rf"\.{f.__name__} has no argument foreign"):
            f(foreign=1)
    assert pickle.loads(pickle.dumps(f)) is f
    assert inspect.signature(f) == inspect.signature(inspect.unwrap(f))
    assert f.__doc__


def test_every_method_refuses_what_it_does_not_take() -> None:
    assert {"sum", "mean", "reshape", "astype", "eval", "named"} <= METHODS.keys()
    for name, method in METHODS.items():
        with pytest.raises(ArgumentError, match=rf"x\.{name} has no argument foreign"):
            method(X, foreign=1)


def test_an_error_from_within_is_left_as_it_is() -> None:
    def f(value: object) -> None:
        raise TypeError("from within")

    functions = [(f, "from within"), (lambda x: len(3), "no len"), (max, "iteration needs")]  # type: ignore[arg-type]
    for function, words in functions:
        with pytest.raises(TypeError, match=words) as caught:
            gx.jit(function)(1.0)
        assert not isinstance(caught.value, ArgumentError)


def test_the_tables_name_arguments_that_there_are() -> None:
    functions = [*PUBLIC.values(), *METHODS.values()]
    known = {name: inspect.signature(f).parameters for name, f in PUBLIC.items()}
    taken = {p for f in functions for p in inspect.signature(inspect.unwrap(f)).parameters}
    taken |= {"wrt", "argnums"}  # of the transforms, which have overloads
    taken |= {"batch_size"}  # of run_epoch
    named = {name for ours in foreign_arguments.OURS.values() for name in ours.split()}
    assert named - taken == set()
    assert {
        n.rpartition(".")[2] for n in known
    } | METHODS.keys() | PROGRAM >= foreign_arguments.PLACED.keys()
    known |= {n: inspect.signature(f).parameters for n, f in METHODS.items()}
    places = {**known, "set": {}, "add": {}}  # of x.at[key]
    for key in (key for key in foreign_arguments.REMARKS if "." in key):
        function, keyword = key.split(".")
        there = [p for name, p in places.items() if name.rpartition(".")[2] == function]
        assert there
        # what is missing is there and has no default
        assert all(p[keyword].default is p[keyword].empty for p in there if keyword in p)
    for text in (*foreign_arguments.REMARKS.values(), *foreign_arguments.PLACED.values()):
        for name in re.findall(r"graphc\.((?:nn\.)?\w+)", text):
            place = gx.nn if name.startswith("nn.") else gx
            assert hasattr(place, name.removeprefix("nn."))

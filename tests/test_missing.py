"""Names of other libraries: what the error says instead, and that it says what is true."""

import copy
import importlib
import pickle
import re
from typing import Any

import numpy as np
import pytest

import graphc as gx
from graphc import foreign, missing
from graphc.foreign_layers import LAYERS

X = gx.input("x", (3,))
PLACES: dict[str, Any] = {
    "graphc": gx,
    "graphc.nn": gx.nn,
    "graphc.tree": gx.tree,
    "a tensor": X,
    "x.at[key]": X.at[0],
}
NAMES = {
    ("graphc.tree", "map"): "graphc.tree.tree_map(f, tree, *others)",
    ("graphc.tree", "leaves"): "graphc.tree.flatten(tree)[0]",
    ("graphc.tree", "flaten"): "graphc.tree.flatten",
    ("graphc", "relu"): "did you mean graphc.nn.relu?",
    ("graphc", "transpose"): "graphc.permute_dims(x, axes), or x.T",
    ("graphc", "cat"): "did you mean graphc.concat?",
    ("graphc", "Variable"): "graphc.input for what is given",
    ("graphc", "variable"): "graphc.input for what is given",
    ("graphc", "session"): "graphc.compile([x], y)",
    ("graphc", "numpy"): "numpy.tanh(x) does the same",
    ("graphc", "fft"): "no Fourier transforms",
    ("graphc", "placeholder"): "did you mean graphc.input?",
    ("graphc", "tensor"): "did you mean graphc.constant?",
    ("graphc", "function"): "did you mean graphc.compile?",
    ("graphc", "Linear"): "did you mean graphc.nn.linear?",
    ("graphc", "concatinate"): "did you mean graphc.concat?",
    ("graphc", "qqqq"): "",
    ("graphc.nn", "sum"): "did you mean graphc.sum?",
    ("graphc.nn", "sofmax"): "did you mean graphc.nn.softmax?",
    ("graphc.nn", "Parameter"): "graphc.parameter",
    ("a tensor", "view"): "x.reshape(shape)",
    ("a tensor", "backward"): "graphc.grad(loss, [w, b])",
    ("a tensor", "relu"): "did you mean graphc.nn.relu(x, ...)?",
    ("a tensor", "reshpe"): "did you mean x.reshape?",
    ("a tensor", "add_"): "x = x + y",
    ("a tensor", "swapaxes"): "graphc.swapaxes(x, axis1, axis2)",
    ("graphc.nn", "Linear"): "did you mean graphc.nn.linear? Layers are functions here",
    ("graphc.nn", "adaptive_avg_pool2d"): "graphc.mean(x, axis=(1, 2))",
    ("graphc", "gradient"): "did you mean graphc.grad?",
    ("graphc", "adam"): "updates={w: w - rate * graphc.grad(loss, w)}); README.md has Adam",
    ("graphc", "AdamW"): "an optimiser is a dict of updates",
    ("graphc", "optimizers"): "an optimiser is a dict of updates",
    ("graphc", "rnn"): "a Python loop over time",
    ("graphc.nn", "lstm"): "a Python loop over time",
    ("graphc.nn", "GRUCell"): "a Python loop over time",
    ("graphc.nn", "Dropout2d"): "multiply by a mask that is an input",
    ("graphc.nn", "Conv2D"): "did you mean graphc.nn.conv? Layers are functions here",
    ("graphc.nn", "MaxPool1d"): "did you mean graphc.nn.max_pool? Layers are functions here",
    ("graphc.nn", "AdaptiveAvgPool2d"): "graphc.mean(x, axis=(1, 2))",
    ("graphc.nn", "init"): "parameters begin with arrays",
    ("graphc.nn", "xavier_uniform_"): "parameters begin with arrays",
    ("graphc.nn", "mean_squared_error"): "did you mean graphc.nn.mse?",
    ("graphc.nn", "celu"): "alpha * graphc.nn.elu(x / alpha)",
    ("graphc.nn", "binary_cross_entropy"): "graphc.nn.binary_cross_entropy_with_logits(x, y)",
    ("graphc.nn", "BCEWithLogitsLoss"): "graphc.nn.binary_cross_entropy_with_logits? Layers are",
    ("graphc", "tree_map"): "graphc.tree has flatten, unflatten and tree_map",
    ("graphc", "DataLoader"): "step.run_epoch(arrays, batch_size, shuffle=rng)",
    ("graphc", "GradientTape"): "graphc.grad(loss, [w, b])",
    ("graphc", "PRNGKey"): "no random numbers in a graph",
    ("graphc", "custom_vjp"): "graphc.stop_gradient(y - s)",
    ("graphc", "summary"): "graphc.text(y)",
    ("graphc", "state_dict"): "w.value = array",
    ("a tensor", "zero_grad"): "leave it out",
    ("a tensor", "contiguous"): "leave it out",
    ("x.at[key]", "max"): "x.at[key].set(graphc.maximum(x[key], values))",
    ("x.at[key]", "mul"): "x.at[key].set(x[key] * values)",
    ("x.at[key]", "sub"): "did you mean x.at[key].subtract?",
    ("x.at[key]", "ad"): "did you mean x.at[key].add?",
    ("x.at[key]", "qqqq"): "",
}


@pytest.mark.parametrize(("place", "name"), NAMES)
def test_the_error_says_what_to_write(place: str, name: str) -> None:
    with pytest.raises(
        gx.errors.UnknownNameError, match=re.escape(f"{place} has no '{name}'")
    ) as caught:
        getattr(PLACES[place], name)
    assert NAMES[place, name] in caught.value.fix
    assert bool(NAMES[place, name]) == bool(caught.value.fix)
    assert caught.value.where.file == __file__
    assert isinstance(caught.value, AttributeError)


def test_the_tables_name_what_is_not_there_by_what_is() -> None:
    for place, table in (
        (gx.tree, foreign.TREES),
        (gx, foreign.FUNCTIONS),
        (gx.nn, LAYERS),
        (X, foreign.METHODS),
        (X.at[0], foreign.PLACES),
    ):
        assert [name for name in table if hasattr(place, name)] == []
    tables = (foreign.FUNCTIONS, LAYERS, foreign.METHODS, foreign.PLACES, foreign.TREES)
    for text in (text for table in tables for text in table.values()):
        if text.isidentifier():
            assert hasattr(X.at[0], text) or text in missing.spellings()
        for name in re.findall(r"graphc\.((?:nn\.)?\w+)", text):
            place = gx.nn if name.startswith("nn.") else gx
            assert hasattr(place, name.removeprefix("nn."))
        for name in re.findall(r"\bx\.([a-z]+)", text):
            assert name in dir(X)


A, B = np.array([-2.0, 0.5, 3.0]), np.array([[1.0, 2.0, 5.0], [3.0, 4.0, 0.0]])
FORMULAS = {
    "celu": ("alpha * graphc.nn.elu(x / alpha)", np.where(A > 0, A, 2 * np.expm1(A / 2))),
    "prelu": ("graphc.where(x > 0, x, slope * x)", np.where(A > 0, A, 0.1 * A)),
    "softmin": ("graphc.nn.softmax(-x)", np.exp(-A) / np.exp(-A).sum()),
    "bincount": ("graphc.sum(graphc.one_hot(i, size), axis=0)", [1, 0, 2]),
    "searchsorted": ("graphc.sum(x[..., None] > edges, axis=-1)", np.searchsorted(B[0], A)),
    "cdist": ("graphc.sum((a[:, None] - b) ** 2, axis=-1)", ((B[:, None] - B[::-1]) ** 2).sum(2)),
    "normalize": (
        "x / graphc.sqrt(graphc.sum(x * x, axis=-1, keepdims=True))",
        A / np.sqrt((A * A).sum()),
    ),
    "custom_vjp": ("s + graphc.stop_gradient(y - s)", [3.0]),
    "cumsum": ("graphc.tril(graphc.ones((n, n))) @ x", np.cumsum(A)),
    "gaussian_nll_loss": (
        "graphc.mean(0.5 * (graphc.log(v) + (y - m) ** 2 / v))",
        0.5 * (np.log(2) + 1 / 2),
    ),
    "segment_max": (
        "graphc.where(group == graphc.arange(n)[:, None], values, -graphc.inf).max(axis=1)",
        [A[0], -np.inf, max(A[1:])],
    ),
    "cross": (
        "graphc.roll(a, -1, axis=-1) * graphc.roll(b, 1, axis=-1)"
        " - graphc.roll(a, 1, axis=-1) * graphc.roll(b, -1, axis=-1)",
        np.cross(B, B[::-1]),
    ),
    "fmod": ("x - y * graphc.trunc(x / y)", np.fmod(A, 3.0)),
    "logit": ("graphc.log(x) - graphc.log1p(-x)", [np.nan, 0.0, np.nan]),
    "kron": ("graphc.einsum('ij,kl->ikjl', a, b)", np.kron(B, B[::-1]).reshape(2, 2, 3, 3)),
}


@pytest.mark.parametrize("name", FORMULAS)
def test_formulas_give_what_the_name_means(name: str) -> None:
    formula, expected = FORMULAS[name]
    values = {"x": gx.constant(A), "a": gx.constant(B), "b": gx.constant(B[::-1]), "n": 3}
    values |= {"alpha": 2, "slope": 0.1, "edges": B[0], "i": gx.constant([0, 2, 2]), "size": 3}
    values |= {"group": values["i"], "values": values["x"]}
    values |= {v: gx.constant([c]) for v, c in (("s", 1.0), ("y", 3.0), ("v", 2.0), ("m", 2.0))}
    assert formula in {**foreign.FUNCTIONS, **LAYERS}[name]
    np.testing.assert_allclose(eval(formula, {"graphc": gx}, values).eval(), expected, rtol=1e-5)


def test_the_module_of_activations_knows_what_graphc_nn_knows() -> None:
    from_module: Any = importlib.import_module("graphc.nn.functional")
    with pytest.raises(gx.errors.UnknownNameError, match=r"did you mean graphc\.nn\.max_pool\?"):
        from_module.max_pool2d(X)


def test_a_listing_shows_what_is_public() -> None:
    for place in (gx, gx.nn, gx.tree):
        assert [name for name in dir(place) if name[0] != "_"] == sorted(place.__all__)
        assert "__file__" in dir(place)
    assert {"__version__", "__getattr__"} <= {*dir(gx)}


def test_a_name_of_python_s_own_is_asked_for_in_vain() -> None:
    for place in PLACES.values():
        with pytest.raises(AttributeError, match="_repr_html_"):
            getattr(place, "_repr_html_")  # noqa: B009
    assert importlib.reload(gx.nn) is gx.nn
    assert copy.copy(X) is X
    assert pickle.loads(pickle.dumps(X)) is X

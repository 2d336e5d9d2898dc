"""Names of other libraries: what the error says instead, and that it says what is true."""

import copy
import importlib
import pickle
import re
from typing import Any

import pytest

import graphc as gx
from graphc import missing

X = gx.input("x", (3,))
PLACES = {"graphc": gx, "graphc.nn": gx.nn, "a tensor": X}
NAMES = {
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
}


@pytest.mark.parametrize(("place", "name"), NAMES)
def test_the_error_says_what_to_write(place: str, name: str) -> None:
    with pytest.raises(gx.errors.UnknownNameError, match=f"{place} has no '{name}'") as caught:
        getattr(PLACES[place], name)
    assert NAMES[place, name] in caught.value.fix
    assert bool(NAMES[place, name]) == bool(caught.value.fix)
    assert caught.value.where.file == __file__
    assert isinstance(caught.value, AttributeError)


def test_the_tables_name_what_is_not_there_by_what_is() -> None:
    for place, table in (
        (gx, missing.FUNCTIONS),
        (gx.nn, missing.LAYERS),
        (X, missing.METHODS),
    ):
        assert [name for name in table if hasattr(place, name)] == []
    for text in {**missing.FUNCTIONS, **missing.LAYERS, **missing.METHODS}.values():
        if text.isidentifier():
            assert text in missing.spellings()
        for name in re.findall(r"graphc\.((?:nn\.)?\w+)", text):
            place = gx.nn if name.startswith("nn.") else gx
            assert hasattr(place, name.removeprefix("nn."))
        for name in re.findall(r"\bx\.([a-z]+)", text):
            assert name in dir(X)


def test_the_module_of_activations_knows_what_graphc_nn_knows() -> None:
    from_module: Any = importlib.import_module("graphc.nn.functional")
    with pytest.raises(gx.errors.UnknownNameError, match=r"did you mean graphc\.nn\.max_pool\?"):
        from_module.max_pool2d(X)


def test_a_name_of_python_s_own_is_asked_for_in_vain() -> None:
    for place in PLACES.values():
        with pytest.raises(AttributeError, match="_repr_html_"):
            getattr(place, "_repr_html_")  # noqa: B009
    assert importlib.reload(gx.nn) is gx.nn
    assert copy.copy(X) is X
    assert pickle.loads(pickle.dumps(X)) is X

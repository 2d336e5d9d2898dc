"""What compile refuses, and that it says why and where."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import graphc as gx
from graphc import errors

# Their size is no other test's, for an input's line is that which made it first.
x = gx.input("x", ("k",))
other_x = gx.input("x", ("k", 2))
y = gx.input("y", ("k",))
w = gx.parameter("w", [1.0, 2.0])

BUILT: dict[str, tuple[Callable[[], Any], type[Exception], str]] = {
    "two inputs of one name": (
        lambda: gx.compile([x, other_x], x + other_x[:, 0]),
        errors.GraphError,
        r"two inputs are named 'x'  \[f32\[k\] and f32\[k, 2\]\]",
    ),
    "an input listed twice": (
        lambda: gx.compile([x, x], x + 1),
        errors.GraphError,
        r"input 'x' is listed twice(.|\n)*test_compile_refusals.py.*<lambda>",
    ),
    "an input that is not listed": (
        lambda: gx.compile([x], x + y),
        errors.GraphError,
        "input 'y' is used but not listed",
    ),
    "a parameter as an input": (
        lambda: gx.compile([w], w + 1),
        errors.GraphError,
        "inputs are made by graphc.input",
    ),
    "an array as an input": (
        lambda: gx.compile([np.ones(3)], x),
        errors.GraphError,
        "inputs are made by graphc.input",
    ),
    "a single input": (lambda: gx.compile(x, x + 1), errors.GraphError, "a list of inputs"),
    "outputs that are text": (
        lambda: gx.compile([x], "loss"),
        errors.GraphError,
        "outputs are tensors.*'loss'",
    ),
    "an object as an output": (
        lambda: gx.compile([x], [x, {1}]),
        errors.GraphError,
        "outputs are tensors",
    ),
    "an update of an input": (
        lambda: gx.compile([x], x, updates={x: x + 1}),
        errors.UpdateError,
        "only parameters and state can be updated",
    ),
    "an update of a value": (
        lambda: gx.compile([x], x, updates={w + 1: w}),
        errors.UpdateError,
        "only parameters and state can be updated",
    ),
    "an update by another shape": (
        lambda: gx.compile([x], x, updates={w: gx.sum(w)}),
        errors.UpdateError,
        r"the update of 'w' \(f32\[2\]\) has another shape  \[f32\[\], made at .*test_compile_ref",
    ),
    "an update by another dtype": (
        lambda: gx.compile([x], x, updates={w: w.astype("float64")}),
        errors.DTypeError,
        r"the update of 'w'",
    ),
    "updates that are a list": (
        lambda: gx.compile([x], x, updates=[(w, w + 1)]),  # type: ignore[arg-type]
        errors.UpdateError,
        "updates is a dict",
    ),
}


@pytest.mark.parametrize("name", BUILT)
def test_compile_refuses(name: str) -> None:
    build, kind, message = BUILT[name]
    with pytest.raises(kind, match=message) as caught:
        build()
    assert "test_compile_refusals.py" in str(caught.value)


def test_two_names_for_one_input_are_one() -> None:
    again = gx.input("x", ("k",))
    assert again is x
    np.testing.assert_array_equal(gx.compile([again], x + 1)([1, 2]), [2, 3])

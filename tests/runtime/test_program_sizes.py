"""Programs: sizes, counts and names that users give, or may not give."""

from typing import Any

import numpy as np
import pytest

import graphc as gx
from graphc import errors
from graphc.runtime.backends import PYTHON

x = gx.input("x", ("n",))


def test_python_mode_has_no_profile() -> None:
    with pytest.raises(errors.GraphError, match="machine code"):
        gx.compile([x], x + 1, backend=PYTHON).profile([1, 2])


@pytest.mark.parametrize("size", [-3, 2.5, "a", None, True, 10**18, 2**62, 2**70])
def test_memory_for_refuses(size: Any) -> None:
    rows = gx.input("x", ("n", 16))
    with pytest.raises(errors.BindingError, match=r"n = |int >= 0"):
        gx.compile([rows], gx.exp(rows)).memory_for(n=size)


def test_memory_for_names() -> None:
    program = gx.compile([x], gx.exp(x))
    with pytest.raises(errors.UnknownInputError, match="no size is named 'm'"):
        program.memory_for(n=1, m=2)
    with pytest.raises(errors.MissingInputError, match="'n' was not given"):
        program.memory_for()
    assert program.memory_for(n=3).arena_bytes > 0


@pytest.mark.parametrize("repeats", [2.5, 0, "a", None, True])
def test_repeats_are_a_count(repeats: Any) -> None:
    with pytest.raises(errors.BindingError, match="at least once"):
        gx.compile([x], x + 1).profile([1, 2], repeats=repeats)


def test_an_input_and_a_size_may_be_named_self() -> None:
    me = gx.input("self", ("self",))
    program = gx.compile([me], me + 1)
    np.testing.assert_array_equal(program(self=[1, 2]), [2, 3])
    assert program.profile(self=[1, 2], repeats=1).repeats == 1
    assert program.memory_for(self=4).arena_bytes > 0


def test_sizes_that_no_memory_holds() -> None:
    wide = gx.input("x", ("n", "m"))
    m = wide.shape[1]
    for outputs in (gx.sum(wide, axis=0), [gx.sum(wide), m * m]):
        program = gx.compile([wide], outputs)
        with pytest.raises(errors.BindingError, match="too large"):
            program(np.empty((0, 2**60), "f"))
        assert np.asarray(program(np.ones((2, 3), "f"))[0]).dtype == "float32"


def test_names_of_a_binding_are_not_for_users() -> None:
    for name in ("_parts1", "_parts1*2", "_\uff50arts1"):
        with pytest.raises(errors.ShapeError, match="cannot have this name"):
            gx.input("x", (name,))
    total = gx.compile([x], gx.sum(x))
    assert total(np.ones(200_000, "f")) == 200_000

"""Softmax without the largest elements of its rows: which kernels do, and that rows whose ends are
no measure of the largest come out the same."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import pytest

import graphc as gx
from graphc.graph import Graph
from graphc.lowering import Index
from graphc.runtime.backends import NATIVE, PYTHON
from graphc.schedule.guessed import guess_of
from graphc.schedule.kernel import Load, Stage, Store
from tests.compiled.checking import Case, expected, loop_kernels, program_of, ran

Tensors = list[gx.Tensor]


def largest(x: gx.Tensor) -> gx.Tensor:
    return gx.max(x, axis=1, keepdims=True)


def powers(x: gx.Tensor) -> gx.Tensor:
    return gx.exp(x - largest(x))


def total(x: gx.Tensor) -> gx.Tensor:
    return gx.sum(x, axis=1, keepdims=True)


def shares(x: gx.Tensor) -> gx.Tensor:
    return powers(x) / total(powers(x))


GUESSED: dict[str, Callable[[gx.Tensor], Tensors]] = {
    "softmax": lambda x: [gx.nn.softmax(x)],
    "of a function": lambda x: [shares(2 * gx.tanh(x))],
    "of what a condition chooses": lambda x: [shares(gx.where(x > 0, x, -1e30))],
    "beside the row itself": lambda x: [shares(x) + x],
    "times another power": lambda x: [shares(x) * gx.exp(-abs(x))],
    "smoothed": lambda x: [0.9 * shares(x) + 0.1],
    "beside what is stored before": lambda x: [shares(x), gx.tanh(x)],
    "of products": lambda x: [shares(x * 0.37)],
}
EXACT: dict[str, Callable[[gx.Tensor], Tensors]] = {
    "a number of the row stored first": lambda x: [shares(x), gx.min(x, axis=1)],
    "maximum stored": lambda x: [shares(x), largest(x)],
    "differences stored": lambda x: [shares(x), x - largest(x)],
    "differences added up": lambda x: [shares(x), total(x - largest(x))],
    "of twice the row about its largest": lambda x: [
        (y := gx.exp(gx.minimum(2 * x, 80) - largest(x))) / total(y)
    ],
    "maximum below": lambda x: [shares(x) * largest(x)],
    "powers stored": lambda x: [powers(x), gx.sum(powers(x), axis=1)],
    "powers and a number": lambda x: [(powers(x) + 1) / total(powers(x))],
    "powers beside shares": lambda x: [shares(x), powers(x)],
    "powers times their sum": lambda x: [powers(x) * total(powers(x))],
    "powers or their sum": lambda x: [gx.maximum(powers(x), 0.5 * total(powers(x)))],
    "powers and their sum": lambda x: [powers(x) + total(powers(x))],
    "a product of powers": lambda x: [shares(x), gx.prod(powers(x), 1) / gx.sum(powers(x), 1)],
    "squares": lambda x: [powers(x) * powers(x) / total(powers(x))],
    "logarithm": lambda x: [gx.nn.log_softmax(x)],
    "a tiny part": lambda x: [(1e-30 / total(powers(x))) * powers(x)],
    "no sum": lambda x: [powers(x) / gx.max(powers(x), axis=1, keepdims=True)],
    "of others": lambda x: [gx.exp(x - 1) / total(gx.exp(x - largest(x)))],
    "of a layer norm of a function": lambda x: [shares(gx.nn.layer_norm(gx.nn.gelu(x)))],
    "of centred functions": lambda x: [shares(gx.tanh(x) - gx.mean(gx.tanh(x), 1, keepdims=True))],
    "of gathered elements": lambda x: [shares(gx.take(THIRDS, gx.astype(x > 0, "int32"), axis=0))],
    "of the whole array": lambda x: [(y := gx.exp(x - gx.max(x))) / gx.sum(y)],
    "of columns": lambda x: [gx.nn.softmax(x, axis=0)],
    "whole numbers": lambda x: [shares(gx.astype(x > 0, "int32"))],
}


THIRDS = np.linspace(0, 1, 4)


def rows(columns: int, dtype: str) -> np.ndarray:
    """Beginning with each of these, while the others reach from below it to above: what the ends
    say of the largest is right, too small and too large, or nothing."""
    firsts = [0, 3, -3, 20, -20, 31, -31, 33, 60, 100, 700, -33, -60, -100, -700, 1e4, -1e4, 1e30]
    firsts += [-1e30, np.inf, -np.inf, np.nan]
    found = [np.full(columns, -np.inf), np.zeros(columns), np.full(columns, 88.5)]
    for first in firsts:
        for above in (-800, -100, -3, 0, 3, 23, 25, 39, 100, 800):
            row = np.linspace(-5, 5, columns)
            row[0], row[columns // 2], row[-1] = first, above, first - 1
            found += [row, np.concatenate([row[:1], row[1:] + above])]
            if above == 0:
                found.append(np.concatenate([row[:-1], [np.nan]]))
    return np.array(found, dtype)


def check(make: Callable[[gx.Tensor], Tensors], array: np.ndarray, guessed: bool) -> None:
    x = gx.input("x", ("rows", array.shape[1]), array.dtype.name)
    graph = Graph((x.node,), tuple(y.node for y in make(x)))
    close = {"rtol": 3e-6, "atol": 2e-42 if guessed else 1e-6}
    for backend, some in ((NATIVE, array), (PYTHON, array[::7])):
        program, case = program_of(graph, backend), Case(graph, (some,))
        assert ("exp_scaled_" in program.source) == guessed
        for got, wanted in zip(ran(case, program), expected(case), strict=True):
            np.testing.assert_allclose(got, wanted, **close)


@pytest.mark.parametrize("name", GUESSED)
@pytest.mark.parametrize("columns", [67, 259])
def test_the_ends_stand_for_the_largest(name: str, columns: int) -> None:
    check(GUESSED[name], rows(columns, "float32"), True)


def test_float64_does_as_well() -> None:
    check(GUESSED["softmax"], rows(67, "float64"), True)


@pytest.mark.parametrize("name", EXACT)
def test_a_maximum_that_shows_is_found(name: str) -> None:
    check(EXACT[name], rows(67, "float32"), False)


@pytest.mark.parametrize("columns", [1, 2, 4, 7, 16])
def test_short_rows_go_side_by_side(columns: int) -> None:
    check(GUESSED["softmax"], rows(32, "float32")[:, 32 - columns :], False)


def test_results_are_as_exact_as_their_sums() -> None:
    x = gx.input("x", ("rows", "columns"))
    softmax = gx.compile([x], gx.nn.softmax(x))
    for scale in (1, 3, 6):
        array = np.random.default_rng(scale).normal(0, scale, (50, 1000)).astype(np.float32)
        exact = np.exp(array.astype(np.float64) - array.max(1, keepdims=True))
        exact /= exact.sum(1, keepdims=True)
        error, normal = np.abs(softmax(array) / exact - 1), exact > 1e-37
        assert (error < 6 * 2.0**-23 + 3e-9 * np.abs(array))[normal].all()


@pytest.mark.parametrize("name", ["softmax", "log_softmax"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_products_are_rounded_before_the_largest_is_taken_from_them(name: str, dtype: str) -> None:
    x = gx.input("x", ("rows", 64), dtype)
    wide = np.repeat([[-1e30], [1e12], [-3e9]], 64, axis=1).astype(dtype)
    got = gx.compile([x], getattr(gx.nn, name)(x * 0.37))(wide)
    wanted = 1 / 64 if name == "softmax" else -np.log(64)
    np.testing.assert_allclose(got, np.full(wide.shape, wanted), rtol=1e-6)


# What scales a row waits for the sweep of the next one: the axes of x, those of a row, and how
# the rows come. Sizes by which neither vectors nor parts come out even.
LATE: dict[str, tuple[tuple[int, ...], int | tuple[int, ...], Callable[[gx.Tensor], gx.Tensor]]] = {
    "rows": ((37, 67), 1, lambda x: x),
    "one row": ((1, 67), 1, lambda x: x),
    "a row of one element": ((37, 1), 1, lambda x: x),
    "every second row": ((3, 10, 67), 2, lambda x: x[:, ::2]),
    "rows of several axes": ((5, 6, 14, 9), (2, 3), lambda x: x[:, :, ::2]),
    "rows that are not dense": ((5, 6, 7, 18), (2, 3), lambda x: x[:, :, :, ::2]),
}


def softmax_over(x: gx.Tensor, axis: int | tuple[int, ...]) -> gx.Tensor:
    found = gx.exp(x - gx.max(x, axis=axis, keepdims=True))
    return found / gx.sum(found, axis=axis, keepdims=True)


@pytest.mark.parametrize("name", LATE)
@pytest.mark.parametrize("named", [False, True])
def test_rows_are_scaled_while_the_next_is_swept(name: str, named: bool) -> None:
    shape, axis, view = LATE[name]
    sizes = [f"n{v}" for v in range(len(shape))] if named else shape
    x = gx.input("x", sizes)
    graph = Graph((x.node,), (softmax_over(view(x), axis).node,))
    array = np.random.default_rng(0).normal(0, 9, shape).astype(np.float32)
    array[0] += 200  # far from 0: a row that is swept about its maximum
    case = Case(graph, (array,))
    for backend in (NATIVE, PYTHON):
        program = program_of(graph, backend)
        assert ("late0" in program.source) == (not named and array.size > max(shape))
        for got, wanted in zip(ran(case, program), expected(case), strict=True):
            np.testing.assert_allclose(got, wanted, rtol=3e-6, atol=1e-44)


AT_ONCE: dict[str, Callable[[gx.Tensor, gx.Tensor], gx.Tensor]] = {
    "a function behind": lambda x, _: shares(x) * gx.exp(-abs(x)),
    "a function before": lambda x, _: shares(gx.tanh(x)),
    "positions that are checked": lambda x, w: shares(x) * w[gx.astype(x[:, :1] > 0, "int32"), 0],
    "another sum": lambda x, _: shares(x) - gx.mean(shares(x) * shares(x), axis=1, keepdims=True),
}


@pytest.mark.parametrize("name", AT_ONCE)
def test_rows_that_cannot_wait_are_scaled_at_once(name: str) -> None:
    x, w = gx.input("x", (37, 67)), gx.input("w", (5, 67))
    graph = Graph((x.node, w.node), (AT_ONCE[name](x, w).node,))
    some = np.random.default_rng(0)
    case = Case(graph, tuple(some.normal(0, 9, n).astype(np.float32) for n in ((37, 67), (5, 67))))
    for backend in (NATIVE, PYTHON):
        program = program_of(graph, backend)
        assert "late0" not in program.source
        for got, wanted in zip(ran(case, program), expected(case), strict=True):
            np.testing.assert_allclose(got, wanted, rtol=1e-5, atol=1e-7)


def test_a_state_that_is_added_to_is_added_to_once() -> None:
    array = rows(67, "float32")[3:]
    w, x = gx.state("w", np.ones_like(array)), gx.input("x", array.shape)
    step = gx.compile([x], [], updates={w: w + gx.nn.softmax(x)})
    step(array)
    wanted = 1 + gx.compile([x], gx.nn.softmax(x))(array)
    np.testing.assert_allclose(w.value, wanted, rtol=3e-6)


def test_a_row_that_is_overwritten_goes_through_its_maximum() -> None:
    array = rows(67, "float32")
    w = gx.state("w", array.copy())
    step = gx.compile([], [], updates={w: gx.nn.softmax(w)})
    x = gx.input("x", array.shape)
    wanted = gx.compile([x], gx.nn.softmax(x))(array)
    assert "exp_scaled_" not in step.source
    step()
    np.testing.assert_allclose(w.value, wanted, rtol=3e-6, atol=1e-44)


def test_what_was_overwritten_or_added_to_cannot_be_made_again() -> None:
    (kernel,) = loop_kernels(gx.nn.softmax(gx.input("x", ("rows", 67))))
    guess = guess_of(kernel)
    assert guess is not None
    at = next(n for n, v in enumerate(kernel.values) if isinstance(v, Load))
    load, last = kernel.values[at], kernel.stages[-1]
    assert isinstance(load, Load)
    assert isinstance(load.index, Index)
    in_place = [replace(store, operand=load.operand) for store in last.stores]
    assert (
        guess_of(replace(kernel, stages=(*kernel.stages[:-1], with_stores(last, in_place)))) is None
    )
    first = kernel.stages[guess.place]
    for adds in (False, True):
        stores = [Store(last.stores[0].operand, load.index, at, add=adds)]
        changed = [with_stores(s, stores) if s is first else s for s in kernel.stages]
        found = guess_of(replace(kernel, stages=tuple(changed)))
        assert (found is None) == adds


def with_stores(stage: Stage, stores: Sequence[Store]) -> Stage:
    return replace(stage, stores=tuple(stores))

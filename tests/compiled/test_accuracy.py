"""Speed is not bought with wrong results: bounds on rounding, the same bits again, nans in place.

A sum of k products in any order is off by at most k * eps * sum(|a| * |b|) (Higham, Accuracy and
Stability of Numerical Algorithms, section 3.1): the only thing that the bounds here grow with.
"""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import graphc as gx

SPLIT = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
SIZES = st.integers(1, 70) | st.sampled_from([128, 200, 257])
CASES = ("ab", "aTb", "abT", "aTbT")
Arrays = tuple[np.ndarray, np.ndarray]


def program_of(case: str, dtype: str) -> gx.Program:
    a, b = gx.input("a", ("m", "k"), dtype), gx.input("b", ("k", "n"), dtype)
    if case.startswith("aT"):
        a = gx.input("a", ("k", "m"), dtype)
    if case.endswith("bT"):
        b = gx.input("b", ("n", "k"), dtype)
    return gx.compile([a, b], (a.T if "aT" in case else a) @ (b.T if "bT" in case else b))


PROGRAMS = {
    (case, dtype): program_of(case, dtype) for case in CASES for dtype in ("float32", "float64")
}


def laid_out(case: str, a: np.ndarray, b: np.ndarray) -> Arrays:
    """The operands as the program of that case takes them."""
    return (a.T.copy() if "aT" in case else a), (b.T.copy() if "bT" in case else b)


@pytest.mark.parametrize("parts", [1, 2, 3])
@pytest.mark.parametrize(("case", "dtype"), PROGRAMS)
@settings(SPLIT, max_examples=15)
@given(m=SIZES, k=SIZES, n=SIZES, seed=st.integers(0, 99))
def test_products(
    case: str,
    dtype: str,
    parts: int,
    m: int,
    k: int,
    n: int,
    seed: int,
    split: Callable[[int], None],
) -> None:
    split(parts)
    rng = np.random.default_rng(seed)
    a, b = (rng.standard_normal(shape).astype(dtype) for shape in ((m, k), (k, n)))
    got = PROGRAMS[case, dtype](*laid_out(case, a, b))
    exact = a.astype(np.longdouble) @ b.astype(np.longdouble)
    bound = k * np.finfo(dtype).eps * (np.abs(a) @ np.abs(b)).astype(np.longdouble)
    assert (np.abs(got - exact) <= bound).all()


@pytest.mark.parametrize("parts", [1, 2])
@pytest.mark.parametrize("case", CASES)
@settings(SPLIT, max_examples=25)
@given(m=SIZES, k=SIZES, n=SIZES, seed=st.integers(0, 99))
def test_a_nan_spoils_its_row_and_its_column(
    case: str, parts: int, m: int, k: int, n: int, seed: int, split: Callable[[int], None]
) -> None:
    """And infinities: no lane behind an edge, no row of another tile ever comes in."""
    split(parts)
    rng = np.random.default_rng(seed)
    a, b = rng.standard_normal((m, k)).astype("f"), rng.standard_normal((k, n)).astype("f")
    a[rng.integers(m), rng.integers(k)] = np.nan
    b[rng.integers(k), rng.integers(n)] = rng.choice([np.nan, np.inf])
    got = PROGRAMS[case, "float32"](*laid_out(case, a, b))
    with np.errstate(invalid="ignore"):
        wanted = a.astype("d") @ b.astype("d")
    np.testing.assert_array_equal(np.isfinite(got), np.isfinite(wanted))
    np.testing.assert_array_equal(np.isnan(got), np.isnan(wanted))


@pytest.mark.parametrize("count", [1, 1000, 1_000_000])
@pytest.mark.parametrize("axis", [0, 1])
def test_sums_do_not_lose_what_many_elements_add(axis: int, count: int) -> None:
    shape = (count, 3) if axis == 0 else (3, count)
    x = np.random.default_rng(0).random(shape).astype("f") + 1
    node = gx.input("x", ("m", "n"))
    got = gx.compile([node], gx.sum(node, axis=axis))(x)
    wanted = x.sum(axis=axis, dtype="d")
    # Rows, lanes, parts and blocks shorten the chains of additions.
    np.testing.assert_allclose(got, wanted, rtol=64 * np.finfo("f").eps)


def step_of(hidden: int) -> tuple[gx.Program, list[gx.Tensor]]:
    rng = np.random.default_rng(1)
    x, y = gx.input("x", ("n", 33)), gx.input("y", ("n",), "int64")
    w = gx.parameter("w", rng.standard_normal((33, hidden)) * 0.1)
    v = gx.parameter("v", rng.standard_normal((hidden, 10)) * 0.1)
    loss = gx.nn.cross_entropy(gx.nn.gelu(x @ w) @ v, y)
    dw, dv = gx.grad(loss, [w, v])
    return gx.compile([x, y], [loss, dw, dv], updates={w: w - 0.1 * dw, v: v - 0.1 * dv}), [w, v]


@pytest.mark.parametrize("threads", [1, 2])
def test_the_same_steps_give_the_same_bits(threads: int, split: Callable[[int], None]) -> None:
    split(threads)
    rng = np.random.default_rng(2)
    x, y = rng.standard_normal((517, 33)).astype("f"), rng.integers(0, 10, 517)

    def run() -> list[np.ndarray]:
        step, states = step_of(129)
        outputs = [array for _ in range(5) for array in step(x, y)]
        return [*outputs, *(state.value for state in states)]

    first, second = run(), run()
    assert all(a.tobytes() == b.tobytes() for a, b in zip(first, second, strict=True))

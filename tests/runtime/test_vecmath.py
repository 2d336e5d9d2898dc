"""Vector math: the stated bounds, special values, and that loops over it vectorise.

Each function runs compiled on all samples, and as plain Python on a few of them. The references are
NumPy's own tables of correctly rounded results, and functions of a wider type.
"""

import ctypes
import functools
import math
import re
from collections.abc import Callable, Iterator
from decimal import Decimal, localcontext
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from graphc.runtime.language import jit, machine
from graphc.runtime.language.jit import Source
from graphc.runtime.language.vecmath import FUNCTIONS, MAX_ULP

NARROW = {"f32": np.float32, "f64": np.float64}
WIDE = {"f32": np.float64, "f64": np.longdouble}
# Where longdouble is no wider than float64 the reference itself is off by this much.
SLACK = 0.0 if np.finfo(np.longdouble).nmant > 52 else 1.0
TABLES = Path(np.__file__).parent / "_core" / "tests" / "data"
SAME = ("exp", "exp2", "expm1", "log", "log2", "log10", "log1p", "sin", "cos", "tan")
IN_NUMPY = {name: name for name in (*SAME, "sinh", "cosh", "tanh")} | {
    f"a{name}": f"arc{name}" for name in ("sin", "cos", "tan", "sinh", "cosh", "tanh")
}
WITH_TABLE = [f"{name}_{precision}" for name in IN_NUMPY for precision in NARROW]

# name -> ranges of each argument; beside them every function gets special values and random bits
SAMPLES: dict[str, list[tuple[float, ...]]] = {
    "exp": [(-110, 90), (-750, 712), (-1, 1)],
    "exp_nonpositive": [(-110, 0), (-750, 0), (-1, 0)],
    "exp_scaled": [(-56, 56, -68, 116), (-56, 56, -700, 700), (-1, 1, 20, 60)],
    "exp_picked": [(-56, 56, -68, 116), (-1, 1, 20, 60)],
    "exp2": [(-151, 129), (-1080, 1025), (-1, 1)],
    "expm1": [(-40, 90), (-1, 1), (-1e-5, 1e-5), (600, 712)],
    "log": [(0, 4), (0.9, 1.1), (0, 1e-38), (0, 1e300)],
    "log2": [(0, 4), (0.9, 1.1), (0, 1e-38), (0, 1e300)],
    "log10": [(0, 4), (0.9, 1.1), (0, 1e-38), (0, 1e300)],
    "log1p": [(-1, 4), (-0.1, 0.1), (-1e-5, 1e-5), (0, 1e30)],
    "sin": [(-4, 4), (-1e5, 1e5), (-1e30, 1e30), (-1e300, 1e300)],
    "cos": [(-4, 4), (-1e5, 1e5), (-1e30, 1e30), (-1e300, 1e300)],
    "tan": [(-4, 4), (-1e5, 1e5), (-1e30, 1e30), (-1e300, 1e300)],
    "asin": [(-1.1, 1.1), (-0.01, 0.01), (0.99, 1)],
    "acos": [(-1.1, 1.1), (-0.01, 0.01), (0.99, 1)],
    "atan": [(-5, 5), (-1e5, 1e5), (-0.01, 0.01)],
    "atan2": [(-2, 2, -2, 2), (-1e-38, 1e-38, -1e-38, 1e-38), (-1e5, 1e5, -1, 1)],
    "sinh": [(-3, 3), (-90, 90), (-711, 711), (-0.01, 0.01)],
    "cosh": [(-3, 3), (-90, 90), (-711, 711), (-0.01, 0.01)],
    "tanh": [(-3, 3), (-25, 25), (-0.01, 0.01)],
    "asinh": [(-3, 3), (-1e10, 1e10), (-0.01, 0.01)],
    "acosh": [(0.9, 3), (1, 1e10), (1, 1.01)],
    "atanh": [(-1.1, 1.1), (-0.01, 0.01), (0.99, 1)],
    "erf": [(-2, 2), (-7, 7), (-0.01, 0.01)],
    "erfc": [(-2, 2), (-7, 10.2), (7, 27.5), (-0.01, 0.01)],
    "sigmoid": [(-3, 3), (-110, 40), (-750, 40)],
    "softplus": [(-3, 3), (-110, 90), (-750, 90)],
    "logaddexp": [(-3, 3, -3, 3), (-100, 100, -100, 100), (-1000, 1000, -1, 1)],
    "pow": [(0, 5, -50, 50), (0.9, 1.1, -900, 900), (-4, 4, -3, 3), (0, 1e300, -1, 1)],
    "hypot": [(-3, 3, -3, 3), (-1e300, 1e300, -1e300, 1e300), (0, 1e-40, 0, 1e-40)],
}
SPECIAL = [0.0, 1.0, 2.0, 3.0, 0.5, 2.5, 1e-40, 5e-324, 3.4e38, 1.7e308, math.inf]


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    """Overflow and invalid operations are results here."""
    with np.errstate(all="ignore"):
        yield


# ---- compiled -----------------------------------------------------------------------------------


def arguments(name: str) -> int:
    return FUNCTIONS[name].__code__.co_argcount


def loop(name: str) -> Source:
    """A loop over contiguous operands."""
    count, dtype = arguments(name), name[-3:]
    operands = ", ".join(f"x{k}[i]" for k in range(count))
    pointers = [f"x{k} = pointer(w[{k}], {dtype}, {k})" for k in range(count)]
    text = f"""
def loop(begin, end, part, args):
    w = words(args)
    {"; ".join(pointers)}
    out = pointer(w[{count}], {dtype}, {count})
    for i in range(begin, end):
        out[i] = {name}({operands})
"""
    return Source(text, "loop")


@functools.cache
def module(name: str) -> Any:
    """The LLVM module of the loop."""
    return jit.optimised(jit.translate(loop(name)))


@functools.cache
def machine_code(name: str) -> tuple[Callable[..., None], Any]:
    address, handle = machine.load(machine.emit(module(name)), loop(name).symbol, ())
    return ctypes.CFUNCTYPE(None, *[ctypes.c_int64] * 4)(address), handle


def compiled(name: str, operands: list[np.ndarray]) -> np.ndarray:
    out = np.empty_like(operands[0])
    words = np.array([x.ctypes.data for x in (*operands, out)], np.int64)
    machine_code(name)[0](0, out.size, 0, words.ctypes.data)
    return out


def plain(name: str, operands: list[np.ndarray]) -> np.ndarray:
    values = [FUNCTIONS[name](*xs) for xs in zip(*operands, strict=True)]
    assert {type(value) for value in values} == {NARROW[name[-3:]]}
    return np.array(values)


# ---- references and errors ----------------------------------------------------------------------


def pi_to(context: Any) -> Decimal:
    """By the arithmetic-geometric mean (Gauss, Legendre)."""
    a, b, t, p = Decimal(1), 1 / Decimal(2).sqrt(), Decimal("0.25"), 1
    for _ in range(context.prec.bit_length() + 2):
        mean = (a + b) / 2
        b, t, p, a = (a * b).sqrt(), t - p * (a - mean) ** 2, 2 * p, mean
    return (a + b) ** 2 / (4 * t)


def erf_exactly(x: float, complement: bool) -> np.longdouble:
    """By the series of positive terms, with digits enough for erfc."""
    if not math.isfinite(x) or abs(x) > 28:
        return np.longdouble(math.erfc(x) if complement else math.erf(x))
    with localcontext() as context:
        context.prec = 40 + int(x * x)
        z = Decimal(abs(x))
        term, total, n = z, z, 0
        while total and term > total.scaleb(-context.prec):
            n += 1
            term *= 2 * z * z / (2 * n + 1)
            total += term
        y = (2 * total * (-z * z).exp() / pi_to(context).sqrt()).copy_sign(Decimal(x))
        y = 1 - y if complement else y
        return np.longdouble(str(y)) if y else np.longdouble(x)


def reference(name: str, operands: list[np.ndarray]) -> np.ndarray:
    """The result in a wider type."""
    stem, precision = name.rsplit("_", 1)
    wide = [x.astype(WIDE[precision]) for x in operands]
    if stem in ("erf", "erfc"):
        small = getattr(math, stem)
        exact = small if precision == "f32" else lambda x: erf_exactly(float(x), stem == "erfc")
        return np.array([exact(x) for x in wide[0]], WIDE[precision])
    special: dict[str, Callable[..., np.ndarray]] = {
        "exp_nonpositive": np.exp,
        "exp_scaled": scaled_exp,
        "exp_picked": scaled_exp,
        "sigmoid": lambda x: 1 / (1 + np.exp(-x)),
        "softplus": lambda x: np.logaddexp(np.zeros_like(x), x),
        "pow": np.power,
        "atan2": np.arctan2,
    }
    ufunc = special.get(stem) or getattr(np, IN_NUMPY.get(stem, stem))
    return ufunc(*wide)


def scaled_exp(x: np.ndarray, k: np.ndarray) -> np.ndarray:
    return np.exp(x) * np.exp2(k)


def errors(got: np.ndarray, exact: np.ndarray, size: np.ndarray) -> np.ndarray:
    """In last places of `size`; inf where a nan, an infinity or the sign of a zero is wrong."""
    rounded = exact.astype(got.dtype)
    distance = np.abs(got.astype(exact.dtype) - exact) / np.spacing(np.abs(size))
    finite = np.isfinite(got) & np.isfinite(rounded)
    same = (got == rounded) | (np.isnan(got) & np.isnan(rounded))
    zeros = (got == 0) & (rounded == 0) & (np.signbit(got) != np.signbit(rounded))
    return np.where(zeros, np.inf, np.where(finite, distance, np.where(same, 0, np.inf)))


def check(name: str, operands: list[np.ndarray], got: np.ndarray, exact: np.ndarray) -> None:
    """Within the stated bound everywhere, or the worst sample is named."""
    size = np.asarray(exact.astype(got.dtype))
    if name.startswith("logaddexp"):
        size = np.max([np.where(np.isfinite(x), np.abs(x), 0) for x in (size, *operands)], axis=0)
    found = errors(got, exact, size)
    worst = int(np.argmax(found))
    assert found[worst] <= MAX_ULP[name] + SLACK, (
        f"{name}{tuple(x[worst] for x in operands)} = {got[worst]!r}, "
        f"not {exact[worst]!r}: {found[worst]:.2f} ULP"
    )


def samples(name: str, count: int) -> list[np.ndarray]:
    """Special values in all pairs, random numbers of the function's ranges, random bits."""
    stem, precision = name.rsplit("_", 1)
    dtype, rng, number = NARROW[precision], np.random.default_rng(7), arguments(name)
    special = np.array([*SPECIAL, *(-x for x in SPECIAL), math.nan]).astype(dtype)
    columns = [[x.ravel()] for x in np.meshgrid(*[special] * number)]
    for bounds in SAMPLES[stem]:
        for k, column in enumerate(columns):
            low, high = bounds[2 * k : 2 * k + 2]
            column.append(rng.uniform(low, high, count).astype(dtype))
    for column in columns:
        column.append(np.frombuffer(rng.bytes(count * dtype().itemsize), dtype))
    found = [np.concatenate(column) for column in columns]
    if stem in ("exp_scaled", "exp_picked"):
        return scaled(*found)
    return [-np.abs(x) for x in found] if stem == "exp_nonpositive" else found


def scaled(x: np.ndarray, k: np.ndarray) -> list[np.ndarray]:
    """What exp_scaled is for: integral k, and results that are normal numbers or nan."""
    least = np.log2(np.finfo(x.dtype).tiny)
    k = np.rint(np.clip(np.nan_to_num(k), least + 6, -least - 6))
    power = x.astype(np.float64) / math.log(2) + k
    kept = np.isnan(x) | ((np.abs(x) < 56) & (np.abs(power) < -least - 1))
    return [x[kept], k[kept]]


def table(name: str) -> tuple[np.ndarray, np.ndarray]:
    """Inputs and correctly rounded outputs of NumPy's validation set."""
    stem, precision = name.rsplit("_", 1)
    path = TABLES / f"umath-validation-set-{IN_NUMPY[stem]}.csv"
    if not path.exists():
        pytest.skip("this NumPy comes without its tables")
    dtype = NARROW[precision]
    rows = [x.split(",") for x in path.read_text().splitlines() if x.startswith("np.float")]
    bits = [
        [int(cell, 16) for cell in row[1:3]] for row in rows if row[0] == f"np.{dtype.__name__}"
    ]
    unsigned = np.array(bits, np.uint32 if precision == "f32" else np.uint64)
    x, y = unsigned.T.copy().view(dtype)
    return x, y


# ---- the tests ----------------------------------------------------------------------------------


def test_every_function_has_a_bound_and_samples() -> None:
    assert set(FUNCTIONS) == set(MAX_ULP)
    names = {f"{stem}_{precision}" for stem in SAMPLES for precision in NARROW}
    assert set(FUNCTIONS) == names - {"exp_picked_f64"}
    assert max(MAX_ULP.values()) <= 4
    assert all(MAX_ULP[f"{f}_{p}"] <= 2 for f in ("exp", "log", "log2", "log10") for p in NARROW)


@pytest.mark.parametrize("name", WITH_TABLE)
def test_compiled_agrees_with_the_tables_of_numpy(name: str) -> None:
    x, y = table(name)
    check(name, [x], compiled(name, [x]), y.astype(WIDE[name[-3:]]))


@pytest.mark.parametrize("name", WITH_TABLE)
def test_plain_agrees_with_the_tables_of_numpy(name: str) -> None:
    x, y = (column[::29] for column in table(name))
    check(name, [x], plain(name, [x]), y.astype(WIDE[name[-3:]]))


@pytest.mark.parametrize("name", FUNCTIONS)
def test_compiled_is_within_its_bound(name: str) -> None:
    operands = samples(name, 60 if name in ("erf_f64", "erfc_f64") else 4000)
    check(name, operands, compiled(name, operands), reference(name, operands))


@pytest.mark.parametrize("name", FUNCTIONS)
def test_plain_is_within_its_bound(name: str) -> None:
    operands = [x[:: 1 + x.size // 150] for x in samples(name, 40)]
    check(name, operands, plain(name, operands), reference(name, operands))


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_loop_vectorises_and_calls_nothing(name: str) -> None:
    text = str(module(name))
    assert machine.declared(module(name)) == []
    assert re.search(r"call <\d+ x (float|double)> @llvm\.fma\.", text)


@pytest.mark.parametrize("precision", NARROW)
def test_overflow_and_underflow_start_where_they_should(precision: str) -> None:
    dtype = NARROW[precision]
    limits = np.finfo(dtype)
    top, bottom = np.log(np.array([limits.max, limits.smallest_subnormal], WIDE[precision]))
    x = np.array([np.nextafter(dtype(top), dtype(0)), top + 1e-4, bottom, bottom - 0.7], dtype)
    y = compiled(f"exp_{precision}", [x])
    assert np.isfinite(y[0])
    assert y[0] > limits.max / 2
    assert y[1:].tolist() == [np.inf, limits.smallest_subnormal, 0]


def test_the_hardest_argument_of_cos() -> None:
    """The float64 nearest to a multiple of pi / 2: its reduction needs 1,000 bits of pi."""
    x = np.array([6381956970095103.0 * 2.0**797])
    assert np.allclose(compiled("cos_f64", [x]), -4.687165924254624e-19, rtol=1e-15, atol=0)
    assert np.allclose(plain("cos_f64", [x]), -4.687165924254624e-19, rtol=1e-15, atol=0)


@pytest.mark.parametrize("name", ["exp_scaled_f32", "exp_picked_f32", "exp_scaled_f64"])
def test_scaled_powers_below_normal_numbers_are_zero(name: str) -> None:
    dtype = NARROW[name[-3:]]
    limits = np.finfo(dtype)
    x = np.array([-math.inf, limits.min, -1e30, -1000, math.nan], dtype)
    for k in (-60, 0, 60):
        operands = [np.tile(x, 7), np.full(35, k, dtype)]
        got, wanted = compiled(name, operands), np.tile([0, 0, 0, 0, math.nan], 7)
        np.testing.assert_array_equal(got, wanted)
        np.testing.assert_array_equal(plain(name, operands), wanted)
    least = (np.log2(limits.tiny) - 24) * np.log(2)  # where k is 24
    x = np.linspace(least - 1, least + 1, 999).astype(dtype)
    got = compiled(name, [x, np.full_like(x, 24)])
    np.testing.assert_allclose(got[x > least + 1e-3], wanted_scaled(x[x > least + 1e-3]), rtol=1e-5)
    assert (got[x < least - 1e-3] == 0).all()


def wanted_scaled(x: np.ndarray) -> np.ndarray:
    return scaled_exp(x.astype(np.longdouble), np.longdouble(24))

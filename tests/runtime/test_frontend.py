"""The kernel language as Python and as LLVM IR: each construct gives the same both ways, and what
the language does not have is refused.
"""

import ctypes
import re

import pytest

from graphc.errors import CompileError
from graphc.runtime.language import jit
from graphc.runtime.language.jit import Source
from graphc.runtime.objects.cache import load_kernel
from graphc.runtime.python_mode import python_kernel

BODIES = {
    "a constant": "return 7",
    "a negative literal": "return -7 * a",
    "operators": "return (a + b) * (a - b) + (a & b) + (a | b) + (a ^ b)",
    "shifts and signs": "return (a << 3) + (b >> 1) + -a",
    "bools": (
        "x = tile(2, b1)\nx[0] = a < b\nx[1] = a == 5\n"
        "return i64(x[0] + x[1]) * 8 + i64(x[0] * x[1]) * 4 + i64((x[0] ^ x[1]) & x[0])"
    ),
    "augmented": "a += b\na *= 2\nreturn a",
    "a swap": "a, b = b, a\nreturn a - b",
    "a tuple of a helper": "x, y = both(a, b)\nreturn x * y",
    "a helper with two ways": "return larger(a, b) + larger(b, -a)",
    "a helper's names are its own": "x = 3\nreturn larger(a, b) * x",
    "if": "x = 1\nif a < b:\n    x = 2\nreturn x",
    "if, else": "if a < b:\n    x = a\nelse:\n    x = b\nreturn x",
    "elif": "if a < b:\n    x = 1\nelif a == b:\n    x = 2\nelse:\n    x = 3\nreturn x",
    "return from within": "if a < b:\n    return 1\nreturn 2",
    "return on both ways": "if a < b:\n    return 1\nelse:\n    return 2",
    "behind a return": "return a\na = a + 1",
    "return from a loop": "for i in range(a):\n    if i * i > b:\n        return i\nreturn -1",
    "for": "x = 0\nfor i in range(a):\n    x += i\nreturn x",
    "for from a start": "x = 0\nfor i in range(b, a):\n    x += i\nreturn x",
    "for over lanes": (
        "t = tile(128, i64)\nfor j in lanes(a):\n    t[j] = j * b\nreturn t[3] if a > 3 else 0"
    ),
    "for over lanes with masks": (
        "t = tile(128, i64)\nfor j in masked_lanes(2, a):\n    t[j] = j * b\n"
        "return t[2] if a > 2 else 0"
    ),
    "a return from lanes": "for j in lanes(a):\n    return j + b\nreturn -1",
    "nested for": "x = 0\nfor i in range(a):\n    for j in range(i):\n        x += i * j\nreturn x",
    "two loops of one name": (
        "x = 0\nfor i in range(a):\n    for i in range(3):\n        x += i\nreturn x"
    ),
    "a counter that is assigned": "x = 0\nfor i in range(a):\n    i = i * 2\n    x += i\nreturn x",
    "a bound that changes": "x = 0\nn = a\nfor i in range(n):\n    n = n - 1\n    x += n\nreturn x",
    "while": "x = 0\nwhile x * x < a:\n    x += 1\nreturn x",
    "while with and": "x = 0\nwhile x < a and x < b:\n    x += 1\nreturn x",
    "names of a branch in a loop": (
        "x = 0\nfor i in range(a):\n    if i & 1 != 0:\n        y = i\n    else:\n"
        "        y = -2 * i\n    x += y\nreturn x"
    ),
    "chained": "return 1 if 0 <= a < b else 0",
    "comparisons": (
        "return (i64(a < b) + i64(a <= b) * 2 + i64(a > b) * 4 + i64(a >= b) * 8 + i64(a == b) * 16"
        " + i64(a != b) * 32)"
    ),
    "or": "return 1 if a < b or a == 5 or b == 0 else 0",
    "and of or": "return 1 if a < b and (a == 5 or b == 3) else 0",
    "not computed": "return 1 if b == 0 or words(i)[0] == 7 else 0",
    "a choice in a choice": "return 1 if a < b else 2 if a == b else 3",
    "memory": "t = tile(4, i64)\nt[a & 3] = b\nt[a & 3] = t[a & 3] + 1\nreturn t[a & 3]",
    "narrow integers wrap": "x = i32(a) * i32(2147483647)\nreturn i64(x) + i64(u8(b) - u8(200))",
    "a literal beside a narrow integer": "return i64((i8(a) + 100) >> 1)",
    "the largest literal": "return i64(18446744073709551615 >> u64(60)) + b",
    "a pass": "if a < b:\n    pass\nreturn a",
    "an annotation": "'''says what it does'''\nreturn a",
}

HELPERS = """
def both(x, y):
    return x + y, x - y


def larger(x, y):
    if x < y:
        return y
    return x


"""


def source(body: str) -> str:
    lines = "".join(f"    {line}\n" for line in body.split("\n"))
    kernel = "def kernel(a, b, i):\n    words(i)[1] = function(a, b, i)\n"
    return f"{HELPERS}def function(a, b, i):\n{lines}\n\n{kernel}"


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
def test_a_construct_means_what_it_means_in_python(body: str) -> None:
    text, kind = source(body), ctypes.CFUNCTYPE(None, *[ctypes.c_int64] * 3)
    compiled, python = kind(load_kernel(text, "kernel")), python_kernel(text, "kernel")
    for a, b in ((0, 0), (5, 3), (3, 5), (-4, 9), (9, -4), (5, 5), (101, 77)):
        results = []
        for run in (compiled, python):
            words = (ctypes.c_int64 * 2)(7)
            run(a, b, ctypes.addressof(words))
            results.append(words[1])
        assert results[0] == results[1], (a, b)


SIDE_BY_SIDE = """
def kernel(args, n, step):
    w = words(args)
    a = pointer(w[0], f32, 0)
    b = pointer(w[1], f32, 1)
    for i in {}(n):
        b[i] = a[i] * f32(2)
        b[i + step] = a[i + step] * f32(3)
"""


@pytest.mark.parametrize(("over", "tests"), [("range", True), ("lanes", False)])
def test_lanes_are_not_tested_for_places_that_meet(over: str, tests: bool) -> None:
    """Vectors of places a few elements apart: of a range only where a test says that none meet."""
    text = str(jit.optimised(jit.translate(Source(SIDE_BY_SIDE.format(over), "kernel"))))
    assert re.search(r"store <\d+ x float>", text)
    assert bool(re.search("conflict|diff.check", text)) == tests


REFUSED = {
    "a class": ("class X:\n    pass\nreturn a", "no class X"),
    "an attribute": ("return a.real", "Attribute"),
    "a step": ("for i in range(0, a, b):\n    pass\nreturn a", "For"),
    "break": ("while a < b:\n    break\nreturn a", "Break"),
    "a keyword": ("return minimum(a, y=b)", "Call"),
    "a string": ("return 'a'", "'a'"),
    "a bool": ("return True", "True"),
    "an unknown function": ("return sorted(a)", "a function that the language does not have"),
    "an unknown name": ("return c", "a name without a value"),
    "a name of one branch": ("if a < b:\n    x = 1\nreturn x", "a name without a value"),
    "a name of a turn": ("for i in range(a):\n    x = i\nreturn x", "a name without a value"),
    "a mixture": ("return i64(f32(a) + f64(b))", "operands of kinds f32, f64"),
    "a float literal": ("return i64(f32(a) * 2.0)", "operands of kinds f32, f64"),
    "division of integers": ("return a / b", "operands of kinds i64, i64"),
    "power": ("return a ** b", "Pow"),
    "not": ("return i64(not a)", "Not"),
    "an integer as a condition": ("return 1 if a else 0", "a condition of i64"),
    "a difference of bools": ("return i64((a < b) - (a > b))", "operands of kinds b1, b1"),
    "a literal that a kind does not have": ("return 1 if u8(a) < 300 else 0", "value=300"),
    "a negative literal beside what is not": ("return 1 if -1 < u64(a) else 0", "value=-1"),
    "a tuple from turn to turn": (
        "t = (a, b)\nfor j in range(3):\n    x, y = t\n    t = (y + 1, x)\nreturn a",
        "a name without a value",
    ),
    "a float index": ("return words(i)[f64(a)]", "operands of kinds"),
    "a store of another kind": ("words(i)[0] = f64(a)\nreturn a", "operands of kinds"),
    "an index of no memory": ("return a[b]", "operands of kinds i64, i64"),
    "a change of kind": ("x = a\nfor j in range(b):\n    x = f64(j)\nreturn a", "changes its kind"),
    "results of two kinds": ("if a < b:\n    return f64(a)\nreturn a", "results of several kinds"),
    "a choice of kinds": ("return i64(a if a < b else f64(b))", "a choice between"),
    "another result": ("return f64(a)", "operands of kinds"),
    "no result": ("a = b", "operands of kinds"),
    "too few arguments": ("return both(a)", "1 arguments"),
}


@pytest.mark.parametrize(("body", "message"), REFUSED.values(), ids=REFUSED)
def test_what_the_language_does_not_have_is_refused(body: str, message: str) -> None:
    with pytest.raises(CompileError, match="kernel does not compile") as caught:
        jit.compile_kernel(Source(source(body), "kernel"))
    assert message in str(caught.value)


def test_a_kernel_returns_what_its_source_says() -> None:
    text = "def kernel(a):\n    return f64(a)\n"
    assert jit.compile_kernel(Source(text, "kernel", "f64")).code
    with pytest.raises(CompileError, match="kernel returns i64"):
        jit.compile_kernel(Source(text, "kernel", "i64"))

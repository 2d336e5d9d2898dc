"""The names of generated source: each is a Python body and an LLVM body, registered together.

Enters: the bodies of `intrinsics.py` and `intrinsics_llvm.py`. Leaves: `LANGUAGE`, the one table
that both the JIT and Python mode read, and the typing rule of each name; and `LOOPS`, the names of
what a `for` goes over.

A kind is the type of an operand: "f32", ..., "b1"; or `Memory`, `Dtype` (a cast passed as an
argument), `Literal`.

    >>> LANGUAGE["maximum"].result("f32", "f32")
    'f32'
    >>> LANGUAGE["maximum"].result("f32", "f64") is None       # no silent promotion
    True
    >>> LANGUAGE["maximum"].python(3, 4)
    4
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from graphc.runtime.language import intrinsics as py
from graphc.runtime.language import intrinsics_llvm as llvm
from graphc.runtime.language import ldexp_llvm, roots_llvm


@dataclass(frozen=True, slots=True)
class Memory:
    """A typed pointer; `scope` is its alias class."""

    dtype: str
    scope: str


@dataclass(frozen=True, slots=True)
class Dtype:
    """A cast that is passed as an argument, as in pointer(address, f32, 0)."""

    dtype: str


@dataclass(frozen=True, slots=True)
class Literal:
    """An int64 whose value stands in the source."""

    value: int


VOID = "void"
Rule = Callable[..., Any]


@dataclass(frozen=True, slots=True)
class Intrinsic:
    """One name of the language. Its rule gives the kind of the result, None where no call fits."""

    python: Callable[..., Any]
    result: Rule
    llvm: Callable[..., Any]


def scalar(kind: Any) -> str | None:
    """The scalar kind of an operand; None for pointers and dtypes."""
    if isinstance(kind, Literal):
        return "i64"
    return kind if isinstance(kind, str) else None


def _same(*kinds: Any) -> str | None:
    """Scalars of one kind give that kind."""
    first = scalar(kinds[0])
    return first if all(scalar(k) == first for k in kinds) else None


def _floats(*kinds: Any) -> str | None:
    kind = _same(*kinds)
    return kind if kind in ("f32", "f64") else None


def _integers(*kinds: Any) -> str | None:
    kind = _same(*kinds)
    return None if kind in ("f32", "f64", "b1") else kind


def _numbers(*kinds: Any) -> str | None:
    kind = _same(*kinds)
    return None if kind == "b1" else kind


def _test(x: Any) -> str | None:
    return "b1" if _floats(x) else None


def _selected(condition: Any, x: Any, y: Any) -> str | None:
    return _same(x, y) if condition == "b1" else None


def _scaled(y: Any, k: Any) -> str | None:
    kinds = scalar(y), scalar(k)
    return y if kinds in (("f32", "i32"), ("f64", "i64")) else None


def _fixed(result: str, *operands: str) -> Rule:
    """A rule for operands of fixed kinds."""

    def rule(*kinds: Any) -> str | None:
        return result if tuple(map(scalar, kinds)) == operands else None

    return rule


def _cast(target: str) -> Rule:
    return lambda x: target if scalar(x) else None


def _pointer(address: Any, dtype: Any, alias_class: Any) -> Memory | None:
    known = isinstance(dtype, Dtype) and isinstance(alias_class, Literal)
    if not known or not 0 <= alias_class.value < llvm.ALIAS_CLASSES:
        return None
    return Memory(dtype.dtype, str(alias_class.value)) if scalar(address) == "i64" else None


def _words(address: Any) -> Memory | None:
    return Memory("i64", "words") if scalar(address) == "i64" else None


def _real(word: Any, dtype: Any) -> str | None:
    return dtype.dtype if scalar(word) == "i64" and isinstance(dtype, Dtype) else None


def _tile(size: Any, dtype: Any) -> Memory | None:
    known = isinstance(size, Literal) and isinstance(dtype, Dtype)
    return Memory(dtype.dtype, "tile") if known else None


def _address_of(memory: Any, index: Any) -> str | None:
    return "i64" if isinstance(memory, Memory) and scalar(index) == "i64" else None


def _prefetch(memory: Any, index: Any, level: Any) -> str | None:
    known = isinstance(level, Literal) and level.value in (1, 2, 3)
    return VOID if known and _address_of(memory, index) else None


def _call(*kinds: Any) -> str | None:
    return VOID if all(scalar(kind) == "i64" for kind in kinds) else None


def _ask(*kinds: Any) -> str | None:
    return "i64" if _call(*kinds) else None


def _float_function(name: str) -> Intrinsic:
    return Intrinsic(getattr(py, name), _floats, llvm.float_function(name))


LOOPS: dict[str, Callable[..., range]] = {
    "range": range,
    "lanes": py.lanes,
    "masked_lanes": py.masked_lanes,
}

CASTS = ("f32", "f64", "i8", "i16", "i32", "i64", "u8", "u16", "u32", "u64", "b1")

LANGUAGE: dict[str, Intrinsic] = {
    # conversions
    **{name: Intrinsic(getattr(py, name), _cast(name), llvm.cast_to(name)) for name in CASTS},
    "bits_f32": Intrinsic(py.bits_f32, _fixed("f32", "i32"), llvm.bitcast_to("f32")),
    "bits_f64": Intrinsic(py.bits_f64, _fixed("f64", "i64"), llvm.bitcast_to("f64")),
    "float_bits_f32": Intrinsic(py.float_bits_f32, _fixed("i32", "f32"), llvm.bitcast_to("i32")),
    "float_bits_f64": Intrinsic(py.float_bits_f64, _fixed("i64", "f64"), llvm.bitcast_to("i64")),
    # arithmetic
    "accumulate": Intrinsic(py.accumulate, _numbers, llvm.accumulate),
    "accumulate_mul": Intrinsic(py.accumulate_mul, _numbers, llvm.accumulate_mul),
    "maximum": Intrinsic(py.maximum, _same, llvm.extremum("maximum")),
    "minimum": Intrinsic(py.minimum, _same, llvm.extremum("minimum")),
    "reduce_max": Intrinsic(py.reduce_max, _same, llvm.extremum("maximum", ("nsz",))),
    "reduce_min": Intrinsic(py.reduce_min, _same, llvm.extremum("minimum", ("nsz",))),
    "blind_max": Intrinsic(py.blind_max, _floats, llvm.extremum("maximum", ("nnan", "nsz"))),
    "settled": Intrinsic(py.settled, _floats, llvm.settled),
    "select": Intrinsic(py.select, _selected, llvm.select),
    "floor": _float_function("floor"),
    "ceil": _float_function("ceil"),
    "trunc": _float_function("trunc"),
    "rint": _float_function("rint"),
    "sqrt": _float_function("sqrt"),
    "fabs": _float_function("fabs"),
    "copysign": _float_function("copysign"),
    "fma": _float_function("fma"),
    "ldexp": Intrinsic(py.ldexp, _scaled, ldexp_llvm.ldexp),
    "exp2_32nds": Intrinsic(py.exp2_32nds, _fixed("f32", "i32"), roots_llvm.exp2_32nds),
    "isnan": Intrinsic(py.isnan, _test, llvm.isnan),
    "isinf": Intrinsic(py.isinf, _test, llvm.isinf),
    "isfinite": Intrinsic(py.isfinite, _test, llvm.isfinite),
    "floordiv": Intrinsic(py.floordiv, _numbers, llvm.floordiv),
    "mod": Intrinsic(py.mod, _numbers, llvm.mod),
    "shl": Intrinsic(py.shl, _integers, llvm.shl),
    "shr": Intrinsic(py.shr, _integers, llvm.shr),
    "ipow": Intrinsic(py.ipow, _integers, llvm.ipow),
    # memory and calls
    "pointer": Intrinsic(py.pointer, _pointer, llvm.pointer),
    "words": Intrinsic(py.words, _words, llvm.words),
    "real": Intrinsic(py.real, _real, llvm.real),
    "tile": Intrinsic(py.tile, _tile, llvm.tile),
    "address_of": Intrinsic(py.address_of, _address_of, llvm.address_of),
    "prefetch": Intrinsic(py.prefetch, _prefetch, llvm.prefetch),
    "call_micro": Intrinsic(py.call_micro, _call, llvm.call_micro),
    "call_address": Intrinsic(py.call_micro, _call, llvm.call_micro),
    "store_error": Intrinsic(py.store_error, _fixed(VOID, "i64", "i64"), llvm.store_error),
    # for the runner
    "atomic_add": Intrinsic(py.atomic_add, _fixed("i64", "i64", "i64"), llvm.atomic_add),
    "atomic_load": Intrinsic(py.atomic_load, _fixed("i64", "i64"), llvm.atomic_load),
    "atomic_store": Intrinsic(py.atomic_store, _fixed(VOID, "i64", "i64"), llvm.atomic_store),
    "query": Intrinsic(py.query, _fixed("i64", "i64"), llvm.query),
    "ask": Intrinsic(py.ask, _ask, llvm.ask),
    "pause": Intrinsic(py.pause, _fixed(VOID), llvm.pause),
    "cycles": Intrinsic(py.cycles, _fixed("i64"), llvm.cycles),
}

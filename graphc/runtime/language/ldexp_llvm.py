"""ldexp as LLVM instructions: the compiled half of that name of the kernel language.

Enters: an llvmlite IRBuilder, the kinds of y and k, and their LLVM values. Leaves: y * 2**k.
"""

from typing import Any

from llvmlite import ir

from graphc.runtime.language.intrinsics_llvm import F32, I32, I64, Builder, Kinds, call_external
from graphc.runtime.language.machine import host


def ldexp(b: Builder, kinds: Kinds, y: Any, k: Any) -> Any:
    """One instruction where vectors have 512 bits; elsewhere two exact factors and one rounding."""
    if "+avx512f" in host().features:
        k = b.trunc(k, I32) if k.type == I64 else k
        return call_external(b, f"llvm.ldexp.{kinds[0]}.i32", y.type, [y, k])
    # Nothing underflows where the result is 0 anyway: a core is slow at that.
    least = ir.Constant(k.type, -150 if k.type == I32 else -1075)
    zero = b.fmul(y, ir.Constant(y.type, 0))  # nan of nan, whatever k is then
    y = b.select(b.icmp_signed("<", k, least), zero, y)
    half = b.ashr(k, ir.Constant(k.type, 1))
    first, rest = (_power_of_two(b, y.type, n) for n in (half, b.sub(k, half)))
    return b.fmul(b.fmul(y, first), rest)


def _power_of_two(b: Builder, result: Any, k: Any) -> Any:
    """2**k, whose bits are those of k behind the bias."""
    bias, place = (127, 23) if result == F32 else (1023, 52)
    biased = b.add(k, ir.Constant(k.type, bias))
    return b.bitcast(b.shl(biased, ir.Constant(k.type, place)), result)

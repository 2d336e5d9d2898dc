"""2**(n/32 - 127) as LLVM instructions: the compiled half of `exp2_32nds`.

Enters: an llvmlite IRBuilder and the LLVM value of n. Leaves: the value, and texts of LLVM IR.

With 512 bits a table of 32 numbers is two registers, of which one instruction picks 16. LLVM's
vectoriser does not find that, but takes a function of vectors that is said to stand for one of
scalars where it cannot look inside. So both are only DECLARED while a kernel is optimised, and
DEFINED and inlined behind that.
"""

from collections.abc import Sequence
from typing import Any

from llvmlite import ir

from graphc.runtime.language.intrinsics import ROOTS
from graphc.runtime.language.intrinsics_llvm import F32, I32, Builder, Kinds, call_external
from graphc.runtime.language.machine import host

NAME = "exp2_32nds"
INLINED = "available_externally"  # the linkage of what makes no code of its own
WIDTHS = (16, 8, 4)  # of vectors; the shorter ones are taken for a part of one of 16


def exp2_32nds(b: Builder, kinds: Kinds, n: Any) -> Any:
    if "+avx512f" in host().features:
        return call_external(b, NAME, F32, [n])
    table = ir.Constant(ir.VectorType(I32, len(ROOTS)), ROOTS)
    root = b.extract_element(table, b.and_(n, ir.Constant(I32, len(ROOTS) - 1)))
    return b.bitcast(b.add(root, b.shl(n, ir.Constant(I32, 18))), F32)


def _declared() -> str:
    """The functions, which have no effects. Those of vectors would be dropped if nothing used them
    before the vectoriser does."""
    pure = "nounwind willreturn memory(none)"
    stand_in = ",".join(f"_ZGV_LLVM_N{n}v_{NAME}({NAME}_{n})" for n in WIDTHS)
    used = ", ".join(f"ptr @{NAME}_{n}" for n in WIDTHS)
    return "\n".join(
        (
            f'declare float @{NAME}(i32) {pure} "vector-function-abi-variant"="{stand_in}"',
            *(f"declare <{n} x float> @{NAME}_{n}(<{n} x i32>) {pure}" for n in WIDTHS),
            f"@llvm.compiler.used = appending global [{len(WIDTHS)} x ptr] [{used}], "
            'section "llvm.metadata"',
        )
    )


def _shuffled(kind: str, value: str, lanes: Sequence[int | str]) -> str:
    """An instruction that makes a vector of the lanes of a value."""
    mask = ", ".join(f"i32 {lane}" for lane in lanes)
    return f"shufflevector {kind} {value}, {kind} poison, <{len(lanes)} x i32> <{mask}>"


def _defined(width: int) -> str:
    """The function of vectors of a width."""
    halves = (", ".join(f"i32 {root}" for root in ROOTS[start:][:16]) for start in (0, 16))
    low, high = (f"<16 x i32> <{half}>" for half in halves)
    wide = _shuffled(f"<{width} x i32>", "%n", [*range(width), *["poison"] * (16 - width)])
    return f"""
define {INLINED} <{width} x float> @{NAME}_{width}(<{width} x i32> %n) alwaysinline {{
  %wide = {wide}
  %root = call <16 x i32> @llvm.x86.avx512.vpermi2var.d.512({low}, <16 x i32> %wide, {high})
  %power = shl <16 x i32> %wide, splat (i32 18)
  %bits = add <16 x i32> %root, %power
  %part = {_shuffled("<16 x i32>", "%bits", range(width))}
  %found = bitcast <{width} x i32> %part to <{width} x float>
  ret <{width} x float> %found
}}
"""


# One number goes the same way: a table in memory would be written there each time.
_SCALAR = f"""
define {INLINED} float @{NAME}(i32 %n) alwaysinline {{
  %wide = insertelement <4 x i32> poison, i32 %n, i32 0
  %found = call <4 x float> @{NAME}_4(<4 x i32> %wide)
  %first = extractelement <4 x float> %found, i32 0
  ret float %first
}}
"""
DECLARED = _declared()
DEFINED = f"""
declare <16 x i32> @llvm.x86.avx512.vpermi2var.d.512(<16 x i32>, <16 x i32>, <16 x i32>)
{"".join(map(_defined, WIDTHS))}{_SCALAR}"""

"""The kernel language as LLVM instructions: the compiled half of every intrinsic.

Enters: an llvmlite IRBuilder, the kinds of the operands ("f32", "i64", "b1", ...) and their LLVM
values. Leaves: the value of the result. `intrinsics.py` has the Python
halves, `names.py` the pairs.

Flags belong to an operation: `reassoc` on the accumulating operation alone, `nsz` on a max
reduction alone. Loads and stores carry the alias class of their pointer, so that loops vectorise
without run-time checks:

    pointer(a, f32, 0)[i]   ->   load float, ptr %p, align 4, !alias.scope "0", !noalias "1" ...
"""

import platform
from typing import Any, TypeAlias
from weakref import WeakKeyDictionary

from llvmlite import ir

# llvmlite carries no types.
Builder: TypeAlias = Any
F32: Any = ir.FloatType()
F64: Any = ir.DoubleType()
I1: Any = ir.IntType(1)
I8: Any = ir.IntType(8)
I32: Any = ir.IntType(32)
I64: Any = ir.IntType(64)
VALUE_TYPES: dict[str, Any] = {"f32": F32, "f64": F64, "b1": I1}
VALUE_TYPES |= {f"{sign}{bits}": ir.IntType(bits) for sign in "iu" for bits in (8, 16, 32, 64)}
SIZES = {"f32": 4, "f64": 8, "b1": 1} | {f"{s}{8 * n}": n for s in "iu" for n in (1, 2, 4, 8)}

MACHINE = platform.machine().lower()
ALIAS_CLASSES = 64

Kinds = tuple[Any, ...]


def is_float(kind: str) -> bool:
    return kind in ("f32", "f64")


def is_signed(kind: str) -> bool:
    return kind[0] == "i"


def call_external(b: Builder, name: str, result: Any, values: Any, flags: Any = ()) -> Any:
    """Call a function that is declared here and defined by LLVM or another module."""
    function = b.module.globals.get(name)
    if function is None:
        signature = ir.FunctionType(result, [v.type for v in values])
        function = ir.Function(b.module, signature, name)
    return b.call(function, values, fastmath=flags)


def _llvm(b: Builder, name: str, values: Any, flags: Any = ()) -> Any:
    """An overloaded LLVM intrinsic on values of one type."""
    suffix = f"f{32 if values[0].type == F32 else 64}"
    return call_external(b, f"llvm.{name}.{suffix}", values[0].type, values, flags)


# ---- casts --------------------------------------------------------------------------------------


def cast_to(target: str) -> Any:
    """The conversion of any scalar to `target`."""

    def cast(b: Builder, kinds: Kinds, x: Any) -> Any:
        return convert(b, kinds[0], target, x)

    return cast


def convert(b: Builder, source: str, target: str, x: Any) -> Any:
    if source == target:
        return x
    if target == "b1":
        return _is_not_zero(b, source, x)
    if is_float(source):
        return _from_float(b, source, target, x)
    return _from_integer(b, source, target, x)


def _is_not_zero(b: Builder, source: str, x: Any) -> Any:
    zero = ir.Constant(x.type, 0)
    return b.fcmp_unordered("!=", x, zero) if is_float(source) else b.icmp_signed("!=", x, zero)


def _from_float(b: Builder, source: str, target: str, x: Any) -> Any:
    result = VALUE_TYPES[target]
    if is_float(target):
        return b.fpext(x, result) if target == "f64" else b.fptrunc(x, result)
    operation = "fptosi" if is_signed(target) else "fptoui"
    return call_external(b, f"llvm.{operation}.sat.i{result.width}.{source}", result, [x])


def _from_integer(b: Builder, source: str, target: str, x: Any) -> Any:
    result = VALUE_TYPES[target]
    if is_float(target):
        return b.sitofp(x, result) if is_signed(source) else b.uitofp(x, result)
    if result.width <= x.type.width:
        return b.trunc(x, result) if result.width < x.type.width else x
    return b.sext(x, result) if is_signed(source) else b.zext(x, result)


def bitcast_to(target: str) -> Any:
    def bitcast(b: Builder, kinds: Kinds, x: Any) -> Any:
        return b.bitcast(x, VALUE_TYPES[target])

    return bitcast


# ---- arithmetic ---------------------------------------------------------------------------------

REGROUP = ("reassoc", "contract")


def accumulate(b: Any, kinds: Kinds, acc: Any, x: Any) -> Any:
    return b.fadd(acc, x, flags=REGROUP) if is_float(kinds[0]) else b.add(acc, x)


def accumulate_mul(b: Any, kinds: Kinds, acc: Any, x: Any) -> Any:
    return b.fmul(acc, x, flags=REGROUP) if is_float(kinds[0]) else b.mul(acc, x)


def extremum(name: str, flags: tuple[str, ...] = ()) -> Any:
    """maximum or minimum: nan wins among floats."""
    comparison = ">" if name == "maximum" else "<"

    def body(b: Builder, kinds: Kinds, x: Any, y: Any) -> Any:
        if is_float(kinds[0]):
            return _llvm(b, name, [x, y], flags)
        compare = b.icmp_signed if is_signed(kinds[0]) else b.icmp_unsigned
        return b.select(compare(comparison, x, y), x, y)

    return body


def settled(b: Builder, kinds: Kinds, x: Any) -> Any:
    """Poison, which a nan is among operands that are said to be none, becomes some number."""
    frozen = ir.Instruction(b.block, x.type, "freeze", [x])
    b._insert(frozen)
    return frozen


def select(b: Builder, kinds: Kinds, condition: Any, x: Any, y: Any) -> Any:
    return b.select(condition, x, y)


def float_function(name: str) -> Any:
    """An LLVM intrinsic of floats, such as floor."""

    def body(b: Builder, kinds: Kinds, *values: Any) -> Any:
        return _llvm(b, name, values)

    return body


def isnan(b: Builder, kinds: Kinds, x: Any) -> Any:
    return b.fcmp_unordered("uno", x, x)


def isinf(b: Builder, kinds: Kinds, x: Any) -> Any:
    return b.fcmp_ordered("==", _llvm(b, "fabs", [x]), ir.Constant(x.type, float("inf")))


def isfinite(b: Builder, kinds: Kinds, x: Any) -> Any:
    return b.fcmp_ordered("<", _llvm(b, "fabs", [x]), ir.Constant(x.type, float("inf")))


def floordiv(b: Builder, kinds: Kinds, x: Any, y: Any) -> Any:
    if is_float(kinds[0]):
        return _float_floordiv(b, x, y)
    quotient, _, off = _integer_division(b, kinds[0], x, y)
    floored = b.select(off, b.sub(quotient, ir.Constant(x.type, 1)), quotient)
    return b.select(_is_not_zero(b, kinds[0], y), floored, ir.Constant(x.type, 0))


def mod(b: Builder, kinds: Kinds, x: Any, y: Any) -> Any:
    if is_float(kinds[0]):
        return b.select(_is_not_zero(b, kinds[0], y), _float_mod(b, x, y), b.frem(x, y))
    _, remainder, off = _integer_division(b, kinds[0], x, y)
    floored = b.select(off, b.add(remainder, y), remainder)
    return b.select(_is_not_zero(b, kinds[0], y), floored, ir.Constant(x.type, 0))


def _integer_division(b: Builder, kind: str, x: Any, y: Any) -> tuple[Any, Any, Any]:
    """Truncated quotient and remainder for any operands, and whether flooring must correct them.

    A divisor 0 is replaced by 1, and so is -1 (x // -1 is -x: the most negative x would trap).
    """
    zero, one, minus_one = (ir.Constant(x.type, n) for n in (0, 1, -1))
    is_zero = b.icmp_signed("==", y, zero)
    if not is_signed(kind):
        divisor = b.select(is_zero, one, y)
        return b.udiv(x, divisor), b.urem(x, divisor), ir.Constant(I1, 0)
    negate = b.icmp_signed("==", y, minus_one)
    divisor = b.select(b.or_(is_zero, negate), one, y)
    quotient = b.select(negate, b.sub(zero, x), b.sdiv(x, divisor))
    remainder = b.srem(x, divisor)
    signs_differ = b.icmp_signed("<", b.xor(remainder, y), zero)
    return quotient, remainder, b.and_(b.icmp_signed("!=", remainder, zero), signs_differ)


def _float_mod(b: Builder, x: Any, y: Any) -> Any:
    """The remainder with the sign of a divisor that is not 0."""
    zero = ir.Constant(x.type, 0)
    remainder = b.frem(x, y)
    shifted = b.select(_signs_differ(b, remainder, y), b.fadd(remainder, y), remainder)
    signed_zero = _llvm(b, "copysign", [zero, y])
    return b.select(b.fcmp_ordered("==", remainder, zero), signed_zero, shifted)


def _signs_differ(b: Builder, remainder: Any, y: Any) -> Any:
    """Whether a remainder that is not 0 must be moved to the divisor's side."""
    zero = ir.Constant(y.type, 0)
    differ = b.xor(b.fcmp_ordered("<", remainder, zero), b.fcmp_ordered("<", y, zero))
    return b.and_(differ, b.fcmp_unordered("!=", remainder, zero))


def _float_floordiv(b: Builder, x: Any, y: Any) -> Any:
    """NumPy's floor_divide: (x - remainder) / y is nearly an integer; round it to that one."""
    zero, half, one = (ir.Constant(x.type, n) for n in (0.0, 0.5, 1.0))
    ratio, remainder = b.fdiv(x, y), b.frem(x, y)
    nearly = b.fdiv(b.fsub(x, remainder), y)
    quotient = b.select(_signs_differ(b, remainder, y), b.fsub(nearly, one), nearly)
    floored = _llvm(b, "floor", [quotient])
    low = b.fcmp_ordered(">", b.fsub(quotient, floored), half)
    rounded = b.select(low, b.fadd(floored, one), floored)
    signed_zero = _llvm(b, "copysign", [zero, ratio])
    integral = b.select(b.fcmp_ordered("==", quotient, zero), signed_zero, rounded)
    return b.select(b.fcmp_unordered("!=", y, zero), integral, ratio)


def shl(b: Builder, kinds: Kinds, x: Any, count: Any) -> Any:
    width = ir.Constant(x.type, x.type.width)
    in_range = b.icmp_unsigned("<", count, width)
    safe = b.select(in_range, count, ir.Constant(x.type, 0))
    return b.select(in_range, b.shl(x, safe), ir.Constant(x.type, 0))


def shr(b: Builder, kinds: Kinds, x: Any, count: Any) -> Any:
    last = ir.Constant(x.type, x.type.width - 1)
    in_range = b.icmp_unsigned("<=", count, last)
    if is_signed(kinds[0]):
        return b.ashr(x, b.select(in_range, count, last))
    shifted = b.lshr(x, b.select(in_range, count, last))
    return b.select(in_range, shifted, ir.Constant(x.type, 0))


def ipow(b: Builder, kinds: Kinds, base: Any, exponent: Any) -> Any:
    """Squaring, in a loop of its own blocks."""
    zero, one, minus_one = (ir.Constant(base.type, n) for n in (0, 1, -1))
    start = b.block
    loop, done = b.append_basic_block("power"), b.append_basic_block("power.end")
    b.branch(loop)
    b.position_at_end(loop)
    result, square, left = b.phi(base.type), b.phi(base.type), b.phi(base.type)
    odd = b.trunc(left, I1)
    next_result = b.select(odd, b.mul(result, square), result)
    next_left = b.lshr(left, one)
    for phi, first, following in (
        (result, one, next_result),
        (square, base, b.mul(square, square)),
        (left, exponent, next_left),
    ):
        phi.add_incoming(first, start)
        phi.add_incoming(following, loop)
    b.cbranch(b.icmp_unsigned("!=", next_left, zero), loop, done)
    b.position_at_end(done)
    if not is_signed(kinds[0]):
        return next_result
    unit = b.or_(b.icmp_signed("==", base, one), b.icmp_signed("==", base, minus_one))
    sign = b.select(b.trunc(exponent, I1), base, one)
    inverse = b.select(unit, b.select(b.icmp_signed("==", base, one), one, sign), zero)
    return b.select(b.icmp_signed("<", exponent, zero), inverse, next_result)


# ---- memory -------------------------------------------------------------------------------------


def _storage(dtype: str) -> Any:
    return I8 if dtype == "b1" else VALUE_TYPES[dtype]


def memory_type(dtype: str) -> Any:
    """The LLVM type of a pointer to elements of `dtype`; a b1 takes a byte."""
    return _storage(dtype).as_pointer()


# For each scope of a module: its node, the list that holds it alone, the list of those before it.
_scopes_of_module: WeakKeyDictionary[ir.Module, dict[str, tuple[Any, Any, Any]]]
_scopes_of_module = WeakKeyDictionary()


def _scope(module: ir.Module, name: str) -> tuple[Any, Any, Any]:
    """Two scopes are told apart if either is in the other's list: lists need no later ones."""
    known = _scopes_of_module.setdefault(module, {})
    if name not in known:
        node = module.add_metadata([f"graphc {name}", module.add_metadata(["graphc"])])
        before = module.add_metadata([others[0] for others in known.values()])
        known[name] = node, module.add_metadata([node]), before
    return known[name]


def _mark_scope(b: Builder, instruction: Any, scope: str) -> None:
    _, own, before = _scope(b.module, scope)
    instruction.set_metadata("alias.scope", own)
    instruction.set_metadata("noalias", before)


def load(b: Builder, dtype: str, scope: str, memory: Any, index: Any) -> Any:
    value = b.load(b.gep(memory, [index]), align=SIZES[dtype])
    _mark_scope(b, value, scope)
    return b.icmp_signed("!=", value, ir.Constant(I8, 0)) if dtype == "b1" else value


def store(b: Builder, dtype: str, scope: str, memory: Any, index: Any, value: Any) -> None:
    stored = b.zext(value, I8) if dtype == "b1" else value
    _mark_scope(b, b.store(stored, b.gep(memory, [index]), align=SIZES[dtype]), scope)


def pointer(b: Builder, kinds: Kinds, address: Any, dtype: Any, scope: Any) -> Any:
    return b.inttoptr(address, memory_type(kinds[1].dtype))


def words(b: Builder, kinds: Kinds, address: Any) -> Any:
    return b.inttoptr(address, memory_type("i64"))


def real(b: Builder, kinds: Kinds, word: Any, dtype: Any) -> Any:
    return convert(b, "f64", kinds[1].dtype, b.bitcast(word, F64))


def tile(b: Builder, kinds: Kinds, size: Any, dtype: Any) -> Any:
    """Stack memory, taken once at the entry of the kernel and not at each use in a loop."""
    storage = _storage(kinds[1].dtype)
    with b.goto_entry_block():
        memory: Any = b.alloca(ir.ArrayType(storage, kinds[0].value))
        memory.align = 64
        return b.bitcast(memory, storage.as_pointer())


def address_of(b: Builder, kinds: Kinds, memory: Any, index: Any) -> Any:
    return b.ptrtoint(b.gep(memory, [index]), I64)


def prefetch(b: Builder, kinds: Kinds, memory: Any, index: Any, level: Any) -> None:
    """For reading, data: LLVM's numbers 0 and 1, around that of the cache, 3 for the first."""
    place = b.bitcast(b.gep(memory, [index]), I8.as_pointer())
    values = [place, *(I32(number) for number in (0, 4 - kinds[2].value, 1))]
    call_external(b, "llvm.prefetch.p0", ir.VoidType(), values)


def call_micro(b: Builder, kinds: Kinds, address: Any, *arguments: Any) -> None:
    signature = ir.FunctionType(ir.VoidType(), [I64] * len(arguments))
    b.call(b.inttoptr(address, signature.as_pointer()), arguments)


def store_error(b: Builder, kinds: Kinds, address: Any, code: Any) -> None:
    b.store(code, b.inttoptr(address, I64.as_pointer()), align=8)


# ---- for the runner -----------------------------------------------------------------------------

_word = I64.as_pointer()


def atomic_add(b: Builder, kinds: Kinds, address: Any, value: Any) -> Any:
    return b.atomic_rmw("add", b.inttoptr(address, _word), value, "acq_rel")


def atomic_load(b: Builder, kinds: Kinds, address: Any) -> Any:
    return b.load_atomic(b.inttoptr(address, _word), "acquire", 8)


def atomic_store(b: Builder, kinds: Kinds, address: Any, value: Any) -> None:
    b.store_atomic(value, b.inttoptr(address, _word), "release", 8)


def query(b: Builder, kinds: Kinds, address: Any) -> Any:
    function = ir.FunctionType(I32, []).as_pointer()
    return b.sext(b.call(b.inttoptr(address, function), []), I64)


def ask(b: Builder, kinds: Kinds, address: Any, *arguments: Any) -> Any:
    signature = ir.FunctionType(I64, [I64] * len(arguments))
    return b.call(b.inttoptr(address, signature.as_pointer()), arguments)


def pause(b: Builder, kinds: Kinds) -> None:
    if MACHINE in ("x86_64", "amd64"):
        call_external(b, "llvm.x86.sse2.pause", ir.VoidType(), [])
    elif MACHINE in ("aarch64", "arm64"):
        call_external(b, "llvm.aarch64.hint", ir.VoidType(), [ir.Constant(I32, 1)])


def cycles(b: Builder, kinds: Kinds) -> Any:
    steady = MACHINE in ("aarch64", "arm64")  # the cycle counter of those is not for users
    name = "llvm.readsteadycounter" if steady else "llvm.readcyclecounter"
    return call_external(b, name, I64, [])

"""The kernel language as plain Python: the un-jitted half of every intrinsic.

Enters: NumPy scalars, Python ints (loop counters) and raw addresses. Leaves: NumPy scalars, or
stores to memory. A generated kernel run as ordinary Python uses these bodies; compiled, it uses the
LLVM bodies of the same names (`names.py` pairs them). Run them under
`np.errstate(all="ignore")`: wrapping and inf are results here, not mistakes.

    >>> f32(0.1), u8(-1), i8(f32(300.0)), i32(f64(float("nan")))
    (np.float32(0.1), np.uint8(255), np.int8(127), np.int32(0))
    >>> data = np.arange(4.0)
    >>> x = pointer(data.ctypes.data, f64, 0)
    >>> x[1] = maximum(x[2], x[3])
    >>> data
    array([0., 3., 2., 3.])
"""

import ctypes
import os
import time
from collections.abc import Callable
from typing import Any

import numpy as np

Cast = Callable[[Any], Any]

_LIBM = ctypes.CDLL(None if os.name == "posix" else "ucrtbase")


def _libm(name: str, number: Any, arguments: int) -> Callable[..., float]:
    function = _LIBM[name]
    function.argtypes, function.restype = (number,) * arguments, number
    return function


_fma_f32 = _libm("fmaf", ctypes.c_float, 3)
_fma_f64 = _libm("fma", ctypes.c_double, 3)


# ---- casts: also the names of the dtypes --------------------------------------------------------


def _scalar(x: Any) -> Any:
    """A Python number as the NumPy scalar that the compiled kernel sees: int64, uint64 for what is
    larger, float64 or bool."""
    if isinstance(x, np.generic):
        return x
    if isinstance(x, bool):
        return np.bool_(x)
    if not isinstance(x, int):
        return np.float64(x)
    return np.int64(x) if x < 2**63 else np.uint64(x)


def _to_integer(x: Any, dtype: Any) -> Any:
    """Integers wrap; floats saturate and nan becomes 0, as llvm.fptosi.sat does."""
    x = _scalar(x)
    if not isinstance(x, np.floating):
        return x.astype(dtype)
    if x != x:
        return dtype(0)
    limits = np.iinfo(dtype)
    if np.isinf(x):
        return dtype(limits.max if x > 0 else limits.min)
    return dtype(max(limits.min, min(limits.max, int(x))))


def f32(x: Any) -> Any:
    return _scalar(x).astype(np.float32)


def f64(x: Any) -> Any:
    return _scalar(x).astype(np.float64)


def i8(x: Any) -> Any:
    return _to_integer(x, np.int8)


def i16(x: Any) -> Any:
    return _to_integer(x, np.int16)


def i32(x: Any) -> Any:
    return _to_integer(x, np.int32)


def i64(x: Any) -> Any:
    return _to_integer(x, np.int64)


def u8(x: Any) -> Any:
    return _to_integer(x, np.uint8)


def u16(x: Any) -> Any:
    return _to_integer(x, np.uint16)


def u32(x: Any) -> Any:
    return _to_integer(x, np.uint32)


def u64(x: Any) -> Any:
    return _to_integer(x, np.uint64)


def b1(x: Any) -> Any:
    return np.bool_(x != 0)


def bits_f32(i: Any) -> Any:
    """The f32 whose bits are the i32 `i`."""
    return np.int32(i).view(np.float32)


def bits_f64(i: Any) -> Any:
    """The f64 whose bits are the i64 `i`."""
    return np.int64(i).view(np.float64)


def float_bits_f32(x: Any) -> Any:
    """The bits of the f32 `x` as an i32."""
    return np.float32(x).view(np.int32)


def float_bits_f64(x: Any) -> Any:
    """The bits of the f64 `x` as an i64."""
    return np.float64(x).view(np.int64)


# ---- arithmetic ---------------------------------------------------------------------------------


def accumulate(acc: Any, x: Any) -> Any:
    """acc + x, where the compiler may regroup the sum."""
    return acc + x


def accumulate_mul(acc: Any, x: Any) -> Any:
    """acc * x, where the compiler may regroup the product."""
    return acc * x


def maximum(x: Any, y: Any) -> Any:
    """The larger; nan if either is; +0.0 above -0.0."""
    if x != x:
        return x
    if x > y or (x == y and not np.signbit(x)):
        return x
    return y


def minimum(x: Any, y: Any) -> Any:
    """The smaller; nan if either is; -0.0 below +0.0."""
    if x != x:
        return x
    if x < y or (x == y and np.signbit(x)):
        return x
    return y


def reduce_max(x: Any, acc: Any) -> Any:
    """maximum without a promise for the sign of a zero. Machines test the first operand for nan:
    as an accumulator, which waits for its turn, it would wait three times as long."""
    return maximum(x, acc)


def reduce_min(x: Any, acc: Any) -> Any:
    """minimum without a promise for the sign of a zero; see reduce_max."""
    return minimum(x, acc)


def blind_max(x: Any, acc: Any) -> Any:
    """The larger, for reductions whose result is `settled`; if a value is nan, any float."""
    return x if x > acc else acc


def settled(x: Any) -> Any:
    """x, which may be any float: from here on it is one."""
    return x


def select(condition: Any, x: Any, y: Any) -> Any:
    """x where the condition holds, else y; both are evaluated."""
    return x if condition else y


def fma(x: Any, y: Any, z: Any) -> Any:
    """x * y + z, rounded once."""
    if type(x) is np.float32:
        return np.float32(_fma_f32(x, y, z))
    return np.float64(_fma_f64(x, y, z))


def ldexp(y: Any, k: Any) -> Any:
    """y * 2**k, rounded once; |y| < 2, |k| at most 254 in single and 2046 in double precision."""
    return np.ldexp(y, k)


# The bits of 2**(j/32), less those that the j in n << 18 adds, and less those of 2**127.
ROOTS = [int(np.float32(2 ** (j / 32)).view(np.int32)) - (j << 18) - (127 << 23) for j in range(32)]


def exp2_32nds(n: Any) -> Any:
    """2**(n/32 - 127), where n is made of the low 14 bits of an i32 and from 32 to 8159; otherwise
    some float."""
    bits = (ROOTS[int(n) & 31] + (int(n) << 18)) & 0xFFFFFFFF
    return np.uint32(bits).view(np.float32)


floor: np.ufunc = np.floor
ceil: np.ufunc = np.ceil
trunc: np.ufunc = np.trunc
rint: np.ufunc = np.rint
sqrt: np.ufunc = np.sqrt
fabs: np.ufunc = np.fabs
copysign: np.ufunc = np.copysign
isnan: np.ufunc = np.isnan
isinf: np.ufunc = np.isinf
isfinite: np.ufunc = np.isfinite
floordiv: np.ufunc = np.floor_divide
mod: np.ufunc = np.mod
shl: np.ufunc = np.left_shift
shr: np.ufunc = np.right_shift


def ipow(base: Any, exponent: Any) -> Any:
    """Integer power, wrapping; of a negative exponent 0, but for the bases 1 and -1."""
    base, exponent = _scalar(base), int(exponent)
    dtype = type(base)
    if exponent < 0:
        return _inverse_power(base, exponent)
    result = dtype(1)
    while exponent:
        result = result * base if exponent & 1 else result
        base, exponent = base * base, exponent >> 1
    return result


def _inverse_power(base: Any, exponent: int) -> Any:
    if base == 1 or (base == -1 and exponent % 2):
        return base
    return type(base)(base == -1)


# ---- memory -------------------------------------------------------------------------------------

_STORAGE: dict[Cast, tuple[Any, Any]] = {
    f32: (ctypes.c_float, np.float32),
    f64: (ctypes.c_double, np.float64),
    i8: (ctypes.c_int8, np.int8),
    i16: (ctypes.c_int16, np.int16),
    i32: (ctypes.c_int32, np.int32),
    i64: (ctypes.c_int64, np.int64),
    u8: (ctypes.c_uint8, np.uint8),
    u16: (ctypes.c_uint16, np.uint16),
    u32: (ctypes.c_uint32, np.uint32),
    u64: (ctypes.c_uint64, np.uint64),
    b1: (ctypes.c_bool, np.bool_),
}


class Pointer:
    """Elements of one dtype from an address on. An index may be negative: it never wraps around."""

    __slots__ = ("address", "dtype", "memory", "owner", "scalar")

    address: int
    dtype: Cast
    memory: Any
    owner: Any
    scalar: Any

    def __init__(self, address: Any, dtype: Cast, owner: Any = None) -> None:
        storage, self.scalar = _STORAGE[dtype]
        self.address, self.dtype, self.owner = int(address), dtype, owner
        self.memory = ctypes.cast(self.address, ctypes.POINTER(storage))

    def __getitem__(self, index: Any) -> Any:
        return self.scalar(self.memory[index])

    def __setitem__(self, index: Any, value: Any) -> None:
        if type(_scalar(value)) is not self.scalar:
            raise TypeError(f"store of {type(value).__name__} to {self.dtype.__name__} memory")
        self.memory[index] = value


def pointer(address: Any, dtype: Cast, alias_class: int) -> Pointer:
    """Typed memory at an address. Pointers of different alias classes never overlap."""
    return Pointer(address, dtype)


def words(address: Any) -> Pointer:
    """The int64 words of an argument block."""
    return Pointer(address, i64)


def real(word: Any, dtype: Cast) -> Any:
    """The float whose value is stored as the bits of a float64 in an int64 word."""
    return dtype(bits_f64(word))


def tile(size: int, dtype: Cast) -> Pointer:
    """`size` elements on the stack, 64-byte aligned and not yet written."""
    memory = ctypes.create_string_buffer(size * ctypes.sizeof(_STORAGE[dtype][0]) + 64)
    return Pointer((ctypes.addressof(memory) + 63) & -64, dtype, memory)


def address_of(memory: Pointer, index: Any) -> int:
    """The address of element `index`."""
    return memory.address + int(index) * ctypes.sizeof(_STORAGE[memory.dtype][0])


def prefetch(memory: Pointer, index: Any, level: int) -> None:
    """Ask for element `index`, which need not exist, in the cache of this level: 1 is the first."""


def call_micro(address: Any, *arguments: Any) -> None:
    """Call the machine code at an address: a function of int64 that returns nothing."""
    function = ctypes.CFUNCTYPE(None, *[ctypes.c_int64] * len(arguments))(int(address))
    function(*map(int, arguments))


def store_error(address: Any, code: Any) -> None:
    """Report a failure: the program leaves at its next commit point with this code."""
    ctypes.c_int64.from_address(int(address)).value = int(code)


# ---- what a `for` goes over ---------------------------------------------------------------------


def lanes(*bounds: int) -> range:
    """A range whose turns may run side by side: none reads or writes what another one writes."""
    return range(*bounds)


def masked_lanes(*bounds: int) -> range:
    """The same, of so few turns that what fills no vector should be one too."""
    return range(*bounds)


# ---- for the runner -----------------------------------------------------------------------------


def atomic_add(address: Any, value: Any) -> int:
    """Add to the int64 at an address, seen by all threads; returns what it was."""
    word = ctypes.c_int64.from_address(int(address))
    before = word.value
    word.value = before + int(value)
    return before


def atomic_load(address: Any) -> int:
    """The int64 at an address, and all that its writer wrote before it."""
    return ctypes.c_int64.from_address(int(address)).value


def atomic_store(address: Any, value: Any) -> None:
    """Write the int64 at an address after all that was written before."""
    ctypes.c_int64.from_address(int(address)).value = int(value)


def query(address: Any) -> int:
    """Call the C function `int f(void)` at an address."""
    return ctypes.CFUNCTYPE(ctypes.c_int)(int(address))()


def ask(address: Any, *arguments: Any) -> int:
    """Call the machine code at an address: a function of int64 that returns an int64."""
    function = ctypes.CFUNCTYPE(ctypes.c_int64, *[ctypes.c_int64] * len(arguments))(int(address))
    return function(*map(int, arguments))


def pause() -> None:
    """A hint to the CPU that a loop waits."""


def cycles() -> int:
    """The CPU's time-stamp counter; un-jitted, nanoseconds."""
    return time.perf_counter_ns()

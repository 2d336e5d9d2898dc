"""What an object file imports, and whether it may.

Enters: the bytes of an object file (ELF, 64 bits, little endian). Leaves: the names of its
undefined symbols, each of which must be a function of the C library that every process has. A
kernel that imports anything else (an error path, say) would crash in a process that lacks
it, so it is refused when it is made.

    >>> sorted(ALLOWED & {"expf", "memset", "PyErr_Format"})
    ['expf', 'memset']
"""

import struct

from graphc.errors import CompileError

_FLOAT_FUNCTIONS = (
    *("acos", "acosh", "asin", "asinh", "atan", "atan2", "atanh", "cbrt", "ceil", "copysign"),
    *("cos", "cosh", "erf", "erfc", "exp", "exp2", "expm1", "fabs", "floor", "fma", "fmax"),
    *("fmin", "fmod", "hypot", "ldexp", "lgamma", "log", "log10", "log1p", "log2", "nearbyint"),
    *("pow", "rint", "round", "roundeven", "sin", "sinh", "sqrt", "tan", "tanh", "tgamma", "trunc"),
)

ALLOWED = frozenset(
    [name + suffix for name in _FLOAT_FUNCTIONS for suffix in ("", "f")]
    + ["memcpy", "memmove", "memset", "memcmp"]
)

_SYMBOL_TABLE = 2
_SECTION = struct.Struct(
    "<IIQQQQIIQQ"
)  # name, type, flags, address, offset, size, link, info, align, entry size
_SYMBOL = struct.Struct("<IBBHQQ")  # name, info, other, section (0: undefined), value, size


def undefined_symbols(code: bytes) -> tuple[str, ...] | None:
    """The undefined symbols of an ELF object; None for another object format (macOS, Windows).

    Source: System V ABI, chapters 4 (ELF header, sections) and 4.19 (symbol table).
    """
    if code[:6] != b"\x7fELF\x02\x01":
        return None
    (offset,) = struct.unpack_from("<Q", code, 40)
    size, count = struct.unpack_from("<HH", code, 58)
    sections = [_SECTION.unpack_from(code, offset + i * size) for i in range(count)]
    names = []
    for section in sections:
        if section[1] == _SYMBOL_TABLE:
            strings = sections[section[6]][4]
            names += _undefined_in(code, section[4], section[5], strings)
    return tuple(sorted(names))


def _undefined_in(code: bytes, start: int, size: int, strings: int) -> list[str]:
    found = []
    for at in range(
        start + _SYMBOL.size, start + size, _SYMBOL.size
    ):  # the first symbol is no symbol
        name, _, _, section, _, _ = _SYMBOL.unpack_from(code, at)
        if section == 0:
            begin = strings + name
            found.append(code[begin : code.index(b"\0", begin)].decode())
    return found


def imports(code: bytes, declared: list[str], symbol: str) -> tuple[str, ...]:
    """The C functions that an object file needs; CompileError if it needs anything else.

    `declared` are the names that its LLVM module declares. They stand in where the object format is
    not ELF; the memory and math functions that LLVM's code generator adds by itself are not among
    them, so the linker is then offered all that are allowed.
    """
    found = undefined_symbols(code)
    foreign = sorted(set(declared if found is None else found) - ALLOWED)
    if foreign:
        raise CompileError(
            f"the code of {symbol} calls what a kernel may not call",
            got=", ".join(foreign),
            fix="a kernel may call only the kernel language; nothing in it may raise",
        )
    return tuple(sorted(ALLOWED)) if found is None else found

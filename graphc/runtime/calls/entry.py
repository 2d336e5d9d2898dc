"""The entry: what a repeated call does in machine code, from Python's arguments to its results.
Written in the kernel language.

Enters: the arguments of a call as CPython has them, and a block of words that says what a binding
expects. Leaves: small inputs in the arena, words that point to large ones and to memory for the
results (`lending.py`), and the program run. `direct.py` makes a Python function of `enter`.

The block, int64 words: b0 table | b1 threads | b2 services | b3 start, of `runner.py` | b4
PyEval_SaveThread | b5 PyEval_RestoreThread | b6 Py_IncRef | b7 memcpy | b8 ndarray | b9 float | b10
None | b11 False | b12 Py_DecRef | b13 PyObject_CallNoArgs | b14 PyTuple_New | b15 PyTuple_SetItem |
b16 references to memory of which no array is lent | b17 outputs | b18 where their entries are | b19
the threads that programs had when it was made | b20 inputs | b21... an entry an input. An entry: e0
its words | e1 dtype | e2 axes | e3 bytes | e4 where it is copied to, or 0 | e5 1 if a Python float
is taken as a float32 | e6... the sizes, then for an input that is not copied pairs: a word of the
table, and how far ahead of the array's first byte it points. From b3 to b15 and in e1 stand
addresses: of C functions, types and objects.

An object's words: how often it is referred to is word 0 (32 bits), its type is word 1; of an array,
data is word 2, its number of axes word 3 (32 bits), its sizes are at word 4, its dtype is word 7,
its flags are word 8 (32 bits, 1: contiguous, 256: aligned); a float's value is word 2. `direct.py`
looks whether that is so.
"""

from graphc.runtime.calls.lending import drops, lends, results
from graphc.runtime.language.intrinsics import (
    ask,
    call_micro,
    f32,
    f64,
    i32,
    i64,
    mod,
    pointer,
    shr,
    words,
)


def enter(self: int, given: int, count: int) -> int:
    """Called by Python, which holds its lock: an array of words as `self`, then `count` arguments.

    Returns a tuple of the outputs if the program ran, False if it failed, None if the arguments or
    the threads are others than the binding expects: then nothing ran. 0: Python has an error.
    """
    block = words(self)[2]
    b = words(block)
    answer = b[10]
    if words(b[2])[10] == b[19] and takes(block, given, count) != 0:
        if lends(block) == 0:
            return 0
        thread = ask(b[4])
        error = ask(b[3], b[0], b[1], b[2])
        call_micro(b[5], thread)
        if error == 0:
            return results(block)
        drops(block)
        answer = b[11]
    call_micro(b[6], answer)
    return answer


def takes(block: int, given: int, count: int) -> int:
    """1 if the arguments are those that the block expects; they are then where the rows look."""
    b = words(block)
    arguments = words(given)
    if count != b[20]:
        return 0
    entry = block + 21 * 8
    for n in range(count):
        argument = arguments[n]
        if takes_array(block, entry, argument) + takes_float(block, entry, argument) == 0:
            return 0
        entry += words(entry)[0] * 8
    return 1


def takes_array(block: int, entry: int, given: int) -> int:
    """1 if it is an array of the dtype and sizes of an entry, contiguous and aligned."""
    b = words(block)
    e = words(entry)
    a = words(given)
    if a[1] != b[8]:
        return 0
    axes = i64(pointer(given + 24, i32, 0)[0])
    flags = i64(pointer(given + 64, i32, 0)[0])
    if a[7] != e[1] or axes != e[2] or mod(flags, 2) == 0 or mod(shr(flags, 8), 2) == 0:
        return 0
    sizes = words(a[4])
    for k in range(axes):
        if sizes[k] != e[6 + k]:
            return 0
    if e[4] != 0:
        call_micro(b[7], e[4], a[2], e[3])
    else:
        pair = entry + (6 + axes) * 8
        while pair < entry + e[0] * 8:
            at = words(pair)
            word = words(at[0])
            word[0] = a[2] + at[1]
            pair += 16
    return 1


def takes_float(block: int, entry: int, given: int) -> int:
    """1 if it is a Python float, for an input that is a single float32."""
    b = words(block)
    e = words(entry)
    if e[5] == 0 or words(given)[1] != b[9]:
        return 0
    value = pointer(e[4], f32, 1)
    value[0] = f32(pointer(given + 16, f64, 0)[0])
    return 1

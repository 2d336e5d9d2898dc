"""Values that meet tensors: as arrays, with the dtype that they take there.

Enters: numbers, arrays, nested lists. Leaves: arrays and dtypes, or an error that names the fix.

>>> scalar_dtype(2, float32), scalar_dtype(0.5, int64)
(float32, float32)
"""

import reprlib
from collections.abc import Mapping
from types import BuiltinFunctionType, FunctionType, MethodType
from typing import Any

import numpy as np

from graphc.errors import ConcretenessError, DTypeError, GraphcError
from graphc.types import DType, float32, int64

KINDS = "biuf"  # of NumPy's dtypes: those of numbers
# What to write for what is no number, by its type.
NO_COMPLEX = "there are no complex numbers: a.real and a.imag are two arrays"
NO_NUMBERS: Mapping[type, str] = {
    complex: NO_COMPLEX,
    str: "the tensor itself, without quotes; params['w'] where names are keys",
    FunctionType: "call it: f(x)",
    MethodType: "call it: x.sum()",
    BuiltinFunctionType: "call it: array.sum()",
    dict: "take one of its entries: params['w']",
    type(None): "what may be missing is asked for: x if b is None else x + b",
}


def array_of(
    value: object, what: str = "a tensor", error: type[GraphcError] = DTypeError
) -> np.ndarray[Any, Any]:
    """The value as a NumPy array; `error`, which names `what` it is for, where it is a symbolic
    tensor, a masked array, or lists are ragged or have such tensors in them.

    >>> array_of([[1, 2], [3, 4]]).shape
    (2, 2)
    """
    kind = type(value).__name__
    if isinstance(value, np.ma.MaskedArray) and np.ma.is_masked(value):
        raise error(
            f"{what}: an array loses its mask",
            got=f"{np.ma.count_masked(value)} masked elements",
            fix="array.filled(0) is an array of numbers; give the mask beside it, as an input",
        )
    try:
        return np.asarray(value)
    except ConcretenessError as symbolic:
        if not isinstance(value, list | tuple):
            raise error(
                f"{what} is made of numbers, and a tensor is symbolic",
                got=symbolic.got,
                fix="w.value reads a parameter, x.eval({input: array}) computes a tensor",
            ) from symbolic
        raise error(
            f"{what} is made of a {kind} with tensors in it",
            got=reprlib.repr(value),
            fix="graphc.stack(tensors) makes one of them; in jit and grad a list of numbers is a"
            " tree of scalars: give np.asarray(numbers)",
        ) from symbolic
    except ValueError as refused:
        if not isinstance(value, list | tuple):
            raise error(
                f"{what}: {kind} is no array", got=str(refused), fix="give one"
            ) from refused
        raise error(
            f"{what} is made of lists that have different lengths or depths",
            got=reprlib.repr(value),
            fix="give lists of one length, padded where they are short",
        ) from refused


def no_number(value: object, array: np.ndarray[Any, Any] | None = None) -> str:
    """What to write for what is no number, "" where nobody knows; `array` is the value as one.

    >>> no_number(np.array([1j]))
    'there are no complex numbers: a.real and a.imag are two arrays'
    """
    dtype = getattr(value if array is None else array, "dtype", None)
    if isinstance(dtype, np.dtype) and dtype.kind == "c":
        return NO_COMPLEX
    return NO_NUMBERS.get(type(value), "")


def numbers_of(value: object, what: str) -> np.ndarray[Any, Any]:
    """The value as an array of numbers; DTypeError, which names `what`, for anything else.

    >>> numbers_of([True, False], "a mask")
    array([ True, False])
    """
    array = array_of(value, what)
    if array.dtype.kind not in KINDS:
        raise DTypeError(
            f"{what} is made of numbers",
            got=" ".join(reprlib.repr(value).split()),
            fix=no_number(value, array) or "np.asarray(values, 'float32') says what is none",
        )
    return array


def scalar_dtype(value: object, against: DType) -> DType:
    """The dtype that a Python or NumPy scalar, or a NumPy array, takes when it meets a tensor.

    It takes the tensor's dtype within its kind; of a higher kind, the default of that kind:
    int64 or float32. DTypeError for a value that is no number, and for an int out of range.

    >>> scalar_dtype(2, float32), scalar_dtype(np.ones(3), float32), scalar_dtype(0.5, int64)
    (float32, float32, float32)
    """
    huge = isinstance(value, int) and not -(2**63) <= value < 2**64  # the range is checked below
    array = np.asarray(value, object) if huge else numbers_of(value, "a tensor")
    kind = "i" if huge else array.dtype.kind
    target = against
    if kind == "f" and against.kind != "f":
        target = float32
    elif kind in "iu" and against.kind == "b":
        target = int64
    if (value := outside(array, target)) is not None:
        raise DTypeError(
            f"the int is out of the range of {target}",
            got=str(value),
            fix="cast the tensor to a wider dtype: x.astype('int64')",
        )
    return target


def outside(array: np.ndarray[Any, Any], dtype: DType) -> int | None:
    """An int of the array that an integer dtype cannot hold; None where it holds all.

    >>> from graphc.types import int8
    >>> outside(np.array([1, 300]), int8), outside(np.array([1, 300]), float32)
    (300, None)
    """
    integers = array.dtype.kind in "iuO" and dtype.kind in "iu"
    if not integers or array.size == 0 or np.can_cast(array.dtype, dtype.numpy, "safe"):
        return None
    limits = np.iinfo(dtype.numpy)
    ends = int(array.min()), int(array.max())
    return next((value for value in ends if not limits.min <= value <= limits.max), None)


def range_text(dtype: DType) -> str:
    """What an integer dtype holds: "int8 holds -128 to 127"."""
    limits = np.iinfo(dtype.numpy)
    return f"{dtype} holds {limits.min} to {limits.max}"

"""Questions about dtypes, under the array API's names.

Enters: dtypes (or what names them) and tensors. Leaves: dtypes, bools, NumPy's records of limits.

>>> result_type("int8", "float32"), can_cast("float64", "int8"), int(iinfo("int8").max)
(float32, False, 127)
"""

from functools import reduce

import numpy as np

from graphc.errors import DTypeError
from graphc.functions.tensor import DTypeLike, Tensor
from graphc.types import DType, as_dtype, can_cast_same_kind, promote

_KINDS = {
    "bool": "b",
    "signed integer": "i",
    "unsigned integer": "u",
    "integral": "iu",
    "real floating": "f",
    "numeric": "iuf",
}


def finfo(dtype: Tensor | DTypeLike) -> np.finfo[np.floating]:
    """The limits of a float dtype: eps, max, min, smallest_normal, bits.
    DTypeError for another.

    >>> float(finfo("float32").eps)
    1.1920928955078125e-07
    """
    return np.finfo(_of_kind("finfo", dtype, "f", "float32").numpy)


def iinfo(dtype: Tensor | DTypeLike) -> np.iinfo[np.integer]:
    """The limits of an integer dtype: max, min, bits. DTypeError for another.

    >>> iinfo("uint8").max
    255
    """
    return np.iinfo(_of_kind("iinfo", dtype, "iu", "int64").numpy)


def _of_kind(what: str, given: Tensor | DTypeLike, kinds: str, example: str) -> DType:
    dtype = _dtype(given)
    if dtype.kind not in kinds:
        fix = f"graphc.{what}({example!r}); finfo is of floats, iinfo of integers"
        raise DTypeError(f"{what} has no limits of this dtype", got=str(dtype), fix=fix)
    return dtype


def _dtype(given: Tensor | DTypeLike) -> DType:
    return given.dtype if isinstance(given, Tensor) else as_dtype(given)


def result_type(*arrays: Tensor | DTypeLike) -> DType:
    """The dtype that tensors or dtypes promote to. DTypeError where there is none.

    >>> result_type("int32", "uint8")
    int32
    """
    if not arrays:
        raise DTypeError("result_type of nothing", fix="graphc.result_type(x, 'float32')")
    return reduce(promote, map(_dtype, arrays))


def can_cast(source: Tensor | DTypeLike, target: DTypeLike) -> bool:
    """Whether NumPy's same_kind rule allows a cast: within a kind, or to a later one.

    >>> can_cast("float64", "float32"), can_cast("float32", "int64")
    (True, False)
    """
    return can_cast_same_kind(_dtype(source), as_dtype(target))


def isdtype(dtype: DTypeLike, kind: str | DTypeLike | tuple[str | DTypeLike, ...]) -> bool:
    """Whether a dtype is of a kind: "bool", "signed integer", "unsigned integer", "integral",
    "real floating", "numeric", a dtype, or one of several.

    >>> isdtype("int8", "integral"), isdtype("int8", ("bool", "real floating"))
    (True, False)
    """
    kinds = kind if isinstance(kind, tuple) else (kind,)
    wanted = as_dtype(dtype)
    return any(
        wanted.kind in _KINDS[k] if isinstance(k, str) and k in _KINDS else wanted == as_dtype(k)
        for k in kinds
    )

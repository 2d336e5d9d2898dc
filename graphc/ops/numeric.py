"""NumPy twins of the functions that NumPy lacks, or defines otherwise than the kernels do.

Enters: arrays of one dtype. Leaves: an array of that dtype (`cast`: of the given one).

>>> sigmoid(np.float32([-200, 0, 200]))
array([0. , 0.5, 1. ], dtype=float32)
"""

import math
from typing import Any

import numpy as np

from graphc.types import DType


def power(x: Any, p: Any) -> Any:
    """x**p; of ints with a negative exponent 1/x**-p rounded to 0, where NumPy raises."""
    if x.dtype.kind == "f":
        return np.power(x, p)
    one, odd = x.dtype.type(1), p % 2 == 1
    inverse = np.where(x == one, one, np.where(x == -one, np.where(odd, -one, one), 0))
    return np.where(p < 0, inverse, np.power(x, np.maximum(p, 0))).astype(x.dtype)


def rsqrt(x: Any) -> Any:
    return x.dtype.type(1) / np.sqrt(x)


def sigmoid(x: Any) -> Any:
    """1 / (1 + exp(-x)), with no overflow and no loss for x far below 0."""
    small = np.exp(-np.abs(x))
    return np.where(x >= 0, x.dtype.type(1), small) / (small + x.dtype.type(1))


def softplus(x: Any) -> Any:
    """log(1 + exp(x)), with no overflow."""
    return np.logaddexp(x, x.dtype.type(0))


_erf = np.vectorize(math.erf, otypes=[np.float64])
_erfc = np.vectorize(math.erfc, otypes=[np.float64])


def erf(x: Any) -> Any:
    return _erf(x).astype(x.dtype)


def erfc(x: Any) -> Any:
    return _erfc(x).astype(x.dtype)


def cast(x: Any, dtype: DType) -> Any:
    """x.astype(dtype), but floats saturate to the range of an integer and nan becomes 0."""
    result = x.astype(dtype.numpy)
    if x.dtype.kind != "f" or dtype.kind not in "iu":
        return result
    limits = np.iinfo(dtype.numpy)
    # As floats 2**k and not 2**k - 1: the upper limit itself may not be a float.
    result = np.where(x >= 2.0 ** int(limits.max).bit_length(), limits.max, result)
    result = np.where(x <= float(limits.min), limits.min, result)
    return np.where(np.isnan(x), 0, result).astype(dtype.numpy)

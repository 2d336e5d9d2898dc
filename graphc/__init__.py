"""graphc: symbolic tensor graphs with symbolic gradients, compiled to a few fused kernels.

Enters: Python and NumPy. Leaves: tensors, gradients, programs. This module only re-exports.

>>> import graphc as gx
>>> x = gx.input("x", ("batch", 3))
>>> w = gx.parameter("w", [[1.0], [2.0], [3.0]])
>>> (x @ w).eval({x: [[1, 1, 1]]})
array([[6.]], dtype=float32)
"""

from math import e, inf, nan, pi

from numpy import newaxis

from graphc import errors, functions, nn, tree, viz
from graphc.autodiff import check_gradient
from graphc.compiler import compile, simplify
from graphc.dims import Dim, dim
from graphc.functions import *
from graphc.functions.parsing import parse
from graphc.jit import Jitted, jit
from graphc.missing import names_of_graphc as __dir__  # noqa: F401
from graphc.missing import of_graphc as __getattr__  # noqa: F401
from graphc.nn.functional import stop_gradient
from graphc.refusals import explain_refusals
from graphc.runtime.objects.cache import cache_stats
from graphc.runtime.program import Program
from graphc.runtime.threads.team import get_threads, set_threads
from graphc.text import text
from graphc.transforms import grad, hessian, jacobian, jvp, value_and_grad, vjp, vmap
from graphc.types import (
    DType,
    bool_,
    float32,
    float64,
    int8,
    int16,
    int32,
    int64,
    uint8,
    uint16,
    uint32,
    uint64,
)
from graphc.types import bool_ as bool
from graphc.viz.draw import draw

__version__ = "0.1.0"
__all__ = [
    "DType",
    "Dim",
    "Jitted",
    "Program",
    "bool",
    "bool_",
    "cache_stats",
    "check_gradient",
    "compile",
    "dim",
    "draw",
    "e",
    "errors",
    "float32",
    "float64",
    "get_threads",
    "grad",
    "hessian",
    "inf",
    "int8",
    "int16",
    "int32",
    "int64",
    "jacobian",
    "jit",
    "jvp",
    "nan",
    "newaxis",
    "nn",
    "parse",
    "pi",
    "set_threads",
    "simplify",
    "stop_gradient",
    "text",
    "tree",
    "uint8",
    "uint16",
    "uint32",
    "uint64",
    "value_and_grad",
    "viz",
    "vjp",
    "vmap",
]
__all__ += functions.__all__
explain_refusals(__name__)

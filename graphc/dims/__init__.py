"""Symbolic sizes: `dim` makes them, operators combine them, guards check what is assumed of them.

Enters: names and ints. Leaves: ints and Dims in normal form.

>>> n = dim("n")
>>> (n + 1) * 2 == n * 2 + 2, n * 6 // 3, evaluate(n // 2, {"n": 5})
(True, n*2, 2)
"""

from graphc.dims.guards import (
    Guard,
    GuardKind,
    check_guard,
    is_plain,
    provably_different,
    provably_equal,
    same_dims,
    wanted_by,
)
from graphc.dims.sizes import (
    OWN,
    STRIP,
    ceil_div,
    dim,
    evaluate,
    parse_dim,
    parse_dims,
    product,
    substitute,
)
from graphc.dims.symbolic import (
    Dim,
    DimLike,
    as_size,
    bounds,
    dim_max,
    dim_min,
    dim_source,
    divide_exact,
    named,
    names,
)

__all__ = [
    "OWN",
    "STRIP",
    "Dim",
    "DimLike",
    "Guard",
    "GuardKind",
    "as_size",
    "bounds",
    "ceil_div",
    "check_guard",
    "dim",
    "dim_max",
    "dim_min",
    "dim_source",
    "divide_exact",
    "evaluate",
    "is_plain",
    "named",
    "names",
    "parse_dim",
    "parse_dims",
    "product",
    "provably_different",
    "provably_equal",
    "same_dims",
    "substitute",
    "wanted_by",
]

"""The matrix products in NumPy, by the BLAS that it came with.

Enters: a case. Leaves: a function that computes it once; UnsupportedError for all but products.
"""

from collections.abc import Callable

from benchmarks.cases import Case, Matmul, arrays
from benchmarks.workloads import UnsupportedError


def start(case: Case) -> Callable[[], object]:
    """A function that computes the case once."""
    if not isinstance(case, Matmul):
        raise UnsupportedError("only products")
    a, b = arrays(case)
    return lambda: a @ b

"""Vector math: branch-free plain Python that LLVM vectorises, for float32 and float64."""

from graphc.runtime.language.vecmath.table import FUNCTIONS, MAX_ULP

__all__ = ["FUNCTIONS", "MAX_ULP"]

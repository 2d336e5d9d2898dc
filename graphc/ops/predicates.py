"""Comparisons, logic and bits: primitives without a gradient.

Enters: handles of one type. Leaves: a handle of bools, or of the operands' type for bits.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from graphc.graph import Op
from graphc.lowering import Pointwise
from graphc.ops.checks import ANY, BITS, BOOL, FLOAT, INTEGER, NUMERIC
from graphc.ops.elementwise import elementwise, like_operands, predicate

eq = predicate("eq", np.equal, "({0} == {1})", ANY)
ne = predicate("ne", np.not_equal, "({0} != {1})", ANY)
lt = predicate("lt", np.less, "({0} < {1})", NUMERIC)
le = predicate("le", np.less_equal, "({0} <= {1})", NUMERIC)
gt = predicate("gt", np.greater, "({0} > {1})", NUMERIC)
ge = predicate("ge", np.greater_equal, "({0} >= {1})", NUMERIC)

isnan = predicate("isnan", np.isnan, "isnan({0})", FLOAT)
isinf = predicate("isinf", np.isinf, "isinf({0})", FLOAT)
isfinite = predicate("isfinite", np.isfinite, "isfinite({0})", FLOAT)

not_ = predicate("logical_not", np.logical_not, "({0} ^ {T}(1))", BOOL)
logical_and = predicate("logical_and", np.logical_and, "({0} & {1})", BOOL)
logical_or = predicate("logical_or", np.logical_or, "({0} | {1})", BOOL)
logical_xor = predicate("logical_xor", np.logical_xor, "({0} ^ {1})", BOOL)


def _bits(name: str, eval: Callable[..., Any], text: str, kinds: str = BITS) -> Op:
    return elementwise(name, like_operands(name, kinds), eval, None, Pointwise(text))


invert = _bits("invert", np.invert, "({0} ^ {T}(-1))")  # of a bool too: it wraps to True
bitwise_and = _bits("bitwise_and", np.bitwise_and, "({0} & {1})")
bitwise_or = _bits("bitwise_or", np.bitwise_or, "({0} | {1})")
bitwise_xor = _bits("bitwise_xor", np.bitwise_xor, "({0} ^ {1})")
shift_left = _bits("shift_left", np.left_shift, "shl({0}, {1})", INTEGER)
shift_right = _bits("shift_right", np.right_shift, "shr({0}, {1})", INTEGER)

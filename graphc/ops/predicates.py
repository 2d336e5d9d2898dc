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

eq: Op = predicate("eq", np.equal, "({0} == {1})", ANY)
ne: Op = predicate("ne", np.not_equal, "({0} != {1})", ANY)
lt: Op = predicate("lt", np.less, "({0} < {1})", NUMERIC)
le: Op = predicate("le", np.less_equal, "({0} <= {1})", NUMERIC)
gt: Op = predicate("gt", np.greater, "({0} > {1})", NUMERIC)
ge: Op = predicate("ge", np.greater_equal, "({0} >= {1})", NUMERIC)

isnan: Op = predicate("isnan", np.isnan, "isnan({0})", FLOAT)
isinf: Op = predicate("isinf", np.isinf, "isinf({0})", FLOAT)
isfinite: Op = predicate("isfinite", np.isfinite, "isfinite({0})", FLOAT)

not_: Op = predicate("logical_not", np.logical_not, "({0} ^ {T}(1))", BOOL)
logical_and: Op = predicate("logical_and", np.logical_and, "({0} & {1})", BOOL)
logical_or: Op = predicate("logical_or", np.logical_or, "({0} | {1})", BOOL)
logical_xor: Op = predicate("logical_xor", np.logical_xor, "({0} ^ {1})", BOOL)


def _bits(name: str, eval: Callable[..., Any], text: str, kinds: str = BITS) -> Op:
    return elementwise(name, like_operands(name, kinds), eval, None, Pointwise(text))


invert: Op = _bits("invert", np.invert, "({0} ^ {T}(-1))")  # of a bool too: it wraps to True
bitwise_and: Op = _bits("bitwise_and", np.bitwise_and, "({0} & {1})")
bitwise_or: Op = _bits("bitwise_or", np.bitwise_or, "({0} | {1})")
bitwise_xor: Op = _bits("bitwise_xor", np.bitwise_xor, "({0} ^ {1})")
shift_left: Op = _bits("shift_left", np.left_shift, "shl({0}, {1})", INTEGER)
shift_right: Op = _bits("shift_right", np.right_shift, "shr({0}, {1})", INTEGER)

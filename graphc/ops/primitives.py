"""The closed list of primitives: what every table of rules, samples or kernels has to cover.

Enters: the families' modules. Leaves: every primitive that they define, each once, in order.
"""

from graphc.graph import Op
from graphc.ops import (
    contraction,
    convolution,
    indexing,
    pieces,
    pointwise,
    predicates,
    reduction,
    selection,
    sources,
    views,
    window,
)

_FAMILIES = (
    *(predicates, selection, pointwise, views, window, pieces),
    *(reduction, contraction, convolution, indexing, sources),
)
PRIMITIVES: tuple[Op, ...] = tuple(
    dict.fromkeys(op for family in _FAMILIES for op in vars(family).values() if isinstance(op, Op))
)

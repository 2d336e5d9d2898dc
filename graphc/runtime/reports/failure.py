"""The exception for a program that failed.

Enters: the number that a kernel left in the error word, the binding that ran, what it was given.
Leaves: an `IndexRangeError`, which names the element of the array that the user gave.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from graphc.errors import IndexRangeError
from graphc.evaluate import evaluate, index_error
from graphc.graph import Node
from graphc.runtime.binding.binding import Binding
from graphc.schedule.kernel import LoopKernel


def failure_of(
    binding: Binding,
    error: int,
    inputs: Sequence[Node],
    given: Sequence[Any],
    step: str = "",
    rows: Sequence[np.ndarray | None] = (),
) -> IndexRangeError:
    """The exception for an error word of a program with these inputs, and arrays for them.

    Positions are computed again, for the program has not kept them; state is as it was. `step` says
    when that was, and `rows` has for each input that is a batch the numbers of its rows.
    """
    kernels = [step.kernel for step in binding.code.steps]
    checks = [n for k in kernels if isinstance(k, LoopKernel) for n in k.checks]
    node = checks[error - 1]
    fed = {i: np.asarray(array) for i, array in zip(inputs, given, strict=True)}
    try:
        [index] = evaluate([node.inputs[1]], fed)
    except IndexRangeError as nested:  # an index that is read by an index
        return nested
    numbers = dict(zip(inputs, rows, strict=False))
    return index_error(node, index, binding.sizes, fed, step, numbers)

"""The exception for a program that failed.

Enters: the number that a kernel left in the error word, and the binding that ran. Leaves: an
`IndexRangeError`, which names the array as the user gave it.
"""

from graphc import dims
from graphc.errors import IndexRangeError
from graphc.evaluate import index_source
from graphc.runtime.binding import Binding
from graphc.schedule.kernel import LoopKernel


def failure_of(binding: Binding, error: int, step: str = "") -> IndexRangeError:
    """The exception for an error word; `step` says when."""
    kernels = [step.kernel for step in binding.code.steps]
    checks = [n for k in kernels if isinstance(k, LoopKernel) for n in k.checks]
    node = checks[error - 1]
    indexed, axis = node.inputs[0].type, node.params["axis"]
    size = dims.evaluate(indexed.shape[axis], binding.sizes)
    lowest = 0 if node.inputs[1].type.dtype.kind == "u" else -size
    source = index_source(node)
    while node.source is not None:  # a gradient node: the user wrote what it came from
        node = node.source
    return IndexRangeError(
        f"{node.op.name}: an index is outside axis {axis} of {indexed}{step}",
        where=node.where,
        fix=(f"indices go from {lowest} to {size - 1}" if size else "the axis is empty") + source,
    )

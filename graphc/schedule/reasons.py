"""Why neighbours are different kernels: written down by the stages that decide it.

Enters: what fusion and sinking decline. Leaves: `Refusal`s, and the sentences to print for them.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from graphc.graph import Node

Reason = Literal[
    "memory",
    "pieces",
    "commit",
    "contraction",
    "scatter",
    "own loops",
    "unlike",
    "overwrites",
    "size",
    "extents",
    "moved",
    "axes",
    "unfinished",
    "later",
    "again",
    "parts",
    "output",
    "readers",
    "checks",
    "disagree",
    "broadcast",
]

SENTENCES: Mapping[Reason, str] = {
    # of an item and a kernel whose result it reads
    "memory": "a contraction or gather reads it from memory",
    "pieces": "it is written piece by piece, or added to",
    "commit": "state is written behind what can fail and what reads the old state",
    "contraction": "a contraction takes in only pointwise work on its result",
    "scatter": "a scatter takes in nothing else",
    "own loops": "a copy or scatter has loops of its own",
    "unlike": "the kernels that it reads have different loops, or two contractions",
    "overwrites": "it writes over what the kernel filled",
    "size": "one kernel of both would be too long to compile",
    "extents": "its loops have other extents",
    "moved": "it reads other elements than are at hand",
    "axes": "it reduces over other axes",
    "unfinished": "a reduction that parts share out is known one kernel later",
    "later": "it joined a later kernel that it reads as well",
    "again": "it is computed again here, which costs less than its memory",
    "parts": "it combines what the parts of a team have reduced",
    # of a pointwise kernel and its readers: why it did not move into them
    "output": "it stores an output, or what is written in pieces",
    "readers": "several kernels read it",
    "checks": "it checks positions, which a contraction does not",
    "disagree": "its readers want different elements of it",
    "broadcast": "it would be computed again at every step of a loop",
}


@dataclass(frozen=True, slots=True)
class Refusal:
    """`reader` is no part of the kernel that computes `made`, which it reads."""

    made: Node
    reader: Node
    reason: Reason

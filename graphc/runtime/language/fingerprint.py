"""What machine code depends on, as one digest: it names the symbol of a kernel and its file in the
object cache.

Enters: the text of a kernel. Leaves: a digest over it, the sources of the kernel language (its
names, front end, vector math, flags), the versions of the compilers, and the CPU with its features.

    >>> a, b = digest("kernel", "def k(): pass"), digest("llvm", "def k(): pass")
    >>> a == b, len(a)
    (False, 40)
"""

import functools
import hashlib
import sys
from collections.abc import Iterator
from importlib.resources import files
from importlib.resources.abc import Traversable

import llvmlite
import numpy as np

from graphc.runtime.language.machine import OPTIMISATION, host


def inputs() -> list[str]:
    """All that a kernel depends on besides its own text."""
    sources = _sources(files("graphc.runtime.language"))
    versions = [f"llvmlite {llvmlite.__version__}", f"numpy {np.__version__}"]
    settings = [sys.version, f"O{OPTIMISATION}", host().cpu, host().features]
    return [source.read_text(encoding="utf-8") for source in sources] + versions + settings


@functools.cache
def surroundings() -> str:
    """The digest of `inputs`."""
    return _sha256(*inputs())


@functools.cache
def package() -> str:
    """The digest of every source file of this package."""
    return _sha256(*[source.read_text(encoding="utf-8") for source in _sources(files("graphc"))])


def _sources(folder: Traversable) -> Iterator[Traversable]:
    for entry in sorted(folder.iterdir(), key=lambda entry: entry.name):
        if entry.is_dir():
            yield from _sources(entry)
        elif entry.name.endswith(".py"):
            yield entry


def digest(kind: str, text: str) -> str:
    """40 hexadecimal digits for a text of a kind (kernel, llvm)."""
    return _sha256(kind, text, surroundings())[:40]


def _sha256(*parts: str) -> str:
    total = hashlib.sha256()
    for part in parts:
        data = part.encode()
        total.update(f"{len(data)}:".encode() + data)
    return total.hexdigest()

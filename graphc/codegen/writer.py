"""Lines of Python source with indentation and fresh names: what every emitter writes into.

Enters: lines and block headers. Leaves: the text of a module, e.g.

    writer = Writer()
    with writer.block("def kernel(begin, end):"):
        i = writer.name("i")
        with writer.block(f"for {i} in range(begin, end):"):
            writer.line(f"out[{i}] = a[{i}]")
    writer.text()       # "def kernel(begin, end):\n    for i in range(begin, end):\n ..."
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager


class Writer:
    """Owns the lines written so far, the current depth and the names given out."""

    __slots__ = ("_depth", "_lines", "_taken")

    def __init__(self) -> None:
        self._lines: list[str] = []
        self._depth = 0
        self._taken: dict[str, int] = {}

    def line(self, text: str = "") -> None:
        """Append text at the current depth; a text of several lines is indented as a whole."""
        for part in text.split("\n"):
            self._lines.append("    " * self._depth + part if part else "")

    @contextmanager
    def block(self, header: str) -> Iterator[None]:
        """Write the header, and what follows inside the `with` one level deeper."""
        self.line(header)
        self._depth += 1
        start = len(self._lines)
        yield
        if len(self._lines) == start:
            self.line("pass")
        self._depth -= 1

    def name(self, prefix: str) -> str:
        """A name not given out before: prefix, then prefix_1, prefix_2, ..."""
        fresh = prefix
        while fresh in self._taken:
            self._taken[prefix] = self._taken.get(prefix, 0) + 1
            fresh = f"{prefix}_{self._taken[prefix]}"
        self._taken[fresh] = 0
        return fresh

    def text(self) -> str:
        """Everything written, with a newline at the end."""
        return "\n".join(self._lines) + "\n"

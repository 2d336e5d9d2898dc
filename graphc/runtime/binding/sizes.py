"""Many symbolic sizes evaluated at once, by one generated Python function.

Enters: sizes. Leaves: a `SizeTable`, whose `at` gives their numbers for the names' numbers.

>>> from graphc.dims import dim
>>> table = SizeTable([dim("batch") * 64, 10, dim("batch") // 2])
>>> table.at({"batch": 8})[dim("batch") * 64]
512
"""

from collections.abc import Iterable, Mapping
from typing import Any

from graphc.dims import DimLike, dim_source, names


class SizeTable:
    """The sizes that a program needs when it binds, each once, in order."""

    __slots__ = ("_function", "_names", "sizes")

    sizes: tuple[DimLike, ...]

    def __init__(self, sizes: Iterable[DimLike]) -> None:
        self.sizes = tuple(dict.fromkeys(sizes))
        self._names = sorted(set().union(*map(names, self.sizes)))
        body = "".join(f"{dim_source(size)}, " for size in self.sizes)
        scope: dict[str, Any] = {}
        exec(f"def numbers({', '.join(self._names)}):\n    return ({body})", scope)
        self._function = scope["numbers"]

    def __reduce__(self) -> tuple[Any, ...]:
        return SizeTable, (self.sizes,)

    def at(self, numbers: Mapping[str, int]) -> dict[DimLike, int]:
        """The number of each size, in the order of `sizes`."""
        values = self._function(*(numbers[name] for name in self._names))
        return dict(zip(self.sizes, values, strict=True))

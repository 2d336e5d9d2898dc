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
    """The sizes that a program needs when it binds."""

    __slots__ = ("_dims", "_function", "_names")

    def __init__(self, dims: Iterable[DimLike]) -> None:
        self._dims = tuple(dict.fromkeys(dims))
        self._names = sorted(set().union(*(names(d) for d in self._dims))) if self._dims else []
        body = "".join(f"{dim_source(d)}, " for d in self._dims)
        scope: dict[str, Any] = {}
        exec(f"def sizes({', '.join(self._names)}):\n    return ({body})", scope)
        self._function = scope["sizes"]

    def at(self, sizes: Mapping[str, int]) -> dict[DimLike, int]:
        """The number of each size."""
        numbers = self._function(*(sizes[name] for name in self._names))
        return dict(zip(self._dims, numbers, strict=True))

"""How the table of samples describes arguments: data from which arrays are made, by seed."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

Shape = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Array:
    """uniform: in [low, high), of a random sign if `signed`. spaced: all elements `high` apart,
    from `low` on, shuffled. between: an integer of [low, high) and 0.2 to 0.8. values: those.
    """

    shape: Shape
    dtype: str = "float64"
    low: float = -2.0
    high: float = 2.0
    kind: Literal["uniform", "spaced", "between", "values"] = "uniform"
    signed: bool = False
    values: tuple[Any, ...] = ()

    def make(self, seed: int) -> np.ndarray:
        rng = np.random.default_rng([seed, len(self.shape), self.dtype == "float32"])
        count = int(np.prod(self.shape))
        match self.kind:
            case "values":
                data = np.resize(np.array(self.values), count)
            case "spaced":
                data = rng.permutation(count) * self.high + self.low
            case "between":
                data = rng.integers(int(self.low), int(self.high), count)
                data = data + rng.uniform(0.2, 0.8, count)
            case "uniform" if self.dtype in ("float32", "float64"):
                data = rng.uniform(self.low, self.high, count)
                data = data * rng.choice([-1, 1], count) if self.signed else data
            case _:
                data = rng.integers(int(self.low), int(self.high), count)
        return np.asarray(data).reshape(self.shape).astype(self.dtype)


@dataclass(frozen=True, slots=True)
class Sample:
    """The arguments and parameters of one application; `smooth`: gradients can be checked there."""

    args: tuple[Array, ...]
    params: Mapping[str, Any] = field(default_factory=dict)
    smooth: bool = False

    def arrays(self, seed: int = 0) -> list[np.ndarray]:
        return [arg.make(seed * 16 + i) for i, arg in enumerate(self.args)]


def at(*args: Array, smooth: bool = True, **params: Any) -> Sample:
    """A sample; it counts as smooth unless its arrays are no float64."""
    smooth = smooth and any(a.dtype == "float64" and 0 not in a.shape for a in args)
    return Sample(args, params, smooth)


def x(*shape: int, **spec: Any) -> Array:
    return Array(shape, **spec)


def ints(*shape: int, low: int = -4, high: int = 5, dtype: str = "int64") -> Array:
    return Array(shape, dtype, low, high)


def bools(*shape: int) -> Array:
    return Array(shape, "bool", 0, 2)


def values(*given: Any, dtype: str = "float64") -> Array:
    return Array((len(given),), dtype, kind="values", values=given)

"""How NumPy's functions meet tensors: np.tanh(x) builds the node that graphc.tanh(x) builds.

Enters: NumPy's function and its arguments, from the protocols of `Tensor`. Leaves: what the
function of graphc gives, or an error that says what to write. The table is in numpy_table,
above: it lists functions that are themselves made of tensors.
"""

from collections.abc import Callable, Mapping
from typing import Any

from graphc.errors import ArgumentError, ConcretenessError
from graphc.missing import FUNCTIONS, answer, spellings
from graphc.refusals import explaining

_functions: dict[Any, Callable[..., Any]] = {}


def serve(table: Mapping[Any, Callable[..., Any]]) -> None:
    """Let these functions of NumPy build nodes when they meet tensors."""
    _functions.update({f: explaining(build, f"np.{f.__name__}") for f, build in table.items()})


def call(func: Any, args: Any, kwargs: Mapping[str, Any]) -> Any:
    """The function of graphc that stands for NumPy's `func`, called.

    Raises ConcretenessError where there is none, ArgumentError for arguments that it does not have.
    """
    build = _functions.get(func)
    name = getattr(func, "__name__", repr(func))
    if build is None:
        raise ConcretenessError(
            f"np.{name} needs values, and a tensor of graphc is symbolic",
            fix=answer(name, FUNCTIONS, spellings()) or "compute it first: x.eval({input: array})",
        )
    if kwargs.get("out") is not None or kwargs.get("where", True) is not True:
        raise ArgumentError(
            f"np.{name}: a tensor takes no out= and no where=",
            fix="a result is always a new tensor; graphc.where(mask, x, other) chooses",
        )
    return build(*args, **kwargs)

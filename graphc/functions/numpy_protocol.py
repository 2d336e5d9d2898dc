"""How NumPy's functions meet tensors: np.tanh(x) builds the node that graphc.tanh(x) builds.

Enters: NumPy's function and its arguments, from the protocols of `Tensor`. Leaves: what the
function of graphc gives, or an error that says what to write. The table is in numpy_table,
above: it lists functions that are themselves made of tensors.
"""

from collections.abc import Callable, Mapping
from typing import Any

from graphc.errors import ConcretenessError
from graphc.missing import FUNCTIONS, answer, spellings

_functions: dict[Any, Callable[..., Any]] = {}


def serve(table: Mapping[Any, Callable[..., Any]]) -> None:
    """Let these functions of NumPy build nodes when they meet tensors."""
    _functions.update(table)


def call(func: Any, args: Any, kwargs: Mapping[str, Any]) -> Any:
    """The function of graphc that stands for NumPy's `func`, called.

    Raises ConcretenessError where there is none, TypeError for the arguments out= and where=.
    """
    build = _functions.get(func)
    name = getattr(func, "__name__", repr(func))
    if build is None:
        raise ConcretenessError(
            f"np.{name} needs values, and a tensor of graphc is symbolic",
            fix=answer(name, FUNCTIONS, spellings()) or "compute it first: x.eval({input: array})",
        )
    if kwargs.get("out") is not None or kwargs.get("where", True) is not True:
        raise TypeError(f"np.{name}: a tensor takes no out= and no where=; use graphc.where")
    return build(*args, **kwargs)

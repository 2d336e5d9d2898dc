"""Typed errors: what is wrong, what was got, where in the user's file, and the fix.

Enters: the pieces of a message. Leaves: an exception that prints them, and is also the builtin
that a user would catch (a wrong shape is a ValueError).

>>> here = Where("mlp.py", 41, "model")
>>> print(ShapeError("matmul: inner sizes differ", got="784 != 512", where=here, fix="use w.T"))
matmul: inner sizes differ  [784 != 512]
  at mlp.py:41, in model
  use w.T
"""

import os
import sys
from dataclasses import dataclass

import numpy as np

_PACKAGE_NAME = __name__.partition(".")[0]
_PACKAGE_FOLDER = os.path.dirname(os.path.abspath(__file__)) + os.sep
_NUMPY_FOLDER = os.path.dirname(np.__file__) + os.sep  # which calls back: np.linspace(0, 1, n)


@dataclass(frozen=True, slots=True)
class Where:
    """A place in the user's program: a file, a line, and the scope (module or function) around it.

    `function` is what was called there, where a message needs to know it.

    >>> str(Where("mlp.py", 41, "model"))
    'mlp.py:41, in model'
    """

    file: str
    line: int
    scope: str = ""
    function: str = ""

    def __str__(self) -> str:
        place = f"{_shortest_path(self.file)}:{self.line}"
        return f"{place}, in {self.scope}" if self.scope else place


UNKNOWN = Where("<unknown>", 0)

# Both are bounded by the lines of source that build graphs. Keys are strings and ints: hashing
# a code object walks its bytecode, and would cost more than the rest of `caller`.
_is_ours: dict[str, bool] = {}
_places: dict[tuple[str, int, str], Where] = {}


def caller(scope: str = "") -> Where:
    """The first frame outside graphc and NumPy: the user's line. `scope` replaces its function's
    name.

    >>> caller("model").scope
    'model'
    """
    frame = sys._getframe(1)
    while True:
        code = frame.f_code
        file = code.co_filename
        ours = _is_ours.get(file)
        if ours is None:
            ours = _is_ours[file] = file.startswith((_PACKAGE_FOLDER, _NUMPY_FOLDER))
        if not ours and not (file == "<string>" and _is_generated(frame.f_globals)):
            break
        outer = frame.f_back
        if outer is None:
            return UNKNOWN
        frame = outer
    key = (file, frame.f_lineno, scope or code.co_name)
    place = _places.get(key)
    if place is None:
        place = _places[key] = Where(file, key[1], "" if key[2] == "<module>" else key[2])
    return place


def _is_generated(module: dict[str, object]) -> bool:
    """A dataclass's generated __init__ has no file; it belongs to the module of its class."""
    return str(module.get("__name__", "")).partition(".")[0] == _PACKAGE_NAME


def _shortest_path(file: str) -> str:
    inside = os.getcwd() + os.sep
    return file[len(inside) :] if file.startswith(inside) else file


class GraphcError(Exception):
    """The base of graphc's errors.

    `what` is wrong, `got` is what stood there instead, `where` is the user's line (found by
    `caller` if it is not given), `fix` is what to write. Each is kept as an attribute.

    >>> error = GraphcError("no such op", got="sine", fix="did you mean sin?", where=UNKNOWN)
    >>> print(error)
    no such op  [sine]
      did you mean sin?
    """

    what: str
    got: str
    where: Where
    fix: str

    def __init__(
        self, what: str, *, got: str = "", where: Where | None = None, fix: str = ""
    ) -> None:
        # args hold `what` alone: pickle rebuilds from args and then restores the attributes
        Exception.__init__(self, what)
        self.what = what
        self.got = got
        self.where = caller() if where is None else where
        self.fix = fix

    def __str__(self) -> str:
        lines = [f"{self.what}  [{self.got}]" if self.got else self.what]
        if self.where != UNKNOWN:
            lines.append(f"  at {self.where}")
        lines.extend("  " + line for line in self.fix.splitlines())
        return "\n".join(lines)


class ShapeError(GraphcError, ValueError):
    """Shapes or sizes that do not fit each other."""


class DTypeError(GraphcError, TypeError):
    """A dtype that graphc does not know, or dtypes that do not mix."""


class BindingError(GraphcError, ValueError):
    """An array given at call time does not fit the input that it is for."""


class MissingInputError(GraphcError, TypeError):
    """A value that the graph reads was not given."""


class UnknownInputError(GraphcError, TypeError):
    """A value was given that the graph does not read."""


class GraphError(GraphcError, ValueError):
    """A graph that is not well formed."""


class ArgumentError(GraphcError, TypeError):
    """A call with arguments that the function does not take."""


class GradientError(GraphcError, TypeError):
    """A derivative that does not exist, or of something that is not differentiable."""


class IndexRangeError(GraphcError, IndexError):
    """An index outside its axis."""


class GuardError(GraphcError, ValueError):
    """The sizes of a call break an assumption of the graph."""


class MemoryBudgetError(GraphcError, MemoryError):
    """A program needs more memory than it was given."""


class LoweringError(GraphcError, RuntimeError):
    """An operation that cannot be turned into a kernel."""


class CompileError(GraphcError, RuntimeError):
    """A kernel that does not compile, or that may not be loaded."""


class UpdateError(GraphcError, TypeError):
    """An update whose target or value is not acceptable."""


class ConcretenessError(GraphcError, TypeError):
    """Python asked for the number behind something symbolic."""


class UnknownNameError(GraphcError, AttributeError):
    """A name that graphc, or a tensor, does not have."""


class ThreadError(GraphcError, RuntimeError):
    """A thread count or a use of threads that cannot be honoured."""


class MissingPackageError(GraphcError, ImportError):
    """An optional package that is not installed."""


class CacheWarning(UserWarning):
    """The object cache cannot be used, and kernels are compiled afresh."""

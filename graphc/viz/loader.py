"""The one place that imports networkx and matplotlib, so that `import graphc` waits for neither.

Enters: nothing. Leaves: the module, loaded when a drawing or plot first asks for it.

>>> networkx().DiGraph([("x", "y")]).number_of_edges()
1
"""

import importlib
from types import ModuleType
from typing import Any

from graphc.errors import MissingPackageError


def networkx() -> ModuleType:
    """The networkx module."""
    return importlib.import_module("networkx")


def figure(**options: Any) -> Any:
    """A matplotlib figure that no window shows. MissingPackageError without matplotlib."""
    try:
        return importlib.import_module("matplotlib.figure").Figure(**options)
    except ModuleNotFoundError as error:
        raise MissingPackageError(
            "a plot needs matplotlib", got=str(error), fix='pip install "graphc[plot]"'
        ) from error

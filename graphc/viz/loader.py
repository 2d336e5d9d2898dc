"""The one place that imports networkx, so that `import graphc` does not wait for it.

Enters: nothing. Leaves: the module, loaded when a drawing first asks for it.

>>> networkx().DiGraph([("x", "y")]).number_of_edges()
1
"""

import importlib
from types import ModuleType


def networkx() -> ModuleType:
    """The networkx module."""
    return importlib.import_module("networkx")

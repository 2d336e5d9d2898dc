"""Names that are not there: what users of other libraries look for, and what stands for it here.

Enters: a name that `graphc`, `graphc.nn` or a tensor does not have. Leaves: an UnknownNameError,
which is an AttributeError, with what to write instead: from a table, or else the nearest name.

>>> nearest("sofmax", ["softmax", "softplus", "relu"])
'softmax'
"""

import difflib
import re
import sys
from collections.abc import Callable, Iterable, Mapping
from typing import NoReturn

from graphc.errors import UnknownNameError
from graphc.foreign import FUNCTIONS, METHODS, PLACES, TREES
from graphc.foreign_layers import LAYERS

_PACKAGE = __name__.partition(".")[0]
_LAYER = " Layers are functions here, of tensors and of what graphc.parameter made"


def nearest(name: str, known: Iterable[str]) -> str:
    """The known name that is most like another; "" where none is."""
    names = {k.lower(): k for k in known}
    found = difflib.get_close_matches(name.lower(), names, n=1, cutoff=0.7)
    return names[found[0]] if found else ""


def spellings(call: str = "") -> dict[str, str]:
    """How the public names are written, "softmax" as "graphc.nn.softmax", followed by `call`."""
    places = (f"{_PACKAGE}.nn", _PACKAGE)
    # nothing while the package is still being imported
    modules = [(p, vars(sys.modules[p])) for p in places if p in sys.modules]
    names = [(p, n) for p, module in modules for n in module.get("__all__", ())]
    return {name: f"{place}.{name}{call}" for place, name in names}


def answer(name: str, table: Mapping[str, str], spelled: Mapping[str, str]) -> str:
    """What to write instead: by the table, or the same or the nearest name that there is."""
    text = _listed(name, table) or (name if name in spelled else nearest(name, spelled))
    if text not in spelled:
        return text
    layer = name[0].isupper() and name not in FUNCTIONS and f"{_PACKAGE}.nn." in spelled[text]
    return f"did you mean {spelled[text]}?{_LAYER if layer else ''}"


def _listed(name: str, table: Mapping[str, str]) -> str:
    """What stands for a name, or for it in lower case and whatever its number of axes.

    >>> _listed("Conv2D", {"conv": "graphc.nn.conv"})
    'graphc.nn.conv'
    """
    small = name.lower()
    names = (name, small, re.sub(r"_?[123]d$", "", small))
    return next((table[n] for n in names if n in table), "")


def refused(
    what: str, name: str, table: Mapping[str, str], spelled: Mapping[str, str]
) -> AttributeError:
    """The error for a name that something does not have. Of names that begin with _ Python asks,
    and takes no for an answer."""
    if name.startswith("_"):
        return AttributeError(f"{what} has no attribute {name!r}")
    return UnknownNameError(f"{what} has no {name!r}", fix=answer(name, table, spelled))


def _refusing(place: str, table: Mapping[str, str]) -> Callable[[str], NoReturn]:
    """The `__getattr__` of a module."""

    def refuse(name: str) -> NoReturn:
        own = vars(sys.modules[place]).get("__all__", ())
        raise refused(place, name, table, {**spellings(), **{n: f"{place}.{n}" for n in own}})

    return refuse


# objects: where a checker of types saw a function, it would take any name for a known one
of_graphc: object = _refusing(_PACKAGE, {**LAYERS, **FUNCTIONS})
of_nn: object = _refusing(f"{_PACKAGE}.nn", {**FUNCTIONS, **LAYERS})


of_tree: object = _refusing(f"{_PACKAGE}.tree", TREES)


def _listing(place: str) -> Callable[[], list[str]]:
    """The `__dir__` of a module: what it is for, and not what it is made of."""

    def names() -> list[str]:
        module = vars(sys.modules[place])
        return sorted({*module["__all__"], *(name for name in module if name[0] == "_")})

    return names


names_of_graphc: Callable[[], list[str]] = _listing(_PACKAGE)
names_of_nn: Callable[[], list[str]] = _listing(f"{_PACKAGE}.nn")
names_of_tree: Callable[[], list[str]] = _listing(f"{_PACKAGE}.tree")


def of_assignment(tensor: object, name: str) -> NoReturn:
    """What refuses to assign an attribute to a tensor, but for `value`."""
    fix = answer(name, METHODS, {})
    if not name.startswith("_") and name in dir(type(tensor)):
        fix = "a tensor does not change: x.reshape(shape), x.astype(dtype) give a new one"
    raise UnknownNameError(f"a tensor has no {name!r} to be assigned", fix=fix)


# A program has no such hook: looking for missing names slows down finding those that are there, by
# 0.1 of 0.55 us a call.


def of_tensor(tensor: object, name: str) -> NoReturn:
    """The `__getattr__` of a tensor."""
    table = {**FUNCTIONS, **METHODS}
    methods = {method: f"x.{method}" for method in dir(type(tensor)) if method[0] != "_"}
    if name.endswith("_") and name[0] != "_" and name not in METHODS:
        table[name] = "a tensor does not change: write x = x + y, or x = x.at[key].set(values)"
    raise refused("a tensor", name, table, {**spellings("(x, ...)"), **methods})


def of_place(place: object, name: str) -> NoReturn:
    """The `__getattr__` of x.at[key]."""
    methods = {method: f"x.at[key].{method}" for method in dir(type(place)) if method[0] != "_"}
    raise refused("x.at[key]", name, PLACES, methods)

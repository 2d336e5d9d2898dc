"""Trees: nested dicts, lists, tuples, named tuples, dataclasses and None around leaves.

Enters: any Python value. Leaves: its leaves in a reproducible order (dict keys sorted) and its
structure, which is hashable and puts other leaves back into the same shape.

>>> leaves, structure = flatten({"w": [1, 2], "b": (3, None)})
>>> leaves
[3, 1, 2]
>>> unflatten(structure, ["x", "y", "z"])
{'b': ('x', None), 'w': ['y', 'z']}
"""

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from graphc.errors import GraphError

Kind = Literal["leaf", "none", "dict", "list", "tuple", "namedtuple", "dataclass"]


@dataclass(frozen=True, slots=True)
class Structure:
    """A tree without its leaves. `names` are the dict's keys or the fields, in order."""

    kind: Kind
    cls: type | None = None
    names: tuple[Any, ...] = ()
    children: tuple["Structure", ...] = ()

    def __str__(self) -> str:
        if self.kind == "leaf":
            return "*"
        if self.kind == "none":
            return "None"
        if self.names:
            inside = ", ".join(f"{n}: {c}" for n, c in zip(self.names, self.children, strict=True))
        else:
            inside = ", ".join(map(str, self.children))
        return f"{self.cls.__name__ if self.cls else self.kind}({inside})"


LEAF = Structure("leaf")
_NONE = Structure("none")


def flatten(tree: Any) -> tuple[list[Any], Structure]:
    """The leaves of a tree, from left to right, and its structure."""
    leaves: list[Any] = []
    return leaves, _flatten(tree, leaves)


def unflatten(structure: Structure, leaves: Sequence[Any]) -> Any:
    """The tree of that structure with those leaves.

    Raises GraphError where the number of leaves is not the structure's.
    """
    if len(leaves) != count(structure):
        raise GraphError(
            f"tree: {structure} has {count(structure)} leaves, got {len(leaves)}",
            fix="give one leaf a place, in the order in which flatten returned them",
        )
    return _unflatten(structure, iter(leaves))


def count(structure: Structure) -> int:
    """How many leaves a tree of that structure has."""
    return 1 if structure.kind == "leaf" else sum(map(count, structure.children))


def tree_map(f: Callable[..., Any], tree: Any, *others: Any) -> Any:
    """f applied leaf by leaf to trees of one structure.

    >>> tree_map(lambda a, b: a + b, {"k": 1}, {"k": 2})
    {'k': 3}
    """
    leaves, structure = flatten(tree)
    columns = [leaves, *(_same_leaves(structure, other) for other in others)]
    return unflatten(structure, [f(*row) for row in zip(*columns, strict=True)])


def _same_leaves(structure: Structure, tree: Any) -> list[Any]:
    leaves, other = flatten(tree)
    if other != structure:
        raise GraphError(
            f"tree: structures differ: {structure} and {other}", fix="give trees of one structure"
        )
    return leaves


def _flatten(tree: Any, leaves: list[Any]) -> Structure:
    if tree is None:
        return _NONE
    opened = _open(tree)
    if opened is None:
        leaves.append(tree)
        return LEAF
    kind, cls, names, children = opened
    return Structure(kind, cls, names, tuple(_flatten(child, leaves) for child in children))


def _open(tree: Any) -> tuple[Kind, type | None, tuple[Any, ...], list[Any]] | None:
    # One level of a container; None for a leaf. Subclasses of dict and list are leaves: putting
    # them together again would need to know their constructors.
    cls = type(tree)
    if cls is dict:
        names = _sorted_keys(tree)
        return "dict", None, names, [tree[name] for name in names]
    if cls is list:
        return "list", None, (), tree
    if cls is tuple:
        return "tuple", None, (), list(tree)
    if isinstance(tree, tuple) and "_fields" in dir(cls):
        return "namedtuple", cls, tuple(cls._fields), list(tree)
    if dataclasses.is_dataclass(cls):
        names = tuple(field.name for field in dataclasses.fields(cls) if field.init)
        return "dataclass", cls, names, [getattr(tree, name) for name in names]
    return None


def _sorted_keys(tree: dict[Any, Any]) -> tuple[Any, ...]:
    try:
        return tuple(sorted(tree))
    except TypeError as error:
        raise GraphError(
            f"tree: the keys of a dict have no order: {list(tree)}", fix="use keys of one type"
        ) from error


def _unflatten(structure: Structure, leaves: Any) -> Any:
    children = [_unflatten(child, leaves) for child in structure.children]
    match structure.kind:
        case "leaf":
            return next(leaves)
        case "none":
            return None
        case "dict":
            return dict(zip(structure.names, children, strict=True))
        case "list":
            return children
        case "tuple":
            return tuple(children)
        case "namedtuple":
            assert structure.cls is not None
            return structure.cls(*children)
        case "dataclass":
            assert structure.cls is not None
            return structure.cls(**dict(zip(structure.names, children, strict=True)))

"""Trees: nested dicts, lists, tuples, named tuples, dataclasses and None around leaves.

Enters: any Python value. Leaves: its leaves in a reproducible order (dict keys sorted) and its
structure, which is hashable and puts other leaves back into the same shape. A dict keeps its order:
`zip(p.values(), graphc.grad(loss, p).values())` pairs what belongs together.

>>> leaves, structure = flatten({"w": [1, 2], "b": (3, None)})
>>> leaves
[3, 1, 2]
>>> unflatten(structure, ["x", "y", "z"])
{'w': ['y', 'z'], 'b': ('x', None)}
"""

import dataclasses
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from graphc.errors import GraphcError, GraphError
from graphc.missing import names_of_tree as __dir__  # noqa: F401
from graphc.missing import of_tree as __getattr__  # noqa: F401

__all__ = ["Structure", "count", "flatten", "tree_map", "unflatten"]

Kind = Literal["leaf", "none", "dict", "list", "tuple", "namedtuple", "dataclass"]


@dataclass(frozen=True, slots=True)
class Structure:
    """A tree without its leaves. `names` are the dict's keys, sorted, or the fields, in order;
    `listed` are the keys in the dict's own order."""

    kind: Kind
    cls: type | None = None
    names: tuple[Any, ...] = ()
    children: tuple["Structure", ...] = ()
    listed: tuple[Any, ...] = ()

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
    return assembler(structure)(iter(leaves))


def alike(a: Structure, b: Structure) -> bool:
    """Whether trees have the same leaves in the same places; dicts may list them differently.

    >>> alike(flatten({"w": 1, "b": 2})[1], flatten({"b": 1, "w": 2})[1])
    True
    """
    own = a.kind == b.kind and a.cls is b.cls and a.names == b.names
    return own and len(a.children) == len(b.children) and all(map(alike, a.children, b.children))


def count(structure: Structure) -> int:
    """How many leaves a tree of that structure has. GraphError for what is no structure."""
    if not isinstance(structure, Structure):
        raise GraphError(
            "tree: count is of a structure",
            got=type(structure).__name__,
            fix="len(flatten(tree)[0]), or count(flatten(tree)[1])",
        )
    return 1 if structure.kind == "leaf" else sum(map(count, structure.children))


def tree_map(f: Callable[..., Any], tree: Any, *others: Any) -> Any:
    """f applied leaf by leaf to trees of one structure.

    >>> tree_map(lambda a, b: a + b, {"k": 1}, {"k": 2})
    {'k': 3}
    """
    if not callable(f):
        raise GraphError(
            "tree: the function comes first", got=type(f).__name__, fix="tree_map(f, tree)"
        )
    leaves, structure = flatten(tree)
    columns = [leaves, *(_same_leaves(structure, other) for other in others)]
    return unflatten(structure, [f(*row) for row in zip(*columns, strict=True)])


def _same_leaves(structure: Structure, tree: Any) -> list[Any]:
    leaves, other = flatten(tree)
    if not alike(other, structure):
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
    listed = tuple(tree) if kind == "dict" else ()
    return Structure(kind, cls, names, tuple(_flatten(c, leaves) for c in children), listed)


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
    except (TypeError, GraphcError) as error:  # tensors compare by making tensors
        raise GraphError(
            f"tree: the keys of a dict have no order: {list(tree)}",
            fix="use keys of one type; of a dict of updates, list(updates.values()) is a tree",
        ) from error


def assembler(structure: Structure) -> Callable[[Iterator[Any]], Any]:
    """The function that takes leaves from an iterator, as many as the structure has, and returns
    their tree.

    >>> assembler(flatten({"w": [1, 2], "b": 3})[1])(iter("xyz"))
    {'w': ['y', 'z'], 'b': 'x'}
    """
    if structure.kind == "leaf":
        return next
    parts = [assembler(child) for child in structure.children]
    close = _closer(structure)
    return lambda leaves: close([part(leaves) for part in parts])


def gatherer(structure: Structure) -> Callable[[Any, list[Any]], bool]:
    """The function that appends the leaves of a tree to a list: True if the tree has the structure,
    where what stands for its leaves is no container; faster than `flatten`.

    >>> leaves = []
    >>> gatherer(flatten({"w": [1, 2], "b": 3})[1])({"w": [4, 5], "b": 6}, leaves), leaves
    (True, [6, 4, 5])
    """
    if structure.kind == "leaf":
        return _take
    split, parts = _splitter(structure), [gatherer(child) for child in structure.children]

    def gather(tree: Any, leaves: list[Any]) -> bool:
        children = split(tree)
        if children is not None:
            for part, child in zip(parts, children, strict=True):
                if not part(child, leaves):
                    break
            else:
                return True
        return False

    return gather


def _take(leaf: Any, leaves: list[Any]) -> bool:
    leaves.append(leaf)
    return True


def _splitter(structure: Structure) -> Callable[[Any], Sequence[Any] | None]:
    """The children of a container like this one, None for anything else."""
    kind, names, count = structure.kind, structure.names, len(structure.children)
    if kind == "none":
        return lambda tree: () if tree is None else None
    if kind == "dict":
        own = structure.listed
        return lambda t: [t[n] for n in names] if type(t) is dict and (*t,) == own else None
    if kind == "dataclass":
        return lambda t: [getattr(t, n) for n in names] if type(t) is structure.cls else None
    cls = structure.cls or (list if kind == "list" else tuple)
    return lambda tree: tree if type(tree) is cls and len(tree) == count else None


def _closer(structure: Structure) -> Callable[[list[Any]], Any]:
    """What makes a container of its children."""
    names, cls = structure.names, structure.cls
    match structure.kind:
        case "none" | "leaf":
            return lambda _: None
        case "dict":
            place = {name: k for k, name in enumerate(names)}
            at = [(name, place[name]) for name in structure.listed]
            return lambda children: {name: children[k] for name, k in at}
        case "list":
            return lambda children: children
        case "tuple":
            return tuple
        case "namedtuple":
            assert cls is not None
            return lambda children: cls(*children)
        case "dataclass":
            assert cls is not None
            return lambda children: cls(**dict(zip(names, children, strict=True)))

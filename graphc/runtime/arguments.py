"""The arguments of a program, in the order of its inputs.

Enters: the names of the inputs, and what was given by place and by name. Leaves: a value an input;
errors that name the one that is missing, unknown, or given twice.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from graphc.errors import BindingError, MissingInputError, UnknownInputError

OPTIONS = ("batch_size", "order", "shuffle", "drop_last", "progress")  # of an epoch


def arranged(
    names: Sequence[str],
    args: Sequence[Any],
    kwargs: Mapping[str, Any],
    options: Sequence[str] = (),
) -> tuple[Any, ...]:
    """The values in the order of the names; of `options`, which are no values, errors tell.

    >>> arranged(("x", "y", "rate"), (1, 2), {"rate": 3})
    (1, 2, 3)
    """
    wanted = ", ".join(names) or "none"
    if len(args) > len(names):
        raise UnknownInputError(
            f"the program has {len(names)} inputs: {wanted}",
            got=f"{len(args)} arrays",
            fix="give an array an input: all samples of a batch, or of an epoch, in one",
        )
    found = dict(zip(names, args, strict=False))
    for name, value in kwargs.items():
        if name not in names:
            raise UnknownInputError(f"no input is named {name!r}", fix=_known(name, names, options))
        if name in found:
            raise _given_twice(name, "give it by place or by name")
        found[name] = value
    missing = [name for name in names if name not in found]
    if missing:
        by_name = any(isinstance(value, Mapping) or _is_batch(value) for value in args)
        raise MissingInputError(
            f"input {missing[0]!r} was not given",
            got=f"{len(found)} arrays",
            fix="arrays are given by place or by name: step(x, y), step(x=x, y=y), or step(**d)"
            if by_name
            else f"give {wanted}",
        )
    return tuple([found[name] for name in names])


def arranged_epoch(
    names: Sequence[str], arrays: Any, once: Mapping[str, Any]
) -> tuple[dict[str, Any], tuple[str, ...]]:
    """The arguments of an epoch by name, and the names of those that are taken in batches."""
    if isinstance(arrays, Mapping):
        for name in arrays.keys() & once.keys():
            raise _given_twice(name, "give it in batches or once")
        values = arranged(names, (), {**arrays, **once}, OPTIONS)
        return dict(zip(names, values, strict=True)), tuple(arrays)
    if isinstance(arrays, list | tuple):
        if any(_is_batch(value) for value in arrays):
            raise BindingError(
                "an epoch takes whole arrays, and makes the batches itself",
                got=f"{len(arrays)} batches",
                fix="run_epoch([x, y], batch_size) with the arrays of all samples",
            )
        values = arranged(names, arrays, once, OPTIONS)
        return dict(zip(names, values, strict=True)), tuple(names[: len(arrays)])
    raise BindingError(
        "an epoch takes a list of arrays, or a dict by name",
        got=type(arrays).__name__,
        fix="run_epoch([x, y], batch_size)",
    )


def _known(name: Any, names: Sequence[str], options: Sequence[str]) -> str:
    """What can be given instead of a name that is no input's."""
    if name == "epochs" and options:
        return "a call is one epoch: call run_epoch in a loop"
    if not isinstance(name, str):
        return "arrays are given by name: {'x': array}, or in a list in the order of the inputs"
    known = f"inputs: {', '.join(names) or 'none'}"
    return f"{known}; options: {', '.join(options)}" if options else known


def _is_batch(value: Any) -> bool:
    """Whether it holds arrays, of any library, as what a data loader gives does."""
    holds = value.values() if isinstance(value, Mapping) else value
    return isinstance(value, Mapping | list | tuple) and any(
        getattr(item, "ndim", 0) for item in holds
    )


def _given_twice(name: str, fix: str) -> UnknownInputError:
    return UnknownInputError(f"input {name!r} was given twice", fix=fix)

"""Arguments that are not there: what users of other libraries write, and what stands for it here.

Enters: the namespaces of public functions, once they are complete. Leaves: the same functions under
the same names; a call that Python refuses, for a keyword that the function does not have or for too
many arguments or too few, is an ArgumentError, which is a TypeError and says what to write.

>>> from graphc import sum
>>> sum([1.0], dim=0)
Traceback (most recent call last):
graphc.errors.ArgumentError: graphc.sum has no argument dim  [dim=0]
  at <doctest graphc.refusals[1]>:1
  did you mean axis=0?
  graphc.sum(x, axis=None, *, dtype=None, keepdims=False)
"""

import functools
import inspect
import reprlib
import sys
from collections.abc import Callable, Mapping, Sequence
from types import FunctionType
from typing import Any, TypeVar, cast

from graphc.errors import ArgumentError
from graphc.foreign_arguments import OURS, PLACED, REMARKS, VALUES
from graphc.missing import nearest

T = TypeVar("T")
F = TypeVar("F", bound=Callable[..., Any])
Parameters = Mapping[str, inspect.Parameter]

_NONE: Mapping[str, Any] = {}


def explain_refusals(place: str) -> None:
    """Let the public functions of a module, "graphc.nn", tell of the calls that Python refuses.

    What tells takes the function's place where it was defined too: there pickle looks for it.
    """
    public = vars(sys.modules[place])
    public.update({name: _told(f, f"{place}.{name}") for name, f in _functions(public).items()})


def _functions(names: Mapping[str, Any]) -> dict[str, Callable[..., Any]]:
    return {n: f for n, f in names.items() if type(f) is FunctionType and n[0] != "_"}


def _told(f: Callable[..., Any], name: str) -> Callable[..., Any]:
    home = vars(sys.modules[f.__module__])
    if home[f.__name__] is inspect.unwrap(f):  # not yet, under another name
        home[f.__name__] = explaining(f, name)
    return home[f.__name__]


def explained(place: str, *only: str) -> Callable[[type[T]], type[T]]:
    """A class whose public methods, "x.sum" where `place` is "x", tell of refused calls: all, or
    `only` some, where others are called by every step of a program."""

    def explain(cls: type[T]) -> type[T]:
        methods = _functions(vars(cls))
        for name in only or methods:
            setattr(cls, name, explaining(methods[name], f"{place}.{name}", bound=1))
        return cls

    return explain


def explaining(f: F, name: str, bound: int = 0) -> F:
    """The function, telling of the calls that Python refuses, under the name that users write; of
    a method one argument is `bound`."""

    @functools.wraps(f)
    def call(*args: Any, **kwargs: Any) -> Any:
        try:
            return f(*args, **kwargs)
        except TypeError as error:
            if error.__traceback__ is None or error.__traceback__.tb_next is not None:
                raise  # from within: the call itself was accepted
        raise refusal(f, name, args, kwargs, bound)

    return cast(F, call)


def accepted(f: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any] = _NONE) -> Any:
    """What a function of the user's returns; ArgumentError for a call that it does not take."""
    try:
        return f(*args, **kwargs)
    except TypeError as error:
        within = error.__traceback__ is None or error.__traceback__.tb_next is not None
        if within or _takes(f, args, kwargs):  # what is written in C has no frames
            raise
    refused = refusal(f, getattr(f, "__qualname__", "f"), tuple(args), kwargs)
    if next(iter(inspect.signature(f).parameters), "") == "self":
        refused.fix += "\nof a method: self.step = graphc.jit(self.step), in __init__"
    raise refused


def _takes(f: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any]) -> bool:
    try:
        inspect.signature(f).bind(*args, **kwargs)
    except TypeError:
        return False
    except ValueError:  # of C, and without a signature
        pass
    return True


def refusal(
    f: Callable[..., Any],
    name: str,
    args: tuple[Any, ...],
    kwargs: Mapping[str, Any],
    bound: int = 0,
) -> ArgumentError:
    """What is wrong with a call of `f` that Python refuses."""
    taken = list(inspect.signature(f).parameters.values())[bound:]
    known = {p.name: p for p in taken if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)}
    takes_any = any(p.kind is p.VAR_KEYWORD for p in taken)  # takes any name that it does not have
    what, got, fix = _fault(name, known, args[bound:], kwargs, takes_any)
    bare = inspect.Signature([_bare(parameter) for parameter in taken])
    usage = str(bare).replace("Ellipsis", "...")
    return ArgumentError(what, got=got, fix=f"{fix}\n{name}{usage}".strip())


def _bare(parameter: inspect.Parameter) -> inspect.Parameter:
    """Without its type, and without a default of many words."""
    long = len(repr(parameter.default)) > 20 and parameter.default is not parameter.empty
    default = Ellipsis if long else parameter.default
    return parameter.replace(annotation=parameter.empty, default=default)


def _fault(
    name: str, known: Parameters, args: tuple[Any, ...], kwargs: Mapping[str, Any], takes_any: bool
) -> tuple[str, str, str]:
    """What is wrong, what was got, and what to write; `takes_any`: other names too."""
    function = name.rpartition(".")[2]
    placed = [p.name for p in known.values() if p.kind is not p.KEYWORD_ONLY]
    missed = [known[n] for n in placed[len(args) :]]
    by_name = [p.name for p in missed if p.kind is p.POSITIONAL_ONLY and p.name in kwargs]
    if by_name:
        fix = f"give {' and '.join(by_name)} by place, without the name"
        return f"{name} takes {' and '.join(by_name)} by place", f"{by_name[0]}=", fix
    wrong = {name: value for name, value in kwargs.items() if name not in known and not takes_any}
    if wrong:
        got = ", ".join(f"{n}={_shown(value)}" for n, value in wrong.items())
        return f"{name} has no argument {' and no '.join(wrong)}", got, _instead(name, wrong, known)
    if len(args) > len(placed):
        others = ", ".join(f"{n}=" for n in known if n not in placed)
        fix = f"give the others by name: {others}" if others else ""
        fix = PLACED.get(function, fix)
        by_place = f"{len(placed)} by place: {', '.join(placed) or 'none'}"
        return f"{name} takes {by_place}", f"{len(args)} arguments", fix
    twice = [n for n in placed[: len(args)] if n in kwargs]
    if twice:
        return f"{name}: {twice[0]} is given twice", f"by place, and {twice[0]}=", ""
    given = {*placed[: len(args)], *(n for n in kwargs if n in known)}
    missing = [p.name for p in known.values() if p.default is p.empty and p.name not in given]
    meant = {k: _ours(k, {n: known[n] for n in missing}) for k in kwargs if k not in known}
    fix = _question(meant, kwargs) or REMARKS.get(f"{function}.{missing[0]}", "")
    return f"{name} needs {' and '.join(missing)}", f"{len(args) + len(kwargs)} arguments", fix


def _instead(name: str, wrong: Mapping[str, Any], known: Parameters) -> str:
    """What to write for keywords that the function does not have."""
    ours = {keyword: _ours(keyword, known) for keyword in wrong}
    function = name.rpartition(".")[2]
    remarks = [
        REMARKS.get(f"{function}.{keyword}")
        or REMARKS.get(f"{function}.")
        or ("" if best else REMARKS.get(keyword, ""))
        for keyword, best in ours.items()
    ]
    return "\n".join(dict.fromkeys(filter(None, (*remarks, _question(ours, wrong)))))


def _question(ours: Mapping[str, str], given: Mapping[str, Any]) -> str:
    """Whether our names were meant by those given."""
    values = {k: VALUES.get(v, v) if isinstance(v, str) else v for k, v in given.items()}
    meant = ", ".join(f"{best}={_shown(values[k])}" for k, best in ours.items() if best)
    return f"did you mean {meant}?" if meant else ""


def _ours(keyword: str, known: Parameters) -> str:
    """The argument that is meant by a foreign keyword, or is spelled most like it."""
    meant = [name for name in OURS.get(keyword, "").split() if name in known]
    return meant[0] if meant else "" if keyword in REMARKS else nearest(keyword, known)


def _shown(value: Any) -> str:
    """A value as one writes it; "..." for one that does not stand in the call."""
    plain = isinstance(value, bool | int | float | str | tuple | None)
    return reprlib.repr(value) if plain else "..."

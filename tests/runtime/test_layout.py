"""Where calls are direct: in a Python whose objects lie in memory as the entry says."""

import struct
import sys
import sysconfig
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from graphc.runtime.calls import direct

is_known = direct.is_known_layout.__wrapped__


@pytest.mark.skipif(
    sys.implementation.name != "cpython"
    or bool(sysconfig.get_config_var("Py_GIL_DISABLED"))
    or struct.calcsize("P") != 8,
    reason="another Python",
)
def test_calls_are_direct_in_python_as_most_have_it(monkeypatch: pytest.MonkeyPatch) -> None:
    assert is_known() is True
    others: dict[str, tuple[Any, str, Any]] = {
        "another Python": (sys, "implementation", SimpleNamespace(name="pypy")),
        "threads without a lock": (sysconfig, "get_config_var", lambda _: 1),
        "32 bits": (struct, "calcsize", lambda _: 4),
        "references are elsewhere": (direct, "references", lambda _: 7),
        "floats are elsewhere": (direct, "_words", wrong(2, of=float)),
        "types are elsewhere": (direct, "_words", wrong(1)),
        "data is elsewhere": (direct, "_words", wrong(2)),
        "axes are elsewhere": (direct, "_words", wrong(3)),
        "dtypes are elsewhere": (direct, "_words", wrong(7)),
        "flags are elsewhere": (direct, "_words", wrong(8)),
    }
    for name, change in others.items():
        with monkeypatch.context() as patch:
            patch.setattr(*change)
            found = is_known()
        assert found is False, name
    assert is_known() is True


def wrong(at: int, of: type = object) -> Callable[[object, int], list[int]]:
    """The words of an object, another one where `at` is."""
    words = direct._words

    def changed(value: object, count: int) -> list[int]:
        off = isinstance(value, of) and (of is float) == (type(value) is float)
        return [word + (off and k == at) for k, word in enumerate(words(value, count))]

    return changed

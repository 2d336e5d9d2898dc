"""What compiled tests share: programs forced into parts, however small they are."""

from collections.abc import Callable, Iterator

import pytest

from graphc.runtime import partition
from graphc.runtime.team import get_threads, set_threads


@pytest.fixture
def split(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[int], None]]:
    """split(3): from now on every kernel that can be shared out runs in three parts."""
    before = get_threads()

    def force(parts: int) -> None:
        monkeypatch.setattr(partition, "SPLIT_CYCLES", 0)
        monkeypatch.setattr(partition, "TEAM_CYCLES", 0)
        monkeypatch.setattr(partition, "GRANULE", 2)
        set_threads(parts)

    yield force
    set_threads(before)

"""What compiled tests share: programs forced into parts, however small they are."""

from collections.abc import Callable, Iterator

import pytest

from graphc.runtime.binding import partition
from graphc.runtime.threads.team import get_threads, set_threads


@pytest.fixture(autouse=True)
def _same_threads_for_all() -> Iterator[None]:
    """Whatever a test sets, the next one begins with what was."""
    before = get_threads()
    yield
    set_threads(before)


@pytest.fixture
def split(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """split(3): from now on every kernel that can be shared out runs in three parts."""

    def force(parts: int) -> None:
        monkeypatch.setattr(partition, "SPLIT_CYCLES", 0)
        monkeypatch.setattr(partition, "TEAM_CYCLES", 0)
        monkeypatch.setattr(partition, "GRANULE", 2)
        set_threads(parts)

    return force

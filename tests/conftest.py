"""What every test shares: a kernel cache that stays warm, and properties that repeat."""

import os
from collections.abc import Iterator
from dataclasses import replace

import pytest
from hypothesis import settings

from graphc.runtime.binding import cutting, partition
from graphc.runtime.micro.family import host_core
from graphc.runtime.threads.team import get_threads, set_threads
from tests.golden import pytest_addoption

__all__ = ["pytest_addoption"]


def pytest_configure(config: pytest.Config) -> None:
    """Point graphc at a cache of the checkout's own, unless the caller named one."""
    if config.pluginmanager.hasplugin("cacheprovider") and config.cache is not None:
        kernels = config.cache.mkdir("kernels")
        kernels.chmod(0o700)  # graphc refuses a cache that others may write
        os.environ.setdefault("GRAPHC_CACHE_DIR", str(kernels))


# A first example may compile a kernel, so time says nothing about it.
settings.register_profile("graphc", deadline=None, derandomize=True, max_examples=50)
settings.load_profile("graphc")


@pytest.fixture
def two_cores(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Two threads, and second caches of 1 MiB: how much memory parts take depends on both."""
    core = replace(host_core(), l2=1 << 20)
    for module in (cutting, partition):
        monkeypatch.setattr(module, "host_core", lambda: core)
    before = get_threads()
    set_threads(2)
    yield
    set_threads(before)

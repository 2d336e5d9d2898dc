"""The environment variables that the runtime honours, read in this one place.

Enters: os.environ. Leaves: the folder of the object cache and the number of threads that the user
asked for.

    GRAPHC_CACHE_DIR    folder of the object cache
    OMP_NUM_THREADS     threads of the team, unless set_threads says how many

    >>> threads_asked({"OMP_NUM_THREADS": "4,2"}), threads_asked({"OMP_NUM_THREADS": "many"})
    (4, None)
"""

import os
import sys
from collections.abc import Iterator, Mapping, MutableMapping
from contextlib import contextmanager
from pathlib import Path


def cache_folder(environment: Mapping[str, str] = os.environ) -> Path:
    """GRAPHC_CACHE_DIR, else the platform's folder for caches."""
    chosen = environment.get("GRAPHC_CACHE_DIR")
    if chosen:
        return Path(chosen).expanduser()
    if sys.platform == "win32":
        return (
            Path(environment.get("LOCALAPPDATA", "~/AppData/Local")).expanduser()
            / "graphc"
            / "Cache"
        )
    if sys.platform == "darwin":
        return Path("~/Library/Caches/graphc").expanduser()
    return Path(environment.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "graphc"


@contextmanager
def short_waits(environment: MutableMapping[str, str] = os.environ) -> Iterator[None]:
    """An OpenMP library that is loaded inside spins for some 50 us before a thread sleeps, unless
    the user has set how it waits.

    By default it spins for milliseconds: on a busy machine two threads of a team then keep each
    other from the one core they share.
    """
    if environment.keys() & {"GOMP_SPINCOUNT", "OMP_WAIT_POLICY"}:
        yield
        return
    environment["GOMP_SPINCOUNT"] = "20000"
    try:
        yield
    finally:
        del environment["GOMP_SPINCOUNT"]


def threads_asked(environment: Mapping[str, str] = os.environ) -> int | None:
    """The number of threads that the environment asks for; None if it does not say."""
    # OpenMP lists one number a nesting level
    outermost = environment.get("OMP_NUM_THREADS", "").partition(",")[0].strip()
    return int(outermost) or None if outermost.isdecimal() else None

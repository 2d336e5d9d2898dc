"""Python's garbage collector, put off.

Enters: a block that makes many objects and drops few in cycles. Leaves: the collector as it was.

    with without_collector():
        schedule = build_schedule(graph)
"""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def without_collector() -> Iterator[None]:
    """No search for garbage inside: it would go over the objects of the whole process again and
    again, a sixth of the time of a schedule.
    """
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()

"""Waiting that a pause of the process does not end: naps are counted, not seconds.

A clock goes on while a process is stopped, or has no core. What is late then does not hang.
"""

import os
import threading
import time

NAP = 0.01


def joined(worker: threading.Thread, seconds: float) -> bool:
    """Whether a thread ends within so many seconds of naps."""
    return any(worker.join(NAP) or not worker.is_alive() for _ in range(_naps(seconds)))


def waited(event: threading.Event, seconds: float) -> bool:
    """Whether an event is set within so many seconds of naps."""
    return any(event.wait(NAP) for _ in range(_naps(seconds)))


def exit_code(child: int, seconds: float) -> int | None:
    """The exit code of a child process; None if it has not ended within so many seconds of naps."""
    for _ in range(_naps(seconds)):
        finished, status = os.waitpid(child, os.WNOHANG)
        if finished:
            return os.waitstatus_to_exitcode(status)
        time.sleep(NAP)
    return None


def _naps(seconds: float) -> int:
    return round(seconds / NAP)

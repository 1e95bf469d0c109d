"""Whether this process was asked to stop; long work checks it between two steps."""

from __future__ import annotations

import threading

_asked = threading.Event()


def request(*_: object) -> None:
    """Ask this process to stop at its next step; usable as a signal handler."""
    _asked.set()


def requested() -> bool:
    """Whether work should release what it holds and return."""
    return _asked.is_set()


def wait(seconds: float) -> bool:
    """Sleep; return True at once when asked to stop."""
    return _asked.wait(seconds)

"""Whether this process was asked to stop; long work checks it between two steps."""

from __future__ import annotations

import threading

_asked = threading.Event()


def request(*_: object) -> None:
    """Ask this process to stop at its next step; usable as a signal handler."""
    _asked.set()


def requested() -> bool:
    """Whether the work should hand back what it holds and return."""
    return _asked.is_set()


def wait(seconds: float) -> bool:
    """Sleep, waking when asked to end; whether that was so."""
    return _asked.wait(seconds)

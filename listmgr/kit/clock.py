"""The time, in one place so that everything else is told it: the database's, on every host."""

import time
from datetime import UTC, datetime, timedelta

# CLOCK_MONOTONIC stands still on Linux while the machine is suspended, CLOCK_BOOTTIME does not
# (clock_gettime(2)). Where there is no such clock, as on macOS, CLOCK_MONOTONIC runs on by itself.
_ELAPSED = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)

# Clocks that are kept right differ by less; a correction would only add the network's delay.
TOLERANCE = timedelta(seconds=1)
# What the database's clock showed, and `elapsed` then. None: the host's clock is right.
_anchor: tuple[datetime, float] | None = None


def host_now() -> datetime:
    """The present moment by the clock of this host, aware and in UTC."""
    return datetime.now(UTC)


def now() -> datetime:
    """The present moment by the database's clock, aware and in UTC (T-27).

    Until this process has opened a connection to the database it is the host's.
    """
    if _anchor is None:
        return host_now()
    moment, since = _anchor
    return moment + timedelta(seconds=elapsed() - since)


def follow(database_now: datetime) -> None:
    """Go by the database's clock from now on, where the host's differs noticeably.

    A host's clock that is wrong is not looked at any more: somebody may set it right.
    """
    global _anchor  # noqa: PLW0603 - a process has one clock
    is_right = abs(database_now - host_now()) <= TOLERANCE
    _anchor = None if is_right else (database_now.astimezone(UTC), elapsed())


def elapsed() -> float:
    """Seconds on a clock that is never set back and runs on while the machine is suspended."""
    return time.clock_gettime(_ELAPSED)

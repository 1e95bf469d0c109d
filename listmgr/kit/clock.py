"""The time, from the database's clock on every host."""

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
    """Return the time by this host's clock, aware and in UTC."""
    return datetime.now(UTC)


def now() -> datetime:
    """Return the time by the database's clock, aware and in UTC (T-27).

    Until this process has connected to the database, it is the host's time.
    """
    if _anchor is None:
        return host_now()
    moment, since = _anchor
    return moment + timedelta(seconds=elapsed() - since)


def follow(database_now: datetime) -> None:
    """Use the database's clock from now on if the host's differs noticeably.

    A wrong host clock is not consulted again, since somebody may correct it.
    """
    global _anchor  # noqa: PLW0603 - a process has one clock
    is_right = abs(database_now - host_now()) <= TOLERANCE
    _anchor = None if is_right else (database_now.astimezone(UTC), elapsed())


def elapsed() -> float:
    """Return seconds on a clock that never goes back and continues while the machine is
    suspended.
    """
    return time.clock_gettime(_ELAPSED)

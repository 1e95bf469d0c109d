"""The time, in one place so that everything else is told it."""

import time
from datetime import UTC, datetime

# CLOCK_MONOTONIC stands still on Linux while the machine is suspended, CLOCK_BOOTTIME does not
# (clock_gettime(2)). Where there is no such clock, as on macOS, CLOCK_MONOTONIC runs on by itself.
_ELAPSED = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


def now() -> datetime:
    """The present moment, aware and in UTC (T-27)."""
    return datetime.now(UTC)


def elapsed() -> float:
    """Seconds on a clock that is never set back and runs on while the machine is suspended."""
    return time.clock_gettime(_ELAPSED)

"""The time, in one place so that everything else is told it."""

from datetime import UTC, datetime


def now() -> datetime:
    """The present moment, aware and in UTC (T-27)."""
    return datetime.now(UTC)

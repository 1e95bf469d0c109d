"""Count recent events in Valkey, for all processes together."""

from __future__ import annotations

from collections import Counter
from datetime import datetime

import redis

MOST_REMEMBERED = 10_000
_alone: Counter[str] = Counter()


def count(connection: redis.Redis, what: str, *, seconds: int, at: datetime) -> int:
    """Count `what` once more and return its count in the present window.

    Without Valkey each process counts on its own: the limit is looser, but still there.
    """
    key = f"limit:{what}:{int(at.timestamp()) // seconds}"
    try:
        with connection.pipeline(transaction=True) as pipe:
            # Both or neither: a count that never ends would lock a whole network out for ever.
            pipe.incr(key)
            pipe.expire(key, seconds)
            return int(pipe.execute()[0])
    except redis.RedisError:
        return _count_alone(key)


def uncount(connection: redis.Redis, what: str, *, seconds: int, at: datetime) -> None:
    """Undo one count in the present window; without Valkey in this process."""
    key = f"limit:{what}:{int(at.timestamp()) // seconds}"
    try:
        # Of a window that has ended meanwhile nothing is made: it would have no end.
        if connection.exists(key):
            connection.decr(key)
    except redis.RedisError:
        _alone[key] -= 1


def seconds_left(*, seconds: int, at: datetime) -> int:
    """Return the remaining seconds of the present window."""
    return seconds - int(at.timestamp()) % seconds


def _count_alone(key: str) -> int:
    if len(_alone) > MOST_REMEMBERED:
        _alone.clear()
    _alone[key] += 1
    return _alone[key]

"""How often something happened of late, counted for all processes together in Valkey."""

from __future__ import annotations

from collections import Counter
from datetime import datetime

import redis

MOST_REMEMBERED = 10_000
_alone: Counter[str] = Counter()


def count(connection: redis.Redis, what: str, *, seconds: int, at: datetime) -> int:
    """Count `what` once more, and return how often it was counted in the present window.

    Without Valkey each process counts for itself: the limit is then looser, and still there.
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
    """Take one count back, in the window it is in now; without Valkey this process's own."""
    key = f"limit:{what}:{int(at.timestamp()) // seconds}"
    try:
        # Of a window that has ended meanwhile nothing is made: it would have no end.
        if connection.exists(key):
            connection.decr(key)
    except redis.RedisError:
        _alone[key] -= 1


def seconds_left(*, seconds: int, at: datetime) -> int:
    """How long the present window still lasts."""
    return seconds - int(at.timestamp()) % seconds


def _count_alone(key: str) -> int:
    if len(_alone) > MOST_REMEMBERED:
        _alone.clear()
    _alone[key] += 1
    return _alone[key]

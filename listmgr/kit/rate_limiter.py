"""Permits to send, granted by Valkey to all workers on all hosts, many at a time.

Mails a second follow a schedule (GCRA): permits include their times, so several workers cause no
burst. Hours and days are counters. Valkey may lose everything: `since` says from when counters are
complete, and an older, missing counter is counted again from the rows (Unknown).
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, cast

import redis

from listmgr.kit.clock import now
from listmgr.kit.rate_limiter_scripts import load_scripts

# How long what is no longer used is kept.
_KEPT = 3_600
SECOND = 1_000_000


@dataclass(frozen=True, slots=True)
class Span:
    """An hour or a day: its limit (0 means none), its beginning and end in epoch seconds."""

    limit: int
    begin: int
    end: int


@dataclass(frozen=True, slots=True)
class Ask:
    """A request for permits of one key.

    With `ahead` they may lie in the future, as many as fall into `span` seconds; otherwise only
    those that are due are granted. Up to `slack` unused seconds may be caught up.
    """

    key: str
    want: int
    per_second: float = 0.0
    hour: Span = Span(0, 0, 0)
    day: Span = Span(0, 0, 0)
    span: float = 0.2
    ahead: float = 0.5
    slack: float = 0.1


@dataclass(frozen=True, slots=True)
class Grant:
    """`count` permits from `start` seconds on, or which limit is exhausted and until when.

    `why` is "", "second", "hour" or "day"; `wait` is in seconds.
    """

    count: int
    start: float = 0.0
    why: str = ""
    wait: float = 0.0


@dataclass(frozen=True, slots=True)
class UnknownCounter:
    """A counter that was lost or never existed: its key and its beginning (epoch seconds)."""

    key: str
    begin: int
    is_day: bool


@dataclass(frozen=True, slots=True)
class BackOff:
    """Back off for `first` seconds after that many refusals in a row, then twice as long each
    time.
    """

    strikes: int = 3
    first: float = 30.0
    longest: float = 3_600.0


_WHY = {0: "", 1: "second", 2: "hour", 3: "day"}


class RateLimiterUnavailable(Exception):
    """Valkey does not answer, so it is unknown what may be sent."""


class RateLimiter:
    """Permits shared by all workers. Every method may raise RateLimiterUnavailable."""

    def __init__(self, connection: redis.Redis) -> None:
        self._redis = connection
        self._scripts = {
            name: connection.register_script(source) for name, source in load_scripts().items()
        }

    def _run(self, script: str, keys: list[str], **args: object) -> Any:  # noqa: ANN401 - as Lua has it
        with _reaching():
            return self._scripts[script](keys=keys, args=[json.dumps(args)])

    def take(self, asks: Sequence[Ask], *, at: float = 0.0) -> list[Grant | UnknownCounter]:
        """Answer each request; `at` (epoch seconds) replaces Valkey's clock."""
        keys = [key for ask in asks for key in _keys(ask)]
        requests = [_as_json(ask) for ask in asks]
        replies = cast("list[list[int]]", self._run("take", keys, now=_micros(at), asks=requests))
        return [_answer(ask, reply) for ask, reply in zip(asks, replies, strict=True)]

    def give_back(self, ask: Ask, count: int) -> None:
        """Return unused permits."""
        self._run("give_back", _keys(ask)[:3], count=count, per_second=ask.per_second)

    def spend(self, ask: Ask, count: int) -> None:
        """Count what was used without asking. An incomplete counter is left to be recounted."""
        self._run("spend", _keys(ask), **_as_json(ask), count=count)

    def counted(self, ask: Ask, unknown: UnknownCounter, count: int) -> None:
        """Store what the rows say was used since `begin`, unless another worker did."""
        span, key = (ask.day, _keys(ask)[2]) if unknown.is_day else (ask.hour, _keys(ask)[1])
        keys = [key, f"{ask.key}:since"]
        self._run("seed", keys, count=count, forget_at=span.end + _KEPT)

    def used(self, ask: Ask) -> tuple[int, int]:
        """Return how many of the hour's and the day's permits are used."""
        with _reaching():
            counters = cast("list[bytes | None]", self._redis.mget(_keys(ask)[1:3]))
        return int(counters[0] or 0), int(counters[1] or 0)

    def enter(self, key: str, holders: Sequence[str], *, most: int, seconds: int) -> int:
        """Return how many of the holders have a slot now; existing holders keep theirs."""
        return int(self._run("enter", [key], most=most, seconds=seconds, holders=list(holders)))

    def leave(self, key: str, holders: Sequence[str]) -> None:
        """Release slots."""
        with _reaching():
            self._redis.zrem(key, *holders)

    def inside(self, key: str) -> int:
        """Return how many slots are taken."""
        with _reaching():
            seconds, _micros = self._redis.time()
            return int(self._redis.zcount(key, seconds * SECOND, "+inf"))

    def queue(self, key: str, count: int, *, rate: float, floor: float = 0.0) -> float:
        """Return in how many seconds the first of `count` deferred people is due; not before
        `floor`.
        """
        step = _micros(1 / rate)
        micros = self._run("queue", [f"{key}:tail"], count=count, step=step, floor=_micros(floor))
        return float(micros) / SECOND

    def heard(
        self, key: str, scope: str, *, good: int, bad: int, rule: BackOff, jitter: float
    ) -> float:
        """Record a place's answers; return until when (epoch seconds of `now`) to back off,
        or 0.
        """
        till = self._run(
            "back_off",
            [key],
            scope=scope,
            good=good,
            bad=bad,
            strikes=rule.strikes,
            first=_micros(rule.first),
            longest=_micros(rule.longest),
            jitter=jitter,
        )
        if not int(till):
            return 0.0
        with _reaching():
            return int(till) / SECOND + _behind(self._redis.time())

    def store_counter(self, key: str, number: int, *, seconds: int) -> None:
        """Store a number for this many seconds."""
        with _reaching():
            self._redis.set(key, number, ex=seconds)

    def read_counter(self, key: str) -> int | None:
        """Return the stored number, or None."""
        with _reaching():
            value = cast("bytes | None", self._redis.get(key))
        return None if value is None else int(value)

    def add_to_counter(self, key: str, number: int, *, enough: int) -> None:
        """Add to a stored number and delete it once it reaches `enough`."""
        self._run("add_if_there", [key], number=number, enough=enough)

    def left_alone(self, key: str) -> dict[str, float]:
        """Return until when each place is in back-off; after that one probe is allowed.

        In epoch seconds of `now`, which may differ from Valkey's.
        """
        with _reaching(), self._redis.pipeline(transaction=False) as pipe:
            pipe.hgetall(key)
            pipe.time()
            stored, clock = pipe.execute()
        behind = _behind(clock)
        places = ((name.decode(), value.split()) for name, value in stored.items())
        return {
            name: int(till) / SECOND + behind for name, (_, level, till) in places if int(level)
        }

    def recall(self, key: str) -> set[str]:
        """Return the names stored under a key."""
        with _reaching():
            names = cast("set[bytes]", self._redis.smembers(key))
        return {name.decode() for name in names}

    def remember(self, key: str, names: Collection[str], *, seconds: int) -> None:
        """Store these names under a key, replacing others."""
        with _reaching(), self._redis.pipeline() as pipe:
            pipe.delete(key)
            if names:
                pipe.sadd(key, *names)
                pipe.expire(key, seconds)
            pipe.execute()


@contextmanager
def _reaching() -> Iterator[None]:
    try:
        yield
    except redis.RedisError as error:
        raise RateLimiterUnavailable(type(error).__name__) from None


def _keys(ask: Ask) -> list[str]:
    hour, day = f"{ask.key}:h{ask.hour.begin}", f"{ask.key}:d{ask.day.begin}"
    return [f"{ask.key}:beat", hour, day, f"{ask.key}:since"]


def _behind(clock: tuple[int, int]) -> float:
    """Return how many seconds Valkey's clock is behind `now`."""
    seconds, micros = clock
    return now().timestamp() - seconds - micros / SECOND


def _micros(seconds: float) -> int:
    return round(seconds * SECOND)


def _as_json(ask: Ask) -> dict[str, object]:
    """Return a request as the scripts read it: spans in seconds, all else in microseconds."""
    hour, day = (
        {"limit": span.limit, "begins": span.begin, "ends": span.end}
        for span in (ask.hour, ask.day)
    )
    spans = {"span": _micros(ask.span), "ahead": _micros(ask.ahead), "slack": _micros(ask.slack)}
    return {"want": ask.want, "per_second": ask.per_second, "hour": hour, "day": day} | spans


def _answer(ask: Ask, reply: list[Any]) -> Grant | UnknownCounter:
    given, start, why, wait = reply
    if given < 0:
        return UnknownCounter(ask.key, start, why == 3)
    return Grant(given, start / SECOND, _WHY[why], wait / SECOND)


@lru_cache(maxsize=4)
def permits_at(url: str) -> RateLimiter:
    """Return the rate limiter of a server, which connects on first use."""
    return RateLimiter(redis.Redis.from_url(url, socket_connect_timeout=2, socket_timeout=5))

"""One worker's share of a sender's limits, and quiet hours.

Limits by recipients' domains are in domain_limits.py. Without limits this costs nothing; with high
limits permits are taken many at a time.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from listmgr.delivery.smtp.providers import scope_of
from listmgr.delivery.window_size import size_at
from listmgr.kit import shutdown
from listmgr.kit.clock import elapsed
from listmgr.kit.rate_limiter import (
    Ask,
    Grant,
    RateLimiter,
    RateLimiterUnavailable,
    Span,
    UnknownCounter,
)
from listmgr.senders.limits import Limit, SendingPolicy
from listmgr.senders.quiet_hours import (
    day_bounds,
    local_day,
)

PERMITS_AT_ONCE = 1_000
# Above this rate mails go as they come, a twentieth of a second's worth at a time.
PACED = 1_000
# Whose turn is later than this leaves it to the workers that are at it.
PATIENCE = 1.0
COUNTING = timedelta(seconds=3)
PLACE_SECONDS = 60
RENEWED_EVERY = 5.0


@dataclass(frozen=True, slots=True)
class Wait:
    """Why a whole campaign waits: "quiet", "hour", "day" or "counting"; and until when."""

    why: str
    until: datetime


def key_of(terms: SendingPolicy, scope: str = "") -> str:
    """Return the key of a counter; changed limits count anew, from the rows."""
    return f"listmgr:rate:{terms.sender_id}.{terms.revision}:{scope}"


def limited_as(terms: SendingPolicy, domain: str) -> str:
    """Return the domain if it has a limit of its own or no provider, else its provider."""
    return domain if domain in terms.domains else scope_of(domain)


def places_of(terms: SendingPolicy) -> str:
    """Return the key that counts the connections of all workers to a sender."""
    return f"listmgr:rate:{terms.sender_id}:connections"


def ask_of(
    terms: SendingPolicy, limit: Limit, at: datetime, *, scope: str = "", want: int = 0
) -> Ask:
    """Return the request for permits under a limit, in the hour and on the day of `at`."""
    hour = int(at.timestamp()) // 3_600 * 3_600
    begin, end = (int(b.timestamp()) for b in day_bounds(local_day(at, terms.zone), terms.zone))
    return Ask(
        key_of(terms, scope),
        want,
        per_second=float(limit.per_second),
        hour=Span(limit.per_hour, hour, hour + 3_600),
        day=Span(limit.per_day, begin, end),
        span=0.2 if limit.per_second <= PACED else 0.05,
    )


class Throttle:
    """Asks before each window, spaces mails, and returns unused permits."""

    def __init__(
        self,
        permits: RateLimiter,
        terms: SendingPolicy,
        *,
        holder: str,
        now: Callable[[], datetime],
        count: Callable[[str, datetime], int],
    ) -> None:
        self.permits = permits
        self.terms = terms
        self.holder = holder
        self.now = now
        # Why the campaign waits; whether others are at it already, so that this worker may go.
        self.waits: Wait | None = None
        self.crowded = False
        # Whether the next turn lies behind the end of this slice.
        self.ended = False
        self.gave_back = False
        self._count = count
        self._ask: Ask | None = None
        self._held = 0
        self._good_until = datetime.min.replace(tzinfo=UTC)
        self._step = 0.0
        self._next = 0.0
        self._places: list[str] = []
        self._renewed = 0.0
        quiet = terms.quiet_begins(now()) if terms.quiet else None
        left = (quiet - now()).total_seconds() if quiet else 0.0
        # When, on the clock of `elapsed`, quiet hours begin.
        self.quiet_from = elapsed() + left if quiet else math.inf

    def take(self, most: int, end: float) -> int:
        """Return how many mails the next window may hold, sleeping if necessary; 0 if none now."""
        at = self.now()
        quiet = self.terms.quiet_until(at)
        if quiet is not None:
            self.waits = Wait("quiet", quiet)
            return 0
        self._renew()
        if not self._held or at >= self._good_until:
            limit = self.terms.limit_on(at)
            if not limit.counts:
                return most
            try:
                self._fetch(ask_of(self.terms, limit, at, want=max(most, PERMITS_AT_ONCE)), end)
            except RateLimiterUnavailable:
                self.waits = Wait("counting", at + COUNTING)
        if not self._held or not self._until_its_turn(end):
            return 0
        if self.is_paced:
            most = min(most, size_at(1 / self._step))
        granted = min(most, self._held)
        self._held -= granted
        return granted

    def unused(self, count: int) -> None:
        """Keep permits a window did not use for the next one."""
        if self._ask is not None:
            self._held += count

    @property
    def is_paced(self) -> bool:
        """Whether mails are spaced one by one."""
        return self._step > 0

    def ahead(self) -> float:
        """Return the seconds until the next mail may be sent; the one after it is a step later."""
        current = time.monotonic()
        wait = self._next - current
        self._next = max(self._next, current - 0.1) + self._step
        return wait

    def _fetch(self, ask: Ask, end: float) -> None:
        if self._ask is not None and (self._ask.hour, self._ask.day) != (ask.hour, ask.day):
            self._held = 0  # Permits of an hour that is over.
        self._ask = ask
        self._good_until = datetime.fromtimestamp(min(ask.hour.end, ask.day.end), UTC)
        while not self._held:
            given = self.answer([ask])[0]
            if given.count:
                self._held = given.count
                rate = ask.per_second
                self._step = 1 / rate if 0 < rate <= PACED else 0.0
                self._next = max(self._next, time.monotonic() + given.start)
            elif given.why != "second":
                span = ask.hour if given.why == "hour" else ask.day
                self.waits = Wait(given.why, datetime.fromtimestamp(span.end, UTC))
                return
            elif given.wait > PATIENCE:
                self.crowded = True
                return
            elif self._too_late(given.wait, end) or shutdown.wait(given.wait):
                return

    def answer(self, asks: list[Ask], begun: Mapping[str, int] | None = None) -> list[Grant]:
        """Ask for permits; lost counters are first restored from the rows.

        `begun`: rows of each key that already exist for the permits asked for.
        """
        while True:
            answers = self.permits.take(asks)
            lost = [
                (ask, reply) for ask, reply in zip(asks, answers, strict=True) if _is_lost(reply)
            ]
            if not lost:
                return [reply for reply in answers if isinstance(reply, Grant)]
            for ask, reply in lost:
                assert isinstance(reply, UnknownCounter)
                scope = ask.key.split(":", 3)[3]
                count = self._count(scope, datetime.fromtimestamp(reply.begin, UTC))
                count -= (begun or {}).get(ask.key, 0)
                self.permits.counted(ask, reply, max(count, 0))

    def _until_its_turn(self, end: float) -> bool:
        wait = self._next - time.monotonic()
        if wait <= 0:
            return True
        return not (self._too_late(wait, end) or shutdown.wait(wait))

    def _too_late(self, wait: float, end: float) -> bool:
        self.ended = self.ended or time.monotonic() + wait > end
        return self.ended

    def admit(self) -> bool:
        """Whether another connection may be opened across all workers; False if their number is
        limited and Valkey is away.
        """
        most = self.terms.limit.at_once
        if not most:
            return True
        name = f"{self.holder}:{len(self._places)}"
        with suppress(RateLimiterUnavailable):
            if self.permits.enter(places_of(self.terms), [name], most=most, seconds=PLACE_SECONDS):
                self._places.append(name)
                return True
        return False

    def release(self) -> None:
        """Record that a connection was closed."""
        if self._places:
            with suppress(RateLimiterUnavailable):
                self.permits.leave(places_of(self.terms), [self._places.pop()])

    def _renew(self) -> None:
        current = time.monotonic()
        if not self._places or current - self._renewed < RENEWED_EVERY:
            return
        self._renewed = current
        most, key = self.terms.limit.at_once, places_of(self.terms)
        with suppress(RateLimiterUnavailable):
            self.permits.enter(key, self._places, most=most, seconds=PLACE_SECONDS)

    def close(self) -> None:
        """Return unused permits. Raises nothing."""
        if self._ask is not None and self._held:
            with suppress(RateLimiterUnavailable):
                self.permits.give_back(self._ask, self._held)
            self.gave_back = bool(self._ask.hour.limit or self._ask.day.limit)
            self._held = 0


def _is_lost(answer: Grant | UnknownCounter) -> bool:
    return isinstance(answer, UnknownCounter)

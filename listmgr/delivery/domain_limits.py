"""Limits by recipients' providers and domains, and back-off from domains that refuse.

A deferred recipient uses no attempt and queues behind the others; mail to everybody else continues.
"""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import NamedTuple

from listmgr.delivery.models import PutOffReason
from listmgr.delivery.sender_limits import (
    Throttle,
    ask_of,
    key_of,
    limited_as,
)
from listmgr.delivery.window import Recipient
from listmgr.kit.clock import elapsed, now
from listmgr.kit.rate_limiter import (
    Ask,
    BackOff,
    RateLimiterUnavailable,
)
from listmgr.senders.limits import Limit, SendingPolicy

BACK_OFF = BackOff()
LOOKED_EVERY = 1.0
PLACE_SECONDS = 60
# Behind the one that tries whether a domain takes mail again.
AFTER_THE_TRY = 5.0
BUSY = 2.0


class Deferral(NamedTuple):
    """A recipient whose domain may get no more now; `scope` names its limit.

    Without a time, the domain has refused for too long and is no longer tried.
    """

    subscriber_id: int
    at: datetime | None
    why: PutOffReason
    scope: str
    # It is the domain that refuses, and no limit of ours.
    refused: bool = False


def alone_of(terms: SendingPolicy) -> str:
    """Return the Valkey key under which all workers store domains in back-off."""
    return f"listmgr:rate:{terms.sender_id}:alone"


@dataclass(slots=True)
class DomainAnswers:
    """The answers of one domain in this window."""

    good: int = 0
    bad: int = 0


@dataclass(slots=True)
class DomainLimiter:
    """One worker's knowledge of the domains it sends to."""

    throttle: Throttle
    # Who refuses this campaign, and whether for too long.
    refusing: dict[str, bool] = field(default_factory=dict)
    alone: dict[str, float] = field(default_factory=dict)
    # What is not yet in the database: who has begun to refuse, and who takes mail again.
    newly_refusing: set[str] = field(default_factory=set)
    newly_taking: set[str] = field(default_factory=set)
    _held: Counter[str] = field(default_factory=Counter)
    _asks: dict[str, Ask] = field(default_factory=dict)
    _places: dict[str, int] = field(default_factory=dict)
    _heard: dict[str, DomainAnswers] = field(default_factory=lambda: defaultdict(DomainAnswers))
    _struck: set[str] = field(default_factory=set)
    _looked: float = 0.0

    @property
    def is_watching(self) -> bool:
        """Whether positive answers must be recorded too."""
        return bool(self._struck or self.alone or self.refusing)

    def split(self, people: list[Recipient]) -> tuple[list[Recipient], list[Deferral]]:
        """Split people into those who may be mailed now and those deferred, with time and
        reason.
        """
        self._look()
        rules = self.throttle.terms.domains
        if not (rules or self.alone or self.refusing):
            return people, []
        going, groups = self._grouped(people)
        put_off: list[Deferral] = []
        for scope, group in groups.items():
            if self.refusing.get(scope):
                put_off += [
                    Deferral(person.subscriber_id, None, PutOffReason.BACKING_OFF, scope)
                    for person in group
                ]
                groups[scope] = []
            elif scope in self.alone:
                groups[scope] = self._spared(scope, group, put_off)
            if groups[scope] and scope in rules and rules[scope].at_once:
                groups[scope] = self._placed(scope, groups[scope], put_off)
        self._permit({s: g for s, g in groups.items() if g and s in rules}, groups, put_off)
        for group in groups.values():
            going += group
        return going, put_off

    def _grouped(
        self, people: list[Recipient]
    ) -> tuple[list[Recipient], dict[str, list[Recipient]]]:
        special = self.throttle.terms.domains.keys() | self.alone.keys() | self.refusing.keys()
        going: list[Recipient] = []
        groups: dict[str, list[Recipient]] = defaultdict(list)
        places: dict[str, list[Recipient]] = {}
        for person in people:
            domain = person.envelope.rpartition("@")[2]
            place = places.get(domain)
            if place is None:
                scope = self.scope(person)
                place = groups[scope] if scope in special else going
                places[domain] = place
            place.append(person)
        return going, groups

    def scope(self, person: Recipient) -> str:
        """Return the domain or provider that limits this person's mail."""
        return limited_as(self.throttle.terms, person.envelope.rpartition("@")[2])

    def _look(self) -> None:
        if elapsed() - self._looked > LOOKED_EVERY:
            self._looked = elapsed()
            with suppress(RateLimiterUnavailable):
                key = alone_of(self.throttle.terms)
                self.alone = self.throttle.permits.left_alone(key)

    def _spared(
        self, scope: str, group: list[Recipient], put_off: list[Deferral]
    ) -> list[Recipient]:
        """Allow nobody while a domain is in back-off, then one person as a probe while the others
        wait.
        """
        until = self.alone[scope]
        trying = group[:1] if until <= now().timestamp() else []
        at = max(until, now().timestamp() + (AFTER_THE_TRY if trying else 0.0))
        put_off += [
            Deferral(
                person.subscriber_id,
                _moment(at + n / 100 + random.random()),  # noqa: S311
                PutOffReason.BACKING_OFF,
                scope,
                refused=True,
            )
            for n, person in enumerate(group[len(trying) :])
        ]
        return trying

    def _placed(
        self, scope: str, group: list[Recipient], put_off: list[Deferral]
    ) -> list[Recipient]:
        """Allow all if this worker holds one of the domain's concurrent slots, else nobody."""
        most, places = self.throttle.terms.domains[scope].at_once, 0
        names = [f"{self.throttle.holder}:{n}" for n in range(most)]
        with suppress(RateLimiterUnavailable):
            places = self.throttle.permits.enter(
                self._places_key(scope), names, most=most, seconds=PLACE_SECONDS
            )
        self._places[scope] = places
        if places:
            return group
        later = _moment(now().timestamp() + BUSY)
        put_off += [
            Deferral(person.subscriber_id, later, PutOffReason.RATE_LIMIT, scope)
            for person in group
        ]
        return []

    def _places_key(self, scope: str) -> str:
        return f"{key_of(self.throttle.terms, scope)}:at_once"

    def _permit(
        self,
        limited: dict[str, list[Recipient]],
        groups: dict[str, list[Recipient]],
        put_off: list[Deferral],
    ) -> None:
        """Ask for all limited domains at once; cut each group to the permits granted."""
        rules = self.throttle.terms.domains
        counting = {s: g for s, g in limited.items() if rules[s].counts}
        short = {s: len(g) - self._held[s] for s, g in counting.items() if len(g) > self._held[s]}
        waits = self._fetch(short, {s: len(g) for s, g in counting.items()})
        for scope, group in counting.items():
            count = min(len(group), self._held[scope])
            self._held[scope] -= count
            groups[scope], late = group[:count], group[count:]
            put_off += self._in_line(scope, rules[scope], late, waits.get(scope, 0.0))

    def _fetch(self, short: dict[str, int], begun: dict[str, int]) -> dict[str, float]:
        """Take permits; return until when (in seconds) an hour or a day has none left."""
        at, terms = self.throttle.now(), self.throttle.terms
        asks = {}
        for scope, count in short.items():
            rule = terms.domains[scope]
            # More than is needed now where much is allowed: the next window has them already.
            more = min(1_000, rule.per_second // 20) if rule.per_second else count
            ask = ask_of(terms, rule, at, scope=scope, want=max(count, more))
            asks[scope] = replace(ask, ahead=0.0, slack=0.25)
        waits = {}
        try:
            rows = {ask.key: begun[scope] for scope, ask in asks.items()}
            answers = self.throttle.answer(list(asks.values()), rows) if asks else []
        except RateLimiterUnavailable:
            return dict.fromkeys(short, BUSY)
        for (scope, ask), given in zip(asks.items(), answers, strict=True):
            self._asks[scope] = ask
            self._held[scope] += given.count
            waits[scope] = given.wait if given.why in {"hour", "day"} else 0.0
        return waits

    def _in_line(
        self, scope: str, rule: Limit, late: Sequence[Recipient], floor: float
    ) -> Iterator[Deferral]:
        """Yield times after everyone deferred before, spaced as the limit requires."""
        if not late:
            return
        start, step = floor, 1 / rule.each_second
        with suppress(RateLimiterUnavailable):
            key = key_of(self.throttle.terms, scope)
            start = self.throttle.permits.queue(key, len(late), rate=rule.each_second, floor=floor)
        for n, person in enumerate(late):
            at = _moment(now().timestamp() + max(start, step) + n * step)
            yield Deferral(person.subscriber_id, at, PutOffReason.RATE_LIMIT, scope)

    def rounds(self, people: list[Recipient]) -> Iterator[list[Recipient]]:
        """Yield everybody at once, or a domain's people in groups if it accepts few at a time."""
        if not self._places:
            yield people
            return
        left = people
        while left:
            first: list[Recipient] = []
            later: list[Recipient] = []
            taken = Counter[str]()
            for person in left:
                scope = self.scope(person)
                taken[scope] += 1
                full = taken[scope] > self._places.get(scope, len(people))
                (later if full else first).append(person)
            yield first
            left = later

    def hear(self, person: Recipient, *, good: bool) -> None:
        """Record an answer that concerns the whole domain."""
        heard = self._heard[self.scope(person)]
        if good:
            heard.good += 1
        else:
            heard.bad += 1

    def tell(self) -> None:
        """Share what this window showed about refusing domains with the other workers."""
        for scope, heard in self._heard.items():
            if heard.good and scope in self.refusing:
                del self.refusing[scope]
                self.newly_taking.add(scope)
            if not heard.bad and scope not in self._struck and scope not in self.alone:
                continue
            with suppress(RateLimiterUnavailable):
                until = self.throttle.permits.heard(
                    alone_of(self.throttle.terms),
                    scope,
                    good=heard.good,
                    bad=heard.bad,
                    rule=BACK_OFF,
                    jitter=0.8 + 0.4 * random.random(),  # noqa: S311 - spreads, guards nothing
                )
                self._learn(scope, until, good=bool(heard.good))
        self._heard.clear()

    def _learn(self, scope: str, until: float, *, good: bool) -> None:
        if good:
            self._struck.discard(scope)
            self.alone.pop(scope, None)
        else:
            self._struck.add(scope)
            if until:
                self.alone[scope] = until
                if scope not in self.refusing:
                    self.refusing[scope] = False
                    self.newly_refusing.add(scope)

    def close(self) -> None:
        """Return unused permits and slots."""
        with suppress(RateLimiterUnavailable):
            for scope, count in self._held.items():
                if count:
                    self.throttle.permits.give_back(self._asks[scope], count)
            for scope, places in self._places.items():
                names = [f"{self.throttle.holder}:{n}" for n in range(places)]
                if names:
                    self.throttle.permits.leave(self._places_key(scope), names)
        self._held.clear()


def _moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)

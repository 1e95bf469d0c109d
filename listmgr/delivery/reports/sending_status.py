"""What affects a campaign's sending now: limits, their use, and who waits."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy.orm import Session

from listmgr.campaigns.models import Campaign
from listmgr.config import Settings
from listmgr.delivery.domain_limits import alone_of
from listmgr.delivery.route import outlet
from listmgr.delivery.sender_limits import (
    ask_of,
    places_of,
)
from listmgr.kit.rate_limiter import (
    RateLimiter,
    RateLimiterUnavailable,
)
from listmgr.senders.limits import Limit, SendingPolicy
from listmgr.senders.models import Sender
from listmgr.senders.routing import (
    NoSender,
    find_sender,
)


@dataclass(frozen=True, slots=True)
class LimitUsage:
    """A limit and how much of it is used; `scope` is "" for the sender itself."""

    scope: str
    limit: Limit
    hour: int = 0
    day: int = 0
    at_once: int = 0


@dataclass(frozen=True, slots=True)
class SendingStatus:
    """The sender, its limits, domains in back-off, and the next quiet hours."""

    sender: Sender
    limits: tuple[LimitUsage, ...]
    alone: tuple[tuple[str, datetime], ...]
    is_warming_up: bool
    quiet_begins: datetime | None


def sending_status(
    session: Session, settings: Settings, campaign: Campaign, permits: RateLimiter, at: datetime
) -> SendingStatus | None:
    """Return the status; None if no sender serves the campaign. Without Valkey usage is unknown."""
    try:
        terms = outlet(session, settings, campaign).terms
    except NoSender:
        return None
    limit = terms.limit_on(at)
    rules = {"": limit, **terms.domains}
    alone: dict[str, float] = {}
    try:
        limits = [_used(permits, terms, rules[scope], scope, at) for scope in rules]
        alone = permits.left_alone(alone_of(terms))
    except RateLimiterUnavailable:
        limits = [LimitUsage(scope, rule) for scope, rule in rules.items()]
    waiting = sorted(alone.items(), key=lambda item: -item[1])
    return SendingStatus(
        find_sender(session, terms.sender_id),
        tuple(used for used in limits if used.limit != Limit()),
        tuple((scope, datetime.fromtimestamp(until, UTC)) for scope, until in waiting),
        limit.per_day != terms.limit.per_day,
        terms.quiet_begins(at),
    )


def _used(
    permits: RateLimiter, terms: SendingPolicy, limit: Limit, scope: str, at: datetime
) -> LimitUsage:
    hour, day = permits.used(ask_of(terms, limit, at, scope=scope)) if limit.counts else (0, 0)
    inside = permits.inside(places_of(terms)) if limit.at_once and not scope else 0
    return LimitUsage(scope, limit, hour, day, inside)

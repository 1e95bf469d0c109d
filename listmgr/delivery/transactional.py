"""Send transactional mails: they wait for no limit but count towards their sender's."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from datetime import datetime

from listmgr.delivery.sender_limits import (
    ask_of,
    limited_as,
)
from listmgr.kit.mail import MailReceipt, MailServerAway, OutgoingMail, SendMail
from listmgr.kit.rate_limiter import (
    RateLimiter,
    RateLimiterUnavailable,
)
from listmgr.senders.limits import SendingPolicy
from listmgr.senders.transactional_route import (
    SendVia,
    TransactionalRoute,
)


def post_by(post: SendMail, permits: RateLimiter, *, now: Callable[[], datetime]) -> SendVia:
    """Return the function that sends a mail over its route's account."""

    def hand_over(letter: OutgoingMail, way: TransactionalRoute) -> MailReceipt:
        begun = True
        try:
            return post(letter, way.account)
        except MailServerAway:
            begun = False
            raise
        finally:
            if begun:
                _count(permits, way.terms, letter.to, now())

    return hand_over


def _count(permits: RateLimiter, terms: SendingPolicy, to: str, at: datetime) -> None:
    """Take one permit from this hour and day; campaigns' next mail is delayed by one turn."""
    place = limited_as(terms, to.rpartition("@")[2])
    limits = {"": terms.limit_on(at)}
    if place in terms.domains:
        limits[place] = terms.domains[place]
    with suppress(RateLimiterUnavailable):
        for scope, limit in limits.items():
            if limit.counts:
                permits.spend(ask_of(terms, limit, at, scope=scope), 1)

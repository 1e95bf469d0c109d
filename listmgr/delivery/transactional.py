"""Posts single letters: they wait for no limit, and are counted under those of their sender."""

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
    """The function that hands a letter to the account of its way."""

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
    """Campaigns have one permit less this hour and day, and their next mail goes a turn later."""
    place = limited_as(terms, to.rpartition("@")[2])
    limits = {"": terms.limit_on(at)}
    if place in terms.domains:
        limits[place] = terms.domains[place]
    with suppress(RateLimiterUnavailable):
        for scope, limit in limits.items():
            if limit.counts:
                permits.spend(ask_of(terms, limit, at, scope=scope), 1)

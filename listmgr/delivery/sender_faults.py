"""Tells a fault of the sender from the policy of one recipient's server.

Servers refuse with the same codes (RFC 3463, x.7) whether the sender's SPF is broken or they take
no mail from strangers. It is the sender's fault when several domains say so with no mail taken in
between.
"""

from __future__ import annotations

from contextlib import suppress

from listmgr.kit.rate_limiter import (
    RateLimiter,
    RateLimiterUnavailable,
)

# So many domains or providers in a row.
DOMAINS = 3
_KEPT_SECONDS = 86_400


class SenderFaults:
    """The domains of a campaign that have blamed the sender since a mail was last taken.

    Kept in Valkey from slice to slice, since a slow campaign has few mails in one. Losing it, or
    two workers writing at once, only makes the row begin anew.
    """

    def __init__(self, permits: RateLimiter, campaign_id: int) -> None:
        self._permits = permits
        self._key = f"listmgr:campaign:{campaign_id}:sender-faults"
        self.scopes: set[str] = set()
        with suppress(RateLimiterUnavailable):
            self.scopes = permits.recall(self._key)
        self._stored = set(self.scopes)
        self._enough = False

    def refuse(self, scope: str) -> bool:
        """Note who blames the sender; whether enough do."""
        self.scopes.add(scope)
        self._enough = self._enough or len(self.scopes) >= DOMAINS
        return self._enough

    def accept(self) -> None:
        """A mail was taken: the row is broken."""
        self.scopes.clear()

    def close(self) -> None:
        """Keep the row for the next slice; after enough of them it begins anew. Raises nothing."""
        if self._enough:
            self.scopes.clear()
        if self.scopes != self._stored:
            with suppress(RateLimiterUnavailable):
                self._permits.remember(self._key, self.scopes, seconds=_KEPT_SECONDS)

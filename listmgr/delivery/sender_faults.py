"""Distinguish a fault of the sender from one recipient's server's policy.

Servers refuse with the same codes (RFC 3463, x.7) whether the sender's SPF is broken or they accept
no mail from strangers. It is the sender's fault if several domains say so and no mail was taken in
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
    """The domains that have blamed the sender since a mail was last taken.

    Stored in Valkey across slices, since a slow campaign has few mails in one. If it is lost, or
    two workers write at once, counting starts again.
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
        """Record a domain that blames the sender; return whether enough do."""
        self.scopes.add(scope)
        self._enough = self._enough or len(self.scopes) >= DOMAINS
        return self._enough

    def accept(self) -> None:
        """Record that a mail was taken, which resets the count."""
        self.scopes.clear()

    def close(self) -> None:
        """Store the count for the next slice, or reset it if it was reached. Raises nothing."""
        if self._enough:
            self.scopes.clear()
        if self.scopes != self._stored:
            with suppress(RateLimiterUnavailable):
                self._permits.remember(self._key, self.scopes, seconds=_KEPT_SECONDS)

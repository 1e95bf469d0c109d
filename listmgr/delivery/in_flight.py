"""How many mails may be in flight on a connection: few after a break, then more again.

Mails sent completely but unanswered when a connection breaks are uncertain. A server that drops
connections therefore gets one mail at a time, and every hundred mails without a break allow one
more. All workers share what is known of a server.
"""

from __future__ import annotations

from contextlib import suppress

from listmgr.config import MailSettings
from listmgr.kit.rate_limiter import (
    RateLimiter,
    RateLimiterUnavailable,
)

MAX_IN_FLIGHT = 50
# So many mails have to be taken without a break before one more is under way.
TAKEN_FOR_ONE_MORE = 100
# How long a break is remembered that no mail has followed, in seconds.
REMEMBERED_SECONDS = 86_400


class InFlight:
    """One worker's knowledge of a server; `taken` counts mails since the last break, if any."""

    def __init__(self, most: int = MAX_IN_FLIGHT) -> None:
        self.most = most
        self.taken: int | None = None

    @property
    def size(self) -> int:
        """How many mails may be in flight on a connection. With one, its body waits for the
        server's go-ahead (DATA), so that a break before that leaves nothing uncertain.
        """
        if self.taken is None:
            return self.most
        return min(self.most, 1 + self.taken // TAKEN_FOR_ONE_MORE)

    def succeed(self, count: int) -> None:
        """Record that the server took this many mails."""
        if self.taken is not None:
            self.taken += count

    def fail(self) -> None:
        """Record that a connection broke with mails in flight."""
        self.taken = 0

    def close(self) -> None:
        """Sending is over."""


class SharedInFlight(InFlight):
    """The same shared by all workers in Valkey across slices; without Valkey nothing is known."""

    def __init__(self, permits: RateLimiter, account: MailSettings) -> None:
        super().__init__()
        self._permits = permits
        self._key = f"listmgr:smtp:{account.host}:{account.port}:taken"
        with suppress(RateLimiterUnavailable):
            self.taken = permits.read_counter(self._key)
        self._before = self.taken or 0

    def fail(self) -> None:
        """Store the break at once, since this process may be killed and the others must know."""
        super().fail()
        self._before = 0
        with suppress(RateLimiterUnavailable):
            self._permits.store_counter(self._key, 0, seconds=REMEMBERED_SECONDS)

    def close(self) -> None:
        """Share how many mails were taken; forget the break once it is compensated."""
        if self.taken is None or self.taken == self._before:
            return
        enough = self.most * TAKEN_FOR_ONE_MORE
        with suppress(RateLimiterUnavailable):
            self._permits.add_to_counter(self._key, self.taken - self._before, enough=enough)
        self._before = self.taken

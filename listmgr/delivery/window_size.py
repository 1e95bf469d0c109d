"""The number of mails in a window: never more than the server takes in a second."""

from __future__ import annotations

import time

from listmgr.kit import shutdown
from listmgr.kit.clock import elapsed

START = 50
# A window holds what a rate allows in so many seconds: of a killed worker's window, what had not
# been handed over is uncertain as well.
RATED_SECONDS = 0.1


def size_at(rate: float) -> int:
    """Return how many people a window may hold at this many mails a second."""
    return max(1, int(rate * RATED_SECONDS))


class Pace:
    """Measures the server's speed; keeps windows under `seconds` and under `rate` mails a
    second.
    """

    def __init__(self, most: int, seconds: float, rate: float = 0.0) -> None:
        self.most = max(1, most)
        self.seconds = seconds
        self.rate = rate
        self._size = min(self.most, START)
        self._begun = 0.0
        self._next = 0.0

    def size(self) -> int:
        """How many people the next window may hold."""
        if self.rate:
            return min(self._size, size_at(self.rate))
        return self._size

    def begin(self, asked_at: float) -> None:
        """Record that a window was committed and when its gate was asked (clock of `elapsed`)."""
        self._begun = asked_at

    @property
    def until(self) -> float:
        """Until when, on the same clock, the window may be written (L-14)."""
        return self._begun + self.seconds

    def wait_for_turn(self) -> None:
        """Wait until the rate allows a mail, or this process is asked to stop."""
        if self.rate:
            shutdown.wait(self._next - time.monotonic())

    def wait(self) -> None:
        """Wait until the rate allows the next mail, and use its turn."""
        if not self.rate:
            return
        current = time.monotonic()
        self._next = max(self._next, current)
        time.sleep(self._next - current)
        self._next += 1 / self.rate

    def end(self, done: int) -> None:
        """Adapt to a window: double the size if it was fast, reduce it if it was slow."""
        took = max(elapsed() - self._begun, 1e-6)
        if took > self.seconds / 2:
            self._size = max(1, int(done / took * self.seconds / 2))
        elif took < self.seconds / 4:
            self._size = min(self.most, self._size * 2)

"""How many mails a window holds: never more than the server takes in a second."""

from __future__ import annotations

import time

START = 50


class Pace:
    """Learns the server's speed; keeps windows under `seconds`, and under `rate` mails a second."""

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
            return max(1, min(self._size, int(self.rate * self.seconds)))
        return self._size

    def begin(self, _people: int) -> None:
        """A window has been committed: its clock runs."""
        self._begun = time.monotonic()

    @property
    def until(self) -> float:
        """Until when, on the monotonic clock, another mail of the window may begin (L-14)."""
        return self._begun + self.seconds

    def wait(self) -> None:
        """Wait until the rate allows the next mail."""
        if not self.rate:
            return
        current = time.monotonic()
        self._next = max(self._next, current)
        time.sleep(self._next - current)
        self._next += 1 / self.rate

    def end(self, done: int) -> None:
        """Learn from a window: twice as large when it was quick, smaller when it was slow."""
        took = max(time.monotonic() - self._begun, 1e-6)
        if took > self.seconds / 2:
            self._size = max(1, int(done / took * self.seconds / 2))
        elif took < self.seconds / 4:
            self._size = min(self.most, self._size * 2)

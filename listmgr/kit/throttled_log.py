"""Log a repeating error only once."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass, field

# Seconds after which a trouble that lasts is said again.
SAID_AGAIN = 600.0


@dataclass(slots=True)
class ThrottledLog:
    """Logs the beginning of each problem, and a reminder every ten minutes while it lasts.

    Logs only the name of the error: its text may contain an address, a statement or a password.
    """

    log_to: logging.Logger
    since: dict[str, float] = field(default_factory=dict)

    def log(self, what: str, error: BaseException, sentence: str) -> None:
        """Log that `what` fails, unless it was logged recently."""
        at = time.monotonic()
        if at - self.since.get(what, -SAID_AGAIN) >= SAID_AGAIN:
            self.since[what] = at
            self.log_to.warning("%s: %s", sentence, type(error).__name__)

    def end(self, what: str) -> None:
        """End the problem: its next occurrence is logged at once."""
        self.since.pop(what, None)

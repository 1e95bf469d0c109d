"""Says once what goes wrong again and again."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass, field

# Seconds after which a trouble that lasts is said again.
SAID_AGAIN = 600.0


@dataclass(slots=True)
class ThrottledLog:
    """Logs the beginning of each trouble, and a reminder every ten minutes while it lasts.

    The name of an error only: its text may hold an address, a statement or a password.
    """

    log_to: logging.Logger
    since: dict[str, float] = field(default_factory=dict)

    def log(self, what: str, error: BaseException, sentence: str) -> None:
        """Say that `what` fails, unless it was said lately."""
        at = time.monotonic()
        if at - self.since.get(what, -SAID_AGAIN) >= SAID_AGAIN:
            self.since[what] = at
            self.log_to.warning("%s: %s", sentence, type(error).__name__)

    def end(self, what: str) -> None:
        """The trouble is over: the next one is said at once."""
        self.since.pop(what, None)

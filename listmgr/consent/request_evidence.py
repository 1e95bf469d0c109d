"""Evidence that a request carries about the act: network address, user agent, method."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class RequestFacts:
    """Personal evidence of one act. `method` is how it was done: a button, one-click, staff."""

    ip: str = ""
    user_agent: str = ""
    method: str = ""
    language: str = ""

    def evidence(self) -> dict[str, Any]:
        """Return the personal part, for the erasable evidence beside the ledger."""
        return {"ip": self.ip, "user_agent": self.user_agent[:500], "method": self.method}

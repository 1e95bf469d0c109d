"""Evidence that a request carries about the act: network address, user agent, method."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from listmgr.consent.methods import Method, RecordedBy


@dataclass(frozen=True, slots=True)
class RequestFacts:
    """Personal evidence of one act, and who recorded it if that was not the person."""

    ip: str = ""
    user_agent: str = ""
    method: Method | None = None
    language: str = ""
    recorded_by: RecordedBy | None = None

    def evidence(self) -> dict[str, Any]:
        """Return the personal part, for the erasable evidence beside the ledger."""
        recorded = {} if self.recorded_by is None else {"recorded_by": self.recorded_by}
        return {
            "ip": self.ip,
            "user_agent": self.user_agent[:500],
            "method": self.method or "",
            **recorded,
        }

"""How far a campaign is, from the counters beside its leases: never a count over its deliveries."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.orm import Session

from listmgr.delivery.launch import partition
from listmgr.delivery.models import DeliveryStatus


@dataclass(frozen=True, slots=True)
class Progress:
    """Counts of people. `skipped` tells by reason whom the gate held back after the launch."""

    audience: int
    sent: int
    failed: int
    deferred: int
    uncertain: int
    remaining: int
    skipped: Mapping[str, int]

    @property
    def percent(self) -> int:
        """How much of the audience has been gone through, 0 to 100."""
        if not self.audience:
            return 100 if not self.remaining else 0
        return max(0, min(100, 100 * (self.audience - self.remaining) // self.audience))


_SUMS = sa.text(
    "SELECT coalesce(sum(audience), 0), coalesce(sum(sent), 0), coalesce(sum(failed), 0),"
    " coalesce(sum(deferred), 0), coalesce(sum(uncertain), 0),"
    # A range half gone through counts by how far its ids have been passed.
    " coalesce(sum(CASE WHEN state = 'done' OR position >= hi THEN 0 ELSE"
    "  ceil(audience * ((hi - position)::float / greatest(hi - lo, 1))) END), 0)"
    " FROM campaign_leases WHERE campaign_id = :campaign"
)
_SKIPPED = sa.text(
    "SELECT k, sum(v::bigint) FROM campaign_leases, jsonb_each_text(skipped) AS t(k, v)"
    " WHERE campaign_id = :campaign GROUP BY k ORDER BY k"
)


def progress(session: Session, campaign_id: int) -> Progress:
    """Where the campaign stands now."""
    sums = [int(value) for value in session.execute(_SUMS, {"campaign": campaign_id}).one()]
    skipped = {str(k): int(v) for k, v in session.execute(_SKIPPED, {"campaign": campaign_id})}
    audience, sent, failed, deferred, uncertain, remaining = sums
    return Progress(audience, sent, failed, deferred, uncertain, remaining, skipped)


@dataclass(frozen=True, slots=True)
class Problem:
    """Deliveries of one state with one answer of the server."""

    status: DeliveryStatus
    reply: str
    count: int


def problems(session: Session, campaign_id: int, limit: int = 20) -> list[Problem]:
    """What went wrong, most frequent first."""
    rows = session.execute(
        sa.text(
            f"SELECT status, coalesce(reply, ''), count(*) FROM {partition(campaign_id)}"
            " WHERE status IN ('failed', 'deferred', 'uncertain')"
            " GROUP BY 1, 2 ORDER BY 3 DESC, 1, 2 LIMIT :limit"
        ),
        {"limit": limit},
    )
    return [Problem(DeliveryStatus(status), reply, count) for status, reply, count in rows]

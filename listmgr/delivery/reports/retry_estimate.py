"""Estimate how many failed deliveries could be retried by a bounded sample.

The gate decides who may be mailed, as it does right before a mail is sent. The sample takes some of
each kind of failure; those that block an address come last, since hardly any of these can be mailed
again.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from listmgr.campaigns.audience import audience
from listmgr.campaigns.models import Campaign
from listmgr.config import Settings
from listmgr.consent.gate import FROM_CONSENTS, MAILABLE, REASONS, gate_binds
from listmgr.delivery.models import DeliveryStatus, partition_name
from listmgr.delivery.reports.failure_kinds import OF_KIND, failure_kinds_cte
from listmgr.delivery.retention import deliveries_kept
from listmgr.delivery.smtp.reply_codes import BLOCKING
from listmgr.delivery.window import NOT_IN_SEGMENT
from listmgr.kit.sql_condition import EVERYBODY

# How many kinds of failure are looked at, and how many people of each.
KINDS, OF_EACH = 12, 100
# Held back by the gate when they were tried again: an operator's retry leaves them out.
_LEFT_OUT = [*REASONS, NOT_IN_SEGMENT]


@dataclass(frozen=True, slots=True)
class Retriable:
    """`count` of the `looked_at` may be mailed now; `whole`: no others remain."""

    count: int
    looked_at: int
    whole: bool

    @property
    def offered(self) -> bool:
        """Whether a retry would or might reach anybody."""
        return self.count > 0 or not self.whole


def retriable(session: Session, settings: Settings, campaign: Campaign) -> Retriable:
    """Estimate how many failed recipients the gate would admit now.

    Raises BrokenRule if the audience cannot be evaluated: then nobody may be mailed.
    """
    if not deliveries_kept(session, campaign.id):
        return Retriable(0, 0, whole=True)
    rows = _failed(session, campaign.id)
    of_kind = Counter(row.kind for row in rows if not row.blocks)
    # Of a kind that blocks the address the others need not be seen.
    whole = len(of_kind) <= KINDS and max(of_kind.values(), default=0) <= OF_EACH
    people = [row.id for row in rows if row.kind <= KINDS and row.number <= OF_EACH]
    return Retriable(_let_through(session, settings, campaign, people), len(people), whole)


def _failed(session: Session, campaign_id: int) -> Sequence[sa.Row[Any]]:
    """Return up to one more person of each kind than is examined, so that excess is known."""
    name = partition_name(campaign_id)
    failures = failure_kinds_cte(campaign_id, DeliveryStatus.FAILED)
    return session.execute(
        sa.text(
            f"{failures},"
            " kinds AS MATERIALIZED (SELECT e.*, e.failure_code = ANY(:blocking) AS blocks,"
            "  row_number() OVER (ORDER BY e.failure_code = ANY(:blocking), e.failure_code,"
            "   e.failure_scope) AS kind"
            "  FROM every e WHERE e.failure_code <> ALL(:left_out)"
            "  ORDER BY kind LIMIT :kinds + 1)"
            " SELECT k.kind, k.blocks, x.id, x.number FROM kinds k CROSS JOIN LATERAL ("
            "  SELECT d.subscriber_id AS id,"
            "   row_number() OVER (ORDER BY d.subscriber_id) AS number"
            f"  FROM {name} d WHERE {OF_KIND}"
            "  ORDER BY d.subscriber_id LIMIT :each + 1) x"
        ),
        {"blocking": BLOCKING, "left_out": _LEFT_OUT, "kinds": KINDS, "each": OF_EACH},
    ).all()


def _let_through(
    session: Session, settings: Settings, campaign: Campaign, people: Sequence[int]
) -> int:
    if not people:
        return 0
    among = audience(session, campaign)
    test = "" if among is EVERYBODY else f" AND ({among.sql})"
    admitted = session.scalar(
        sa.text(
            f"SELECT count(*) FROM {FROM_CONSENTS} WHERE c.subscriber_id = ANY(:people)"
            f" AND c.purpose_id = :purpose AND {MAILABLE}{test}"
        ),
        {
            "people": people,
            "purpose": campaign.purpose_id,
            **gate_binds(settings),
            **among.binds,
        },
    )
    return int(admitted or 0)

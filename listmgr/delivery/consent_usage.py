"""Record when consents were last used, lease by lease, after the mails were sent.

Drives ageing and the retention of proofs, to the month (L-06, L-08). Nothing waits for it: recorded
with the mails, it was a third of PostgreSQL's work for each of them.
"""

from __future__ import annotations

import sqlalchemy as sa

from listmgr.delivery.models import CampaignLease, LeaseState
from listmgr.delivery.planner_hints import use_index_plans
from listmgr.kit.transaction import Transaction

_NOTE = sa.text(
    "WITH used AS MATERIALIZED (SELECT consent_id, date_trunc('month', begun_at) AS month"
    "  FROM deliveries WHERE campaign_id = :campaign AND subscriber_id >= :lo"
    "   AND subscriber_id < :hi AND status IN ('sent', 'uncertain')),"
    " held AS MATERIALIZED (SELECT c.id, used.month FROM consents c"
    "   JOIN used ON used.consent_id = c.id"
    "  WHERE c.id = ANY(ARRAY(SELECT consent_id FROM used))"
    "   AND (c.last_used_at IS NULL OR c.last_used_at < used.month)"
    "  ORDER BY c.id FOR NO KEY UPDATE OF c)"
    " UPDATE consents c SET last_used_at = held.month FROM held"
    " WHERE c.id = held.id AND c.id = ANY(ARRAY(SELECT id FROM held))"
)


def note_uses(tx: Transaction) -> bool:
    """Record the uses of one finished lease; return whether there was one. Safe to run twice."""
    lease = tx.session.execute(
        sa.select(
            CampaignLease.campaign_id,
            CampaignLease.lo,
            CampaignLease.hi,
            CampaignLease.sent,
            CampaignLease.uncertain,
        )
        .where(CampaignLease.state == LeaseState.DONE, ~CampaignLease.noted)
        .order_by(CampaignLease.campaign_id, CampaignLease.lo)
        .limit(1)
    ).one_or_none()
    if lease is None:
        return False
    use_index_plans(tx)
    tx.session.execute(_NOTE, {"campaign": lease.campaign_id, "lo": lease.lo, "hi": lease.hi})
    # After the consents, as an erasure does it. Another answer meanwhile: it is gone through again.
    tx.session.execute(
        sa.update(CampaignLease)
        .where(
            CampaignLease.campaign_id == lease.campaign_id,
            CampaignLease.lo == lease.lo,
            CampaignLease.sent == lease.sent,
            CampaignLease.uncertain == lease.uncertain,
        )
        .values(noted=True)
    )
    return True

"""Retention of deliveries: after it a campaign's partition is dropped and its counters stay."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from listmgr.campaigns.compose import lock_campaign
from listmgr.campaigns.models import CampaignStatus
from listmgr.delivery.models import partition_name
from listmgr.kit.transaction import Transaction

ENDED = (CampaignStatus.FINISHED, CampaignStatus.CANCELLED)
_PAST = "k.finished_at < CAST(:at AS timestamptz) - make_interval(months => :months)"


def deliveries_kept(session: Session, campaign_id: int) -> bool:
    """Whether the recipients of a campaign are still stored."""
    table = partition_name(campaign_id)
    return session.scalar(sa.text("SELECT to_regclass(:name)"), {"name": table}) is not None


def expired_campaigns(session: Session, months: int, *, at: datetime) -> Sequence[int]:
    """Return campaigns whose deliveries are past their retention; none if months is 0."""
    if not months:
        return []
    query = sa.text(
        f"SELECT k.id FROM campaigns k WHERE k.status IN ('finished', 'cancelled') AND {_PAST}"
        "  AND to_regclass('deliveries_' || k.id) IS NOT NULL ORDER BY k.id"
    )
    return session.scalars(query, {"at": at, "months": months}).all()


def drop_deliveries(tx: Transaction, campaign_id: int, *, at: datetime) -> bool:
    """Drop one campaign's deliveries if they are due; return False if not, or if done already.

    Reads and writes no rows. No sender waits for it: workers write to their own campaign's
    partition, and if the parent table is locked for more than a moment, this gives up.
    """
    campaign = lock_campaign(tx, campaign_id)
    due = expired_campaigns(tx.session, tx.settings.delivery_months, at=at)
    if campaign.status not in ENDED or campaign_id not in due:
        return False
    tx.session.execute(sa.text("SET LOCAL lock_timeout = '3s'"))
    tx.session.execute(sa.text("SELECT drop_delivery_partition(:id)"), {"id": campaign_id})
    return True

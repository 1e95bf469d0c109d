"""Recover what lost jobs and workers left: campaigns to queue, rows half done, campaigns to
finish.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from listmgr.campaigns import control
from listmgr.campaigns.compose import lock_campaign
from listmgr.campaigns.models import Campaign, CampaignStatus, PauseCause
from listmgr.delivery.leases import lock_leases
from listmgr.delivery.models import CampaignLease, LeaseState, partition_name
from listmgr.kit.queue import Job
from listmgr.kit.transaction import Transaction

SLICE_TIMEOUT = 180
LATE = timedelta(minutes=2)


def slice_job(campaign_id: int, slot: int, turn: int) -> Job:
    """Return the job for one slice of a chain. Turns alternate because a running job keeps
    its key.
    """
    return Job(
        "send_slice",
        (campaign_id, slot, turn),
        queue="send",
        key=f"send-{campaign_id}-{slot}-{turn}",
        timeout=SLICE_TIMEOUT,
    )


def enqueue_campaign(tx: Transaction, campaign_id: int) -> None:
    """Queue a campaign after the commit.

    One chain of jobs for each worker that may work on it.
    """
    for slot in range(max(1, tx.settings.send_slots)):
        tx.after_commit(slice_job(campaign_id, slot, 0))


def campaigns_to_sweep(session: Session, *, at: datetime) -> Sequence[int]:
    """Return campaigns that may have work or rows left half done."""
    return session.scalars(
        sa.select(Campaign.id)
        .where(
            sa.or_(
                Campaign.status.in_([CampaignStatus.RUNNING, CampaignStatus.PAUSED]),
                Campaign.finished_at > at - timedelta(days=1),
            )
        )
        .order_by(Campaign.id)
    ).all()


def sweep_campaigns(tx: Transaction, *, at: datetime) -> None:
    """Sweep all campaigns in one transaction."""
    for campaign_id in campaigns_to_sweep(tx.session, at=at):
        sweep_campaign(tx, campaign_id, at=at)


def sweep_campaign(tx: Transaction, campaign_id: int, *, at: datetime) -> None:
    """Queue what is due, settle abandoned rows, finish the campaign if it is done."""
    campaign = tx.session.get(Campaign, campaign_id)
    if campaign is None:
        return
    working = _unfinished_leases(tx, campaign.id)
    if campaign.status is not CampaignStatus.RUNNING or not working:
        # Before the leases and the deliveries, as everybody does who writes to both.
        lock_campaign(tx, campaign.id)
        settle_late(tx, campaign.id)
    if campaign.status is CampaignStatus.PAUSED:
        if campaign.pause_cause is PauseCause.SERVER_AWAY:
            tx.after_commit(Job("knock", (campaign.id,), queue="work", key=f"knock-{campaign.id}"))
    elif campaign.status is CampaignStatus.RUNNING:
        if campaign.waits_until is not None and campaign.waits_until > at:
            return
        if working or _deferred_due(tx, campaign.id):
            enqueue_campaign(tx, campaign.id)
        else:
            finish_if_done(tx, campaign.id, at=at)


def _unfinished_leases(tx: Transaction, campaign_id: int) -> bool:
    query = sa.select(CampaignLease.lo).where(
        CampaignLease.campaign_id == campaign_id, CampaignLease.state != LeaseState.DONE
    )
    return tx.session.scalars(query.limit(1)).first() is not None


def _deferred_due(tx: Transaction, campaign_id: int) -> bool:
    due = tx.session.scalar(
        sa.text(
            f"SELECT EXISTS (SELECT FROM {partition_name(campaign_id)}"
            " WHERE next_attempt_at <= now())"
        )
    )
    return bool(due)


def settle_late(tx: Transaction, campaign_id: int) -> int:
    """Mark rows whose worker is gone as uncertain; a late answer may still settle them."""
    name = partition_name(campaign_id)
    binds = {"campaign": campaign_id, "late": LATE}
    people = tx.session.scalars(
        sa.text(
            f"SELECT subscriber_id FROM {name}"
            " WHERE status = 'sending' AND begun_at < now() - :late"
        ),
        binds,
    ).all()
    if not people:
        return 0
    lock_campaign(tx, campaign_id)
    lock_leases(tx, campaign_id, people)
    leases = tx.session.scalars(
        sa.text(
            "WITH late AS (SELECT subscriber_id, (SELECT max(x.lo) FROM campaign_leases x"
            "  WHERE x.campaign_id = :campaign AND x.lo <= d.subscriber_id) AS lo"
            f" FROM {name} d WHERE status = 'sending' AND begun_at < now() - :late"
            "  AND subscriber_id = ANY(:people) FOR UPDATE OF d),"
            f" settled AS (UPDATE {name} d SET status = 'uncertain', ended_at = clock_timestamp(),"
            "  reply = 'the worker ended before the answer', failure = 'uncertain',"
            "  failure_code = '', failure_scope = '' FROM late"
            "  WHERE late.subscriber_id = d.subscriber_id),"
            " counted AS (UPDATE campaign_leases l SET uncertain = uncertain + n.n FROM"
            "  (SELECT lo, count(*) AS n FROM late GROUP BY lo) n"
            "  WHERE l.campaign_id = :campaign AND l.lo = n.lo) SELECT subscriber_id FROM late"
        ),
        binds | {"people": people},
    ).all()
    return len(leases)


def finish_if_done(tx: Transaction, campaign_id: int, *, at: datetime) -> bool:
    """Finish a running campaign once nobody is left to mail, settle or retry."""
    # Before anything is looked at: a late answer may be about to defer somebody.
    lock_campaign(tx, campaign_id)
    if _unfinished_leases(tx, campaign_id):
        return False
    open_rows = tx.session.scalar(
        sa.text(
            f"SELECT EXISTS (SELECT FROM {partition_name(campaign_id)}"
            " WHERE status IN ('sending', 'deferred'))"
        )
    )
    if open_rows:
        return False
    control.finish(tx, campaign_id, at=at)
    return True

"""Retry failed or uncertain deliveries on an operator's request."""

from __future__ import annotations

import enum

import sqlalchemy as sa

from listmgr.campaigns.compose import lock_campaign
from listmgr.campaigns.lifecycle import CampaignAction, next_status
from listmgr.delivery.domain_refusals import forget_refusing
from listmgr.delivery.leases import lock_all_leases
from listmgr.delivery.models import partition_name
from listmgr.delivery.retention import deliveries_kept
from listmgr.delivery.sweep import enqueue_campaign
from listmgr.kit.errors import Refused
from listmgr.kit.i18n import N_
from listmgr.kit.installation_state import refuse_while_held
from listmgr.kit.transaction import Transaction


class ResendScope(enum.StrEnum):
    """What is retried. Uncertain mails may arrive twice, so people decide about them (M-16)."""

    FAILED = "failed"
    UNCERTAIN = "uncertain"


def resend(tx: Transaction, campaign_id: int, which: ResendScope) -> int:
    """Make deliveries due now; return how many.

    Each passes the gate again right before it is sent, so nobody who left meanwhile, and no blocked
    address, is mailed. Raises Refused for a draft or a cancelled campaign, and while mailing is on
    hold. Safe to run twice: what is due is no longer failed or uncertain.
    """
    refuse_while_held(tx)
    campaign = lock_campaign(tx, campaign_id)
    status = next_status(campaign.status, CampaignAction.RETRY)
    if not deliveries_kept(tx.session, campaign_id):
        raise Refused(
            N_("Recipients of this campaign are no longer stored, so nobody can be retried.")
        )
    count = _make_due(tx, campaign_id, which)
    if not count:
        return 0
    forget_refusing(tx, campaign_id)
    if status is not campaign.status:
        campaign.status = status
        campaign.finished_at = None
    enqueue_campaign(tx, campaign_id)
    return count


def _make_due(tx: Transaction, campaign_id: int, which: ResendScope) -> int:
    # A statement of its own: a CTE of this one would be read, and locked, only as far as is needed.
    lock_all_leases(tx, campaign_id)
    count = tx.session.scalar(
        sa.text(
            f"WITH due AS (UPDATE {partition_name(campaign_id)} d SET status = 'deferred',"
            "   attempts = 0, next_attempt_at = now(), ended_at = NULL, refused_since = NULL,"
            "   failure = 'deferred'"
            # Whom the gate held back is held back by it again: nothing is gained by asking.
            "  WHERE d.status = :which AND d.failure = :which"
            "   AND d.skip_reason IS NULL"
            "  RETURNING (SELECT max(x.lo) FROM campaign_leases x"
            "   WHERE x.campaign_id = :campaign AND x.lo <= d.subscriber_id) AS lo),"
            " counted AS (UPDATE campaign_leases l SET deferred = deferred + n.n,"
            "   failed = failed - CASE WHEN :which = 'failed' THEN n.n ELSE 0 END,"
            "   uncertain = uncertain - CASE WHEN :which = 'uncertain' THEN n.n ELSE 0 END"
            "  FROM (SELECT lo, count(*) AS n FROM due GROUP BY lo) n"
            "  WHERE l.campaign_id = :campaign AND l.lo = n.lo)"
            " SELECT count(*) FROM due"
        ).bindparams(sa.bindparam("which", type_=sa.Text)),
        {"campaign": campaign_id, "which": which.value},
    )
    return int(count or 0)

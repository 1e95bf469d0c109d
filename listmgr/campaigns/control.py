"""Pause, resume and cancel campaigns; each takes effect before the next window of mails."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa

from listmgr.campaigns.compose import lock_campaign
from listmgr.campaigns.lifecycle import CampaignAction, next_status
from listmgr.campaigns.models import Campaign, CampaignStatus, PauseCause
from listmgr.kit.i18n import N_
from listmgr.kit.installation_state import refuse_while_held
from listmgr.kit.transaction import Transaction

# A pause of the whole installation, which people end campaign by campaign (0056).
NOT_THE_ONE_THAT_RAN = N_(
    "The database may be a copy: whoever was mailed after it was made would be mailed again."
)


def pause(
    tx: Transaction,
    campaign_id: int,
    *,
    cause: PauseCause = PauseCause.OPERATOR,
    reason: str = "",
) -> Campaign:
    """Start no further window; mails in flight (a second's worth at most) finish."""
    campaign = lock_campaign(tx, campaign_id)
    campaign.status = next_status(campaign.status, CampaignAction.PAUSE)
    campaign.pause_cause = cause
    campaign.pause_reason = reason[:500]
    return campaign


def resume(tx: Transaction, campaign_id: int) -> Campaign:
    """Continue where it stopped; consent is checked again for everybody.

    Raises Refused while mailing is on hold for the installation.
    """
    refuse_while_held(tx)
    campaign = lock_campaign(tx, campaign_id)
    campaign.status = next_status(campaign.status, CampaignAction.RESUME)
    campaign.pause_cause, campaign.pause_reason = None, ""
    campaign.waits_until, campaign.waits_for = None, ""
    return campaign


def wait(tx: Transaction, campaign_id: int, *, until: datetime, why: str) -> None:
    """Record what a running campaign waits for; it continues by itself at the given time."""
    tx.session.execute(
        sa.update(Campaign)
        .where(Campaign.id == campaign_id, Campaign.status == CampaignStatus.RUNNING)
        .values(waits_until=until, waits_for=why[:300])
    )


def wake(tx: Transaction, campaign_id: int | None = None) -> None:
    """Let a campaign, or all of them, check again at once what they wait for."""
    condition = sa.true() if campaign_id is None else Campaign.id == campaign_id
    waiting = sa.select(Campaign.id).where(Campaign.waits_until.is_not(None), condition)
    # Several are locked in the order of their numbers, as everywhere.
    held = tx.session.scalars(waiting.order_by(Campaign.id).with_for_update(key_share=True)).all()
    tx.session.execute(
        sa.update(Campaign).where(Campaign.id.in_(held)).values(waits_until=None, waits_for="")
    )


def resume_if_away(tx: Transaction, campaign_id: int) -> bool:
    """Resume a campaign that was paused because the server was away; an operator's pause stays."""
    campaign = lock_campaign(tx, campaign_id)
    if campaign.pause_cause is PauseCause.SERVER_AWAY:
        resume(tx, campaign_id)
        return True
    return False


def cancel(tx: Transaction, campaign_id: int, *, at: datetime) -> Campaign:
    """End the campaign; people not yet mailed will not be."""
    campaign = lock_campaign(tx, campaign_id)
    campaign.status = next_status(campaign.status, CampaignAction.CANCEL)
    campaign.finished_at = at
    campaign.pause_cause, campaign.pause_reason = None, ""
    return campaign


def reopen(tx: Transaction, campaign_id: int) -> Campaign:
    """Reopen a finished campaign to retry deliveries."""
    campaign = lock_campaign(tx, campaign_id)
    campaign.status = next_status(campaign.status, CampaignAction.RETRY)
    campaign.finished_at = None
    return campaign


def finish(tx: Transaction, campaign_id: int, *, at: datetime) -> Campaign:
    """Finish the campaign: every recipient has an outcome."""
    campaign = lock_campaign(tx, campaign_id)
    campaign.status = next_status(campaign.status, CampaignAction.FINISH)
    campaign.finished_at = at
    return campaign

"""Jobs of campaigns: slices, sweep, retention."""

from __future__ import annotations

import logging
import time

from listmgr.campaigns import control
from listmgr.campaigns.browse import find_campaign
from listmgr.context import services
from listmgr.delivery import (
    consent_usage,
    engine,
    retention,
    sweep,
)
from listmgr.delivery.route import outlet
from listmgr.delivery.smtp.pool import (
    ConnectionPool,
    ServerUnavailable,
)
from listmgr.jobs.mail_hold import mail_is_on_hold
from listmgr.jobs.worker_id import holder
from listmgr.kit import shutdown
from listmgr.kit.clock import now
from listmgr.kit.errors import NotFound
from listmgr.kit.queue import Job
from listmgr.kit.throttled_log import ThrottledLog
from listmgr.senders.routing import NoSender

_trouble = ThrottledLog(logging.getLogger(__name__))
# Other jobs of the queue wait no longer for it.
SECONDS = 20.0


def send_slice(campaign_id: int, slot: int, turn: int) -> None:
    """Send a campaign for some seconds, then queue the next slice."""
    context = services()
    if mail_is_on_hold():
        return
    result = engine.send_slice(
        context.unit_of_work,
        context.settings,
        campaign_id,
        holder(slot, turn),
        now=now,
        linger=slot == 0,
    )
    with context.unit_of_work() as tx:
        if result is engine.SliceResult.MORE:
            tx.after_commit(sweep.slice_job(campaign_id, slot, 1 - turn))
        elif result is engine.SliceResult.DONE:
            tx.after_commit(Job("sweep_campaigns", queue="mail", key="sweep-campaigns"))


def sweep_campaigns() -> None:
    """Queue campaigns that have work; finish the others."""
    with services().unit_of_work() as tx:
        campaigns = sweep.campaigns_to_sweep(tx.session, at=now())
    for campaign_id in campaigns:
        # Each has a transaction of its own: what is wrong with one keeps no other waiting.
        try:
            with services().unit_of_work() as tx:
                sweep.sweep_campaign(tx, campaign_id, at=now())
        except Exception as error:  # noqa: BLE001
            _trouble.log(
                str(campaign_id), error, f"campaign {campaign_id} is not swept, trying again"
            )
        else:
            _trouble.end(str(campaign_id))


def knock(campaign_id: int) -> None:
    """Resume a campaign that paused itself, once the mail server answers again."""
    if mail_is_on_hold():
        return
    try:
        with services().unit_of_work() as tx:
            account = outlet(
                tx.session, tx.settings, find_campaign(tx.session, campaign_id)
            ).account
        with ConnectionPool(account) as channel:
            channel.connect()
    except (ServerUnavailable, NoSender, NotFound):
        return
    with services().unit_of_work() as tx:
        control.resume_if_away(tx, campaign_id)


def note_uses() -> None:
    """Record the uses of consents lease by lease; the next call continues."""
    end = time.monotonic() + SECONDS
    while time.monotonic() < end and not shutdown.requested():
        with services().unit_of_work() as tx:
            if not consent_usage.note_uses(tx):
                return


def drop_deliveries() -> None:
    """Delete who got campaigns that ended long ago, one campaign at a time."""
    context = services()
    with context.unit_of_work() as tx:
        due = retention.expired_campaigns(tx.session, context.settings.delivery_months, at=now())
    for campaign_id in due:
        with context.unit_of_work() as tx:
            retention.drop_deliveries(tx, campaign_id, at=now())

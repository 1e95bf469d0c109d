"""Send a campaign for a slice of time: lease, gate, render, transmit, record; repeat.

A crash can leave rows in `sending` (one window, later marked uncertain), but never a mail without
its row and never a row without its consent (docs/architecture.md explains the order).
"""

from __future__ import annotations

import enum
import time
from collections.abc import Callable
from datetime import datetime

import sqlalchemy as sa

from listmgr.campaigns import control
from listmgr.campaigns.audience import audience
from listmgr.campaigns.compose import lock_campaign
from listmgr.campaigns.files import files_of
from listmgr.campaigns.models import Campaign, CampaignContent, CampaignStatus, PauseCause
from listmgr.config import Settings
from listmgr.delivery.domain_limits import DomainLimiter
from listmgr.delivery.domain_refusals import record_refusing, refusing_domains
from listmgr.delivery.in_flight import SharedInFlight
from listmgr.delivery.launch import compile_content
from listmgr.delivery.leases import Lease, claim, close, hand_back
from listmgr.delivery.message.merge_fields import columns_of
from listmgr.delivery.message.template_language import AnyField
from listmgr.delivery.outcomes import (
    record_late,
    record_results,
)
from listmgr.delivery.route import take_outlet
from listmgr.delivery.sender_faults import SenderFaults
from listmgr.delivery.sender_limits import Throttle
from listmgr.delivery.smtp.pool import (
    ConnectionPool,
    PoolExhausted,
    ServerUnavailable,
)
from listmgr.delivery.transmit import (
    SendPlan,
    WindowState,
    transmit_window,
)
from listmgr.delivery.usage_recount import count_attempts_since
from listmgr.delivery.window import due_window, next_window, seconds_to_next_due
from listmgr.delivery.window_size import Pace
from listmgr.kit import shutdown
from listmgr.kit.rate_limiter import permits_at
from listmgr.kit.tokens import TokenPurpose, fast_token_signer
from listmgr.kit.transaction import Transaction, UnitOfWork
from listmgr.segments.rules import BrokenRule
from listmgr.senders.limits import SendingPolicy
from listmgr.senders.routing import NoSender

# A worker that is told to end waits for its slice: ten seconds are its patience.
SLICE_SECONDS = 8.0
SLICE_LEASES = 100
# What was put off is looked for so often while there are new people to mail.
DUE_EVERY = 1.0
# Whoever lingers waits so long for what is due next, and not for less than this.
LINGER, AT_LEAST = 2.0, 0.1


class SliceResult(enum.Enum):
    """What follows a slice."""

    # There may be more to do at once.
    MORE = "more"
    # Nothing is left that this worker could do now: the sweep looks whether the campaign is done.
    DONE = "done"
    # Others are at it already, or the campaign waits: a later sweep looks.
    WAITING = "waiting"


def send_slice(
    uow: UnitOfWork,
    settings: Settings,
    campaign_id: int,
    holder: str,
    *,
    now: Callable[[], datetime],
    seconds: float = SLICE_SECONDS,
    linger: bool = False,
) -> SliceResult:
    """Send for up to `seconds`.

    One worker of each campaign may `linger` for deliveries due in a moment.
    """
    plan = _load(uow, settings, campaign_id, holder, now)
    if plan is None:
        return SliceResult.DONE
    end = time.monotonic() + seconds
    with plan.channel:
        try:
            _reach(plan)
            return _work_off(plan, end, linger=linger)
        finally:
            _end(plan)


def _work_off(plan: SendPlan, end: float, *, linger: bool) -> SliceResult:
    leases, due_looked_at = 0, 0.0
    while not (_over(end) or leases >= SLICE_LEASES or plan.is_stopped):
        sent_due = False
        if time.monotonic() - due_looked_at > DUE_EVERY:
            sent_due, due_looked_at = _send_due(plan, end), time.monotonic()
        lease = None if plan.is_stopped else _claim(plan)
        if lease is not None:
            leases += 1
            _work(plan, lease, end)
        elif not (sent_due or plan.is_stopped) and not _await_due(plan, end, linger=linger):
            return SliceResult.DONE
    if plan.throttle.waits or plan.throttle.crowded:
        return SliceResult.WAITING
    if plan.window.fault or plan.window.away:
        return SliceResult.DONE
    return SliceResult.MORE


def _claim(plan: SendPlan) -> Lease | None:
    with plan.uow() as tx:
        # The next window's commit waits for the disk, and takes this one along.
        tx.commit_soon()
        return claim(tx, plan.campaign_id, plan.holder)


def _await_due(plan: SendPlan, end: float, *, linger: bool) -> bool:
    """Send what is due, or wait for what soon will be; return False if there is nothing."""
    if _send_due(plan, end):
        return True
    if plan.is_stopped:
        return True
    return linger and _linger(plan, end)


def _over(end: float) -> bool:
    """Whether the slice is over: time is up, or this process was asked to stop."""
    return time.monotonic() >= end or shutdown.requested()


def _linger(plan: SendPlan, end: float) -> bool:
    """Wait for deliveries due in a moment; return False if there are none."""
    with plan.uow() as tx:
        due_in = seconds_to_next_due(tx.session, plan.campaign_id)
    wait = LINGER if due_in is None else due_in
    if wait >= LINGER or time.monotonic() + wait >= end:
        return False
    return not shutdown.wait(max(wait, AT_LEAST))


def _reach(plan: SendPlan) -> None:
    """Connect before anybody is recorded as being mailed."""
    try:
        plan.channel.connect()
    except PoolExhausted:
        plan.throttle.crowded = True
    except ServerUnavailable as error:
        plan.window.away = str(error)
        with plan.uow() as tx:
            _record(plan, tx, None)
        _forget_results(plan)


def _load(
    uow: UnitOfWork,
    settings: Settings,
    campaign_id: int,
    holder: str,
    now: Callable[[], datetime],
) -> SendPlan | None:
    with uow() as tx:
        campaign = tx.session.get(Campaign, campaign_id)
        if campaign is None or campaign.status is not CampaignStatus.RUNNING:
            return None
        content = tx.session.get_one(CampaignContent, campaign.content_id)
        try:
            out = take_outlet(tx, settings, campaign)
            among = audience(tx.session, campaign)
        except (NoSender, BrokenRule) as error:
            is_rule = isinstance(error, BrokenRule)
            cause = PauseCause.BROKEN_RULE if is_rule else PauseCause.NO_SENDER
            control.pause(tx, campaign_id, cause=cause, reason=str(error))
            return None
        files = files_of(tx.session, campaign_id, whole=True)
        message = compile_content(settings, content, AnyField(), files)
        columns = columns_of(tx.session, message.fields, content.language)
        purpose_id, waiting = campaign.purpose_id, campaign.waits_until is not None
        refusing = refusing_domains(tx.session, campaign_id, settings.give_up_days)
    throttle = _throttle(uow, settings, out.terms, holder, now)
    channel = ConnectionPool(
        out.account,
        in_flight=SharedInFlight(throttle.permits, out.account),
        admit=throttle.admit,
        release=throttle.release,
    )
    return SendPlan(
        uow=uow,
        campaign_id=campaign_id,
        purpose_id=purpose_id,
        holder=holder,
        message=message,
        columns=columns,
        sender=out.account.sender,
        channel=channel,
        pace=Pace(settings.window_size, settings.window_seconds, settings.send_rate),
        throttle=throttle,
        domains=DomainLimiter(throttle, refusing),
        sender_faults=SenderFaults(throttle.permits, campaign_id),
        among=among,
        now=now,
        mint=fast_token_signer(settings.secret_keys, TokenPurpose.UNSUBSCRIBE),
        window=WindowState(waiting=waiting),
    )


def _throttle(
    uow: UnitOfWork,
    settings: Settings,
    terms: SendingPolicy,
    holder: str,
    now: Callable[[], datetime],
) -> Throttle:
    def count(scope: str, since: datetime) -> int:
        with uow() as tx:
            return count_attempts_since(tx.session, terms.sender_id, since)[scope]

    return Throttle(permits_at(settings.redis_url), terms, holder=holder, now=now, count=count)


def _work(plan: SendPlan, lease: Lease, end: float) -> None:
    """Process a lease window by window; outcomes are committed with the next window."""
    while True:
        stop = plan.is_stopped or _over(end)
        size = 0 if stop or lease.position >= lease.hi else _permitted(plan, end)
        stop = stop or plan.is_stopped
        window = None
        with plan.uow() as tx:
            if size:
                window = next_window(tx, lease, plan.purpose_id, plan.columns, size, plan.among)
                _record(plan, tx, lease.lo)
                if window is None:
                    # Paused: after the resume somebody else may go on at once.
                    hand_back(tx, lease)
            else:
                _record(plan, tx, lease.lo)
                if lease.position >= lease.hi and not stop:
                    # A crash of the machine before the next window leaves this one uncertain.
                    tx.commit_soon()
                    close(tx, lease, plan.among)
                else:
                    hand_back(tx, lease)
        _forget_results(plan)
        plan.throttle.unused(size - (len(window.recipients) if window else 0))
        if window is None:
            return
        transmit_window(plan, window)


def _permitted(plan: SendPlan, end: float) -> int:
    """Return the size of the next window; clear the campaign's waiting reason if it is not 0."""
    size = plan.throttle.take(plan.pace.size(), end)
    if size:
        # What may take long comes before the gate is asked: afterwards its answer would grow old.
        plan.pace.wait_for_turn()
        _reach(plan)
        if plan.is_stopped:
            plan.throttle.unused(size)
            return 0
    if size and plan.window.waiting:
        plan.window.waiting = False
        with plan.uow() as tx:
            control.wake(tx, plan.campaign_id)
    return size


def _send_due(plan: SendPlan, end: float) -> bool:
    """Retry deferred deliveries that are due; return False if there are none."""
    with plan.uow() as tx:
        due_in = seconds_to_next_due(tx.session, plan.campaign_id)
    if due_in is None or due_in > 0:
        return False
    size = _permitted(plan, end)
    if not size:
        return False
    with plan.uow() as tx:
        window = due_window(
            tx,
            plan.campaign_id,
            plan.purpose_id,
            plan.columns,
            size=size,
            among=plan.among,
        )
    plan.throttle.unused(size - len(window.recipients))
    if window.recipients:
        transmit_window(plan, window)
        with plan.uow() as tx:
            _record(plan, tx, None)
        _forget_results(plan)
    return True


def _record(plan: SendPlan, tx: Transaction, lo: int | None) -> None:
    window = plan.window
    cause = PauseCause.SENDER_FAULT if window.fault else PauseCause.SERVER_AWAY
    reason = window.fault or window.away
    if reason:
        # Before the lease and the deliveries: an operator's act takes them in this order.
        lock_campaign(tx, plan.campaign_id)
    settled = record_results(tx, plan.campaign_id, window.results, lo=lo, at=plan.now())
    window.late = not settled
    domains = plan.domains
    record_refusing(tx, plan.campaign_id, domains.newly_refusing, domains.newly_taking)
    domains.newly_refusing.clear()
    domains.newly_taking.clear()
    if not reason:
        return
    status = tx.session.scalar(sa.select(Campaign.status).where(Campaign.id == plan.campaign_id))
    if status is CampaignStatus.RUNNING:
        control.pause(tx, plan.campaign_id, cause=cause, reason=reason)


def _forget_results(plan: SendPlan) -> None:
    """Clear results that were committed; record late ones now."""
    if plan.window.late:
        with plan.uow() as tx:
            record_late(tx, plan.campaign_id, plan.window.results, at=plan.now())
    plan.window.results.clear()


def _end(plan: SendPlan) -> None:
    """Return unused permits and store what the campaign waits for, if anything."""
    plan.domains.close()
    plan.sender_faults.close()
    plan.throttle.close()
    waits = plan.throttle.waits
    if waits is None and not plan.throttle.gave_back:
        return
    with plan.uow() as tx:
        if waits is None or plan.throttle.gave_back:
            control.wake(tx, plan.campaign_id)
        else:
            control.wait(tx, plan.campaign_id, until=waits.until, why=waits.why)

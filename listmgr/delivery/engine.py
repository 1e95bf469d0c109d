"""Sends a campaign for a slice of time: lease, gate, render, hand over, record; again and again.

What a crash can leave behind: rows in `sending` (one window, found as uncertain), never a mail
without its row, never a row without its consent (docs/architecture.md tells the whole order).
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime

import sqlalchemy as sa

from listmgr.campaigns import control
from listmgr.campaigns.audience import audience
from listmgr.campaigns.compose import locked
from listmgr.campaigns.files import files_of
from listmgr.campaigns.models import Campaign, CampaignContent, CampaignStatus, PauseCause
from listmgr.config import Settings
from listmgr.delivery.counted import begun_since
from listmgr.delivery.domain_refusals import record_refusing, refusing_domains
from listmgr.delivery.domains import Domains
from listmgr.delivery.handover import Run, UnitOfWork, hand_over
from listmgr.delivery.in_flight import SharedInFlight
from listmgr.delivery.launch import compile_content
from listmgr.delivery.leases import Lease, claim, close, hand_back
from listmgr.delivery.merge import Launched
from listmgr.delivery.merge_fields import columns_of
from listmgr.delivery.outlet import take_outlet
from listmgr.delivery.pace import Pace
from listmgr.delivery.record import record_late, record_results
from listmgr.delivery.sender_faults import SenderFaults
from listmgr.delivery.smtp import Channel, NoRoom, ServerAway
from listmgr.delivery.throttle import Throttle
from listmgr.delivery.window import due_window, next_window, seconds_to_next_due
from listmgr.kit import stopping
from listmgr.kit.permits import permits_at
from listmgr.kit.tokens import Door, token_mint
from listmgr.kit.transaction import Transaction
from listmgr.segments.rules import BrokenRule
from listmgr.senders.accounts import NoSender
from listmgr.senders.limits import Terms

# A worker that is told to end waits for its slice: ten seconds are its patience.
SLICE_SECONDS = 8.0
SLICE_LEASES = 100
# What was put off is looked for so often while there are new people to mail.
DUE_EVERY = 1.0
# Whoever lingers waits so long for what is due next, and not for less than this.
LINGER, AT_LEAST = 2.0, 0.1


def send_slice(
    uow: UnitOfWork,
    settings: Settings,
    campaign_id: int,
    holder: str,
    *,
    now: Callable[[], datetime],
    seconds: float = SLICE_SECONDS,
    linger: bool = False,
) -> bool | None:
    """Send for up to `seconds`; True when there may be more to do at once.

    None when others are at it already, or the campaign waits: then the next sweep looks. One of
    its workers may `linger` for what is due in a moment.
    """
    run = _load(uow, settings, campaign_id, holder, now)
    if run is None:
        return False
    end = time.monotonic() + seconds
    with run.channel:
        try:
            _reach(run)
            return _work_off(run, end, linger=linger)
        finally:
            _end(run)


def _work_off(run: Run, end: float, *, linger: bool) -> bool | None:
    worked, looked = 0, 0.0
    while not (_over(end) or worked >= SLICE_LEASES or run.is_stopped):
        due = False
        if time.monotonic() - looked > DUE_EVERY:
            due, looked = _send_due(run, end), time.monotonic()
        with run.uow() as tx:
            # The next window's commit waits for the disk, and takes this one along.
            tx.commit_soon()
            lease = None if run.is_stopped else claim(tx, run.campaign_id, run.holder)
        if lease is not None:
            worked += 1
            _work(run, lease, end)
        elif not (due or run.is_stopped or _send_due(run, end) or run.is_stopped) and not (
            linger and _linger(run, end)
        ):
            return False
    if run.throttle.waits or run.throttle.crowded:
        return None
    return not (run.fault or run.away)


def _over(end: float) -> bool:
    """Whether the slice is over: by the clock, or because this process has been asked to end."""
    return time.monotonic() >= end or stopping.asked()


def _linger(run: Run, end: float) -> bool:
    """Wait for what is due in a moment; False when nothing is."""
    with run.uow() as tx:
        due_in = seconds_to_next_due(tx.session, run.campaign_id)
    wait = LINGER if due_in is None else due_in
    if wait >= LINGER or time.monotonic() + wait >= end:
        return False
    return not stopping.wait(max(wait, AT_LEAST))


def _reach(run: Run) -> None:
    """Nobody is written down as being mailed before there is a server to mail through."""
    try:
        run.channel.connect()
    except NoRoom:
        run.throttle.crowded = True
    except ServerAway as error:
        run.away = str(error)
        with run.uow() as tx:
            _record(run, tx, None)
        _forget_results(run)


def _load(
    uow: UnitOfWork,
    settings: Settings,
    campaign_id: int,
    holder: str,
    now: Callable[[], datetime],
) -> Run | None:
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
        message = compile_content(settings, content, Launched(), files)
        columns = columns_of(tx.session, message.fields, content.language)
        purpose_id, waiting = campaign.purpose_id, campaign.waits_until is not None
        refusing = refusing_domains(tx.session, campaign_id, settings.give_up_days)
    throttle = _throttle(uow, settings, out.terms, holder, now)
    channel = Channel(
        out.account,
        in_flight=SharedInFlight(throttle.permits, out.account),
        admit=throttle.admit,
        release=throttle.release,
    )
    return Run(
        uow=uow,
        settings=settings,
        campaign_id=campaign_id,
        purpose_id=purpose_id,
        holder=holder,
        message=message,
        columns=columns,
        sender=out.account.sender,
        channel=channel,
        pace=Pace(settings.window_size, settings.window_seconds, settings.send_rate),
        throttle=throttle,
        domains=Domains(throttle, refusing),
        sender_faults=SenderFaults(throttle.permits, campaign_id),
        among=among,
        now=now,
        mint=token_mint(settings.secret_keys, Door.UNSUBSCRIBE),
        waiting=waiting,
    )


def _throttle(
    uow: UnitOfWork, settings: Settings, terms: Terms, holder: str, now: Callable[[], datetime]
) -> Throttle:
    def count(scope: str, since: datetime) -> int:
        with uow() as tx:
            return begun_since(tx.session, terms.sender_id, since)[scope]

    return Throttle(permits_at(settings.redis_url), terms, holder=holder, now=now, count=count)


def _work(run: Run, lease: Lease, end: float) -> None:
    """Go through a lease window by window; outcomes are committed with the next window."""
    while True:
        stop = run.is_stopped or _over(end)
        size = 0 if stop or lease.position >= lease.hi else _permitted(run, end)
        stop = stop or run.is_stopped
        window = None
        with run.uow() as tx:
            if size:
                window = next_window(tx, lease, run.purpose_id, run.columns, size, run.among)
                _record(run, tx, lease.lo)
                if window is None:
                    # Paused: after the resume somebody else may go on at once.
                    hand_back(tx, lease)
            else:
                _record(run, tx, lease.lo)
                if lease.position >= lease.hi and not stop:
                    # A crash of the machine before the next window leaves this one uncertain.
                    tx.commit_soon()
                    close(tx, lease, run.among)
                else:
                    hand_back(tx, lease)
        _forget_results(run)
        run.throttle.unused(size - (len(window.recipients) if window else 0))
        if window is None:
            return
        hand_over(run, window)


def _permitted(run: Run, end: float) -> int:
    """How many the next window may hold; what the campaign waited for is over if there are any."""
    size = run.throttle.take(run.pace.size(), end)
    if size:
        # What may take long comes before the gate is asked: afterwards its answer would grow old.
        run.pace.wait_for_turn()
        _reach(run)
        if run.is_stopped:
            run.throttle.unused(size)
            return 0
    if size and run.waiting:
        run.waiting = False
        with run.uow() as tx:
            control.wake(tx, run.campaign_id)
    return size


def _send_due(run: Run, end: float) -> bool:
    """Try deferred deliveries again whose time has come; False when there is none."""
    with run.uow() as tx:
        due_in = seconds_to_next_due(tx.session, run.campaign_id)
    if due_in is None or due_in > 0:
        return False
    size = _permitted(run, end)
    if not size:
        return False
    with run.uow() as tx:
        window = due_window(
            tx,
            run.campaign_id,
            run.purpose_id,
            run.columns,
            size=size,
            among=run.among,
        )
    run.throttle.unused(size - len(window.recipients))
    if window.recipients:
        hand_over(run, window)
        with run.uow() as tx:
            _record(run, tx, None)
        _forget_results(run)
    return True


def _record(run: Run, tx: Transaction, lo: int | None) -> None:
    cause = PauseCause.SENDER_FAULT if run.fault else PauseCause.SERVER_AWAY
    reason = run.fault or run.away
    if reason:
        # Before the lease and the deliveries: an operator's act takes them in this order.
        locked(tx, run.campaign_id)
    run.late = not record_results(tx, run.campaign_id, run.results, lo=lo, at=run.now())
    domains = run.domains
    record_refusing(tx, run.campaign_id, domains.newly_refusing, domains.newly_taking)
    domains.newly_refusing.clear()
    domains.newly_taking.clear()
    if not reason:
        return
    status = tx.session.scalar(sa.select(Campaign.status).where(Campaign.id == run.campaign_id))
    if status is CampaignStatus.RUNNING:
        control.pause(tx, run.campaign_id, cause=cause, reason=reason)


def _forget_results(run: Run) -> None:
    """They are recorded and committed; what came late is recorded now."""
    if run.late:
        with run.uow() as tx:
            record_late(tx, run.campaign_id, run.results, at=run.now())
    run.results.clear()


def _end(run: Run) -> None:
    """Give back what was not used; say what the campaign waits for, or that it need not."""
    run.domains.close()
    run.sender_faults.close()
    run.throttle.close()
    waits = run.throttle.waits
    if waits is None and not run.throttle.gave_back:
        return
    with run.uow() as tx:
        if waits is None or run.throttle.gave_back:
            control.wake(tx, run.campaign_id)
        else:
            control.wait(tx, run.campaign_id, until=waits.until, why=waits.why)

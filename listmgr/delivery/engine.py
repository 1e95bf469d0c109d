"""Sends a campaign for a slice of time: lease, gate, render, hand over, record; again and again.

What a crash can leave behind: rows in `sending` (one window, found as uncertain), never a mail
without its row, never a row without its consent (docs/architecture.md tells the whole order).
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import sqlalchemy as sa

from listmgr.campaigns import control
from listmgr.campaigns.models import Campaign, CampaignContent, CampaignStatus
from listmgr.config import Settings
from listmgr.delivery import retry
from listmgr.delivery.launch import compile_content
from listmgr.delivery.leases import Lease, claim, close, hand_back
from listmgr.delivery.merge import Launched
from listmgr.delivery.merge_fields import Columns, columns_of
from listmgr.delivery.message import CompiledMessage
from listmgr.delivery.models import DeliveryStatus
from listmgr.delivery.outlet import take_outlet
from listmgr.delivery.pace import Pace
from listmgr.delivery.providers import provider
from listmgr.delivery.record import Result, record_results
from listmgr.delivery.smtp import Answer, Channel, Envelope, Outcome, ServerAway
from listmgr.delivery.window import Recipient, due_window, next_window
from listmgr.kit import stopping
from listmgr.kit.tokens import Door, token_mint
from listmgr.kit.transaction import Transaction
from listmgr.senders.accounts import NoSender

UnitOfWork = Callable[[], AbstractContextManager[Transaction]]
# A worker that is told to end waits for its slice: ten seconds are its patience.
SLICE_SECONDS = 8.0
SLICE_LEASES = 25
# How long what was never handed over waits when the connection broke.
AGAIN = timedelta(seconds=10)


@dataclass(slots=True)
class Run:
    """One campaign in the hands of one worker."""

    uow: UnitOfWork
    settings: Settings
    campaign_id: int
    purpose_id: int
    holder: str
    message: CompiledMessage
    columns: Columns
    sender: str
    channel: Channel
    pace: Pace
    now: Callable[[], datetime]
    mint: Callable[[int, int], str]
    day: str = ""
    # Why nothing more may be handed over: a fault of the sender, or a server that went away.
    fault: str = ""
    away: str = ""
    results: list[Result] = field(default_factory=list)


def send_slice(
    uow: UnitOfWork,
    settings: Settings,
    campaign_id: int,
    holder: str,
    *,
    now: Callable[[], datetime],
    seconds: float = SLICE_SECONDS,
) -> bool:
    """Send for up to `seconds`; True when there may be more to do at once."""
    run = _load(uow, settings, campaign_id, holder, now)
    if run is None:
        return False
    with run.channel:
        end = time.monotonic() + seconds
        worked = 0
        _reach(run)
        while not (_over(end) or worked >= SLICE_LEASES or run.fault or run.away):
            with uow() as tx:
                lease = claim(tx, campaign_id, holder)
            if lease is None and not _send_due(run):
                return False
            if lease is not None:
                worked += 1
                _work(run, lease, end)
    return not (run.fault or run.away)


def _over(end: float) -> bool:
    """Whether the slice is over: by the clock, or because this process has been asked to end."""
    return time.monotonic() >= end or stopping.asked()


def _reach(run: Run) -> None:
    """Nobody is written down as being mailed before there is a server to mail through."""
    try:
        run.channel.connect()
    except ServerAway as error:
        run.away = str(error)
        with run.uow() as tx:
            _record(run, tx, None)


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
        except NoSender as error:
            control.pause(tx, campaign_id, reason=str(error))
            return None
        message = compile_content(settings, content, Launched())
        columns = columns_of(tx.session, message.fields, content.language)
        purpose_id = campaign.purpose_id
    return Run(
        uow=uow,
        settings=settings,
        campaign_id=campaign_id,
        purpose_id=purpose_id,
        holder=holder,
        message=message,
        columns=columns,
        sender=out.account.sender,
        channel=Channel(out.account),
        pace=Pace(settings.window_size, settings.window_seconds, settings.send_rate),
        now=now,
        mint=token_mint(settings.secret_keys, Door.UNSUBSCRIBE),
    )


def _work(run: Run, lease: Lease, end: float) -> None:
    """Go through a lease window by window; outcomes are committed with the next window."""
    while True:
        stop = bool(run.fault or run.away) or _over(end)
        window = None
        with run.uow() as tx:
            if lease.position < lease.hi and not stop:
                window = next_window(tx, lease, run.purpose_id, run.columns, run.pace.size())
                _record(run, tx, lease.lo)
            else:
                _record(run, tx, lease.lo)
                (hand_back if stop else close)(tx, lease)
        run.results.clear()
        if window is None:
            return
        _send(run, window.recipients)


def _send_due(run: Run) -> bool:
    """Try deferred deliveries again whose time has come; False when there is none."""
    with run.uow() as tx:
        people = due_window(
            tx,
            run.campaign_id,
            run.purpose_id,
            run.columns,
            size=run.pace.size(),
            at=run.now(),
        )
    if not people:
        return False
    _send(run, people)
    with run.uow() as tx:
        _record(run, tx, None)
    run.results.clear()
    return True


def _record(run: Run, tx: Transaction, lo: int | None) -> None:
    record_results(tx, run.campaign_id, run.results, lo=lo, at=run.now())
    reason = run.fault or (control.SERVER_AWAY + run.away if run.away else "")
    if not reason:
        return
    status = tx.session.scalar(sa.select(Campaign.status).where(Campaign.id == run.campaign_id))
    if status is CampaignStatus.RUNNING:
        control.pause(tx, run.campaign_id, reason=reason)


def _send(run: Run, people: list[Recipient]) -> None:
    """Hand a window over. No DATA begins when the window is older than a second (L-14)."""
    waiting = {person.subscriber_id: person for person in people}
    run.pace.begin(len(people))
    run.day = _rfc5322(run.now())
    try:
        for outcome in run.channel.send(_envelopes(run, people)):
            run.results.append(_judge(run, outcome, waiting.pop(outcome.key)))
    except ServerAway as error:
        run.away = str(error)
    run.pace.end(len(people) - len(waiting))
    sent = any(result.status is DeliveryStatus.SENT for result in run.results)
    if not (sent or run.fault) and any(result.untouched for result in run.results):
        # It takes connections and drops them: knocking again at once would not help.
        run.away = run.away or run.results[-1].reply
    # The window grew old, or the server went: these were surely not handed over.
    again = run.now() + (AGAIN if run.away else timedelta())
    run.results.extend(
        Result(key, DeliveryStatus.DEFERRED, "", again, untouched=True) for key in waiting
    )


def _envelopes(run: Run, people: Iterable[Recipient]) -> Iterator[Envelope]:
    for at, person in enumerate(people):
        # The first may always go: its window has only just been committed.
        if run.fault or run.away or (at and run.pace.over()):
            return
        run.pace.wait()
        yield envelope(run, person)


def envelope(run: Run, person: Recipient) -> Envelope:
    """The mail of one person. The Message-ID is the delivery's own, so a double is recognised."""
    token = run.mint(run.campaign_id, person.subscriber_id)
    return Envelope(
        person.subscriber_id,
        run.sender,
        person.envelope,
        run.message.render(
            person.values,
            to=person.envelope,
            token=token,
            message_id=f"{run.campaign_id}.{token.rpartition('.')[2][:24]}",
            date=run.day,
        ),
        smtputf8=not person.envelope.isascii(),
        made_here=True,
    )


_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def _rfc5322(at: datetime) -> str:
    return (
        f"{_DAYS[at.weekday()]}, {at.day:02} {_MONTHS[at.month - 1]} {at.year:04}"
        f" {at.hour:02}:{at.minute:02}:{at.second:02} +0000"
    )


def _judge(run: Run, outcome: Outcome, person: Recipient) -> Result:
    """What becomes of a delivery by the server's answer (M-07, M-16)."""
    key, reply = outcome.key, f"{outcome.code} {outcome.reply}" if outcome.code else outcome.reply
    at = provider(person.envelope.rpartition("@")[2])
    if outcome.answer is Answer.ACCEPTED:
        return Result(key, DeliveryStatus.SENT, reply, provider=at)
    if outcome.answer is Answer.UNCERTAIN:
        return Result(key, DeliveryStatus.UNCERTAIN, reply, provider=at)
    if outcome.answer is Answer.UNTOUCHED:
        return Result(key, DeliveryStatus.DEFERRED, reply, run.now() + AGAIN, untouched=True)
    told = retry.verdict(
        outcome.code,
        outcome.reply,
        person.attempts,
        at=run.now(),
        jitter=random.random(),  # noqa: S311 - spreads retries, guards nothing
    )
    if told.kind is retry.Kind.SENDER_FAULT:
        # Not the person's fault: tried again when the operator has put it right and resumes.
        run.fault = told.explanation
        return Result(key, DeliveryStatus.DEFERRED, reply, run.now(), untouched=True)
    if told.kind is retry.Kind.RETRY:
        return Result(key, DeliveryStatus.DEFERRED, reply, told.next_attempt_at, provider=at)
    bad = told.kind is retry.Kind.FAILED_SUPPRESS
    return Result(key, DeliveryStatus.FAILED, reply, suppress=bad, provider=at)

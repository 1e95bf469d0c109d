"""Hands one window of mails to the server, and judges what it says to each."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from listmgr.config import Settings
from listmgr.delivery import retry
from listmgr.delivery.domains import Domains, PutOff
from listmgr.delivery.merge_fields import Columns
from listmgr.delivery.message import CompiledMessage
from listmgr.delivery.models import DeliveryStatus
from listmgr.delivery.pace import Pace
from listmgr.delivery.providers import provider
from listmgr.delivery.record import Result, record_results
from listmgr.delivery.sender_faults import SenderFaults
from listmgr.delivery.smtp import Answer, Channel, Envelope, NoRoom, Outcome, ServerAway
from listmgr.delivery.throttle import Throttle
from listmgr.delivery.window import Recipient, Window
from listmgr.kit.clock import elapsed
from listmgr.kit.predicate import Predicate
from listmgr.kit.tokens import SIGNATURE
from listmgr.kit.transaction import Transaction

UnitOfWork = Callable[[], AbstractContextManager[Transaction]]
# How long what was never handed over waits when the connection broke.
AGAIN = timedelta(seconds=10)
# Sleeping for less than this costs more than it spreads.
WORTH_SLEEPING = 0.002


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
    throttle: Throttle
    domains: Domains
    sender_faults: SenderFaults
    among: Predicate
    now: Callable[[], datetime]
    mint: Callable[[int, int], str]
    day: str = ""
    # Why nothing more may be handed over: a fault of the sender, or a server that went away.
    fault: str = ""
    away: str = ""
    # Whether the campaign is said to wait for something.
    waiting: bool = False
    results: list[Result] = field(default_factory=list)
    # Whether some of them had been given up as uncertain before they were recorded.
    late: bool = False

    @property
    def is_stopped(self) -> bool:
        """Whether this worker must not begin another mail of it now."""
        throttle = self.throttle
        held_up = throttle.waits or throttle.crowded or throttle.ended
        return bool(self.fault or self.away or held_up)


def hand_over(run: Run, window: Window) -> None:
    """Hand a window over. Nothing is written when its look at the gate is a second old (L-14)."""
    people = window.recipients
    run.pace.begin(window.asked_at)
    run.day = _rfc5322(run.now())
    people_now, put_off = run.domains.split(people)
    _record_put_off(run, put_off)
    waiting = {person.subscriber_id: person for person in people_now}
    heard = _hand_over(run, people_now, waiting)
    run.pace.end(len(heard))
    run.throttle.unused(len(people) - len(heard))
    run.domains.tell()
    sent = any(result.status is DeliveryStatus.SENT for result in heard)
    if heard and not (sent or run.fault) and any(result.untouched for result in heard):
        # It takes connections and drops them: knocking again at once would not help.
        run.away = run.away or heard[-1].reply
    # The window grew old, or the server went: these were surely not handed over.
    again = run.now() + (AGAIN if run.away else timedelta())
    run.results += heard
    run.results += [
        Result(key, DeliveryStatus.DEFERRED, "", again, untouched=True) for key in waiting
    ]


def _record_put_off(run: Run, put_off: list[PutOff]) -> None:
    """Before anything is handed over: if this worker is killed then, they are not uncertain."""
    if not put_off:
        return
    results = [
        Result(
            one.subscriber_id,
            DeliveryStatus.DEFERRED if one.at else DeliveryStatus.FAILED,
            next_attempt_at=one.at,
            untouched=True,
            put_off=one.why,
            refused=one.refused,
        )
        for one in put_off
    ]
    with run.uow() as tx:
        tx.commit_soon()
        if not record_results(tx, run.campaign_id, results, lo=None, at=run.now()):
            run.results += results


def _hand_over(run: Run, people: list[Recipient], waiting: dict[int, Recipient]) -> list[Result]:
    heard: list[Result] = []
    for some in run.domains.rounds(people) if people else ():
        if run.is_stopped:
            break
        try:
            for outcome in run.channel.send(_envelopes(run, some), until=_until(run)):
                if outcome.answer is not Answer.EXPIRED:
                    heard.append(_judge(run, outcome, waiting.pop(outcome.key)))  # noqa: PERF401 - what came before a break counts
        except NoRoom:
            run.throttle.crowded = True
        except ServerAway as error:
            run.away = str(error)
    return heard


def _envelopes(run: Run, people: Iterable[Recipient]) -> Iterator[Envelope]:
    spaced, until = bool(run.pace.rate) or run.throttle.is_paced, _until(run)
    for person in people:
        if run.fault:
            return
        if spaced:
            _space_out(run)
        if elapsed() >= until:
            return
        yield envelope(run, person)


def _until(run: Run) -> float:
    """Until when something of the window may be written, by the clock of `elapsed`."""
    return min(run.pace.until, run.throttle.quiet_from)


def _space_out(run: Run) -> None:
    """Wait for this mail's turn."""
    run.pace.wait()
    if run.throttle.is_paced and (ahead := run.throttle.ahead()) > WORTH_SLEEPING:
        run.channel.push()
        time.sleep(ahead)


def envelope(run: Run, person: Recipient) -> Envelope:
    """The mail of one person. The Message-ID is the delivery's own, so a double is recognised."""
    key, to, _attempts, values = person
    token = run.mint(run.campaign_id, key)
    octets = run.message.render(
        values,
        to=to,
        token=token,
        message_id=f"{run.campaign_id}.{token[-SIGNATURE : 24 - SIGNATURE]}",
        date=run.day,
    )
    # Not ASCII: SMTPUTF8; and made here.
    return Envelope(key, run.sender, to, octets, not to.isascii(), True)


_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def _rfc5322(at: datetime) -> str:
    return (
        f"{_DAYS[at.weekday()]}, {at.day:02} {_MONTHS[at.month - 1]} {at.year:04}"
        f" {at.hour:02}:{at.minute:02}:{at.second:02} +0000"
    )


def _judge(run: Run, outcome: Outcome, person: Recipient) -> Result:
    """What becomes of a delivery by the server's answer (M-07, M-16)."""
    key, answer, code, text, _early = outcome
    reply, at = f"{code} {text}" if code else text, provider(person.envelope.rpartition("@")[2])
    if answer is Answer.ACCEPTED:
        if run.sender_faults.scopes:
            run.sender_faults.accept()
        if run.domains.is_watching:
            run.domains.hear(person, good=True)
        return Result(key, DeliveryStatus.SENT, reply, None, False, False, at)
    if answer is Answer.UNCERTAIN:
        return Result(key, DeliveryStatus.UNCERTAIN, reply, provider=at)
    if answer is Answer.UNTOUCHED:
        return Result(key, DeliveryStatus.DEFERRED, reply, run.now() + AGAIN, untouched=True)
    return _refused(run, outcome, person, reply, at)


def _refused(run: Run, outcome: Outcome, person: Recipient, reply: str, at: str) -> Result:
    key = outcome.key
    told = retry.verdict(
        outcome.code,
        outcome.reply,
        person.attempts,
        at=run.now(),
        jitter=random.random(),  # noqa: S311 - spreads retries, guards nothing
        before_recipient=outcome.before_recipient,
    )
    if told.kind is retry.Kind.SENDER_FAULT:
        _blame_sender(run, outcome, person, told)
    elif retry.speaks_for_domain(outcome.code, outcome.reply):
        run.domains.hear(person, good=False)
    if told.next_attempt_at is not None:
        later = told.next_attempt_at
        return Result(key, DeliveryStatus.DEFERRED, reply, later, provider=at, refused=True)
    return Result(
        key,
        DeliveryStatus.FAILED,
        reply,
        suppress=told.kind is retry.Kind.FAILED_SUPPRESS,
        provider=at,
        given_up=told.kind is retry.Kind.GIVEN_UP,
    )


def _blame_sender(run: Run, outcome: Outcome, person: Recipient, verdict: retry.Verdict) -> None:
    """Pause where the sender is surely at fault; else the domain that says so may rest.

    The person is put off and an attempt is counted, so that nobody can stop a campaign for ever.
    """
    if outcome.before_recipient:
        run.fault = verdict.explanation
        return
    run.domains.hear(person, good=False)
    # Whoever was refused before says nothing new: a window of retries is all of such people.
    if person.attempts == 1 and run.sender_faults.refuse(run.domains.scope(person)):
        run.fault = verdict.explanation

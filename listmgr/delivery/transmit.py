"""Transmit one window of mails and evaluate the server's answers."""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from listmgr.delivery.domain_limits import (
    Deferral,
    DomainLimiter,
)
from listmgr.delivery.message.compiled import CompiledMessage
from listmgr.delivery.message.merge_fields import Columns
from listmgr.delivery.models import DeliveryStatus
from listmgr.delivery.outcomes import (
    Result,
    record_results,
)
from listmgr.delivery.sender_faults import SenderFaults
from listmgr.delivery.sender_limits import Throttle
from listmgr.delivery.smtp import reply_codes
from listmgr.delivery.smtp.pool import (
    Answer,
    ConnectionPool,
    Envelope,
    Outcome,
    PoolExhausted,
    ServerUnavailable,
)
from listmgr.delivery.smtp.providers import provider
from listmgr.delivery.window import Recipient, Window
from listmgr.delivery.window_size import Pace
from listmgr.kit.clock import elapsed
from listmgr.kit.sql_condition import Predicate
from listmgr.kit.tokens import SIGNATURE
from listmgr.kit.transaction import UnitOfWork

_log = logging.getLogger(__name__)
# How long what was never handed over waits when the connection broke.
AGAIN = timedelta(seconds=10)
# Sleeping for less than this costs more than it spreads.
WORTH_SLEEPING = 0.002


@dataclass(slots=True)
class WindowState:
    """What happened to the mails of one window, and whether another may follow."""

    # The Date of its mails.
    day: str = ""
    # Why nothing more may be handed over: a fault of the sender, or a server that went away.
    fault: str = ""
    away: str = ""
    # Whether the campaign is said to wait for something.
    waiting: bool = False
    results: list[Result] = field(default_factory=list)
    # Whether some of them had been given up as uncertain before they were recorded.
    late: bool = False


@dataclass(frozen=True, slots=True)
class SendPlan:
    """One worker's plan for one campaign: content, audience, connection and limits."""

    uow: UnitOfWork
    campaign_id: int
    purpose_id: int
    holder: str
    message: CompiledMessage
    columns: Columns
    sender: str
    channel: ConnectionPool
    pace: Pace
    throttle: Throttle
    domains: DomainLimiter
    sender_faults: SenderFaults
    among: Predicate
    now: Callable[[], datetime]
    mint: Callable[[int, int], str]
    window: WindowState

    @property
    def is_stopped(self) -> bool:
        """Whether this worker must not begin another mail now."""
        throttle = self.throttle
        held_up = throttle.waits or throttle.crowded or throttle.ended
        return bool(self.window.fault or self.window.away or held_up)


def transmit_window(plan: SendPlan, window: Window) -> None:
    """Transmit a window. Nothing is written once its check of the gate is a second old (L-14)."""
    people = window.recipients
    plan.pace.begin(window.asked_at)
    if elapsed() >= plan.pace.until:
        _log.warning(
            "campaign %s: the gate's answer came after %.1f s, too late to mail anybody by it",
            plan.campaign_id,
            elapsed() - window.asked_at,
        )
    plan.window.day = _rfc5322(plan.now())
    people_now, put_off = plan.domains.split(people)
    _record_put_off(plan, put_off)
    waiting = {person.subscriber_id: person for person in people_now}
    heard = _hand_over(plan, people_now, waiting)
    plan.pace.end(len(heard))
    plan.throttle.unused(len(people) - len(heard))
    plan.domains.tell()
    sent = any(result.status is DeliveryStatus.SENT for result in heard)
    if heard and not (sent or plan.window.fault) and any(result.untouched for result in heard):
        # It takes connections and drops them: knocking again at once would not help.
        plan.window.away = plan.window.away or heard[-1].reply
    # The window grew old, or the server went: these were surely not handed over.
    again = plan.now() + (AGAIN if plan.window.away else timedelta())
    plan.window.results += heard
    plan.window.results += [
        Result(key, DeliveryStatus.DEFERRED, "", again, untouched=True) for key in waiting
    ]


def _record_put_off(plan: SendPlan, put_off: list[Deferral]) -> None:
    """Store deferrals before transmitting, so that a kill does not leave them uncertain."""
    if not put_off:
        return
    results = [
        Result(
            deferred.subscriber_id,
            DeliveryStatus.DEFERRED if deferred.at else DeliveryStatus.FAILED,
            next_attempt_at=deferred.at,
            untouched=True,
            put_off=deferred.why,
            scope=deferred.scope,
            refused=deferred.refused,
        )
        for deferred in put_off
    ]
    with plan.uow() as tx:
        tx.commit_soon()
        if not record_results(tx, plan.campaign_id, results, lo=None, at=plan.now()):
            plan.window.results += results


def _hand_over(
    plan: SendPlan, people: list[Recipient], waiting: dict[int, Recipient]
) -> list[Result]:
    heard: list[Result] = []
    for some in plan.domains.rounds(people) if people else ():
        if plan.is_stopped:
            break
        try:
            for outcome in plan.channel.send(_envelopes(plan, some), until=_until(plan)):
                if outcome.answer is not Answer.EXPIRED:
                    heard.append(_judge(plan, outcome, waiting.pop(outcome.key)))  # noqa: PERF401 - what came before a break counts
        except PoolExhausted:
            plan.throttle.crowded = True
        except ServerUnavailable as error:
            plan.window.away = str(error)
    return heard


def _envelopes(plan: SendPlan, people: Iterable[Recipient]) -> Iterator[Envelope]:
    spaced, until = bool(plan.pace.rate) or plan.throttle.is_paced, _until(plan)
    for person in people:
        if plan.window.fault:
            return
        if spaced:
            _space_out(plan)
        if elapsed() >= until:
            return
        yield envelope(plan, person)


def _until(plan: SendPlan) -> float:
    """Return until when the window may be written, by the clock of `elapsed`."""
    return min(plan.pace.until, plan.throttle.quiet_from)


def _space_out(plan: SendPlan) -> None:
    """Wait for this mail's turn."""
    plan.pace.wait()
    if plan.throttle.is_paced and (ahead := plan.throttle.ahead()) > WORTH_SLEEPING:
        plan.channel.push()
        time.sleep(ahead)


def envelope(plan: SendPlan, person: Recipient) -> Envelope:
    """Return the mail of one person. Its Message-ID is the delivery's, so that a duplicate is
    recognizable.
    """
    key, to, _attempts, values = person
    token = plan.mint(plan.campaign_id, key)
    octets = plan.message.render(
        values,
        to=to,
        token=token,
        message_id=f"{plan.campaign_id}.{token[-SIGNATURE : 24 - SIGNATURE]}",
        date=plan.window.day,
    )
    # Not ASCII: SMTPUTF8; and made here.
    return Envelope(key, plan.sender, to, octets, not to.isascii(), True)


_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def _rfc5322(at: datetime) -> str:
    return (
        f"{_DAYS[at.weekday()]}, {at.day:02} {_MONTHS[at.month - 1]} {at.year:04}"
        f" {at.hour:02}:{at.minute:02}:{at.second:02} +0000"
    )


def _judge(plan: SendPlan, outcome: Outcome, person: Recipient) -> Result:
    """Return the result of a delivery for the server's answer (M-07, M-16)."""
    key, answer, code, text, _early = outcome
    reply, at = f"{code} {text}" if code else text, provider(person.envelope.rpartition("@")[2])
    if answer is Answer.ACCEPTED:
        if plan.sender_faults.scopes:
            plan.sender_faults.accept()
        if plan.domains.is_watching:
            plan.domains.hear(person, good=True)
        return Result(key, DeliveryStatus.SENT, reply, None, False, False, at)
    if answer is Answer.UNCERTAIN:
        return Result(key, DeliveryStatus.UNCERTAIN, reply, provider=at)
    if answer is Answer.UNTOUCHED:
        return Result(key, DeliveryStatus.DEFERRED, reply, plan.now() + AGAIN, untouched=True)
    return _refused(plan, outcome, person, reply, at)


def _refused(plan: SendPlan, outcome: Outcome, person: Recipient, reply: str, at: str) -> Result:
    key = outcome.key
    verdict = reply_codes.classify_refusal(
        outcome.code,
        outcome.reply,
        person.attempts,
        at=plan.now(),
        jitter=random.random(),  # noqa: S311 - spreads retries, guards nothing
        before_recipient=outcome.before_recipient,
    )
    if verdict.kind is reply_codes.RefusalKind.SENDER_FAULT:
        _blame_sender(plan, outcome, person, verdict)
    elif reply_codes.is_domain_wide(outcome.code, outcome.reply):
        plan.domains.hear(person, good=False)
    if verdict.next_attempt_at is not None:
        later = verdict.next_attempt_at
        return Result(key, DeliveryStatus.DEFERRED, reply, later, provider=at, refused=True)
    return Result(
        key,
        DeliveryStatus.FAILED,
        reply,
        suppress=verdict.kind is reply_codes.RefusalKind.FAILED_SUPPRESS,
        provider=at,
        given_up=verdict.kind is reply_codes.RefusalKind.GIVEN_UP,
    )


def _blame_sender(
    plan: SendPlan, outcome: Outcome, person: Recipient, verdict: reply_codes.Refusal
) -> None:
    """Pause if the sender is certainly at fault, else back off from the domain that says so.

    The person is deferred and the attempt counts, so that nobody can stop a campaign for ever.
    """
    if outcome.before_recipient:
        plan.window.fault = verdict.explanation
        return
    plan.domains.hear(person, good=False)
    # Whoever was refused before says nothing new: a window of retries is all of such people.
    if person.attempts == 1 and plan.sender_faults.refuse(plan.domains.scope(person)):
        plan.window.fault = verdict.explanation

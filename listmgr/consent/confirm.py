"""Confirmed: answered from the mailbox itself, by a button behind a signed link."""

from __future__ import annotations

import enum
from dataclasses import dataclass, replace
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from listmgr.config import Settings
from listmgr.consent.answers import answers_of, apply_answers
from listmgr.consent.facts import RequestFacts
from listmgr.consent.ledger import record
from listmgr.consent.lifecycle import ConsentAction, ConsentStatus
from listmgr.consent.models import Consent, Question, QuestionKind
from listmgr.consent.moving import finish_changes
from listmgr.kit.tokens import Door, TokenExpired, TokenInvalid, open_token, token_hash
from listmgr.kit.transaction import Transaction
from listmgr.lists.models import MailingList, Purpose
from listmgr.subscribers.address import mask
from listmgr.subscribers.fields import CatalogueField
from listmgr.subscribers.models import Subscriber
from listmgr.suppression.register import lift

DAY = 86_400


class QuestionState(enum.StrEnum):
    """What a confirmation link finds."""

    OPEN = "open"
    CONFIRMED = "confirmed"
    EXPIRED = "expired"
    ENDED = "ended"


@dataclass(frozen=True, slots=True)
class QuestionView:
    """What the page behind a confirmation link may show."""

    state: QuestionState
    purposes: tuple[tuple[str, str], ...]
    language: str
    masked_address: str
    purpose_ids: tuple[int, ...] = ()
    # What was typed into the form and is kept when the person confirms.
    answers: tuple[tuple[CatalogueField, str], ...] = ()


def look(session: Session, settings: Settings, token: str, at: datetime) -> QuestionView:
    """What the link would do now; writes nothing (T-01). Raises TokenInvalid for a forged link."""
    question_id, expired = _open(settings, token)
    question = session.get(Question, question_id)
    _must_match(question, token)
    view = _view(session, _consents(session, question), expired=expired, at=at)
    if view.state is not QuestionState.OPEN:
        return view
    return replace(view, answers=answers_of(session, question_id))


def confirm(tx: Transaction, token: str, *, facts: RequestFacts, at: datetime) -> QuestionView:
    """Confirm every open consent of the question; a second click finds it confirmed (T-03).

    A link is bound to its consents: ended ones stay ended, whatever is clicked later (T-05).
    """
    question_id, expired = _open(tx.settings, token)
    question = tx.session.get(Question, question_id)
    consents = question_consents(tx, token)
    open_now = [c for c in consents if c.status is ConsentStatus.PENDING and not _over(c, at)]
    if open_now and not expired:
        for consent in open_now:
            _confirm_one(tx, consent, question, facts=facts, at=at)
        apply_answers(tx, question_id)
        finish_changes(tx, open_now, at=at)
    return _view(tx.session, consents, expired=expired, at=at)


def question_consents(tx: Transaction, token: str) -> list[Consent]:
    """The consents a link speaks of, locked; raises TokenInvalid for a forged link."""
    question_id, _expired = _open(tx.settings, token)
    question = tx.session.get(Question, question_id)
    _must_match(question, token)
    return _consents(tx.session, question, lock=True)


def question_of(settings: Settings, token: str) -> int:
    """The question a link belongs to; raises TokenInvalid for a forged link."""
    return _open(settings, token)[0]


def _confirm_one(
    tx: Transaction,
    consent: Consent,
    question: Question | None,
    *,
    facts: RequestFacts,
    at: datetime,
) -> None:
    sent_at = question.sent_at if question else None
    waited = (at - sent_at).total_seconds() if sent_at else None
    told = {
        "method": "post button",
        "seconds_since_mail": waited,
        # A scanner that presses buttons does it at once; the operator is shown it (T-04).
        "suspiciously_fast": waited is not None and waited < tx.settings.scanner_seconds,
    }
    record(
        tx,
        consent,
        ConsentAction.CONFIRM,
        at=at,
        actor="subscriber",
        facts=told,
        evidence=facts.evidence(),
    )
    subscriber = tx.session.get_one(Subscriber, consent.subscriber_id)
    lift(tx, subscriber.fingerprint, consent_id=consent.id, at=at)


def _open(settings: Settings, token: str) -> tuple[int, bool]:
    try:
        parts = open_token(
            settings.secret_keys, Door.CONFIRM, token, max_age=settings.confirm_days * DAY
        )
        expired = False
    except TokenExpired:
        # Too old to act, and still good enough to say which list it was about.
        parts = open_token(settings.secret_keys, Door.CONFIRM, token)
        expired = True
    if len(parts) != 1 or not isinstance(parts[0], int):
        raise TokenInvalid
    return parts[0], expired


def _must_match(question: Question | None, token: str) -> None:
    """A genuine token whose question is gone is old, not forged; one of another row is forged."""
    if question is None:
        return
    if question.kind is not QuestionKind.CONFIRM or question.token_hash != token_hash(token):
        raise TokenInvalid


def _consents(session: Session, question: Question | None, *, lock: bool = False) -> list[Consent]:
    if question is None:
        return []
    query = sa.select(Consent).where(Consent.id.in_(question.consent_ids)).order_by(Consent.id)
    if lock:
        query = query.with_for_update().execution_options(populate_existing=True)
    return list(session.scalars(query))


def _over(consent: Consent, at: datetime) -> bool:
    return consent.expires_at is not None and consent.expires_at <= at


def _view(
    session: Session, consents: list[Consent], *, expired: bool, at: datetime
) -> QuestionView:
    named = [(session.get_one(MailingList, c.list_id).name, _purpose(session, c)) for c in consents]
    known = next((c.subscriber for c in consents if c.subscriber is not None), None)
    return QuestionView(
        state=_state(consents, expired=expired, at=at),
        purposes=tuple(named),
        language=consents[0].language if consents else "",
        masked_address=mask(known.address) if known else "",
        purpose_ids=tuple(consent.purpose_id for consent in consents),
    )


def _purpose(session: Session, consent: Consent) -> str:
    return session.get_one(Purpose, consent.purpose_id).name(consent.language)


def _state(consents: list[Consent], *, expired: bool, at: datetime) -> QuestionState:
    statuses = {consent.status for consent in consents}
    if ConsentStatus.PENDING in statuses and not expired:
        waiting = [c for c in consents if c.status is ConsentStatus.PENDING]
        return QuestionState.EXPIRED if all(_over(c, at) for c in waiting) else QuestionState.OPEN
    if ConsentStatus.CONFIRMED in statuses:
        return QuestionState.CONFIRMED
    unanswered = {ConsentStatus.PENDING, ConsentStatus.EXPIRED}
    return QuestionState.EXPIRED if not statuses or statuses & unanswered else QuestionState.ENDED

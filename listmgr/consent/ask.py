"""Pending: the person asked, so the one question may be sent, within limits against abuse."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

import sqlalchemy as sa

from listmgr.consent.ledger import record
from listmgr.consent.lifecycle import ConsentAction
from listmgr.consent.models import Consent, Question, QuestionKind, QuestionStatus
from listmgr.kit.queue import Job
from listmgr.kit.transaction import Transaction
from listmgr.subscribers.address import Address, fingerprint

MOST_KEYS_A_DAY = 3


def ask(
    tx: Transaction, consents: Sequence[Consent], address: Address, *, at: datetime, actor: str
) -> Question | None:
    """Move consents to pending and queue one mail for them; None where a limit holds it back.

    A limit leaves captured consents captured: they expire by themselves, and nothing is sent.
    """
    if _too_many(tx, address, at):
        return None
    for consent in consents:
        record(tx, consent, ConsentAction.ASK, at=at, actor=actor)
        consent.asked_at = at
        consent.expires_at = at + timedelta(days=tx.settings.confirm_days)
    return _queue(tx, QuestionKind.CONFIRM, consents, address, at)


def tell_already(
    tx: Transaction, consents: Sequence[Consent], address: Address, *, at: datetime
) -> Question | None:
    """Queue the mail that says "you are subscribed already": only the mailbox learns it (T-10)."""
    if _too_many(tx, address, at):
        return None
    return _queue(tx, QuestionKind.ALREADY, consents, address, at)


def tell_moving(
    tx: Transaction, consents: Sequence[Consent], address: Address, *, at: datetime
) -> Question:
    """Queue the mail that tells the old mailbox of a change of address; no limit holds it back."""
    return _queue(tx, QuestionKind.MOVING, consents, address, at)


def tell_my_data(
    tx: Transaction, consents: Sequence[Consent], address: Address, *, at: datetime
) -> Question | None:
    """Queue the mail with the key to the person's own data; None when three went in a day."""
    recipient, _domain = _limit_keys(tx, address)
    lately = sa.select(sa.func.count()).where(
        Question.kind == QuestionKind.MY_DATA,
        Question.recipient == recipient,
        Question.created_at > at - timedelta(days=1),
    )
    if tx.session.scalars(lately).one() >= MOST_KEYS_A_DAY:
        return None
    return _queue(tx, QuestionKind.MY_DATA, consents, address, at)


def _queue(
    tx: Transaction,
    kind: QuestionKind,
    consents: Sequence[Consent],
    address: Address,
    at: datetime,
) -> Question:
    recipient, domain = _limit_keys(tx, address)
    question = Question(
        kind=kind,
        consent_ids=[consent.id for consent in consents],
        status=QuestionStatus.QUEUED,
        recipient=recipient,
        domain=domain,
        created_at=at,
    )
    tx.session.add(question)
    tx.session.flush()
    tx.after_commit(
        Job("send_question", (question.id,), queue="mail", key=f"question-{question.id}")
    )
    return question


def _limit_keys(tx: Transaction, address: Address) -> tuple[bytes, bytes]:
    key = tx.settings.suppression_key
    # The provider's own view of the address: dots and plus tags do not make a new mailbox (T-09).
    return fingerprint(key, address.provider_key), fingerprint(key, address.domain)


def _too_many(tx: Transaction, address: Address, at: datetime) -> bool:
    recipient, domain = _limit_keys(tx, address)
    # Two sign-ups for one address at once must not both pass: they wait for each other here.
    lock = int.from_bytes(recipient[:8], "big", signed=True)
    tx.session.execute(sa.select(sa.func.pg_advisory_xact_lock(lock)))

    def since(span: timedelta, *which: sa.ColumnElement[bool]) -> int:
        query = sa.select(sa.func.count()).where(Question.created_at > at - span, *which)
        return tx.session.scalars(query).one()

    same_address = Question.recipient == recipient
    # What did not arrive, or may not have, must not keep the person out for a day.
    arrived = Question.status.not_in((QuestionStatus.FAILED, QuestionStatus.UNCERTAIN))
    return (
        since(timedelta(days=1), same_address, arrived) >= tx.settings.question_per_day
        or since(timedelta(days=30), same_address) >= tx.settings.question_per_month
        or since(timedelta(hours=1), Question.domain == domain) >= tx.settings.domain_per_hour
    )

"""Writes and sends the one mail that may go to somebody who has not confirmed anything yet."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from listmgr.consent.ledger import lock_consent, record
from listmgr.consent.lifecycle import ConsentAction, ConsentStatus
from listmgr.consent.mail_linter import advertising
from listmgr.consent.models import Consent, Question, QuestionKind, QuestionStatus
from listmgr.kit.mail import Letter, MailRefused, MailServerAway, MailUncertain, Post, Receipt
from listmgr.kit.queue import Job
from listmgr.kit.tokens import Door, make_token, token_hash
from listmgr.kit.transaction import Transaction
from listmgr.lists.models import MailingList, Purpose
from listmgr.subscribers.models import Subscriber

UnitOfWork = Callable[[], AbstractContextManager[Transaction]]
MAX_ATTEMPTS = 6
RETRY = timedelta(minutes=1)
MASKED = "[this link's secret is not kept]"


class Advertising(Exception):
    """The mail holds something a confirmation mail must not hold (L-10)."""


def send_question(
    uow: UnitOfWork, post: Post, templates: Path, question_id: int, *, now: Callable[[], datetime]
) -> None:
    """Send one question; safe to run twice, since claiming it is committed before the mail goes."""
    with uow() as tx:
        claimed = _claim(tx, question_id, templates, now())
    if claimed is None:
        return
    letter, token = claimed
    try:
        receipt = post(letter)
    except MailRefused as error:
        status = QuestionStatus.FAILED if error.permanent else QuestionStatus.QUEUED
        _settle(uow, question_id, status, f"refused: {error}")
    except MailServerAway as error:
        _settle(uow, question_id, QuestionStatus.QUEUED, f"server away: {error}")
    except MailUncertain as error:
        # It may have been taken: never sent again by itself; the person can sign up again.
        _settle(uow, question_id, QuestionStatus.UNCERTAIN, f"uncertain: {error}")
    else:
        with uow() as tx:
            _sent(tx, question_id, receipt, token, now())


def sweep_questions(tx: Transaction, *, at: datetime) -> int:
    """Ring again for what waits, and give up on what a dead worker left half done."""
    tx.session.execute(
        sa.update(Question)
        .where(
            Question.status == QuestionStatus.SENDING,
            Question.created_at < at - timedelta(minutes=10),
        )
        .values(status=QuestionStatus.UNCERTAIN)
    )
    waiting = tx.session.scalars(
        sa.select(Question.id)
        .where(
            Question.status == QuestionStatus.QUEUED,
            Question.attempts < MAX_ATTEMPTS,
            # Each attempt waits longer than the one before.
            Question.created_at + RETRY * Question.attempts * Question.attempts <= at,
        )
        .order_by(Question.id)
        .limit(1000)
    ).all()
    for found in waiting:
        tx.after_commit(Job("send_question", (found,), queue="mail", key=f"question-{found}"))
    return len(waiting)


def _claim(
    tx: Transaction, question_id: int, templates: Path, at: datetime
) -> tuple[Letter, str] | None:
    question = tx.session.get(Question, question_id, with_for_update={"skip_locked": True})
    if question is None or question.status is not QuestionStatus.QUEUED:
        return None
    wanted = (
        ConsentStatus.PENDING if question.kind is QuestionKind.CONFIRM else ConsentStatus.CONFIRMED
    )
    consents = tx.session.scalars(
        sa.select(Consent).where(Consent.id.in_(question.consent_ids), Consent.status == wanted)
    ).all()
    if not consents:
        question.status = QuestionStatus.FAILED
        question.last_error = "nothing left to ask"
        return None
    token = make_token(tx.settings.secret_keys, Door.CONFIRM, question.id)
    letter = compose(tx, question, list(consents), token, templates)
    question.status = QuestionStatus.SENDING
    question.attempts += 1
    question.token_hash = token_hash(token)
    question.sent_at = at
    return letter, token


def compose(
    tx: Transaction, question: Question, consents: list[Consent], token: str, templates: Path
) -> Letter:
    """The sober mail: who, which list, when, one link, "ignore it", imprint, privacy (L-10).

    Nothing the visitor typed is in it, not even the name. Raises Advertising.
    """
    mailing_list = tx.session.get_one(MailingList, consents[0].list_id)
    subscriber = tx.session.get_one(Subscriber, consents[0].subscriber_id)
    language = consents[0].language if consents[0].language in {"de", "en"} else "en"
    asked = consents[0].asked_at or question.created_at
    values = {
        "controller": mailing_list.controller or mailing_list.sender_name,
        "subscriptions": [_names(tx, consent) for consent in consents],
        "asked_at": asked.astimezone(ZoneInfo(tx.settings.timezone)),
        "confirm_url": tx.settings.link(f"c/{token}"),
        "days": tx.settings.confirm_days,
        "imprint": mailing_list.imprint,
        "privacy_url": mailing_list.privacy_url,
        "zone": tx.settings.timezone,
    }
    environment = Environment(
        loader=FileSystemLoader(templates / "mail" / question.kind.value / language),
        undefined=StrictUndefined,
        autoescape=select_autoescape(["html"]),
        trim_blocks=True,
        lstrip_blocks=True,
    )
    parts = {
        name: environment.get_template(name).render(values)
        for name in ("subject.txt", "body.txt", "body.html")
    }
    found = advertising(parts["body.html"], parts["body.txt"])
    if found:
        raise Advertising("; ".join(found))
    return Letter(
        to=subscriber.envelope,
        subject=parts["subject.txt"].strip(),
        text=parts["body.txt"],
        html=parts["body.html"],
        sender_name=mailing_list.sender_name,
        sender_address=mailing_list.sender_address,
        headers=(("Auto-Submitted", "auto-generated"),),
    )


def _names(tx: Transaction, consent: Consent) -> tuple[str, str]:
    found = tx.session.get_one(MailingList, consent.list_id)
    purpose = tx.session.get_one(Purpose, consent.purpose_id)
    return found.name, purpose.name(consent.language)


def _settle(uow: UnitOfWork, question_id: int, status: QuestionStatus, error: str) -> None:
    with uow() as tx:
        question = tx.session.get_one(Question, question_id, with_for_update=True)
        exhausted = question.attempts >= MAX_ATTEMPTS and status is QuestionStatus.QUEUED
        question.status = QuestionStatus.FAILED if exhausted else status
        question.last_error = error[:300]


def _sent(tx: Transaction, question_id: int, receipt: Receipt, token: str, at: datetime) -> None:
    question = tx.session.get_one(Question, question_id, with_for_update=True)
    question.status = QuestionStatus.SENT
    question.sent_at = at
    # The link in the kept copy must not work: who reads the proof could confirm for the person.
    mime = receipt.mime.decode("utf-8", "replace").replace("=\r\n", "").replace(token, MASKED)
    for consent_id in question.consent_ids:
        consent = lock_consent(tx, consent_id)
        if consent.status not in {ConsentStatus.PENDING, ConsentStatus.CONFIRMED}:
            continue
        record(
            tx,
            consent,
            ConsentAction.QUESTION_SENT,
            at=at,
            actor="system",
            facts={"message_id": receipt.message_id, "kind": question.kind.value},
            evidence={"smtp_reply": receipt.reply, "mail": mime},
        )

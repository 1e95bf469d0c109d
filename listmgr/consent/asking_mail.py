"""Writes and sends the one mail that may go to somebody who has not confirmed anything yet."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape
from markupsafe import escape

from listmgr.consent.ledger import lock_consent, record
from listmgr.consent.lifecycle import ConsentAction, ConsentStatus
from listmgr.consent.mail_linter import advertising, foreign_fields, links_in
from listmgr.consent.models import Consent, Question, QuestionKind, QuestionStatus
from listmgr.kit.mail import Letter, MailRefused, MailServerAway, MailUncertain, Post, Receipt
from listmgr.kit.queue import Job
from listmgr.kit.tokens import Door, make_token, token_hash
from listmgr.kit.transaction import Transaction
from listmgr.lists.models import MailingList, Purpose
from listmgr.subscribers.models import Subscriber

LANGUAGES = frozenset({"de", "en"})
UnitOfWork = Callable[[], AbstractContextManager[Transaction]]
# Each attempt waits longer than the one before, up to an hour, for as long as it is still of use.
LONGEST_WAIT_MINUTES = 60
GIVE_UP = timedelta(days=2)
# A server that was away a moment ago is tried by one mail a minute, not by every waiting one:
# each would hold a worker for the whole time-out.
PAUSE = timedelta(minutes=1)
LEFT_HALF_DONE = timedelta(minutes=10)
AWAY = "server away"
MASKED = "[this link's secret is not kept]"


class Advertising(Exception):
    """The mail holds something a confirmation mail must not hold (L-10)."""


def send_question(
    uow: UnitOfWork, post: Post, templates: Path, question_id: int, *, now: Callable[[], datetime]
) -> None:
    """Send one question; safe to run twice, since claiming it is committed before the mail goes."""
    try:
        with uow() as tx:
            claimed = _claim(tx, question_id, templates, now())
    except Advertising as error:
        _settle(uow, question_id, QuestionStatus.FAILED, f"not sober: {error}")
        return
    if claimed is None:
        return
    letter, token = claimed
    try:
        receipt = post(letter)
    except MailRefused as error:
        status = QuestionStatus.FAILED if error.permanent else QuestionStatus.QUEUED
        _settle(uow, question_id, status, f"refused: {error}")
    except MailServerAway as error:
        _settle(uow, question_id, QuestionStatus.QUEUED, f"{AWAY}: {error}")
    except MailUncertain as error:
        # It may have been taken: never sent again by itself; the person can sign up again.
        _settle(uow, question_id, QuestionStatus.UNCERTAIN, f"uncertain: {error}")
    else:
        with uow() as tx:
            _sent(tx, question_id, receipt, token, now())


def sweep_questions(tx: Transaction, *, at: datetime) -> int:
    """Ring again for what waits, and give up on what a dead worker left half done."""
    _close(tx, QuestionStatus.SENDING, Question.sent_at < at - LEFT_HALF_DONE, "worker died")
    _close(tx, QuestionStatus.QUEUED, Question.created_at < at - GIVE_UP, "gave up after two days")
    minutes = sa.func.least(Question.attempts * Question.attempts, LONGEST_WAIT_MINUTES)
    wait = sa.func.make_interval(0, 0, 0, 0, 0, sa.cast(minutes, sa.Integer))
    waiting = tx.session.scalars(
        sa.select(Question.id)
        .where(
            Question.status == QuestionStatus.QUEUED,
            sa.or_(Question.sent_at.is_(None), Question.sent_at + wait <= at),
        )
        .order_by(Question.id)
        .limit(1000)
    ).all()
    for found in waiting:
        tx.after_commit(Job("send_question", (found,), queue="mail", key=f"question-{found}"))
    return len(waiting)


def _close(
    tx: Transaction, status: QuestionStatus, overdue: sa.ColumnElement[bool], why: str
) -> None:
    """What was being sent may have arrived; what only waited has surely not."""
    uncertain = status is QuestionStatus.SENDING
    tx.session.execute(
        sa.update(Question)
        .where(Question.status == status, overdue)
        .values(
            status=QuestionStatus.UNCERTAIN if uncertain else QuestionStatus.FAILED,
            last_error=why,
        )
    )


def _claim(
    tx: Transaction, question_id: int, templates: Path, at: datetime
) -> tuple[Letter, str] | None:
    question = tx.session.get(Question, question_id, with_for_update={"skip_locked": True})
    if question is None or question.status is not QuestionStatus.QUEUED or _server_away(tx, at):
        return None
    consents = _still_asked(tx, question, at)
    if not consents:
        question.status = QuestionStatus.FAILED
        question.last_error = "nothing left to ask"
        return None
    token = _token(tx, question, consents)
    letter = compose(tx, question, consents, token, templates)
    question.status = QuestionStatus.SENDING
    question.attempts += 1
    asks = question.kind in {QuestionKind.CONFIRM, QuestionKind.ALREADY}
    question.token_hash = token_hash(token) if asks else None
    # Until it is sent, the time of the last attempt.
    question.sent_at = at
    return letter, token


def _token(tx: Transaction, question: Question, consents: Sequence[Consent]) -> str:
    """What the one link of the mail opens: the question, or the person's own page."""
    keys, person = tx.settings.secret_keys, int(consents[0].subscriber_id or 0)
    if question.kind is QuestionKind.MOVING:
        return make_token(keys, Door.PREFERENCES, person)
    if question.kind is QuestionKind.MY_DATA:
        return make_token(keys, Door.MY_DATA, person)
    return make_token(keys, Door.CONFIRM, question.id)


def _server_away(tx: Transaction, at: datetime) -> bool:
    found = sa.select(Question.id).where(
        Question.status == QuestionStatus.QUEUED,
        Question.last_error.startswith(AWAY),
        Question.sent_at > at - PAUSE,
    )
    return tx.session.scalars(found.limit(1)).first() is not None


def _still_asked(tx: Transaction, question: Question, at: datetime) -> list[Consent]:
    """What the mail may rest on now: the person may have left, or been restricted, meanwhile."""
    if question.kind is QuestionKind.MY_DATA:
        # Whoever we hold data of may see them, subscribed or not, restricted or not (Art. 15).
        theirs = sa.select(Consent).where(
            Consent.id.in_(question.consent_ids), Consent.subscriber_id.is_not(None)
        )
        return list(tx.session.scalars(theirs))
    confirm = question.kind is QuestionKind.CONFIRM
    wanted = ConsentStatus.PENDING if confirm else ConsentStatus.CONFIRMED
    query = (
        sa.select(Consent)
        .join(Subscriber, Subscriber.id == Consent.subscriber_id)
        .join(MailingList, MailingList.id == Consent.list_id)
        .where(
            Consent.id.in_(question.consent_ids),
            Consent.status == wanted,
            sa.or_(Consent.expires_at.is_(None), Consent.expires_at > at),
            Subscriber.restricted_at.is_(None),
            MailingList.archived_at.is_(None),
        )
        .order_by(Consent.id)
    )
    return list(tx.session.scalars(query))


def compose(
    tx: Transaction, question: Question, consents: list[Consent], token: str, templates: Path
) -> Letter:
    """The sober mail: who, which list, when, one link, "ignore it", imprint, privacy (L-10).

    Nothing the visitor typed is in it, not even the name. Raises Advertising.
    """
    mailing_list = tx.session.get_one(MailingList, consents[0].list_id)
    subscriber = tx.session.get_one(Subscriber, consents[0].subscriber_id)
    zone = ZoneInfo(tx.settings.timezone)
    expires = min((c.expires_at for c in consents if c.expires_at), default=question.created_at)
    subscriptions = [_names(tx, consent) for consent in consents]
    values: dict[str, Any] = {
        "controller": mailing_list.controller or mailing_list.sender_name,
        "subscriptions": subscriptions,
        "asked_at": question.created_at.astimezone(zone),
        "expires_at": expires.astimezone(zone),
        "zone": tx.settings.timezone,
        "confirm_url": _link(tx, question, token),
        "imprint": mailing_list.imprint,
        "privacy_url": mailing_list.privacy_url,
    }
    language = consents[0].language if consents[0].language in LANGUAGES else "en"
    parts = _render(templates / "mail" / question.kind.value / language, values)
    found = advertising(
        parts["body.html"],
        parts["body.txt"],
        named=[name for pair in subscriptions for written in pair for name in _spelled(written)],
        links=[values["confirm_url"], mailing_list.privacy_url, *links_in(mailing_list.imprint)],
    )
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


def _link(tx: Transaction, question: Question, token: str) -> str:
    pages = {QuestionKind.MOVING: f"p/{token}/address", QuestionKind.MY_DATA: f"d/{token}"}
    return tx.settings.link(pages.get(question.kind, f"c/{token}"))


def _spelled(name: str) -> tuple[str, str]:
    return name, str(escape(name))


def _render(folder: Path, values: Mapping[str, Any]) -> dict[str, str]:
    environment = Environment(
        loader=FileSystemLoader(folder),
        undefined=StrictUndefined,
        autoescape=select_autoescape(["html"]),
        trim_blocks=True,
        lstrip_blocks=True,
    )
    parts = {}
    for name in ("subject.txt", "body.txt", "body.html"):
        foreign = foreign_fields(environment, (folder / name).read_text())
        if foreign:
            raise Advertising("; ".join(foreign))
        parts[name] = environment.get_template(name).render(values)
    return parts


def _names(tx: Transaction, consent: Consent) -> tuple[str, str]:
    found = tx.session.get_one(MailingList, consent.list_id)
    purpose = tx.session.get_one(Purpose, consent.purpose_id)
    return found.name, purpose.name(consent.language)


def _settle(uow: UnitOfWork, question_id: int, status: QuestionStatus, error: str) -> None:
    with uow() as tx:
        question = tx.session.get_one(Question, question_id, with_for_update=True)
        question.status = status
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

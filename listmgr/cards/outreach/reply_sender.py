"""Sends first replies, one by one, each at most once; what waits is rung for again."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import sqlalchemy as sa

from listmgr.cards.intake import objection
from listmgr.cards.models import Card, CardLetter, LetterStatus, NoticeWay
from listmgr.cards.outreach.reply import send_job
from listmgr.cards.outreach.reply_content import compose_reply
from listmgr.cards.privacy_notice import given
from listmgr.cards.restriction import restricted_since
from listmgr.kit.mail import MailRefused, MailServerAway, MailUncertain, OutgoingMail
from listmgr.kit.transaction import Transaction, UnitOfWork
from listmgr.lists.models import MailingList
from listmgr.senders.transactional_route import (
    SendVia,
    TransactionalRoute,
    way,
)

LEFT_HALF_DONE = timedelta(minutes=10)
GIVE_UP = timedelta(days=2)
RETRY_AFTER = timedelta(minutes=5)


def send_reply(
    uow: UnitOfWork, post: SendVia, templates: Path, letter_id: int, *, now: Callable[[], datetime]
) -> None:
    """Send one reply; safe to run twice, since claiming it is committed before the mail goes."""
    with uow() as tx:
        claimed = _claim(tx, letter_id, templates, now())
    if claimed is None:
        return
    try:
        post(*claimed)
    except MailRefused as error:
        status = LetterStatus.FAILED if error.permanent else LetterStatus.QUEUED
        _settle(uow, letter_id, status, f"refused: {error}", at=now())
    except MailServerAway as error:
        _settle(uow, letter_id, LetterStatus.QUEUED, f"server away: {error}", at=now())
    except MailUncertain as error:
        # It may have been taken: never sent again by itself.
        _settle(uow, letter_id, LetterStatus.UNCERTAIN, f"uncertain: {error}", at=now())
    else:
        _settle(uow, letter_id, LetterStatus.SENT, "", at=now())


def _claim(
    tx: Transaction, letter_id: int, templates: Path, at: datetime
) -> tuple[OutgoingMail, TransactionalRoute] | None:
    letter = tx.session.get(CardLetter, letter_id, with_for_update={"skip_locked": True})
    if letter is None or letter.status is not LetterStatus.QUEUED:
        return None
    card = tx.session.get_one(Card, letter.card_id)
    if card.address_key is None or objection(tx, [card.address]) is not None:
        letter.status, letter.last_error = LetterStatus.FAILED, "the person objected meanwhile"
        return None
    if restricted_since(tx.session, card) is not None:
        letter.status, letter.last_error = (
            LetterStatus.FAILED,
            "processing was restricted",
        )
        return None
    letter.status, letter.tried_at = LetterStatus.SENDING, at
    letter.attempts += 1
    mail = compose_reply(tx, card, letter, templates)
    named = tx.session.get_one(MailingList, letter.list_id).sender_id
    return mail, way(tx.session, tx.settings, mail.sender_address, named=named)


def _settle(
    uow: UnitOfWork, letter_id: int, status: LetterStatus, error: str, *, at: datetime
) -> None:
    with uow() as tx:
        letter = tx.session.get(CardLetter, letter_id, with_for_update=True)
        if letter is None:  # The card went while its mail was on its way.
            return
        letter.status, letter.last_error, letter.tried_at = status, error[:300], at
        if status is LetterStatus.SENT:
            card = tx.session.get_one(Card, letter.card_id, with_for_update=True)
            given(card, NoticeWay.REPLY, letter.operator_id, at)


def sweep_letters(tx: Transaction, *, at: datetime) -> int:
    """Ring again for what waits, and give up on what a dead worker left half done."""
    _close(tx, LetterStatus.SENDING, CardLetter.tried_at < at - LEFT_HALF_DONE)
    _close(tx, LetterStatus.QUEUED, CardLetter.created_at < at - GIVE_UP)
    waiting = tx.session.scalars(
        sa.select(CardLetter.id)
        .where(
            CardLetter.status == LetterStatus.QUEUED,
            sa.or_(CardLetter.tried_at.is_(None), CardLetter.tried_at < at - RETRY_AFTER),
        )
        .order_by(CardLetter.id)
        .limit(1000)
    ).all()
    for letter_id in waiting:
        tx.after_commit(send_job(letter_id))
    return len(waiting)


def _close(tx: Transaction, status: LetterStatus, overdue: sa.ColumnElement[bool]) -> None:
    half_done = status is LetterStatus.SENDING
    tx.session.execute(
        sa.update(CardLetter)
        .where(CardLetter.status == status, overdue)
        .values(
            status=LetterStatus.UNCERTAIN if half_done else LetterStatus.FAILED,
            last_error="the program ended meanwhile" if half_done else "gave up after two days",
        )
    )

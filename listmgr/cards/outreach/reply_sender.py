"""Send first replies one by one, each at most once, and queue those that still wait."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.orm import Session

from listmgr.cards.intake import objection
from listmgr.cards.models import Card, CardReply, NoticeWay, ReplyStatus
from listmgr.cards.outreach.reply import send_job
from listmgr.cards.outreach.reply_content import compose_reply
from listmgr.cards.privacy_notice import given
from listmgr.cards.restriction import restricted_since
from listmgr.kit.mail import (
    MailLoginRefused,
    MailRefused,
    MailServerAway,
    MailUncertain,
    OutgoingMail,
)
from listmgr.kit.throttled_log import ThrottledLog
from listmgr.kit.transaction import Transaction, UnitOfWork
from listmgr.lists.models import MailingList
from listmgr.senders.transactional_route import (
    SendVia,
    TransactionalRoute,
    way,
)

_refused_logins = ThrottledLog(logging.getLogger(__name__))
LEFT_HALF_DONE = timedelta(minutes=10)
GIVE_UP = timedelta(days=2)
RETRY_AFTER = timedelta(minutes=5)


def send_reply(
    uow: UnitOfWork, post: SendVia, templates: Path, reply_id: int, *, now: Callable[[], datetime]
) -> None:
    """Send one reply. Safe to run twice: the claim is committed before the mail is sent."""
    with uow() as tx:
        claimed = _claim(tx, reply_id, templates, now())
    if claimed is None:
        return
    sender_id = claimed[1].terms.sender_id
    try:
        post(*claimed)
    except MailRefused as error:
        status = ReplyStatus.FAILED if error.permanent else ReplyStatus.QUEUED
        _settle(uow, reply_id, status, f"refused: {error}", at=now())
    except MailServerAway as error:
        refused = isinstance(error, MailLoginRefused)
        _settle(
            uow,
            reply_id,
            ReplyStatus.QUEUED,
            f"server away: {error}",
            at=now(),
            away_sender_id=sender_id,
            login_refused=refused,
        )
        if refused:
            sentence = f"the mail server of sender {sender_id} refuses the login, replies wait"
            _refused_logins.log(f"sender {sender_id}", error, sentence)
    except MailUncertain as error:
        # It may have been taken: never sent again by itself.
        _settle(uow, reply_id, ReplyStatus.UNCERTAIN, f"uncertain: {error}", at=now())
    else:
        _refused_logins.end(f"sender {sender_id}")
        _settle(uow, reply_id, ReplyStatus.SENT, "", at=now())


def _claim(
    tx: Transaction, reply_id: int, templates: Path, at: datetime
) -> tuple[OutgoingMail, TransactionalRoute] | None:
    letter = tx.session.get(CardReply, reply_id, with_for_update={"skip_locked": True})
    if letter is None or letter.status is not ReplyStatus.QUEUED:
        return None
    card = tx.session.get_one(Card, letter.card_id)
    if card.address_key is None or objection(tx, [card.address]) is not None:
        letter.status, letter.last_error = ReplyStatus.FAILED, "the person objected meanwhile"
        return None
    if restricted_since(tx.session, card) is not None:
        letter.status, letter.last_error = (
            ReplyStatus.FAILED,
            "processing was restricted",
        )
        return None
    letter.status, letter.tried_at = ReplyStatus.SENDING, at
    letter.attempts += 1
    mail = compose_reply(tx, card, letter, templates)
    named = tx.session.get_one(MailingList, letter.list_id).sender_id
    return mail, way(tx.session, tx.settings, mail.sender_address, named=named)


def _settle(
    uow: UnitOfWork,
    reply_id: int,
    status: ReplyStatus,
    error: str,
    *,
    at: datetime,
    away_sender_id: int | None = None,
    login_refused: bool = False,
) -> None:
    with uow() as tx:
        letter = tx.session.get(CardReply, reply_id, with_for_update=True)
        if letter is None:  # The card went while its mail was on its way.
            return
        letter.status, letter.last_error, letter.tried_at = status, error[:300], at
        letter.away_sender_id, letter.login_refused = away_sender_id, login_refused
        if status is ReplyStatus.SENT:
            card = tx.session.get_one(Card, letter.card_id, with_for_update=True)
            given(card, NoticeWay.REPLY, letter.operator_id, at)


def refused_logins(session: Session) -> set[int]:
    """Return the ids of senders whose mail server refuses the login while replies wait."""
    waiting = sa.select(CardReply.away_sender_id).where(
        CardReply.status == ReplyStatus.QUEUED, CardReply.login_refused
    )
    return {int(sender or 0) for sender in session.scalars(waiting.distinct())}


def sweep_replies(tx: Transaction, *, at: datetime) -> int:
    """Queue waiting replies again; give up on those a dead worker left half sent."""
    _close(tx, ReplyStatus.SENDING, CardReply.tried_at < at - LEFT_HALF_DONE)
    _close(tx, ReplyStatus.QUEUED, CardReply.created_at < at - GIVE_UP)
    waiting = tx.session.scalars(
        sa.select(CardReply.id)
        .where(
            CardReply.status == ReplyStatus.QUEUED,
            sa.or_(CardReply.tried_at.is_(None), CardReply.tried_at < at - RETRY_AFTER),
        )
        .order_by(CardReply.id)
        .limit(1000)
    ).all()
    for reply_id in waiting:
        tx.after_commit(send_job(reply_id))
    return len(waiting)


def _close(tx: Transaction, status: ReplyStatus, overdue: sa.ColumnElement[bool]) -> None:
    half_done = status is ReplyStatus.SENDING
    tx.session.execute(
        sa.update(CardReply)
        .where(CardReply.status == status, overdue)
        .values(
            status=ReplyStatus.UNCERTAIN if half_done else ReplyStatus.FAILED,
            last_error="the program ended meanwhile" if half_done else "gave up after two days",
        )
    )

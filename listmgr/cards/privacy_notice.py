"""The notice of Articles 13 and 14: when it is due, given and overdue."""

from __future__ import annotations

import calendar
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from listmgr.cards.models import Card, CardStatus, NoticeWay
from listmgr.cards.restriction import FREE
from listmgr.cards.visibility import (
    locked_card,
    seen_by,
)
from listmgr.kit.errors import Refused
from listmgr.kit.i18n import N_
from listmgr.kit.transaction import Transaction


def due_at(taken_at: datetime, days: int) -> datetime:
    """Return the given number of days after capture, but at most one month (Art. 14(3)(a) GDPR)."""
    return min(taken_at + timedelta(days=days), _a_month_after(taken_at))


def _a_month_after(at: datetime) -> datetime:
    """Return the same day of the next month, or its last day: 31 January becomes 28 February."""
    year, month = (at.year + at.month // 12, at.month % 12 + 1)
    return at.replace(year=year, month=month, day=min(at.day, calendar.monthrange(year, month)[1]))


def at_first_contact(card: Card, at: datetime) -> None:
    """Make the notice due at once, since a mail goes to the person (Art. 14(3)(b))."""
    card.notice_due_at = min(card.notice_due_at, at)


def record_notice_given(
    tx: Transaction, card_id: int, own: int | None, *, operator_id: int, at: datetime
) -> Card:
    """Record that the person got the notice on paper or on screen. Raises Refused."""
    card = locked_card(tx, card_id, own)
    if card.status is CardStatus.OBJECTED:
        raise Refused(N_("No data of this person is stored."))
    given(card, NoticeWay.BY_HAND, operator_id, at)
    return card


def given(card: Card, way: NoticeWay, operator_id: int, at: datetime) -> None:
    """Record the notice; only the first time counts."""
    if card.notice_given_at is None:
        card.notice_given_at, card.notice_way, card.notice_by = at, way, operator_id


def is_overdue(card: Card, at: datetime) -> bool:
    """Whether the person should have been informed by now."""
    waits = card.notice_given_at is None and card.status is not CardStatus.OBJECTED
    return waits and card.notice_due_at <= at


def count_overdue(session: Session, own: int | None, *, at: datetime) -> int:
    """Count the operator's visible cards whose notice is overdue."""
    query = sa.select(sa.func.count()).select_from(Card).where(overdue(at), seen_by(own))
    return session.scalars(query).one()


def overdue(at: datetime) -> sa.ColumnElement[bool]:
    """Return the SQL condition on cards whose notice is overdue."""
    return sa.and_(
        FREE,
        Card.notice_given_at.is_(None),
        Card.status != CardStatus.OBJECTED,
        Card.notice_due_at <= at,
    )

"""Counts for the dashboard: where consents stand, how they grew by week, what waits."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from listmgr.consent.lifecycle import ConsentStatus
from listmgr.consent.models import Consent, ConsentEvent, LedgerAnchor, Question, QuestionStatus


@dataclass(frozen=True, slots=True)
class Week:
    """How many consents were confirmed and how many ended after that, in one week (Monday)."""

    monday: date
    confirmed: int
    ended: int


@dataclass(frozen=True, slots=True)
class LedgerState:
    """When the ledger was last sealed, and how many events wait for the next seal."""

    sealed_at: datetime | None
    unsealed: int


def stations(session: Session, *, list_id: int | None = None) -> dict[ConsentStatus, int]:
    """How many consents stand at each station; every station has its number."""
    counts = sa.select(Consent.status, sa.func.count()).group_by(Consent.status)
    if list_id is not None:
        counts = counts.where(Consent.list_id == list_id)
    found = dict(session.execute(counts).all())
    return {status: found.get(status, 0) for status in ConsentStatus}


def purposes_confirmed(session: Session) -> dict[int, int]:
    """How many confirmed consents each purpose has."""
    counts = (
        sa.select(Consent.purpose_id, sa.func.count())
        .where(Consent.status == ConsentStatus.CONFIRMED)
        .group_by(Consent.purpose_id)
    )
    return dict(session.execute(counts).all())


def confirmed_before(session: Session, purpose_id: int, version: int) -> int:
    """How many people agreed to words of this purpose older than a version."""
    counts = sa.select(sa.func.count()).where(
        Consent.purpose_id == purpose_id,
        Consent.status == ConsentStatus.CONFIRMED,
        Consent.notice_version < version,
    )
    return session.scalars(counts).one()


def growth(session: Session, *, at: datetime, weeks: int = 26) -> list[Week]:
    """The last weeks up to the present one, oldest first; weeks begin on Monday in UTC."""
    monday = at.date() - timedelta(days=at.weekday())
    mondays = [monday - timedelta(weeks=back) for back in range(weeks - 1, -1, -1)]
    confirmed = _per_week(session, Consent.confirmed_at, mondays[0])
    ended = _per_week(session, Consent.ended_at, mondays[0])
    return [Week(day, confirmed.get(day, 0), ended.get(day, 0)) for day in mondays]


def _per_week(
    session: Session, column: sa.orm.InstrumentedAttribute[datetime | None], since: date
) -> dict[date, int]:
    week = sa.func.date_trunc("week", sa.func.timezone("UTC", column)).cast(sa.Date)
    counts = (
        sa.select(week, sa.func.count())
        .where(sa.func.timezone("UTC", column) >= since, Consent.confirmed_at.is_not(None))
        .group_by(week)
    )
    return dict(session.execute(counts).all())


def questions(session: Session) -> dict[QuestionStatus, int]:
    """How many confirmation mails stand where; those long sent are of no interest here."""
    counts = (
        sa.select(Question.status, sa.func.count())
        .where(Question.status != QuestionStatus.SENT)
        .group_by(Question.status)
    )
    found = dict(session.execute(counts).all())
    return {status: found.get(status, 0) for status in QuestionStatus}


def ledger_state(session: Session) -> LedgerState:
    """How fresh the seal over the ledger is."""
    last = session.scalars(
        sa.select(LedgerAnchor).order_by(LedgerAnchor.id.desc()).limit(1)
    ).one_or_none()
    floor = last.last_event_id if last else 0
    waiting = sa.select(sa.func.count()).where(ConsentEvent.id > floor)
    return LedgerState(last.at if last else None, session.scalars(waiting).one())

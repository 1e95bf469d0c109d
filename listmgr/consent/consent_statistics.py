"""Counts for the overview: consents by status, weekly growth, waiting mails."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from listmgr.consent.lifecycle import ConsentStatus
from listmgr.consent.models import (
    ConsentEvent,
    ConsentMove,
    LedgerAnchor,
    ServiceMail,
    ServiceMailStatus,
)

# How many came to the station of mail, how many left it, and the difference.
_ENTERED = sa.func.sum(ConsentMove.n).filter(ConsentMove.went_to == "confirmed")
_LEFT = sa.func.sum(ConsentMove.n).filter(ConsentMove.came_from == "confirmed")
_CONFIRMED = sa.func.coalesce(_ENTERED, 0) - sa.func.coalesce(_LEFT, 0)
UNSEALED = 10_000


@dataclass(frozen=True, slots=True)
class Week:
    """Consents confirmed and ended in one week, by its Monday."""

    monday: date
    confirmed: int
    ended: int


@dataclass(frozen=True, slots=True)
class LedgerState:
    """Time of the last anchor and the number of events since, counted up to UNSEALED."""

    sealed_at: datetime | None
    unsealed: int


def stations(session: Session, *, list_id: int | None = None) -> dict[ConsentStatus, int]:
    """Count the consents by status; every status has a number."""
    where = sa.true() if list_id is None else ConsentMove.list_id == list_id
    came = sa.select(ConsentMove.went_to.label("status"), ConsentMove.n).where(where)
    gone = sa.select(ConsentMove.came_from, -ConsentMove.n).where(where)
    both = sa.union_all(came, gone).subquery()
    rows = session.execute(sa.select(both.c.status, sa.func.sum(both.c.n)).group_by(both.c.status))
    counted = {status: int(count) for status, count in rows}
    return {status: counted.get(status, 0) for status in ConsentStatus}


def purposes_confirmed(session: Session) -> dict[int, int]:
    """Count the confirmed consents of each purpose."""
    counts = sa.select(ConsentMove.purpose_id, _CONFIRMED).group_by(ConsentMove.purpose_id)
    return {purpose_id: int(count) for purpose_id, count in session.execute(counts) if count}


def confirmed_before(session: Session, purpose_id: int, version: int) -> int:
    """Count the people who agreed to an older version of this purpose's wording."""
    counts = sa.select(_CONFIRMED).where(
        ConsentMove.purpose_id == purpose_id, ConsentMove.notice_version < version
    )
    return int(session.scalars(counts).one())


def growth(session: Session, *, at: datetime, weeks: int = 26) -> list[Week]:
    """Return the last weeks including the current one, oldest first; weeks begin on Monday in
    UTC.
    """
    monday = at.date() - timedelta(days=at.weekday())
    mondays = [monday - timedelta(weeks=back) for back in range(weeks - 1, -1, -1)]
    rows = session.execute(
        sa.select(ConsentMove.week, _ENTERED, _LEFT)
        .where(ConsentMove.week >= mondays[0])
        .group_by(ConsentMove.week)
    )
    weekly = {week: (int(entered or 0), int(left or 0)) for week, entered, left in rows}
    return [Week(day, *weekly.get(day, (0, 0))) for day in mondays]


def fold(session: Session) -> None:
    """Sum moves by kind and week, so that few rows remain. Safe to run twice and concurrently."""
    session.execute(
        sa.text(
            "WITH several AS (SELECT list_id, purpose_id, notice_version, came_from, went_to, week"
            "  FROM consent_moves GROUP BY 1, 2, 3, 4, 5, 6 HAVING count(*) > 1),"
            " taken AS (DELETE FROM consent_moves m USING several o WHERE"
            "  (m.list_id, m.purpose_id, m.notice_version, m.came_from, m.went_to, m.week) ="
            "  (o.list_id, o.purpose_id, o.notice_version, o.came_from, o.went_to, o.week)"
            "  RETURNING m.*)"
            " INSERT INTO consent_moves"
            "  (list_id, purpose_id, notice_version, came_from, went_to, week, n)"
            " SELECT list_id, purpose_id, notice_version, came_from, went_to, week, sum(n)"
            " FROM taken GROUP BY 1, 2, 3, 4, 5, 6"
        )
    )


def unsent_service_mails(session: Session) -> dict[ServiceMailStatus, int]:
    """Count the service mails by status, except those sent long ago."""
    counts = (
        sa.select(ServiceMail.status, sa.func.count())
        .where(ServiceMail.status != ServiceMailStatus.SENT)
        .group_by(ServiceMail.status)
    )
    counted = dict(session.execute(counts).all())
    return {status: counted.get(status, 0) for status in ServiceMailStatus}


def refused_logins(session: Session) -> set[int]:
    """Return the ids of senders whose mail server refuses the login while service mails wait."""
    waiting = sa.select(ServiceMail.away_sender_id).where(
        ServiceMail.status == ServiceMailStatus.QUEUED, ServiceMail.login_refused
    )
    return {int(sender or 0) for sender in session.scalars(waiting.distinct())}


def ledger_state(session: Session) -> LedgerState:
    """Return how recent the last anchor is."""
    last = session.scalars(
        sa.select(LedgerAnchor).order_by(LedgerAnchor.id.desc()).limit(1)
    ).one_or_none()
    floor = last.last_event_id if last else 0
    some = sa.select(ConsentEvent.id).where(ConsentEvent.id > floor).limit(UNSEALED)
    waiting = sa.select(sa.func.count()).select_from(some.subquery())
    return LedgerState(last.at if last else None, session.scalars(waiting).one())

"""Sessions of operators: started by a sign-in, ended on the server, at most a week long."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from listmgr.kit.transaction import Transaction
from listmgr.operators.models import Operator, OperatorSession

# An idle session ends after half a day, any session after a week.
IDLE = timedelta(hours=12)
LONGEST = timedelta(days=7)
# Whoever signs in by a program again and again does not fill the table.
MOST_AT_ONCE = 100


def start_session(tx: Transaction, operator: Operator, *, at: datetime) -> str:
    """Start a session and return its secret, of which only a hash is stored."""
    secret = secrets.token_urlsafe(32)
    _delete_old(tx, operator.id, at)
    tx.session.add(
        OperatorSession(
            operator_id=operator.id,
            version=operator.session_version,
            token_hash=_hash(secret),
            started_at=at,
            last_seen_at=at,
        )
    )
    tx.session.flush()
    return secret


def open_session(
    session: Session, secret: str, *, at: datetime
) -> tuple[Operator, OperatorSession] | None:
    """Return the operator and the row of an active session, or None."""
    row = session.execute(
        sa.select(Operator, OperatorSession)
        .join(Operator, Operator.id == OperatorSession.operator_id)
        .where(
            OperatorSession.token_hash == _hash(secret),
            *_is_open(at),
            OperatorSession.version == Operator.session_version,
            Operator.disabled_at.is_(None),
        )
    ).one_or_none()
    return None if row is None else (row[0], row[1])


def end_session(tx: Transaction, secret: str) -> None:
    """End one session, wherever its cookie was copied to."""
    tx.session.execute(
        sa.delete(OperatorSession).where(OperatorSession.token_hash == _hash(secret))
    )


def end_own_session(tx: Transaction, operator_id: int, session_id: int) -> bool:
    """End a session of the operator by id; return False if there is none."""
    ended = sa.delete(OperatorSession).where(
        OperatorSession.id == session_id, OperatorSession.operator_id == operator_id
    )
    return tx.session.scalars(ended.returning(OperatorSession.id)).first() is not None


def end_all_sessions(tx: Transaction, operator: Operator) -> None:
    """End every session and one-time link of a locked operator."""
    operator.session_version += 1
    tx.session.execute(sa.delete(OperatorSession).where(OperatorSession.operator_id == operator.id))


def open_sessions(session: Session, operator_id: int, *, at: datetime) -> Sequence[OperatorSession]:
    """Return an operator's active sessions, the most recently used first."""
    return session.scalars(
        sa.select(OperatorSession)
        .where(OperatorSession.operator_id == operator_id, *_is_open(at))
        .order_by(OperatorSession.last_seen_at.desc(), OperatorSession.id.desc())
    ).all()


def is_session(row: OperatorSession, secret: str) -> bool:
    """Whether the row belongs to this secret."""
    return secrets.compare_digest(row.token_hash, _hash(secret))


def touch_session(tx: Transaction, session_id: int, *, at: datetime) -> None:
    """Record that the session is in use."""
    tx.session.execute(
        sa.update(OperatorSession).where(OperatorSession.id == session_id).values(last_seen_at=at)
    )


def _is_open(at: datetime) -> tuple[sa.ColumnElement[bool], ...]:
    return (
        OperatorSession.started_at > at - LONGEST,
        OperatorSession.last_seen_at > at - IDLE,
    )


def _delete_old(tx: Transaction, operator_id: int, at: datetime) -> None:
    newest = (
        sa.select(OperatorSession.id)
        .where(OperatorSession.operator_id == operator_id, *_is_open(at))
        .order_by(OperatorSession.id.desc())
        .limit(MOST_AT_ONCE - 1)
    )
    tx.session.execute(
        sa.delete(OperatorSession).where(
            OperatorSession.operator_id == operator_id, OperatorSession.id.not_in(newest)
        )
    )


def _hash(secret: str) -> bytes:
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).digest()

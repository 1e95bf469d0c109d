"""Sign in: by password, by one-time link, or as the first administrator."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from listmgr.config import Settings
from listmgr.kit.tokens import TokenExpired, TokenInvalid, TokenPurpose, make_token, open_token
from listmgr.kit.transaction import Transaction
from listmgr.operators.accounts import create_operator, lock_operator
from listmgr.operators.models import Operator, Role
from listmgr.operators.passwords import hashed, is_outdated, matches
from listmgr.operators.sessions import end_all_sessions
from listmgr.subscribers.address import AddressError, parse_address

LINK_SECONDS = 24 * 3600
_ONE_TIME, _FIRST_RUN = "one-time", "first-run"


def sign_in(tx: Transaction, *, email: str, password: str) -> Operator | None:
    """Return the operator, or None. An unknown address takes as long as a wrong password."""
    operator = tx.session.scalars(
        sa.select(Operator).where(
            Operator.email == account_key(email), Operator.disabled_at.is_(None)
        )
    ).one_or_none()
    if not matches(operator.password_hash if operator else "", password) or operator is None:
        return None
    if is_outdated(operator.password_hash):
        operator.password_hash = hashed(password)
    return operator


def account_of(session: Session, email: str) -> int | None:
    """Return the account somebody tried to sign in to, enabled or not, or None."""
    return session.scalars(
        sa.select(Operator.id).where(Operator.email == account_key(email))
    ).one_or_none()


def account_key(email: str) -> str:
    """Return the address as accounts store it; empty, which no account has, if invalid."""
    try:
        return parse_address(email).key
    except AddressError:
        return ""


def one_time_sign_in(tx: Transaction, operator_id: int, *, at: datetime) -> str:
    """Return a token that signs an operator in once within a day; earlier ones end. Raises
    NotFound.
    """
    operator = lock_operator(tx, operator_id)
    operator.link_version += 1
    until = int(at.timestamp()) + LINK_SECONDS
    return make_token(
        tx.settings.secret_keys,
        TokenPurpose.SIGN_IN,
        _ONE_TIME,
        operator.id,
        operator.session_version,
        operator.link_version,
        until,
    )


def whose_one_time(session: Session, settings: Settings, token: str, *, at: datetime) -> Operator:
    """Return the operator a one-time token would sign in; write nothing.

    Raises TokenExpired if it is too old or used, TokenInvalid if it is no such token.
    """
    operator_id, *versions = _numbers(settings, token, _ONE_TIME, 3, at)
    operator = session.get(Operator, operator_id)
    if operator is None or operator.disabled_at is not None:
        raise TokenInvalid
    if [operator.session_version, operator.link_version] != versions:
        raise TokenExpired
    return operator


def use_one_time(tx: Transaction, token: str, *, at: datetime) -> Operator:
    """Sign the operator in and end this token with all their other tokens and sessions."""
    operator = whose_one_time(tx.session, tx.settings, token, at=at)
    version = operator.session_version
    # Of two who use it at the same moment the second waits here, and then sees a newer version.
    operator = lock_operator(tx, operator.id)
    if operator.session_version != version or operator.disabled_at is not None:
        raise TokenExpired
    end_all_sessions(tx, operator)
    return operator


def first_run_token(tx: Transaction, *, at: datetime) -> str | None:
    """Return a token that creates the first administrator within a day; None if there is an
    operator.
    """
    if _is_anybody(tx.session):
        return None
    until = int(at.timestamp()) + LINK_SECONDS
    return make_token(tx.settings.secret_keys, TokenPurpose.SIGN_IN, _FIRST_RUN, until)


def check_first_run(session: Session, settings: Settings, token: str, *, at: datetime) -> None:
    """Check that the first administrator can still be created. Raises TokenExpired or
    TokenInvalid.
    """
    _numbers(settings, token, _FIRST_RUN, 0, at)
    if _is_anybody(session):
        raise TokenExpired


def first_run(
    tx: Transaction,
    token: str,
    *,
    email: str,
    name: str,
    password: str,
    language: str,
    at: datetime,
) -> Operator:
    """Create the first administrator. Raises TokenExpired, TokenInvalid or InvalidInput."""
    # Two who press the button at the same moment make one administrator.
    tx.session.execute(sa.text("LOCK TABLE operators IN SHARE ROW EXCLUSIVE MODE"))
    check_first_run(tx.session, tx.settings, token, at=at)
    return create_operator(
        tx,
        email=email,
        name=name,
        role=Role.ADMINISTRATOR,
        language=language,
        password=password,
        password_needed=True,
        at=at,
    )


def seen(tx: Transaction, operator_id: int, *, at: datetime) -> None:
    """Record that the operator is active."""
    tx.session.execute(
        sa.update(Operator).where(Operator.id == operator_id).values(last_seen_at=at)
    )


def _is_anybody(session: Session) -> bool:
    return session.scalars(sa.select(Operator.id).limit(1)).first() is not None


def _numbers(settings: Settings, token: str, kind: str, count: int, at: datetime) -> list[int]:
    """Return the numbers in a token of a kind; the last one is its expiry."""
    token_kind, *numbers = open_token(settings.secret_keys, TokenPurpose.SIGN_IN, token) or [""]
    if token_kind != kind or len(numbers) != count + 1:
        raise TokenInvalid
    parsed = [int(number) for number in numbers]
    if at.timestamp() > parsed.pop():
        raise TokenExpired
    return parsed

"""API keys of operators: shown once, stored as hashes."""

from __future__ import annotations

import enum
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from listmgr.kit.errors import NotFound
from listmgr.kit.i18n import N_
from listmgr.kit.tokens import token_hash
from listmgr.kit.transaction import Transaction
from listmgr.kit.validation import Validator
from listmgr.operators.models import ApiKey, Operator, Role

# A prefix by which scanners of source code find a key that got into one.
PREFIX = "lmk_"
SHOWN = len(PREFIX) + 6
MAX_KEY = 100
USED_EVERY = timedelta(minutes=1)


class Scope(enum.StrEnum):
    """What a key may do; never more than its operator."""

    WRITE_CARDS = "cards:write"
    READ_CARDS = "cards:read"


@dataclass(frozen=True, slots=True)
class Caller:
    """The key of a request and the operator it belongs to."""

    key_id: int
    operator_id: int
    role: Role
    scopes: frozenset[Scope]


def make_key(
    tx: Transaction, operator_id: int, *, name: str, scopes: Sequence[str], at: datetime
) -> tuple[ApiKey, str]:
    """Create a key; return it and its secret, which is not stored. Raises InvalidInput."""
    typed = Validator()
    name = typed.line("name", name, missing=N_("Write which program it is for."), limit=100)
    chosen = [scope.value for scope in Scope if scope.value in scopes]
    if not chosen:
        typed.wrong["scopes"] = N_("Choose what the program may do.")
    typed.done()
    secret = PREFIX + secrets.token_urlsafe(32)
    api_key = ApiKey(
        operator_id=operator_id,
        name=name,
        beginning=secret[:SHOWN],
        token_hash=token_hash(secret),
        scopes=chosen,
        created_at=at,
    )
    tx.session.add(api_key)
    tx.session.flush()
    return api_key, secret


def revoke_key(tx: Transaction, key_id: int, operator_id: int, *, at: datetime) -> ApiKey:
    """Revoke a key at once. Raises NotFound for another operator's."""
    key = tx.session.get(ApiKey, key_id, with_for_update=True)
    if key is None or key.operator_id != operator_id:
        raise NotFound(N_("There is no such key."))
    key.revoked_at = key.revoked_at or at
    return key


def keys_of(session: Session, operator_id: int) -> list[ApiKey]:
    """Return an operator's keys, valid ones first."""
    query = sa.select(ApiKey).where(ApiKey.operator_id == operator_id)
    return list(session.scalars(query.order_by(ApiKey.revoked_at.is_not(None), ApiKey.id.desc())))


def who_calls(tx: Transaction, secret: str, *, at: datetime) -> Caller | None:
    """Return the caller a secret belongs to, or None if it is invalid."""
    if not secret.startswith(PREFIX) or len(secret) > MAX_KEY:
        return None
    row = tx.session.execute(
        sa.select(ApiKey, Operator.role)
        .join(Operator, Operator.id == ApiKey.operator_id)
        .where(
            ApiKey.token_hash == token_hash(secret),
            ApiKey.revoked_at.is_(None),
            Operator.disabled_at.is_(None),
        )
    ).one_or_none()
    if row is None:
        return None
    key, role = row
    if key.last_used_at is None or at - key.last_used_at > USED_EVERY:
        key.last_used_at = at
    scopes = frozenset(Scope(scope) for scope in key.scopes if scope in set(Scope))
    return Caller(key.id, key.operator_id, role, scopes)

"""Operators' accounts: create, change role, disable, set password."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from listmgr.kit.errors import InvalidInput, NotFound, Refused
from listmgr.kit.i18n import N_
from listmgr.kit.transaction import Transaction
from listmgr.kit.validation import Validator
from listmgr.languages import LANGUAGES
from listmgr.operators.models import Operator, Role
from listmgr.operators.passwords import hashed, matches, problem_with
from listmgr.operators.sessions import end_all_sessions
from listmgr.subscribers.address import AddressError, parse_address


def create_operator(
    tx: Transaction,
    *,
    email: str,
    name: str,
    role: str,
    language: str = "en",
    password: str = "",
    password_needed: bool = False,
    at: datetime,
) -> Operator:
    """Create an account; without a password only a one-time link opens it.

    Raises InvalidInput with a message for each field.
    """
    typed = Validator()
    key = _email(typed, email)
    name = typed.line("name", name, missing=N_("Write the name colleagues know."), limit=100)
    if role not in set(Role):
        typed.wrong["role"] = N_("Choose a role.")
    if password or password_needed:
        weak = problem_with(password, (email, name, tx.settings.host))
        if weak:
            typed.wrong["password"] = weak
    if key and tx.session.scalars(sa.select(Operator.id).where(Operator.email == key)).first():
        typed.wrong["email"] = N_("There is an account with this address.")
    typed.done()
    operator = Operator(
        email=key,
        name=name,
        role=Role(role),
        language=language if language in LANGUAGES else "en",
        password_hash=hashed(password) if password else "",
        created_at=at,
    )
    tx.session.add(operator)
    tx.session.flush()
    return operator


def _email(typed: Validator, email: str) -> str:
    try:
        return parse_address(email).key
    except AddressError:
        typed.wrong["email"] = "Write an e-mail address: name@example.org."
        return ""


def change_role(tx: Transaction, operator_id: int, role: str) -> Operator:
    """Change the role and end the operator's sessions. Raises Refused for the last
    administrator.
    """
    if role not in set(Role):
        raise InvalidInput(N_("Choose a role."), {"role": N_("Choose a role.")})
    operator = lock_operator(tx, operator_id)
    if operator.role is not Role(role):
        _keep_one_administrator(tx, operator)
        operator.role = Role(role)
        end_all_sessions(tx, operator)
    return operator


def disable(tx: Transaction, operator_id: int, *, at: datetime) -> Operator:
    """Disable an account and end its sessions. Raises Refused for the last administrator."""
    operator = lock_operator(tx, operator_id)
    if operator.disabled_at is None:
        _keep_one_administrator(tx, operator)
        operator.disabled_at = at
        end_all_sessions(tx, operator)
    return operator


def enable(tx: Transaction, operator_id: int) -> Operator:
    """Enable a disabled account."""
    operator = lock_operator(tx, operator_id)
    operator.disabled_at = None
    return operator


def set_password(
    tx: Transaction,
    operator_id: int,
    *,
    password: str,
    current: str | None,
    own_words: Sequence[str] = (),
) -> Operator:
    """Set a new password and end every session.

    `current` is None only right after a one-time sign-in; `own_words` are names everybody here
    knows. Raises InvalidInput.
    """
    operator = lock_operator(tx, operator_id)
    wrong = {}
    if current is not None and not matches(operator.password_hash, current):
        wrong["current"] = N_("This is not your present password.")
    weak = problem_with(password, (operator.email, operator.name, tx.settings.host, *own_words))
    if weak:
        wrong["password"] = weak
    if wrong:
        raise InvalidInput("Please correct the marked fields.", wrong)
    operator.password_hash = hashed(password)
    end_all_sessions(tx, operator)
    return operator


def set_language(tx: Transaction, operator_id: int, language: str) -> Operator:
    """Set the language of the operator's pages."""
    if language not in LANGUAGES:
        raise InvalidInput("Choose a language.", {"language": "Choose a language."})
    operator = lock_operator(tx, operator_id)
    operator.language = language
    return operator


def operators(session: Session) -> list[Operator]:
    """Return all accounts, enabled ones first."""
    order = (Operator.disabled_at.is_not(None), sa.func.lower(Operator.name), Operator.id)
    return list(session.scalars(sa.select(Operator).order_by(*order)))


def lock_operator(tx: Transaction, operator_id: int) -> Operator:
    """Return the account, locked until the commit. Raises NotFound."""
    operator = tx.session.get(Operator, operator_id, with_for_update=True, populate_existing=True)
    if operator is None:
        raise NotFound(N_("There is no such operator."))
    return operator


def _keep_one_administrator(tx: Transaction, operator: Operator) -> None:
    """Raise Refused if no other administrator would remain."""
    if operator.role is not Role.ADMINISTRATOR or operator.disabled_at is not None:
        return
    # One after the other, so that two who disable each other at the same moment do not both
    # succeed: the second sees what the first has committed.
    tx.session.execute(sa.text("LOCK TABLE operators IN SHARE ROW EXCLUSIVE MODE"))
    others = sa.select(Operator.id).where(
        Operator.role == Role.ADMINISTRATOR,
        Operator.disabled_at.is_(None),
        Operator.id != operator.id,
    )
    if tx.session.scalars(others).first() is None:
        raise Refused(N_("This is the last administrator. Make somebody else administrator first."))

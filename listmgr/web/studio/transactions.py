"""Transactions of studio pages: one for each request, with the audit entry inside."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import fields
from typing import TYPE_CHECKING, Any, TypeVar

from flask import request

from listmgr.context import services
from listmgr.kit.clock import now
from listmgr.kit.transaction import Transaction
from listmgr.operators.audit import write_audit_entry
from listmgr.operators.audit_actions import AuditAction
from listmgr.web.studio.session import current_operator

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

Form = TypeVar("Form", bound="DataclassInstance")
MAX_DIGITS = 18


@contextmanager
def read_only_transaction() -> Iterator[Transaction]:
    """Open a transaction for pages, which never write."""
    with services().reading() as tx:
        yield tx


@contextmanager
def write_transaction() -> Iterator[Transaction]:
    """Open a transaction committed once at its end, together with its audit entries."""
    with services().unit_of_work() as tx:
        yield tx


def log_audit(
    tx: Transaction, action: AuditAction, subject_id: int | None = None, **details: object
) -> None:
    """Log the operator's action in this transaction."""
    write_audit_entry(tx, current_operator().id, action, subject_id, details, at=now())


def form_values(kind: type[Form]) -> Form:
    """Return a form's fields as a value; a missing checkbox is not ticked."""
    values: dict[str, Any] = {}
    for field in fields(kind):
        if field.type in ("bool", bool):
            values[field.name] = field.name in request.form
        else:
            values[field.name] = request.form.get(field.name, "")
    return kind(**values)


def form_ids(name: str) -> list[int]:
    """Return the ids in a form's field; ignore invalid ones."""
    return [number for text in request.form.getlist(name) if (number := parse_id(text))]


def parse_id(text: str | None) -> int | None:
    """Parse a whole number in the database's range, or return None."""
    if text is None or not text.isascii() or not text.isdecimal() or len(text) > MAX_DIGITS:
        return None
    return int(text)

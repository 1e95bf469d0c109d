"""How pages of the studio read and act: one transaction each, and the audit entry inside it."""

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
    """For pages, which never write."""
    with services().reading() as tx:
        yield tx


@contextmanager
def write_transaction() -> Iterator[Transaction]:
    """For acts: committed once at its end, together with what `note` wrote."""
    with services().unit_of_work() as tx:
        yield tx


def log_audit(
    tx: Transaction, action: AuditAction, subject_id: int | None = None, **details: object
) -> None:
    """Write into the audit log what the operator does in this transaction."""
    write_audit_entry(tx, current_operator().id, action, subject_id, details, at=now())


def form_values(kind: type[Form]) -> Form:
    """The fields of a form as a value; a box that is not there is not ticked."""
    values: dict[str, Any] = {}
    for field in fields(kind):
        if field.type in ("bool", bool):
            values[field.name] = field.name in request.form
        else:
            values[field.name] = request.form.get(field.name, "")
    return kind(**values)


def form_ids(name: str) -> list[int]:
    """The numbers of a form's field; what is none is left out."""
    return [number for told in request.form.getlist(name) if (number := parse_id(told))]


def parse_id(told: str | None) -> int | None:
    """A whole number as the database knows them, or None."""
    if told is None or not told.isascii() or not told.isdecimal() or len(told) > MAX_DIGITS:
        return None
    return int(told)

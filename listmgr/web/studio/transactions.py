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
from listmgr.operators.audit import audit
from listmgr.web.studio.session import operator

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

Told = TypeVar("Told", bound="DataclassInstance")
MOST_DIGITS = 18


@contextmanager
def reading() -> Iterator[Transaction]:
    """For pages, which never write."""
    with services().reading() as tx:
        yield tx


@contextmanager
def acting() -> Iterator[Transaction]:
    """For acts: committed once at its end, together with what `note` wrote."""
    with services().unit_of_work() as tx:
        yield tx


def note(tx: Transaction, action: str, subject: str, subject_id: int, **details: object) -> None:
    """Write into the audit log what the operator does in this transaction."""
    audit(tx, operator().id, action, subject, subject_id, details, at=now())


def sent(kind: type[Told]) -> Told:
    """The fields of a form as a value; a box that is not there is not ticked."""
    values: dict[str, Any] = {}
    for field in fields(kind):
        if field.type in ("bool", bool):
            values[field.name] = field.name in request.form
        else:
            values[field.name] = request.form.get(field.name, "")
    return kind(**values)


def sent_numbers(name: str) -> list[int]:
    """The numbers of a form's field; what is none is left out."""
    return [number for told in request.form.getlist(name) if (number := as_number(told))]


def as_number(told: str | None) -> int | None:
    """A whole number as the database knows them, or None."""
    if told is None or not told.isascii() or not told.isdecimal() or len(told) > MOST_DIGITS:
        return None
    return int(told)

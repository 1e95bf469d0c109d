"""Prepare a mass update: validate the request and freeze the chosen people."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from listmgr.bulk.actions import (
    RIGHT_FOR,
    BulkKind,
)
from listmgr.bulk.lifecycle import BulkStatus
from listmgr.bulk.models import BulkAct
from listmgr.consent.staff_requests import REQUEST_CHANNELS
from listmgr.kit.errors import InvalidInput, NotFound, Refused
from listmgr.kit.i18n import N_
from listmgr.kit.queue import Job
from listmgr.kit.transaction import Transaction
from listmgr.kit.validation import Validator
from listmgr.lists.models import Purpose
from listmgr.operators.models import Role
from listmgr.operators.roles import may
from listmgr.selections.freeze import (
    SelectionRequest,
    begin,
)
from listmgr.subscribers.field_assignment import parse_all
from listmgr.subscribers.field_catalogue import (
    CatalogueField,
    visible_fields,
)

MOST_TAGS = 20
MAX_TAG = 60
MAX_NOTE = 300


@dataclass(frozen=True, slots=True)
class BulkRequest:
    """The request as typed."""

    kind: str = ""
    field: str = ""
    value: str = ""
    tags: str = ""
    note: str = ""
    purpose: str = ""
    how: str = ""


def prepare(
    tx: Transaction,
    asked: BulkRequest,
    chosen: SelectionRequest,
    *,
    operator_id: int,
    role: Role,
    at: datetime,
) -> BulkAct:
    """Store a mass update and queue its counting; nothing changes before it is started.

    Raises InvalidInput naming each field, and Refused if the operator's role lacks the permission.
    """
    act = _checked(tx.session, asked, role)
    act.selection_id = begin(tx, chosen, role=role, at=at).id
    act.operator_id = operator_id
    act.status = BulkStatus.GATHERING
    act.created_at = at
    act.people = act.position = 0
    tx.session.add(act)
    tx.session.flush()
    tx.after_commit(job(act.id))
    return act


def job(act_id: int, turn: int = 0) -> Job:
    """Return the job for one slice. Turns alternate because a running job keeps its key."""
    return Job("run_bulk", (act_id, turn), key=f"bulk-{act_id}-{turn}")


def settable_fields(session: Session, role: Role) -> list[CatalogueField]:
    """Return the fields a role may set for many people: all it sees except the address."""
    return [field for field in visible_fields(session, role) if field.key != "email"]


def kinds_for(role: Role) -> list[BulkKind]:
    """Return the mass updates a role may make."""
    return [kind for kind in BulkKind if may(role, RIGHT_FOR[kind])]


def _checked(session: Session, asked: BulkRequest, role: Role) -> BulkAct:
    if asked.kind not in set(BulkKind):
        raise _wrong("kind", N_("Choose what to do with these people."))
    kind = BulkKind(asked.kind)
    if not may(role, RIGHT_FOR[kind]):
        raise Refused(N_("Your role does not include this."))
    act = BulkAct(kind=kind, field="", value="", method="")
    if kind is BulkKind.SET_FIELD:
        _set_field(session, act, asked, role)
    elif kind in {BulkKind.ADD_TAGS, BulkKind.REMOVE_TAGS}:
        act.value = "\n".join(read_tags(asked.tags))
    elif kind is BulkKind.BASIS_NOTE:
        typed = Validator()
        act.value = typed.line("note", asked.note, limit=MAX_NOTE)
        typed.done()
    elif kind in {BulkKind.WITHDRAW, BulkKind.OBJECT}:
        _word(session, act, asked)
    return act


def _set_field(session: Session, act: BulkAct, asked: BulkRequest, role: Role) -> None:
    by_key = {field.key: field for field in settable_fields(session, role)}
    if asked.field not in by_key:
        raise _wrong("field", N_("Choose a field."))
    try:
        act.value = parse_all(by_key, {asked.field: asked.value})[asked.field]
    except InvalidInput as error:
        raise _wrong("value", error.fields[asked.field]) from None
    act.field = asked.field


def _word(session: Session, act: BulkAct, asked: BulkRequest) -> None:
    if asked.how not in REQUEST_CHANNELS:
        raise _wrong("how", N_("Choose how they asked."))
    act.method = asked.how
    if act.kind is BulkKind.WITHDRAW and asked.purpose:
        purpose = session.get(Purpose, int(asked.purpose)) if asked.purpose.isdecimal() else None
        if purpose is None:
            raise NotFound(N_("There is no such purpose."))
        act.purpose_id = purpose.id


def read_tags(text: str) -> list[str]:
    """Split tags at commas. Raises InvalidInput."""
    typed = Validator()
    tags = [
        typed.line("tags", part, limit=MAX_TAG)
        for part in text.replace("\r\n", ",").replace("\n", ",").split(",")
        if part.strip()
    ]
    typed.done()
    unique = list(dict.fromkeys(tags))
    if not unique:
        raise _wrong("tags", N_("Write at least one tag."))
    if len(unique) > MOST_TAGS:
        raise _wrong("tags", N_("These are too many tags at once; 20 at most."))
    return unique


def _wrong(field: str, message: str) -> InvalidInput:
    return InvalidInput(message, {field: message})

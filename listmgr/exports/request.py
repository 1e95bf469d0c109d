"""Request an export: columns by role, a reason for the audit log, a job that writes it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from listmgr.exports.columns import offered
from listmgr.exports.models import Export, ExportFormat, ExportReason, ExportStatus
from listmgr.kit.errors import Refused
from listmgr.kit.i18n import N_
from listmgr.kit.queue import Job
from listmgr.kit.transaction import Transaction
from listmgr.kit.validation import Validator
from listmgr.operators.models import Role
from listmgr.operators.roles import Right, may
from listmgr.selections.freeze import (
    SelectionRequest,
    begin,
)

MAX_WORDS = 300


@dataclass(frozen=True, slots=True)
class ExportRequest:
    """The request as typed."""

    format: str = ""
    reason: str = ""
    words: str = ""
    consents: bool = False


def request_export(
    tx: Transaction,
    wish: ExportRequest,
    columns: Sequence[str],
    chosen: SelectionRequest,
    *,
    operator_id: int,
    role: Role,
    at: datetime,
) -> Export:
    """Store an export and queue its job.

    Raises Refused if the operator's role may not export, InvalidInput naming each field.
    """
    if not may(role, Right.EXPORT_SUBSCRIBERS):
        raise Refused(N_("Your role does not include this."))
    words, keys = _checked(tx.session, wish, columns, role)
    export = Export(
        status=ExportStatus.GATHERING,
        format=ExportFormat(wish.format),
        operator_id=operator_id,
        reason=ExportReason(wish.reason),
        words=words,
        columns=keys,
        with_consents=wish.consents,
        selection_id=begin(tx, chosen, role=role, at=at).id,
        created_at=at,
    )
    tx.session.add(export)
    tx.session.flush()
    tx.after_commit(job(export.id))
    return export


def job(export_id: int, turn: int = 0) -> Job:
    """Return the job for one slice. Turns alternate because a running job keeps its key."""
    return Job("write_export", (export_id, turn), key=f"export-{export_id}-{turn}")


def checked_reason(reason: str, words: str) -> tuple[ExportReason, str]:
    """Return the validated reason for the audit log. Raises InvalidInput naming each field."""
    typed = Validator()
    text = _why(typed, reason, words)
    typed.done()
    return ExportReason(reason), text


def _why(typed: Validator, reason: str, words: str) -> str:
    if reason not in set(ExportReason):
        typed.wrong["reason"] = N_("Choose a reason.")
    missing = N_("Write why; the record keeps it.")
    return typed.line("words", words, missing=missing, limit=MAX_WORDS)


def _checked(
    session: Session, wish: ExportRequest, columns: Sequence[str], role: Role
) -> tuple[str, list[str]]:
    typed = Validator()
    words = _why(typed, wish.reason, wish.words)
    if wish.format not in set(ExportFormat):
        typed.wrong["format"] = N_("Choose a kind of file.")
    keys = [column.key for column in offered(session, role, "en") if column.key in set(columns)]
    if not keys:
        typed.wrong["columns"] = N_("Tick at least one column.")
    typed.done()
    return words, keys

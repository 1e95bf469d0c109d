"""Asks for an export: its columns by role, its reason written down, the rest done by a job."""

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
    Chosen,
    begin,
)

MAX_WORDS = 300


@dataclass(frozen=True, slots=True)
class Wish:
    """What an operator wants in a file, as typed."""

    format: str = ""
    reason: str = ""
    words: str = ""
    consents: bool = False


def request_export(
    tx: Transaction,
    wish: Wish,
    columns: Sequence[str],
    chosen: Chosen,
    *,
    operator_id: int,
    role: Role,
    at: datetime,
) -> Export:
    """Write an export down and ask a worker to make it.

    Raises Refused when the operator's role may not export, InvalidInput with what to correct.
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
    """A slice of the writing. A running job's key is taken, so slices take turns."""
    return Job("write_export", (export_id, turn), key=f"export-{export_id}-{turn}")


def checked_reason(reason: str, words: str) -> tuple[ExportReason, str]:
    """Why data leave the house, for the audit log. Raises InvalidInput with each field."""
    typed = Validator()
    told = _why(typed, reason, words)
    typed.done()
    return ExportReason(reason), told


def _why(typed: Validator, reason: str, words: str) -> str:
    if reason not in set(ExportReason):
        typed.wrong["reason"] = N_("Choose a reason.")
    missing = N_("Write why; the record keeps it.")
    return typed.line("words", words, missing=missing, limit=MAX_WORDS)


def _checked(
    session: Session, wish: Wish, columns: Sequence[str], role: Role
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

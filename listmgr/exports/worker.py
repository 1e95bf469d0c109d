"""Write an export piece by piece; each commit holds the piece and the progress."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from listmgr.exports.columns import chosen, select
from listmgr.exports.formats import Writer, writer
from listmgr.exports.models import Export, ExportPiece, ExportStatus
from listmgr.kit import shutdown
from listmgr.kit.transaction import Transaction, UnitOfWork
from listmgr.operators.audit import write_audit_entry
from listmgr.operators.audit_actions import AuditAction
from listmgr.operators.models import Operator
from listmgr.operators.roles import Right, may
from listmgr.selections.freeze import (
    chunk_ids,
    gather,
)
from listmgr.selections.models import Selection

SLICE_SECONDS = 8.0
# How long the file lies ready.
LIFE = timedelta(hours=24)
# Chunks of people in one piece: a few thousand rows, about a megabyte.
CHUNKS = 5
BUSY = frozenset({ExportStatus.GATHERING, ExportStatus.WRITING})


def run_slice(
    uow: UnitOfWork,
    export_id: int,
    *,
    now: Callable[[], datetime],
    seconds: float = SLICE_SECONDS,
) -> bool:
    """Write for up to `seconds`; return whether work is left."""
    end = time.monotonic() + seconds
    more = True
    while more and time.monotonic() < end and not shutdown.requested():
        with uow() as tx:
            more = step(tx, export_id, at=now())
    return more


def step(tx: Transaction, export_id: int, *, at: datetime) -> bool:
    """Write one piece; return False if nothing is to do. A kill loses only the current piece."""
    export = tx.session.get(Export, export_id, with_for_update=True, populate_existing=True)
    if export is None or export.status not in BUSY or export.selection_id is None:
        return False
    selection = tx.session.get_one(Selection, export.selection_id)
    if export.status is ExportStatus.GATHERING:
        gather(tx, selection, at=at)
        export.people = selection.people
        if selection.gathered_at is not None:
            export.status = ExportStatus.WRITING
            selection.search = {}
    else:
        _write(tx, export, selection, at)
    tx.session.flush()
    return export.status in BUSY


def _write(tx: Transaction, export: Export, selection: Selection, at: datetime) -> None:
    # The role as it is now: who lost a right meanwhile gets no file by it.
    role = tx.session.get_one(Operator, export.operator_id).role
    if not may(role, Right.EXPORT_SUBSCRIBERS):
        export.status = ExportStatus.CANCELLED
        return
    columns = chosen(tx.session, role, export.columns, consents=export.with_consents)
    file = writer(export.format, export.state)
    octets = file.begin([column.key for column in columns]) if not export.pieces else b""
    rows = _rows(tx, export, select(columns))
    octets += file.rows(rows)
    export.rows += len(rows)
    export.position = min(export.position + CHUNKS, selection.chunks)
    if export.position >= selection.chunks:
        octets += file.end()
        _finish(tx, export, at)
    _keep(tx, export, octets, file)


def _rows(tx: Transaction, export: Export, statement: str) -> list[Any]:
    assert export.selection_id is not None
    ids = [
        person_id
        for n in range(export.position, export.position + CHUNKS)
        for person_id in chunk_ids(tx.session, export.selection_id, n)
    ]
    return [tuple(row) for row in tx.session.execute(sa.text(statement), {"ids": ids})]


def _keep(tx: Transaction, export: Export, octets: bytes, file: Writer) -> None:
    tx.session.add(ExportPiece(export_id=export.id, n=export.pieces, content=octets))
    export.pieces += 1
    export.size += len(octets)
    export.state = file.state() if export.status in BUSY else {}


def _finish(tx: Transaction, export: Export, at: datetime) -> None:
    export.status = ExportStatus.READY
    export.ready_at = at
    export.expires_at = at + LIFE
    details = {"format": export.format, "rows": export.rows, "reason": export.reason}
    write_audit_entry(tx, export.operator_id, AuditAction.EXPORT_CREATED, export.id, details, at=at)

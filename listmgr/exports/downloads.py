"""Deliver an export to the operator who requested it and delete it when it expires."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from listmgr.exports.models import Export, ExportPiece, ExportStatus
from listmgr.exports.request import job
from listmgr.exports.worker import BUSY
from listmgr.kit.errors import NotFound, Refused
from listmgr.kit.i18n import N_
from listmgr.kit.transaction import Transaction
from listmgr.selections.freeze import contains
from listmgr.selections.models import Selection

PAGE = 50
_FOR_OTHERS = N_(
    "This file is for the operator who asked for it. Export it yourself, with a reason."
)
_NO_MORE = N_("This file is not there any more. Export again if you still need it.")
_NOT_YET = N_("This file is not ready yet.")


def find_export(session: Session, export_id: int) -> Export:
    """Return the export for reading. Raises NotFound."""
    export = session.get(Export, export_id)
    if export is None:
        raise NotFound(N_("There is no such export."))
    return export


def exports(
    session: Session, *, operator_id: int | None, below: int | None = None, size: int = PAGE
) -> list[Export]:
    """Return the newest exports of everyone or of one operator, or those below an id."""
    query = sa.select(Export).order_by(Export.id.desc()).limit(size)
    if operator_id is not None:
        query = query.where(Export.operator_id == operator_id)
    return list(session.scalars(query if below is None else query.where(Export.id < below)))


def fetchable(session: Session, export_id: int, *, operator_id: int, at: datetime) -> Export:
    """Return an export this operator may download now. Raises NotFound, or Refused saying why."""
    export = find_export(session, export_id)
    if export.operator_id != operator_id:
        raise Refused(_FOR_OTHERS)
    if export.status in BUSY:
        raise Refused(_NOT_YET)
    if export.status is not ExportStatus.READY or export.expires_at is None:
        raise Refused(_NO_MORE)
    if export.expires_at <= at:
        raise Refused(_NO_MORE)
    return export


def pieces(
    reading: Callable[[], AbstractContextManager[Transaction]], export: Export
) -> Iterator[bytes]:
    """Yield the file in pieces, each read in its own transaction: a slow browser holds none
    open.
    """
    for n in range(export.pieces):
        with reading() as tx:
            piece = tx.session.get(ExportPiece, (export.id, n))
        if piece is None:
            raise NotFound(_NO_MORE)
        yield piece.content


def cancel(tx: Transaction, export_id: int, *, operator_id: int) -> Export:
    """Stop an export, or delete its file early. Raises NotFound or Refused."""
    export = tx.session.get(Export, export_id, with_for_update=True, populate_existing=True)
    if export is None:
        raise NotFound(N_("There is no such export."))
    if export.operator_id != operator_id:
        raise Refused(_FOR_OTHERS)
    if export.status not in {*BUSY, ExportStatus.READY}:
        raise Refused(_NO_MORE)
    take_away(tx, export, ExportStatus.CANCELLED)
    return export


def take_away(tx: Transaction, export: Export, status: ExportStatus) -> None:
    """Delete the file and the list of people in it; the record of the export stays."""
    selection_id, export.selection_id = export.selection_id, None
    export.status, export.state = status, {}
    tx.session.flush()
    tx.session.execute(sa.delete(ExportPiece).where(ExportPiece.export_id == export.id))
    tx.session.execute(sa.delete(Selection).where(Selection.id == selection_id))


def expire(tx: Transaction, *, at: datetime) -> int:
    """Delete expired files; return how many."""
    due = tx.session.scalars(
        sa.select(Export)
        .where(Export.status == ExportStatus.READY, Export.expires_at <= at)
        .with_for_update(skip_locked=True)
    ).all()
    for export in due:
        take_away(tx, export, ExportStatus.EXPIRED)
    return len(due)


def withdraw_files(tx: Transaction, ids: list[int]) -> None:
    """Delete every file, finished or not, that contains one of the erased people."""
    live = tx.session.scalars(
        sa.select(Export)
        .where(Export.status.in_([*BUSY, ExportStatus.READY]))
        .order_by(Export.id)
        .with_for_update()
    ).all()
    for export in live:
        gathering = export.status is ExportStatus.GATHERING
        if export.selection_id and not gathering and contains(tx.session, export.selection_id, ids):
            take_away(tx, export, ExportStatus.WITHDRAWN)


def sweep(tx: Transaction) -> None:
    """Queue exports whose job was lost."""
    for export in tx.session.scalars(sa.select(Export).where(Export.status.in_(BUSY))):
        tx.after_commit(job(export.id))

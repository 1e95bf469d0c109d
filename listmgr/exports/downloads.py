"""Hands a file to the operator who asked for it, and takes it away when its day is over."""

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
    """The export, to look at; raises NotFound."""
    export = session.get(Export, export_id)
    if export is None:
        raise NotFound(N_("There is no such export."))
    return export


def exports(
    session: Session, *, operator_id: int | None, below: int | None = None, size: int = PAGE
) -> list[Export]:
    """The newest exports, or those below an id; of everybody, or of one operator."""
    found = sa.select(Export).order_by(Export.id.desc()).limit(size)
    if operator_id is not None:
        found = found.where(Export.operator_id == operator_id)
    return list(session.scalars(found if below is None else found.where(Export.id < below)))


def fetchable(session: Session, export_id: int, *, operator_id: int, at: datetime) -> Export:
    """An export whose file this operator may have now; raises NotFound, or Refused with why not."""
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
    """The file, a piece at a time, each read by itself: a slow browser holds no transaction."""
    for n in range(export.pieces):
        with reading() as tx:
            piece = tx.session.get(ExportPiece, (export.id, n))
        if piece is None:
            raise NotFound(_NO_MORE)
        yield piece.content


def cancel(tx: Transaction, export_id: int, *, operator_id: int) -> Export:
    """Stop an export, or take its file away before its time. Raises NotFound or Refused."""
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
    """Delete the file and who was in it; that it was made stays."""
    selection_id, export.selection_id = export.selection_id, None
    export.status, export.state = status, {}
    tx.session.flush()
    tx.session.execute(sa.delete(ExportPiece).where(ExportPiece.export_id == export.id))
    tx.session.execute(sa.delete(Selection).where(Selection.id == selection_id))


def expire(tx: Transaction, *, at: datetime) -> int:
    """Take away the files whose day is over; returns how many."""
    due = tx.session.scalars(
        sa.select(Export)
        .where(Export.status == ExportStatus.READY, Export.expires_at <= at)
        .with_for_update(skip_locked=True)
    ).all()
    for export in due:
        take_away(tx, export, ExportStatus.EXPIRED)
    return len(due)


def withdraw_files(tx: Transaction, ids: list[int]) -> None:
    """Take away every file, finished or not, in which somebody of `ids` is: they are erased."""
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
    """Ring for exports whose bell was lost."""
    for export in tx.session.scalars(sa.select(Export).where(Export.status.in_(BUSY))):
        tx.after_commit(job(export.id))

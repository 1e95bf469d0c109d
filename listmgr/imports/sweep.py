"""Queue imports that are due, recover those whose worker died, and delete files in time."""

from __future__ import annotations

from datetime import datetime, timedelta

import sqlalchemy as sa

from listmgr.imports.file_store import purge
from listmgr.imports.lifecycle import ENDED, WORKING, ImportAction, ImportStatus, next_status
from listmgr.imports.models import Import, ImportErasure, ImportRow
from listmgr.kit.queue import Job
from listmgr.kit.transaction import Transaction

TIMEOUT = 900
# Looks through stored files for people who were erased.
SEARCH = Job("erase_from_imports", key="erase-from-imports", timeout=TIMEOUT)


def enqueue_import(tx: Transaction, import_id: int, turn: int = 0) -> None:
    """Queue the next slice after the commit. Turns alternate because a running job keeps its
    key.
    """
    key = f"import-{import_id}-{turn}"
    tx.after_commit(Job("work_import", (import_id, turn), key=key, timeout=TIMEOUT))


def sweep(tx: Transaction) -> None:
    """Queue imports whose job or worker was lost."""
    waiting = sa.select(Import.id).where(
        Import.status.in_(WORKING),
        sa.or_(Import.lease_until.is_(None), Import.lease_until < sa.func.clock_timestamp()),
    )
    for import_id in tx.session.scalars(waiting.order_by(Import.id)):
        enqueue_import(tx, import_id)
    if tx.session.scalar(sa.select(ImportErasure.id).limit(1)) is not None:
        tx.after_commit(SEARCH)


def purge_due(tx: Transaction, *, at: datetime) -> int:
    """Delete the files whose retention has ended; declaration and counts stay.

    This also ends an abandoned import, since a file of people is not kept without a purpose.
    Nothing of a cancelled import is kept.
    """
    before = at - timedelta(days=tx.settings.import_keep_days)
    due = tx.session.scalars(
        sa.select(Import)
        .where(
            Import.purged_at.is_(None),
            Import.status.not_in(WORKING),
            sa.or_(
                Import.status == ImportStatus.CANCELLED,
                sa.func.coalesce(Import.ended_at, Import.uploaded_at) < before,
            ),
        )
        .order_by(Import.id)
        .with_for_update(skip_locked=True)
    ).all()
    for record in due:
        if record.status not in ENDED:
            record.status = next_status(record.status, ImportAction.CANCEL)
            record.ended_at = at
        forget(tx, record, at=at)
    return len(due)


def forget(tx: Transaction, record: Import, *, at: datetime) -> None:
    """Delete the file and every stored row of it.

    For a cancelled import also delete the names of columns and words: in a file without a header
    these are a person's own data.
    """
    purge(tx, record.id)
    tx.session.execute(sa.delete(ImportRow).where(ImportRow.import_id == record.id))
    if record.status is ImportStatus.CANCELLED:
        record.columns = []
        record.plan = {**record.plan, "columns": {}, "words": {}, "tables": {}}
    record.purged_at = at

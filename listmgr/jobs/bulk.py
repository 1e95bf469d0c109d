"""Jobs of mass updates, exports and the journal."""

from __future__ import annotations

from listmgr.bulk import control as bulk_control
from listmgr.bulk import prepare as bulk_prepare
from listmgr.bulk import worker as bulk_run
from listmgr.context import services
from listmgr.exports import downloads as export_keep
from listmgr.exports import request as export_ask
from listmgr.exports import worker as export_write
from listmgr.installation.replay import catch_up
from listmgr.kit.clock import now
from listmgr.privacy import (
    erasure,
    erasure_journal,
)


def run_bulk(act_id: int, turn: int) -> None:
    """Run a mass update for some seconds, then queue the next slice."""
    uow = services().unit_of_work
    if bulk_run.run_slice(uow, act_id, erase=erasure.erase, now=now):
        with uow() as tx:
            tx.after_commit(bulk_prepare.job(act_id, 1 - turn))


def write_export(export_id: int, turn: int) -> None:
    """Write an export for some seconds, then queue the next slice."""
    uow = services().unit_of_work
    if export_write.run_slice(uow, export_id, now=now):
        with uow() as tx:
            tx.after_commit(export_ask.job(export_id, 1 - turn))


def sweep_many() -> None:
    """Queue mass updates and exports whose job was lost."""
    with services().unit_of_work() as tx:
        bulk_control.sweep(tx)
        export_keep.sweep(tx)


def purge_many() -> None:
    """Delete expired files, and undo values that are no longer needed."""
    with services().unit_of_work() as tx:
        export_keep.expire(tx, at=now())
        bulk_control.purge(tx, at=now())


def keep_journal() -> None:
    """Write the journal of acts outside the database, and clear late replies.

    After a restore, first replay this host's journal.
    """
    context = services()
    catch_up(context.unit_of_work, context.settings)
    with context.unit_of_work() as tx:
        erasure_journal.forget_late_replies(tx, at=now())
        # After the commit.
        tx.journaled = True

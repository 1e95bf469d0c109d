"""Acts on many people, exports, and erasures that are kept outside."""

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
    """Work at an act on many people for some seconds, then ask to be called again."""
    uow = services().unit_of_work
    if bulk_run.run_slice(uow, act_id, erase=erasure.erase, now=now):
        with uow() as tx:
            tx.after_commit(bulk_prepare.job(act_id, 1 - turn))


def write_export(export_id: int, turn: int) -> None:
    """Write at an export's file for some seconds, then ask to be called again."""
    uow = services().unit_of_work
    if export_write.run_slice(uow, export_id, now=now):
        with uow() as tx:
            tx.after_commit(export_ask.job(export_id, 1 - turn))


def sweep_many() -> None:
    """Ring for acts on many people and for exports whose bell was lost."""
    with services().unit_of_work() as tx:
        bulk_control.sweep(tx)
        export_keep.sweep(tx)


def purge_many() -> None:
    """Take away files whose day is over, and values that can not be given back any more."""
    with services().unit_of_work() as tx:
        export_keep.expire(tx, at=now())
        bulk_control.purge(tx, at=now())


def keep_journal() -> None:
    """Keep the journal of acts outside the database, and clear what was answered late.

    After a restore what this host's journal tells is done again first.
    """
    made = services()
    catch_up(made.unit_of_work, made.settings)
    with made.unit_of_work() as tx:
        erasure_journal.forget_late_replies(tx, at=now())
        # After the commit.
        tx.journaled = True

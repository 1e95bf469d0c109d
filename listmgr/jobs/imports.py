"""Jobs of imports: process, clean up, delete."""

from __future__ import annotations

from listmgr.context import services
from listmgr.imports import erasure, sweep
from listmgr.imports import worker as importing
from listmgr.jobs.worker_id import holder
from listmgr.kit.clock import now


def work_import(import_id: int, turn: int) -> None:
    """Continue an import for some seconds, then queue the next slice."""
    context = services()
    if importing.work_slice(context.unit_of_work, import_id, holder(turn), now=now):
        with context.unit_of_work() as tx:
            sweep.enqueue_import(tx, import_id, 1 - turn)


def sweep_imports() -> None:
    """Queue imports whose job or worker was lost."""
    with services().unit_of_work() as tx:
        sweep.sweep(tx)


def erase_from_imports() -> None:
    """Search stored files for erased people, each file in a transaction of its own."""
    context = services()
    is_any = True
    while is_any:
        with context.unit_of_work() as tx:
            is_any = erasure.search_next_file(tx)


def purge_imports() -> None:
    """Delete the files of finished and abandoned imports past their retention."""
    with services().unit_of_work() as tx:
        sweep.purge_due(tx, at=now())

"""Files of people: worked through, and forgotten."""

from __future__ import annotations

from listmgr.context import services
from listmgr.imports import erasure, sweep
from listmgr.imports import worker as importing
from listmgr.jobs.worker_id import holder
from listmgr.kit.clock import now


def work_import(import_id: int, turn: int) -> None:
    """Go on with an import for some seconds, then ask to be called again."""
    made = services()
    if importing.work_slice(made.unit_of_work, import_id, holder(turn), now=now):
        with made.unit_of_work() as tx:
            sweep.enqueue_import(tx, import_id, 1 - turn)


def sweep_imports() -> None:
    """Ring for imports whose bell or worker was lost."""
    with services().unit_of_work() as tx:
        sweep.sweep(tx)


def erase_from_imports() -> None:
    """Search stored files for people who were erased, each file in a transaction of its own."""
    made = services()
    is_any = True
    while is_any:
        with made.unit_of_work() as tx:
            is_any = erasure.search_next_file(tx)


def purge_imports() -> None:
    """Forget the files of imports that were dealt with, or left lying about, long ago."""
    with services().unit_of_work() as tx:
        sweep.purge_due(tx, at=now())

"""Files of people: worked through, and forgotten."""

from __future__ import annotations

from listmgr.imports import keeping
from listmgr.imports import work as importing
from listmgr.jobs.holder import holder
from listmgr.kit.clock import now
from listmgr.web.context import services


def work_import(import_id: int, turn: int) -> None:
    """Go on with an import for some seconds, then ask to be called again."""
    made = services()
    if importing.work_slice(made.unit_of_work, import_id, holder(turn), now=now):
        with made.unit_of_work() as tx:
            keeping.ring(tx, import_id, 1 - turn)


def sweep_imports() -> None:
    """Ring for imports whose bell or worker was lost."""
    with services().unit_of_work() as tx:
        keeping.sweep(tx)


def purge_imports() -> None:
    """Forget the files of imports that were dealt with, or left lying about, long ago."""
    with services().unit_of_work() as tx:
        keeping.purge_due(tx, at=now())

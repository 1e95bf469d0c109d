"""Whoever is erased is erased from files that are still kept, and no file brings them back."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from listmgr.imports import control
from listmgr.imports.erasure import search_next_file
from listmgr.imports.lifecycle import ImportStatus
from listmgr.imports.models import Import, ImportErasure, ImportPiece, ImportRow
from listmgr.imports.sweep import SEARCH, sweep
from listmgr.kit.clock import now
from listmgr.privacy.erasure import erase
from listmgr.subscribers.models import Subscriber
from tests.imports.conftest import bench

__all__ = ["bench"]
ROWS = (
    "email,first name\nAnna@Bücher.example,Anna\nbert@example.org,Bert\n"
    "kaputt,anna@bücher.example\n"
)


def everything(session) -> str:
    session.rollback()
    told = session.scalars(sa.select(ImportPiece.content)).all()
    rows = session.scalars(sa.select(ImportRow.cells)).all()
    return (b"".join(told).decode() + str(rows)).lower()


def search_files(uow) -> int:
    """What the job does; returns how many files were searched."""
    count = 0
    while True:
        with uow() as tx:
            if not search_next_file(tx):
                return count
        count += 1


@pytest.mark.parametrize("ended", [True, False])
def test_l15_the_erased_are_in_no_file_and_no_kept_row(bench, uow, session, ended):
    import_id = bench.take_in(ROWS) if ended else bench.look(ROWS)
    other = bench.look("email\nzoe@example.org\n")
    if not ended:
        bench.take_in(ROWS)
    assert "anna@bücher.example" in everything(session)
    anna = session.scalars(sa.select(Subscriber.id).where(Subscriber.first_name == "Anna")).one()
    session.rollback()
    with uow() as tx:
        erase(tx, [anna], actor="operator:1", at=now())
    assert search_files(uow) == 3 - ended
    assert "bücher" not in everything(session)
    row = bench.row(import_id)
    assert row.purged_at is not None
    assert row.status is (ImportStatus.DONE if ended else ImportStatus.CANCELLED)
    # The file of others stays, and goes on.
    assert bench.row(other).status is ImportStatus.CHECKED
    assert "zoe@example.org" in everything(session)
    again = bench.take_in(ROWS)
    assert bench.verdicts(again) == {"suppressed": 1, "unchanged": 1, "bad_address": 1}


def test_an_unfinished_import_says_why_it_ended(bench, uow, session):
    bench.take_in("email,first name\nanna@example.org,Anna\n")
    import_id = bench.bring("email\nanna@example.org\n")
    with uow() as tx:
        erase(tx, [1], actor="operator:1", at=now())
    search_files(uow)
    assert "erased" in bench.row(import_id).problem
    with uow() as tx, pytest.raises(Exception, match="moved on"):
        control.start_check(tx, import_id)


def test_w03_an_erasure_waits_for_no_file(bench, uow, session, jobs):
    """Stored files were read in the web request, under the lock of their imports."""
    bench.take_in("email,first name\nanna@example.org,Anna\n")
    with uow() as other:
        # An import at work holds its row; nothing of the erasure may wait for that.
        other.session.scalars(sa.select(Import).with_for_update()).all()
        with uow() as tx:
            tx.session.execute(sa.text("SET LOCAL lock_timeout = '2s'"))
            erase(tx, [1], actor="operator:1", at=now())
    assert SEARCH in jobs
    assert "anna@example.org" in everything(session)
    session.rollback()
    # The job was lost: the sweep finds what it left.
    jobs.clear()
    with uow() as tx:
        sweep(tx)
    assert SEARCH in jobs
    search_files(uow)
    assert "anna@example.org" not in everything(session)
    assert session.scalars(sa.select(ImportErasure.id)).all() == []
    session.rollback()
    jobs.clear()
    with uow() as tx:
        sweep(tx)
    assert SEARCH not in jobs

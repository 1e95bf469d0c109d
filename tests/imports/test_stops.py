"""Imports that are paused, cancelled, killed, changed under way, or run two at a time."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from datetime import timedelta

import pytest
import sqlalchemy as sa

from listmgr.imports import (
    batches,
    control,
    process_batch,
    sweep,
    worker,
)
from listmgr.imports.lifecycle import ImportStatus
from listmgr.imports.models import (
    Import,
    ImportBatch,
    ImportDouble,
    ImportKey,
    ImportLines,
    ImportPiece,
    ImportRow,
    Phase,
)
from listmgr.imports.plan import Plan
from listmgr.imports.process_batch import process_batch as do
from listmgr.kit.clock import now
from listmgr.kit.errors import Refused
from listmgr.subscribers.models import Subscriber
from tests.factories import make_subscriber


@pytest.fixture
def small(monkeypatch):
    """Batches of ten rows, so that a small file has many."""
    monkeypatch.setattr(batches, "ROWS", 10)


def people(count: int, start: int = 0) -> str:
    rows = "".join(f"p{n}@example.org,P{n}\n" for n in range(start, start + count))
    return f"email,first name\n{rows}"


def numbers(session) -> int:
    session.rollback()
    consents, events, found = session.execute(
        sa.text(
            "SELECT (SELECT count(*) FROM consents), (SELECT count(*) FROM consent_events),"
            " (SELECT count(*) FROM subscribers)"
        )
    ).one()
    assert consents == events == found
    return int(found)


def test_a_pause_holds_and_a_resume_goes_on(bench, session, small, monkeypatch):
    import_id = bench.look(people(100))
    bench.start(import_id)
    calls, to_be_paused = [], [True]

    def pausing(tx, *rest, **more):
        calls.append(1)
        do(tx, *rest, **more)
        if len(calls) >= 3 and to_be_paused:
            to_be_paused.pop()
            control.pause(tx, import_id)

    monkeypatch.setattr(worker, "process_batch", pausing)
    bench.work(import_id)
    some = numbers(session)
    assert bench.row(import_id).status is ImportStatus.PAUSED
    # Batches that were not through when the pause came are done again.
    assert 10 <= some < 100
    bench.work(import_id)
    assert numbers(session) == some
    monkeypatch.setattr(worker, "process_batch", do)
    with bench.uow() as tx:
        control.resume(tx, import_id)
    bench.work(import_id)
    assert numbers(session) == 100
    assert bench.row(import_id).status is ImportStatus.DONE


def test_a_cancelled_import_ends_and_its_file_is_gone(bench, session):
    import_id = bench.look(people(5))
    with bench.uow() as tx:
        control.cancel(tx, import_id, at=now())
    assert session.scalars(sa.select(ImportPiece)).all() == []
    with bench.uow() as tx, pytest.raises(Refused):
        control.start_run(tx, import_id, operator_id=bench.operator_id, at=now())
    assert numbers(session) == 0


KEPT_OF_A_FILE = (ImportPiece, ImportRow, ImportKey, ImportDouble, ImportLines)


def kept_of_it(session, import_id: int) -> dict[str, int]:
    """What tables still hold of an import, by their name."""
    session.rollback()
    counts = {
        table.__tablename__: session.scalar(
            sa.select(sa.func.count()).where(table.import_id == import_id)
        )
        for table in KEPT_OF_A_FILE
    }
    return {name: count for name, count in counts.items() if count}


def test_b02_a_cancelled_import_leaves_nothing_of_its_people(bench, session):
    import_id = bench.look("email,first name\np1@example.org,P1\nbroken,Karla\n")
    assert set(kept_of_it(session, import_id)) >= {"import_pieces", "import_rows"}
    with bench.uow() as tx:
        control.cancel(tx, import_id, at=now())
    assert kept_of_it(session, import_id) == {}
    row = bench.row(import_id)
    assert row.purged_at is not None
    assert (row.columns, row.plan["columns"], row.plan["words"]) == ([], {}, {})


@pytest.mark.parametrize("phase", ["look", "run"])
def test_b02_a_batch_under_way_leaves_nothing_after_a_cancel(
    bench, session, small, monkeypatch, phase
):
    """It has judged its rows when the cancel comes, and commits afterwards or not at all."""
    rows = "".join(f"nobody{n}\n" for n in range(40))
    content = f"email\np1@example.org\n{rows}"
    import_id = bench.look(content) if phase == "run" else bench.bring(content)
    with bench.uow() as tx:
        if phase == "run":
            control.start_run(tx, import_id, operator_id=bench.operator_id, at=now())
        else:
            control.start_check(tx, import_id)
    once, cancellers, taken_in = threading.Lock(), [], []

    def cancelling(*rest) -> None:
        if once.acquire(blocking=False):
            cancellers.append(threading.Thread(target=cancel))
            cancellers[0].start()
            # It waits for this batch, or is through: neither may leave a row.
            cancellers[0].join(0.5)
        mark(*rest)

    def cancel() -> None:
        with bench.uow() as tx:
            control.cancel(tx, import_id, at=now())
            taken_in.append(tx.session.scalar(sa.text("SELECT count(*) FROM consents")))

    mark = process_batch._mark
    monkeypatch.setattr(process_batch, "_mark", cancelling)
    bench.work(import_id)
    cancellers[0].join(20)
    # Nobody is taken in after the cancel.
    assert [numbers(session)] == taken_in
    assert bench.row(import_id).status is ImportStatus.CANCELLED
    assert kept_of_it(session, import_id) == {}


def test_b02_a_run_that_ends_by_itself_leaves_nothing(bench, session):
    import_id = bench.look(people(2) + "nobody,X\n")
    with bench.uow() as tx:
        tx.session.execute(sa.update(Import).values(sha256=b"another"))
    bench.start(import_id)
    bench.work(import_id)
    assert bench.row(import_id).status is ImportStatus.CANCELLED
    assert kept_of_it(session, import_id) == {}


def test_b02_what_an_earlier_version_left_of_cancelled_imports_goes(bench, session):
    import_id = bench.look(people(2) + "nobody,X\n")
    with bench.uow() as tx:
        tx.session.execute(sa.update(Import).values(status=ImportStatus.CANCELLED, ended_at=now()))
    with bench.uow() as tx:
        assert sweep.purge_due(tx, at=now()) == 1
    assert kept_of_it(session, import_id) == {}


def test_a_slice_ends_in_time_and_the_next_goes_on(bench, session, small):
    import_id = bench.look(people(600))
    bench.start(import_id)
    turns = 1
    while worker.work_slice(bench.uow, import_id, f"w{turns}", now=now, seconds=0.02):
        turns += 1
    assert turns > 1
    assert numbers(session) == 600


def test_nothing_runs_that_was_not_looked_through(bench):
    import_id = bench.bring(people(2))
    with bench.uow() as tx, pytest.raises(Refused):
        control.start_run(tx, import_id, operator_id=bench.operator_id, at=now())


def test_a_file_that_changed_after_the_look_is_refused(bench, session):
    import_id = bench.look(people(2))
    with bench.uow() as tx:
        piece = tx.session.get_one(ImportPiece, (import_id, 0))
        piece.content = piece.content.replace(b"p1@example.org", b"x1@example.org")
    bench.start(import_id)
    bench.work(import_id)
    row = bench.row(import_id)
    assert row.status is ImportStatus.CANCELLED
    assert "differs from the one that was checked" in row.problem
    assert numbers(session) == 0


def test_a_plan_that_changed_after_the_look_is_refused(bench, session):
    import_id = bench.look(people(2))
    with bench.uow() as tx:
        found = tx.session.get_one(Import, import_id)
        found.plan = {**found.plan, "confirm": True}
    bench.start(import_id)
    bench.work(import_id)
    assert bench.row(import_id).status is ImportStatus.CANCELLED
    assert numbers(session) == 0


def test_describing_it_anew_makes_the_look_void(bench):
    import_id = bench.look(people(2))
    with bench.uow() as tx:
        control.describe(
            tx,
            import_id,
            Plan.from_stored(bench.row(import_id).plan),
            bench.notice.purpose_id,
            control.Declaration("x", "consent", "y"),
            operator_id=bench.operator_id,
        )
    assert bench.row(import_id).status is ImportStatus.UPLOADED
    assert bench.kept(import_id, Phase.CHECK) == []


def test_two_workers_at_one_import_do_nothing_twice(bench, session, small):
    import_id = bench.look(people(200))
    bench.start(import_id)
    # The lease is let run out under the first: both believe it is theirs.
    first = threading.Thread(target=bench.work, args=(import_id,))
    first.start()
    with bench.uow() as tx:
        tx.session.execute(sa.update(Import).values(lease_until=now() - timedelta(seconds=1)))
    worker.work_slice(bench.uow, import_id, "second", now=now)
    first.join()
    with bench.uow() as tx:
        tx.session.execute(sa.update(Import).values(lease_until=None))
    bench.work(import_id)
    assert numbers(session) == 200
    marks = session.scalars(
        sa.select(ImportBatch.number).where(ImportBatch.phase == Phase.RUN)
    ).all()
    assert sorted(marks) == list(range(20))


def test_two_imports_of_the_same_people_at_once(bench, session, small):
    ids = [bench.look(people(150)), bench.look(people(150, start=75))]
    for import_id in ids:
        bench.start(import_id)
    threads = [threading.Thread(target=bench.work, args=(one,)) for one in ids]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for import_id in ids:
        bench.work(import_id)
    assert [bench.row(one).status for one in ids] == [ImportStatus.DONE] * 2
    assert numbers(session) == 225
    verdicts = [bench.verdicts(one) for one in ids]
    assert sum(found.get("new", 0) for found in verdicts) == 225
    assert sum(found.get("unchanged", 0) for found in verdicts) == 75


def test_somebody_who_signs_up_meanwhile_is_met_again(bench, session, small, monkeypatch):
    from listmgr.imports import apply_batch

    import_id = bench.look(people(10))
    bench.start(import_id)
    original, met = apply_batch.create_intake_table, []

    def signing_up(tx):
        original(tx)
        if not met:
            met.append(1)
            with bench.uow() as other:
                make_subscriber(other, "p3@example.org", now())

    monkeypatch.setattr(apply_batch, "create_intake_table", signing_up)
    bench.work(import_id)
    assert bench.verdicts(import_id) == {"new": 9, "known": 1}
    assert numbers(session) == 10


def test_a_database_that_restarts_costs_nothing_but_time(
    bench, session, small, engine, monkeypatch
):
    import_id = bench.look(people(100))
    bench.start(import_id)
    calls = []

    def interrupted(tx, *rest, **more):
        calls.append(1)
        if len(calls) == 4:
            # As a restart does it: every connection but this look at them is ended.
            with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as other:
                other.execute(
                    sa.text(
                        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                        " WHERE datname = current_database() AND pid <> pg_backend_pid()"
                        " AND backend_type = 'client backend'"
                    )
                )
        do(tx, *rest, **more)

    monkeypatch.setattr(worker, "process_batch", interrupted)
    session.rollback()
    session.close()
    bench.work(import_id)
    assert bench.row(import_id).status is ImportStatus.RUNNING
    engine.dispose()
    with bench.uow() as tx:
        tx.session.execute(sa.update(Import).values(lease_until=now() - timedelta(seconds=1)))
        sweep.sweep(tx)
        assert [job.name for job in tx.jobs] == ["work_import"]
    bench.work(import_id)
    assert numbers(session) == 100
    assert bench.row(import_id).status is ImportStatus.DONE


KILLED = """
import sys
import sqlalchemy as sa
from sqlalchemy.orm import Session
from listmgr.imports import batches, worker
from listmgr.kit.clock import now
from listmgr.kit.transaction import transaction
from listmgr.config import load_settings
import listmgr.schema
batches.ROWS = 20
settings = load_settings()
engine = sa.create_engine(settings.database_url)
def uow():
    return transaction(lambda: Session(engine, expire_on_commit=False), settings, lambda jobs: None)
print("begun", flush=True)
worker.work_slice(uow, int(sys.argv[1]), "victim", now=now)
"""


def test_kill_9_at_any_moment_doubles_and_loses_nobody(
    bench, session, settings, tmp_path, monkeypatch
):
    monkeypatch.setattr(batches, "ROWS", 20)
    import_id = bench.look(people(3000))
    bench.start(import_id)
    env = os.environ | {
        "DATABASE_URL": settings.database_url,
        "LISTMGR_DATA_DIR": str(tmp_path),
        "LISTMGR_SUPPRESSION_KEY": settings.suppression_key.decode(),
    }
    for wait in (0.05, 0.3):
        victim = subprocess.Popen(
            [sys.executable, "-c", KILLED, str(import_id)], env=env, stdout=subprocess.PIPE
        )
        assert victim.stdout is not None
        assert victim.stdout.readline() == b"begun\n"
        time.sleep(wait)
        victim.send_signal(signal.SIGKILL)
        assert victim.wait() == -signal.SIGKILL
        victim.stdout.close()
        with bench.uow() as tx:
            tx.session.execute(sa.update(Import).values(lease_until=now() - timedelta(seconds=1)))
    some = numbers(session)
    bench.work(import_id)
    assert some <= 3000
    assert numbers(session) == 3000
    assert bench.verdicts(import_id) == {"new": 3000}


def test_files_are_forgotten_when_their_time_is_over(bench, session):
    done = bench.take_in(people(2) + "kaputt,x\n")
    left = bench.bring(people(2))
    with bench.uow() as tx:
        assert sweep.purge_due(tx, at=now() + timedelta(days=29)) == 0
    with bench.uow() as tx:
        assert sweep.purge_due(tx, at=now() + timedelta(days=31)) == 2
    assert session.scalars(sa.select(ImportPiece)).all() == []
    assert session.scalars(sa.select(ImportRow)).all() == []
    assert bench.row(left).status is ImportStatus.CANCELLED
    assert bench.row(done).source == "Old program"
    assert bench.verdicts(done) == {"new": 2, "bad_address": 1}
    assert session.scalars(sa.select(Subscriber.id)).all() == [1, 2]

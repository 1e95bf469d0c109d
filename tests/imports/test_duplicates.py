"""People who stand in a file twice: found at its end, whatever batch they stand in."""

from __future__ import annotations

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import OperationalError

from listmgr.imports import (
    batches,
    worker,
)
from listmgr.imports.lifecycle import ImportStatus
from listmgr.imports.models import ImportDouble, ImportKey, Phase
from listmgr.imports.process_batch import process_batch


@pytest.fixture(autouse=True)
def small(monkeypatch):
    """Batches of four rows, so that a small file has many."""
    monkeypatch.setattr(batches, "ROWS", 4)


def file(*names: str, status: dict[int, str] | None = None) -> str:
    rows = [f"{name}@example.org,{(status or {}).get(at, '')}" for at, name in enumerate(names, 1)]
    return "\n".join(["email,opted out", *rows, ""])


def left_over(session) -> tuple[int, ...]:
    session.rollback()
    tables = (ImportKey, ImportDouble)
    return tuple(session.scalar(sa.select(sa.func.count()).select_from(one)) for one in tables)


def test_the_first_row_counts_and_the_others_say_why_not(bench, session):
    told = file("a", "b", "c", "d", "A", "e", "f", "b", "g", "a", "h")
    import_id = bench.look(told)
    assert bench.verdicts(import_id, Phase.CHECK) == {"new": 8, "duplicate": 3}
    refused = [one for one in bench.kept(import_id, Phase.CHECK) if one[1] != "new"]
    assert [(number, verdict) for number, verdict, _why in refused] == [
        (5, "duplicate"),
        (8, "duplicate"),
        (10, "duplicate"),
    ]
    assert {why for *_row, why in refused} == {"The person stands further up in this file."}
    bench.start(import_id)
    bench.work(import_id)
    assert bench.verdicts(import_id) == {"new": 8, "duplicate": 3}
    assert left_over(session) == (0, 0)


def test_a_row_that_opts_out_counts_wherever_it_stands(bench, session):
    told = file("a", "b", "c", "d", "a", "e", "f", "g", "a", status={5: "yes"})
    import_id = bench.take_in(told)
    assert bench.verdicts(import_id) == {"new": 6, "opted_out": 1, "stopped": 2}
    assert [(n, v) for n, v, _ in bench.kept(import_id)] == [(1, "stopped"), (9, "stopped")]
    people = session.scalars(sa.text("SELECT address FROM subscribers ORDER BY address")).all()
    assert people == [f"{name}@example.org" for name in "bcdefg"]


def test_two_rows_that_opt_out_both_count(bench):
    import_id = bench.take_in(file("a", "b", "c", "d", "a", status={1: "yes", 5: "yes"}))
    assert bench.verdicts(import_id) == {"opted_out": 2, "new": 3}


@pytest.mark.parametrize("dies_at", [1, 2, 3])
def test_a_worker_lost_while_it_looks_again(bench, session, monkeypatch, dies_at):
    """The batches that were looked through again stay so; the others are, by the next worker."""
    names = [*"abcd", *"aefg", *"bhij", *"cklm"]
    seen = []

    def dying(tx, what, *rest, **more):
        process_batch(tx, what, *rest, **more)
        if what.again:
            seen.append(1)
            if len(seen) == dies_at:
                error = OperationalError("", {}, Exception("the server went away"))
                error.connection_invalidated = True
                raise error

    monkeypatch.setattr(worker, "process_batch", dying)
    import_id = bench.look(file(*names))
    assert bench.row(import_id).status is ImportStatus.CHECKING
    monkeypatch.setattr(worker, "process_batch", process_batch)
    with bench.uow() as tx:
        tx.session.execute(sa.text("UPDATE imports SET lease_until = NULL"))
    bench.work(import_id)
    assert bench.row(import_id).status is ImportStatus.CHECKED
    assert bench.verdicts(import_id, Phase.CHECK) == {"new": 13, "duplicate": 3}
    assert len([one for one in bench.kept(import_id, Phase.CHECK) if one[1] == "duplicate"]) == 3
    bench.start(import_id)
    bench.work(import_id)
    assert bench.verdicts(import_id) == {"new": 13, "duplicate": 3}
    assert left_over(session) == (0, 0)

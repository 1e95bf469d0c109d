"""A run takes what the look before has read; where that does not suffice, it reads the file."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest
import sqlalchemy as sa

from listmgr.imports import batches, control
from listmgr.imports.models import ImportLines, ImportRow, Phase
from listmgr.kit.clock import now
from listmgr.kit.transaction import Transaction
from listmgr.subscribers.address import fingerprint
from listmgr.subscribers.models import Subscriber
from listmgr.suppression.models import SuppressionReason
from listmgr.suppression.register import suppress
from tests.imports.conftest import EVIDENCE

FILE = (
    "email,first name,confirmed at,ip\n"
    "anna@example.org,Anna \\ Å,2026-05-31,192.0.2.7\n"
    "no address,Nobody,,\n"
    "bert@example.org,Bert,,\n"
    "Anna@example.org,Again,,\n"
    "cora@example.org,Cora,,\n"
)


@pytest.fixture
def small(monkeypatch):
    monkeypatch.setattr(batches, "ROWS", 2)


def kept(session) -> list[tuple[int, int, int]]:
    session.rollback()
    rows = sa.select(ImportLines.number, ImportLines.first, ImportLines.rows)
    return [tuple(row) for row in session.execute(rows.order_by(ImportLines.number))]


def names(session) -> dict[str, str]:
    session.rollback()
    return dict(session.execute(sa.select(Subscriber.address_key, Subscriber.first_name)).all())


def block(bench, settings, key: str) -> None:
    with bench.uow() as tx:
        print_ = fingerprint(settings.suppression_key, key)
        suppress(tx, print_, SuppressionReason.COMPLAINED, at=now())


def refused(session) -> list[tuple[int, str, list[str]]]:
    session.rollback()
    rows = sa.select(ImportRow).where(ImportRow.phase == Phase.RUN).order_by(ImportRow.number)
    return [(row.number, row.verdict, row.cells) for row in session.scalars(rows)]


def test_what_was_read_is_kept_until_it_is_taken_in(bench, session, small):
    import_id = bench.look(FILE, **EVIDENCE)
    assert kept(session) == [(0, 1, 2), (1, 3, 2), (2, 5, 1)]
    # What the run takes in is this and not the file: a name is put into it alone.
    session.execute(
        sa.text(
            "UPDATE import_lines SET content = convert_to(replace("
            "convert_from(content, 'UTF8'), 'Bert', 'Bela'), 'UTF8')"
        )
    )
    session.commit()
    bench.start(import_id)
    bench.work(import_id)
    assert names(session) == {
        "anna@example.org": "Anna \\ Å",
        "bert@example.org": "Bela",
        "cora@example.org": "Cora",
    }
    assert kept(session) == []
    assert bench.verdicts(import_id) == bench.verdicts(import_id, Phase.CHECK)
    assert [(number, verdict) for number, verdict, _cells in refused(session)] == [
        (2, "bad_address"),
        (4, "duplicate"),
    ]
    assert bench.kept(import_id) == [
        row for row in bench.kept(import_id, Phase.CHECK) if row[0] in {2, 4}
    ]


def test_whom_the_run_alone_refuses_comes_back_as_the_file_has_them(
    bench, session, settings, small
):
    import_id = bench.look(FILE)
    block(bench, settings, "bert@example.org")
    session.execute(sa.delete(ImportRow).where(ImportRow.verdict == "new"))
    session.commit()
    bench.start(import_id)
    bench.work(import_id)
    assert names(session).keys() == {"anna@example.org", "cora@example.org"}
    assert refused(session) == [
        (2, "bad_address", ["no address", "Nobody", "", ""]),
        (3, "suppressed", ["bert@example.org", "Bert", "", ""]),
        (4, "duplicate", ["Anna@example.org", "Again", "", ""]),
    ]
    assert bench.verdicts(import_id) == {
        "new": 2, "bad_address": 1, "suppressed": 1, "duplicate": 1,
    }  # fmt: skip


def test_whom_the_look_refused_already_needs_no_file(bench, session, settings):
    block(bench, settings, "bert@example.org")
    import_id = bench.take_in(FILE)
    assert refused(session)[1] == (3, "suppressed", ["bert@example.org", "Bert", "", ""])
    assert bench.kept(import_id)[1][2].startswith("The address is blocked.")


@pytest.mark.parametrize("lost", ["all", "one"])
def test_what_is_not_kept_is_read_from_the_file(bench, session, small, lost):
    import_id = bench.look(FILE, **EVIDENCE)
    gone = sa.delete(ImportLines)
    session.execute(gone if lost == "all" else gone.where(ImportLines.number == 1))
    session.commit()
    bench.start(import_id)
    bench.work(import_id)
    assert names(session)["bert@example.org"] == "Bert"
    assert bench.verdicts(import_id) == bench.verdicts(import_id, Phase.CHECK)


def test_what_was_read_under_other_settings_is_read_again(bench, session, settings):
    content = "email,confirmed at,ip\nanna@example.org,2026-05-31,192.0.2.7\n"
    import_id = bench.look(content, **EVIDENCE)
    bench.start(import_id)
    uow = bench.uow

    @contextmanager
    def elsewhere() -> Iterator[Transaction]:
        """The same database by a worker whose settings keep no IP addresses."""
        with uow() as tx:
            tx.settings = replace(settings, ip_storage="off")
            yield tx

    bench.uow = elsewhere
    bench.work(import_id)
    told = session.scalar(sa.text("SELECT content FROM consent_evidence"))
    # Without the address the evidence is not complete, so that nobody is confirmed.
    assert told is None
    assert bench.verdicts(import_id) == {"no_evidence": 1}
    assert bench.verdicts(import_id, Phase.CHECK) == {"confirmed": 1}


def test_what_is_kept_goes_with_the_file(bench, session):
    import_id = bench.look(FILE)
    assert kept(session) != []
    with bench.uow() as tx:
        control.cancel(tx, import_id, at=now())
    assert kept(session) == []


def test_what_is_kept_goes_when_it_is_described_anew(bench, session):
    import_id = bench.look(FILE)
    row = bench.row(import_id)
    with bench.uow() as tx:
        control.describe(
            tx,
            import_id,
            control.Plan.from_stored(row.plan),
            bench.notice.purpose_id,
            control.Declaration("x", "consent", "y"),
            operator_id=bench.operator_id,
        )
    assert kept(session) == []

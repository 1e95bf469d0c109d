"""Exports: by right and role, with a reason, in pieces, for one operator, for one day."""

from __future__ import annotations

import csv
import io
import json
from datetime import timedelta

import pytest
import sqlalchemy as sa

from listmgr.exports import downloads
from listmgr.exports.columns import offered
from listmgr.exports.models import Export, ExportPiece, ExportStatus
from listmgr.exports.request import (
    ExportRequest,
    request_export,
)
from listmgr.exports.worker import (
    run_slice,
    step,
)
from listmgr.kit.errors import InvalidInput, NotFound, Refused
from listmgr.operators.accounts import create_operator
from listmgr.operators.models import AuditEntry, Role
from listmgr.privacy.erasure import erase
from listmgr.selections import freeze
from listmgr.selections.freeze import SelectionRequest
from listmgr.selections.models import Selection, SelectionKind
from listmgr.subscribers.custom_fields import (
    FieldWords,
    create_field,
)
from listmgr.subscribers.models import Subscriber
from tests.conftest import NOW, UnitOfWork
from tests.factories import (
    make_confirmed,
    make_list,
)

EVERYBODY = SelectionRequest(SelectionKind.FOUND)
WISH = ExportRequest(format="csv", reason="check", words="To correct the names")


class Office:
    """An operator at exports."""

    def __init__(self, uow: UnitOfWork, operator_id: int) -> None:
        self.uow = uow
        self.operator_id = operator_id

    def ask(
        self, wish: ExportRequest = WISH, columns=("email",), chosen=EVERYBODY, role=Role.PRIVACY
    ):
        with self.uow() as tx:
            who = {"operator_id": self.operator_id, "role": role, "at": NOW}
            return request_export(tx, wish, columns, chosen, **who).id

    def make(self, *args: object, **more: object) -> tuple[Export, bytes]:
        export_id = self.ask(*args, **more)
        while True:
            with self.uow() as tx:
                if not step(tx, export_id, at=NOW):
                    break
        with self.uow() as tx:
            export = tx.session.get_one(Export, export_id)
        return export, b"".join(downloads.pieces(self.uow, export))


@pytest.fixture
def office(uow: UnitOfWork, monkeypatch: pytest.MonkeyPatch) -> Office:
    monkeypatch.setattr(freeze, "CHUNK", 2)
    with uow() as tx:
        made = create_operator(tx, email="p@example.org", name="Pia", role="privacy", at=NOW)
        return Office(uow, made.id)


@pytest.fixture
def people(uow: UnitOfWork) -> list[int]:
    with uow() as tx:
        notice = make_list(tx)[2]
        made = [make_confirmed(tx, f"p{n}@example.com", notice, NOW) for n in range(12)]
        ids = [one.subscriber_id or 0 for one in made]
        tx.session.get_one(Subscriber, ids[3]).restricted_at = NOW
        tx.session.get_one(Subscriber, ids[0]).last_name = "=SUM(A1)"
        tx.session.get_one(Subscriber, ids[0]).tags = ["fair"]
        return ids


def lines(octets: bytes) -> list[list[str]]:
    return list(csv.reader(io.StringIO(octets.decode().removeprefix("\ufeff"))))


def test_a_file_is_made_in_pieces_without_the_restricted(office, people, session):
    export, octets = office.make(columns=("email", "last_name", "tags"))
    rows = lines(octets)
    assert rows[0] == ["email", "last_name", "tags"]
    assert rows[1] == ["p0@example.com", "'=SUM(A1)", "fair"]
    assert [row[0] for row in rows[1:]] == [f"p{n}@example.com" for n in range(12) if n != 3]
    assert (export.status, export.people, export.rows) == (ExportStatus.READY, 12, 11)
    assert (export.size, export.pieces) == (len(octets), 2)
    assert export.expires_at == NOW + timedelta(hours=24)


def test_consents_come_with_their_dates_and_proofs(office, people):
    wish = ExportRequest(format="json", reason="request", words="Art. 15", consents=True)
    _export, octets = office.make(wish, columns=("id",))
    told = json.loads(octets)
    assert told[0] == {
        "id": people[0],
        "news/letter: station": "confirmed",
        "news/letter: confirmed": "2026-11-23T12:00:00Z",
        "news/letter: ended": None,
        "news/letter: proof": 1,
    }


def test_l37_the_marketer_exports_nobody_and_columns_go_by_role(office, people, uow, session):
    for role in (Role.MARKETER, Role.SALES, Role.SERVICE, Role.AUDITOR):
        with pytest.raises(Refused):
            office.ask(role=role)
    words = ("salary", "Gehalt", "Salary", "number", "", "Zum Test", "consent", "12", "ordinary")
    with uow() as tx:
        told = FieldWords(*words)
        create_field(tx, told, roles=["administrator"], by=Role.ADMINISTRATOR, at=NOW)
    with uow() as tx:
        assert "salary" in {one.key for one in offered(tx.session, Role.ADMINISTRATOR, "en")}
        assert "salary" not in {one.key for one in offered(tx.session, Role.PRIVACY, "en")}
    _export, octets = office.make(columns=("email", "salary"))
    assert lines(octets)[0] == ["email"]
    with pytest.raises(InvalidInput) as wrong:
        office.ask(columns=("salary",))
    assert list(wrong.value.fields) == ["columns"]


@pytest.mark.parametrize(
    ("wish", "field"),
    [
        (ExportRequest("pdf", "check", "x"), "format"),
        (ExportRequest("csv", "", "x"), "reason"),
        (ExportRequest("csv", "check", "  "), "words"),
        (ExportRequest("csv", "check", "x" * 301), "words"),
    ],
)
def test_without_a_reason_there_is_no_file(office, people, wish, field):
    with pytest.raises(InvalidInput) as wrong:
        office.ask(wish)
    assert list(wrong.value.fields) == [field]


def test_the_reason_is_logged(office, people, session):
    export, _octets = office.make()
    entry = session.scalars(sa.select(AuditEntry).order_by(AuditEntry.id.desc())).first()
    assert entry is not None
    assert (entry.action, entry.subject_id) == ("export.created", export.id)
    assert entry.details == {"format": "csv", "rows": 11, "reason": "check"}
    assert export.words == "To correct the names"


def test_the_file_is_for_who_asked_until_it_expires(office, people, uow, session):
    export, _octets = office.make()
    mine = {"operator_id": office.operator_id}
    with uow() as tx:
        assert downloads.fetchable(tx.session, export.id, **mine, at=NOW).id == export.id
        with pytest.raises(Refused, match="who asked"):
            downloads.fetchable(tx.session, export.id, operator_id=office.operator_id + 1, at=NOW)
        with pytest.raises(Refused, match="any more"):
            downloads.fetchable(tx.session, export.id, **mine, at=NOW + timedelta(hours=24))
        with pytest.raises(NotFound):
            downloads.fetchable(tx.session, 999, **mine, at=NOW)
    with uow() as tx:
        assert downloads.expire(tx, at=NOW + timedelta(hours=23)) == 0
        assert downloads.expire(tx, at=NOW + timedelta(hours=24)) == 1
    assert session.scalars(sa.select(ExportPiece)).all() == []
    assert session.scalars(sa.select(Selection)).all() == []
    assert session.get_one(Export, export.id).status is ExportStatus.EXPIRED


def test_cancelling_takes_the_file_away_and_is_for_the_owner(office, people, uow, session):
    export_id = office.ask()
    with uow() as tx:
        with pytest.raises(Refused):
            downloads.cancel(tx, export_id, operator_id=office.operator_id + 1)
        with pytest.raises(Refused, match="not ready"):
            downloads.fetchable(tx.session, export_id, operator_id=office.operator_id, at=NOW)
        downloads.cancel(tx, export_id, operator_id=office.operator_id)
    with uow() as tx:
        assert not step(tx, export_id, at=NOW)
    assert session.scalars(sa.select(Selection)).all() == []


def test_a_kill_loses_the_piece_in_hand_and_nothing_more(office, people, uow):
    wish = ExportRequest(format="xlsx", reason="check", words="x")
    _export, whole = office.make(wish)
    export_id = office.ask(wish)
    with pytest.raises(RuntimeError), uow() as tx:
        step(tx, export_id, at=NOW)
        raise RuntimeError("killed")
    for _ in range(2):
        with uow() as tx:
            step(tx, export_id, at=NOW)
    with pytest.raises(RuntimeError), uow() as tx:
        step(tx, export_id, at=NOW)
        raise RuntimeError("killed")
    assert not run_slice(uow, export_id, now=lambda: NOW)
    with uow() as tx:
        export = tx.session.get_one(Export, export_id)
    assert b"".join(downloads.pieces(uow, export)) == whole


def test_l15_erasing_somebody_withdraws_the_files_they_are_in(office, people, uow, session):
    _all, _octets = office.make()
    some, _octets = office.make(
        chosen=SelectionRequest(SelectionKind.TICKED, ids=tuple(people[5:7]))
    )
    with uow() as tx:
        erase(tx, [people[0]], actor="operator:1", at=NOW)
    stands = dict(session.execute(sa.select(Export.id, Export.status)).all())
    assert stands == {_all.id: ExportStatus.WITHDRAWN, some.id: ExportStatus.READY}
    assert set(session.scalars(sa.select(ExportPiece.export_id))) == {some.id}


def test_a_lost_bell_is_rung_again(office, people, uow, jobs):
    export_id = office.ask()
    jobs.clear()
    with uow() as tx:
        downloads.sweep(tx)
    assert [(job.name, job.args) for job in jobs] == [("write_export", (export_id, 0))]


def test_who_lost_the_right_meanwhile_gets_no_columns_by_it(office, people, uow):
    export_id = office.ask()
    with uow() as tx:
        step(tx, export_id, at=NOW)
        tx.session.execute(sa.text("UPDATE operators SET role = 'marketer'"))
    with uow() as tx:
        assert not step(tx, export_id, at=NOW)
    with uow() as tx:
        assert tx.session.get_one(Export, export_id).status is ExportStatus.CANCELLED

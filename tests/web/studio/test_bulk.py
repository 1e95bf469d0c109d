"""The pages of mass updates and exports, from the tick in the search to the undo and the file."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
import sqlalchemy as sa

from listmgr.bulk.models import BulkAct
from listmgr.bulk.worker import step as bulk_step
from listmgr.exports.models import Export
from listmgr.exports.worker import step as export_step
from listmgr.kit.clock import now
from listmgr.operators.models import AuditEntry
from listmgr.privacy.erasure import erase
from listmgr.subscribers.models import Subscriber

EXPORT = {"format": "csv", "reason": "check", "words": "To look at it", "columns": ["email"]}


@pytest.fixture
def work(uow):
    """The worker's part."""

    def work_off() -> None:
        for model, step in ((BulkAct, bulk_step), (Export, export_step)):
            with uow() as tx:
                ids = tx.session.scalars(sa.select(model.id)).all()
            more = {"erase": erase} if model is BulkAct else {}
            for number in ids:
                busy = True
                while busy:
                    with uow() as tx:
                        busy = step(tx, number, at=now(), **more)

    return work_off


def shown_count(page: str) -> str:
    """The number of people a page's form carries."""
    number = re.search(r'name="count" value="([^"]*)"', page)
    assert number is not None
    return number[1]


def send(at, link: str, values: dict[str, object]):
    """Open the form and send it off, as a browser does."""
    return at.post(link, {"count": shown_count(at.get(link).text), **values})


def start(at, path: str):
    """Press the button of the act's page."""
    return at.post(f"{path}/start", {"count": shown_count(at.get(path).text)})


def path_of(answer) -> str:
    assert answer.status_code == 303, answer.text
    return answer.location


def test_ticked_people_get_a_tag_and_it_is_undone(admin, sample, work, session):
    page = admin.get("/studio/subscribers").text
    assert 'formaction="/studio/bulk/new"' in page
    ids = re.findall(r'name="id" value="(\d+)"', page)
    assert len(ids) == 2
    link = f"/studio/bulk/new?scope=ticked&id={ids[0]}"
    assert "ticked people" in admin.get(link).text
    path = path_of(send(admin, link, {"kind": "add_tags", "tags": "fair, spring"}))
    assert "counting" in admin.get(path).text
    work()
    ready = admin.get(path).text
    assert "Update 1 person" in ready
    assert "+ fair, spring" in ready
    assert "bert@example.org" in ready
    assert session.scalars(sa.select(Subscriber.tags)).all() == [[], []]
    start(admin, path)
    work()
    session.rollback()
    assert sorted(session.scalars(sa.select(Subscriber.tags))) == [[], ["fair", "spring"]]
    history = admin.get("/studio/bulk").text
    assert "Add tags: fair, spring" in history
    assert f'action="{path}/undo"' in history
    admin.post(f"{path}/undo")
    work()
    session.rollback()
    assert session.scalars(sa.select(Subscriber.tags)).all() == [[], []]
    assert "given back" in admin.get(path).text
    actions = set(session.scalars(sa.select(AuditEntry.action)))
    assert {
        "bulk_action.prepared",
        "bulk_action.started",
        "bulk_action.finished",
        "bulk_action.undo_started",
        "bulk_action.undone",
    } <= actions


def test_the_search_limits_who_is_meant(admin, sample, work, session):
    link = "/studio/bulk/new?scope=found&query=anna@example.com"
    path = path_of(send(admin, link, {"kind": "set_field", "field": "company", "value": "X"}))
    work()
    assert "anna@example.com" in admin.get(path).text
    start(admin, path)
    work()
    found = dict(session.execute(sa.select(Subscriber.address, Subscriber.company)).all())
    assert found == {"anna@example.com": "X", "bert@example.org": ""}


def test_what_was_typed_wrong_is_told_and_nothing_is_lost(admin, sample):
    answer = send(
        admin,
        "/studio/bulk/new?scope=found",
        {"kind": "set_field", "field": "language", "value": "klingon", "note": "kept"},
    )
    assert answer.status_code == 422
    assert 'value="klingon"' in answer.text
    assert 'value="kept"' in answer.text
    assert "Choose one of the answers" in answer.text
    empty = send(admin, "/studio/bulk/new?scope=ticked", {"kind": "restrict"})
    assert empty.status_code == 422
    assert "Tick people" in empty.text


def test_what_cannot_be_undone_says_so_before_it_starts(admin, sample, work):
    told = {"kind": "withdraw", "how": "letter"}
    path = path_of(send(admin, "/studio/bulk/new?scope=found", told))
    work()
    page = admin.get(path).text
    assert "This cannot be undone." in page
    start(admin, path)
    work()
    assert "/undo" not in admin.get(path).text
    answer = admin.post(f"{path}/undo")
    assert "cannot be undone" in admin.get(path_of(answer)).text


def test_an_empty_house_says_what_to_do(admin):
    assert "No mass updates yet" in admin.get("/studio/bulk").text
    assert "No exports yet" in admin.get("/studio/exports").text


def test_l37_buttons_are_for_who_may_press_them(desk, sample):
    service, auditor = desk("service"), desk("auditor")
    page = service.get("/studio/subscribers").text
    assert "/studio/bulk/new" in page
    assert "/studio/exports/new" not in page
    assert "Erase permanently" not in service.get("/studio/bulk/new?scope=found").text
    page = auditor.get("/studio/subscribers").text
    assert "/studio/bulk/new" not in page
    assert 'name="id"' not in page
    marketer = desk("marketer")
    for path in ("/studio/bulk", "/studio/bulk/new", "/studio/exports", "/studio/exports/new"):
        assert marketer.get(path).status_code == 403


def test_l37_a_file_is_for_who_asked_for_it_alone(admin, desk, sample, work, session):
    link = "/studio/exports/new?scope=found"
    assert "Why is this data exported?" in admin.get(link).text
    path = path_of(send(admin, link, EXPORT))
    early = admin.get(f"{path}/file")
    assert "not ready yet" in admin.get(path_of(early)).text
    work()
    assert "Fetch the file" in admin.get(path).text
    answer = admin.get(f"{path}/file")
    assert answer.status_code == 200
    assert answer.text.removeprefix("\ufeff").splitlines() == [
        "email",
        "anna@example.com",
        "bert@example.org",
    ]
    assert answer.headers["Content-Disposition"].endswith('.csv"')
    assert int(answer.headers["Content-Length"]) == len(answer.data)
    other = desk("privacy")
    refused = other.get(f"{path}/file")
    assert "for the operator who asked for it" in other.get(path_of(refused)).text
    assert "Fetch the file" not in other.get(path).text
    assert {"export.requested", "export.created", "export.downloaded"} <= set(
        session.scalars(sa.select(AuditEntry.action))
    )
    session.execute(sa.update(Export).values(expires_at=now() - timedelta(seconds=1)))
    session.commit()
    assert "not there any more" in admin.get(path_of(admin.get(f"{path}/file"))).text


def test_an_export_without_a_reason_is_not_made(admin, sample):
    answer = send(admin, "/studio/exports/new?scope=found", {"format": "xlsx", "columns": ["tags"]})
    assert answer.status_code == 422
    assert "Write why; the record keeps it." in answer.text
    assert 'value="xlsx" checked' in answer.text
    assert 'value="tags" checked' in answer.text


def test_a_file_can_be_taken_away_at_once(admin, sample, work):
    path = path_of(send(admin, "/studio/exports/new?scope=found", EXPORT))
    work()
    admin.post(f"{path}/cancel")
    assert "cancelled" in admin.get(path).text
    assert "not there any more" in admin.get(path_of(admin.get(f"{path}/file"))).text
    again = admin.post(f"{path}/cancel")
    assert "not there any more" in admin.get(path_of(again)).text

"""One person's page: everything in one order, and what staff may do about it."""

from __future__ import annotations

import re

import pytest
import sqlalchemy as sa

from listmgr.consent.change_address_models import AddressChange
from listmgr.consent.history import histories
from listmgr.delivery.reports.activity import activity
from listmgr.operators.models import AuditEntry
from listmgr.subscribers.models import Subscriber
from tests.conftest import NOW
from tests.factories import make_subscriber


@pytest.fixture
def page(sample) -> str:
    return f"/studio/subscribers/{sample['subscriber_id']}"


def person(session, sample) -> Subscriber:
    session.expire_all()
    return session.get_one(Subscriber, sample["subscriber_id"])


def acts(session) -> list[str]:
    return list(session.scalars(sa.select(AuditEntry.action).order_by(AuditEntry.id)))


def test_everything_that_happened_stands_in_one_order(desk, session, uow, sample, page):
    with uow() as tx:
        tx.session.execute(
            sa.text(
                f"INSERT INTO deliveries_{sample['campaign_id']} (campaign_id, subscriber_id,"
                " consent_id, status, begun_at, ended_at, reply) VALUES"
                " (:campaign_id, :subscriber_id, :consent_id, 'failed', now(), now(), '550 no')"
            ),
            sample,
        )
    at = desk("service")
    at.post(f"{page}/restrict")
    shown = at.get(page).text
    assert "Confirmed from the mailbox" in shown
    assert "Refused" in shown
    assert "Processing restricted" in shown
    people = [person(session, sample)]
    happenings = activity(session, people, histories(session, people, "en"))
    assert [one.kind for one in happenings][:2] == ["act", "mail"]
    assert [one.at for one in happenings] == sorted((h.at for h in happenings), reverse=True)


def test_what_is_wrong_is_corrected_and_the_log_keeps_no_value(desk, session, sample, page):
    at = desk("service")
    assert "Änne" in at.get(f"{page}/correct").text
    told = {"first_name": "Anna-Lena", "last_name": "Weiß", "company": "", "language": "en"}
    assert at.post(f"{page}/correct", told).status_code == 303
    assert person(session, sample).first_name == "Anna-Lena"
    entry = session.scalars(
        sa.select(AuditEntry).where(AuditEntry.action == "subscriber.corrected")
    ).one()
    assert entry.details == {"fields": ["first_name", "last_name", "language"]}


def test_what_cannot_be_kept_is_told_and_nothing_typed_is_lost(desk, session, sample, page):
    at = desk("service")
    told = {"first_name": "Berta", "last_name": "x\x00y", "language": "xx"}
    answer = at.post(f"{page}/correct", told)
    assert answer.status_code == 422
    assert "Berta" in answer.text
    assert person(session, sample).first_name == "Änne"


def test_l33_restricted_nothing_changes_and_it_is_lifted_only_after_telling(
    desk, session, sample, page
):
    at = desk("privacy")
    at.post(f"{page}/restrict")
    assert person(session, sample).restricted_at is not None
    assert at.post(f"{page}/correct", {"first_name": "X", "language": "de"}).status_code == 409
    assert at.post(f"{page}/address", {"address": "n@x.example", "how": "phone"}).status_code == 409
    assert at.post(f"{page}/end-restriction", {"told": ""}).status_code == 422
    assert at.post(f"{page}/end-restriction", {"told": "letter"}).status_code == 303
    assert person(session, sample).restricted_at is None
    assert "subscriber.restriction_lifted" in acts(session)


def test_another_address_is_asked_on_the_persons_word(desk, session, sample, page):
    at = desk("service")
    assert at.post(f"{page}/address", {"address": "n@x.example", "how": ""}).status_code == 422
    assert at.post(f"{page}/address", {"address": "n@x.example", "how": "phone"}).status_code == 303
    change = session.scalars(sa.select(AddressChange)).one()
    assert (change.evidence["method"], change.evidence["recorded_by"]) == ("phone", "staff")
    assert "Undo" in at.get(page).text
    at.post(f"{page}/address/cancel")
    assert "Undo" not in at.get(page).text


def test_two_records_are_compared_joined_and_taken_apart(desk, session, uow, sample, page):
    with uow() as tx:
        other = make_subscriber(tx, "anna@else.example", NOW)
        tx.session.get_one(Subscriber, sample["subscriber_id"]).last_name = "Groß"
        other.last_name, other.company = "Groß", "Kontor"
    at = desk("service")
    assert re.search(r"anna@else\.example</span>\s*<button[^>]*>Compare", at.get(page).text)
    seen = at.post(f"{page}/joining", {"address": "Anna@Else.example"})
    assert "Kontor" in seen.text
    assert at.post(f"{page}/join", {"other_id": other.id}).status_code == 303
    assert person(session, sample).company == "Kontor"
    assert "Also as" in at.get(page).text
    assert "Open that record" in at.get(f"/studio/subscribers/{other.id}").text
    at.post(f"/studio/subscribers/{other.id}/part")
    assert "Also as" not in at.get(page).text


@pytest.mark.parametrize("typed", ["nobody@x.example", "no address", "anna@example.com"])
def test_an_address_without_another_record_is_told(desk, sample, page, typed):
    assert desk("service").post(f"{page}/joining", {"address": typed}).status_code == 422


def test_the_auditor_sees_all_of_it_and_no_button(desk, sample, page):
    shown = desk("auditor").get(page).text
    assert "Confirmed from the mailbox" in shown
    for words in ("Restrict<", "Compare", "Ask the new mailbox", "Correct<"):
        assert words not in shown


def test_l32_erased_with_every_joined_record_after_saying_how_it_was_asked(
    desk, session, uow, sample, page
):
    with uow() as tx:
        other = make_subscriber(tx, "anna@else.example", NOW)
    at = desk("privacy")
    at.post(f"{page}/join", {"other_id": other.id})
    assert "anna@else.example" in at.get(f"{page}/erase").text
    assert at.post(f"{page}/erase", {"how": ""}).status_code == 422
    assert at.post(f"{page}/erase", {"how": "letter"}).status_code == 303
    assert at.get(page).status_code == 404
    left = session.scalars(sa.select(Subscriber.address)).all()
    assert left == ["bert@example.org"]
    assert desk("service").get(f"/studio/subscribers/{other.id}/erase").status_code == 403


@pytest.mark.parametrize("part", ["", "/correct", "/erase"])
def test_l37_a_look_is_told_of_the_person_whichever_page_it_was(desk, session, sample, page, part):
    assert desk("privacy").get(page + part).status_code == 200
    seen = sa.select(AuditEntry.subject, AuditEntry.subject_id).where(
        AuditEntry.action == "subscriber.viewed"
    )
    assert session.execute(seen).all() == [("subscriber", sample["subscriber_id"])]
    log = desk("administrator").get("/studio/audit").text
    assert f"<td>Subscriber {sample['subscriber_id']}</td>" in log


@pytest.mark.parametrize(("own", "word"), [("en", "German"), ("de", "Deutsch")])
def test_a_language_is_called_as_the_operator_calls_it(desk, sample, page, own, word):
    at = desk("administrator", own)
    for path in (f"{page}/correct", f"/studio/lists/{sample['list_id']}/edit"):
        assert f">{word}</option>" in at.get(path).text
    assert f"<dd>{word}</dd>" in at.get(f"/studio/lists/{sample['list_id']}").text

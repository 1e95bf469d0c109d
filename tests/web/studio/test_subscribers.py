"""Finding people, seeing all that happened to their consents, and writing down what they say."""

from __future__ import annotations

import html
import json
import re
from urllib.parse import urlencode

import pytest
import sqlalchemy as sa

from listmgr.consent.models import Consent
from listmgr.consent.proof import verify
from listmgr.kit.clock import now
from listmgr.operators.audit_actions import AuditAction
from listmgr.operators.models import AuditEntry
from listmgr.search import (
    counts,
    query_planner,
    results,
)
from listmgr.suppression.models import Suppression, SuppressionReason
from tests.factories import make_confirmed

PEOPLE = ("anna@example.com", "bert@example.org")


def search_link(**filters: object) -> str:
    return f"/studio/subscribers?{urlencode(filters)}"


def log(session) -> list[tuple[str, int | None]]:
    rows = session.execute(
        sa.select(AuditEntry.action, AuditEntry.subject_id)
        .where(AuditEntry.action != AuditAction.SIGN_IN_SUCCEEDED)
        .order_by(AuditEntry.id)
    )
    return [(action, subject_id) for action, subject_id in rows]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", PEOPLE),
        ("anna", PEOPLE[:1]),
        (" ANNA@Example.com ", PEOPLE[:1]),
        ("anna@exa", PEOPLE[:1]),
        ("@example.org", PEOPLE[1:]),
        ("example.org", PEOPLE[1:]),
        ("nna", PEOPLE[:1]),
        ("ann exam", PEOPLE[:1]),
        ("ann ampl", ()),
        ("anna bert", ()),
        ("a", PEOPLE[:1]),
        ("nn", ()),
        ("änn", PEOPLE),
        ("@example", PEOPLE),
        ("@exam.", ()),
        ("%", ()),
        ("_nna", ()),
        ("an\0na", PEOPLE[:1]),
        ("<script>alert(1)</script>", ()),
        ("' OR 1=1 --", ()),
    ],
)
def test_people_are_found(admin, sample, query, found):
    page = admin.get(search_link(query=query)).text
    assert [address for address in PEOPLE if f">{address}</a>" in page] == list(found)
    assert "<script>alert" not in page


def test_a_very_long_query_finds_nobody(admin, sample):
    assert "No match" in admin.get(search_link(query="x" * 400_000)).text


def test_a_search_that_has_not_looked_at_everybody_says_so_and_leads_on(admin, sample, monkeypatch):
    for of, name, number in (
        (query_planner, "MANY", 0),
        (results, "WALK", 1),
        (results, "FURTHER", 1),
    ):
        monkeypatch.setattr(of, name, number)
    page = admin.get(search_link(query="ann exam")).text
    assert "No match among the people checked so far." in page
    assert PEOPLE[0] not in page
    older = re.search(r'rel="next" href="([^"]+)"', page)
    assert older is not None
    page = admin.get(html.unescape(older[1])).text
    assert f">{PEOPLE[0]}</a>" in page


def test_people_are_found_by_list_and_station(admin, sample):
    page = admin.get(search_link(list=sample["list_id"], status="pending")).text
    assert "bert@example.org" in page
    assert "anna@example.com" not in page
    odd = admin.get("/studio/subscribers?list=x&status=nothing&below=" + "9" * 40)
    assert odd.status_code == 200
    assert "anna@example.com" in odd.text


def test_long_lists_go_on_page_by_page(admin, uow, sample):
    from listmgr.lists.models import Notice

    with uow() as tx:
        notice = tx.session.scalars(sa.select(Notice)).one()
        for number in range(60):
            make_confirmed(tx, f"p{number}@many.example", notice, now())
    first = admin.get("/studio/subscribers").text
    assert "62 people" in first
    assert "p59@many.example" in first
    assert "anna@example.com" not in first
    older = first.split('rel="next" href="')[1].split('"')[0].replace("&amp;", "&")
    second = admin.get(older).text
    assert "anna@example.com" in second
    assert "p59@many.example" not in second
    assert 'rel="next"' not in second


def test_fields_and_languages_are_called_as_the_reader_calls_them(admin, sample):
    admin.post("/studio/account/language", {"language": "de"})
    assert '<option value="first_name">Vorname</option>' in admin.get("/studio/subscribers").text
    assert "<dt>Sprache</dt><dd>Deutsch</dd>" in admin.get("/studio/subscribers/1").text


def test_a_person_is_shown_with_the_whole_history(admin, sample):
    page = admin.get(f"/studio/subscribers/{sample['subscriber_id']}").text
    assert "Ja, ich möchte den Rundbrief" in page
    assert page.index("Confirmed from the mailbox") < page.index("Captured")
    assert "Änne" in page


def test_l37_looks_at_a_person_and_a_proof_are_logged(desk, sample, session):
    at = desk("auditor")
    one, consent = sample["subscriber_id"], sample["consent_id"]
    at.get(f"/studio/subscribers/{one}")
    at.get(f"/studio/subscribers/consents/{consent}/proof")
    at.get(f"/studio/subscribers/consents/{consent}/proof.json")
    at.get("/studio/lists")
    seen = log(session)
    assert ("subscriber.viewed", one) in seen
    assert ("consent.proof_viewed", consent) in seen
    assert ("consent.proof_exported", consent) in seen
    # Of an auditor every look is logged.
    assert ("page.viewed", None) in seen
    assert "anna" not in str(session.execute(sa.select(AuditEntry.details)).all())


def test_others_looks_at_ordinary_pages_are_not(admin, sample, session):
    admin.get("/studio/lists")
    admin.get(f"/studio/subscribers/{sample['subscriber_id']}")
    assert log(session) == [("subscriber.viewed", sample["subscriber_id"])]


@pytest.mark.parametrize("way", ["reply", "phone", "letter", "in_person"])
def test_l13_a_withdrawal_is_written_down_on_the_persons_word(desk, sample, session, way):
    at = desk("service")
    path = f"/studio/subscribers/{sample['subscriber_id']}/consents/{sample['consent_id']}/withdraw"
    assert at.post(path, {"how": way}).status_code == 303
    assert session.get_one(Consent, sample["consent_id"]).status == "withdrawn"
    page = at.get(f"/studio/subscribers/{sample['subscriber_id']}").text
    assert "Ada Service" in page
    assert '<dt>recorded by</dt><dd class="lines breaks">staff</dd>' in page
    assert "/withdraw" not in page
    # Pressing it twice is fine, and says so no differently.
    assert at.post(path, {"how": way}).status_code == 303


@pytest.mark.parametrize("way", ["", "page", "one-click", "x" * 1000, "phone\0"])
def test_a_withdrawal_needs_its_way(admin, sample, session, way):
    path = f"/studio/subscribers/{sample['subscriber_id']}/consents/{sample['consent_id']}/withdraw"
    answer = admin.post(path, {"how": way})
    assert answer.status_code == 422
    assert "Choose how the person asked" in answer.text
    assert session.get_one(Consent, sample["consent_id"]).status == "confirmed"


def test_a_consent_of_somebody_else_is_not_touched(admin, sample, session):
    path = f"/studio/subscribers/{sample['subscriber_id'] + 1}/consents/1/withdraw"
    assert admin.post(path, {"how": "phone"}).status_code == 404
    assert session.get_one(Consent, sample["consent_id"]).status == "confirmed"


def test_l13_an_objection_ends_everything_and_blocks_the_address(admin, sample, session):
    path = f"/studio/subscribers/{sample['subscriber_id']}/object"
    assert admin.post(path, {"how": "letter"}).status_code == 303
    assert admin.post(path, {"how": "letter"}).status_code == 303
    assert session.get_one(Consent, sample["consent_id"]).status == "withdrawn"
    [block] = session.scalars(sa.select(Suppression)).all()
    assert block.reason is SuppressionReason.OBJECTED
    assert "This address is blocked" in admin.get(path.removesuffix("/object")).text


def test_l16_no_button_gives_back_what_was_taken(admin, sample, app):
    admin.post(f"/studio/subscribers/{sample['subscriber_id']}/object", {"how": "phone"})
    page = admin.get(f"/studio/subscribers/{sample['subscriber_id']}").text
    actions = [part.split('"')[0] for part in page.split('action="')[1:]]
    person = f"/studio/subscribers/{sample['subscriber_id']}"
    assert actions == ["/studio/sign-out", f"{person}/own-data", f"{person}/restrict"]
    names = " ".join(rule.rule for rule in app.url_map.iter_rules() if "POST" in rule.methods)
    for word in ("confirm", "resubscribe", "lift", "unsuppress", "unblock"):
        assert f"/studio/{word}" not in names
        assert f">/{word}" not in names


def test_l01_the_proof_is_shown_printed_and_handed_on(desk, sample):
    at = desk("privacy")
    path = f"/studio/subscribers/consents/{sample['consent_id']}/proof"
    page = at.get(path).text
    assert "Verified: all 3 entries" in page
    assert "Ja, ich möchte den Rundbrief" in page
    assert "anna@example.com" in page
    text = at.get(f"{path}.txt")
    assert text.mimetype == "text/plain"
    assert "notice_version: 1" in text.text
    file = at.get(f"{path}.json")
    assert "attachment" in file.headers["Content-Disposition"]
    assert verify(json.loads(file.text)) == 3


def test_what_is_not_there_is_said(admin, sample):
    for path in ("/studio/subscribers/99", "/studio/subscribers/consents/99/proof"):
        answer = admin.get(path)
        assert answer.status_code == 404
        assert "There is nothing here" in answer.text
    for number in ("0", "-1", "9" * 30, "1e3", "x"):
        assert admin.get(f"/studio/subscribers/{number}").status_code == 404


def test_nobody_estimates_how_many_stand_on_one_page(admin, sample, monkeypatch):
    # As if counting were dear and the planner wrong, as after an import of many thousands.
    monkeypatch.setattr(counts, "DEAR", -1.0)
    assert ">1 person<" in admin.get(search_link(query="anna")).text
    offered = admin.get("/studio/bulk/new?scope=found&query=anna").text
    assert re.search(r"<strong>1</strong>\s+person\b", offered)


def test_what_was_recorded_is_named_in_the_officers_language(desk, sample):
    page = f"/studio/subscribers/{sample['subscriber_id']}"
    told = desk("privacy", language="de").get(page).text
    assert "<dt>Fassung des Einwilligungstextes</dt>" in told
    assert "<dt>notice version</dt>" not in told
    assert "<dt>version of the words</dt>" in desk("auditor").get(page).text

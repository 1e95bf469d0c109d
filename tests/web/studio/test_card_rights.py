"""Who is known only from a business card has the same rights, asked for at the same place."""

from __future__ import annotations

import json
import re
from urllib.parse import urlencode

import pytest
import sqlalchemy as sa

from listmgr.cards.models import Card
from listmgr.consent.models import Consent
from listmgr.operators.models import AuditEntry
from listmgr.privacy.models import ErasureEntry
from listmgr.subscribers.models import Subscriber
from listmgr.suppression.models import Suppression
from tests.cards.corrections import (
    kept,
    typed,
)

IDA = "ida@theater.example"


@pytest.fixture
def officer(desk):
    return desk("privacy")


@pytest.fixture
def card(uow, sales) -> Card:
    with uow() as tx:
        return kept(tx, sales.operator.id, IDA)


@pytest.fixture
def page(card) -> str:
    return f"/studio/cards/{card.id}"


def find(at, query: str) -> str:
    return at.get("/studio/subscribers?" + urlencode({"query": query})).text.split('id="main"')[1]


def acts(session) -> list[tuple[str, dict]]:
    session.rollback()
    rows = session.execute(sa.select(AuditEntry.action, AuditEntry.details).order_by(AuditEntry.id))
    return [tuple(row) for row in rows if row[0].startswith(("card.", "subscriber."))]


@pytest.mark.parametrize("query", ["Ida@Theater.example", "ida@th", " IDA"])
def test_the_search_for_people_finds_the_card_and_says_where_it_is_from(officer, page, query):
    found = find(officer, query)
    assert f'href="{page}"' in found
    for told in ("no subscriber", "typed by hand", "Buchmesse", "Ada Sales", "Zoë Öztürk"):
        assert told in found
    assert "known only from a business card" in found
    assert "No matches" not in found


def test_who_is_a_subscriber_too_is_found_as_both(officer, page, sample, uow, sales):
    with uow() as tx:
        both = kept(tx, sales.operator.id, "anna@example.com").id
    found = find(officer, "anna@example.com")
    assert f'href="/studio/cards/{both}"' in found
    assert f'href="/studio/subscribers/{sample["subscriber_id"]}"' in found
    assert "no subscriber" not in found
    theirs = officer.get(f"/studio/cards/{both}").text
    assert "This person is a subscriber too." in theirs
    assert f'href="/studio/subscribers/{sample["subscriber_id"]}"' in theirs
    for act in ("own-data", "restrict", "erase"):
        assert f"/studio/cards/{both}/{act}" not in theirs
        answer = officer.post(f"/studio/cards/{both}/{act}", {"how": "letter"})
        assert answer.status_code == 409
        assert "is done there" in answer.text


def test_who_does_not_see_the_teams_cards_finds_none(desk, page):
    assert page not in find(desk("service"), IDA)


def test_l31_the_file_of_a_card_says_all_of_it_and_why(officer, page, card, session):
    assert officer.post(f"{page}/own-data").status_code == 422
    answer = officer.post(f"{page}/own-data", {"how": "letter"})
    assert "attachment" in answer.headers["Content-Disposition"]
    told = json.loads(answer.text)
    [held] = told["business_cards"]
    assert told["known_by"] == "business card"
    assert held["words"] == {
        "address": IDA,
        "first_name": "Zoë",
        "last_name": "Öztürk",
        "company": "Linde GmbH",
    }
    assert held["taken"][0]["said"] == "will den Katalog"
    assert held["taken"][0]["occasion"] == "Buchmesse"
    assert "gave their card" in held["purpose"]
    assert held["legal_basis"]
    assert "Ada Sales" not in answer.text
    assert ("card.data_exported", {"method": "letter"}) in acts(session)


def test_l31_a_subscribers_file_is_the_same_file(officer, page, sample, session):
    of_card = json.loads(officer.post(f"{page}/own-data", {"how": "letter"}).text)
    path = f"/studio/subscribers/{sample['subscriber_id']}"
    assert f'action="{path}/own-data"' in officer.get(path).text
    told = json.loads(officer.post(f"{path}/own-data", {"how": "phone"}).text)
    assert told.keys() == of_card.keys()
    assert told["fields"][0]["value"] == "anna@example.com"
    assert told["subscriptions"][0]["status"] == "confirmed"
    assert ("subscriber.data_exported", {"method": "phone"}) in acts(session)
    assert "Data of a subscriber handed out" in officer.get(path).text


def test_the_file_speaks_the_officers_language(desk, page):
    held = json.loads(desk("privacy", "de").post(f"{page}/own-data", {"how": "letter"}).text)
    assert held["business_cards"][0]["purpose"].startswith("Um denen zu antworten")


def test_l33_a_restricted_card_is_withheld_from_sales_until_it_is_lifted(
    officer, sales, page, session
):
    assert officer.post(f"{page}/restrict").status_code == 303
    assert IDA not in sales.get("/studio/cards?heap=kept").text
    assert "heap=restricted" not in sales.get("/studio/cards").text
    withheld = sales.get(page).text
    assert "Processing is restricted since" in withheld
    for word in (IDA, "Zoë", "Linde"):
        assert word not in withheld
    for act in ("keep", "discard", "notice", "ask", "statement", "reply", "sign-up"):
        assert sales.post(f"{page}/{act}").status_code in (404, 409), act
    theirs = officer.get(page).text
    assert IDA in theirs
    assert f'action="{page}/end-restriction"' in theirs
    assert f"{page}/erase" not in theirs
    assert IDA in officer.get("/studio/cards?heap=restricted").text
    assert "restricted" in find(officer, IDA)
    assert officer.post(f"{page}/erase", {"how": "letter"}).status_code == 409
    assert officer.post(f"{page}/end-restriction").status_code == 422
    assert officer.post(f"{page}/end-restriction", {"told": "mail"}).status_code == 303
    assert IDA in sales.get("/studio/cards?heap=kept").text
    assert "heap=restricted" not in officer.get("/studio/cards").text
    assert [act for act, _ in acts(session) if "restrict" in act] == [
        "card.restricted",
        "card.restriction_lifted",
    ]


def test_l31_an_officer_sees_all_that_a_card_says_before_anybody_has_reviewed_it(
    officer, uow, sales
):
    with uow() as tx:
        card = typed(tx, sales.operator.id, IDA)
        card.job_title, card.phone, card.note = "Einkauf", "+49 30 1", "am Stand"
    theirs = officer.get(f"/studio/cards/{card.id}").text
    for told in ("Zoë Öztürk", "Linde GmbH", "Einkauf", "+49 30 1", "am Stand"):
        assert told in theirs


def test_an_administrator_may_look_at_a_restricted_card_and_not_work_on_it(admin, page):
    admin.post(f"{page}/restrict")
    theirs = admin.get(page).text.split('id="main"')[1]
    forms = re.findall(r'<form[^>]* action="([^"]*)"', theirs)
    assert forms == [f"{page}/own-data", f"{page}/end-restriction"]


def test_l15_an_erased_card_leaves_a_block_and_the_journal(officer, page, session, sales):
    asked = officer.get(f"{page}/erase").text
    assert "This cannot be undone" in asked
    assert "fingerprint that blocks the address" in asked
    assert officer.post(f"{page}/erase").status_code == 422
    assert officer.post(f"{page}/erase", {"how": "letter"}).location == "/studio/subscribers"
    session.rollback()
    assert session.scalars(sa.select(Card)).all() == []
    assert session.scalars(sa.select(Suppression.reason)).all() == ["erased"]
    assert session.scalars(sa.select(ErasureEntry.subscriber_id)).all() == [None]
    assert ("card.erased", {"method": "letter"}) in acts(session)
    words = {"address": IDA, "first_name": "Ida"}
    sales.post("/studio/cards/type", words)
    session.rollback()
    assert session.scalars(sa.select(Card.status)).all() == ["objected"]
    assert session.scalars(sa.select(Subscriber)).all() == []
    assert session.scalars(sa.select(Consent)).all() == []


def test_l37_who_may_answer_for_a_card(desk, sales, page, session):
    may = {
        "own-data": {"privacy", "administrator"},
        "restrict": {"privacy", "administrator"},
        "end-restriction": {"privacy", "administrator"},
        "erase": {"privacy", "administrator"},
    }
    for role in ("marketer", "service", "head_of_sales", "auditor"):
        at = desk(role)
        for act in may:
            assert at.post(f"{page}/{act}", {"how": "letter"}).status_code in (403, 404)
        assert at.get(f"{page}/erase").status_code in (403, 404)
    for act in may:
        assert sales.post(f"{page}/{act}", {"how": "letter"}).status_code == 403
    assert session.scalars(sa.select(Card.restricted_at)).all() == [None]

"""The page of a person's own data: reached from the preferences, read, put right, taken along."""

from __future__ import annotations

import json
import re
from datetime import timedelta

import pytest
import sqlalchemy as sa
from babel.dates import format_date

from listmgr.cards.models import Card
from listmgr.cards.outreach import consent_statement
from listmgr.cards.outreach.reply import (
    ReplyWords,
    write_reply,
)
from listmgr.cards.privacy_notice import record_notice_given
from listmgr.kit.clock import now
from listmgr.kit.tokens import TokenPurpose, make_token
from listmgr.operators.accounts import create_operator
from listmgr.operators.models import AuditEntry
from listmgr.privacy.erasure import erase
from listmgr.subscribers.custom_fields import archive_field
from listmgr.subscribers.models import Subscriber
from tests.cards.corrections import (
    VCARD,
    hand_in,
    kept,
)
from tests.factories import (
    make_confirmed,
    make_field,
    make_list,
)

ALL = {"first_name": "Anna", "last_name": "", "company": "", "language": "de"}


@pytest.fixture
def anna(uow, notice):
    """Subscribed, with a text, a date, a special and an archived value, tags and a note."""
    with uow() as tx:
        make_field(tx, retention_months="24")
        make_field(tx, key="born", kind="date", label_de="Geburtstag")
        make_field(
            tx, key="diet", label_de="Kost", category="special", special_reason="Art. 9(2)(a)"
        )
        archive_field(tx, make_field(tx, key="old", label_de="Altes").id, at=now())
        found = make_confirmed(tx, "anna@example.com", notice, now()).subscriber
        found.attributes = {"city": "Köln", "born": "1999-12-31", "diet": "vegan", "old": "x"}
        found.tags, found.basis_note = ["Messe"], "Vertrag 2019"
        return found.id


@pytest.fixture
def page(client, settings, anna, mailbox, work):
    """The way there: from the preferences, by a link that only the mailbox gets."""
    token = make_token(settings.secret_keys, TokenPurpose.PREFERENCES, anna)
    asked = client.post(f"/p/{token}/data?lang=de")
    assert asked.status_code == 200
    assert "/d/" not in client.get(f"/p/{token}").text + asked.text
    work()
    text = mailbox.to("anna@example.com")[-1].get_body(("plain",)).get_content()
    [link] = re.findall(r"https://news\.example\.org(/d/\S+)", text)
    return link


def test_t07_a_link_passed_on_shows_no_data_and_floods_no_mailbox(
    client, settings, anna, mailbox, work
):
    token = make_token(settings.secret_keys, TokenPurpose.PREFERENCES, anna)
    for _ in range(5):
        shown = client.post(f"/p/{token}/data").text
        assert "Köln" not in shown
    work()
    subjects = [mail["Subject"] for mail in mailbox.to("anna@example.com")]
    assert subjects.count("Der Link zu Ihren Daten") == 3


def person(session, subscriber_id):
    session.rollback()
    return session.get_one(Subscriber, subscriber_id, populate_existing=True)


def test_l31_everything_we_hold_is_shown_with_why_and_for_how_long(client, page):
    shown = client.get(f"{page}?lang=de")
    told = " ".join(shown.text.split())
    for part in ("anna@example.com", "Köln", "1999-12-31", "vegan", "Altes", "Messe", "Änne"):
        assert part in told
    for part in ("Vertrag 2019", "To invite to what happens near by.", "24 Monate nach dem Ende"):
        assert part in told
    assert "Einwilligung, Art. 6 Abs. 1 lit. a DSGVO" in told
    assert "Um die Person in unseren E-Mails mit Namen anzusprechen." in told
    assert "Set-Cookie" not in shown.headers
    assert "<script" not in told
    assert 'name="email"' not in told
    assert 'name="old"' not in told


def test_l32_the_person_puts_it_right_and_the_log_tells_which_fields_not_what(
    client, page, anna, session
):
    values = ALL | {"city": "Bonn", "born": "", "diet": "vegan", "old": "y", "email": "b@x.example"}
    shown = client.post(f"{page}?lang=de", data=values)
    assert shown.status_code == 200
    assert "Gespeichert" in shown.text
    found = person(session, anna)
    assert found.attributes == {"city": "Bonn", "diet": "vegan", "old": "x"}
    assert (found.first_name, found.address) == ("Anna", "anna@example.com")
    [entry] = session.scalars(sa.select(AuditEntry).filter_by(action="subscriber.corrected"))
    assert entry.details == {"fields": ["born", "city", "first_name"], "by": "the person"}
    assert (entry.subject_id, entry.operator_id) == (anna, None)


def test_a_mistake_is_told_in_their_language_and_loses_nothing(client, page, anna, session):
    values = ALL | {"city": "Bonn <b>", "born": "gestern"}
    shown = client.post(f"{page}?lang=de", data=values)
    assert shown.status_code == 422
    assert "Geburtstag: Bitte schreiben Sie das Datum" in shown.text
    assert 'value="gestern"' in shown.text
    assert 'value="Bonn &lt;b&gt;"' in shown.text
    assert person(session, anna).attributes["city"] == "Köln"


def test_l33_it_is_taken_along_as_a_file(client, page):
    answer = client.get(f"{page}/data.json")
    assert "attachment" in answer.headers["Content-Disposition"]
    told = json.loads(answer.text)
    values = {one["key"]: one["value"] for one in told["fields"]}
    assert values["city"] == "Köln"
    assert values["email"] == "anna@example.com"
    assert all(one["purpose"] and one["legal_basis"] for one in told["fields"])
    assert (told["tags"], told["basis_note"]) == (["Messe"], "Vertrag 2019")
    assert [one["status"] for one in told["subscriptions"]] == ["confirmed"]


def test_t20_no_other_link_opens_it_and_it_closes_after_a_day(client, page, anna, settings, clock):
    for door in TokenPurpose:
        if door is not TokenPurpose.MY_DATA:
            token = make_token(settings.secret_keys, door, anna)
            assert client.get(f"/d/{token}").status_code == 404
            assert client.get(f"/d/{token}/data.json").status_code == 404
            assert client.post(f"/d/{token}", data=ALL).status_code == 404
    assert client.get(page).status_code == 200
    clock(timedelta(days=1, minutes=1))
    assert client.get(page).status_code == 404
    # What was being written then is still taken.
    assert client.post(page, data=ALL | {"city": "Bonn"}).status_code == 200


@pytest.fixture
def card(uow, notice, anna, page):
    """Her card, taken at a fair and answered; and somebody else's, taken there too."""
    with uow() as tx:
        ada = create_operator(tx, email="a@example.org", name="Ada", role="sales", at=now())
        kept(tx, ada.id, "other@example.com", occasion="Gamescom")
        found = kept(tx, ada.id, "Anna@Example.com")
        consent_statement.store_statement(
            tx,
            found.id,
            None,
            purpose_id=make_list(tx, "fairs")[2].purpose_id,
            words="Sie bat am Stand um den Messebrief.",
            operator_id=ada.id,
            at=now(),
        )
        words = ReplyWords("Unser Gespräch", "Danke,\nbis bald!")
        write_reply(tx, found.id, None, words, list_id=1, operator_id=ada.id, at=now())
        record_notice_given(tx, found.id, None, operator_id=ada.id, at=now())
        return found


CARD_TOLD = (
    "Ihre Visitenkarte",
    "Linde GmbH",
    "Buchmesse",
    "Vertrieb, von Hand getippt",
    "will den Katalog",
    "Sie bat am Stand um den Messebrief.",
    "Unser Gespräch",
    "bis bald!",
    "persönlich",
    "Berechtigte Interessen",
)


def test_l31_a_business_card_is_shown_with_where_it_is_from_and_when_it_goes(client, page, card):
    told = " ".join(client.get(f"{page}?lang=de").text.split())
    assert [part for part in CARD_TOLD if part not in told] == []
    assert f"Wird am {format_date(card.delete_at, 'long', locale='de')} gelöscht" in told
    # Staff is named by role, and nobody else's card is there.
    assert "Ada" not in told
    assert "other@example.com" not in told
    assert "Gamescom" not in told
    english = client.get(f"{page}?lang=en").text
    assert "Your business card" in english
    assert "Legitimate interests" in english


def test_l31_a_card_nobody_has_looked_at_shows_what_was_read(client, page, uow, card):
    with uow() as tx:
        ben = create_operator(tx, email="b@example.org", name="Ben", role="sales", at=now())
        erased = tx.session.get_one(Card, card.id)
        tx.session.delete(erased)
    two = VCARD.format(address="anna@example.com").replace("TEL", "TEL:0171 22\r\nTEL")
    hand_in(uow, ben.id, two.encode())
    told = client.get(f"{page}?lang=de").text
    assert "0171 22" in told
    assert "+49 30 1234567" in told


def test_l33_the_card_is_in_the_file_too(client, page, card):
    [told] = json.loads(client.get(f"{page}/data.json").text)["business_cards"]
    assert told["words"]["company"] == "Linde GmbH"
    assert told["taken"][0]["occasion"] == "Buchmesse"
    assert told["taken"][0]["by"] == "sales"
    assert told["replies"][0]["body"] == "Danke,\nbis bald!"
    assert told["statement"]["words"] == "Sie bat am Stand um den Messebrief."
    assert told["deleted_at"] == card.delete_at.isoformat()


def test_l33_restricted_data_are_shown_and_not_changed(client, page, anna, uow, session):
    with uow() as tx:
        tx.session.get_one(Subscriber, anna).restricted_at = now()
    shown = client.get(f"{page}?lang=de").text
    assert "eingeschränkt" in shown
    assert "<form" not in shown
    assert client.post(page, data=ALL | {"city": "Bonn"}).status_code == 422
    assert person(session, anna).attributes["city"] == "Köln"


def test_who_is_gone_is_told_nothing(client, page, anna, uow):
    with uow() as tx:
        erase(tx, [anna], actor="operator:1", at=now())
    assert "Köln" not in client.get(page).text
    assert client.get(f"{page}/data.json").status_code == 404
    assert client.post(page, data=ALL).status_code == 200


def test_t21_the_links_secret_stands_in_no_log(client, page, app, caplog):
    app.logger.warning("GET %s/data.json", page)
    secret = page.removeprefix("/d/")
    assert secret not in caplog.text

"""Fields on a sign-up form: asked without script, kept apart until the person has confirmed."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
import sqlalchemy as sa

from listmgr import jobs
from listmgr.consent.models import SignupAnswers
from listmgr.kit.clock import now
from listmgr.lists.models import SignupForm, SignupFormField
from listmgr.subscribers.custom_fields import archive_field
from listmgr.subscribers.field_assignment import set_values
from listmgr.subscribers.models import Subscriber
from tests.factories import (
    make_confirmed,
    make_field,
    make_subscriber,
)
from tests.web.public.conftest import (
    confirm_path,
    form_values,
)
from tests.web.public.test_signup import Boxes

KINDS = {
    "city": {"kind": "text"},
    "size": {"kind": "number", "label_de": "Größe", "label_en": "Size"},
    "born": {"kind": "date", "label_de": "Geburtstag", "label_en": "Birthday"},
    "guest": {"kind": "yes_no", "label_de": "Gast", "label_en": "Guest"},
    "colour": {"kind": "choice", "choices": "rot\nblau", "label_de": "Farbe"},
}
GOOD = {"city": "Köln", "size": "42,5", "born": "31.12.1999", "guest": "true", "colour": "blau"}
KEPT = {"city": "Köln", "size": "42.5", "born": "1999-12-31", "guest": "true", "colour": "blau"}


@pytest.fixture
def asking(uow, notice):
    """The form "news" asks for one field of each kind; the first is required."""
    with uow() as tx:
        form = tx.session.scalars(sa.select(SignupForm).filter_by(slug="news")).one()
        for place, (key, told) in enumerate(KINDS.items(), start=3):
            make_field(tx, key=key, **told)
            form.asks.append(SignupFormField(key=key, position=place, required=key == "city"))
    return notice


def person(session, address="anna@example.com"):
    session.rollback()
    return session.scalars(sa.select(Subscriber).filter_by(address_key=address)).one()


def answers(session):
    session.rollback()
    return session.scalars(sa.select(SignupAnswers)).all()


@pytest.mark.parametrize("path", ["/s/news", "/s/news/embed.txt"])
def test_fields_are_asked_without_script_and_yes_is_no_box(client, asking, path):
    page = client.get(f"{path}?lang=de").text
    for label in ("Ort", "Größe", "Geburtstag", "Gast", "Farbe"):
        assert label in page
    assert re.search(r'name="city" required', page)
    assert page.count(" required") == 2
    assert {box["name"] for box in Boxes(page).found} == {"notice"}
    assert "<script" not in page
    assert '<option value="true">Ja</option>' in page


def test_wrong_answers_are_told_in_the_visitors_language_and_lose_nothing(client, asking, session):
    bad = {"size": "viel <b>", "born": "2026-02-30", "guest": "true", "colour": "gelb"}
    page = client.post("/s/news?lang=de", data=form_values(asking, **bad))
    assert page.status_code == 422
    for said in (
        "Ort: Bitte füllen Sie dies aus.",
        "Größe: Bitte schreiben Sie eine Zahl ohne Tausenderpunkte",
        "Geburtstag: Diesen Tag gibt es nicht.",
        "Farbe: Bitte wählen Sie eine der angebotenen Antworten.",
    ):
        assert said in page.text
    assert 'value="viel &lt;b&gt;"' in page.text
    assert 'value="2026-02-30"' in page.text
    assert '<option value="true" selected>Ja</option>' in page.text
    assert session.scalar(sa.text("SELECT count(*) FROM signups")) == 0


def test_a_question_about_the_address_carries_the_answers_along(client, asking):
    values = form_values(asking, "anna@gmial.com", **GOOD)
    page = client.post("/s/news?lang=en", data=values).text
    assert "Did you mean" in page
    for key, typed in GOOD.items():
        assert f'<input type="hidden" name="{key}" value="{typed}">' in page


def test_answers_are_written_when_the_person_confirms_and_not_before(
    client, asking, work, mailbox, session
):
    values = form_values(asking, first_name="Anna", **GOOD)
    assert client.post("/s/news", data=values).status_code == 303
    work()
    found = person(session)
    assert (found.attributes, found.first_name) == ({}, "")
    path = confirm_path(mailbox.to("anna@example.com")[0])
    shown = client.get(path).text
    assert "31.12.1999" in shown
    assert "42,5" in shown
    client.post(path)
    found = person(session)
    assert (found.attributes, found.first_name) == (KEPT, "Anna")
    assert answers(session) == []
    # A second click writes nothing again.
    found.attributes = {"city": "Bonn"}
    session.commit()
    client.post(path)
    assert person(session).attributes == {"city": "Bonn"}


def test_a_stranger_overwrites_nothing_of_a_known_person(
    client, asking, uow, work, mailbox, session
):
    with uow() as tx:
        set_values(tx.session, make_subscriber(tx, "anna@example.com", now()), {"city": "Köln"})
    client.post("/s/news", data=form_values(asking, city="Nirgendwo", first_name="Eve"))
    work()
    assert person(session).attributes == {"city": "Köln"}
    # "This was not me" forgets what the stranger typed.
    path = confirm_path(mailbox.to("anna@example.com")[0])
    client.post(f"{path}/not-me")
    assert answers(session) == []
    assert person(session).attributes == {"city": "Köln"}
    assert person(session).first_name == "Änne"


def test_t10_the_answer_is_the_same_for_known_and_unknown_people(client, asking, uow, work):
    with uow() as tx:
        set_values(
            tx.session,
            make_subscriber(tx, "known@example.com", now() - timedelta(days=90)),
            {"city": "Köln"},
        )
        make_confirmed(tx, "known@example.com", asking, now() - timedelta(days=90))
    for values in (GOOD, {}, {"city": "x", "size": "wrong"}):
        told = set()
        for address in ("known@example.com", "stranger@example.com"):
            answer = client.post("/s/news", data=form_values(asking, address, **values))
            told.add((answer.status_code, answer.location, answer.text.replace(address, "")))
        assert len({(code, where) for code, where, _text in told}) == 1
        assert len({re.sub(r'name="began" value="[^"]*"', "", text) for _, _, text in told}) == 1


def test_who_is_subscribed_already_is_not_changed_by_a_sign_up(client, asking, uow, work, session):
    with uow() as tx:
        make_confirmed(tx, "anna@example.com", asking, now() - timedelta(days=90))
    client.post("/s/news", data=form_values(asking, city="Nirgendwo"))
    work()
    assert person(session).attributes == {}
    assert answers(session) == []


def test_a_field_archived_before_the_click_is_left_out(client, asking, uow, work, mailbox, session):
    client.post("/s/news", data=form_values(asking, **GOOD))
    work()
    with uow() as tx:
        archive_field(tx, 1, at=now())
    client.post(confirm_path(mailbox.to("anna@example.com")[0]))
    assert person(session).attributes == {k: v for k, v in KEPT.items() if k != "city"}
    assert "Ort" not in client.get("/s/news?lang=de").text


def test_l07_what_nobody_confirmed_is_forgotten(client, asking, uow, work, session, clock, app):
    with uow() as tx:
        make_confirmed(tx, "anna@example.com", asking, now())
        make_subscriber(tx, "anna@example.com", now())
    client.post("/s/news", data=form_values(asking, "new@example.com", **GOOD))
    work()
    assert len(answers(session)) == 1
    clock(timedelta(days=8))
    with app.app_context():
        jobs.expire_consents()
    assert answers(session) == []


def test_t17_hostile_values_are_refused_or_kept_as_text(client, asking, work, mailbox, session):
    for hostile in ("a\r\nBcc: x@example.org", "\0", "a\u2028b", "x" * 301):
        answer = client.post("/s/news?lang=en", data=form_values(asking, city=hostile))
        assert answer.status_code == 422
    script = "<script>alert(1)</script>{{ 7*7 }}"
    client.post("/s/news", data=form_values(asking, city=script))
    work()
    page = client.get(confirm_path(mailbox.to("anna@example.com")[0])).text
    assert "<script>" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;{{ 7*7 }}" in page

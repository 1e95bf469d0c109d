"""The whole way over HTTP and SMTP: sign up, confirm, change one's mind, leave."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
import sqlalchemy as sa

from listmgr.consent.models import Consent, ConsentEvidence, ServiceMail, ServiceMailStatus
from listmgr.kit.tokens import TokenPurpose, make_token
from listmgr.subscribers.models import Subscriber
from tests.sink import parse
from tests.web.public.conftest import (
    confirm_path,
    form_values,
    part,
)


def statuses(session) -> list[str]:
    session.expire_all()
    return [
        found.value for found in session.scalars(sa.select(Consent.status).order_by(Consent.id))
    ]


@pytest.fixture
def asked(client, notice, work, mailbox) -> str:
    """Anna has signed up; the path of the link in her mail."""
    assert client.post("/s/news?lang=de", data=form_values(notice)).status_code == 303
    work()
    [mail] = mailbox.to("anna@example.com")
    return confirm_path(mail)


def test_sign_up_and_confirm(client, notice, work, mailbox, session, settings):
    sent = client.post("/s/news?lang=de", data=form_values(notice, first_name="Anna"))
    assert (sent.status_code, sent.location) == (303, "/s/news/thanks?lang=de")
    assert "Bitte sehen Sie in Ihr Postfach" in client.get(sent.location).text
    assert statuses(session) == []
    work()
    [mail] = mailbox.to("anna@example.com")
    assert settings.link(confirm_path(mail)) in part(mail, "plain")
    assert statuses(session) == ["pending"]
    service_mail = session.scalars(sa.select(ServiceMail)).one()
    assert (service_mail.status, service_mail.attempts) == (ServiceMailStatus.SENT, 1)

    page = client.get(confirm_path(mail)).text
    assert "a…@e….com" in page
    assert "anna@example.com" not in page
    assert "News Brief" in page
    confirmed = client.post(confirm_path(mail))
    assert (confirmed.status_code, statuses(session)) == (200, ["confirmed"])
    assert "Sie sind angemeldet" in confirmed.text


def test_the_kept_copy_of_the_mail_opens_nothing(asked, session):
    token = asked.rpartition("/")[2]
    kept = session.scalars(sa.select(ConsentEvidence.content)).all()
    [mail] = [found for content in kept if (found := json.loads(content).get("mail"))]
    for kind in ("plain", "html"):
        text = part(parse(mail.encode()), kind)
        assert token not in text
        assert "/c/" + "x" * len(token) in text
    assert not any(token in content for content in kept)


def test_t03_the_second_press_says_it_is_confirmed_already(client, asked, session):
    for _ in range(3):
        assert "Sie sind angemeldet" in client.post(asked).text
        assert "Sie sind angemeldet" in client.get(asked).text
    actions = session.scalars(sa.text("SELECT action FROM consent_events ORDER BY id")).all()
    assert actions == ["capture", "request", "request_sent", "confirm"]


def test_t05_the_first_link_does_not_revive_what_was_withdrawn(client, asked, session, settings):
    client.post(asked)
    preferences = make_token(settings.secret_keys, TokenPurpose.PREFERENCES, 1)
    client.post(f"/p/{preferences}", data={"everything": "1"})
    assert statuses(session) == ["withdrawn"]
    assert "Diese Anmeldung gilt nicht mehr" in client.post(asked).text
    assert statuses(session) == ["withdrawn"]


def test_this_was_not_me(client, asked, session):
    page = client.post(f"{asked}/not-me")
    assert "Danke für den Hinweis" in page.text
    assert statuses(session) == ["refused"]
    assert "Diese Anmeldung gilt nicht mehr" in client.post(asked).text
    assert statuses(session) == ["refused"]
    assert client.get(f"{asked}/not-me").status_code == 200


def test_l07_on_day_eight_the_link_is_refused_and_the_person_gone(
    client, asked, work, session, clock, mailbox
):
    clock(timedelta(days=8))
    page = client.get(asked)
    assert "Dieser Link ist abgelaufen" in page.text
    assert "Dieser Link ist abgelaufen" in client.post(asked).text
    assert statuses(session) == ["pending"]
    work("expire_consents")
    assert statuses(session) == ["expired"]
    assert session.scalars(sa.select(Subscriber)).all() == []
    # The page still helps: it says which list it was, and where to sign up again.
    after = client.post(asked).text
    assert "Dieser Link ist abgelaufen" in after
    assert "News Brief" in after
    assert "/s/news" in after
    work("sweep_service_mails", "sweep_signups")
    assert len(mailbox.mails) == 1


def test_l11_one_sign_up_is_one_mail_and_there_is_no_reminder(
    client, asked, work, session, clock, mailbox
):
    for day in range(1, 7):
        clock(timedelta(days=day))
        work("sweep_signups", "sweep_service_mails", "expire_consents")
    assert len(mailbox.mails) == 1
    # Nobody but a person's own sign-up makes a question: a captured card or import has none.
    assert session.scalars(sa.text("SELECT count(*) FROM service_mails")).one() == 1


def test_the_mail_speaks_the_language_of_the_page(client, notice, work, mailbox, uow):
    client.post("/s/news?lang=de", data=form_values(notice))
    work()
    assert mailbox.to("anna@example.com")[0]["Subject"] == "Bitte bestätigen Sie Ihre Anmeldung"


@pytest.mark.parametrize(
    ("asked_for", "browser", "spoken"),
    [
        ("", "de-AT,de;q=0.9", "de"),
        ("", "fr", "en"),
        ("?lang=de", "en", "de"),
        ("?lang=xx", "de", "de"),
    ],
)
def test_the_page_speaks_what_was_asked_for_or_the_browsers_language(
    client, notice, asked_for, browser, spoken
):
    page = client.get(f"/s/news{asked_for}", headers={"Accept-Language": browser}).text
    assert f'<html lang="{spoken}">' in page
    other = {"de": "en", "en": "de"}[spoken]
    assert f'href="?lang={other}"' in page


def test_behind_a_link_the_page_speaks_the_subscribers_language(client, asked):
    browser = {"Accept-Language": "en"}
    assert '<html lang="de">' in client.get(asked, headers=browser).text
    assert '<html lang="en">' in client.get(f"{asked}?lang=en", headers=browser).text


def test_every_page_names_the_sender_and_the_imprint(client, asked):
    for path in ("/s/news", "/s/news/thanks", asked):
        page = client.get(path).text
        assert "Hauptstraße 12, 10115 Berlin" in page
        assert "News Brief" in page
        assert "https://news.example.org/privacy" in page

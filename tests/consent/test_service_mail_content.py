"""The four mails that may go before any consent: confirm and already, German and English."""

from __future__ import annotations

import re
from datetime import timedelta
from email import message_from_bytes
from email.policy import default

import pytest
import sqlalchemy as sa

from listmgr.consent.models import ServiceMail
from listmgr.consent.request_confirmation import queue_already_subscribed
from listmgr.consent.service_mail_content import compose_service_mail
from listmgr.kit.mail import as_message
from listmgr.lists.models import MailingList
from listmgr.schema import resource
from listmgr.subscribers.address import parse_address
from tests.conftest import NOW, UnitOfWork
from tests.factories import (
    make_confirmed,
    make_list,
    make_pending,
)

TEMPLATES = resource("templates")
KINDS = ("confirm_subscription", "already_subscribed")
OURS = [
    (kind, language)
    for kind in ("confirm_subscription", "already_subscribed")
    for language in ("de", "en")
]


def letter(uow: UnitOfWork, kind: str, language: str, **of_list: str):
    with uow() as tx:
        notice = make_list(tx, f"{kind}-{language}")[2]
        for name, value in of_list.items():
            setattr(tx.session.get_one(MailingList, 1), name, value)
        if kind == "confirm_subscription":
            consent = make_pending(tx, "anna@example.com", notice, NOW)
            service_mail = tx.session.scalars(sa.select(ServiceMail)).one()
        else:
            consent = make_confirmed(tx, "anna@example.com", notice, NOW - timedelta(days=2))
            service_mail = queue_already_subscribed(
                tx, [consent], parse_address("anna@example.com"), at=NOW
            )
        # The language is the notice's, which never changes; here both are looked at.
        tx.session.expunge(consent)
        consent.language = language
        return compose_service_mail(tx, service_mail, [consent], "the-token", TEMPLATES)


@pytest.mark.parametrize(("kind", "language"), OURS)
def test_l10_our_own_mails_are_sober(uow, kind, language):
    made = letter(uow, kind, language)
    assert "Müller & Töchter GmbH" in made.text
    assert "Hauptstraße 12" in made.text
    assert "Hauptstraße 12" in made.html
    assert "https://news.example.org/privacy" in made.text
    assert {"de": "Datenschutz", "en": "Privacy"}[language] in made.html
    if kind == "confirm_subscription":
        assert "News" not in made.subject
        assert f"{kind.title()}-{language.title()} Brief".casefold() in made.text.casefold()
        assert re.search(r"23\.11\.2026 um 13:00|23 November 2026 at 13:00", made.text)
        assert re.search(r"30\.11\.2026, 13:00|30 November 2026, 13:00", made.text)
        assert made.text.count("https://news.example.org/c/the-token") == 1
    else:
        # T-10: the mailbox learns that it is subscribed, and nothing else.
        assert "Brief" not in made.text
        assert "/c/" not in made.text + made.html
    assert "Änne" not in made.text + made.html


@pytest.mark.parametrize(("kind", "language"), OURS)
def test_m05_m12_our_mails_say_they_are_automatic_and_stand_in_short_lines(uow, kind, language):
    message = as_message(letter(uow, kind, language))
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["Message-ID"].endswith("@news.example.org>")
    assert len(message.get_all("From")) == 1
    assert "List-Unsubscribe" not in message
    octets = message.as_bytes()
    assert max(map(len, octets.split(b"\r\n"))) <= 78
    html = message_from_bytes(octets, policy=default).get_body(("html",)).get_content()
    assert f'<html lang="{language}">' in html

"""A mail server that rejects the login is not silent."""

from __future__ import annotations

from dataclasses import replace

from listmgr.cards.outreach import reply_sender
from listmgr.cards.outreach.reply import ReplyWords, write_reply
from listmgr.consent import service_mail_sender
from listmgr.consent.service_mail_sender import send_service_mail
from listmgr.kit.clock import now
from listmgr.kit.throttled_log import ThrottledLog
from listmgr.schema import resource
from tests.cards.corrections import kept
from tests.factories import (
    make_list,
    make_pending,
)
from tests.sink import Talk, by, scripted


def refuse(talk: Talk) -> None:
    talk.greet("AUTH PLAIN LOGIN")
    while talk.hear():
        talk.say("535 5.7.8 anna@example.com is not allowed")


def test_d04_a_refused_login_is_shown_and_said_once(uow, admin, caplog, monkeypatch):
    monkeypatch.setattr(
        service_mail_sender, "_trouble", ThrottledLog(service_mail_sender._trouble.log_to)
    )
    with uow() as tx:
        notice = make_list(tx)[2]
        for number in range(3):
            make_pending(tx, f"p{number}@example.com", notice, now())
    words = "A mail server rejects the login"
    assert words not in admin.get("/studio/").get_data(as_text=True)
    with scripted(refuse) as account:
        known = replace(account, username="list", password="wrong")
        for number in (1, 2, 3):
            send_service_mail(uow, by(known), resource("templates"), number, now=now)
    assert words in admin.get("/studio/").get_data(as_text=True)
    assert "rejects the login" in admin.get("/studio/senders").get_data(as_text=True)
    assert "rejects the login" in admin.get("/studio/senders/0").get_data(as_text=True)
    said = [record.getMessage() for record in caplog.records if "refuses" in record.getMessage()]
    assert len(said) == 1
    assert "example.com" not in said[0]


def test_d04_a_reply_to_a_card_that_waits_for_the_login_is_shown_too(
    uow, admin, caplog, monkeypatch
):
    log = ThrottledLog(reply_sender._refused_logins.log_to)
    monkeypatch.setattr(reply_sender, "_refused_logins", log)
    me = admin.operator.id
    with uow() as tx:
        make_list(tx)
        words = ReplyWords("Our talk", "Thank you for the talk.")
        card = kept(tx, me)
        letter = write_reply(tx, card.id, None, words, list_id=1, operator_id=me, at=now())
    pages = ("/studio/", "/studio/senders", "/studio/senders/0")
    words_of = lambda: ["rejects the login" in admin.get(page).text for page in pages]  # noqa: E731
    assert words_of() == [False, False, False]
    with scripted(refuse) as account:
        wrong = by(replace(account, username="list", password="wrong"))
        for _ in range(2):
            reply_sender.send_reply(uow, wrong, resource("templates"), letter.id, now=now)
    assert words_of() == [True, True, True]
    said = [record.getMessage() for record in caplog.records if "refuses" in record.getMessage()]
    assert len(said) == 1

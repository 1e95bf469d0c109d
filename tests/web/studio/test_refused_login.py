"""A mail server that refuses the login is not silent."""

from __future__ import annotations

from dataclasses import replace

from listmgr.consent import service_mail_sender
from listmgr.consent.service_mail_sender import send_question
from listmgr.kit.clock import now
from listmgr.kit.throttled_log import ThrottledLog
from listmgr.schema import resource
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
    words = "A mail server refuses the login"
    assert words not in admin.get("/studio/").get_data(as_text=True)
    with scripted(refuse) as account:
        known = replace(account, username="list", password="wrong")
        for number in (1, 2, 3):
            send_question(uow, by(known), resource("templates"), number, now=now)
    assert words in admin.get("/studio/").get_data(as_text=True)
    assert "refuses the login" in admin.get("/studio/senders").get_data(as_text=True)
    said = [record.getMessage() for record in caplog.records if "refuses" in record.getMessage()]
    assert len(said) == 1
    assert "example.com" not in said[0]
